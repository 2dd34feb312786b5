/* signal.h - signals: sending, and what is done on the way back to ring 3. signal(7). */
#ifndef OCTAVO_SIGNAL_H
#define OCTAVO_SIGNAL_H

#include "task.h"
#include "uapi/signal.h"

/* To a process, a thread, each process of a group. 0, or -ESRCH for an empty group. Those that are
 * `locked` are called with process_lock held. */
void signal_process(struct process *process, int signal);
void signal_process_locked(struct process *process, int signal);
void signal_task(struct task *task, int signal);
int signal_group(int group, int signal);
int signal_group_locked(int group, int signal);
/* True when a signal was sent to the process and is not over, although another thread was told of
 * it: the current one then looks too. With process_lock held. */
bool signal_is_under_way(void);
/* False, and nothing sent, when nobody could make the group go on after a stop. */
bool signal_group_unless_orphaned(int group, int signal);

/* A fault of the current task in ring 3: delivered even when blocked or ignored (then it ends the
 * process). */
void signal_fault(int signal, int code, uint32_t address, const struct trap_frame *frame);

/* Tells the parent by SIGCHLD (or child->exit_signal) that `child` ended, stopped or went on: a
 * CLD_ code and what waitid calls the status. Wakes the parent's wait. True when the child ended
 * and the parent wants no zombie (SIGCHLD ignored, or SA_NOCLDWAIT). With process_lock held. */
bool signal_parent(struct process *child, int code, int status);

/* Frees what is queued for a thread or a process that ends. With process_lock held. */
void signal_drop(struct signal_info **infos);

/* The current thread ends: signals to its process go to other threads, its own are dropped. With
 * process_lock held. */
void signal_leave(struct task *task);

/* True when a signal would do nothing to the task now: it is blocked or ignored. */
bool signal_is_held(const struct task *task, int signal);

/* The signals that a process ignores by its own wish, and those it has handlers for. With
 * process_lock held. */
void signal_sets(const struct process *process, sigset_t *ignored, sigset_t *caught);

/* Sets the current task's mask; what is unblocked by it is delivered before the return to ring 3.
 */
void signal_set_mask(sigset_t blocked);

/* Delivers what is pending: changes `frame` so that the return to ring 3 enters a handler, or ends
 * or stops the process. Called with TASK_WORK_SIGNAL set, before the return to ring 3, interrupts
 * on. */
void signal_deliver(struct trap_frame *frame);

/* Where programs see the code that handlers return to. */
#define SIGNAL_PAGE 0xFFBFF000u

/* Makes that page. Panics when there is no memory for its page table. */
void signal_init(void);

struct actions *actions_create(void);
struct actions *actions_fork(struct actions *actions);
void actions_get(struct actions *actions);
void actions_put(struct actions *actions);
/* For execve: makes *actions nobody else's and ready for actions_reset. 0 or -ENOMEM. */
MUST_CHECK int actions_own(struct actions **actions);
/* execve: handlers are gone, ignored stays ignored. With process_lock held. */
void actions_reset(struct actions *actions);

#endif
