/* wait_queue.c - who waits for what.
 *
 *   wait_queue ──► task ◄──► task            each waits in at most one
 *
 * A task that is about to sleep joins the queue first, marked as sleeping, then lets go of the lock
 * that guards what it waits for, and only then gives up its CPU. Who changes that thing comes
 * behind the same lock, so he finds it in the queue. When he wakes it while it is still on its way,
 * its state is READY again when it comes to give up the CPU, and it goes on.
 *
 * A wake-up takes the task out of the queue. A signal or a timeout only makes it READY: it takes
 * itself out when it runs, and until then a wake-up passes it by.
 *
 * I1. A task that sleeps is in the queue that waits_in names.
 *
 * Lock: the queue's, before a run queue's. Timers are set and stopped without either.
 */
#include "platform.h"
#include "sched_private.h"
#include "task.h"
#include "timer.h"

/* An interrupt calls: who waited for the outside world should not wait for a slice to end. */
static inline unsigned
urgency(unsigned long flags)
{
    return flags & EFLAGS_IF ? 0 : WAKE_URGENT;
}

/* ---- the queue; its lock is held ---- */

static void
join(struct wait_queue *queue, struct task *task)
{
    task->waits_in = queue;
    task->next_waiting = NULL;
    task->previous_waiting = queue->last;
    if (queue->last != NULL)
        queue->last->next_waiting = task;
    else
        queue->first = task;
    queue->last = task;
}

static void
leave(struct wait_queue *queue, struct task *task)
{
    if (task->previous_waiting != NULL)
        task->previous_waiting->next_waiting = task->next_waiting;
    else
        queue->first = task->next_waiting;
    if (task->next_waiting != NULL)
        task->next_waiting->previous_waiting = task->previous_waiting;
    else
        queue->last = task->previous_waiting;
    task->waits_in = NULL;
}

/* ---- waking ---- */

static inline void
leave_first(struct wait_queue *queue, struct task *first)
{
    struct task *next = first->next_waiting;

    queue->first = next;
    if (next != NULL)
        next->previous_waiting = NULL;
    else
        queue->last = NULL;
    first->waits_in = NULL;
}

void
task_wake_waiting(struct wait_queue *queue)
{
    unsigned long flags = interrupts_disable();
    struct task *task;

    spin_lock_only(&queue->lock);
    while ((task = queue->first) != NULL) {
        leave_first(queue, task);
        if (flags & EFLAGS_IF)
            sched_wake(task, TASK_SLEEPING_HARD, 0);
        else
            sched_wake(task, TASK_SLEEPING_HARD | WAKE_URGENT, 0);
    }
    spin_unlock_only(&queue->lock);
    interrupts_restore(flags);
}

void
task_wake_first(struct wait_queue *queue)
{
    struct task *task = queue->first;

    leave_first(queue, task);
    sched_wake(task, TASK_SLEEPING_HARD, 0);
}

/* It has been marked: when it does not sleep, it sees that on its way to ring 3. */
static void
interrupt(struct task *task, enum task_state deepest)
{
    unsigned long flags = interrupts_disable();

    if (!sched_wake(task, deepest | urgency(flags), -EINTR))
        sched_remind(task);
    interrupts_restore(flags);
}

void
task_interrupt(struct task *task)
{
    interrupt(task, TASK_SLEEPING);
}

void
task_kill(struct task *task)
{
    interrupt(task, TASK_SLEEPING_LONG);
}

static void
timed_out(struct tick_timer *timer)
{
    struct task *task = (struct task *)((char *)timer - offsetof(struct task, timeout));

    sched_wake(task, TASK_SLEEPING_HARD | WAKE_URGENT, -ETIMEDOUT);
}

/* ---- sleeping ---- */

/* Joins the queue; from now on a wake-up is not missed. Interrupts off. */
static inline void
begin(struct wait_queue *queue, enum task_state how)
{
    struct task *me = task_current();

    spin_lock_only(&queue->lock);
    me->state = how;
    join(queue, me);
    spin_unlock_only(&queue->lock);
}

/* Not woken: still in the queue, unless a wake-up has just come as well. That one is then over when
 * the lock is free, and does not meet the task's next sleep. */
static __attribute__((noinline)) void
leave_by_myself(struct wait_queue *queue, struct task *me)
{
    spin_lock_only(&queue->lock);
    if (me->waits_in != NULL)
        leave(queue, me);
    spin_unlock_only(&queue->lock);
}

/* Gives up the CPU until woken, or for so many ticks. Interrupts off. */
static inline int
finish(struct wait_queue *queue, uint32_t ticks)
{
    struct task *me = task_current();

    if (UNLIKELY(ticks != 0)) {
        me->timeout.fire = timed_out;
        tick_timer_set(&me->timeout, timer_ticks() + ticks);
    }
    sched_block();
    if (UNLIKELY(ticks != 0))
        tick_timer_cancel(&me->timeout);
    if (UNLIKELY(me->wake_reason != 0))
        leave_by_myself(queue, me);
    return me->wake_reason;
}

/* The whole of a sleep whose caller holds nothing. In line: `how` is a constant at each place. */
static inline __attribute__((always_inline)) int
sleep(struct wait_queue *queue, enum task_state how, uint32_t ticks)
{
    unsigned long flags = interrupts_disable();
    int result;

    begin(queue, how);
    result = finish(queue, ticks);
    interrupts_restore(flags);
    return result;
}

int
task_sleep(struct wait_queue *queue, uint32_t ticks)
{
    return sleep(queue, TASK_SLEEPING, ticks);
}

int
task_sleep_hard(struct wait_queue *queue)
{
    return sleep(queue, TASK_SLEEPING_HARD, 0);
}

int
task_sleep_long(struct wait_queue *queue)
{
    return sleep(queue, TASK_SLEEPING_LONG, 0);
}

int
task_sleep_unlock(struct wait_queue *queue, enum task_state how, uint32_t ticks,
                  struct spinlock *lock, unsigned long flags)
{
    int result;

    begin(queue, how);
    spin_unlock_only(lock);
    result = finish(queue, ticks);
    interrupts_restore(flags);
    return result;
}

int
task_sleep_mutex(struct wait_queue *queue, uint32_t ticks, struct mutex *mutex)
{
    unsigned long flags = interrupts_disable();
    int result;

    begin(queue, TASK_SLEEPING);
    mutex_unlock(mutex);
    result = finish(queue, ticks);
    interrupts_restore(flags);
    return result;
}

void
task_sleep_in(struct wait_queue *queue, unsigned long flags)
{
    struct task *me = task_current();

    me->state = TASK_SLEEPING_HARD;
    join(queue, me);
    spin_unlock_only(&queue->lock);
    sched_block();
    ASSERT(me->waits_in == NULL);
    interrupts_restore(flags);
}
