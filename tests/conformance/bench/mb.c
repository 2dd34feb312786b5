/* Memory-management microbenchmarks for any kernel with the Linux/i386 ABI.
 *   mb [name-prefix|all] [rounds]
 * Each line: BENCH name per-op-minimum per-op-median ops-per-round rounds
 * and, where /proc/vmstat has them: COUNT name operations field=increase...
 * in time-stamp-counter ticks. Under QEMU with -icount shift=0 a tick is one guest instruction, so
 * the figures are exact and repeatable; without it they are host time and only good as ratios. */
#include "count.h"

enum { MAXR = 31 };
static int rounds = 9;
static const char *only = "all";

/* one system call with as little around it as possible */
static inline long call0(long nr)
{
	long r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr) : "memory");
	return r;
}
static inline long call1(long nr, long a)
{
	long r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a) : "memory");
	return r;
}
static inline long call3(long nr, long a, long b, long c)
{
	long r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return r;
}

/* ---- what ticks leave out: the kernel's own counts ---- */
static const char *const counted[] = { "tlb_flush_page", "tlb_flush_all", "cr3_loads", "bytes_copied", "bytes_cleared" };
enum { COUNTED = sizeof counted / sizeof *counted };
struct counts {
	u32 value[COUNTED];
	u8 found[COUNTED];
};

/* "name value" at the start of a line */
static void take_line(struct counts *c, const char *line)
{
	for (int i = 0; i < COUNTED; i++) {
		ulong n = 0;
		while (counted[i][n] && line[n] == counted[i][n])
			n++;
		if (counted[i][n] || line[n] != ' ')
			continue;
		c->found[i] = 1;
		c->value[i] = 0;
		while (line[++n] >= '0' && line[n] <= '9')
			c->value[i] = c->value[i] * 10 + (u32)(line[n] - '0');
	}
}

static void read_counts(struct counts *c)
{
	static char text[8192];
	long fd = SC3(NR_open, "/proc/vmstat", 0, 0), n, all = 0;
	*c = (struct counts){ { 0 }, { 0 } };
	if (fd < 0)
		return;
	while (all < (long)sizeof text - 1 && (n = k_read((int)fd, text + all, sizeof text - 1 - all)) > 0)
		all += n;
	text[all] = 0;
	k_close((int)fd);
	for (char *p = text; *p; p++)
		if (p == text || p[-1] == '\n')
			take_line(c, p);
}

static void print_counts(const char *name, ulong ops, const struct counts *before)
{
	struct counts after;
	read_counts(&after);
	for (int i = 0; i < COUNTED; i++)
		if (after.found[i] && before->found[i])
			out("COUNT %s %lu %s=%u\n", name, ops, counted[i], after.value[i] - before->value[i]);
}

#define CANNOT ((u64)-1)

/* fn(n) runs n operations and returns the ticks they took, or CANNOT */
static void bench(const char *name, u32 n, u64 (*fn)(u32))
{
	u32 v[MAXR];
	struct counts before;
	if (!asked_for(only, name))
		return;
	read_counts(&before);
	for (int r = -1; r < rounds; r++) { /* round -1 warms up */
		u64 t = fn(n);
		if (t == CANNOT) {
			out("BENCH %s skipped\n", name);
			return;
		}
		if (r < 0)
			continue;
		u32 x = per_op(t, n);
		int i = r;
		for (; i > 0 && v[i - 1] > x; i--)
			v[i] = v[i - 1];
		v[i] = x;
	}
	out("BENCH %s %lu %lu %lu %d\n", name, (ulong)v[0], (ulong)v[rounds / 2], (ulong)n, rounds);
	print_counts(name, n * (ulong)(rounds + 1), &before);
}

static u8 *map(ulong n)
{
	long p = k_anon(n, P_RW);
	if (is_err(p))
		return 0;
	k_madvise((void *)p, n, 15); /* small pages where there is a choice */
	return (u8 *)p;
}
static void dirty(u8 *p, ulong n)
{
	for (ulong o = 0; o < n; o += PG)
		*(volatile u32 *)(p + o) = 0x1234;
}

