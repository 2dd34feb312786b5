/* sched.c - who runs where.
 *
 *   CPU 0  struct cpu ──► task, the one that runs
 *              └──► run queue ──► task ──► task      READY, in the order in which they became so
 *   CPU 1  struct cpu ──► ...                         idle task: in no queue, runs when it is empty
 *
 * Round robin on each CPU: a task runs until it sleeps, yields, or has used its slice of
 * SLICE_TICKS ticks while another is ready there. The tick only marks it (TASK_WORK_RESCHED); it is
 * taken off the CPU on its way back to ring 3, never inside the kernel. Every step is O(1).
 *
 * A task that becomes READY goes to a CPU that idles, its own before others, else to its own; a CPU
 * that runs out of tasks takes one from another's queue before it halts, and one that works takes
 * one now and then from a queue that is longer by two than its own, so that all get their share.
 * All three obey the task's affinity. A CPU that halts is woken by an interrupt (sched_kick).
 *
 * The idle task of CPU 0 is the flow of control that began in kernel_main. It may sleep like any
 * other: it then goes through task_idle until it is woken, and has its turn before those that are
 * ready, who may never end.
 *
 * A switch holds the lock of the CPU's run queue from the choice of the next task until that task
 * is on its own stack. So whoever holds that lock and sees that another task runs there knows that
 * this one has left its stack, and may let it run elsewhere or free it.
 *
 * I1. A task is READY and in one run queue, or on its way to one, or runs on its CPU, or is an idle
 *     task, or sleeps.
 * I2. task->queue is that of the CPU where it runs, or would; its lock guards the task's state, and
 *     the pointer too: nobody changes it without the lock of the queue that it names.
 *
 * Lock: a run queue's, the last of all but that of a ring of the trace.
 */
#include "cpu.h"
#include "fpu.h"
#include "load.h"
#include "mm.h"
#include "platform.h"
#include "sched_private.h"
#include "smp.h"
#include "signal.h"
#include "task.h"
#include "timer.h"
#include "trace.h"
#include "tlb_watch.h"

/* 20 ms: short beside a person's patience, long beside the cost of a switch. */
#define SLICE_TICKS 2

/* How often a CPU looks for longer queues, and how far it counts: longer ones are alike. */
#define EVEN_TICKS 8
#define EVEN_MOST  32u

_Static_assert(offsetof(struct task, work) == 0 && offsetof(struct task, stack_pointer) == 4,
               "frame.inc knows them");

struct task idle_task = {.process = &process_zero, .affinity = 1, .queue = run_queues};
struct run_queue run_queues[CPU_MAX] = {{.running = &idle_task, .idle = &idle_task}};
void (*sched_kick)(unsigned cpu);

static bool many_cpus; /* there is more than one, or will soon be */
static uint32_t idle_cpus; /* a bit for each that halts, or is about to */
static void (*visitor)(void); /* the idle task has to call it; NULL: nothing to call */

void task_switch(struct task *from, struct task *to); /* switch.asm */
void task_began(void);
void task_work(struct trap_frame *frame);

static inline struct run_queue *
this_queue(void)
{
    return THIS_CPU_READ(queue);
}

/* ---- the run queue; its lock is held ---- */

/* Takes a task out; `before` is the one in front of it, or NULL. */
static inline void
take_out(struct run_queue *queue, struct task *before, struct task *task)
{
    if (before != NULL)
        before->next_ready = task->next_ready;
    else
        queue->first = task->next_ready;
    if (queue->last == task)
        queue->last = before;
}

/* The first in the queue; the idle task when there is none or it is due. */
static inline struct task *
take_next(struct run_queue *queue)
{
    struct task *task = queue->first;

    if (task == NULL || UNLIKELY(queue->idle_due)) {
        queue->idle_due = visitor != NULL && queue == run_queues;
        return queue->idle;
    }
    take_out(queue, NULL, task);
    return task;
}

/* ---- the switch ---- */

/* mm_fail_nth counts the allocations of one task: others' are made without it. */
static void
hand_over_fail_nth(struct task *from, const struct task *to)
{
    unsigned long counted = mm_fail_nth(to->fail_in);

    if (from->fail_in != 0)
        from->fail_in = counted < from->fail_in ? from->fail_in - counted : 0;
}

