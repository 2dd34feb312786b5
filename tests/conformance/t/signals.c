/* Signals: handlers of both kinds, masks, what is queued, interrupted calls, alternate stacks,
 * stopping and going on, children, timers, and frames that a program has changed. */
#include "signals.h"

enum {
	NR_pause = 29, NR_alarm = 27, NR_setpgid = 57, NR_setitimer = 104, NR_getitimer = 105,
	NR_rt_sigpending = 176, NR_rt_sigtimedwait = 177, NR_rt_sigqueueinfo = 178,
	NR_rt_sigsuspend = 179, NR_tgkill = 270, NR_signal = 48, NR_sigaction = 67, NR_sigsuspend = 72,
	NR_sigpending = 73, NR_sigprocmask = 126
};
static volatile int depth, deepest, nested;

/* ---- handlers ---- */

static void nest(int sig)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (++nested < 3)
		raise_(sig);
	depth--;
}

/* A child takes a signal whose handler is for once. 0: it has the default after that. */
static int takes_it_once(void *arg)
{
	struct ksigaction now = { 0 };

	(void)arg;
	raise_(SIG_USR1);
	SC4(NR_rt_sigaction, SIG_USR1, 0, &now, 8);
	return now.handler == 0 ? 0 : 1;
}

static void handlers(void)
{
	on(SIG_USR1, count, 0, 0);
	raise_(SIG_USR1);
	eq(seen, SIG_USR1, "an old-style handler gets its signal");

	ulong flags, si = 0x11, di = 0x22, dx = 0x33;
	__asm__ volatile("std\n int $0x80\n pushf\n cld\n pop %%eax"
			 : "=a"(flags), "+S"(si), "+D"(di), "+d"(dx)
			 : "a"(NR_kill), "b"(me()), "c"(SIG_USR1)
			 : "memory", "cc");
	ok(si == 0x11 && di == 0x22 && dx == 0x33, "the registers come back");
	ok(flags & 0x400, "and the direction flag");

	on(SIG_USR1, tell, F_SIGINFO, bit(SIG_USR2));
	raise_(SIG_USR1);
	ok(last_info.signo == SIG_USR1 && last_info.code == 0 && last_info.word[0] == me(),
	   "SA_SIGINFO tells signal, SI_USER and the sender");
	ok((last_context.mc.cs & 3) == 3 && last_context.mc.esp > (ulong)&last_info,
	   "and the registers");
	eq((long)last_context.mask, 0, "and the mask of before");
	eq((long)get_mask(), 0, "the mask is back afterwards");

	depth = deepest = nested = 0;
	on(SIG_USR1, nest, 0, 0);
	raise_(SIG_USR1);
	eq(deepest, 1, "a handler is not interrupted by its own signal");
	depth = deepest = nested = 0;
	on(SIG_USR1, nest, F_NODEFER, 0);
	raise_(SIG_USR1);
	eq(deepest, 3, "but with SA_NODEFER");

	on(SIG_USR1, count, F_RESETHAND, 0);
	raise_(SIG_USR1);
	struct ksigaction old;
	SC4(NR_rt_sigaction, SIG_USR1, 0, &old, 8);
	ok(old.handler == 0, "SA_RESETHAND leaves the default");
	on(SIG_USR1, count, F_RESETHAND, 0);
	eq(in_child(takes_it_once, 0), 0, "in a child too");
	SC4(NR_rt_sigaction, SIG_USR1, 0, &old, 8);
	ok(old.handler == count, "but not in its parent");

	on(SIG_USR1, count, 0x400 /* SA_UNSUPPORTED */ | F_NODEFER, 0);
	SC4(NR_rt_sigaction, SIG_USR1, 0, &old, 8);
	ok((old.flags & ~F_RESTORER) == F_NODEFER, "a flag that means nothing is not kept");

	eq(on(SIG_KILL, count, 0, 0), -EINVAL_, "SIGKILL has no handler");
	eq(on(SIG_STOP, (void *)1, 0, 0), -EINVAL_, "SIGSTOP is not ignored");
	eq(on(65, count, 0, 0), -EINVAL_, "there is no signal 65");
	eq(SC4(NR_rt_sigaction, SIG_USR1, 0, 0, 4), -EINVAL_, "a set has 8 bytes");
	eq(SC4(NR_rt_sigaction, SIG_USR1, 8, 0, 8), -EFAULT_, "an action nobody can read");
}

