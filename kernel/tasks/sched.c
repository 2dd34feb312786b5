/* sched.c - who runs, and who waits for what.
 *
 *   cpu->task ──► the one task on the CPU
 *   ready ──► task ──► task ──► task         in the order in which they became ready
 *   wait_queue ──► task ◄──► task            each waits in at most one
 *   idle_task                                in no queue: runs when `ready` is empty
 *
 * Round robin: a task runs until it sleeps, yields, or has used its slice of SLICE_TICKS ticks
 * while another is ready. The tick only marks it (TASK_WORK_RESCHED); it is taken off the CPU on
 * its way back to ring 3, never inside the kernel. Every step is O(1).
 *
 * The idle task is the flow of control that began in kernel_main. It may sleep like any other: it
 * then goes through task_idle until it is woken, and has its turn before those that are ready, who
 * may never end.
 *
 * I1. A task is READY and in `ready`, or is its CPU's, or is the idle task, or sleeps.
 * I2. A task that sleeps is in the queue that waits_in names.
 *
 * Lock: interrupts off; there is one CPU. A second one will need a lock a queue and a `ready` a
 * CPU.
 */
#include "cpu.h"
#include "fpu.h"
#include "load.h"
#include "mm.h"
#include "mutex.h"
#include "platform.h"
#include "sched.h"
#include "signal.h"
#include "task.h"
#include "timer.h"
#include "trace.h"
#include "tlb_watch.h"

/* 20 ms: short beside a person's patience, long beside the cost of a switch. */
#define SLICE_TICKS 2

_Static_assert(offsetof(struct task, work) == 0 && offsetof(struct task, stack_pointer) == 4,
               "frame.inc knows them");

struct task idle_task = {.process = &process_zero};

static struct {
    struct task *first, *last;
} ready;
static unsigned slice_left;
struct sched_counts sched_counts;
static void (*visitor)(void); /* the idle task has to call it; NULL: nothing to call */
static bool idle_due;         /* the idle task goes before all others: visitor, or it was woken */

void task_switch(struct task *from, struct task *to); /* switch.asm */
void task_work(struct trap_frame *frame);

/* ---- the run queue ---- */

static void
make_ready(struct task *task)
{
    task->state = TASK_READY;
    if (task == &idle_task)
        return;
    task->next_ready = NULL;
    if (ready.last != NULL)
        ready.last->next_ready = task;
    else
        ready.first = task;
    ready.last = task;
}

/* The first in the queue; the idle task when there is none or it is due. */
static struct task *
take_next(void)
{
    struct task *task = ready.first;

    if (task == NULL || UNLIKELY(idle_due)) {
        idle_due = visitor != NULL;
        return &idle_task;
    }
    ready.first = task->next_ready;
    if (ready.first == NULL)
        ready.last = NULL;
    return task;
}

/* mm_fail_nth counts the allocations of one task: others' are made without it. */
static void
hand_over_fail_nth(struct task *from, const struct task *to)
{
    unsigned long counted = mm_fail_nth(to->fail_in);

    if (from->fail_in != 0)
        from->fail_in = counted < from->fail_in ? from->fail_in - counted : 0;
}

/* What the CPU has to know of a task that will go to ring 3. */
static void
load_task(const struct task *task)
{
    cpu_set_stack((char *)task->stack + KERNEL_STACK_SIZE);
    cpu_set_tls(task->tls);
    fpu_switch(task);
    if (task->space != space_here())
        space_activate(task->space);
}

/* Gives the CPU to the next task; returns when the caller has it again. Interrupts off. */
static void
switch_away(void)
{
    struct task *from = task_current(), *to = take_next();

    slice_left = SLICE_TICKS;
    if (to == from)
        return;
    if (UNLIKELY((from->fail_in | to->fail_in) != 0))
        hand_over_fail_nth(from, to);
    sched_counts.switches++;
    trace(TRACE_SWITCH, 0, (size_t)to->tid, (unsigned)from->tid, NULL);
    THIS_CPU_WRITE(task, to);
    if (to->space != NULL)
        load_task(to);
    task_switch(from, to);
}

