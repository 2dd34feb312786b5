/* signal.h - signals as programs see them: numbers, actions, what a handler is told. Layouts of
 * Linux, i386. */
#ifndef OCTAVO_UAPI_SIGNAL_H
#define OCTAVO_UAPI_SIGNAL_H

#include <stdint.h>

enum {
    SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1,
    SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP,
    SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS,
    SIGNALS = 64
};

/* Handlers that are none. */
enum { SIG_DFL = 0, SIG_IGN = 1 };

/* rt_sigprocmask 175 */
enum { SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2 };

enum {
    SA_NOCLDSTOP = 0x1,
    SA_NOCLDWAIT = 0x2,
    SA_SIGINFO = 0x4,
    SA_RESTORER = 0x04000000,
    SA_ONSTACK = 0x08000000,
    SA_RESTART = 0x10000000,
    SA_NODEFER = 0x40000000,
    SA_RESETHAND = (int)0x80000000u,
};
#define SA_KNOWN \
    ((uint32_t)SA_RESETHAND | SA_NODEFER | SA_RESTART | SA_ONSTACK | SA_RESTORER | SA_SIGINFO | \
     SA_NOCLDWAIT | SA_NOCLDSTOP)

/* sigaltstack 186 */
enum { SS_ONSTACK = 1, SS_DISABLE = 2, MINSIGSTKSZ = 2048 };

/* si_code */
enum {
    SI_USER = 0, SI_KERNEL = 0x80, SI_QUEUE = -1, SI_TIMER = -2, SI_TKILL = -6,
    SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_ADRALN = 1, BUS_ADRERR = 2, FPE_INTDIV = 1,
    FPE_FLTDIV = 3, FPE_FLTOVF = 4, FPE_FLTUND = 5, FPE_FLTRES = 6, FPE_FLTINV = 7, ILL_ILLOPN = 2, TRAP_BRKPT = 1, TRAP_TRACE = 2,
    CLD_EXITED = 1, CLD_KILLED = 2, CLD_DUMPED = 3, CLD_TRAPPED = 4, CLD_STOPPED = 5,
    CLD_CONTINUED = 6,
};

/* rt_sigaction 174; addresses of the program. */
struct kernel_sigaction {
    uint32_t handler, flags, restorer;
    uint64_t mask;
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct kernel_sigaction) == 20, "struct sigaction of rt_sigaction");

struct signal_stack {
    uint32_t sp;
    int32_t flags;
    uint32_t size;
};

/* What a SA_SIGINFO handler gets: 128 bytes. */
struct siginfo {
    int32_t signo, error, code;
    union {
        int32_t pad[29];
        struct {
            int32_t pid, uid;
        } kill;
        struct {
            int32_t pid, uid, status, utime, stime;
        } child;
        struct {
            uint32_t address;
        } fault;
    };
};
_Static_assert(sizeof(struct siginfo) == 128, "struct siginfo");

#endif