static int no_restorer(void *arg)
{
	struct ksigaction sa = { count, (ulong)arg, 0, 0 };

	SC4(NR_rt_sigaction, SIG_USR1, &sa, 0, 8);
	raise_(SIG_USR1);
	return seen_count == 1 ? 0 : 1;
}

/* ---- masks and queues ---- */

static void masks(void)
{
	u64 set = 0;

	seen_count = 0;
	on(SIG_USR1, count, 0, 0);
	on(SIG_RT, tell, F_SIGINFO, 0);
	set_mask(BLOCK, bit(SIG_USR1) | bit(SIG_RT) | bit(SIG_KILL));
	eq((long)(get_mask() >> 8 & 1), 0, "SIGKILL cannot be blocked");
	raise_(SIG_USR1);
	raise_(SIG_USR1);
	eq(seen_count, 0, "a blocked signal waits");
	SC2(NR_rt_sigpending, &set, 8);
	ok(set == bit(SIG_USR1), "and is pending");
	set_mask(UNBLOCK, bit(SIG_USR1));
	eq(seen_count, 1, "two of them come once");

	for (int i = 1; i <= 3; i++) {
		struct ksiginfo si = { SIG_RT, 0, -1, { (int)me(), 0, i * 100 } };

		SC3(NR_rt_sigqueueinfo, me(), SIG_RT, &si);
	}
	struct ksiginfo got = { 0 };
	long zero[2] = { 0, 0 };
	u64 rt = bit(SIG_RT);
	eq(SC4(NR_rt_sigtimedwait, &rt, &got, zero, 8), SIG_RT, "sigtimedwait takes a queued one");
	ok(got.word[2] == 100 && got.code == -1, "the first, with its value");
	seen_count = 0;
	set_mask(UNBLOCK, bit(SIG_RT));
	ok(seen_count == 2 && last_info.word[2] == 300, "the others come one by one, in order");
	long soon[2] = { 0, 20000000 };
	eq(SC4(NR_rt_sigtimedwait, &rt, &got, soon, 8), -EAGAIN_, "sigtimedwait gives up in time");
	eq(SC4(NR_rt_sigprocmask, 9, &rt, 0, 8), -EINVAL_, "no such way to change a mask");
	eq((long)get_mask(), 0, "and the mask is as it was");
}

/* The calls of sets with 32 bits. */
static void old_calls(void)
{
	struct {
		void *handler;
		ulong mask, flags;
		void *restorer;
	} sa = { count, 2, F_NODEFER | F_RESTORER, old_restorer }, was = { 0 };
	ulong set = bit(SIG_USR1), old = 0;
	struct ksigaction now;

	seen_count = 0;
	SC2(NR_signal, SIG_USR1, 0);
	eq(SC2(NR_signal, SIG_USR1, count), 0, "signal tells the handler of before");
	SC4(NR_rt_sigaction, SIG_USR1, 0, &now, 8);
	ok((now.flags & ~F_RESTORER) == (F_RESETHAND | F_NODEFER), "and sets one for once");
	raise_(SIG_USR1);
	eq(seen_count, 1, "which runs");
	eq(SC2(NR_signal, SIG_USR1, 1), 0, "and is gone");
	eq(SC2(NR_signal, SIG_KILL, count), -EINVAL_, "not for SIGKILL");

	eq(SC3(NR_sigaction, SIG_USR1, &sa, &was), 0, "sigaction");
	ok(was.handler == (void *)1, "tells the handler of before");
	eq(SC3(NR_sigaction, SIG_USR1, 0, &was), 0, "and again");
	ok(was.handler == sa.handler && was.mask == sa.mask && was.restorer == sa.restorer,
	   "handler, mask and restorer are as set");
	ok(was.flags == sa.flags, "and so are the flags");

	eq(SC3(NR_sigprocmask, BLOCK, &set, &old), 0, "sigprocmask");
	eq((long)old, 0, "tells the mask of before");
	raise_(SIG_USR1);
	eq(SC1(NR_sigpending, &old), 0, "sigpending");
	eq((long)old, (long)set, "tells of the blocked one");
	eq(SC3(NR_sigsuspend, 0, 0, 0), -EINTR_, "sigsuspend lets it in");
	eq(seen_count, 2, "and it comes");
	eq(SC3(NR_sigprocmask, UNBLOCK, &set, &old), 0, "sigprocmask");
	eq((long)old, (long)set, "the mask was back");

	on(SIG_USR1, (void *)1, F_RESETHAND, 0);
	set_mask(BLOCK, bit(SIG_USR1));
	raise_(SIG_USR1);
	set_mask(UNBLOCK, bit(SIG_USR1));
	SC4(NR_rt_sigaction, SIG_USR1, 0, &now, 8);
	ok(now.handler == (void *)1, "what is ignored remains so, SA_RESETHAND or not");
}

