/* test_shootdown.c - other CPUs' translations, with threads that are CPUs (mm/tlb.c).
 *
 *   changer, CPU 0:  munmap, mprotect ... ──► returns ──► says "gone"
 *   users, CPU 1..:  poll ─► is it gone? ─► TLB, else walk of the page tables ─► poll ...
 *
 * A user that finds "gone" and then a translation in its TLB has seen a stale one. An interrupt is
 * a flag that a user polls between two accesses. How many accesses it makes before it looks is the
 * delay injected: with it every stale translation is still used when a call returns that did not
 * wait.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "ktest.h"
#include "machine.h"
#include "mm.h"
#include "object.h"
#include "reclaim.h"
#include "space.h"
#include "uapi/mman.h"
#include "../../mm/mm_private.h"
#include "../mm/numbered_file.h"
#include "../mm/testing.h"

#define PAGES 16
#define BASE  0x20000000u
#ifdef __SANITIZE_THREAD__
#define ROUNDS 300
#else
#define ROUNDS 2000
#endif

struct translation {
    bool known, write;
};

/* One CPU's. Only its thread touches the TLB, others only look while it stands still. */
static struct user {
    pthread_t thread;
    uint32_t interrupted, stop, still, stale, accesses;
    struct translation tlb[PAGES];
    unsigned delay, waited; /* accesses until it looks at an interrupt */
    bool changes;   /* rests, and uses another space, now and then */
} users[CPU_MAX];

static struct address_space *space, *other;
static uint32_t gone[PAGES], read_only[PAGES]; /* what no CPU may use any more */
static uint32_t interrupts;

static void
forget(uintptr_t va)
{
    struct translation *tlb = users[cpu_current()].tlb;

    for (unsigned i = 0; i < PAGES; i++)
        if (va == ~(uintptr_t)0 || va == BASE + i * PAGE_SIZE)
            tlb[i].known = false;
}

static void
interrupt(uint32_t cpus)
{
    __atomic_add_fetch(&interrupts, 1, __ATOMIC_RELAXED);
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        if (cpus >> cpu & 1)
            __atomic_store_n(&users[cpu].interrupted, 1, __ATOMIC_RELEASE);
}

static void
poll(struct user *user)
{
    if (!__atomic_load_n(&user->interrupted, __ATOMIC_ACQUIRE))
        return;
    if (user->waited++ < user->delay)
        return;
    user->waited = 0;
    __atomic_store_n(&user->interrupted, 0, __ATOMIC_RELAXED);
    tlb_answer();
}

/* What the CPU's walk finds, whoever writes at the time: two levels. */
static __attribute__((no_sanitize("thread"))) struct translation
walk(uintptr_t va)
{
    const volatile uint32_t *directory = space->directories[0], *table;
    uint32_t above = directory[va >> 22], entry;

    if (!(above & 1))
        return (struct translation){false, false};
    table = frame_to_ptr(pfn(above >> PAGE_SHIFT));
    entry = table[va >> PAGE_SHIFT & 1023];
    return (struct translation){entry & 1, above & entry & 2};
}

static void
use(struct user *user, unsigned page)
{
    bool may_not = __atomic_load_n(&gone[page], __ATOMIC_ACQUIRE);
    bool may_not_write = __atomic_load_n(&read_only[page], __ATOMIC_ACQUIRE);
    struct translation *known = &user->tlb[page];

    if (known->known)
        user->stale += may_not || (may_not_write && known->write);
    else
        *known = walk(BASE + page * PAGE_SIZE);
    __atomic_add_fetch(&user->accesses, 1, __ATOMIC_RELAXED);
}

static void
change_space(uint32_t *state)
{
    switch (ktest_random(state) >> 16 & 3) {
    case 0:
        space_rest();
        break;
    case 1:
        space_activate(other);
        break;
    default:
        space_activate(space);
    }
}

