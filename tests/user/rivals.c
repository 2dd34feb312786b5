/* rivals.c - programs that run out of memory at the same time, each on a CPU of its own: rivals
 * ROUNDS. Four want two fifths of the memory each, so two have to go, and no more. */
#include "witness.h"

enum { RIVALS = 4, GO_ON = 2 };

static struct {
    volatile u32 told;         /* begin; GO_ON: end */
    volatile u32 done[RIVALS]; /* it has what it wants */
} *state;

/* Touches its part, then lives until it is told. */
static void
rival(ulong pages, int me)
{
    ulong mask = 1ul << me;
    long memory;

    SC3(NR_sched_setaffinity, 0, sizeof(mask), &mask);
    memory = k_anon(pages * PG, P_RW);
    while (!state->told)
        k_yield();
    for (ulong page = 0; page < pages; page++)
        *(volatile ulong *)((ulong)memory + page * PG) = page;
    state->done[me] = 1;
    while (state->told != GO_ON)
        nap(10);
    k_exit(0);
}

static int
all_settled(const long *pids)
{
    for (int i = 0; i < RIVALS; i++)
        if (pids[i] != 0 && !state->done[i])
            return 0;
    return 1;
}

/* Forgets those that have ended. */
static void
reap(long *pids)
{
    int status;

    for (int i = 0; i < RIVALS; i++)
        if (pids[i] != 0 && SC4(NR_wait4, pids[i], &status, 1 /* WNOHANG */, 0) > 0)
            pids[i] = 0;
}

/* How many of them live when all that live have what they want. */
static int
round(ulong pages)
{
    long pids[RIVALS];
    int left = 0, status;

    state->told = 0;
    for (int i = 0; i < RIVALS; i++) {
        state->done[i] = 0;
        pids[i] = k_fork();
        if (pids[i] == 0)
            rival(pages, i);
    }
    state->told = 1;
    do {
        nap(10);
        reap(pids);
    } while (!all_settled(pids));
    nap(20); /* who is chosen may not have ended yet */
    reap(pids);
    state->told = GO_ON;
    for (int i = 0; i < RIVALS; i++)
        if (pids[i] != 0)
            left += k_wait(pids[i], &status) > 0 && status == 0;
    return left;
}

int
main(int argc, char **argv)
{
    int rounds = argc > 1 ? (int)parse_num(argv[1], 0) : 1, wrong = 0;

    SC0(66 /* setsid: the leader is spared */);
    state = (void *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
    for (int i = 0; i < rounds; i++) {
        int left = round(mem_free() / 4 * 2 / 5);

        wrong += left != RIVALS / 2;
        if (left != RIVALS / 2)
            note("round %d: %d live", i, left);
    }
    ok(wrong == 0, "as many are ended as must be, in %d of %d rounds", rounds - wrong, rounds);
    return done("rivals");
}
