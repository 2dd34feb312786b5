/* Waiting for a time while signals come: what goes on with the time it had, what ends with EINTR
 * and what is left then, timers that tell how long they still run. */
#include "signals.h"

enum {
	NR_restart_syscall = 0, NR_alarm = 27, NR_setitimer = 104, NR_getitimer = 105,
	NR_rt_sigtimedwait = 177, ETIMEDOUT_ = 110
};

/* A signal in `ms`, then each `again`. */
static void timer(long ms, long again)
{
	struct time value[2] = { { again / 1000, again % 1000 * 1000 },
				 { ms / 1000, ms % 1000 * 1000 } };

	SC3(NR_setitimer, 0, value, 0);
}

/* ---- stopped and continued ---- */

static volatile int word;

static long waits(int how)
{
	struct time time = { 0, 400000000 }, small = { 0, 400000 };

	switch (how) {
	case 0:
		return SC2(NR_nanosleep, &time, 0);
	case 1:
		return SC3(NR_poll, 0, 0, 400);
	case 2:
		return SC4(NR_futex, &word, 0, 0, &time) == -ETIMEDOUT_ ? 0 : 1;
	default:
		return SC5(NR_select, 0, 0, 0, 0, &small);
	}
}

/* 0: the wait took as long as it should although it was stopped in between. Select begins anew with
 * what it had left when it was stopped. */
static int is_stopped(void *how)
{
	long start = ms_now(), pid = SC0(NR_getpid), waker = k_fork(), result;

	if (waker == 0) {
		nap(100);
		SC2(NR_kill, pid, SIG_STOP);
		nap(150);
		SC2(NR_kill, pid, SIG_CONT);
		k_exit(0);
	}
	result = waits((int)(ulong)how);
	start = ms_now() - start;
	k_wait(waker, 0);
	if (result == 0 && start >= 395 && start < (how == (void *)3 ? 620 : 550))
		return 0;
	note("result %ld after %ld ms", result, start);
	return 1;
}

static volatile long handlers, inner_time;

static void handler(int sig)
{
	long start = ms_now();

	(void)sig;
	handlers++;
	nap(20);
	inner_time = ms_now() - start;
}

/* While it was stopped a signal with a handler came: that ends the sleep, and the handler's own
 * sleep is its own. */
static int handler_between(void *arg)
{
	long pid = SC0(NR_getpid), waker = k_fork(), result;

	(void)arg;
	if (waker == 0) {
		nap(50);
		SC2(NR_kill, pid, SIG_STOP);
		nap(50);
		SC2(NR_kill, pid, SIG_USR1);
		SC2(NR_kill, pid, SIG_CONT);
		k_exit(0);
	}
	on(SIG_USR1, handler, F_RESTART, 0);
	result = nap(400);
	k_wait(waker, 0);
	return result != -EINTR_ ? 1 : handlers != 1 ? 2 : inner_time > 150 ? 3 : 0;
}

static void stopped(void)
{
	eq(in_child(is_stopped, (void *)0), 0, "nanosleep goes on after a stop, with the time it had");
	eq(in_child(is_stopped, (void *)1), 0, "so does poll");
	eq(in_child(is_stopped, (void *)2), 0, "and futex");
	eq(in_child(is_stopped, (void *)3), 0, "and select");
	eq(in_child(handler_between, 0), 0, "a handler ends the sleep, and sleeps for itself");
	eq(SC0(NR_restart_syscall), -EINTR_, "there is nothing to go on with otherwise");
}

/* ---- handlers ---- */

static void interrupted(void)
{
	struct time time = { 0, 500000000 }, left = { 9, 9 }, small = { 0, 500000 };
	volatile int lock = 0;

	on(SIG_ALRM, count, F_RESTART, 0);
	timer(100, 0);
	eq(SC2(NR_nanosleep, &time, &left), -EINTR_, "a handler ends nanosleep");
	ok(left.sec == 0 && left.part <= 410000000 && left.part >= 300000000,
	   "which tells what is left (%ld ns)", left.part);
	time.part = 500000000;
	timer(1, 0);
	eq(SC2(NR_nanosleep, &time, &left), -EINTR_, "at once");
	ok(left.sec == 0 && left.part <= 500000000, "never more than was asked for (%ld ns)", left.part);
	timer(30, 0);
	eq(SC3(NR_poll, 0, 0, 500), -EINTR_, "poll, whatever SA_RESTART says");
	timer(30, 0);
	eq(SC5(NR_select, 0, 0, 0, 0, &small), -EINTR_, "select");
	timer(30, 0);
	eq(SC4(NR_futex, &lock, 0, 0, &time), -EINTR_, "futex with a timeout");
}

/* ---- timers ---- */

static void timers(void)
{
	struct time value[2] = { { 0, 0 }, { 5, 0 } }, short_time = { 1, 0 };
	int fds[2];
	ulong set[32] = { 0 };
	u64 alarm = 1ull << (SIG_ALRM - 1);
	long start;

	SC1(NR_alarm, 10);
	eq(SC1(NR_alarm, 0), 10, "alarm tells the seconds that were left");
	long left;
	do { /* until the machine was not too busy to let us go on in time */
		start = ms_now();
		SC1(NR_alarm, 10);
		nap(800);
		left = SC1(NR_alarm, 0);
	} while (ms_now() - start > 1400);
	eq(left, 9, "to the nearest");
	SC3(NR_setitimer, 0, value, 0);
	SC2(NR_getitimer, 0, value);
	ok(value[1].sec == 4 || (value[1].sec == 5 && value[1].part == 0), "a timer never has more left than it was given (%ld s, %ld us)",
	   value[1].sec, value[1].part);
	timer(0, 0);
	SC4(NR_rt_sigprocmask, 0, &alarm, 0, 8);
	start = ms_now();
	timer(30, 0);
	eq(SC4(NR_rt_sigtimedwait, &alarm, 0, &short_time, 8), SIG_ALRM, "a blocked signal is waited for");
	ok(ms_now() - start < 700, "until it comes");
	long pid = SC0(NR_getpid), sender = k_fork();
	if (sender == 0) {
		SC2(NR_kill, pid, SIG_ALRM);
		k_exit(0);
	}
	k_wait(sender, 0);
	eq(SC4(NR_rt_sigtimedwait, &alarm, 0, &short_time, 8), SIG_ALRM, "another process's signal too");
	SC4(NR_rt_sigprocmask, 1, &alarm, 0, 8);

	k_pipe(fds);
	k_write(fds[1], "x", 1);
	value[0].sec = 1;
	value[0].part = 0;
	for (int i = 0; i < 5; i++) {
		set[0] = 1ul << fds[0];
		SC5(NR_select, fds[0] + 1, set, 0, 0, &value[0]);
	}
	ok(value[0].sec == 0 || value[0].part == 0, "select never leaves more time than it was given");
}

int main(void)
{
	stopped();
	interrupted();
	timers();
	return done("restart");
}
