/* Waiting for children, and who is whose: wait4, waitid, stopped children, orphans, groups and
 * sessions, sleeping. */
#include "clock.h"
#include "tap.h"

enum {
	NR_waitid = 284, NR_setpgid = 57, NR_getpgrp = 65, NR_setsid = 66, NR_getpgid = 132,
	NR_getsid = 147, NR_clock_nanosleep = 267, NR_pause = 29,
	HANG = 1, STOPPED = 2, EXITED = 4, CONTINUED = 8, NOWAIT = 0x1000000, ALL = 0x40000000,
	SIG_STOP = 19, SIG_CONT = 18, SIG_TERM = 15, EOPNOTSUPP_ = 95,
	ANY = 0, ONE = 1, GROUP = 2,
};

struct info {
	int signo, error, code, pid, uid, status, rest[26];
};

static int id(void *a) { return (int)(ulong)a; }
static int killed(void *a)
{
	SC2(NR_kill, SC0(NR_getpid), (ulong)a);
	return 0;
}

static long child_sleeps(void)
{
	long pid = k_fork();
	while (pid == 0)
		SC0(NR_pause);
	return pid;
}

static long child_exits(int code)
{
	long pid = k_fork();
	if (pid == 0)
		k_exit(code);
	return pid;
}

static int info_is(const struct info *i, int code, long pid, int status)
{
	if (i->signo == SIG_CHLD && i->code == code && i->pid == pid && i->status == status)
		return 1;
	note("signo %d code %d pid %d status %d", i->signo, i->code, i->pid, i->status);
	return 0;
}

static long waitid(int type, long pid, struct info *i, int options)
{
	set_all(i, 0xee, sizeof(*i));
	return SC5(NR_waitid, type, pid, i, options, 0);
}

static void wait_ids(void)
{
	struct info i;
	int st;
	long pid = child_exits(5);
	eq(waitid(ONE, pid, &i, EXITED | NOWAIT), 0, "waitid with WNOWAIT");
	ok(info_is(&i, 1, pid, 5), "CLD_EXITED, the pid, the code");
	eq(waitid(ONE, pid, &i, EXITED), 0, "it is still there");
	eq(waitid(ONE, pid, &i, EXITED), -ECHILD_, "and then it is not");
	pid = child_sleeps();
	eq(waitid(ONE, pid, &i, EXITED | HANG), 0, "WNOHANG, running: 0");
	ok(i.signo == 0 && i.pid == 0, "and no pid");
	SC2(NR_kill, pid, SIG_TERM);
	eq(waitid(ANY, 0, &i, EXITED), 0, "P_ALL");
	ok(info_is(&i, 2, pid, SIG_TERM), "CLD_KILLED by SIGTERM");
	eq(waitid(ONE, 0, &i, EXITED), -EINVAL_, "P_PID 0 is EINVAL");
	pid = child_exits(7);
	eq(waitid(ONE, pid, &i, EXITED | NOWAIT), 0, "a child has ended");
	eq(waitid(ANY, 0, &i, STOPPED | CONTINUED | HANG), -ECHILD_, "it will neither stop nor go on");
	long other = child_sleeps();
	eq(waitid(ANY, 0, &i, STOPPED | CONTINUED | HANG), 0, "another one may");
	SC2(NR_kill, other, SIG_KILL);
	k_wait(other, &st);
	eq(k_wait(pid, &st), pid, "the first is still there");
	eq(waitid(7, 1, &i, EXITED), -EINVAL_, "no such type is EINVAL");
	eq(waitid(ANY, 0, &i, 0), -EINVAL_, "no events are EINVAL");
	eq(SC4(NR_wait4, -1, &st, 0x10, 0), -EINVAL_, "an unknown option of wait4 is EINVAL");
	pid = child_exits(6);
	eq(SC4(NR_wait4, pid, 8, 0, 0), -EFAULT_, "a status at 8 is EFAULT");
	eq(k_wait(pid, &st), -ECHILD_, "the child is gone all the same");
}