/* ---- interrupted calls ---- */

static int fds[2];

/* A child that signals the parent and then writes a byte. */
static long helper(int sig)
{
	long pid = k_fork();

	if (pid != 0)
		return pid;
	nap(60);
	SC2(NR_kill, SC0(NR_getppid), sig);
	nap(60);
	k_write(fds[1], "x", 1);
	k_exit(0);
}

static void interrupted(void)
{
	char c = 0;
	int st;
	long pid;

	k_pipe(fds);
	on(SIG_CHLD, 0, 0, 0);
	on(SIG_USR1, count, F_RESTART, 0);
	seen_count = 0;
	pid = helper(SIG_USR1);
	eq(k_read(fds[0], &c, 1), 1, "SA_RESTART: the read goes on");
	eq(seen_count, 1, "after its handler");
	k_wait(pid, &st);

	on(SIG_USR1, count, 0, 0);
	pid = helper(SIG_USR1);
	eq(k_read(fds[0], &c, 1), -EINTR_, "without it the read ends with EINTR");
	k_wait(pid, &st);
	k_read(fds[0], &c, 1);

	on(SIG_USR1, count, F_RESTART, 0);
	pid = helper(SIG_USR1);
	eq(SC0(NR_pause), -EINTR_, "pause ends by a handler even with SA_RESTART");
	k_wait(pid, &st);
	k_read(fds[0], &c, 1);

	pid = helper(SIG_WINCH);
	eq(k_read(fds[0], &c, 1), 1, "a signal that does nothing does not end a read");
	k_wait(pid, &st);

	u64 set = ~bit(SIG_USR2);
	on(SIG_USR2, count, 0, 0);
	set_mask(BLOCK, bit(SIG_USR2) | bit(SIG_USR1));
	raise_(SIG_USR2);
	seen = 0;
	eq(SC2(NR_rt_sigsuspend, &set, 8), -EINTR_, "sigsuspend");
	eq(seen, SIG_USR2, "delivers what its mask lets through");
	ok(get_mask() == (bit(SIG_USR2) | bit(SIG_USR1)), "and the mask of before is back");
	set_mask(SETMASK, 0);
	k_close(fds[0]);
	k_close(fds[1]);
}

/* ---- alternate stack ---- */

static u8 alternate[16384] __attribute__((aligned(16)));
static volatile ulong handler_stack;
static volatile long inner;

static void where(int sig)
{
	struct {
		ulong sp;
		int flags;
		ulong size;
	} ss = { (ulong)alternate, 0, sizeof(alternate) };

	(void)sig;
	handler_stack = (ulong)__builtin_frame_address(0);
	inner = SC2(NR_sigaltstack, &ss, 0);
}

static int overflow(void *arg)
{
	volatile u8 big[4096];

	big[0] = 1;
	return arg ? overflow(arg) + big[0] : 0;
}

static void ended_well(int sig)
{
	k_exit(sig == SIG_SEGV ? 7 : 8);
}

static int deep(void *arg)
{
	struct k_rlimit small = { 256 * 1024, 256 * 1024 };

	SC2(NR_setrlimit, RL_STACK, &small);
	on(SIG_SEGV, ended_well, F_ONSTACK, 0);
	return overflow(arg);
}

