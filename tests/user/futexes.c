/* futexes.c - words that threads on different CPUs wait for: futexes CPUS.
 *
 *   word = whose turn   thread 0 ── 1, wake ──► thread 1 ── 0, wake ──► thread 0 ...
 *
 * Who looks at the word just before the other one changes it must not sleep through the wake-up; and
 * whose CPU halts is woken at once, not at its next tick. */
#include "threads.h"

enum { ROUNDS = 3000, FUTEX_WAIT_ = 0, FUTEX_WAKE_ = 1, FUTEX_REQUEUE_ = 3, ETIMEDOUT_ = 110 };

static volatile u32 turn, rounds_left;
static u32 lost;
static char stack[THREAD_STACK] __attribute__((aligned(16)));
static int cpus;

static long
futex(volatile u32 *word, int operation, u32 value, const void *time)
{
    return SC4(NR_futex, word, operation, value, time);
}

/* Sleeps while the word has the value. True when a second passed: nobody woke it. */
static int
wait_while(volatile u32 *word, u32 value)
{
    static const struct { long sec, nsec; } second = {1, 0};

    return *word == value && futex(word, FUTEX_WAIT_, value, &second) == -ETIMEDOUT_ &&
           *word != value;
}

static void
play(u32 me)
{
    for (u32 i = 0; i < ROUNDS; i++) {
        while (turn != me)
            lost += (u32)wait_while(&turn, !me);
        turn = !me;
        futex(&turn, FUTEX_WAKE_, 1, 0);
    }
}

static void
play_second(void *arg)
{
    (void)arg;
    if (cpus > 1)
        pin(1);
    play(1);
}

static u32
now_us(void)
{
    struct { u32 sec, nsec; } time;

    SC2(NR_clock_gettime, 1, &time);
    return time.sec * 1000000 + time.nsec / 1000;
}

static void
handshakes(void)
{
    start_thread(AS_CHILD, play_second, 0, stack);
    play(0);
    k_wait(-1, 0);
    ok(lost == 0, "in %u turns each no wake-up is lost (%u)", (u32)ROUNDS, lost);
}

/* Lets the other sleep first, and its CPU halt. The best of some: others may have this machine too. */
static void
answer(void *arg)
{
    (void)arg;
    if (cpus > 1)
        pin(cpus - 1);
    for (u32 i = 1; rounds_left != 0; i = turn + 1) {
        while (turn != i && rounds_left != 0)
            (void)wait_while(&turn, i - 1);
        turn = i + 1;
        futex(&turn, FUTEX_WAKE_, 1, 0);
    }
}

static void
wakes_at_once(void)
{
    u32 best = ~0u;

    turn = 0;
    rounds_left = 50;
    start_thread(AS_CHILD, answer, 0, stack);
    for (u32 i = 1; rounds_left != 0; i += 2) {
        struct { long sec, nsec; } nap = {0, 1000000};
        u32 start, time;

        SC2(NR_nanosleep, &nap, 0);
        start = now_us();
        if (--rounds_left == 0)
            break;
        turn = i;
        futex(&turn, FUTEX_WAKE_, 1, 0);
        while (turn == i)
            (void)wait_while(&turn, i);
        time = now_us() - start;
        best = time < best ? time : best;
    }
    turn += 1;
    futex(&turn, FUTEX_WAKE_, 1, 0);
    k_wait(-1, 0);
    ok(best < 5000, "there and back takes less than half a tick (%u us)", best);
}

int
main(int argc, char **argv)
{
    cpus = argc > 1 ? (int)parse_num(argv[1], 2) : 2;
    pin(0);
    handshakes();
    wakes_at_once();
    return done("futexes");
}
