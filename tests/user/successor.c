/* successor.c - programs with several threads that become another program.
 *
 *   first thread, one that computes, one that sleeps, one that calls execve ──► one thread, which
 *   has the process' number ──► ...
 *
 * Each generation is this program again, begun by a thread that is not the first. */
#include "threads.h"

enum { OTHERS = 2, GENERATIONS = 12 };

static char stacks[OTHERS + 1][THREAD_STACK] __attribute__((aligned(16)));
static volatile u32 started;
static char *generation; /* a letter; "a" is the last */

static void
compute(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
    for (;;)
        continue;
}

static void
sleep_on(void *arg)
{
    struct { long sec, nsec; } long_time = {1000, 0};

    (void)arg;
    __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
    SC2(NR_nanosleep, &long_time, 0);
}

static void
succeed(void *arg)
{
    char *argv[] = {"/successor", generation, 0}, *envp[] = {0};

    (void)arg;
    while (started < OTHERS)
        k_yield();
    generation[0]--;
    SC3(NR_execve, argv[0], argv, envp);
    SC1(NR_exit_group, 9);
}

static void
bear(void)
{
    start_thread(AS_THREAD, compute, 0, stacks[0]);
    start_thread(AS_THREAD, sleep_on, 0, stacks[1]);
    start_thread(AS_THREAD, succeed, 0, stacks[OTHERS]);
    sleep_on(0);
}

/* Threads of the process, as /proc lists them. */
static u32
threads_here(void)
{
    static char entries[1024];
    int folder = (int)SC3(NR_open, "/proc/self/task", 0, 0);
    long size = SC3(NR_getdents64, folder, entries, sizeof entries);
    u32 count = 0;

    for (long at = 0; at < size; at += *(u16 *)(void *)(entries + at + 16))
        count += entries[at + 19] != '.';
    k_close(folder);
    return count;
}

static void
live(void)
{
    if (threads_here() != 1 || SC0(NR_gettid) != SC0(NR_getpid))
        SC1(NR_exit_group, 7);
    if (generation[0] != 'a')
        bear();
    SC1(NR_exit_group, 0);
}

int
main(int argc, char **argv)
{
    char first[] = "a", *again[] = {"/successor", first, 0}, *envp[] = {0};
    int status = -1;
    long pid;

    generation = argc > 1 ? argv[1] : first;
    if (argc > 1)
        live();
    first[0] = (char)('a' + GENERATIONS);
    pid = k_fork();
    if (pid == 0) {
        SC3(NR_execve, again[0], again, envp);
        k_exit(8);
    }
    k_wait(pid, &status);
    eq(status, 0, "each of %u programs is alone in its process", (u32)GENERATIONS);
    return done("successor");
}