/* What the CPU has to know of a task that will go to ring 3. */
static inline void
load_task(const struct task *task)
{
    cpu_set_stack((char *)task->stack + KERNEL_STACK_SIZE);
    cpu_set_tls(task->tls);
    if (UNLIKELY(!THIS_CPU_READ(fpu_locked) || task == THIS_CPU_READ(fpu_owner)))
        fpu_switch(task);
    if (task->space != space_here())
        space_activate(task->space);
}

/* With several CPUs a task may go on elsewhere: nothing of it stays behind. */
static void
leave_nothing(const struct task *from, struct task *to)
{
    if (lock_stat_on)
        lock_order_sleep(&this_queue()->lock);
    fpu_leave(from);
    if (to->space == NULL)
        space_rest();
    else if (cpus_parking)
        task_mark(to, TASK_WORK_PARK);
}

/* Gives the CPU to the next task; returns when the caller has one again, which may be another. The
 * run queue's lock is held, that of the CPU at the time, before as after. */
static inline __attribute__((always_inline)) void
switch_away(struct run_queue *queue, struct task *from)
{
    struct task *to = take_next(queue);

    queue->slice_left = SLICE_TICKS;
    if (to == from)
        return;
    if (UNLIKELY((from->fail_in | to->fail_in) != 0))
        hand_over_fail_nth(from, to);
    queue->counts.switches++;
    trace(TRACE_SWITCH, 0, (size_t)to->tid, (unsigned)from->tid, NULL);
    if (UNLIKELY(many_cpus))
        leave_nothing(from, to);
    THIS_CPU_WRITE(task, to);
    queue->running = to;
    if (to->space != NULL)
        load_task(to);
    task_switch(from, to);
}

/* The same for those who are in no hurry. */
static __attribute__((noinline)) void
switch_slowly(struct run_queue *queue)
{
    switch_away(queue, task_current());
}

/* The end of what sched_enter began. */
static inline void
sched_leave(void)
{
    spin_unlock_only(&this_queue()->lock);
}

static inline struct run_queue *
sched_enter(void)
{
    struct run_queue *queue = this_queue();

    spin_lock_bare(&queue->lock);
    return queue;
}

/* The first thing a new task does, interrupts off (switch.asm). */
void
task_began(void)
{
    spin_unlock_only(&this_queue()->lock);
}

void
sched_end(void)
{
    if (lock_stat_on)
        lock_order_leave();
    switch_slowly(sched_enter());
    kpanic("task %d goes on after its end", task_current()->tid);
}

bool
sched_has_left(const struct task *task)
{
    struct run_queue *queue = task->queue;
    unsigned long flags = spin_lock(&queue->lock);
    bool left = queue->running != task;

    spin_unlock(&queue->lock, flags);
    return left;
}

/* ---- which CPU ---- */

static unsigned
lowest(uint32_t cpus)
{
    return (unsigned)__builtin_ctz(cpus);
}

/* The CPUs that idle and that the task may use. */
static uint32_t
idle_for(const struct task *task)
{
    return task->affinity & cpus_online() & __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED);
}

/* The next one who asks gets another idle CPU. */
static void
take_idle(unsigned cpu)
{
    (void)__atomic_fetch_and(&idle_cpus, ~(1u << cpu), __ATOMIC_RELAXED);
}

/* Where a READY task should wait: an idle CPU, its own if possible, else its own, else any that it
 * may use. */
static unsigned
choose_cpu(const struct task *task)
{
    uint32_t allowed = task->affinity & cpus_online(), idle = idle_for(task);
    unsigned cpu = task->queue->cpu;

    if (((idle != 0 ? idle : allowed) >> cpu & 1) == 0 && allowed != 0)
        cpu = lowest(idle != 0 ? idle : allowed);
    if (idle != 0)
        take_idle(cpu);
    return cpu;
}

/* A task waits behind another although a CPU may have begun to idle since choose_cpu looked. Either
 * that one has found the task in its own last look (halt), or its bit is seen here. */
static void
call_idle(const struct task *task)
{
    uint32_t idle;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    idle = idle_for(task);
    if (idle == 0)
        return;
    take_idle(lowest(idle));
    sched_kick(lowest(idle));
}

/* Has the queue's CPU look at it: one that idles at once, one that works only when that is urgent.
 * The lock is held. */
static void
notify(struct run_queue *queue, bool urgent)
{
    struct task *running = queue->running;

    if (running != queue->idle && !urgent)
        return;
    if (running != queue->idle)
        task_mark(running, TASK_WORK_RESCHED);
    if (queue->cpu != cpu_current() && sched_kick != NULL)
        sched_kick(queue->cpu);
}

