/* test_drain.c - what CPUs keep in store, when another one needs it, and interrupts on all of them.
 *
 *   CPU 0   takes all memory, frame by frame ──► nothing is left anywhere
 *   others  had frames on their stacks, and slabs without objects
 *
 *   CPU 1.. kmalloc ── kfree ── pages ...          each runs a task of its own
 *              ▲           ▲        ▲
 *   CPU 0      └ asks it to allocate and free in an interrupt, as often as it can
 */
#include <string.h>
#include "kmalloc.h"
#include "ktest.h"
#include "mm.h"
#include "pmm.h"
#include "slab.h"
#include "smp.h"
#include "timer.h"
#include "workers.h"
#include "../../mm/percpu.h"
#include "../../mm/pmm_private.h"

#define PAGES   40
#define OBJECTS 200
#define HELD    16
#define ASKED   50
#define PATIENCE_TICKS 1500

static struct kmem_cache *cache;

/* What the interrupts of one CPU hold, and what went wrong there. */
static struct place {
    void *held[HELD];
    paddr_t frames[HELD];
    unsigned calls, failures, rounds;
    unsigned amid_frames, amid_objects; /* interrupts that came amid the CPU's work on them */
} places[CPU_MAX];

static uint32_t
others(void)
{
    return cpus_online() & ~(1u << cpu_current());
}

/* ---- stores ---- */

