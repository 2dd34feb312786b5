/* stress.c - storms of memory calls, with every byte checked.
 *
 *     stress [SECONDS | ROUNDSr] [SEED [PAGES]]
 *
 * 10 seconds, a new seed (also for 0), and a quarter of the free memory if nothing else is asked
 * for.
 *
 * A table says what memory must look like: regions of pages, and for each page a stamp that stands
 * for its 4096 bytes (0: zeros; S: the words S, S + 1, S + 2...). Each round does something to
 * memory and the same to the table:
 *
 *     map, unmap (also from the middle), protect, remap, discard, write, move the heap's end,
 *     fork a child that checks all and writes over what it likes, pipe bytes to a child
 *
 * and compares a region with the table; at the end all of them. Shared regions show what a child
 * wrote; private ones must not. The same seed gives the same calls. A call that finds no memory is
 * counted and is no failure: then nothing may have changed.
 */
#include "runtime.h"

enum {
    REGIONS = 32,
    PAGES_MAX = 64, /* of a region */
    WORDS = PAGE_SIZE / 4,
    WRITABLE = PROT_READ | PROT_WRITE,
};

struct region {
    uint32_t *at;
    unsigned pages;
    int protection;
    bool shared;
    uint32_t stamps[PAGES_MAX];
};

static struct region regions[REGIONS];
static unsigned region_count;
static struct region heap; /* what brk gave */
static unsigned pages_used, pages_allowed;
static uint32_t seed, state;

static struct {
    unsigned long rounds, maps, unmaps, protects, remaps, discards, breaks, forks, pipes, checked,
        refused;
} totals;

/* ---- chance ---- */