static void *
run_user(void *argument)
{
    struct user *user = argument;
    unsigned cpu = (unsigned)(user - users);
    uint32_t state = ktest_seed() + cpu;

    hosted_set_cpu(cpu);
    space_activate(space);
    while (!__atomic_load_n(&user->stop, __ATOMIC_ACQUIRE)) {
        poll(user);
        if (user->changes && (ktest_random(&state) >> 16) % 64 == 0)
            change_space(&state);
        if (space_here() == space)
            use(user, (ktest_random(&state) >> 16) % PAGES);
        if (__atomic_load_n(&user->accesses, __ATOMIC_RELAXED) % 256 == 0)
            sched_yield();
    }
    __atomic_store_n(&user->still, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&user->stop, __ATOMIC_ACQUIRE) == 1) {
        poll(user);
        sched_yield();
    }
    space_activate(NULL);
    return NULL;
}

/* ---- a machine with users ---- */

static void
start(unsigned count, unsigned delay, bool changes)
{
    machine_start_usual();
    space = space_create();
    other = space_create();
    CHECK(space && other);
    space_get(space); /* others use it too */
    hosted_tlb_flush = forget;
    hosted_interrupt = interrupt;
    interrupts = 0;
    for (unsigned i = 0; i < PAGES; i++)
        gone[i] = read_only[i] = 1;
    for (unsigned cpu = 0; cpu <= count; cpu++)
        users[cpu] = (struct user){.delay = delay, .changes = changes};
    hosted_online = (2u << count) - 1;
    for (unsigned cpu = 1; cpu <= count; cpu++)
        CHECK_EQ(pthread_create(&users[cpu].thread, NULL, run_user, &users[cpu]), 0);
}

static void
end(unsigned count)
{
    for (unsigned cpu = 1; cpu <= count; cpu++) {
        __atomic_store_n(&users[cpu].stop, 2, __ATOMIC_RELEASE);
        pthread_join(users[cpu].thread, NULL);
        CHECK_EQ(users[cpu].stale, 0);
    }
    hosted_online = 1;
    CHECK_EQ(space->cpus | other->cpus, 0);
    space_put(space);
    space_put(space);
    space_put(other);
    hosted_tlb_flush = NULL;
    hosted_interrupt = NULL;
    CHECK(space_check_everything());
    machine_start_usual();
}

static void
map(unsigned page, unsigned count)
{
    for (unsigned i = page; i < page + count; i++) {
        __atomic_store_n(&gone[i], 0, __ATOMIC_RELEASE);
        __atomic_store_n(&read_only[i], 0, __ATOMIC_RELEASE);
    }
    CHECK_EQ(vm_alloc_map(space, BASE + page * PAGE_SIZE, count * PAGE_SIZE,
                          PROT_READ | PROT_WRITE), 0);
}

/* All pages show a file, and are there. */
static void
map_file(struct object *file)
{
    object_init(file, &numbered_file, PAGES * PAGE_SIZE);
    for (unsigned i = 0; i < PAGES; i++) /* a fault brings its neighbours along */
        __atomic_store_n(&gone[i], 0, __ATOMIC_RELEASE);
    CHECK_EQ(space_mmap(space, BASE, PAGES * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0,
                        false), BASE);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(space_fault(space, BASE + i * PAGE_SIZE, FAULT_READ), FAULT_DONE);
}

static void
say(uint32_t *what, unsigned page, unsigned count)
{
    for (unsigned i = page; i < page + count; i++)
        __atomic_store_n(&what[i], 1, __ATOMIC_RELEASE);
}

static void
wait_until_used(struct user *user)
{
    uint32_t before = __atomic_load_n(&user->accesses, __ATOMIC_RELAXED);

    while (__atomic_load_n(&user->accesses, __ATOMIC_RELAXED) - before < 20 * PAGES)
        sched_yield();
}

/* ---- one call, one user who is slow to answer ---- */

static void
unmap_all(void)
{
    CHECK_EQ(space_munmap(space, BASE, PAGES * PAGE_SIZE), 0);
    say(gone, 0, PAGES);
}