/* Leaves something of everything in this CPU's store; interrupts are off. */
static bool
fill_store(struct mm_cpu *cpu, void *failures)
{
    static paddr_t pages[CPU_MAX][PAGES], pairs[CPU_MAX][PAGES];
    static void *objects[CPU_MAX][OBJECTS];
    unsigned me = cpu->id;

    for (unsigned i = 0; i < PAGES; i++) {
        pages[me][i] = pmm_alloc_page();
        pairs[me][i] = pmm_alloc_pages(2);
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        objects[me][i] = kmem_cache_alloc(cache);
    for (unsigned i = 0; i < PAGES; i++) {
        *(unsigned *)failures += !pages[me][i] || !pairs[me][i];
        pmm_free_page(pages[me][i]);
        pmm_free_pages(pairs[me][i], 2);
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        *(unsigned *)failures += !objects[me][i];
        kmem_cache_free(cache, objects[me][i]);
    }
    return true;
}

static unsigned long
frames_of(const struct mm_cpu *cpu)
{
    unsigned long frames = 0;

    for (unsigned i = 0; i < ZONE_COUNT * PCP_STACKS; i++)
        frames += (unsigned long)cpu->stacks[i / PCP_STACKS][i % PCP_STACKS].count
                  << pcp_order(i % PCP_STACKS);
    return frames;
}

static bool
keeps_objects(const struct mm_cpu *cpu)
{
    const struct cache_part *part = cache->parts[cpu->id];

    return part->magazine->top != part->magazine->bottom || part->bits || part->idle ||
           part->pending || (part->slab && part->slab->left == SLAB_CURRENT);
}

static bool
fill_stores(uint32_t cpus)
{
    unsigned failures = 0;

    cache = kmem_cache_create("stores", 200, 0, 0, NULL);
    if (!cache)
        return false;
    mm_drain();
    for (; cpus; cpus &= cpus - 1)
        (void)cpu_ask((unsigned)__builtin_ctz(cpus), fill_store, &failures, true);
    return failures == 0;
}

/* Takes single frames until there are none, linked through their first bytes. */
static paddr_t
take_all(void)
{
    paddr_t last = 0, page;

    while ((page = pmm_alloc_page_flags(PMM_DIRECT)) != 0) {
        *(paddr_t *)frame_to_ptr(paddr_to_pfn(page)) = last;
        last = page;
    }
    return last;
}

static void
give_all(paddr_t last)
{
    while (last != 0) {
        paddr_t before = *(paddr_t *)frame_to_ptr(paddr_to_pfn(last));

        pmm_free_page(last);
        last = before;
    }
}

/* Frames with an address that are free, wherever they are. */
static unsigned long
direct_free(void)
{
    unsigned long high;

    (void)pmm_high_frames(&high);
    return pmm_free_frames() - high - pmm_cached_frames(ZONE_HIGH);
}

static void
exhaust(bool interrupts)
{
    struct kmem_cache_stats stats;
    unsigned long before, left, flags = 0;
    paddr_t all;

    CHECK(fill_stores(others()));
    kmem_cache_get_stats(cache, &stats);
    CHECK(stats.slabs > 0);
    before = pmm_free_frames();
    if (!interrupts)
        flags = interrupts_disable();
    all = take_all();
    left = direct_free();
    kmem_cache_get_stats(cache, &stats);
    if (!interrupts)
        interrupts_restore(flags);
    give_all(all);
    CHECK_EQ(left, 0);
    CHECK(!interrupts || stats.slabs == 0);
    mm_drain();
    CHECK(pmm_free_frames() >= before);
    CHECK(kmem_cache_destroy(cache));
}

KTEST(drain, all_memory)
{
    if (cpu_count() == 1)
        SKIP("one CPU");
    exhaust(true);
    CHECK(mm_check());
}

KTEST(drain, interrupts_off)
{
    if (cpu_count() == 1)
        SKIP("one CPU");
    exhaust(false);
    CHECK(mm_check());
}

KTEST(drain, one_cpu)
{
    uint32_t cpus = cpus_online();

    if (debug_on(DEBUG_HEAP | DEBUG_PAGES))
        SKIP("what is watched is not kept at hand");
    CHECK(fill_stores(cpus));
    for (uint32_t left = cpus; left; left &= left - 1) {
        const struct mm_cpu *cpu = mm_cpus[__builtin_ctz(left)];

        CHECK(frames_of(cpu) > 0 && keeps_objects(cpu));
        mm_drain_cpu(cpu->id);
        CHECK_EQ(frames_of(cpu), 0);
        CHECK(!keeps_objects(cpu));
        CHECK((left & (left - 1)) == 0 || frames_of(mm_cpus[31 - __builtin_clz(left)]) > 0);
    }
    CHECK(kmem_cache_destroy(cache));
}

/* ---- interrupts ---- */

static volatile bool stop;

static void
swap_object(struct place *place, unsigned i)
{
    kfree(place->held[i]);
    place->held[i] = i % 2 ? kmalloc(16 + place->calls * 37 % 2000) : kmem_cache_alloc(cache);
    if (place->held[i])
        memset(place->held[i], (int)i, 16);
}

static void
swap_page(struct place *place, unsigned i)
{
    if (place->frames[i])
        pmm_free_page(place->frames[i]);
    place->frames[i] = pmm_alloc_page();
    place->failures += !place->frames[i];
}

/* In an interrupt of the CPU: frees what an earlier one left in a place, and leaves something
 * new. */
static bool
interrupt(struct mm_cpu *cpu, void *arg)
{
    struct place *place = arg;

    place->amid_objects += cpu_self()->objects_busy;
    place->amid_frames += cpu->frames_busy;
    (void)pmm_drain_of(cpu, NULL);
    for (unsigned n = 0; n < HELD; n++) {
        swap_object(place, (place->calls + n) % HELD);
        swap_page(place, (place->calls + n) % HELD);
    }
    place->calls++;
    return true;
}

/* What a task writes into its memory must stay. */
static void
work(struct place *place)
{
    unsigned *objects[24];
    paddr_t runs[4], pages[PAGES];

    for (unsigned i = 0; i < 24; i++) {
        objects[i] =
            i % 3 ? kmalloc(16 + (place->rounds + i) * 53 % 3000) : kmem_cache_alloc(cache);
        if (objects[i])
            *objects[i] = 0x12340000 + i;
    }
    for (unsigned i = 0; i < 4; i++)
        runs[i] = pmm_alloc_pages(1u << i);
    for (unsigned i = 0; i < 24; i++) {
        place->failures += !objects[i] || *objects[i] != 0x12340000 + i;
        kfree(objects[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        place->failures += !runs[i];
        if (runs[i])
            pmm_free_pages(runs[i], 1u << i);
    }
    for (unsigned n = 0; n < 8; n++) {
        for (unsigned i = 0; i < PAGES; i++)
            pages[i] = pmm_alloc_page();
        for (unsigned i = 0; i < PAGES; i++)
            pmm_free_page(pages[i]);
    }
    if (place->rounds % 8 == 0)
        kmem_cache_reap(cache);
    place->rounds++;
}

static void
work_until_stopped(void)
{
    interrupts_enable();
    while (!stop)
        work(&places[cpu_current()]);
    worker_end();
}

/* A task on each of the CPUs. */
static bool
start_workers(uint32_t cpus, void (*body)(void))
{
    stop = false;
    for (; cpus; cpus &= cpus - 1)
        if (!worker_start(body, cpus & -cpus))
            return false;
    return true;
}

static void
stop_workers(void)
{
    stop = true;
    workers_wait();
}

static void
free_held(struct place *place)
{
    for (unsigned i = 0; i < HELD; i++) {
        kfree(place->held[i]);
        if (place->frames[i])
            pmm_free_page(place->frames[i]);
    }
}

/* Those of the CPUs that were disturbed often enough, also amid their work in the allocators. */
static uint32_t
disturb(uint32_t cpus)
{
    uint32_t start = timer_ticks(), left = cpus;
    unsigned turns = 0;

    while (left && timer_ticks() - start < PATIENCE_TICKS) {
        for (uint32_t set = cpus; set; set &= set - 1) {
            unsigned cpu = (unsigned)__builtin_ctz(set);
            struct place *place = &places[cpu];

            (void)cpu_ask(cpu, interrupt, place, false);
            if (place->calls >= ASKED && place->amid_frames && place->amid_objects)
                left &= ~(1u << cpu);
        }
        if (turns++ % 8 == 0)
            mm_drain();
    }
    return cpus & ~left;
}

KTEST(drain, interrupts_everywhere)
{
    uint32_t cpus = others(), disturbed;
    unsigned long before;

    if (cpus == 0)
        SKIP("one CPU");
    cache = kmem_cache_create("disturbed", 200, 0, 0, NULL);
    CHECK(cache);
    memset(places, 0, sizeof(places));
    mm_drain();
    before = pmm_free_frames();
    CHECK(start_workers(cpus, work_until_stopped));
    disturbed = disturb(cpus);
    stop_workers();
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        free_held(&places[cpu]);
        CHECK_EQ(places[cpu].failures, 0);
    }
    mm_drain();
    CHECK(mm_check());
    CHECK(pmm_free_frames() + 16 >= before); /* stacks are kept for the next tasks */
    CHECK(kmem_cache_destroy(cache));
    CHECK_EQ(disturbed, cpus);
}

/* ---- a CPU that waits, with a lock in hand that it would need ---- */

static volatile bool holds;

static void
wait_with_lock(void)
{
    unsigned long flags = spin_lock(&mm_zones[ZONE_DMA].lock);

    holds = true;
    while (!stop)
        spin_relax();
    spin_unlock(&mm_zones[ZONE_DMA].lock, flags);
    holds = false;
    worker_end();
}

/* The frame goes to the stack of its zone. */
static bool
keep_low_frame(struct mm_cpu *cpu, void *frames)
{
    paddr_t page = pmm_alloc_page_flags(PMM_DMA);

    if (page)
        pmm_free_page(page);
    *(unsigned long *)frames = frames_of(cpu);
    return true;
}

KTEST(drain, not_amid_a_wait)
{
    uint32_t cpus = others() & -others();
    unsigned cpu = cpus ? (unsigned)__builtin_ctz(cpus) : 0;
    unsigned long frames = 0;

    if (cpus == 0)
        SKIP("one CPU");
    CHECK(cpu_ask(cpu, keep_low_frame, &frames, true) && frames > 0);
    holds = false;
    CHECK(start_workers(cpus, wait_with_lock));
    while (!holds)
        cpu_pause();
    CHECK(!cpu_ask(cpu, pmm_drain_of, NULL, false));
    CHECK(frames_of(mm_cpus[cpu]) > 0);
    stop = true;
    mm_drain_cpu(cpu);
    CHECK_EQ(frames_of(mm_cpus[cpu]), 0);
    stop_workers();
}