/* A handler that has no stack: that is a fault, and the fault's handler has one. */
static int pushed_nowhere(void *ss)
{
	long pid = me();

	SC2(NR_sigaltstack, ss, 0);
	on(SIG_SEGV, ended_well, F_ONSTACK, 0);
	on(SIG_USR1, count, 0, 0);
	__asm__ volatile("mov %%esp,%%edi\n mov $0x5000,%%esp\n int $0x80\n mov %%edi,%%esp"
			 :
			 : "a"(NR_kill), "b"(pid), "c"(SIG_USR1)
			 : "edi", "memory");
	return 1;
}

/* Interrupts itself until it has left the upper half of the alternate stack, or may not. */
static void deeper(int sig)
{
	if ((ulong)__builtin_frame_address(0) < (ulong)alternate + sizeof(alternate) / 2)
		k_exit(1);
	raise_(sig);
}

static int outgrows(void *arg)
{
	struct {
		ulong sp;
		int flags;
		ulong size;
	} half = { (ulong)alternate + sizeof(alternate) / 2, 0, sizeof(alternate) / 2 };

	(void)arg;
	SC2(NR_sigaltstack, &half, 0);
	on(SIG_USR1, deeper, F_ONSTACK | F_NODEFER, 0);
	raise_(SIG_USR1);
	return 2;
}

/* Takes the alternate stack away, until the handler returns. */
static void without_stack(int sig, struct ksiginfo *si, struct kucontext *uc)
{
	struct {
		ulong sp;
		int flags;
		ulong size;
	} none = { 0, 2, 0 };

	tell(sig, si, uc);
	inner = SC2(NR_sigaltstack, &none, 0);
}

static void stacks(void)
{
	struct {
		ulong sp;
		int flags;
		ulong size;
	} ss = { (ulong)alternate, 0, sizeof(alternate) }, old = { 0 };

	eq(SC2(NR_sigaltstack, 0, &old), 0, "sigaltstack");
	eq(old.flags, 2, "there is none at first");
	eq(SC2(NR_sigaltstack, &ss, 0), 0, "set one");
	on(SIG_USR1, where, F_ONSTACK, 0);
	raise_(SIG_USR1);
	ok(handler_stack - (ulong)alternate < sizeof(alternate), "the handler runs there");
	eq(inner, -EPERM_, "where it cannot be changed");
	on(SIG_USR1, where, 0, 0);
	raise_(SIG_USR1);
	ok(handler_stack - (ulong)alternate >= sizeof(alternate), "without SA_ONSTACK it does not");
	eq(in_child(deep, &ss), 7 << 8, "a stack overflow is handled on it");
	eq(in_child(pushed_nowhere, &ss), 7 << 8, "so is a handler without a stack");
	eq(in_child(outgrows, 0), SIG_SEGV, "handlers that outgrow it end there");
	on(SIG_USR1, without_stack, F_SIGINFO, 0);
	raise_(SIG_USR1);
	SC2(NR_sigaltstack, 0, &old);
	ok(inner == 0 && old.flags == 0 && old.size == ss.size, "sigreturn gives it back");
	ss.flags = 7;
	eq(SC2(NR_sigaltstack, &ss, 0), -EINVAL_, "flags that mean nothing");
	ss.flags = 0;
	ss.size = 100;
	eq(SC2(NR_sigaltstack, &ss, 0), -ENOMEM_, "100 bytes are too few");
	ss.flags = 2;
	eq(SC2(NR_sigaltstack, &ss, 0), 0, "and away with it");
	SC2(NR_sigaltstack, 0, &old);
	ok(old.sp == 0 && old.flags == 2 && old.size == 0, "nothing of it is left");
}

/* Who may be asked for is a process or a group; who is not there cannot be. */
static void nobody(void)
{
	long pid = k_fork();

	if (pid == 0)
		k_exit(0);
	k_wait(pid, 0);
	eq(SC2(NR_kill, pid, 0), -ESRCH_, "kill of a process that is gone");
	eq(SC2(NR_kill, -pid, 0), -ESRCH_, "of a group that nobody is in");
	eq(SC2(NR_kill, -pid, SIG_KILL), -ESRCH_, "whatever the signal");
	eq(SC2(NR_kill, 0, 0), 0, "of one's own group");
	eq(SC2(NR_kill, SC0(NR_getpid), 65), -EINVAL_, "no such signal");
	eq(SC3(NR_tgkill, SC0(NR_getpid), pid, 0), -ESRCH_, "tgkill of a thread that is gone");
}