static void
forget_all(void)
{
    CHECK_EQ(space_madvise(space, BASE, PAGES * PAGE_SIZE, MADV_DONTNEED), 0);
    say(gone, 0, PAGES);
}

static void
protect_all(void)
{
    CHECK_EQ(space_mprotect(space, BASE, PAGES * PAGE_SIZE, PROT_READ), 0);
    say(read_only, 0, PAGES);
}

static void
move_all(void)
{
    CHECK_EQ(space_mremap(space, BASE, PAGES * PAGE_SIZE, PAGES * PAGE_SIZE,
                          MREMAP_MAYMOVE | MREMAP_FIXED, BASE + 0x1000000), BASE + 0x1000000);
    say(gone, 0, PAGES);
}

static void
fork_all(void)
{
    struct address_space *child = space_fork(space);

    CHECK(child);
    say(read_only, 0, PAGES);
    wait_until_used(&users[1]);
    space_put(child);
}

static void
check_waits(void (*change)(void))
{
    start(1, 20000, false);
    map(0, PAGES);
    wait_until_used(&users[1]);
    change();
    wait_until_used(&users[1]);
    end(1);
}

KTEST(shootdown, munmap_waits)
{
    check_waits(unmap_all);
}

KTEST(shootdown, dontneed_waits)
{
    check_waits(forget_all);
}

KTEST(shootdown, mprotect_waits)
{
    check_waits(protect_all);
}

