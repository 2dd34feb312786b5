/* Signals for programs without a C library: structures of Linux, i386, and setting handlers. */
#ifndef SIGNALS_H
#define SIGNALS_H
#include "clock.h"
#include "tap.h"

enum {
	SIG_HUP = 1, SIG_USR1 = 10, SIG_USR2 = 12, SIG_ALRM = 14, SIG_TERM = 15, SIG_CONT = 18,
	SIG_STOP = 19, SIG_WINCH = 28, SIG_RT = 40
};
enum { BLOCK = 0, UNBLOCK = 1, SETMASK = 2 };

#define F_SIGINFO 4ul
#define F_NOCLDWAIT 2ul
#define F_RESTORER 0x04000000ul
#define F_ONSTACK 0x08000000ul
#define F_RESTART 0x10000000ul
#define F_NODEFER 0x40000000ul
#define F_RESETHAND 0x80000000ul

struct ksigaction {
	void *handler;
	ulong flags;
	void *restorer;
	u64 mask;
} __attribute__((packed));

struct ksiginfo {
	int signo, err, code;
	int word[29]; /* pid, uid, value or status */
};

struct kcontext {
	ulong gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, trapno, err, eip, cs, eflags,
		esp_at_signal, ss, fpstate, oldmask, cr2;
};

struct kucontext {
	ulong flags, link;
	struct {
		ulong sp;
		int flags;
		ulong size;
	} stack;
	struct kcontext mc;
	u64 mask;
} __attribute__((packed));

void rt_restorer(void);
void old_restorer(void);
__asm__(".text\nrt_restorer:\nmov $173,%eax\nint $0x80\n"
	"old_restorer:\npop %eax\nmov $119,%eax\nint $0x80\n");

static inline u64 bit(int sig) { return 1ull << (sig - 1); }

/* The handler of a signal: F_ flags, and what is blocked while it runs. */
static inline long on(int sig, void *handler, ulong flags, u64 mask)
{
	void *back = flags & F_SIGINFO ? (void *)rt_restorer : (void *)old_restorer;
	struct ksigaction sa = { handler, flags | F_RESTORER, back, mask };

	return SC4(NR_rt_sigaction, sig, &sa, 0, 8);
}

static inline long set_mask(int how, u64 set)
{
	return SC4(NR_rt_sigprocmask, how, &set, 0, 8);
}

static inline u64 get_mask(void)
{
	u64 set = 0;

	SC4(NR_rt_sigprocmask, BLOCK, 0, &set, 8);
	return set;
}

static inline long me(void) { return SC0(NR_getpid); }
static inline long raise_(int sig) { return SC2(NR_kill, me(), sig); }

static volatile int seen, seen_count;
static struct ksiginfo last_info __attribute__((unused));
static struct kucontext last_context __attribute__((unused));

/* Two handlers that remember what they were called for. */
static inline void count(int sig)
{
	seen = sig;
	seen_count++;
}

static inline void tell(int sig, struct ksiginfo *si, struct kucontext *uc)
{
	count(sig);
	last_info = *si;
	last_context = *uc;
}

#endif