/* Appends a READY task, which is in no queue and on no stack. The lock is held. */
static void
append(struct run_queue *queue, struct task *task, bool urgent)
{
    sched_append(queue, task);
    notify(queue, urgent);
    if (many_cpus && queue->running != queue->idle)
        call_idle(task);
}

/* The same for the queue of the CPU where it should wait. Its own queue is locked, and is not any
 * more behind this. Whoever has that lock and finds it still named may rely on it: so the name
 * changes first. Then the task is on its way, and who looks for it finds it READY. */
static void
place(struct run_queue *queue, struct task *task, bool urgent)
{
    struct run_queue *chosen = &run_queues[choose_cpu(task)];

    if (chosen != queue) {
        task->queue = chosen;
        spin_unlock_only(&queue->lock);
        spin_lock_only(&chosen->lock);
    }
    append(chosen, task, urgent);
    spin_unlock_only(&chosen->lock);
}

void
sched_start(struct task *task)
{
    unsigned long flags = interrupts_disable();

    place(sched_lock_of(task), task, false);
    interrupts_restore(flags);
}

/* One that is still on its stack has not gone to sleep yet, and goes on. */
void
sched_wake_anywhere(struct run_queue *queue, struct task *task, bool urgent)
{
    if (task != queue->idle && queue->running != task) {
        place(queue, task, urgent);
        return;
    }
    if (task == queue->idle) {
        queue->idle_due = true;
        notify(queue, true);
    }
    spin_unlock_only(&queue->lock);
}

void
sched_remind(const struct task *task)
{
    struct run_queue *queue;

    if (cpu_count() == 1)
        return;
    queue = sched_lock_of(task);
    if (queue->running == task && queue->cpu != cpu_current())
        sched_kick(queue->cpu);
    spin_unlock_only(&queue->lock);
}

/* ---- giving up the CPU ---- */

/* The idle task cannot be switched away from until somebody is ready. */
static void
idle_until_woken(struct task *idle)
{
    while (*(volatile enum task_state *)&idle->state != TASK_READY)
        task_idle();
}

/* True when what has come is the end: its thread's, or SIGKILL, which nobody blocks. */
static bool
is_to_end(const struct task *task)
{
    const sigset_t kill = (sigset_t)1 << (SIGKILL - 1);

    return task->work & TASK_WORK_EXIT || (task->pending | task->process->pending) & kill;
}

/* A signal or the end has come: ends a sleep of a kind that it can end before it began. */
static __attribute__((noinline)) void
cut_short(struct task *me)
{
    if (me->state == TASK_SLEEPING || (me->state == TASK_SLEEPING_LONG && is_to_end(me))) {
        me->state = TASK_READY;
        me->wake_reason = -EINTR;
    }
}

void
sched_block(void)
{
    struct task *me = task_current();
    struct run_queue *queue = sched_enter();

    if (UNLIKELY(task_signalled(me)))
        cut_short(me);
    if (UNLIKELY(me == queue->idle)) {
        spin_unlock_only(&queue->lock);
        idle_until_woken(me);
        return;
    }
    if (LIKELY(me->state != TASK_READY))
        switch_away(queue, me);
    sched_leave();
}

void
task_yield(void)
{
    unsigned long flags = interrupts_disable();
    struct task *me = task_current();
    struct run_queue *queue = sched_enter();

    task_unmark(me, TASK_WORK_RESCHED);
    if (queue->first != NULL || queue->idle_due) {
        if (LIKELY(me != queue->idle))
            sched_append(queue, me);
        switch_away(queue, me);
    }
    sched_leave();
    interrupts_restore(flags);
}

void
task_breathe(void)
{
    if (task_current()->work & TASK_WORK_RESCHED)
        task_yield();
}

/* The idle task sends it there, when it is off its stack. */
void
sched_move(void)
{
    unsigned long flags = interrupts_disable();
    struct task *me = task_current();
    struct run_queue *queue = sched_enter();

    task_unmark(me, TASK_WORK_MOVE);
    if (!(me->affinity >> queue->cpu & 1)) {
        me->next_ready = queue->leaving;
        queue->leaving = me;
        queue->idle_due = true;
        switch_slowly(queue);
    }
    sched_leave();
    interrupts_restore(flags);
}

