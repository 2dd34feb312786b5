/* workers.h - tasks without a program, for tests of what several do at the same time. */
#ifndef OCTAVO_TESTS_WORKERS_H
#define OCTAVO_TESTS_WORKERS_H

#include "cpu.h"
#include "platform.h"
#include "sched.h"
#include "task.h"

static unsigned workers; /* that have not ended */

/* Starts a task that runs `body` on one of the CPUs in `affinity`; `body` ends with worker_end. */
static inline bool
worker_start(void (*body)(void), uint32_t affinity)
{
    struct task *task = task_create(body);

    if (task == NULL)
        return false;
    task->process = &process_zero;
    task->affinity = affinity;
    __atomic_add_fetch(&workers, 1, __ATOMIC_RELAXED);
    sched_start(task);
    return true;
}

static inline _Noreturn void
worker_end(void)
{
    struct task *me = task_current();

    __atomic_sub_fetch(&workers, 1, __ATOMIC_RELEASE);
    (void)interrupts_disable();
    me->state = TASK_DEAD;
    task_bury(me);
    sched_end();
}

/* Until all have ended. */
static inline void
workers_wait(void)
{
    while (__atomic_load_n(&workers, __ATOMIC_ACQUIRE) != 0)
        task_idle();
    task_reap();
}

#endif
