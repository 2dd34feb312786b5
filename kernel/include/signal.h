/* signal.h - signals: sending, and what is done on the way back to ring 3. signal(7). */
#ifndef OCTAVO_SIGNAL_H
#define OCTAVO_SIGNAL_H

#include "task.h"

enum {
    SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1,
    SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP,
    SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS,
    SIGNALS = 64
};

/* si_code of faults. */
enum { SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_ADRERR = 2, FPE_INTDIV = 1, ILL_ILLOPN = 2,
       SI_KERNEL = 0x80, TRAP_BRKPT = 1 };

/* To a process, a thread, each process of a group. 0, or -ESRCH for an empty group. */
void signal_process(struct process *process, int signal);
void signal_task(struct task *task, int signal);
int signal_group(int group, int signal);

/* A fault of the current task in ring 3: delivered even when blocked or ignored (then it ends the
 * process). */
void signal_fault(int signal, int code, uint32_t address, const struct trap_frame *frame);

/* Delivers what is pending: changes `frame` so that the return to ring 3 enters a handler, or ends
 * or stops the process. Called with TASK_WORK_SIGNAL set, before the return. */
void signal_deliver(struct trap_frame *frame);

struct actions *actions_create(void);
struct actions *actions_fork(struct actions *actions);
void actions_get(struct actions *actions);
void actions_put(struct actions *actions);
/* execve: handlers are gone, ignored stays ignored. */
void actions_reset(struct actions *actions);

#endif