/* ---- system calls ---- */
static u64 b_empty(u32 n)
{
	u64 t = tsc();
	for (u32 i = 0; i < n; i++)
		__asm__ volatile("" : : : "memory");
	return tsc() - t;
}
static u64 b_getppid(u32 n)
{
	u64 t = tsc();
	for (u32 i = 0; i < n; i++)
		call0(NR_getppid);
	return tsc() - t;
}
static u64 b_nosys(u32 n)
{
	u64 t = tsc();
	for (u32 i = 0; i < n; i++)
		call0(9999);
	return tsc() - t;
}
static u64 b_uname(u32 n)
{
	static u8 u[400];
	u64 t = tsc();
	for (u32 i = 0; i < n; i++)
		call1(NR_uname, (long)u);
	return tsc() - t;
}
static u64 b_yield(u32 n)
{
	u64 t = tsc();
	for (u32 i = 0; i < n; i++)
		call0(NR_sched_yield);
	return tsc() - t;
}

/* ---- page faults ---- */
static u64 touch(u32 n, int before, int write)
{
	u8 *p = map(n * PG);
	if (!p)
		return CANNOT;
	if (before)
		dirty(p, n * PG);
	u64 t = tsc();
	if (write)
		for (u32 i = 0; i < n; i++)
			*(volatile u8 *)(p + i * PG) = 1;
	else
		for (u32 i = 0; i < n; i++)
			(void)*(volatile u8 *)(p + i * PG);
	t = tsc() - t;
	k_munmap(p, n * PG);
	return t;
}
static u64 b_resident(u32 n) { return touch(n, 1, 1); } /* the same loop without faults: the floor */
static u64 b_fault_w(u32 n) { return touch(n, 0, 1); }
static u64 b_fault_r(u32 n) { return touch(n, 0, 0); }

/* ---- mappings ---- */
static u64 pairs(u32 n, ulong pages, int use)
{
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		long p = k_anon(pages * PG, P_RW);
		if (is_err(p))
			return CANNOT;
		if (use)
			dirty((u8 *)p, pages * PG);
		k_munmap((void *)p, pages * PG);
	}
	return tsc() - t;
}
static u64 b_mmap1(u32 n) { return pairs(n, 1, 0); }
static u64 b_mmap1t(u32 n) { return pairs(n, 1, 1); }
static u64 b_mmap64t(u32 n) { return pairs(n, 64, 1); }
static u64 b_mmap512t(u32 n) { return pairs(n, 512, 1); } /* 2 MiB: under one huge page of any kind */

static u64 b_munmap_hole(u32 n) /* among 1000 mappings */
{
	enum { M = 500 };
	u8 *p = map(2 * M * PG);
	if (!p)
		return CANNOT;
	for (u32 i = 0; i < M; i++)
		k_mprotect(p + 2 * i * PG, PG, P_R);
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		ulong k = (i * 7 % M) * 2 + 1;
		k_munmap(p + k * PG, PG);
		if (is_err(k_anon_at(p + k * PG, PG, P_RW)))
			return CANNOT;
	}
	t = tsc() - t;
	k_munmap(p, 2 * M * PG);
	return t;
}

static u64 brk_pairs(u32 n, ulong pages, int use)
{
	ulong b = (k_brk(0) + PG - 1) & -PG;
	if (k_brk(b) != b)
		return CANNOT;
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		if (k_brk(b + pages * PG) != b + pages * PG)
			return CANNOT;
		if (use)
			dirty((u8 *)b, pages * PG);
		k_brk(b);
	}
	return tsc() - t;
}
static u64 b_brk1(u32 n) { return brk_pairs(n, 1, 0); }
static u64 b_brk1t(u32 n) { return brk_pairs(n, 1, 1); }
static u64 b_brk64t(u32 n) { return brk_pairs(n, 64, 1); }

static u64 toggles(u32 n, ulong pages)
{
	u8 *p = map((pages + 2) * PG);
	if (!p)
		return CANNOT;
	dirty(p, (pages + 2) * PG);
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		call3(NR_mprotect, (long)(p + PG), (long)(pages * PG), P_R);
		call3(NR_mprotect, (long)(p + PG), (long)(pages * PG), P_RW);
	}
	t = tsc() - t;
	k_munmap(p, (pages + 2) * PG);
	return t;
}
static u64 b_mprot1(u32 n) { return toggles(n, 1); }
static u64 b_mprot256(u32 n) { return toggles(n, 256); }

static u64 b_mremap(u32 n) /* 1 MiB dirty, moved to and fro */
{
	ulong len = 256 * PG;
	u8 *p = map(len), *gap = map(3 * len);
	if (!p || !gap)
		return CANNOT;
	dirty(p, len);
	k_munmap(gap, 3 * len);
	u8 *a = gap, *b = gap + 2 * len - PG; /* not the same place within a page table */
	if (k_mremap(p, len, len, MR_MAYMOVE | MR_FIXED, a) != (long)a)
		return CANNOT;
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		k_mremap(a, len, len, MR_MAYMOVE | MR_FIXED, b);
		u8 *s = a;
		a = b;
		b = s;
	}
	t = tsc() - t;
	k_munmap(a, len);
	return t;
}