static void stops(void)
{
	struct info i;
	int st;
	long pid = child_sleeps();
	SC2(NR_kill, pid, SIG_STOP);
	eq(SC4(NR_wait4, pid, &st, STOPPED, 0), pid, "WUNTRACED tells of a stop");
	eq(st, SIG_STOP << 8 | 0x7f, "by SIGSTOP");
	eq(SC4(NR_wait4, pid, &st, STOPPED | HANG, 0), 0, "once");
	SC2(NR_kill, pid, SIG_CONT);
	eq(SC4(NR_wait4, pid, &st, CONTINUED, 0), pid, "WCONTINUED tells that it goes on");
	eq(st, 0xffff, "status ffff");
	eq(SC4(NR_wait4, pid, &st, CONTINUED | HANG, 0), 0, "once");
	SC2(NR_kill, pid, SIG_STOP);
	eq(waitid(ONE, pid, &i, STOPPED), 0, "waitid WSTOPPED");
	ok(info_is(&i, 5, pid, SIG_STOP), "CLD_STOPPED by SIGSTOP");
	SC2(NR_kill, pid, SIG_CONT);
	eq(waitid(ONE, pid, &i, CONTINUED), 0, "waitid WCONTINUED");
	ok(info_is(&i, 6, pid, SIG_CONT), "CLD_CONTINUED by SIGCONT");
	SC2(NR_kill, pid, SIG_STOP);
	SC2(NR_kill, pid, SIG_KILL);
	eq(k_wait(pid, &st), pid, "a stopped child can be killed");
	eq(st, SIG_KILL, "by SIGKILL");
}

/* A grandchild outlives its parent and tells its new parent's pid through a pipe. */
static void orphans(void)
{
	int fds[2], st, parent = -1;
	k_pipe(fds);
	long pid = k_fork();
	if (pid == 0) {
		long me = SC0(NR_getpid);
		if (k_fork() == 0) {
			while (SC0(NR_getppid) == me)
				k_yield();
			parent = (int)SC0(NR_getppid);
			k_write(fds[1], &parent, 4);
		}
		k_exit(0);
	}
	k_wait(pid, &st);
	k_close(fds[1]);
	eq(k_read(fds[0], &parent, 4), 4, "an orphan lives on");
	ok(parent != pid && parent >= 0, "with another parent");
	note("pid %d", parent);
	k_close(fds[0]);
	if (SC0(NR_getpid) != 1)
		eq(SC3(NR_waitpid, -1, &st, HANG), -ECHILD_, "it is not ours");
	else
		ok(SC3(NR_waitpid, -1, &st, 0) > 0, "it is process 1's, which we are");
}

/* As process 1: a child in our group is stopped, and another one in it loses its parent, who was in
 * a group of his own. So ours, which was an orphan before, gets SIGHUP, but we must stay. */
static void first_stays(void)
{
	int st;
	SC0(NR_setsid); /* unless ours is group 1 already */
	long stopped = k_fork(), pid;
	if (stopped == 0)
		killed((void *)SIG_STOP);
	SC4(NR_wait4, stopped, &st, STOPPED, 0);
	pid = k_fork();
	if (pid == 0) {
		SC2(NR_setpgid, 0, 0);
		long child = k_fork();
		if (child == 0) {
			SC2(NR_setpgid, 0, 1);
			for (;;)
				SC0(NR_pause);
		}
		while (SC1(NR_getpgid, child) != 1)
			k_yield();
		k_exit(0);
	}
	eq(k_wait(stopped, &st), stopped, "who was stopped in an orphaned group has ended");
	eq(st, 1, "by SIGHUP, but process 1 has not");
	while (k_wait(-1, &st) > 0)
		;
}

static int session(void *a)
{
	(void)a;
	long me = SC0(NR_getpid);
	if (SC0(NR_getpgrp) == me || SC0(NR_setsid) != me)
		return 1;
	if (SC1(NR_getsid, 0) != me || SC0(NR_getpgrp) != me || SC0(NR_setsid) != -EPERM_)
		return 2;
	if (SC2(NR_setpgid, 0, 0) != -EPERM_) /* a session's leader stays */
		return 3;
	return SC2(NR_setpgid, SC0(NR_getppid), 0) == -ESRCH_ ? 0 : 4;
}

