/* Threads as a libc makes them: clone, thread-local segments, futexes, locks whose owner died, and
 * the end of one thread and of all. */
#include "signals.h"
#include "text.h"

enum {
	F_WAIT = 0, F_WAKE = 1, F_REQUEUE = 3, F_CMP_REQUEUE = 4, F_WAKE_OP = 5, F_WAIT_BITSET = 9,
	F_WAKE_BITSET = 10, F_PRIVATE = 128,
	NR_futex_time64 = 422, NR_set_robust_list = 311, NR_get_robust_list = 312,
	NR_tkill = 238, NR_tgkill = 270, ETIMEDOUT_ = 110,
};

/* VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID */
#define THREAD_FLAGS 0x3d0f00ul
#define SETTLS 0x80000ul
#define SIZE (16 * PG)

struct user_desc {
	u32 entry, base, limit, flags;
};

struct thread {
	int (*fn)(struct thread *);
	volatile int tid; /* the kernel clears it at the end */
	int first_tid;
	char *stack;
	volatile long result;
	u32 tls[2];
};

static volatile int word, other, ready, go;
static struct thread threads[8];

/* clone(flags, top, &t->tid, desc, &t->tid); the child calls fn(t) and ends with exit */
long clone_thread(ulong flags, void *top, volatile int *tid, struct user_desc *desc);
__asm__(".text\nclone_thread:\npush %ebx\npush %esi\npush %edi\n"
	"mov 16(%esp),%ebx\nmov 20(%esp),%ecx\nmov 24(%esp),%edx\nmov 28(%esp),%esi\nmov %edx,%edi\n"
	"mov $120,%eax\nint $0x80\ntest %eax,%eax\njnz 1f\n"
	"xor %ebp,%ebp\npop %eax\ncall *%eax\nmov $1,%eax\nxor %ebx,%ebx\nint $0x80\nhlt\n"
	"1: pop %edi\npop %esi\npop %ebx\nret\n");

static long futex(volatile int *at, int op, ulong value, const void *time, volatile int *second,
		  ulong value3)
{
	return SC6(NR_futex, at, op, value, time, second, value3);
}

static int start(struct thread *t, int (*fn)(struct thread *), ulong flags, struct user_desc *desc)
{
	if (!t->stack)
		t->stack = (char *)k_anon(SIZE, P_RW);
	u32 *top = (u32 *)(t->stack + SIZE) - 8;
	t->fn = fn;
	t->tid = -1;
	t->result = 0;
	top[0] = (u32)fn;
	top[1] = (u32)t; /* its argument, above the return address */
	t->first_tid = (int)clone_thread(flags, top, &t->tid, desc);
	return t->first_tid;
}

static void join(struct thread *t)
{
	for (int tid; (tid = t->tid) != 0;)
		futex(&t->tid, F_WAIT, (ulong)tid, 0, 0, 0);
}

/* until `n` threads are asleep in futex: they announced it, and the others ran since */
static void wait_ready(int n)
{
	while (ready < n)
		k_yield();
	nap(30);
}

static int store(struct thread *t)
{
	t->result = SC0(NR_gettid) << 16 | (SC0(NR_getpid) & 0xffff);
	return 0;
}

static int read_tls(struct thread *t)
{
	u32 v;
	go++;
	while (go < 2)
		k_yield();
	for (int i = 0; i < 50; i++) {
		__asm__ volatile("mov %%gs:4,%0" : "=r"(v));
		if (v != t->tls[1])
			t->result = 1;
		k_yield();
	}
	t->result |= (long)(v << 8);
	return 0;
}

static int waiter(struct thread *t)
{
	__sync_fetch_and_add(&ready, 1);
	t->result = futex(&word, F_WAIT | F_PRIVATE, 0, 0, 0, 0);
	__sync_fetch_and_add(&go, 1);
	return 0;
}

static int bit_waiter(struct thread *t)
{
	__sync_fetch_and_add(&ready, 1);
	t->result = futex(&word, F_WAIT_BITSET, 0, 0, 0, 1u << (t - threads));
	__sync_fetch_and_add(&go, 1);
	return 0;
}

static struct {
	void *next;
	long offset;
	void *pending;
} head;
static struct {
	void *next;
	volatile int lock;
} held, taken;