static u64 b_dontneed(u32 n) /* drop 256 pages and touch them again */
{
	u8 *p = map(256 * PG);
	if (!p)
		return CANNOT;
	dirty(p, 256 * PG);
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		if (k_madvise(p, 256 * PG, ADV_DONTNEED) != 0)
			return CANNOT;
		dirty(p, 256 * PG);
	}
	t = tsc() - t;
	k_munmap(p, 256 * PG);
	return t;
}

/* ---- processes ---- */
static u64 forks(u32 n, ulong mib, int use)
{
	u8 *p = 0;
	int st;
	if (mib) {
		p = map(mib << 20);
		if (!p)
			return CANNOT;
		dirty(p, mib << 20);
	}
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		long pid = k_fork();
		if (pid == 0) {
			if (use)
				dirty(p, mib << 20);
			k_exit(0);
		}
		if (pid < 0 || k_wait(pid, &st) != pid)
			return CANNOT;
	}
	t = tsc() - t;
	if (mib)
		k_munmap(p, mib << 20);
	return t;
}
static u64 b_fork(u32 n) { return forks(n, 0, 0); }
static u64 b_fork1(u32 n) { return forks(n, 1, 0); }
static u64 b_fork8(u32 n) { return forks(n, 8, 0); }
static u64 b_fork1t(u32 n) { return forks(n, 1, 1); }

/* the parent writes n pages that a child shares (one copy each), or shared until it ended */
static u64 cow(u32 n, int after_exit)
{
	int fd[2], st;
	char c;
	u8 *p = map(n * PG);
	if (!p || k_pipe(fd) != 0)
		return CANNOT;
	dirty(p, n * PG);
	long pid = k_fork();
	if (pid == 0) {
		k_close(fd[1]);
		k_read(fd[0], &c, 1);
		k_exit(0);
	}
	if (pid < 0)
		return CANNOT;
	if (after_exit) {
		k_close(fd[1]);
		k_wait(pid, &st);
	}
	u64 t = tsc();
	for (u32 i = 0; i < n; i++)
		*(volatile u8 *)(p + i * PG) = 2;
	t = tsc() - t;
	if (!after_exit) {
		k_close(fd[1]);
		k_wait(pid, &st);
	}
	k_close(fd[0]);
	k_munmap(p, n * PG);
	return t;
}
static u64 b_cow_copy(u32 n) { return cow(n, 0); }
static u64 b_cow_reuse(u32 n) { return cow(n, 1); }

static u64 b_pingpong(u32 n) /* a round trip is two switches, two writes, two reads */
{
	int a[2], b[2], st;
	char c = 0;
	if (k_pipe(a) != 0 || k_pipe(b) != 0)
		return CANNOT;
	long pid = k_fork();
	if (pid == 0) {
		k_close(a[1]);
		while (k_read(a[0], &c, 1) == 1)
			k_write(b[1], &c, 1);
		k_exit(0);
	}
	if (pid < 0)
		return CANNOT;
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		k_write(a[1], &c, 1);
		k_read(b[0], &c, 1);
	}
	t = tsc() - t;
	k_close(a[1]);
	k_wait(pid, &st);
	k_close(a[0]);
	k_close(b[0]);
	k_close(b[1]);
	return t;
}

static u64 pipe_self(u32 n, ulong len) /* in and out again, no switch */
{
	static u8 buf[4096];
	int a[2];
	if (k_pipe(a) != 0)
		return CANNOT;
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		k_write(a[1], buf, len);
		k_read(a[0], buf, len);
	}
	t = tsc() - t;
	k_close(a[0]);
	k_close(a[1]);
	return t;
}
static u64 b_pipe1(u32 n) { return pipe_self(n, 1); }
static u64 b_pipe4k(u32 n) { return pipe_self(n, 4000); }

/* ---- user space only: the machine's own figures, for scale ---- */
/* ---- files ---- */
static u64 reads(u32 n, const char *path, ulong len)
{
	static u8 buf[4096];
	long fd = SC3(NR_open, path, 0x42, 0600); /* O_RDWR | O_CREAT */
	if (is_err(fd) || is_err(k_write((int)fd, buf, sizeof buf)))
		return CANNOT;
	u64 t = tsc();
	for (u32 i = 0; i < n; i++)
		SC5(NR_pread64, fd, buf, len, 0, 0);
	t = tsc() - t;
	k_close((int)fd);
	SC1(NR_unlink, "/tmp/mb");
	return t;
}
static u64 b_read_null(u32 n) { return reads(n, "/dev/null", 1); }
static u64 b_read_tmp1(u32 n) { return reads(n, "/tmp/mb", 1); }
static u64 b_read_tmp4k(u32 n) { return reads(n, "/tmp/mb", 4096); }

