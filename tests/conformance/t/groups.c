/* Jobs and what holds them together: groups that become orphans, signals of a parent's end, groups
 * of children that are dead or have a program of their own, the end of a process in vfork. */
#include "signals.h"

enum {
	NR_pause = 29, NR_setpgid = 57, NR_setsid = 66, NR_getpgid = 132, NR_prctl = 172,
	NR_waitid = 284, EXITED = 4, HANG = 1, NOWAIT = 0x1000000, ONE = 1, GROUP = 2,
	STOPPED = 2
};

static int fds[2];

/* What comes through the pipe within five seconds; -1: nothing. */
static int hear(void)
{
	struct {
		int fd;
		short events, revents;
	} entry = { fds[0], 1, 0 };
	char byte;

	if (SC3(NR_poll, &entry, 1, 5000) != 1)
		return -1;
	return k_read(fds[0], &byte, 1) == 1 ? byte : -1;
}

static void say(char what) { k_write(fds[1], &what, 1); }
static void pass_on(int sig) { say((char)sig); }

/* ---- orphans ---- */

/* A job that stops itself; when it goes on, and has been told so, it says G. */
static void stopped_job(void)
{
	SC2(NR_setpgid, 0, 0);
	on(SIG_HUP, pass_on, 0, 0);
	on(SIG_CONT, pass_on, 0, 0);
	SC2(NR_kill, SC0(NR_getpid), SIG_STOP);
	say('G');
	k_exit(0);
}

static void orphans(void)
{
	int st, heard[3];
	long leader = k_fork();

	if (leader == 0) {
		SC0(NR_setsid);
		long job = k_fork();
		if (job == 0)
			stopped_job();
		SC4(NR_wait4, job, &st, STOPPED, 0);
		k_exit(0);
	}
	k_wait(leader, &st);
	for (int i = 0; i < 3; i++)
		heard[i] = hear();
	ok(heard[0] + heard[1] == SIG_HUP + SIG_CONT && heard[0] != heard[1],
	   "a stopped job whose shell has ended gets SIGHUP and SIGCONT (%d, %d)", heard[0], heard[1]);
	eq(heard[2], 'G', "and goes on");
}

static int dies_with_parent(void *arg)
{
	(void)arg;
	if (k_fork() == 0) {
		on(SIG_USR1, pass_on, 0, 0);
		SC2(NR_prctl, 1, SIG_USR1);
		say('R');
		SC0(NR_pause);
		k_exit(0);
	}
	return hear() == 'R' ? 0 : 1;
}

/* ---- groups of children ---- */

static void children(void)
{
	int info[32], st;
	long pid = k_fork();

	if (pid == 0)
		k_exit(3);
	SC5(NR_waitid, ONE, pid, info, EXITED | NOWAIT, 0);
	eq(SC2(NR_setpgid, pid, pid), 0, "a dead child can get a group");
	eq(SC1(NR_getpgid, pid), pid, "and has it");
	eq(SC5(NR_waitid, GROUP, 1, info, EXITED | HANG, 0), -ECHILD_, "group 1 is not everybody");
	eq(SC5(NR_waitid, GROUP, pid, info, EXITED, 0), 0, "its group finds it");
	eq(SC4(NR_wait4, (int)0x80000000, &st, HANG, 0), -3, "no group has the number -2^31");
}

/* The child of a vfork says who it is and never ends. */
static void hangs_in_vfork(void)
{
	long pid = SC0(NR_vfork);

	if (pid == 0) {
		int me = (int)SC0(NR_getpid);

		k_write(fds[1], &me, sizeof(me));
		for (;;)
			SC0(NR_pause);
	}
	k_exit(0);
}

static void killed_in_vfork(void)
{
	int st = 0, child = 0;
	long pid, result = 0;

	k_pipe(fds); /* nothing else is in it */
	pid = k_fork();
	if (pid == 0)
		hangs_in_vfork();
	if (k_read(fds[0], &child, sizeof(child)) != sizeof(child) || child <= 1)
		return;
	SC2(NR_kill, pid, SIG_KILL);
	for (int i = 0; i < 50 && result == 0; i++) {
		result = SC4(NR_wait4, pid, &st, HANG, 0);
		nap(10);
	}
	eq(result, pid, "SIGKILL ends a process that waits in vfork");
	eq(st, SIG_KILL, "by that signal");
	SC2(NR_kill, child, SIG_KILL);
	if (result == 0)
		k_wait(pid, &st);
}

int main(void)
{
	k_pipe(fds);
	children();
	orphans();
	eq(in_child(dies_with_parent, 0), 0, "PR_SET_PDEATHSIG");
	eq(hear(), SIG_USR1, "the parent's end sends it");
	killed_in_vfork();
	return done("groups");
}