/* ---- children ---- */

static void children(void)
{
	int st = 0;
	long pid;

	on(SIG_CHLD, tell, F_SIGINFO | F_RESTART, 0);
	seen = 0;
	pid = k_fork();
	if (pid == 0)
		k_exit(5);
	k_wait(pid, &st);
	ok(seen == SIG_CHLD && last_info.code == 1 && last_info.word[0] == pid && last_info.word[2] == 5,
	   "SIGCHLD tells CLD_EXITED, who, and the code");
	pid = k_fork();
	if (pid == 0)
		for (;;)
			SC0(NR_pause);
	SC2(NR_kill, pid, SIG_STOP);
	eq(SC4(NR_wait4, pid, &st, 2, 0), pid, "WUNTRACED waits for a stop");
	eq(st, SIG_STOP << 8 | 0x7f, "which names its signal");
	ok(last_info.code == 5 && last_info.word[2] == SIG_STOP, "SIGCHLD said CLD_STOPPED");
	SC2(NR_kill, pid, SIG_TERM);
	nap(30);
	eq(SC4(NR_wait4, pid, &st, 1, 0), 0, "a stopped process does not end by an ordinary signal");
	SC2(NR_kill, pid, SIG_CONT);
	eq(SC4(NR_wait4, pid, &st, 8, 0), pid, "WCONTINUED, or the end");
	if (st == 0xffff)
		k_wait(pid, &st);
	eq(st, SIG_TERM, "then the other signal ends it");

	pid = k_fork();
	if (pid == 0)
		for (;;)
			SC0(NR_pause);
	SC2(NR_kill, pid, SIG_STOP);
	SC4(NR_wait4, pid, &st, 2, 0);
	SC2(NR_kill, pid, SIG_KILL);
	eq(k_wait(pid, &st), pid, "SIGKILL ends a stopped process");
	eq(st, SIG_KILL, "with its own status");

	on(SIG_CHLD, (void *)1, 0, 0);
	pid = k_fork();
	if (pid == 0)
		k_exit(0);
	eq(k_wait(pid, &st), -ECHILD_, "with SIGCHLD ignored no zombie is left");
	u64 set = 0;
	set_mask(BLOCK, bit(SIG_CHLD));
	pid = k_fork();
	if (pid == 0)
		k_exit(0);
	k_wait(pid, &st);
	SC2(NR_rt_sigpending, &set, 8);
	ok(set == 0, "nor a signal, though it is blocked");
	set_mask(UNBLOCK, bit(SIG_CHLD));
	on(SIG_CHLD, count, F_NOCLDWAIT | F_RESTART, 0);
	pid = k_fork();
	if (pid == 0)
		k_exit(0);
	eq(k_wait(pid, &st), -ECHILD_, "nor with SA_NOCLDWAIT");
	on(SIG_CHLD, 0, 0, 0);
}

/* ---- kill ---- */

static int waits(void *arg)
{
	(void)arg;
	for (;;)
		SC0(NR_pause);
	return 0;
}

/* Queues more signals than any kernel keeps. 0: in the end it says so. */
static int floods(void *arg)
{
	struct ksiginfo si = { .signo = SIG_RT, .code = -1 };
	long error = 0;

	(void)arg;
	set_mask(BLOCK, bit(SIG_RT));
	for (long i = 0; i < 2000000 && error == 0; i++)
		error = SC3(NR_rt_sigqueueinfo, me(), SIG_RT, &si);
	return error == -EAGAIN_ ? 0 : 1;
}

/* Signals its group, of which one is not meant to survive. */
static int signals_group(void *arg)
{
	long other;
	int st = 0;

	(void)arg;
	SC2(NR_setpgid, 0, 0);
	other = k_fork();
	if (other == 0)
		k_exit(waits(0));
	on(SIG_TERM, (void *)1, 0, 0);
	if (SC2(NR_kill, 0, SIG_TERM) != 0)
		return 1;
	k_wait(other, &st);
	return st;
}