/* xorshift32 (Marsaglia): never 0. */
static uint32_t
draw(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static unsigned
below(unsigned limit)
{
    return draw() % limit;
}

/* ---- pages and stamps ---- */

static void
write_page(struct region *region, unsigned page, uint32_t stamp)
{
    uint32_t *words = region->at + page * WORDS;

    for (unsigned i = 0; i < WORDS; i++)
        words[i] = stamp + i;
    region->stamps[page] = stamp;
}

static _Noreturn void
wrong(const struct region *region, unsigned page, unsigned word, uint32_t wanted)
{
    die("WRONG: page %u of %u at %p, word %u is %#x, wanted %#x (process %d, seed %u, round %lu)",
        page, region->pages, (void *)region->at, word, region->at[page * WORDS + word], wanted,
        getpid(), seed, totals.rounds);
}

static void
check_page(const struct region *region, unsigned page)
{
    const uint32_t *words = region->at + page * WORDS;
    uint32_t stamp = region->stamps[page], step = stamp ? 1 : 0;

    for (unsigned i = 0; i < WORDS; i++) {
        if (words[i] != stamp + i * step)
            wrong(region, page, i, stamp + i * step);
    }
    totals.checked++;
}

static void
check_region(const struct region *region)
{
    for (unsigned page = 0; page < region->pages && region->protection; page++)
        check_page(region, page);
}

static void
check_all(void)
{
    for (unsigned i = 0; i < region_count; i++)
        check_region(&regions[i]);
    check_region(&heap);
}

static void
write_some(struct region *region)
{
    if (region->protection != WRITABLE || region->pages == 0)
        return;
    for (unsigned i = below(region->pages) + 1; i; i--)
        write_page(region, below(region->pages), draw() | 1);
}

/* ---- what a round may do ---- */

static struct region *
some_region(void)
{
    return region_count ? &regions[below(region_count)] : NULL;
}

/* False, and counted, when the answer is -ENOMEM; anything else wrong ends the program. */
static bool
granted(long answer, const char *call)
{
    if ((unsigned long)answer < (unsigned long)-4096)
        return true;
    if (answer != -ENOMEM && answer != -EAGAIN)
        die("%s: %s (seed %u, round %lu)", call, error_text(answer), seed, totals.rounds);
    totals.refused++;
    return false;
}

static void
map_region(void)
{
    unsigned pages = below(PAGES_MAX) + 1;
    struct region *region = &regions[region_count];
    void *at;

    if (region_count == REGIONS || pages_used + pages > pages_allowed)
        return;
    memset(region, 0, sizeof(*region));
    region->shared = below(4) == 0;
    at = mmap(NULL, pages * PAGE_SIZE, WRITABLE,
              MAP_ANONYMOUS | (region->shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);
    if (!granted((long)at, "mmap"))
        return;
    region->at = at;
    region->pages = pages;
    region->protection = WRITABLE;
    region_count++;
    pages_used += pages;
    totals.maps++;
    write_some(region);
}

static void
forget_region(struct region *region)
{
    *region = regions[--region_count];
}

/* Takes pages [from, end) out: what is behind them becomes a region of its own. */
static void
cut_region(struct region *region, unsigned from, unsigned end)
{
    unsigned behind = region->pages - end;

    if (behind) {
        struct region *rest = &regions[region_count++];

        *rest = *region;
        rest->at += end * WORDS;
        rest->pages = behind;
        memmove(rest->stamps, region->stamps + end, behind * sizeof(rest->stamps[0]));
    }
    region->pages = from;
    if (from == 0)
        forget_region(region);
}

static void
unmap_part(void)
{
    struct region *region = some_region();
    unsigned from, end;

    if (!region)
        return;
    from = below(3) ? 0 : below(region->pages);
    end = from + below(region->pages - from) + 1;
    if (below(3) || region_count == REGIONS) /* no room for what would be behind */
        end = region->pages;
    if (!granted(munmap(region->at + from * WORDS, (end - from) * PAGE_SIZE), "munmap"))
        return;
    pages_used -= end - from;
    totals.unmaps++;
    cut_region(region, from, end);
}

/* To nothing, read-only or writable; through nothing and back the bytes must stay. */
static void
protect_region(void)
{
    static const int choices[] = {PROT_NONE, PROT_READ, WRITABLE, WRITABLE};
    struct region *region = some_region();
    int protection = choices[below(ARRAY_LENGTH(choices))];

    if (!region ||
        !granted(mprotect(region->at, region->pages * PAGE_SIZE, protection), "mprotect"))
        return;
    region->protection = protection;
    totals.protects++;
}

/* Rights of single pages, there and back: areas are cut and joined. */
static void
protect_page(void)
{
    struct region *region = some_region();
    uint32_t *page;

    if (!region || region->protection != WRITABLE)
        return;
    page = region->at + below(region->pages) * WORDS;
    if (!granted(mprotect(page, PAGE_SIZE, PROT_READ), "mprotect"))
        return;
    check_region(region);
    while (!granted(mprotect(page, PAGE_SIZE, WRITABLE), "mprotect"))
        continue;
    totals.protects += 2;
}

static void
remap_region(void)
{
    struct region *region = some_region();
    unsigned pages = below(PAGES_MAX) + 1;
    void *at;

    if (!region || region->shared || pages_used - region->pages + pages > pages_allowed)
        return;
    at = mremap(region->at, region->pages * PAGE_SIZE, pages * PAGE_SIZE, MREMAP_MAYMOVE);
    if (!granted((long)at, "mremap"))
        return;
    for (unsigned page = region->pages; page < pages; page++)
        region->stamps[page] = 0;
    pages_used += pages - region->pages;
    region->at = at;
    region->pages = pages;
    totals.remaps++;
}

static void
discard_part(void)
{
    struct region *region = some_region();
    unsigned from, count;

    if (!region || region->shared)
        return;
    from = below(region->pages);
    count = below(region->pages - from) + 1;
    if (!granted(madvise(region->at + from * WORDS, count * PAGE_SIZE, MADV_DONTNEED), "madvise"))
        return;
    memset(region->stamps + from, 0, count * sizeof(region->stamps[0]));
    totals.discards++;
}

static void
move_break(void)
{
    unsigned pages = below(PAGES_MAX + 1);
    uintptr_t end = (uintptr_t)heap.at + pages * PAGE_SIZE;

    if (pages_used - heap.pages + pages > pages_allowed)
        return;
    if (brk(end) != end) {
        totals.refused++;
        return;
    }
    for (unsigned page = heap.pages; page < pages; page++)
        heap.stamps[page] = 0;
    pages_used += pages - heap.pages;
    heap.pages = pages;
    totals.breaks++;
    write_some(&heap);
}

/* ---- children ---- */

/* False when the child was killed: by us, or because memory was out. */
static bool
wait_for(int pid)
{
    int status = -1;

    while (wait4(pid, &status, 0) == -EINTR)
        continue;
    if (status != 0 && status != SIGKILL)
        die("a child ended with status %#x (seed %u, round %lu)", status, seed, totals.rounds);
    return status == 0;
}

/* Writes new stamps to the shared pages; drawn from `from` alone, so that parent and child know the
 * same. With `only_table`, the pages are there already. */
static void
write_shared(uint32_t from, bool only_table)
{
    uint32_t kept = state;

    state = from;
    for (unsigned i = 0; i < region_count; i++) {
        unsigned page;

        if (!regions[i].shared || regions[i].protection != WRITABLE)
            continue;
        page = below(regions[i].pages);
        if (only_table)
            regions[i].stamps[page] = draw() | 1;
        else
            write_page(&regions[i], page, draw() | 1);
    }
    state = kept;
}

static _Noreturn void
storm_in_child(uint32_t from)
{
    write_shared(from, false);
    for (unsigned i = 0; i < region_count; i++) {
        if (!regions[i].shared)
            write_some(&regions[i]);
    }
    write_some(&heap);
    check_all();
    exit_now(0);
}

static void
fork_child(void)
{
    uint32_t from = draw();
    int pid = fork();

    if (pid == 0)
        storm_in_child(from);
    if (!granted(pid, "fork"))
        return;
    /* What a killed child has not written is written here. */
    write_shared(from, wait_for(pid));
    totals.forks++;
}

/* A child that is killed in the middle of what it does. It must not touch what is shared. */
static void
kill_child(void)
{
    int pid = fork();

    if (pid == 0) {
        for (;;) {
            write_some(&heap);
            check_region(&heap);
        }
    }
    if (!granted(pid, "fork"))
        return;
    kill(pid, SIGKILL);
    wait_for(pid);
    totals.forks++;
}

static _Noreturn void
write_to_pipe(const int ends[2], uint32_t stamp, unsigned pages)
{
    struct region region = {.at = mmap(NULL, pages * PAGE_SIZE, WRITABLE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)};
    const char *from = (const char *)region.at;
    size_t left = pages * PAGE_SIZE;

    if (mmap_failed(region.at))
        kill(getpid(), SIGKILL); /* as if the kernel had */
    for (unsigned page = 0; page < pages; page++)
        write_page(&region, page, stamp);
    while (left) {
        long done = write(ends[1], from, left < 3000 ? left : 3000);

        if (done <= 0)
            exit_now(1);
        from += done;
        left -= (size_t)done;
    }
    exit_now(0);
}

/* Reads what the child writes. False when that ends too early. */
static bool
read_from_pipe(int fd, uint32_t stamp, unsigned pages)
{
    static uint32_t words[WORDS];
    struct region region = {.at = words, .pages = 1, .protection = WRITABLE, .stamps = {stamp}};

    for (unsigned page = 0; page < pages; page++) {
        size_t got = 0;

        while (got < PAGE_SIZE) {
            long size = read(fd, (char *)words + got, PAGE_SIZE - got);

            if (size < 0)
                die("read: %s (seed %u, round %lu)", error_text(size), seed, totals.rounds);
            if (size == 0)
                return false;
            got += (size_t)size;
        }
        check_region(&region);
    }
    return true;
}

static void
pipe_from_child(void)
{
    uint32_t stamp = draw() | 1;
    unsigned pages = below(16) + 1;
    int ends[2], pid;

    if (!granted(pipe(ends), "pipe"))
        return;
    pid = fork();
    if (pid == 0)
        write_to_pipe(ends, stamp, pages);
    close(ends[1]);
    if (granted(pid, "fork")) {
        bool whole = read_from_pipe(ends[0], stamp, pages);

        if (wait_for(pid) && !whole)
            die("the pipe ended early (seed %u, round %lu)", seed, totals.rounds);
        totals.pipes++;
    }
    close(ends[0]);
}

/* ---- the storm ---- */

static void
one_round(void)
{
    static void (*const actions[])(void) = {
        map_region,   map_region,   map_region,  unmap_part,   unmap_part, protect_region,
        protect_page, remap_region, discard_part, move_break,   move_break,
    };
    static void (*const rare[])(void) = {fork_child, kill_child, pipe_from_child};
    struct region *region;

    if (below(8) == 0)
        rare[below(ARRAY_LENGTH(rare))]();
    else
        actions[below(ARRAY_LENGTH(actions))]();
    region = some_region();
    if (region) {
        check_region(region);
        write_some(region);
    }
    totals.rounds++;
}

/* A quarter of what is free, so that children and the rest of the machine have room. */
static unsigned
choose_allowance(void)
{
    static char text[2048];
    unsigned long kib;

    read_text("/proc/meminfo", text, sizeof(text));
    kib = field_value(text, "MemFree") / 4;
    if (kib == 0)
        return 64;
    return kib / 4 < REGIONS * PAGES_MAX ? kib / 4 : REGIONS * PAGES_MAX;
}

static void
print_totals(void)
{
    print("stress: %lu rounds: %lu brk, %lu mmap, %lu munmap, %lu mprotect,\n", totals.rounds,
          totals.breaks, totals.maps, totals.unmaps, totals.protects);
    print("stress: %lu mremap, %lu madvise, %lu forks, %lu pipes\n", totals.remaps,
          totals.discards, totals.forks, totals.pipes);
    print("stress: %lu pages checked, %lu calls found no memory: ok\n", totals.checked,
          totals.refused);
}

int
main(int argc, char **argv)
{
    unsigned long amount = 10, number = 0, pages = 0;
    const char *unit = argc > 1 ? argv[1] : "10";
    uint32_t start = milliseconds_now();
    bool by_rounds;

    if (!take_number(&unit, &amount) || (argc > 2 && !text_number(argv[2], &number)) ||
        (argc > 3 && !text_number(argv[3], &pages)))
        die("usage: stress [SECONDS | ROUNDSr] [SEED [PAGES]]");
    by_rounds = *unit == 'r';
    if (number == 0)
        system_call(NR_getrandom, &number, sizeof(number), 0);
    seed = state = number ? number : start | 1;
    heap.at = (uint32_t *)((brk(0) + PAGE_MASK) & ~(uintptr_t)PAGE_MASK);
    heap.protection = WRITABLE;
    pages_allowed = pages ? pages : choose_allowance();
    print("stress: seed %u, up to %u pages\n", seed, pages_allowed);
    while (by_rounds ? totals.rounds < amount : (milliseconds_now() - start) / 1000 < amount)
        one_round();
    check_all();
    print_totals();
    return 0;
}
