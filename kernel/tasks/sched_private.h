/* sched_private.h - the parts of waking a task that are the same for every pipe and every lock, and
 * therefore inline. Private to kernel/tasks.
 */
#ifndef OCTAVO_SCHED_PRIVATE_H
#define OCTAVO_SCHED_PRIVATE_H

#include "platform.h"
#include "sched.h"
#include "task.h"

#define WAKE_URGENT 0x80u

/* Puts a READY task at the end of a run queue, whose lock is held. */
static inline void
sched_append(struct run_queue *queue, struct task *task)
{
    task->next_ready = NULL;
    if (queue->last != NULL)
        queue->last->next_ready = task;
    else
        queue->first = task;
    queue->last = task;
}

/* The run queue that guards a task's state, locked. Interrupts are off. */
static inline struct run_queue *
sched_lock_of(const struct task *task)
{
    struct run_queue *queue;

    for (;;) {
        queue = __atomic_load_n(&task->queue, __ATOMIC_RELAXED);
        spin_lock_only(&queue->lock);
        if (LIKELY(queue == task->queue))
            return queue;
        spin_unlock_only(&queue->lock);
    }
}

/* The rest of sched_wake when the task may go to another CPU, is not off its stack yet, or is an
 * idle task. Gives the queue's lock back. */
void sched_wake_anywhere(struct run_queue *queue, struct task *task, bool urgent);

/* Makes a task READY when it sleeps in the way `how` or a lighter one; its sleep then answers
 * `reason`. With WAKE_URGENT in `how` whoever runs there has had his turn. True when it did.
 * Interrupts off; the task stays in its wait queue. */
static inline bool
sched_wake(struct task *task, unsigned how, int reason)
{
    struct run_queue *queue = sched_lock_of(task);

    if (task->state - 1u >= (how & ~WAKE_URGENT)) {
        spin_unlock_only(&queue->lock);
        return false;
    }
    task->wake_reason = reason;
    task->state = TASK_READY;
    if (UNLIKELY(cpu_count() > 1 || task == queue->idle)) {
        sched_wake_anywhere(queue, task, how & WAKE_URGENT);
        return true;
    }
    sched_append(queue, task);
    if (how & WAKE_URGENT)
        task_mark(queue->running, TASK_WORK_RESCHED);
    spin_unlock_only(&queue->lock);
    return true;
}

#endif