static u64 b_open(u32 n)
{
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		long fd = SC3(NR_open, "/dev/null", 0, 0);
		if (is_err(fd))
			return CANNOT;
		k_close((int)fd);
	}
	return tsc() - t;
}

static u64 copies(u32 n, int copy)
{
	u8 *p = map(2 << 20);
	if (!p)
		return CANNOT;
	dirty(p, 2 << 20);
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		u8 *d = p, *s = p + (1 << 20);
		ulong c = (1 << 20) / 4;
		if (copy)
			__asm__ volatile("rep movsl" : "+D"(d), "+S"(s), "+c"(c) : : "memory");
		else
			__asm__ volatile("rep stosl" : "+D"(d), "+c"(c) : "a"(i) : "memory");
	}
	t = tsc() - t;
	k_munmap(p, 2 << 20);
	return t;
}
static u64 b_stos(u32 n) { return copies(n, 0); }
static u64 b_movs(u32 n) { return copies(n, 1); }

static u64 b_walk(u32 n) /* one word in each of 2048 resident pages, in a scattered order */
{
	u8 *p = map(2048 * PG);
	if (!p)
		return CANNOT;
	dirty(p, 2048 * PG);
	u32 k = 1;
	u64 t = tsc();
	for (u32 i = 0; i < n; i++) {
		k = (k * 1229 + 331) & 2047;
		(void)*(volatile u32 *)(p + k * PG);
	}
	t = tsc() - t;
	k_munmap(p, 2048 * PG);
	return t;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		only = argv[1];
	if (argc > 2)
		rounds = (int)parse_num(argv[2], 9);
	if (rounds < 1 || rounds > MAXR)
		rounds = 9;
	out("# BENCH name min median ops/round rounds (ticks per operation)\n");
	bench("empty_loop", 10000, b_empty);
	bench("sys_getppid", 2000, b_getppid);
	bench("sys_enosys", 2000, b_nosys);
	bench("sys_uname", 1000, b_uname);
	bench("sched_yield_alone", 1000, b_yield);
	bench("touch_resident_page", 1024, b_resident);
	bench("fault_anon_write", 1024, b_fault_w);
	bench("fault_anon_read", 1024, b_fault_r);
	bench("mmap_munmap_1p", 500, b_mmap1);
	bench("mmap_touch_munmap_1p", 500, b_mmap1t);
	bench("mmap_touch_munmap_64p", 20, b_mmap64t);
	bench("mmap_touch_munmap_512p", 4, b_mmap512t);
	bench("munmap_mmap_in_1000_vmas", 500, b_munmap_hole);
	bench("brk_pair_1p", 500, b_brk1);
	bench("brk_touch_pair_1p", 500, b_brk1t);
	bench("brk_touch_pair_64p", 20, b_brk64t);
	bench("mprotect_pair_1p", 500, b_mprot1);
	bench("mprotect_pair_256p", 50, b_mprot256);
	bench("mremap_move_256p", 20, b_mremap);
	bench("dontneed_retouch_256p", 10, b_dontneed);
	bench("fork_exit_wait", 50, b_fork);
	bench("fork_exit_wait_1MiB", 20, b_fork1);
	bench("fork_exit_wait_8MiB", 8, b_fork8);
	bench("fork_child_dirties_1MiB", 8, b_fork1t);
	bench("cow_copy_page", 512, b_cow_copy);
	bench("cow_reuse_page", 512, b_cow_reuse);
	bench("pipe_pingpong", 300, b_pingpong);
	bench("pipe_1B_self", 500, b_pipe1);
	bench("pipe_4000B_self", 200, b_pipe4k);
	bench("pread_null_1B", 500, b_read_null);
	bench("pread_tmp_1B", 500, b_read_tmp1);
	bench("pread_tmp_4096B", 200, b_read_tmp4k);
	bench("open_close_null", 500, b_open);
	bench("memset_1MiB_stosl", 4, b_stos);
	bench("memcpy_1MiB_movsl", 4, b_movs);
	bench("walk_2048_pages", 8192, b_walk);
	out("# end of benchmarks\n");
	return 0;
}