static void groups(void)
{
	int st;
	long mine = SC0(NR_getpgrp), one = child_sleeps(), two = child_sleeps();
	eq(SC2(NR_setpgid, one, 0), 0, "a child leads a group of its own");
	eq(SC2(NR_setpgid, two, one), 0, "another joins it");
	eq(SC1(NR_getpgid, two), one, "getpgid");
	eq(SC2(NR_setpgid, two, 99999), -EPERM_, "a group that is not there is EPERM");
	eq(SC2(NR_setpgid, two, -1), -EINVAL_, "a negative group is EINVAL");
	eq(SC2(NR_setpgid, -1, 0), -EINVAL_, "so is that of a negative process");
	eq(SC2(NR_setpgid, 99999, 0), -ESRCH_, "a process that is not there is ESRCH");
	eq(SC1(NR_getpgid, 0), mine, "our own group has not changed");
	eq(SC4(NR_wait4, 0, &st, HANG, 0), -ECHILD_, "wait4(0): nobody in our group");
	eq(SC4(NR_wait4, -one, &st, HANG, 0), 0, "wait4(-group): two that run");
	eq(SC2(NR_kill, -one, SIG_TERM), 0, "kill the group");
	long a = SC4(NR_wait4, -one, &st, 0, 0), b = SC4(NR_wait4, -one, &st, 0, 0);
	ok((a == one && b == two) || (a == two && b == one), "both are reported");
	eq(SC4(NR_wait4, -one, &st, 0, 0), -ECHILD_, "nobody is left of it");
	eq(in_child(session, 0), 0, "setsid, and what a session's leader must not");
}

/* A child that says no signal at its end is seen by __WALL and __WCLONE only. */
static void silent(void)
{
	int st;
	long pid = SC5(NR_clone, 0, 0, 0, 0, 0);
	if (pid == 0)
		k_exit(8);
	eq(SC4(NR_wait4, pid, &st, 0, 0), -ECHILD_, "a child without SIGCHLD is not seen");
	eq(SC4(NR_wait4, pid, &st, ALL, 0), pid, "__WALL sees it");
	eq(st, 8 << 8, "exit 8");
}

static long coarse_seconds(void)
{
	return time_now(5).sec;
}

/* Whoever compares the time of a file with time() sees none of the future. */
static void seconds(void)
{
	long wrong = 0;
	for (int i = 0; i < 10; i++) {
		long before = coarse_seconds(), now = SC1(NR_time, 0), after = coarse_seconds();
		wrong += now < before || now > after;
		nap(30);
	}
	eq(wrong, 0, "time() is the second of CLOCK_REALTIME_COARSE (of 10 looks)");
}

static void sleeps(void)
{
	struct time t = {0, 30000000}, bad = {-1, 0}, left = {9, 9};
	long before = ms_now();
	eq(SC2(NR_nanosleep, &t, &left), 0, "nanosleep 30 ms");
	ok(ms_now() - before >= 30 && ms_now() - before < 500, "lasts as long");
	ok(left.sec == 9, "nothing is left");
	eq(SC2(NR_nanosleep, &bad, 0), -EINVAL_, "-1 s is EINVAL");
	eq(SC2(NR_nanosleep, 8, 0), -EFAULT_, "a time at 8 is EFAULT");
	before = ms_now();
	eq(SC4(NR_clock_nanosleep, 1, 0, &t, 0), 0, "clock_nanosleep, relative");
	ok(ms_now() - before >= 30, "lasts as long");
	t = time_now(1);
	t.sec++;
	before = ms_now();
	eq(SC4(NR_clock_nanosleep, 1, 1, &t, 0), 0, "clock_nanosleep, absolute");
	ok(ms_now() - before >= 990, "until then");
	t.sec = 0;
	eq(SC4(NR_clock_nanosleep, 1, 1, &t, 0), 0, "until a time that has passed: 0");
	eq(SC4(NR_clock_nanosleep, 77, 0, &t, 0), -EINVAL_, "no such clock is EINVAL");
	eq(SC4(NR_clock_nanosleep, 3, 0, &t, 0), -EOPNOTSUPP_, "nor does a thread sleep by its own time");

	/* a stop and a continuation do not cut a sleep short */
	t = (struct time){0, 300000000};
	before = ms_now();
	long pid = k_fork();
	if (pid == 0)
		k_exit(SC2(NR_nanosleep, &t, &left) == 0 ? 0 : 1);
	nap(50);
	SC2(NR_kill, pid, SIG_STOP);
	nap(50);
	SC2(NR_kill, pid, SIG_CONT);
	int st;
	k_wait(pid, &st);
	eq(st, 0, "a sleep that was stopped meanwhile ends well");
	long ms = ms_now() - before;
	ok(ms >= 300 && ms < 900, "and in time (%ld ms)", ms);
}

int main(void)
{
	eq(in_child(id, (void *)77), 77 << 8, "exit 77");
	eq(in_child(killed, (void *)SIG_TERM), SIG_TERM, "killed by SIGTERM");
	eq(in_child(killed, (void *)SIG_CHLD), 0, "SIGCHLD kills nobody");
	wait_ids();
	stops();
	orphans();
	if (SC0(NR_getpid) == 1)
		first_stays();
	groups();
	silent();
	seconds();
	sleeps();
	return done("wait");
}