/* Takes one queued signal. 0: it came with what queue_to_another() sent. */
static int takes_one(void)
{
	struct ksiginfo got = { 0 };
	long time[2] = { 5, 0 };
	u64 rt = bit(SIG_RT);

	if (SC4(NR_rt_sigtimedwait, &rt, &got, time, 8) != SIG_RT)
		return 1;
	return got.code == -1 && got.word[0] == 11 && got.word[1] == 22 && got.word[2] == 33 ? 0 : 2;
}

/* What only the kernel says, or tkill, is refused: the other could not tell who sent it. */
static void queue_to_another(void)
{
	struct ksiginfo si = { SIG_RT, 0, -1, { 11, 22, 33 } };
	long pid;
	int st;

	set_mask(BLOCK, bit(SIG_RT));
	pid = k_fork();
	if (pid == 0)
		k_exit(takes_one());
	for (int i = 0; i < 3; i++) {
		static const int codes[3] = { 0, 0x80, -6 };

		si.code = codes[i];
		eq(SC3(NR_rt_sigqueueinfo, pid, SIG_RT, &si), -EPERM_, "another is not told code %d", si.code);
	}
	si.code = -1;
	eq(SC3(NR_rt_sigqueueinfo, pid, SIG_RT, &si), 0, "but that it is queued");
	k_wait(pid, &st);
	eq(st, 0, "and all that goes along");
	eq(SC3(NR_rt_sigqueueinfo, pid, SIG_RT, &si), -3, "nobody is there any more");
	set_mask(UNBLOCK, bit(SIG_RT));
}

static void sending(void)
{
	long a, b;
	int st;

	eq(SC2(NR_kill, me(), 0), 0, "signal 0 only asks");
	eq(SC2(NR_kill, me(), 65), -EINVAL_, "signal 65 is none");
	eq(SC2(NR_kill, 0x3ffffff, 0), -3, "nobody is there");
	a = k_fork();
	if (a == 0) {
		SC2(NR_setpgid, 0, 0);
		k_exit(waits(0));
	}
	SC2(NR_setpgid, a, a);
	b = k_fork();
	if (b == 0)
		k_exit(waits(0));
	SC2(NR_setpgid, b, a);
	eq(SC2(NR_kill, -a, SIG_TERM), 0, "a group");
	k_wait(a, &st);
	eq(st, SIG_TERM, "of which one is ended");
	k_wait(b, &st);
	eq(st, SIG_TERM, "and the other");
	eq(SC2(NR_kill, -a, 0), -3, "and the group is gone");
	eq(in_child(signals_group, 0), SIG_TERM << 8, "process 0 means one's own group");
	on(SIG_USR1, tell, F_SIGINFO, 0);
	eq(SC3(NR_tgkill, me(), SC0(NR_gettid), SIG_USR1), 0, "tgkill");
	eq(last_info.code, -6, "says SI_TKILL");
	eq(SC3(NR_tgkill, me() + 1, SC0(NR_gettid), SIG_USR1), -3, "of another process it is not");
	eq(in_child(floods, 0), 0, "what queues has a bound, of which the sender hears");
}

/* ---- time ---- */

static void timers(void)
{
	struct {
		long isec, iusec, sec, usec;
	} it = { 0, 20000, 0, 20000 }, old = { 0 };

	on(SIG_ALRM, count, F_RESTART, 0);
	seen_count = 0;
	eq(SC3(NR_setitimer, 0, &it, 0), 0, "setitimer");
	while (seen_count < 4)
		SC0(NR_pause);
	SC2(NR_getitimer, 0, &old);
	ok(old.iusec == 20000 && old.sec == 0 && old.usec <= 30000, "comes again and again");
	it.iusec = it.usec = 0;
	SC3(NR_setitimer, 0, &it, &old);
	seen_count = 0;
	nap(50);
	eq(seen_count, 0, "until it is stopped");
	eq(SC1(NR_alarm, 100), 0, "alarm");
	ok(SC1(NR_alarm, 0) >= 99, "and how long it had to go");
	on(27, count, F_RESTART, 0);
	seen_count = 0;
	it.iusec = it.usec = 20000;
	eq(SC3(NR_setitimer, 2, &it, 0), 0, "a timer of what the program computes");
	for (volatile long i = 0; i < 2000000000 && seen_count < 2; i++)
		;
	eq(seen_count, 2, "comes while it does");
	it.iusec = it.usec = 0;
	SC3(NR_setitimer, 2, &it, 0);
	it.usec = 1000000;
	eq(SC3(NR_setitimer, 0, &it, 0), -EINVAL_, "a second has less than a million microseconds");
}