static int die_holding(struct thread *t)
{
	head.next = &held;
	held.next = &taken;
	taken.next = &head;
	head.offset = (long)((char *)&held.lock - (char *)&held);
	t->result = SC2(NR_set_robust_list, &head, 12);
	held.lock = (int)SC0(NR_gettid) | (int)0x80000000;
	taken.lock = 1; /* somebody else's */
	return 0;
}

/* At its end a thread was about to take `held`, or had just given `word` back. */
static int die_taking(struct thread *t)
{
	head.next = &head;
	head.pending = &held;
	head.offset = (long)((char *)&held.lock - (char *)&held);
	t->result = SC2(NR_set_robust_list, &head, 12);
	held.lock = (int)SC0(NR_gettid);
	return 0;
}

static int die_giving(struct thread *t)
{
	head.next = &head;
	head.pending = (void *)&word;
	head.offset = 0;
	t->result = SC2(NR_set_robust_list, &head, 12);
	return 0;
}

__attribute__((noreturn)) static int spin(struct thread *t)
{
	(void)t;
	__sync_fetch_and_add(&ready, 1);
	for (;;)
		;
}

__attribute__((noreturn)) static int sleep_forever(struct thread *t)
{
	(void)t;
	__sync_fetch_and_add(&ready, 1);
	for (;;)
		futex(&word, F_WAIT, 0, 0, 0, 0);
}

static int end_all(struct thread *t)
{
	(void)t;
	while (ready < 2)
		k_yield();
	SC1(NR_exit_group, 33);
	return 0;
}

/* a child with a spinning, a sleeping and an ending thread */
static int group(void *a)
{
	ready = 0;
	start(&threads[0], spin, THREAD_FLAGS & ~SETTLS, 0);
	start(&threads[1], sleep_forever, THREAD_FLAGS & ~SETTLS, 0);
	if (a)
		start(&threads[2], end_all, THREAD_FLAGS & ~SETTLS, 0);
	else {
		wait_ready(2);
		k_exit(44);
	}
	for (;;)
		k_yield();
}

/* the first thread ends, another goes on, and finds it by number still: the process ends with the
 * last, and with its code */
static int outlive(struct thread *t)
{
	long process = SC0(NR_getpid);

	(void)t;
	wait_ready(0);
	SC1(NR_exit, SC3(NR_tgkill, process, process, 0) | SC2(NR_tkill, process, SIG_USR1) ? 10 : 9);
	return 0;
}

static int first_ends(void *a)
{
	(void)a;
	start(&threads[0], outlive, THREAD_FLAGS & ~SETTLS, 0);
	SC1(NR_exit, 12);
	return 0;
}

/* Calls, and whatever interrupts them at any place: how often %fs, or what it leads to, was another
 * one behind it. */
static int lost_fs(u32 selector, u32 value)
{
	u32 old, now, behind;
	int lost = 0;

	__asm__ volatile("mov %%fs,%0" : "=r"(old));
	__asm__ volatile("mov %0,%%fs" : : "r"(selector));
	for (int i = 0; i < 100000; i++) {
		SC0(NR_getppid);
		__asm__ volatile("mov %%fs,%0\n mov %%fs:4,%1" : "=r"(now), "=r"(behind));
		lost += (now & 0xffff) != selector || behind != value;
	}
	__asm__ volatile("mov %0,%%fs" : : "r"(old));
	return lost;
}