/* ---- idle tasks ---- */

/* Sends those away that may not stay. Interrupts off. */
static void
send_leaving(struct run_queue *queue)
{
    struct task *task;

    while ((task = queue->leaving) != NULL) {
        queue->leaving = task->next_ready;
        place(sched_lock_of(task), task, false);
    }
}

void
task_visit(void (*visit)(void))
{
    unsigned long flags = spin_lock(&run_queues[0].lock);

    visitor = visit;
    run_queues[0].idle_due = true;
    notify(&run_queues[0], true);
    spin_unlock(&run_queues[0].lock, flags);
}

static void
make_visit(void)
{
    unsigned long flags = spin_lock(&run_queues[0].lock);
    void (*visit)(void) = visitor;

    visitor = NULL;
    spin_unlock(&run_queues[0].lock, EFLAGS_IF);
    visit();
    (void)interrupts_disable();
    interrupts_restore(flags);
}

/* The first task in another's queue that may run here, taken out of it; NULL: there is none. */
static struct task *
take_from(struct run_queue *queue, unsigned cpu)
{
    struct task *before = NULL, *task;

    spin_lock_only(&queue->lock);
    for (task = queue->first; task != NULL; before = task, task = task->next_ready) {
        if (task->affinity >> cpu & 1)
            break;
    }
    if (task != NULL) {
        take_out(queue, before, task);
        task->queue = &run_queues[cpu];
    }
    spin_unlock_only(&queue->lock);
    return task;
}

/* Brings a task from another CPU's queue to this one's. False when none may run here. */
static bool
bring(struct run_queue *queue, struct run_queue *other)
{
    struct task *task = take_from(other, queue->cpu);

    if (task == NULL)
        return false;
    spin_lock_only(&queue->lock);
    sched_append(queue, task);
    spin_unlock_only(&queue->lock);
    return true;
}

/* Brings a task here that waits for another CPU, unless somebody is ready here. */
static void
steal(struct run_queue *queue)
{
    for (unsigned i = 1; i < CPU_MAX && queue->first == NULL; i++) {
        struct run_queue *other = &run_queues[(queue->cpu + i) % CPU_MAX];

        if (__atomic_load_n(&other->first, __ATOMIC_RELAXED) != NULL && bring(queue, other))
            return;
    }
}

/* Tasks that run on a CPU or wait for it. */
static unsigned
length_of(struct run_queue *queue)
{
    unsigned length;

    spin_lock_only(&queue->lock);
    length = queue->running != queue->idle;
    for (const struct task *task = queue->first; task != NULL && length < EVEN_MOST;
         task = task->next_ready)
        length++;
    spin_unlock_only(&queue->lock);
    return length;
}

/* Takes a task from the longest queue if that leaves it no shorter than this CPU's. */
static void
even_out(struct run_queue *queue)
{
    unsigned most = length_of(queue) + 1;
    struct run_queue *longest = NULL;

    for (unsigned i = 1; i < CPU_MAX; i++) {
        struct run_queue *other = &run_queues[(queue->cpu + i) % CPU_MAX];
        unsigned length = other->first != NULL ? length_of(other) : 0;

        if (length > most) {
            most = length;
            longest = other;
        }
    }
    if (longest != NULL)
        (void)bring(queue, longest);
}

/* Halts until the next interrupt, unless there is something to do here or to be taken from others:
 * who makes a task READY after the last look sees the bit (call_idle). Interrupts off; STI takes
 * effect after HLT has begun. */
static void
halt(struct run_queue *queue)
{
    uint32_t bit = 1u << queue->cpu;

    if (cpu_count() > 1) {
        (void)__atomic_fetch_or(&idle_cpus, bit, __ATOMIC_SEQ_CST);
        steal(queue);
    }
    if (queue->first == NULL && !queue->idle_due)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    if (cpu_count() > 1)
        (void)__atomic_fetch_and(&idle_cpus, ~bit, __ATOMIC_SEQ_CST);
}

/* An idle task that is due has its turn: it returns to see what for, which may be that it is READY.
 * Else it would halt no more until somebody else is ready here, and keep interrupts off meanwhile.
 * Interrupts off. */
static void
run_or_halt(void)
{
    struct run_queue *queue;

    cpu_park_if_asked();
    send_leaving(this_queue());
    queue = sched_enter();
    if (queue->first != NULL || queue->idle_due) {
        switch_slowly(queue);
        sched_leave();
        return;
    }
    spin_unlock_only(&queue->lock);
    halt(queue);
}

