/* The same operation on every CPU at once, for any kernel with the Linux/i386 ABI.
 *   crowd CPUS [name-prefix|all]
 * Each line: BENCH name per-op per-op ops cpus - what one operation costs when CPUS processes, or threads
 * of one space, each pinned to a CPU of its own, do as many of it as they can; the two figures are
 * the same one, so that a line reads like mb's.
 *
 * Under QEMU with -icount shift=0 a tick of the time-stamp counter is an instruction of any CPU: the
 * figure is all CPUs' instructions over all operations. With nothing shared it is the same for any
 * number of CPUs; what spinning and messages between CPUs cost comes on top. */
#include "count.h"

enum { MOST_CPUS = 8, STACK = 16384, SIGCHLD_ = 17 };
enum { CLONE_VM_ = 0x100, CLONE_FS_ = 0x200, CLONE_FILES_ = 0x400 };

static int cpus = 1;
static const char *only = "all";

/* ---- a crowd ---- */

struct member {
	void (*op)(int me, u32 n);
	u32 n;
	int me;
};

static int gate[2], arrivals[2];

static void behave(struct member *m)
{
	ulong mask = 1ul << m->me;
	char c = 0;
	SC3(NR_sched_setaffinity, 0, sizeof mask, &mask);
	m->op(m->me, m->n / 8 + 1); /* warm */
	k_write(arrivals[1], &c, 1);
	k_read(gate[0], &c, 1);
	m->op(m->me, m->n);
}

/* clone(flags, top); the child calls what lies on top of its stack with what lies above that */
long clone_on(ulong flags, void *top);
__asm__(".text\nclone_on:\npush %ebx\nmov 8(%esp),%ebx\nmov 12(%esp),%ecx\nxor %edx,%edx\n"
	"push %esi\npush %edi\nxor %esi,%esi\nxor %edi,%edi\nmov $120,%eax\nint $0x80\n"
	"test %eax,%eax\njnz 1f\nxor %ebp,%ebp\npop %eax\ncall *%eax\nmov $1,%eax\nxor %ebx,%ebx\n"
	"int $0x80\nhlt\n1: pop %edi\npop %esi\npop %ebx\nret\n");

static long start(struct member *m, int share)
{
	if (share) {
		static char stacks[MOST_CPUS][STACK] __attribute__((aligned(16)));
		u32 *top = (u32 *)(void *)(stacks[m->me] + STACK) - 8;
		top[0] = (u32)behave;
		top[1] = (u32)m;
		return clone_on(CLONE_VM_ | CLONE_FS_ | CLONE_FILES_ | SIGCHLD_, top);
	}
	long pid = k_fork();
	if (pid == 0) {
		behave(m);
		k_exit(0);
	}
	return pid;
}

static void bench(const char *name, u32 n, void (*op)(int, u32), int share)
{
	struct member members[MOST_CPUS];
	int st;
	char c[MOST_CPUS];
	if (!asked_for(only, name))
		return;
	for (int i = 0; i < cpus; i++) {
		members[i] = (struct member){ op, n, i };
		if (start(&members[i], share) < 0) {
			out("BENCH %s skipped\n", name);
			return;
		}
	}
	for (int i = 0; i < cpus; i++)
		k_read(arrivals[0], c, 1);
	u64 t = tsc();
	k_write(gate[1], c, (ulong)cpus);
	for (int i = 0; i < cpus; i++)
		k_wait(-1, &st);
	t = tsc() - t;
	u32 per = per_op(t, n * (u32)cpus);
	out("BENCH %s %u %u %u %d\n", name, per, per, n * (u32)cpus, cpus);
}

/* ---- what it does ---- */

static void op_getppid(int me, u32 n)
{
	(void)me;
	while (n--)
		SC0(NR_getppid);
}

static void maps(u32 n, ulong pages, int use)
{
	while (n--) {
		u8 *p = (u8 *)k_anon(pages * PG, P_RW);
		for (ulong i = 0; use && i < pages; i++)
			*(volatile u8 *)(p + i * PG) = 1;
		k_munmap(p, pages * PG);
	}
}
static void op_mmap(int me, u32 n)
{
	(void)me;
	maps(n, 1, 0);
}
static void op_mmap64(int me, u32 n)
{
	(void)me;
	maps(n, 64, 1);
}