static void tls(void)
{
	struct user_desc d[2];
	u32 gs, old;
	__asm__ volatile("mov %%gs,%0" : "=r"(old));
	for (int i = 0; i < 2; i++) {
		threads[i].tls[1] = 5 + (u32)i;
		d[i] = (struct user_desc){(u32)-1, (u32)threads[i].tls, 0xfffff, 0x51};
	}
	struct user_desc probe = {(u32)-1, 0, 0xfffff, 0x51};
	ok(SC1(NR_set_thread_area, &probe) == 0, "set_thread_area picks an entry");
	note("entry %u", probe.entry);
	struct user_desc back = {probe.entry, 1, 1, 0};
	eq(SC1(NR_get_thread_area, &back), 0, "get_thread_area");
	ok(back.base == 0 && back.limit == 0xfffff && (back.flags & 0x7f) == 0x51, "gives it back");
	struct user_desc empty = {probe.entry + 1, 1, 1, 0x51};
	eq(SC1(NR_get_thread_area, &empty), 0, "get_thread_area of an entry that is empty");
	ok(empty.base == 0 && empty.limit == 0 && (empty.flags & 0x7f) == 0x28,
	   "says read-only and not present");
	d[0].entry = d[1].entry = probe.entry;
	go = 0;
	gs = probe.entry * 8 + 3;
	__asm__ volatile("mov %0,%%gs" : : "r"(gs));
	for (int i = 0; i < 2; i++)
		ok(start(&threads[i], read_tls, THREAD_FLAGS, &d[i]) > 0, "thread with CLONE_SETTLS");
	join(&threads[0]);
	join(&threads[1]);
	__asm__ volatile("mov %0,%%gs" : : "r"(old));
	probe.base = (u32)threads[0].tls;
	SC1(NR_set_thread_area, &probe);
	eq(lost_fs(gs, 5), 0, "100000 calls and what interrupts them leave %%fs as it is");
	eq(threads[0].result, 5 << 8, "%%gs:4 of the first thread");
	eq(threads[1].result, 6 << 8, "%%gs:4 of the second");
	probe.entry = 1;
	eq(SC1(NR_set_thread_area, &probe), -EINVAL_, "an entry that is not a thread's is EINVAL");
	eq(SC1(NR_set_thread_area, 8), -EFAULT_, "set_thread_area(8) is EFAULT");
}

static void wake_some(void)
{
	word = ready = go = 0;
	for (int i = 0; i < 4; i++)
		start(&threads[i], waiter, THREAD_FLAGS & ~SETTLS, 0);
	wait_ready(4);
	eq(futex(&word, F_WAKE | F_PRIVATE, 1, 0, 0, 0), 1, "wake 1 of 4");
	eq(futex(&other, F_WAKE | F_PRIVATE, 1, 0, 0, 0), 0, "nobody waits for another word");
	wait_ready(4);
	eq(go, 1, "one has gone on");
	eq(futex(&word, F_WAKE | F_PRIVATE, 100, 0, 0, 0), 3, "wake the other 3");
	for (int i = 0; i < 4; i++)
		join(&threads[i]);
	ok(!threads[0].result && !threads[1].result && !threads[2].result && !threads[3].result,
	   "each answer is 0");
}

static void bits(void)
{
	word = ready = go = 0;
	for (int i = 0; i < 3; i++)
		start(&threads[i], bit_waiter, THREAD_FLAGS & ~SETTLS, 0);
	wait_ready(3);
	eq(futex(&word, F_WAKE_BITSET, 9, 0, 0, 8), 0, "no waiter has the bit");
	eq(futex(&word, F_WAKE_BITSET, 9, 0, 0, 5), 2, "two waiters have one of the bits");
	eq(futex(&word, F_WAKE, 9, 0, 0, 0), 1, "the third is woken by all bits");
	for (int i = 0; i < 3; i++)
		join(&threads[i]);
	eq(futex(&word, F_WAKE_BITSET, 9, 0, 0, 0), -EINVAL_, "no bits are EINVAL");
}

static void requeue(void)
{
	word = other = ready = go = 0;
	for (int i = 0; i < 4; i++)
		start(&threads[i], waiter, THREAD_FLAGS & ~SETTLS, 0);
	wait_ready(4);
	eq(futex(&word, F_CMP_REQUEUE | F_PRIVATE, 1, (void *)2, &other, 1), -EAGAIN_,
	   "CMP_REQUEUE with another value is EAGAIN");
	eq(futex(&word, F_CMP_REQUEUE | F_PRIVATE, 1, (void *)2, &other, 0), 3,
	   "wakes 1 and moves 2");
	eq(futex(&word, F_WAKE | F_PRIVATE, 9, 0, 0, 0), 1, "1 is left");
	eq(futex(&other, F_WAKE | F_PRIVATE, 9, 0, 0, 0), 2, "2 wait for the other word");
	for (int i = 0; i < 4; i++)
		join(&threads[i]);

	word = other = ready = go = 0;
	start(&threads[0], waiter, THREAD_FLAGS & ~SETTLS, 0);
	wait_ready(1);
	/* other = 5; if it was 0, wake those of other too: op SET, cmp EQ */
	eq(futex(&other, F_WAKE_OP | F_PRIVATE, 1, (void *)1, &other, 5 << 12), 0, "WAKE_OP");
	eq(other, 5, "sets the word");
	other = 0;
	eq(futex(&other, F_WAKE_OP | F_PRIVATE, 1, (void *)1, &word, 1u << 28 | 3 << 12), 1,
	   "WAKE_OP adds, and wakes those of the second word");
	eq(word, 3, "it was added");
	join(&threads[0]);
}