/* In one place: debuggers stop there. */
__attribute__((noinline)) void
task_idle(void)
{
    unsigned long flags;

    ASSERT(task_current() == &idle_task);
    if (visitor != NULL)
        make_visit();
    flags = interrupts_disable();
    task_reap();
    run_or_halt();
    interrupts_restore(flags);
}

void
sched_run_cpu(void)
{
    struct task *me = task_current();

    (void)interrupts_disable();
    for (;;) {
        run_or_halt();
        task_unmark(me, TASK_WORK_RESCHED);
    }
}

struct task *
sched_prepare_cpu(unsigned cpu)
{
    struct task *idle = task_create(sched_run_cpu);

    if (idle == NULL)
        return NULL;
    idle->process = &process_zero;
    idle->queue = &run_queues[cpu];
    idle->affinity = 1u << cpu;
    run_queues[cpu].cpu = cpu;
    run_queues[cpu].idle = run_queues[cpu].running = idle;
    many_cpus = true;
    return idle;
}

/* ---- the tick, and the way back to ring 3 ---- */

static void
charge(struct run_queue *queue, struct task *task)
{
    struct process *process = task->process;
    bool user = trap_from_user(trap_interrupted());

    ++*(user ? &task->user_ticks : &task->kernel_ticks);
    (void)__atomic_fetch_add(user ? &process->user_ticks : &process->kernel_ticks, 1,
                             __ATOMIC_RELAXED);
    itimer_charge(process, user);
    ++*(user ? &queue->counts.user : &queue->counts.kernel);
}

void
sched_tick(void)
{
    struct run_queue *queue = this_queue();
    struct task *running = task_current();

    if (running != queue->idle)
        charge(queue, running);
    else
        queue->counts.idle++;
    if (queue->slice_left != 0)
        queue->slice_left--;
    if ((queue->slice_left == 0 && queue->first != NULL) || queue->idle_due)
        task_mark(running, TASK_WORK_RESCHED);
    if (cpu_count() > 1 && (timer_ticks() + queue->cpu) % EVEN_TICKS == 0)
        even_out(queue);
    ipi_answer(); /* what came without an interrupt (ipi_delay) */
}

/* Threads that run or could. */
static unsigned
count_wanting(void)
{
    unsigned count = 0;

    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        struct run_queue *queue = &run_queues[cpu];

        spin_lock_only(&queue->lock);
        count += queue->running != queue->idle;
        for (const struct task *task = queue->first; task != NULL; task = task->next_ready)
            count++;
        spin_unlock_only(&queue->lock);
    }
    return count;
}

struct sched_counts
sched_sum(void)
{
    struct sched_counts sum = {0};

    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        const struct sched_counts *counts = &run_queues[cpu].counts;

        sum.user += counts->user;
        sum.kernel += counts->kernel;
        sum.idle += counts->idle;
        sum.switches += counts->switches;
    }
    return sum;
}

/* CPU 0 counts time for all. */
static void
tick(void)
{
    sched_tick();
    ticks_advance(timer_ticks());
    if (timer_ticks() % (LOAD_SECONDS * TIMER_HZ) == 0)
        load_sample(&system_load, count_wanting());
}

static void
check_tlb(void)
{
    task_unmark(task_current(), TASK_WORK_TLB);
    tlb_watch_check();
}

/* Called on the way back to ring 3 as long as there is work, interrupts on. */
void
task_work(struct trap_frame *frame)
{
    uint32_t work = task_current()->work;

    if (work & TASK_WORK_LOCKS)
        lock_order_leave();
    if (work & TASK_WORK_TLB)
        check_tlb();
    if (work & TASK_WORK_EXIT)
        thread_exit(0);
    if (work & TASK_WORK_SIGNAL)
        signal_deliver(frame);
    if (work & TASK_WORK_MOVE)
        sched_move();
    if (work & TASK_WORK_PARK) {
        task_unmark(task_current(), TASK_WORK_PARK);
        cpu_park_if_asked();
    }
    if (work & TASK_WORK_RESCHED)
        task_yield();
}

void
task_init(void)
{
    THIS_CPU_WRITE(queue, &run_queues[0]);
    fpu_init();
    process_init();
    timer_on_tick(tick);
}
