/* once.c - a handler that is to run once (SA_RESETHAND), and threads of one process that take its
 * signal at the same moment, each on a CPU of its own: once CPUS ROUNDS.
 *
 *   thread 0   blocks it ── sends it to itself ──┐ all ┌── takes it ──► the handler
 *   thread 1   blocks it ── sends it to itself ──┘     └── takes it ──► the default: nothing, or
 *                                                                       the end of the process
 */
#include "signals.h"
#include "threads.h"

enum { NR_tgkill_ = 270, SIG_URG = 23 };

static u32 cpus, rounds;
static volatile u32 *called; /* by all processes that there are */
static volatile u32 here, wrong, kept_flags;
static int signal_sent;

static void
count_call(int signal)
{
    (void)signal;
    __sync_fetch_and_add(called, 1);
}

/* Sends the signal to itself, blocked, and takes it together with the others. `step` is how often
 * they have met before. */
static void
take_together(u32 step)
{
    set_mask(BLOCK, bit(signal_sent));
    SC3(NR_tgkill_, me(), SC0(NR_gettid), signal_sent);
    meet_all(&here, cpus, step + 1);
    set_mask(UNBLOCK, bit(signal_sent));
}

/* What has become of the action. */
static void
look(u32 calls)
{
    struct ksigaction now;

    SC4(NR_rt_sigaction, signal_sent, 0, &now, 8);
    wrong += calls != 1 || now.handler != 0;
    kept_flags += (now.flags & F_RESETHAND) != 0;
}

/* Thread 0 sets the handler and looks; what is the default does nothing. */
static void
ignored_later(void *member)
{
    pin((int)member);
    for (u32 round = 0, step = 0; round < rounds; round++, step += 3) {
        u32 before = *called;

        if (member == 0)
            on(signal_sent, count_call, F_RESETHAND, 0);
        meet_all(&here, cpus, step + 1);
        take_together(step + 1);
        meet_all(&here, cpus, step + 3);
        if (member == 0)
            look(*called - before);
    }
}

static void
deadly_later(void *member)
{
    pin((int)member);
    take_together(0);
}

/* Runs `fn` in as many threads as there are CPUs, of which the caller is the first. */
static void
run_all(void (*fn)(void *member))
{
    if (start_team(cpus, fn) != cpus - 1)
        k_exit(99);
    fn(0);
}

/* The second who takes the signal ends the process, maybe before the handler of the first. */
static void
ends(void)
{
    u32 right = 0, times = rounds / 20;

    signal_sent = SIG_USR1;
    for (u32 i = 0; i < times; i++) {
        int status = 0;
        long pid;

        *called = 0;
        pid = k_fork();
        if (pid == 0) {
            here = 0;
            on(SIG_USR1, count_call, F_RESETHAND, 0);
            run_all(deadly_later);
            for (;;)
                k_yield();
        }
        k_wait(pid, &status);
        right += status == SIG_USR1 && *called <= 1;
    }
    eq((long)right, (long)times, "the default action is the second's: the end of the process");
}

int
main(int argc, char **argv)
{
    cpus = argc > 1 ? (u32)parse_num(argv[1], 2) : 2;
    rounds = argc > 2 ? (u32)parse_num(argv[2], 1000) : 1000;
    called = (volatile u32 *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
    ends();
    signal_sent = SIG_URG;
    run_all(ignored_later);
    eq((long)wrong, 0, "%u times: one handler runs, and is gone", rounds);
    eq((long)kept_flags, (long)rounds, "the action keeps its flags");
    return done("once");
}