/* A page beside those that move, so that their table stays: its end would be waited for, too. */
static void
move_all_but_one(void)
{
    CHECK_EQ(vm_alloc_map(space, BASE + 2 * PAGES * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    move_all();
}

KTEST(shootdown, mremap_waits)
{
    check_waits(move_all_but_one);
}

KTEST(shootdown, fork_waits)
{
    check_waits(fork_all);
}

static void
reclaim_all(struct object *file)
{
    CHECK(reclaim_frames(PAGES) >= PAGES);
    CHECK_EQ(file->pages, 0);
}

static void
cut_off(struct object *file)
{
    object_set_size(file, 0);
}

/* The pages leave the cache, and all tables; `shared`: those are a child's, too. */
static void
check_file_waits(void (*take)(struct object *file), bool shared)
{
    struct address_space *child = NULL;
    struct object file;

    start(1, 20000, false);
    map_file(&file);
    if (shared)
        CHECK((child = space_fork(space)) != NULL);
    wait_until_used(&users[1]);
    take(&file);
    say(gone, 0, PAGES);
    wait_until_used(&users[1]);
    if (shared)
        space_put(child);
    CHECK_EQ(space_munmap(space, BASE, PAGES * PAGE_SIZE), 0);
    object_put(&file);
    end(1);
}

KTEST(shootdown, reclaim_waits)
{
    check_file_waits(reclaim_all, false);
}

KTEST(shootdown, reclaim_of_shared_tables_waits)
{
    check_file_waits(reclaim_all, true);
}

KTEST(shootdown, truncation_waits)
{
    check_file_waits(cut_off, false);
}

KTEST(shootdown, truncation_of_shared_tables_waits)
{
    check_file_waits(cut_off, true);
}

/* A fault that exchanges a page, or lets it be written again, is known to its own CPU at once. */
KTEST(shootdown, faults_flush_here)
{
    struct address_space *child;
    struct translation *tlb = users[0].tlb;

    start(0, 0, false);
    map(0, 3);
    space_activate(space);
    child = space_fork(space);
    CHECK(child);
    tlb[2].known = true;
    CHECK_EQ(space_fault(space, BASE, FAULT_WRITE_ACCESS), FAULT_DONE); /* a table of its own */
    CHECK(!tlb[2].known);
    tlb[1].known = tlb[2].known = true;
    CHECK_EQ(space_fault(space, BASE + PAGE_SIZE, FAULT_WRITE_ACCESS), FAULT_DONE);
    CHECK(!tlb[1].known && tlb[2].known);
    space_put(child);
    CHECK_EQ(space_fault(space, BASE + 2 * PAGE_SIZE, FAULT_WRITE_ACCESS), FAULT_DONE);
    CHECK(!tlb[2].known);
    space_activate(NULL);
    end(0);
}

/* A range is one question, however long it is. */
KTEST(shootdown, ranges_are_batched)
{
    start(1, 0, false);
    map(0, PAGES);
    wait_until_used(&users[1]);
    interrupts = 0;
    CHECK_EQ(space_munmap(space, BASE, PAGES * PAGE_SIZE), 0);
    CHECK_EQ(interrupts, 1);
    say(gone, 0, PAGES);
    end(1);
}

/* ---- who is left alone ---- */

static void
stand_still(struct user *user)
{
    __atomic_store_n(&user->stop, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&user->still, __ATOMIC_ACQUIRE))
        sched_yield();
}

/* This thread plays a CPU that has used the space and rests now. */
static void
rest_on_cpu_2(void)
{
    hosted_set_cpu(2);
    space_activate(space);
    space_rest();
    hosted_set_cpu(0);
}

KTEST(shootdown, who_rests_finds_a_note)
{
    start(0, 0, false);
    map(0, 1);
    rest_on_cpu_2();
    users[2].tlb[0].known = true;
    CHECK_EQ(space_mprotect(space, BASE, PAGE_SIZE, PROT_READ), 0);
    CHECK_EQ(interrupts, 0);
    CHECK(users[2].tlb[0].known);
    hosted_set_cpu(2);
    space_activate(space);
    CHECK(!users[2].tlb[0].known);
    space_activate(NULL);
    hosted_set_cpu(0);
    end(0);
}

KTEST(shootdown, who_left_is_not_asked)
{
    start(1, 0, false);
    map(0, 1);
    hosted_set_cpu(2);
    space_activate(space);
    space_activate(other);
    hosted_set_cpu(0);
    CHECK_EQ(space->cpus & 4, 0);
    CHECK_EQ(other->cpus, 4);
    CHECK_EQ(space_munmap(space, BASE, PAGE_SIZE), 0);
    say(gone, 0, 1);
    hosted_set_cpu(2);
    space_activate(NULL);
    hosted_set_cpu(0);
    end(1);
}

/* The tables of a space end when nobody walks them. */
static void *
answer_as_cpu_2(void *argument)
{
    (void)argument;
    hosted_set_cpu(2);
    while (tlb_cpus[2].loaded != NULL) {
        tlb_answer();
        sched_yield();
    }
    return NULL;
}

KTEST(shootdown, a_space_ends_when_all_have_left)
{
    struct address_space *ends;
    pthread_t thread;

    start(0, 0, false);
    ends = space_create();
    CHECK(ends);
    hosted_set_cpu(2);
    space_activate(ends);
    space_rest();
    hosted_set_cpu(0);
    CHECK_EQ(ends->cpus, 4);
    CHECK_EQ(pthread_create(&thread, NULL, answer_as_cpu_2, NULL), 0);
    space_put(ends);
    pthread_join(thread, NULL);
    CHECK(tlb_cpus[2].loaded == NULL);
    end(0);
}

/* So does a table: a CPU that rests finds no note, but leaves. */
static void *
answer_until_stopped(void *argument)
{
    struct user *user = argument;

    hosted_set_cpu((unsigned)(user - users));
    while (!__atomic_load_n(&user->stop, __ATOMIC_ACQUIRE)) {
        tlb_answer();
        sched_yield();
    }
    return NULL;
}

static void
check_leaves(void (*change)(void))
{
    start(0, 0, false);
    users[2] = (struct user){.stop = 0};
    map(0, PAGES);
    rest_on_cpu_2();
    CHECK(tlb_cpus[2].loaded == space);
    CHECK_EQ(pthread_create(&users[2].thread, NULL, answer_until_stopped, &users[2]), 0);
    change();
    __atomic_store_n(&users[2].stop, 1, __ATOMIC_RELEASE);
    pthread_join(users[2].thread, NULL);
    bool left = tlb_cpus[2].loaded == NULL;
    hosted_set_cpu(2);
    space_activate(NULL);
    hosted_set_cpu(0);
    end(0);
    CHECK(left);
}

KTEST(shootdown, munmap_of_a_table)
{
    check_leaves(unmap_all);
}

KTEST(shootdown, mremap_of_a_table)
{
    check_leaves(move_all);
}

/* ---- storms ---- */

static void
storm(unsigned count, unsigned delay)
{
    uint32_t state = ktest_seed();

    start(count, delay, true);
    map(0, PAGES);
    for (unsigned round = 0; round < ROUNDS / (delay ? 10 : 1); round++) {
        unsigned page = (ktest_random(&state) >> 16) % PAGES;
        unsigned pages = 1 + (ktest_random(&state) >> 16) % (PAGES - page);

        switch (ktest_random(&state) >> 16 & 3) {
        case 0:
            CHECK_EQ(space_madvise(space, BASE + page * PAGE_SIZE, pages * PAGE_SIZE,
                                   MADV_DONTNEED), 0);
            say(gone, page, pages);
            break;
        case 1:
            CHECK_EQ(space_mprotect(space, BASE + page * PAGE_SIZE, pages * PAGE_SIZE, PROT_READ),
                     0);
            say(read_only, page, pages);
            break;
        default:
            CHECK_EQ(space_munmap(space, BASE + page * PAGE_SIZE, pages * PAGE_SIZE), 0);
            say(gone, page, pages);
            map(page, pages);
        }
    }
    for (unsigned cpu = 1; cpu <= count; cpu++)
        stand_still(&users[cpu]);
    end(count);
}

KTEST(shootdown, storm_2)
{
    storm(1, 0);
}

KTEST(shootdown, storm_4)
{
    storm(3, 0);
}

KTEST(shootdown, storm_of_slow_answers)
{
    storm(3, 300);
}

/* ---- page tables that go ---- */

#define TABLES 20u /* more than are kept for the next who needs one */
#define REACH  0x400000u /* what a table holds, or two */

static unsigned long tables_before, flushes, gone_early;

static unsigned long
count_tables(void)
{
    unsigned long owners[FRAME_OWNERS];

    mm_count_owners(owners);
    return owners[FRAME_PAGE_TABLE];
}

/* At the n-th flush n - 1 tables may be others'. */
static void
count_gone(uintptr_t va)
{
    unsigned long gone_now = tables_before - count_tables();

    (void)va;
    gone_early += gone_now > flushes;
    flushes++;
}

static void
map_tables(uintptr_t from)
{
    for (uintptr_t va = from; va < from + TABLES * REACH; va += REACH) {
        CHECK_EQ(vm_alloc_map(space, va, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
        CHECK_EQ(space_fault(space, va, FAULT_WRITE_ACCESS), FAULT_DONE);
    }
}

/* A CPU follows entries of directories that it remembers. So each is forgotten before its table can
 * be somebody else's, not when all is gone. (As many as are kept are there already.) */
KTEST(shootdown, forgets_a_table_before_it_goes)
{
    machine_start_usual();
    space = space_create();
    CHECK(space);
    space_activate(space);
    map_tables(BASE);
    map_tables(BASE + TABLES * REACH);
    CHECK_EQ(space_munmap(space, BASE + TABLES * REACH, TABLES * REACH), 0);
    tables_before = count_tables();
    flushes = gone_early = 0;
    hosted_tlb_flush = count_gone;
    CHECK_EQ(space_munmap(space, BASE, TABLES * REACH), 0);
    hosted_tlb_flush = NULL;
    CHECK(count_tables() < tables_before);
    CHECK_EQ(gone_early, 0);
    space_activate(NULL);
    space_put(space);
    CHECK(space_check_everything());
    machine_start_usual();
}