void
sched_start(struct task *task)
{
    unsigned long flags = interrupts_disable();

    make_ready(task);
    interrupts_restore(flags);
}

void
sched_end(void)
{
    switch_away();
    kpanic("task %d goes on after its end", task_current()->tid);
}

void
task_yield(void)
{
    unsigned long flags = interrupts_disable();

    task_current()->work &= ~(uint32_t)TASK_WORK_RESCHED;
    if (ready.first != NULL || idle_due) {
        make_ready(task_current());
        switch_away();
    }
    interrupts_restore(flags);
}

void
task_breathe(void)
{
    if (task_current()->work & TASK_WORK_RESCHED)
        task_yield();
}

void
task_visit(void (*visit)(void))
{
    unsigned long flags = interrupts_disable();

    visitor = visit;
    idle_due = true;
    task_current()->work |= TASK_WORK_RESCHED;
    interrupts_restore(flags);
}

static void
make_visit(void)
{
    unsigned long flags = interrupts_disable();
    void (*visit)(void) = visitor;

    visitor = NULL;
    idle_due = false;
    interrupts_enable();
    visit();
    (void)interrupts_disable();
    interrupts_restore(flags);
}

void
task_idle(void)
{
    unsigned long flags;

    ASSERT(task_current() == &idle_task);
    if (visitor != NULL)
        make_visit();
    flags = interrupts_disable();
    task_reap();
    if (ready.first != NULL)
        switch_away();
    else
        __asm__ volatile("sti; hlt; cli" : : : "memory"); /* sti takes effect after hlt began */
    interrupts_restore(flags);
}

/* ---- wait queues ---- */