static void requeue_without_a_look(void)
{
	word = other = ready = go = 0;
	for (int i = 0; i < 3; i++)
		start(&threads[i], waiter, THREAD_FLAGS & ~SETTLS, 0);
	wait_ready(3);
	eq(futex(&word, F_REQUEUE | F_PRIVATE, 1, (void *)1, &other, 77), 2, "REQUEUE wakes 1, moves 1");
	eq(futex(&word, F_WAKE | F_PRIVATE, 9, 0, 0, 0), 1, "1 is left");
	eq(futex(&other, F_WAKE | F_PRIVATE, 9, 0, 0, 0), 1, "1 waits for the other word");
	for (int i = 0; i < 3; i++)
		join(&threads[i]);
	eq(futex(&word, F_REQUEUE, -1ul, 0, &other, 0), -EINVAL_, "less than nobody is EINVAL");
}

/* What WAKE_OP makes of a word. */
static int changed(int before, u32 operation, u32 argument)
{
	other = before;
	futex(&word, F_WAKE_OP | F_PRIVATE, 1, 0, &other, operation << 28 | argument << 12);
	return other;
}

/* Old value 0, compared with `with`: how many it wakes. */
static long woken_if(u32 comparison, int with)
{
	return futex(&other, F_WAKE_OP | F_PRIVATE, 1, (void *)1, &word,
		     comparison << 24 | ((u32)with & 0xFFF));
}

static void wake_op(void)
{
	static const signed char is[6] = { 0, 1, 1, 0, -1, 0 }, is_not[6] = { 1, 0, 0, -1, 0, 1 };
	long right = 0, wrong = 0;

	word = other = ready = go = 0;
	eq(changed(5, 2, 3), 7, "WAKE_OP: or");
	eq(changed(7, 3, 5), 2, "and not");
	eq(changed(6, 4, 3), 5, "exclusive or");
	eq(changed(1, 8 | 2, 4), 17, "a bit by its number");
	eq(changed(1, 1, 0xFFF), 0, "an argument has a sign");
	eq(futex(&word, F_WAKE_OP, 1, 0, &other, 5u << 28), -ENOSYS_, "no such operation");
	eq(futex(&word, F_WAKE_OP, 1, 0, &other, 6u << 24), -ENOSYS_, "no such comparison");
	for (int i = 0; i < 6; i++)
		start(&threads[i], waiter, THREAD_FLAGS & ~SETTLS, 0);
	wait_ready(6);
	for (u32 i = 0; i < 6; i++)
		wrong += woken_if(i, is_not[i]);
	for (u32 i = 0; i < 6; i++)
		right += woken_if(i, is[i]);
	eq(wrong, 0, "the second word's sleep on when the comparison fails");
	eq(right, 6, "and wake when not: = != < <= > >=");
	futex(&word, F_WAKE | F_PRIVATE, 9, 0, 0, 0);
	for (int i = 0; i < 6; i++)
		join(&threads[i]);
}

