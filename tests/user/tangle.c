/* tangle.c - threads of one space, each on a CPU of its own: tangle CPUS ROUNDS [read].
 *
 * One of them exchanges the page at a place again and again, and tells when it has. The others read
 * there all the time, and take and give back memory of their own, so that the page that went is
 * soon somebody else's:
 *
 *   CPU 0    page k ──► gone, page k + 1 comes ──► "k + 1" ──► ...
 *   others   what was told? ──► read: that number, or if it is told no more, 0 or a later one
 *
 * Who reads an older number, or another's bytes, has used a translation that he should have
 * forgotten. With `read` the others do nothing else: no call of their own makes them forget. */
#include "threads.h"

enum { MOST_CPUS = 8, OWN_PAGES = 12 };

#define TAG 0x5A000000u

static volatile u32 *place;
static volatile u32 phase, ended; /* 2k: page k is there; odd: it is about to change */
static u32 rounds;
static int only_read;

struct member {
    int me;
    u32 stale, foreign, lost;
    volatile u32 reads;
};
static struct member members[MOST_CPUS];

/* While a page stays it is the one that was told; while it changes it may be new, or not
 * written. */
static void
look(struct member *member)
{
    for (int i = 0; i < 64; i++) {
        u32 before = phase, value = *place, after = phase;

        member->reads++;
        member->foreign += value != 0 && (value & 0xFF000000u) != TAG;
        member->stale += value != 0 && value < TAG + before / 2;
        member->stale += before == after && before % 2 == 0 && value != TAG + before / 2;
    }
}

/* Memory of one's own: what was written is there, also in a child. */
static void
churn(struct member *member, u32 round)
{
    volatile u32 *own = (u32 *)k_anon(OWN_PAGES * PG, P_RW);
    u32 mark = (u32)(member->me + 1) << 16 | (round & 0xFFFF);

    for (u32 i = 0; i < OWN_PAGES; i++)
        own[i * PG / 4] = mark + i;
    if (round % 16 == 0) {
        long pid = k_fork();

        if (pid == 0) {
            own[0] = 0;
            k_exit(own[PG / 4] != mark + 1);
        }
        int status = 1;
        k_wait(pid, &status);
        member->lost += status != 0;
    }
    if (round % 3 == 0) {
        k_mprotect((void *)own, OWN_PAGES * PG, P_R);
        k_mprotect((void *)own, OWN_PAGES * PG, P_RW);
    }
    look(member);
    for (u32 i = 0; i < OWN_PAGES; i++)
        member->lost += own[i * PG / 4] != mark + i;
    k_munmap((void *)own, OWN_PAGES * PG);
}

static void
behave(void *arg)
{
    struct member *member = arg;

    pin(member->me);
    for (u32 round = 0; !ended; round++) {
        look(member);
        if (!only_read)
            churn(member, round);
    }
}

/* Each of the others has read once more. */
static void
let_others_read(int others)
{
    for (int i = 1; i <= others; i++)
        for (u32 before = members[i].reads; members[i].reads == before;)
            k_yield();
}

/* Page k comes: in the old one's frame, as a rule, or in one that was there before it went, so that
 * both can be told apart for sure. */
static void
bring_page(u32 k)
{
    volatile u32 *page;

    if (k % 4 == 0) {
        page = (u32 *)k_anon(PG, P_RW);
        *page = TAG + k;
        k_mremap((void *)page, PG, PG, MR_MAYMOVE | MR_FIXED, (void *)place);
    } else if (k % 2 == 0)
        k_madvise((void *)place, PG, ADV_DONTNEED);
    else
        k_mmap((void *)place, PG, P_RW, M_PRIVATE | M_ANON | M_FIXED, -1, 0);
    *place = TAG + k;
}

static void
exchange(int others)
{
    let_others_read(others);
    for (u32 k = 1; k <= rounds; k++) {
        phase = 2 * k - 1;
        bring_page(k);
        phase = 2 * k;
        if (k % 4 == 0)
            let_others_read(others);
    }
    ended = 1;
}

int
main(int argc, char **argv)
{
    static char stacks[MOST_CPUS][THREAD_STACK] __attribute__((aligned(16)));
    int cpus = argc > 1 ? (int)parse_num(argv[1], 2) : 2, started = 0;
    struct member sum = {0, 0, 0, 0, 0};

    rounds = argc > 2 ? (u32)parse_num(argv[2], 1000) : 1000;
    only_read = argc > 3;
    place = (u32 *)k_anon(PG, P_RW);
    *place = TAG;
    for (int i = 1; i < cpus && i < MOST_CPUS; i++) {
        members[i].me = i;
        started += start_thread(AS_CHILD, behave, &members[i], stacks[i]) > 0;
    }
    pin(0);
    exchange(started);
    for (int i = 0; i < started; i++)
        k_wait(-1, 0);
    for (int i = 1; i < cpus && i < MOST_CPUS; i++) {
        sum.stale += members[i].stale;
        sum.foreign += members[i].foreign;
        sum.lost += members[i].lost;
        sum.reads += members[i].reads;
    }
    ok(started == cpus - 1 && (started == 0 || sum.reads > 0), "%d threads read %u times", started,
       sum.reads);
    ok(sum.stale == 0, "none reads a page that went (%u times)", sum.stale);
    ok(sum.foreign == 0, "none reads what is another's (%u times)", sum.foreign);
    ok(sum.lost == 0, "each finds what it wrote, in children too (%u not)", sum.lost);
    return done("tangle");
}
