/* Every call that sleeps: ended by exit_group in another thread, by a signal's default, by a
 * handler with EINTR, or done again after one. */
#include "signals.h"

enum {
	NR_pause = 29, NR_setitimer = 104, NR_rt_sigtimedwait = 177, NR_rt_sigsuspend = 179,
	NR_clock_nanosleep = 267, NR_waitid = 284, NR_ppoll = 309, NR_pselect6 = 308
};

/* VM, FS, FILES, SIGHAND, THREAD, SYSVSEM */
#define THREAD_FLAGS 0x50f00ul
#define SIZE (4 * PG)

long clone_thread(ulong flags, void *top);
__asm__(".text\nclone_thread:\npush %ebx\nmov 8(%esp),%ebx\nmov 12(%esp),%ecx\nmov $120,%eax\nint $0x80\n"
	"test %eax,%eax\njnz 1f\nxor %ebp,%ebp\npop %eax\ncall *%eax\nmov $1,%eax\nxor %ebx,%ebx\n"
	"int $0x80\nhlt\n1: pop %ebx\nret\n");

static const struct {
	const char *name;
	int again; /* SA_RESTART does it again */
} kinds[] = {
	{ "futex", 1 }, { "nanosleep", 0 }, { "read", 1 }, { "write", 1 }, { "poll", 0 },
	{ "select", 0 }, { "wait4", 1 }, { "waitid", 1 }, { "pause", 0 }, { "rt_sigsuspend", 0 },
	{ "rt_sigtimedwait", 0 }, { "clock_nanosleep", 0 }, { "ppoll", 0 }, { "pselect6", 0 },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static volatile int word;
static int empty[2], full[2];

/* A pipe without bytes and one without room. */
static void prepare(void)
{
	static char bytes[4096];

	k_pipe(empty);
	k_pipe(full);
	SC3(NR_fcntl64, full[1], 4, 04000); /* O_NONBLOCK */
	while (k_write(full[1], bytes, sizeof(bytes)) > 0)
		;
	SC3(NR_fcntl64, full[1], 4, 0);
}

/* A child that stays as long as its parent. */
static long stays(void)
{
	long pid = k_fork();

	if (pid == 0)
		SC2(172, 1, SIG_KILL); /* prctl(PR_SET_PDEATHSIG) */
	while (pid == 0)
		SC0(NR_pause);
	return pid;
}

static long sleeps(int kind)
{
	struct {
		int fd;
		short events, revents;
	} entry = { empty[0], 1, 0 };
	long time[2] = { 100, 0 }, info[32];
	u64 none = 0, winch = 1ull << (SIG_WINCH - 1);
	char byte;
	int st;

	switch (kind) {
	case 0: return SC4(NR_futex, &word, 0, 0, 0);
	case 1: return SC2(NR_nanosleep, time, 0);
	case 2: return k_read(empty[0], &byte, 1);
	case 3: return k_write(full[1], "x", 1);
	case 4: return SC3(NR_poll, &entry, 1, -1);
	case 5: return SC5(NR_select, 0, 0, 0, 0, 0);
	case 6: return SC4(NR_wait4, stays(), &st, 0, 0);
	case 7: return SC5(NR_waitid, 1, stays(), info, 4, 0);
	case 8: return SC0(NR_pause);
	case 9: return SC2(NR_rt_sigsuspend, &none, 8);
	case 10: return SC4(NR_rt_sigtimedwait, &winch, 0, 0, 8);
	case 11: return SC4(NR_clock_nanosleep, 1, 0, time, 0);
	case 12: return SC5(NR_ppoll, &entry, 1, 0, &none, 8);
	default: return SC6(NR_pselect6, 0, 0, 0, 0, 0, 0);
	}
}

/* ---- the end of all threads ---- */

static volatile int kind_of_thread;

static void sleeping_thread(void)
{
	sleeps(kind_of_thread);
}

static void ending_thread(void)
{
	nap(20);
	k_exit(33);
}

static void start(void (*fn)(void))
{
	void **top = (void **)(k_anon(SIZE, P_RW) + SIZE) - 4;

	top[0] = (void *)fn;
	clone_thread(THREAD_FLAGS, top);
}

static int other_thread_sleeps(void *kind)
{
	kind_of_thread = (int)(ulong)kind;
	start(sleeping_thread);
	nap(20);
	k_exit(33);
}

static int first_thread_sleeps(void *kind)
{
	start(ending_thread);
	sleeps((int)(ulong)kind);
	return 1;
}

/* ---- signals ---- */

static void signal_soon(int sig, long ms)
{
	long pid = SC0(NR_getpid);

	if (k_fork() != 0)
		return;
	nap(ms);
	SC2(NR_kill, pid, sig);
	k_exit(0);
}

static int killed(void *kind)
{
	signal_soon(SIG_TERM, 20);
	sleeps((int)(ulong)kind);
	return 1;
}

/* 4: EINTR */
static int handled(void *kind)
{
	on(SIG_ALRM, count, 0, 0);
	signal_soon(SIG_ALRM, 20);
	return (int)-sleeps((int)(ulong)kind);
}

/* 4, or SIGTERM that finds it asleep again */
static int restarted(void *kind)
{
	on(SIG_ALRM, count, F_RESTART, 0);
	signal_soon(SIG_ALRM, 20);
	signal_soon(SIG_TERM, 60);
	return (int)-sleeps((int)(ulong)kind);
}

int main(void)
{
	prepare();
	for (int i = 0; i < KINDS; i++) {
		void *kind = (void *)(ulong)i;
		const char *name = kinds[i].name;

		eq(in_child(other_thread_sleeps, kind), 33 << 8, "%s: ends with its process", name);
		eq(in_child(first_thread_sleeps, kind), 33 << 8, "%s: also in the first thread", name);
		eq(in_child(killed, kind), SIG_TERM, "%s: SIGTERM", name);
		eq(in_child(handled, kind), EINTR_ << 8, "%s: EINTR after a handler", name);
		eq(in_child(restarted, kind), kinds[i].again ? SIG_TERM : EINTR_ << 8,
		   kinds[i].again ? "%s: again with SA_RESTART" : "%s: EINTR even with SA_RESTART", name);
	}
	return done("blocked");
}