static void op_fault(int me, u32 n) /* write faults only: what is dropped comes back */
{
	(void)me;
	u8 *p = (u8 *)k_anon(64 * PG, P_RW);
	for (u32 i = 0; i < n; i++) {
		if (i % 64 == 0)
			k_madvise(p, 64 * PG, ADV_DONTNEED);
		*(volatile u8 *)(p + i % 64 * PG) = 1;
	}
	k_munmap(p, 64 * PG);
}

static void op_mprotect(int me, u32 n)
{
	(void)me;
	u8 *p = (u8 *)k_anon(3 * PG, P_RW);
	p[PG] = 1;
	while (n--) {
		k_mprotect(p + PG, PG, P_R);
		k_mprotect(p + PG, PG, P_RW);
	}
	k_munmap(p, 3 * PG);
}

static void op_fork(int me, u32 n)
{
	int st;
	(void)me;
	while (n--) {
		long pid = k_fork();
		if (pid == 0)
			k_exit(0);
		k_wait(pid, &st);
	}
}

static void op_pipe(int me, u32 n)
{
	int a[2];
	char c = 0;
	(void)me;
	k_pipe(a);
	while (n--) {
		k_write(a[1], &c, 1);
		k_read(a[0], &c, 1);
	}
	k_close(a[0]);
	k_close(a[1]);
}

static void op_clock(int me, u32 n) /* and time goes on, whoever asks */
{
	struct {
		u32 sec, nsec;
	} last = { 0, 0 }, now;
	while (n--) {
		SC2(NR_clock_gettime, 1, &now); /* CLOCK_MONOTONIC */
		if (now.sec < last.sec || (now.sec == last.sec && now.nsec < last.nsec))
			out("crowd: on CPU %d time went back\n", me);
		last = now;
	}
}

static void op_open(int me, u32 n)
{
	(void)me;
	while (n--)
		k_close((int)SC3(NR_open, "/dev/null", 0, 0));
}

static void op_file(int me, u32 n) /* a file of its own, in one folder */
{
	char name[] = "/tmp/crowd0", c = 0;
	name[10] = (char)('0' + me);
	long fd = SC3(NR_open, name, 0x42, 0600); /* O_RDWR | O_CREAT */
	k_write((int)fd, &c, 1);
	while (n--)
		SC5(NR_pread64, fd, &c, 1, 0, 0);
	k_close((int)fd);
	SC1(NR_unlink, name);
}

static int cpus_here(void)
{
	ulong mask = 0;
	int n = 0;
	SC3(NR_sched_getaffinity, 0, sizeof mask, &mask);
	for (; mask; mask &= mask - 1)
		n++;
	return n;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cpus = (int)parse_num(argv[1], 1);
	if (argc > 2)
		only = argv[2];
	if (cpus < 1 || cpus > MOST_CPUS || k_pipe(gate) != 0 || k_pipe(arrivals) != 0)
		return 1;
	if (cpus_here() < cpus) {
		out("crowd: there are %d CPUs, not %d\n", cpus_here(), cpus);
		return 1;
	}
	out("# BENCH name per-op per-op operations cpus (ticks of all CPUs per operation)\n");
	bench("all_getppid", 4000, op_getppid, 0);
	bench("all_clock_gettime", 1000, op_clock, 0);
	bench("all_fault_anon_write", 2048, op_fault, 0);
	bench("all_mmap_munmap_1p", 2000, op_mmap, 0);
	bench("all_mmap_touch_munmap_64p", 40, op_mmap64, 0);
	bench("all_mprotect_pair_1p", 1000, op_mprotect, 0);
	bench("all_fork_exit_wait", 100, op_fork, 0);
	bench("all_pipe_1B_self", 1000, op_pipe, 0);
	bench("all_open_close_null", 500, op_open, 0);
	bench("all_pread_tmp_1B", 1000, op_file, 0);
	bench("threads_getppid", 4000, op_getppid, 1);
	bench("threads_fault_anon_write", 2048, op_fault, 1);
	bench("threads_mmap_munmap_1p", 2000, op_mmap, 1);
	bench("threads_pipe_1B_self", 1000, op_pipe, 1);
	out("# end of benchmarks\n");
	return 0;
}