static void timeouts(void)
{
	struct time t = {0, 20000000}, none = {0, 0}, bad = {0, 1000000000}, before, after;
	struct {
		u64 sec;
		long nsec, pad;
	} wide = {0, 20000000, 0};
	word = 1;
	eq(futex(&word, F_WAIT, 0, 0, 0, 0), -EAGAIN_, "another value is EAGAIN");
	before = time_now(1);
	eq(futex(&word, F_WAIT, 1, &t, 0, 0), -ETIMEDOUT_, "20 ms pass");
	after = time_now(1);
	long ms = (after.sec - before.sec) * 1000 + (after.part - before.part) / 1000000;
	ok(ms >= 20, "not fewer than 20 ms (%ld)", ms);
	eq(SC6(NR_futex_time64, &word, F_WAIT, 1, &wide, 0, 0), -ETIMEDOUT_, "the same by futex_time64");
	eq(futex(&word, F_WAIT, 1, &none, 0, 0), -ETIMEDOUT_, "no time at all");
	eq(futex(&word, F_WAIT_BITSET, 1, &before, 0, 1), -ETIMEDOUT_, "a time that has passed");
	after.part += 20000000;
	if (after.part >= 1000000000)
		after.part -= 1000000000, after.sec++;
	eq(futex(&word, F_WAIT_BITSET, 1, &after, 0, 1), -ETIMEDOUT_, "20 ms by the clock");
	eq(futex(&word, F_WAIT, 1, &bad, 0, 0), -EINVAL_, "10^9 ns are EINVAL");
	eq(futex((int *)((char *)&word + 1), F_WAIT, 1, &t, 0, 0), -EINVAL_, "an odd address is EINVAL");
	eq(futex((int *)8, F_WAIT, 1, &t, 0, 0), -EFAULT_, "futex(8) is EFAULT");
	eq(futex((int *)0xfffffff0, F_WAKE, 1, 0, 0, 0), -EFAULT_, "the kernel's memory is EFAULT");
	eq(futex(&word, F_WAIT, 1, (void *)8, 0, 0), -EFAULT_, "a timeout at 8 is EFAULT");
	eq(futex(&word, 77, 1, &t, 0, 0), -ENOSYS_, "an operation that is none is ENOSYS");
}

