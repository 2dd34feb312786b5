/* The registers of x87 and SSE: a program's own, whatever other programs and its handlers compute,
 * and faults of computing. */
#include "signals.h"

static volatile int fpu_status;
static volatile long fpu_one;

/* As any function does: it counts on eight empty registers. */
static void use_fpu(int sig)
{
	unsigned short status = 0;
	long one = 0;

	count(sig);
	__asm__ volatile("fld1\n fld1\n fld1\n faddp\n faddp\n fld1\n fld1\n fld1\n fld1\n fld1\n fld1\n fld1\n"
			 "faddp\n faddp\n faddp\n faddp\n faddp\n faddp\n faddp\n fistpl %0\n fnstsw %1"
			 : "+m"(one), "+m"(status));
	fpu_one = one;
	fpu_status = status & 0x41; /* invalid, stack fault */
}

/* Takes the exception's flag out of the state and masks it. */
static void mend_fpu(int sig, struct ksiginfo *si, struct kucontext *uc)
{
	ulong *state = (ulong *)uc->mc.fpstate;

	tell(sig, si, uc);
	if (seen_count > 3 || state == 0)
		SC1(NR_exit_group, 9);
	state[0] |= 0x3f;
	state[1] &= ~0x80fful;
}

static int divides_by_zero(void *arg)
{
	unsigned short control = 0x37b, after = 0;

	(void)arg;
	seen_count = 0;
	on(SIG_FPE, mend_fpu, F_SIGINFO, 0);
	__asm__ volatile("fninit\n fldcw %1\n fld1\n fldz\n fdivrp\n fwait\n fnstcw %0"
			 : "=m"(after) : "m"(control));
	return seen_count != 1 ? 1 : last_info.code != 3 ? 2 : last_context.mc.trapno != 16 ? 3
		: after != 0x37f ? 4 : 0;
}

/* Ends with an exception that no instruction has met yet. */
static int leaves_exception(void *arg)
{
	unsigned short control = 0x37b;

	(void)arg;
	__asm__ volatile("fninit\n fldcw %0\n fld1\n fldz\n fdivrp" : : "m"(control));
	k_exit(6);
}

static int computes(void *arg)
{
	long one = 0;

	__asm__ volatile("fld1\n fistpl %0" : "=m"(one));
	return arg ? 0 : (int)one;
}

static int has_sse(void)
{
	u32 a = 0, b, c, d = 0, flags, changed;

	__asm__ volatile("pushf\n pop %0\n mov %0,%1\n xor $0x200000,%1\n push %1\n popf\n pushf\n pop %1\n"
			 : "=&r"(flags), "=&r"(changed));
	if (!((flags ^ changed) & 0x200000))
		return 0;
	__asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(1));
	return d >> 25 & 1;
}

static volatile u32 mxcsr_in_handler;

static void use_sse(int sig)
{
	u32 mxcsr;

	count(sig);
	__asm__ volatile("stmxcsr %0\n xorps %%xmm0,%%xmm0\n xorps %%xmm7,%%xmm7" : "=m"(mxcsr));
	mxcsr_in_handler = mxcsr;
}

/* Two registers and the control word, after others have used theirs. */
static void sse(void)
{
	static const u32 first[4] = { 1, 2, 3, 4 }, last[4] = { 5, 6, 7, 8 };
	static u32 a[4], b[4], control = 0x7f80, back;
	long pid = k_fork();

	on(SIG_USR1, use_sse, 0, 0);
	if (pid == 0)
		for (int i = 0; i < 50; i++) {
			use_sse(0);
			k_yield();
		}
	if (pid == 0)
		k_exit(0);
	__asm__ volatile("movups %0,%%xmm0\n movups %1,%%xmm7\n ldmxcsr %2"
			 : : "m"(first), "m"(last), "m"(control));
	for (int i = 0; i < 50; i++)
		k_yield();
	raise_(SIG_USR1);
	__asm__ volatile("movups %%xmm0,%0\n movups %%xmm7,%1\n stmxcsr %2" : "=m"(a), "=m"(b), "=m"(back));
	k_wait(pid, 0);
	ok(a[0] == 1 && a[3] == 4 && b[0] == 5 && b[3] == 8 && back == 0x7f80,
	   "SSE registers survive others and handlers");
	eq((long)mxcsr_in_handler, 0x1f80, "which begin with the usual control word");
	control = 0x1f80;
	__asm__ volatile("ldmxcsr %0" : : "m"(control));
}

static void x87(void)
{
	double eight = 0;

	on(SIG_USR1, use_fpu, 0, 0);
	__asm__ volatile("fninit\n fld1\n fld1\n fld1\n fld1\n fld1\n fld1\n fld1\n fld1\n");
	raise_(SIG_USR1);
	__asm__ volatile("faddp\n faddp\n faddp\n faddp\n faddp\n faddp\n faddp\n fstpl %0" : "=m"(eight));
	ok(fpu_one == 10 && fpu_status == 0, "a handler begins with empty FPU registers");
	ok(eight == 8.0, "which are full again when it returns");
	eq(in_child(divides_by_zero, 0), 0, "SIGFPE tells the exception, and its handler can mend it");
	eq(in_child(leaves_exception, 0), 6 << 8, "an exception may be left behind");
	eq(in_child(computes, 0), 1 << 8, "and meets nobody else");
}

int main(void)
{
	x87();
	if (has_sse())
		sse();
	return done("fpu");
}
