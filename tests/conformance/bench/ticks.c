/* Runs a program and says what it cost from fork to wait, in time-stamp-counter ticks:
 *   ticks PROGRAM ARGUMENT...
 * prints TICKS name ticks wait-status, and ends as the program ended. */
#include "tap.h"

static u64 tsc(void)
{
	u32 lo, hi;
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}

int main(int argc, char **argv, char **envp)
{
	int st;
	if (argc < 2)
		return 64;
	u64 t = tsc();
	long pid = k_fork();
	if (pid == 0) {
		SC3(NR_execve, argv[1], argv + 1, envp);
		k_exit(127);
	}
	if (pid < 0 || k_wait(pid, &st) != pid)
		return 65;
	t = tsc() - t;
	out("TICKS %s %llu 0x%x\n", argv[1], t, st);
	return W_EXITED(st) ? W_CODE(st) : 128 + W_SIG(st);
}
