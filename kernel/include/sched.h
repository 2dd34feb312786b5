/* sched.h - what the files of the scheduler share with those that make and end tasks. */
#ifndef OCTAVO_SCHED_H
#define OCTAVO_SCHED_H

#include "task.h"

/* The only task without a process of ring 3: runs when nobody else does. */
extern struct task idle_task;

/* ---- kernel/tasks/sched.c ---- */

/* Ticks in ring 3, in tasks' kernel code and idle, and switches from one task to another. */
struct sched_counts {
    uint32_t user, kernel, idle, switches;
};
extern struct sched_counts sched_counts;

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

/* Threads and processes there are, and may be. */
extern unsigned task_count, task_limit;

/* The following, up to process_set_parent, are called with process_lock held. */

/* A number that no process, thread, group or session has. */
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
