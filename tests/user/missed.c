/* missed.c - signals that come while somebody is on his way: none may miss him. On two CPUs, ROUNDS
 * times each (default 40), CPU 0 sends a signal, at another moment each time, while on CPU 1
 *
 *   vfork    a process makes a child by vfork and goes to sleep until that ends, which it never
 *            does; SIGKILL: the process ends
 *   forks    a process makes children, one after the other, none of which ends by itself; SIGKILL
 *            to its group: nobody of the group is left
 *   threads  a process makes threads that count; SIGSTOP: when it has stopped nobody counts
 */
#include "signals.h"
#include "threads.h"

enum { NR_pause_ = 29, NR_setpgid_ = 57, HANG = 1, UNTRACED = 2 };
enum { PATIENCE = 1000, CHILDREN = 40, THREADS = 100 };

static volatile u32 *ready, *counter;
static u32 round;

__attribute__((noreturn)) static void
stay(void)
{
    for (;;)
        SC0(NR_pause_);
}

/* A process that leads a group on CPU 1 and does this; it is about to. */
static long
start_leader(void (*act)(void))
{
    long pid;

    *ready = 0;
    pid = k_fork();
    if (pid == 0) {
        pin(1);
        SC2(NR_setpgid_, 0, 0);
        *ready = 1;
        act();
        stay();
    }
    while (!*ready)
        __asm__ volatile("pause" : : : "memory");
    return pid;
}

static void
spin(u32 times)
{
    for (volatile u32 i = 0; i < times; i++)
        ;
}

/* Waits for whom the number means, and tells whether all of them have ended. This is process 1: it
 * gets the children of those who are gone. */
static int
all_ended(long whom)
{
    for (u32 i = 0; i < PATIENCE; i++) {
        long got;

        while ((got = SC4(NR_wait4, whom, 0, HANG, 0)) > 0)
            ;
        if (got == -ECHILD_)
            return 1;
        nap(10);
    }
    return 0;
}

/* As often as it takes when something is wrong. */
static void
end_group(long leader)
{
    do
        SC2(NR_kill, -leader, SIG_KILL);
    while (!all_ended(-leader));
}

static void
make_by_vfork(void)
{
    if (SC0(NR_vfork) == 0)
        stay();
}

static void
vforks(u32 rounds)
{
    u32 missed = 0;

    for (round = 0; round < rounds && missed == 0; round++) {
        long leader = start_leader(make_by_vfork);

        spin(round * 97 % 3000);
        SC2(NR_kill, leader, SIG_KILL);
        missed = !all_ended(leader);
        end_group(leader);
    }
    ok(missed == 0, "SIGKILL ends who is on his way to sleep in vfork");
}

static void
look_on(void *arg)
{
    (void)arg;
    pin(0);
    stay();
}

/* In each second round there is a thread that takes the signal meanwhile, on the sender's CPU. */
static void
make_children(void)
{
    static char stack[THREAD_STACK] __attribute__((aligned(16)));

    if (round % 2 == 1)
        start_thread(AS_THREAD, look_on, 0, stack);
    for (u32 i = 0; i < CHILDREN; i++)
        if (k_fork() == 0)
            stay();
}

static void
forks(u32 rounds)
{
    u32 missed = 0;

    for (round = 0; round < rounds && missed == 0; round++) {
        long leader = start_leader(make_children);

        spin(1000 + round * 7919 % 40000);
        SC2(NR_kill, -leader, SIG_KILL);
        missed = !all_ended(-leader);
        end_group(leader);
    }
    ok(missed == 0, "SIGKILL to a group ends those who are just being made");
}

static void
count_on(void *arg)
{
    (void)arg;
    for (;;) {
        ++*counter;
        nap(1);
    }
}

static void
make_threads(void)
{
    static char stacks[THREADS][THREAD_STACK] __attribute__((aligned(16)));

    ulong both = 3;

    SC3(NR_sched_setaffinity, 0, sizeof(both), &both);
    for (u32 i = 0; i < THREADS; i++)
        start_thread(AS_THREAD, count_on, 0, stacks[i]);
}

static void
threads(u32 rounds)
{
    u32 missed = 0, before;

    for (round = 0; round < rounds && missed == 0; round++) {
        long leader = start_leader(make_threads);

        spin(round * 97 % 3000);
        SC2(NR_kill, leader, SIG_STOP);
        SC4(NR_wait4, leader, 0, UNTRACED, 0);
        before = *counter;
        nap(30);
        missed = *counter != before;
        end_group(leader);
    }
    ok(missed == 0, "SIGSTOP stops the threads too that are just being made");
}

int
main(int argc, char **argv)
{
    u32 rounds = (u32)parse_num(argc > 1 ? argv[1] : 0, 40);

    ready = (volatile u32 *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
    counter = ready + 1;
    pin(0);
    vforks(rounds);
    forks(rounds);
    threads(rounds);
    return done("missed");
}
