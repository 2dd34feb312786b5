/* cpus.c - two threads on two CPUs: what a CPU remembers of the page tables, and how it forgets. */
#include "tour.h"

enum { MASK_WORDS = 32, WRITABLE = PROT_READ | PROT_WRITE };

/* What the reader looks at, and what it saw. */
struct look {
    const volatile char *page;
    volatile unsigned times;
    volatile char after;
    volatile bool over;
};

/* The second thread: looks at the page until it changes. */
static void
look_until_it_changes(void *argument)
{
    struct look *look = argument;

    while (*look->page == 'p')
        look->times++;
    look->after = *look->page;
    look->over = true;
}

/* CPUs that this process may run on, one bit each. */
struct cpus {
    unsigned long bits[MASK_WORDS];
};

/* The number of the n-th of them, from 0; -1: there are not so many. */
static int
nth_cpu(const struct cpus *cpus, unsigned n)
{
    for (unsigned cpu = 0; cpu < sizeof(*cpus) * 8; cpu++) {
        if (cpus->bits[cpu / 32] >> cpu % 32 & 1 && n-- == 0)
            return (int)cpu;
    }
    return -1;
}

static void
run_on(int pid, int cpu)
{
    struct cpus only = {{0}};

    only.bits[cpu / 32] = 1ul << cpu % 32;
    system_call(NR_sched_setaffinity, pid, sizeof(only), &only);
}

/* Both on CPUs of their own, if there are two. */
static void
part(int reader, const struct cpus *cpus)
{
    int first = nth_cpu(cpus, 0), second = nth_cpu(cpus, 1);

    if (second < 0) {
        say("There is one CPU for them; they take turns on it, and nobody need be asked.");
        return;
    }
    run_on(reader, second);
    run_on(0, first);
    say("The reader is on CPU %d, we are on CPU %d.", second, first);
}

/* Takes the page away from under the reader. */
static bool
take_away(char *page, struct look *look)
{
    while (look->times == 0)
        sleep_for(0, 1);
    watch_begin();
    madvise(page, PAGE_SIZE, MADV_DONTNEED);
    while (!look->over)
        sleep_for(0, 1);
    watch_tell();
    say("The reader saw 'p' %u times, and then a byte of %u.", look->times, look->after);
    return expect(look->after == 0, "the reader sees an empty page");
}

bool
cpus_step(void)
{
    char *page = map_pages(1, WRITABLE, MAP_PRIVATE);
    char *stack = map_pages(1, WRITABLE, MAP_PRIVATE);
    struct look look = {.page = page};
    struct cpus cpus = {{0}};
    int reader;
    bool ok;

    if (!page || !stack)
        return false;
    *page = 'p';
    say("A thread with the same memory reads one byte, over and over. Its CPU remembers where the "
        "page is: it no longer looks into the page tables.");
    reader = run_beside(look_until_it_changes, &look, stack + PAGE_SIZE);
    if (reader < 0)
        return expect(false, "clone works");
    system_call(NR_sched_getaffinity, 0, sizeof(cpus), &cpus);
    part(reader, &cpus);
    say("Now madvise gives the page back. It may go to somebody else only when no CPU remembers "
        "it: another one is asked, and answers.");
    ok = take_away(page, &look);
    ok &= expect(wait4(reader, NULL, 0) == reader, "the reader ends");
    system_call(NR_sched_setaffinity, 0, sizeof(cpus), &cpus);
    munmap(page, PAGE_SIZE);
    munmap(stack, PAGE_SIZE);
    return ok;
}
