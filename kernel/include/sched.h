/* sched.h - what the files of the scheduler share with those that make and end tasks. */
#ifndef OCTAVO_SCHED_H
#define OCTAVO_SCHED_H

#include "task.h"

/* CPU 0 runs it when nobody else is ready there: a task without a process of ring 3. */
extern struct task idle_task;

/* ---- kernel/tasks/sched.c ---- */

/* Ticks in ring 3, in tasks' kernel code and idle, and switches from one task to another. */
struct sched_counts {
    uint32_t user, kernel, idle, switches;
};

/* Of a CPU. */
struct run_queue {
    struct spinlock lock;
    unsigned cpu;
    struct task *first, *last;   /* READY, linked by next_ready */
    struct task *running, *idle; /* idle: NULL: there is no such CPU */
    unsigned slice_left;         /* ticks */
    bool idle_due;               /* the idle task goes before all others: somebody woke it */
    struct task *leaving;        /* READY, but may not stay: linked by next_ready; this CPU's */
    struct sched_counts counts;
};
extern struct run_queue run_queues[CPU_MAX];

/* All CPUs' together. */
struct sched_counts sched_sum(void);

/* sched_wake, which makes a task READY, is in kernel/tasks/sched_private.h. */

/* Gives up the CPU until sched_wake, when the current task's state still says that it sleeps.
 * Interrupts off. */
void sched_block(void);

/* Has a task that was marked (task_mark), and runs on another CPU, look at its work now and not at
 * the next tick. Interrupts off. */
void sched_remind(const struct task *task);

/* True when the task stands on its stack no more, as it has ended and another runs. */
bool sched_has_left(const struct task *task);

/* Goes to a CPU that the current task may use, if it may not stay. */
void sched_move(void);

/* For the start of other CPUs. An idle task for a CPU, with a kernel stack; NULL when out of
 * memory.
 */
MUST_CHECK struct task *sched_prepare_cpu(unsigned cpu);
/* What a CPU does once it is set up: runs tasks. Its struct cpu names the idle task, on whose stack
 * it is, and &run_queues[id]. */
_Noreturn void sched_run_cpu(void);
/* The tick of a CPU other than 0, interrupts off. */
void sched_tick(void);
/* Interrupts another CPU, which then looks whether it has something to do; NULL with one CPU. */
extern void (*sched_kick)(unsigned cpu);

/* A new task, whose stack is ready for task_switch, may run. */
void sched_start(struct task *task);

/* For locks (mutex.c), with the queue's lock held. Puts the running task at the queue's end, gives
 * the queue's lock back, and returns when task_wake_first has come to it; nothing else ends its
 * sleep. */
void task_sleep_in(struct wait_queue *queue, unsigned long flags);
/* Takes the first task out of the queue and makes it READY. */
void task_wake_first(struct wait_queue *queue);

/* Takes the CPU away from the current task for good. Interrupts off. */
_Noreturn void sched_end(void);

/* ---- kernel/tasks/stacks.c ---- */

/* A kernel stack, or NULL when out of memory. */
MUST_CHECK void *stack_alloc(void);
void stack_free(void *stack);
void stacks_init(void);

/* ---- kernel/tasks/ticks.c ---- */

/* One tick has passed: fires what is due. Interrupts off. */
void ticks_advance(uint32_t now);

/* ---- kernel/tasks/process.c ---- */

void process_init(void);

extern struct kmem_cache *task_cache, *process_cache;

/* Threads there are, and processes that have ended and are not waited for yet; and how many there
 * may be of both together. Lock: process_lock, for changes. */
extern unsigned task_count, zombie_count, task_limit;

/* The following, up to process_set_parent, are called with process_lock held. */

#define PID_MAX 32768

/* A number below PID_MAX that no process, thread, group or session has. */
int pid_alloc(void);

/* Links a task into its process and the table of tids; and the reverse. */
void task_link(struct task *task);
void task_unlink(struct task *task);

/* Links a process, which has one reference, into the list, the table of pids and its parent's
 * children. */
void process_link(struct process *process);
/* Takes it out of all three and drops that reference: it is gone when nobody else has one. */
void process_free(struct process *process);
/* Moves a process to the children of another. */
void process_set_parent(struct process *child, struct process *parent);

/* Frees the tasks that have ended since the last call, but the one that is just ending. */
void task_reap(void);
/* The current task has ended: what is left of it waits for task_reap. */
void task_bury(struct task *task);

/* ---- kernel/tasks/fork.c ---- */

/* A task that will begin at `start_at`, interrupts off: return_to_user (traps.asm) for one that
 * goes to ring 3 with the frame at the top of its stack, which the caller fills. Everything else is
 * zero. NULL when out of memory. Not linked, not started. */
MUST_CHECK struct task *task_create(void (*start_at)(void));
void return_to_user(void);
void task_discard(struct task *task);

/* ---- kernel/tasks/thread.c ---- */

/* Lets those who wait for the end of the current thread know, in the program's memory. */
void thread_release_words(struct task *task);
/* Sets the segment of a thread that a struct user_desc in the program's memory describes. 0,
 * -EFAULT, -EINVAL. */
MUST_CHECK int thread_set_area(struct task *task, const void *from);

/* ---- kernel/tasks/futex.c ---- */

/* Wakes at most `count` threads that wait for the word at `address` of the current space. How many,
 * or -EFAULT. */
long futex_wake(uint32_t address, unsigned count);

#endif
