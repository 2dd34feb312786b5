/* kernel_lock.h - one lock around what has no locks of its own yet.
 *
 * A task takes it on its way from ring 3 into a part of the kernel that relies on being alone, and
 * gives it back on the way out; whenever it gives up its CPU it lets go of the lock too, and has it
 * again when it goes on. So with any number of CPUs such code finds what it always found: nobody
 * else comes in but where it sleeps or yields. Interrupts never take it. System calls that need it
 * not are listed in kernel/calls/syscall_table.c.
 *
 * With one CPU nobody takes it and it costs nothing.
 */
#ifndef OCTAVO_KERNEL_LOCK_H
#define OCTAVO_KERNEL_LOCK_H

#include "task.h"

/* There is more than one CPU. */
extern bool kernel_lock_used;

/* Takes the lock unless the current task has it. True when kernel_lock_leave has something to give
 * back. Interrupts on. */
bool kernel_lock_take(void);
void kernel_lock_give(void);

MUST_CHECK static inline bool
kernel_lock_enter(void)
{
    return UNLIKELY(kernel_lock_used) && kernel_lock_take();
}

static inline void
kernel_lock_leave(bool taken)
{
    if (UNLIKELY(taken))
        kernel_lock_give();
}

/* A second CPU is about to start: from now on the lock is in use, and the current task has it. */
void kernel_lock_begin(void);

/* Around a switch to another task: the lock, if the task has it, is free meanwhile. Interrupts off,
 * no lock held; while kernel_lock_again waits they are on. */
void kernel_lock_release(void);
void kernel_lock_wait(void);

static inline void
kernel_lock_drop(struct task *task)
{
    if (UNLIKELY(task->kernel_locked)) {
        task->kernel_let_go = true;
        kernel_lock_release();
    }
}

/* For one who may have found that there is nobody to switch to, and kept the lock. */
static inline void
kernel_lock_again(struct task *task)
{
    if (UNLIKELY(task->kernel_let_go)) {
        task->kernel_let_go = false;
        kernel_lock_wait();
    }
}

#endif