/* ---- frames that were changed ---- */

static void more_rights(int sig, struct ksiginfo *si, struct kucontext *uc)
{
	(void)sig;
	(void)si;
	uc->mc.eflags |= 0x7000; /* IOPL 3, NT */
	uc->mc.cs = 0x08;
	uc->mc.ss = 0x10;
}

static int asks_for_rights(void *arg)
{
	on(SIG_USR1, more_rights, F_SIGINFO, 0);
	raise_(SIG_USR1);
	__asm__ volatile("cli");
	return arg ? 1 : 0;
}

static void kernel_segments(int sig, struct ksiginfo *si, struct kucontext *uc)
{
	(void)sig;
	(void)si;
	uc->mc.ds = uc->mc.es = 0x10;
	uc->mc.gs = 0x28;
	uc->mc.fs = 0xfff8;
}

static int asks_for_segments(void *arg)
{
	on(SIG_USR1, kernel_segments, F_SIGINFO, 0);
	raise_(SIG_USR1);
	return arg ? 1 : 0;
}

static int frame_nowhere(void *arg)
{
	(void)arg;
	SC3(NR_sigaltstack, 0, 0, 0);
	on(SIG_USR1, count, 0, 0);
	long pid = me();
	__asm__ volatile("mov %%esp,%%edi\n mov $0x5000,%%esp\n int $0x80\n mov %%edi,%%esp"
			 :
			 : "a"(NR_kill), "b"(pid), "c"(SIG_USR1)
			 : "edi", "memory");
	return 1;
}

static int return_from_nowhere(void *arg)
{
	(void)arg;
	__asm__ volatile("mov $0x5000,%esp\n mov $173,%eax\n int $0x80\n ud2");
	return 1;
}

static int fault_while_blocked(void *arg)
{
	on(SIG_SEGV, count, 0, 0);
	set_mask(BLOCK, bit(SIG_SEGV));
	*(volatile int *)arg = 1;
	return 1;
}

static int fault_while_ignored(void *arg)
{
	on(SIG_SEGV, (void *)1, 0, 0);
	*(volatile int *)arg = 1;
	return 1;
}

static void skip_cli(int sig, struct ksiginfo *si, struct kucontext *uc)
{
	tell(sig, si, uc);
	uc->mc.eip++;
}

static void frames(void)
{
	int st;

	ok(in_child(asks_for_rights, 0) == SIG_SEGV, "a frame gives no right to cli");
	st = (int)in_child(asks_for_segments, 0);
	ok(st == 0 || st == SIG_SEGV, "nor the kernel's segments");
	eq(in_child(frame_nowhere, 0), SIG_SEGV, "no stack for the frame: SIGSEGV");
	eq(in_child(return_from_nowhere, 0), SIG_SEGV, "no frame to return from: SIGSEGV");
	eq(in_child(fault_while_blocked, (void *)16), SIG_SEGV, "a fault while SIGSEGV is blocked");
	eq(in_child(fault_while_ignored, (void *)16), SIG_SEGV, "or ignored");
	on(SIG_SEGV, skip_cli, F_SIGINFO, 0);
	__asm__ volatile("cli");
	ok(last_info.code == 0x80 && last_context.mc.trapno == 13, "a protection fault has its number");
	on(SIG_SEGV, 0, 0, 0);
}

int main(void)
{
	handlers();
	seen_count = 0;
	eq(in_child(no_restorer, 0), 0, "a handler returns without a restorer");
	eq(in_child(no_restorer, (void *)F_SIGINFO), 0, "with SA_SIGINFO too");
	masks();
	old_calls();
	interrupted();
	stacks();
	nobody();
	children();
	sending();
	queue_to_another();
	timers();
	frames();
	return done("signals");
}