/* between processes: the same page of a shared mapping at two addresses */
static void across(void)
{
	volatile int *page = (int *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
	long pid = k_fork();
	int st;
	if (pid == 0) {
		volatile int *moved = (int *)k_mremap((void *)page, PG, PG, MR_MAYMOVE | MR_FIXED,
						      (void *)0x60000000);
		moved[1] = 1;
		k_exit(futex(moved, F_WAIT, 0, 0, 0, 0) == 0 ? 3 : 4);
	}
	while (!page[1])
		k_yield();
	long n = 0;
	while (!n)
		n = futex(page, F_WAKE, 1, 0, 0, 0), k_yield();
	eq(n, 1, "a wake reaches the other process");
	k_wait(pid, &st);
	eq(st, 3 << 8, "which goes on");
}

/* ---- signals to the process ---- */

static volatile int first_by, second_by, second_in_time;

static void second(int sig)
{
	(void)sig;
	second_by = (int)SC0(NR_gettid);
}

/* blocks SIGUSR2 and waits for the other thread to take it */
static void first(int sig)
{
	(void)sig;
	first_by = (int)SC0(NR_gettid);
	for (int i = 0; i < 30 && !second_by; i++)
		nap(10);
	second_in_time = second_by != 0;
}

static int sleeper(struct thread *t)
{
	if (SC2(NR_kill, SC0(NR_gettid), 0) != 0)
		return 0;
	__sync_fetch_and_add(&ready, 1);
	for (int i = 0; i < 100 && !second_by; i++)
		nap(10);
	t->result = 1;
	return 0;
}

/* Both signals go to one thread; its first handler blocks the second one, so another takes it. */
static void handed_on(void)
{
	long pid, process = me();

	on(SIG_USR1, first, 0, bit(SIG_USR2));
	on(SIG_USR2, second, 0, 0);
	ready = 0;
	start(&threads[0], sleeper, THREAD_FLAGS & ~SETTLS, 0);
	wait_ready(1);
	pid = k_fork();
	if (pid == 0) {
		SC2(NR_kill, process, SIG_USR1);
		SC2(NR_kill, process, SIG_USR2);
		k_exit(0);
	}
	for (int i = 0; i < 50 && !first_by; i++)
		nap(10);
	k_wait(pid, 0);
	join(&threads[0]);
	eq(threads[0].result, 1, "kill with the number of a thread");
	ok(second_in_time && first_by != second_by,
	   "what one thread's handler blocks another thread takes");
}

enum { NR_rt_sigtimedwait = 177, AWAITING = 3 };

__attribute__((noreturn)) static int awaits(struct thread *t)
{
	u64 set = bit(SIG_USR1) | bit(SIG_USR2) | bit(SIG_TERM);

	__sync_fetch_and_add(&ready, 1);
	do
		t->result = SC4(NR_rt_sigtimedwait, &set, 0, 0, 8);
	while (t->result == -EINTR_); /* another one was faster */
	for (;;)
		nap(1000); /* it would take the others with its end */
}

/* As many signals as threads that wait for any of them, at once: each gets one. */
static int awaited_by_all(void *arg)
{
	long got = 0;

	(void)arg;
	set_mask(BLOCK, bit(SIG_USR1) | bit(SIG_USR2) | bit(SIG_TERM));
	ready = 0;
	for (int i = 0; i < AWAITING; i++)
		start(&threads[i], awaits, THREAD_FLAGS & ~SETTLS, 0);
	wait_ready(AWAITING);
	SC2(NR_kill, me(), SIG_USR1);
	SC2(NR_kill, me(), SIG_USR2);
	SC2(NR_kill, me(), SIG_TERM);
	nap(100);
	for (int i = 0; i < AWAITING; i++)
		got += threads[i].result;
	return (int)got;
}

/* ---- CPU time ---- */

enum { OF_PROCESS = 2, OF_THREAD = 3, RUSAGE_THREAD = 1, BURNT = 150 };

static long used_ms(int clock)
{
	struct time time = time_now(clock);

	return time.sec * 1000 + time.part / 1000000;
}

static long usage_ms(void)
{
	long usage[18];

	SC2(NR_getrusage, RUSAGE_THREAD, usage);
	return (usage[0] + usage[2]) * 1000 + (usage[1] + usage[3]) / 1000;
}

/* The number in field `nth` of a line; none of those before has a space in it. */
static long field(const char *line, int nth)
{
	while (nth > 1 && *line)
		nth -= *line++ == ' ';
	return (long)parse_num(line, 0);
}

/* By the first thread's /proc/self/task/TID/stat, which counts in hundredths of a second; -1: it
 * is none. */
static long stat_ms(void)
{
	char path[48], line[512] = "";

	put_text(put_number(put_text(path, "/proc/self/task/"), (u32)me()), "/stat");
	long fd = SC3(NR_open, path, 0, 0);
	SC3(NR_read, fd, line, sizeof(line) - 1);
	SC1(NR_close, fd);
	return field(line, 1) == me() ? (field(line, 14) + field(line, 15)) * 10 : -1;
}

static int burn(struct thread *t)
{
	t->result = used_ms(OF_THREAD);
	for (long began = t->result; used_ms(OF_THREAD) - began < BURNT;)
		;
	return 0;
}

static void cpu_time(void)
{
	long thread = used_ms(OF_THREAD), process = used_ms(OF_PROCESS), usage = usage_ms();
	long stat = stat_ms();

	start(&threads[0], burn, THREAD_FLAGS & ~SETTLS, 0);
	join(&threads[0]);
	ok(threads[0].result < 100, "a new thread has used no time (%ld ms)", threads[0].result);
	thread = used_ms(OF_THREAD) - thread;
	process = used_ms(OF_PROCESS) - process;
	usage = usage_ms() - usage;
	int told = stat >= 0;
	stat = stat_ms() - stat;
	ok(process > BURNT - 5, "what it uses its process uses (%ld ms)", process);
	ok(thread < 100, "another thread does not (%ld ms)", thread);
	ok(usage < 100, "nor by getrusage (%ld ms)", usage);
	ok(told && stat < 100, "nor by its stat (%ld ms)", stat);
}

static void dead_owners(void)
{
	start(&threads[0], die_holding, THREAD_FLAGS & ~SETTLS, 0);
	join(&threads[0]);
	eq(threads[0].result, 0, "set_robust_list");
	eq(held.lock, (int)0xc0000000, "a lock of a thread that ended: owner died, still waited for");
	eq(taken.lock, 1, "somebody else's lock is left alone");
	start(&threads[0], die_taking, THREAD_FLAGS & ~SETTLS, 0);
	join(&threads[0]);
	eq(held.lock, 0x40000000, "a lock that it was about to take");
	word = ready = 0;
	start(&threads[1], bit_waiter, THREAD_FLAGS & ~SETTLS, 0);
	wait_ready(1);
	start(&threads[0], die_giving, THREAD_FLAGS & ~SETTLS, 0);
	join(&threads[0]);
	eq(futex(&word, F_WAKE, 9, 0, 0, 0), 0, "a lock that it gave back: who waits was woken");
	join(&threads[1]);
	eq(SC2(NR_set_robust_list, &head, 11), -EINVAL_, "a head of 11 bytes is EINVAL");
	u32 at = 1, size = 0;
	eq(SC3(NR_get_robust_list, 0, &at, &size), 0, "get_robust_list");
	eq(size, 12, "12 bytes");
}

/* ---- a thread runs another program ---- */

static int runs_another(struct thread *t)
{
	static char process[12], another[12];
	static char *argv[] = { "threads", process, another, 0 }, *envp[] = { 0 };

	(void)t;
	put_number(process, (u32)SC0(NR_getpid));
	put_number(another, (u32)threads[1].first_tid);
	k_exit((int)-SC3(NR_execve, "/proc/self/exe", argv, envp));
}

__attribute__((noreturn)) static int waits_for_that(void *arg)
{
	(void)arg;
	start(&threads[1], spin, THREAD_FLAGS & ~SETTLS, 0);
	start(&threads[0], runs_another, THREAD_FLAGS & ~SETTLS, 0);
	for (;;)
		nap(1000);
}

/* That program: is it the process of before, with its number, and without the other thread? */
static int took_over(char **argv)
{
	if (SC0(NR_getpid) != (long)parse_num(argv[1], 0))
		return 2;
	if (SC0(NR_gettid) != SC0(NR_getpid))
		return 3;
	return SC2(NR_tkill, parse_num(argv[2], 0), 0) == -ESRCH_ ? 0 : 4;
}

/* ---- numbers in memory ---- */

static int knows_its_own(struct thread *t)
{
	t->result = t->tid == SC0(NR_gettid);
	return 0;
}

static void numbers_told(void)
{
	enum { PARENT_SETTID = 0x100000, CHILD_SETTID = 0x1000000, CHILD = 17 };
	volatile int parents = 1, childs = 2;
	long pid;
	int st;

	pid = SC5(NR_clone, PARENT_SETTID | CHILD_SETTID | CHILD, 0, &parents, 0, &childs);
	if (pid == 0)
		k_exit(childs == SC0(NR_gettid) ? 5 : 6);
	eq(parents, pid, "CLONE_PARENT_SETTID");
	eq(childs, 2, "CLONE_CHILD_SETTID is not for the parent");
	k_wait(pid, &st);
	eq(st, 5 << 8, "but for the child");
	start(&threads[0], knows_its_own, (THREAD_FLAGS & ~(SETTLS | PARENT_SETTID)) | CHILD_SETTID, 0);
	join(&threads[0]);
	eq(threads[0].result, 1, "and for a thread");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		k_exit(took_over(argv));
	int tid = start(&threads[0], store, THREAD_FLAGS & ~SETTLS, 0);
	if (!ok(tid > 0, "a thread"))
		return done("threads");
	join(&threads[0]);
	ok(threads[0].result == ((long)tid << 16 | (SC0(NR_getpid) & 0xffff)),
	   "has a tid of its own and the process's pid");
	eq(SC3(NR_waitpid, -1, 0, 0x40000000), -ECHILD_, "a thread is nobody's child");
	eq(SC6(NR_clone, 0x10000 | 0x100, 0, 0, 0, 0, 0), -EINVAL_, "CLONE_THREAD without SIGHAND");
	tls();
	wake_some();
	bits();
	requeue();
	requeue_without_a_look();
	wake_op();
	timeouts();
	across();
	cpu_time();
	handed_on();
	eq(in_child(awaited_by_all, 0), (SIG_USR1 + SIG_USR2 + SIG_TERM) << 8,
	   "three threads await the same three signals: each gets one");
	dead_owners();
	numbers_told();
	eq(in_child(waits_for_that, 0), 0, "execve in a thread: it is the process, and alone");
	eq(in_child(group, (void *)1), 33 << 8, "exit_group in a thread ends all");
	eq(in_child(group, 0), 44 << 8, "exit_group in the first thread ends all");
	eq(in_child(first_ends, 0), 9 << 8,
	   "when the first thread has ended, its number stays, and the code is the last one's");
	return done("threads");
}
