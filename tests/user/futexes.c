/* futexes.c - what threads on different CPUs wait for: futexes CPUS.
 *
 *   sleeper:   "I go to sleep" ──► looks ──► sleeps           a word (futex), or a pipe (poll)
 *   changer:          └── a moment later, of all lengths ──► changes it, wakes
 *
 * Who looks just before the change must not sleep through the wake-up; and whose CPU halts is woken
 * at once, not at its next tick. Who waits in memory that is gone takes nobody else's wake-up. */
#include "clock.h"
#include "threads.h"

enum { ROUNDS = 600, DELAYS = 500, FUTEX_WAIT_ = 0, FUTEX_WAKE_ = 1, LONG_US = 500000,
       ETIMEDOUT_ = 110 };

static volatile u32 turn, rounds_left;
static volatile u32 going; /* the round in which the sleeper goes to sleep */
static int ends[2];
static u32 lost; /* times that the sleeper was not woken, but its time was over */
static char stack[THREAD_STACK] __attribute__((aligned(16)));
static int cpus;

static u32
now_us(void)
{
    struct time time = time_now(1);

    return (u32)time.sec * 1000000 + (u32)time.part / 1000;
}

/* Sleeps while the word has the value, for at most a second. What the kernel answers, 0 if it need
 * not be asked. */
static long
wait_while(volatile u32 *word, u32 value)
{
    static const struct time second = {1, 0};

    return *word == value ? SC4(NR_futex, word, FUTEX_WAIT_, value, &second) : 0;
}

static void
wake(volatile u32 *word)
{
    SC4(NR_futex, word, FUTEX_WAKE_, 1, 0);
}

/* ---- just before the change ---- */

static void
pin_sleeper(void)
{
    if (cpus > 1)
        pin(1);
}

static void
sleep_for_word(void *arg)
{
    (void)arg;
    pin_sleeper();
    for (u32 i = 1; i <= ROUNDS; i++) {
        u32 start = now_us();

        going = i;
        while (turn != i)
            wait_while(&turn, i - 1);
        lost += now_us() - start > LONG_US;
    }
}

static void
sleep_for_pipe(void *arg)
{
    struct { int fd; short events, revents; } entry = {ends[0], 1, 0};
    char byte;

    (void)arg;
    pin_sleeper();
    for (u32 i = 1; i <= ROUNDS; i++) {
        u32 start = now_us();

        going = i;
        SC3(NR_poll, &entry, 1, 1000);
        lost += now_us() - start > LONG_US;
        k_read(ends[0], &byte, 1);
    }
}

static void
change_word(u32 i)
{
    turn = i;
    wake(&turn);
}

static void
change_pipe(u32 i)
{
    char byte = (char)i;

    k_write(ends[1], &byte, 1);
}

static void
change_in_time(void (*sleep_for)(void *), void (*change)(u32 round), const char *what)
{
    lost = going = turn = 0;
    start_thread(AS_CHILD, sleep_for, 0, stack);
    for (u32 i = 1; i <= ROUNDS; i++) {
        while (going != i)
            if (cpus == 1)
                k_yield();
        for (volatile u32 delay = i * 7 % DELAYS; delay > 0; delay--)
            continue;
        change(i);
    }
    k_wait(-1, 0);
    ok(lost == 0, "%s: in %u rounds no wake-up is lost (%u)", what, (u32)ROUNDS, lost);
}

/* ---- of a CPU that halts ---- */

/* Lets the other sleep first, and its CPU halt. The best of some: others may have this machine too. */
static void
answer(void *arg)
{
    (void)arg;
    if (cpus > 1)
        pin(cpus - 1);
    for (u32 i = 1; rounds_left != 0; i = turn + 1) {
        while (turn != i && rounds_left != 0)
            wait_while(&turn, i - 1);
        turn = i + 1;
        wake(&turn);
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
        u32 start, time;

        nap(1);
        start = now_us();
        if (--rounds_left == 0)
            break;
        turn = i;
        wake(&turn);
        while (turn == i)
            wait_while(&turn, i);
        time = now_us() - start;
        best = time < best ? time : best;
    }
    turn += 1;
    wake(&turn);
    k_wait(-1, 0);
    ok(best < 5000, "there and back takes less than half a tick (%u us)", best);
}

/* ---- in memory that is gone ---- */

enum { GONE, THERE, WAITERS };

static struct waiter {
    volatile u32 *word;
    volatile long answer; /* 1: it waits */
} waiters[WAITERS];

static void
wait_there(void *at)
{
    struct waiter *waiter = at;

    waiter->answer = wait_while(waiter->word, 0);
}

/* What the kernel has of new shared memory may lie where it had that of the old one. */
static void
wakes_who_is_there(void)
{
    static char stacks[WAITERS][THREAD_STACK] __attribute__((aligned(16)));

    for (int i = 0; i < WAITERS; i++) {
        struct waiter *waiter = &waiters[i];

        waiter->word = (volatile u32 *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
        waiter->answer = 1;
        start_thread(AS_THREAD, wait_there, waiter, stacks[i]);
        nap(50);
        if (i == GONE)
            SC2(NR_munmap, waiter->word, PG);
    }
    wake(waiters[THERE].word);
    while (waiters[THERE].answer == 1 || waiters[GONE].answer == 1)
        k_yield();
    eq(waiters[THERE].answer, 0, "who waits in the memory that is there is woken");
    eq(waiters[GONE].answer, -ETIMEDOUT_, "and not who waits where none is any more");
}

int
main(int argc, char **argv)
{
    cpus = argc > 1 ? (int)parse_num(argv[1], 2) : 2;
    pin(0);
    k_pipe(ends);
    change_in_time(sleep_for_word, change_word, "futex");
    change_in_time(sleep_for_pipe, change_pipe, "poll");
    wakes_at_once();
    wakes_who_is_there();
    return done("futexes");
}
