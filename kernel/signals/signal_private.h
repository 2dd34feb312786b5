/* signal_private.h - what the files about signals share.
 *
 *   signal.c          sending: who gets it, is it ignored
 *   signal_queue.c    what is known of those that wait, and which is next
 *   actions.c         what a process does on which signal
 *   signal_deliver.c  on the way back to ring 3: handler, default, stop
 *   signal_frame.c    what a handler finds on its stack, and the way back from it
 *   signal_fpu.c      the FPU's part of that
 *   sys_signal.c      the system calls: actions, masks, waiting
 *   sys_kill.c        and those that send
 *
 * Locks: that of struct actions, signals_lock below, guards what a process does on which signal, and
 * of each process that has these actions pending sets, infos, and masks as others see them. Who sends
 * to itself or takes a signal needs no other. process_lock (task.h) comes before it: it guards
 * `stopped`, who has which threads, and which actions are another process'. So it is taken to send to
 * others, to stop and to go on. Wake-ups happen inside both. A thread alone changes its mask.
 */
#ifndef OCTAVO_SIGNAL_PRIVATE_H
#define OCTAVO_SIGNAL_PRIVATE_H

#include "platform.h"
#include "signal.h"

/* What is known of a signal. One that has none was sent by the kernel without further word. */
struct signal_info {
    struct signal_info *next; /* older first */
    int signal, code;
    union {
        uint32_t words[5]; /* what struct siginfo has behind its code */
        struct {
            uint32_t pid, uid, value; /* from a program */
        };
        struct {
            uint32_t child_pid, child_uid, child_status, child_utime, child_stime;
        };
        uint32_t address; /* of a fault */
    };
};

struct action {
    uint32_t handler; /* address, SIG_DFL or SIG_IGN */
    uint32_t flags;   /* SA_ */
    uint32_t restorer;
    sigset_t mask;    /* blocked as well while the handler runs */
};

/* Shared by processes until one of them changes it. */
struct action_table {
    uint32_t refs; /* more only under the lock of actions that have it; atomic */
    struct action of[SIGNALS];
};

struct actions {
    uint32_t refs; /* processes that share their actions: clone(CLONE_SIGHAND); atomic */
    struct spinlock lock;
    struct action_table *table;
};

/* Takes the lock of a process' signals, and gives it back. The process is the current one, or
 * process_lock is held. */
static inline unsigned long
signals_lock(const struct process *process)
{
    return spin_lock(&process->actions->lock);
}

static inline void
signals_unlock(const struct process *process, unsigned long state)
{
    spin_unlock(&process->actions->lock, state);
}

static inline sigset_t
signal_bit(int signal)
{
    return (sigset_t)1 << (signal - 1);
}

#define FIRST_QUEUED 32 /* from here on each sending counts: the real-time signals */

/* The signals in a set of a few. */
#define SIGNAL_SET(signal) ((sigset_t)1 << ((signal) - 1))
#define UNBLOCKABLE        (SIGNAL_SET(SIGKILL) | SIGNAL_SET(SIGSTOP))
#define STOPS                                                                                      \
    (SIGNAL_SET(SIGSTOP) | SIGNAL_SET(SIGTSTP) | SIGNAL_SET(SIGTTIN) | SIGNAL_SET(SIGTTOU))
#define IGNORED_BY_DEFAULT                                                                         \
    (SIGNAL_SET(SIGCHLD) | SIGNAL_SET(SIGCONT) | SIGNAL_SET(SIGURG) | SIGNAL_SET(SIGWINCH))

/* With the signals' lock. */
static inline const struct action *
action_of(const struct actions *actions, int signal)
{
    return &actions->table->of[signal - 1];
}

/* Changes one action: 0 or -ENOMEM. */
MUST_CHECK int action_set(struct actions *actions, int signal, const struct action *action);

/* A signal has its default action from now on; the flags stay. 0 or -ENOMEM. With the lock. */
MUST_CHECK int action_reset(struct actions *actions, int signal);

/* What a process does on a signal; the current one. Without the lock. */
struct action action_get(const struct process *process, int signal);
struct action action_now(int signal);

/* Sends a signal to `process`, or to its thread `task` when that is not NULL. `info` is copied.
 * With process_lock held. */
void signal_send(struct process *process, struct task *task, const struct signal_info *info);
/* The same to a process as one of many. A child that is just being made, and that nobody finds yet,
 * is one of them too: fork.c. */
void signal_send_to_one_of(struct process *process, const struct signal_info *info);
/* The same as signal_send to the current process, or thread, without process_lock. False, and
 * nothing sent: it takes that. */
MUST_CHECK bool signal_send_to_self(struct task *task, const struct signal_info *info);

/* False when too much is known of pending signals already: one more would be known by its number
 * only. */
bool signal_may_queue(void);

/* A note for a list of what is known; NULL when there are too many, or no memory. This and the next
 * two with the signals' lock. */
struct signal_info *signal_info_copy(const struct signal_info *info);
void signal_infos_append(struct signal_info **infos, struct signal_info *info);
/* Takes out and frees those of a set of signals. */
void signal_infos_remove(struct signal_info **infos, sigset_t set);

/* Takes a pending signal of `set` that the task may have: its number in info->signal, with what is
 * known of it. False when none is pending. With the signals' lock. */
bool signal_take(struct task *task, sigset_t set, struct signal_info *info);

/* Takes pending signals of a set back, from the process and its threads. */
void signal_forget(struct process *process, sigset_t set);

/* Sets or clears TASK_WORK_SIGNAL as the pending and blocked signals demand. */
void signal_recalculate(struct task *task);

/* What waits for the process, and which the current thread takes no more, goes on to others. */
void signal_leave_to_others(void);

/* Makes the handler's frame on the program's stack and lets the registers lead into it. `mask` is
 * what is blocked again afterwards. 0, or -EFAULT when the stack cannot take it. */
MUST_CHECK int signal_push_frame(struct trap_frame *frame, const struct action *action,
                                 const struct signal_info *info, sigset_t mask);

/* Puts the FPU's state below *top, but not below `end`, and moves *top there; *address is its
 * address, 0 when the program does not use the FPU. 0 or -EFAULT. */
MUST_CHECK int signal_push_fpu(uintptr_t *top, uintptr_t end, uint32_t *address);
/* Takes it from there again; without one, what the handler computed is forgotten. 0, -EFAULT or
 * -ENOMEM. */
MUST_CHECK int signal_pop_fpu(uint32_t address);

/* A struct siginfo of what is known. */
void signal_fill_info(struct siginfo *to, const struct signal_info *info);

#endif