static void
wait_in(struct wait_queue *queue, struct task *task)
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
leave_queue(struct task *task)
{
    struct wait_queue *queue = task->waits_in;

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

/* Makes a sleeping task ready. When an interrupt does it, the task that it interrupted has had its
 * turn: who waited for the outside world should not wait for a slice to end. */
static void
wake(struct task *task, int reason, unsigned long flags)
{
    leave_queue(task);
    task->wake_reason = reason;
    make_ready(task);
    if (UNLIKELY(task == &idle_task))
        idle_due = true;
    if (!(flags & EFLAGS_IF))
        task_current()->work |= TASK_WORK_RESCHED;
}

static void
timed_out(struct tick_timer *timer)
{
    struct task *task = (struct task *)((char *)timer - offsetof(struct task, timeout));

    if (task->waits_in != NULL)
        wake(task, -ETIMEDOUT, 0);
}

/* The idle task cannot be switched away from until somebody is ready. */
static void
idle_until_woken(void)
{
    while (idle_task.state != TASK_READY)
        task_idle();
}

/* Lets go of what is not NULL, interrupts off. */
static inline __attribute__((always_inline)) void
let_go(struct spinlock *lock, struct mutex *mutex)
{
    if (lock != NULL)
        spin_unlock_only(lock);
    if (mutex != NULL)
        mutex_unlock(mutex);
}

/* The locks may be NULL; they are let go of when the task is in the queue. */
static inline __attribute__((always_inline)) int
sleep_as(enum task_state state, struct wait_queue *queue, uint32_t ticks, struct spinlock *lock,
         struct mutex *mutex)
{
    unsigned long flags = interrupts_disable();
    struct task *me = task_current();

    if (state == TASK_SLEEPING && task_signalled(me)) {
        let_go(lock, mutex);
        interrupts_restore(flags);
        return -EINTR;
    }
    me->state = state;
    wait_in(queue, me);
    let_go(lock, mutex);
    if (UNLIKELY(ticks != 0)) {
        me->timeout.fire = timed_out;
        tick_timer_set(&me->timeout, timer_ticks() + ticks);
    }
    if (UNLIKELY(me == &idle_task))
        idle_until_woken();
    else
        switch_away();
    if (UNLIKELY(ticks != 0))
        tick_timer_cancel(&me->timeout);
    interrupts_restore(flags);
    return me->wake_reason;
}

void
task_sleep_in(struct wait_queue *queue, unsigned long flags)
{
    struct task *me = task_current();

    me->state = TASK_SLEEPING_HARD;
    wait_in(queue, me);
    spin_unlock_only(&queue->lock);
    if (UNLIKELY(me == &idle_task))
        idle_until_woken();
    else
        switch_away();
    interrupts_restore(flags);
}

void
task_wake_first(struct wait_queue *queue)
{
    wake(queue->first, 0, EFLAGS_IF);
}

int
task_sleep(struct wait_queue *queue, uint32_t ticks)
{
    return sleep_as(TASK_SLEEPING, queue, ticks, NULL, NULL);
}

int
task_sleep_hard(struct wait_queue *queue)
{
    return sleep_as(TASK_SLEEPING_HARD, queue, 0, NULL, NULL);
}

int
task_sleep_long(struct wait_queue *queue)
{
    return sleep_as(TASK_SLEEPING_LONG, queue, 0, NULL, NULL);
}

int
task_sleep_unlock(struct wait_queue *queue, enum task_state how, uint32_t ticks,
                  struct spinlock *lock, unsigned long flags)
{
    int result = sleep_as(how, queue, ticks, lock, NULL);

    interrupts_restore(flags);
    return result;
}

int
task_sleep_mutex(struct wait_queue *queue, uint32_t ticks, struct mutex *mutex)
{
    return sleep_as(TASK_SLEEPING, queue, ticks, NULL, mutex);
}

void
task_wake_all(struct wait_queue *queue)
{
    unsigned long flags = interrupts_disable();

    while (queue->first != NULL)
        wake(queue->first, 0, flags);
    interrupts_restore(flags);
}

void
task_wake_one(struct wait_queue *queue)
{
    unsigned long flags = interrupts_disable();

    if (queue->first != NULL)
        wake(queue->first, 0, flags);
    interrupts_restore(flags);
}

void
task_interrupt(struct task *task)
{
    unsigned long flags = interrupts_disable();

    if (task->state == TASK_SLEEPING)
        wake(task, -EINTR, flags);
    interrupts_restore(flags);
}

void
task_kill(struct task *task)
{
    unsigned long flags = interrupts_disable();

    if (task->state == TASK_SLEEPING || task->state == TASK_SLEEPING_LONG)
        wake(task, -EINTR, flags);
    interrupts_restore(flags);
}

/* ---- the tick, and the way back to ring 3 ---- */

static void
charge(struct process *process)
{
    bool user = trap_from_user(trap_interrupted());

    ++*(user ? &process->user_ticks : &process->kernel_ticks);
    itimer_charge(process, user);
    ++*(user ? &sched_counts.user : &sched_counts.kernel);
}

/* Threads that run or could. */
static unsigned
count_wanting(void)
{
    unsigned count = task_current() != &idle_task;

    for (const struct task *task = ready.first; task != NULL; task = task->next_ready)
        count++;
    return count;
}

static void
tick(void)
{
    if (task_current() != &idle_task)
        charge(task_current()->process);
    else
        sched_counts.idle++;
    ticks_advance(timer_ticks());
    if (timer_ticks() % (LOAD_SECONDS * TIMER_HZ) == 0)
        load_sample(&system_load, count_wanting());
    if (slice_left != 0)
        slice_left--;
    if ((slice_left == 0 && ready.first != NULL) || idle_due)
        task_current()->work |= TASK_WORK_RESCHED;
}

/* Called on the way back to ring 3 as long as there is work, interrupts on. */
static void
check_tlb(void)
{
    unsigned long flags = interrupts_disable();

    task_current()->work &= ~(uint32_t)TASK_WORK_TLB;
    tlb_watch_check();
    interrupts_restore(flags);
}

void
task_work(struct trap_frame *frame)
{
    uint32_t work = task_current()->work;

    if (work & TASK_WORK_TLB)
        check_tlb();
    if (work & TASK_WORK_EXIT)
        thread_exit(0);
    if (work & TASK_WORK_SIGNAL)
        signal_deliver(frame);
    if (work & TASK_WORK_RESCHED)
        task_yield();
}

void
task_init(void)
{
    fpu_init();
    process_init();
    timer_on_tick(tick);
}
