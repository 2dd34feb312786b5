/* test_machines.c - mm/ on machines of other shapes: high memory, memory below 16 MiB, frame
 * numbers that need more than 20 or 32 bits, the debug heap on, and all memory used up.
 *
 * Each test starts a machine of its own and, at its end, the usual one again. */
#include <string.h>

#include "buddy.h"
#include "kmalloc.h"
#include "ktest.h"
#include "machine.h"
#include "mm.h"
#include "slab.h"
#include "../mm/testing.h"
#include "../../mm/debug/debug_private.h"
#include "../../mm/mm_private.h"
#include "../../mm/percpu.h"
#include "../../mm/slab_private.h"

#define FRAMES (MACHINE_BYTES >> PAGE_SHIFT)

/* ThreadSanitizer makes the longest tests take minutes, and would find nothing in them, as they
 * have one thread. */
#ifdef __SANITIZE_THREAD__
#define ONE_THREAD_IS_LOOKED_AT false
#else
#define ONE_THREAD_IS_LOOKED_AT true
#endif

static paddr_t taken[FRAMES];

/* Runs `test` on another machine, with a check before that one is forgotten. */
static void
on(const struct machine *machine, void (*test)(void))
{
    machine_start(machine);
    CHECK(mm_check());
    test();
    CHECK(mm_check());
    machine_start_usual();
}

/* ---- all memory ---- */

static unsigned
take_all(unsigned flags)
{
    unsigned count = 0;
    while (count < FRAMES && (taken[count] = pmm_alloc_page_flags(flags)))
        count++;
    return count;
}

/* Takes every frame, to the last one, and gives them back in random order: whole blocks again. */
static void
exhaust(void)
{
    unsigned long before[ORDERS];
    uint32_t state = ktest_seed();
    mm_drain();
    unsigned long free = pmm_free_frames();
    for (unsigned order = 0; order < ORDERS; order++)
        before[order] = buddy_count_free(&mm_zones[ZONE_NORMAL], order);

    unsigned count = take_all(0);
    CHECK_EQ(count, free);
    CHECK_EQ(pmm_free_frames(), 0);
    CHECK_EQ(pmm_alloc_page(), 0);
    CHECK_EQ(pmm_alloc_pages(2), 0);
    CHECK_EQ(pmm_alloc_page_flags(PMM_ZERO), 0);
    CHECK(!kmalloc(9000));
    CHECK(!kmalloc(5 << 20));
    struct kmem_cache *cache = kmem_cache_create("none", 2000, 0, 0, NULL);
    CHECK(!cache || (!kmem_cache_alloc(cache) && kmem_cache_destroy(cache)));
    CHECK(mm_check());

    for (unsigned i = count; i > 1; i--) {
        unsigned j = ktest_random(&state) % i;
        paddr_t swapped = taken[i - 1];
        taken[i - 1] = taken[j];
        taken[j] = swapped;
    }
    for (unsigned i = 0; i < count; i++)
        pmm_free_page(taken[i]);
    mm_drain();
    CHECK_EQ(pmm_free_frames(), free);
    for (unsigned order = 0; order < ORDERS; order++)
        CHECK_EQ(buddy_count_free(&mm_zones[ZONE_NORMAL], order), before[order]);
}

KTEST(machines, all_memory)
{
    const struct machine machine = {.base = machine_base};
    on(&machine, exhaust);
}

/* Small objects until nothing is left; then they all go, and everything is there again. */
static void
exhaust_objects(void)
{
    static const uint16_t sizes[] = {16, 48, 1000, 8192};
    for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
        mm_drain();
        unsigned long free = pmm_free_frames();
        void **last = NULL;
        size_t count = 0;
        for (void **more; (more = kmalloc(sizes[i])); count++) {
            *more = last;
            last = more;
        }
        CHECK(count * sizes[i] > (free << PAGE_SHIFT) / 8 * 7);
        CHECK(!kmalloc(sizes[i]));
        CHECK(mm_check());
        while (last) {
            void **next = *last;
            kfree(last);
            last = next;
        }
        CHECK(kmalloc(sizes[i]) != NULL || i == 99);
        mm_drain();
        CHECK(pmm_free_frames() + 9 >= free); /* the one just taken, and its header */
        CHECK(mm_check());
    }
}

KTEST(machines, all_memory_in_objects)
{
    if (!ONE_THREAD_IS_LOOKED_AT)
        SKIP("one thread, for minutes");
    const struct machine machine = {.base = machine_base};
    on(&machine, exhaust_objects);
}

/* What a CPU keeps for later is found when nothing else is left: 16 single frames on its stack that
 * merge into a chunk, and a slab without objects. */
static void
last_frames(void)
{
    struct kmem_cache *cache = kmem_cache_create("last", 64, 0, 0, NULL);
    CHECK(cache);
    void *object = kmem_cache_alloc(cache);
    CHECK(object);
    unsigned count = take_all(0), i = 0;
    CHECK_EQ(pmm_free_frames(), 0);
    kmem_cache_free(cache, object);
    paddr_t page = pmm_alloc_page();
    CHECK(page);
    pmm_free_page(page);
    CHECK_EQ(pmm_alloc_page(), page);

    paddr_t chunk = pfn_to_paddr(pfn(FRAME_BASE + 20 * BLOCK_FRAMES / 2));
    for (paddr_t frame = chunk; frame < chunk + 16 * PAGE_SIZE; frame += PAGE_SIZE)
        pmm_free_page(frame);
    CHECK_EQ(pmm_cached_frames(ZONE_NORMAL), 16);
    CHECK_EQ(pmm_alloc_pages(16), chunk);
    pmm_free_pages(chunk, 16);
    pmm_free_page(page);
    for (; i < count; i++)
        if (taken[i] < chunk || taken[i] >= chunk + 16 * PAGE_SIZE)
            pmm_free_page(taken[i]);
    CHECK(kmem_cache_destroy(cache));
}

KTEST(machines, nothing_is_kept_back)
{
    const struct machine machine = {.base = machine_base};
    on(&machine, last_frames);
}

/* A slab's memory that another cache gives up for it: the new slab can go as any other. */
static void
slab_for_slab(void)
{
    struct kmem_cache *one = kmem_cache_create("one", 64, 0, 0, NULL);
    struct kmem_cache *two = kmem_cache_create("two", 64, 0, 0, NULL);
    CHECK(one && two);
    void *object = kmem_cache_alloc(one);
    CHECK(object);
    unsigned count = take_all(0);
    CHECK_EQ(pmm_free_frames(), 0);
    kmem_cache_free(one, object);
    object = kmem_cache_alloc(two);
    CHECK(object);
    CHECK(mm_check());
    kmem_cache_free(two, object);
    mm_drain();
    CHECK(pmm_free_frames() > 0);
    while (count)
        pmm_free_page(taken[--count]);
    CHECK(kmem_cache_destroy(one) && kmem_cache_destroy(two));
}

KTEST(machines, a_slab_makes_room_for_another)
{
    const struct machine machine = {.base = machine_base};
    on(&machine, slab_for_slab);
}

/* ---- zones ---- */

static void
three_zones(void)
{
    CHECK_EQ(mm_zones[ZONE_DMA].managed + mm_zones[ZONE_NORMAL].managed +
                 mm_zones[ZONE_HIGH].managed,
             pmm_managed_frames());
    CHECK(mm_zones[ZONE_DMA].managed && mm_zones[ZONE_NORMAL].managed);
    CHECK_EQ(mm_zones[ZONE_HIGH].managed, 4 * BLOCK_FRAMES);

    paddr_t any = pmm_alloc_page(), direct = pmm_alloc_page_flags(PMM_DIRECT);
    paddr_t dma = pmm_alloc_pages_flags(3, PMM_DMA), zero = pmm_alloc_page_flags(PMM_ZERO);
    CHECK(any && direct && dma && zero);
    CHECK(pmm_zone_of(paddr_to_pfn(any)) == &mm_zones[ZONE_HIGH]);
    CHECK(!frame_to_ptr(paddr_to_pfn(any)));
    CHECK(pmm_zone_of(paddr_to_pfn(direct)) == &mm_zones[ZONE_NORMAL]);
    CHECK(pmm_zone_of(paddr_to_pfn(dma)) == &mm_zones[ZONE_DMA]);
    CHECK(pmm_zone_of(paddr_to_pfn(zero)) == &mm_zones[ZONE_NORMAL]);
    pmm_free_page(any);
    pmm_free_page(direct);
    pmm_free_pages(dma, 3);
    pmm_free_page(zero);

    void *low = kmalloc_flags(20000, KM_DMA);
    pfn_t frame;
    CHECK(low && ptr_to_frame(low, &frame) && pfn_to_paddr(frame) + 20000 <= 16 << 20);
    kfree(low);
    CHECK(mm_check());
}

/* Each kind falls back to the next lower zone, never to a higher one. */
static void
falls_back(void)
{
    static paddr_t low[FRAMES];
    mm_drain();
    unsigned long direct = mm_zones[ZONE_DMA].free + mm_zones[ZONE_NORMAL].free;
    unsigned long high = mm_zones[ZONE_HIGH].free;
    unsigned count = take_all(PMM_DIRECT);
    CHECK_EQ(count, direct);
    CHECK_EQ(mm_zones[ZONE_HIGH].free, high);
    CHECK(!kmalloc(100000) && !kmalloc_flags(100, KM_DMA));
    CHECK(mm_check());
    for (unsigned i = 0; i < count; i++)
        low[i] = taken[i];
    CHECK_EQ(take_all(0), high);
    for (unsigned i = 0; i < high; i++)
        pmm_free_page(taken[i]);
    for (unsigned i = 0; i < count; i++)
        pmm_free_page(low[i]);
    mm_drain();

    unsigned long dma = mm_zones[ZONE_DMA].free;
    count = take_all(PMM_DMA);
    CHECK_EQ(count, dma);
    for (unsigned i = 0; i < count; i++)
        CHECK(taken[i] < 16 << 20);
    for (unsigned i = 0; i < count; i++)
        pmm_free_page(taken[i]);
}

KTEST(machines, high_memory)
{
    const struct machine machine = {.skipped = 256, .high = 4 * BLOCK_FRAMES};
    on(&machine, three_zones);
    on(&machine, falls_back);
}

/* A machine that begins at frame 0: that frame is nobody's, for its number means "none". */
KTEST(machines, from_frame_zero)
{
    machine_start_plain(0);
    CHECK(pmm_frame_known(pfn(0)) && frame_of(pfn(0))->owner == FRAME_LOW);
    exhaust();
    machine_start_usual();
}

/* ---- large frame numbers ---- */

static void
try_everything(void)
{
    mm_drain();
    unsigned long before = pmm_free_frames();
    paddr_t run = pmm_alloc_pages(77), page = pmm_alloc_page();
    void *small = kmalloc(33), *large = kmalloc(33000), *huge = kmalloc(5 << 20);
    CHECK(run && page && small && large && huge);
    CHECK(run >> PAGE_SHIFT >= FRAME_BASE && page >> PAGE_SHIFT < FRAME_BASE + FRAMES);
    memset(frame_to_ptr(paddr_to_pfn(run)), 1, 77 << PAGE_SHIFT);
    memset(huge, 2, 5 << 20);
    memset(large, 3, 33000);
    CHECK(mm_check());
    kfree(huge);
    kfree(large);
    kfree(small);
    pmm_free_page(page);
    pmm_free_pages(run, 77);
    mm_drain();
    CHECK_EQ(pmm_free_frames(), before);
    exhaust();
}

KTEST(machines, large_frame_numbers)
{
    const struct machine beyond_4_gib = {.base = (1ul << 20) + 4096};
    const struct machine across_4_gib = {.base = (1ul << 20) - 8192};
    const struct machine of_4_tib = {.base = 1ul << 30};
    on(&beyond_4_gib, try_everything);
    on(&across_4_gib, try_everything);
    on(&of_4_tib, try_everything);
    if (sizeof(long) == 8) {
        const struct machine of_16_tib = {.base = 1ul << 16 << 16};
        const struct machine of_16_eib = {.base = (1ul << 20 << 20 << 11) + (5ul << 10)};
        on(&of_16_tib, try_everything);
        on(&of_16_eib, try_everything);
    }
}

/* An arena and a base that are no multiples of a block, as a program may have them. */
static void
anywhere(size_t skipped, unsigned long base)
{
    static uint8_t arena[(8 << 20) + 2 * PAGE_SIZE] __attribute__((aligned(4096)));
    hosted_start(arena + skipped, sizeof(arena) - skipped, pfn(base));
    CHECK(mm_check());
    mm_drain();
    unsigned long before = pmm_free_frames();
    CHECK(before > (7 << 20) >> PAGE_SHIFT);
    void *small = kmalloc(33), *large = kmalloc(33000);
    paddr_t run = pmm_alloc_pages(8);
    CHECK(small && large && run);
    CHECK(run >> PAGE_SHIFT >= base && frame_to_ptr(paddr_to_pfn(run)));
    kfree(small);
    kfree(large);
    pmm_free_pages(run, 8);
    mm_drain();
    CHECK_EQ(pmm_free_frames(), before);
    CHECK(mm_check());
}

KTEST(machines, arena_anywhere)
{
    anywhere(0, 4096 + 1);
    anywhere(PAGE_SIZE, 4096 + 512);
    anywhere(PAGE_SIZE, 1023);
    anywhere(2 * PAGE_SIZE, 2048);
    machine_start_usual();
}

/* RAM whose frames 32 bits do not name, counted from the first: it is counted, and left alone. */
static void
far_memory(void)
{
    unsigned long whole = (1ul << 30) >> PAGE_SHIFT;
    CHECK(mm_beyond_frames == whole || mm_beyond_frames == whole - 1); /* one is cut at each end */
    CHECK_EQ(mm_ram_frames, FRAMES);
    try_everything();
}

KTEST(machines, memory_out_of_reach)
{
    static const uint64_t places[] = {
        1ull << 45, (1ull << 45) + 0x800, 1ull << 54, (1ull << 60) + (5 << 20), -(1ull << 30)};
    for (unsigned i = 0; i < ARRAY_LENGTH(places); i++) {
        const struct machine machine = {.base = 4096, .far = places[i]};
        on(&machine, far_memory);
    }
}

/* ---- what the boot leaves ---- */

static unsigned long
count_owner(unsigned owner)
{
    unsigned long counts[FRAME_OWNERS];
    mm_count_owners(counts);
    return counts[owner];
}

static void
release_boot_info(void)
{
    unsigned long managed = pmm_managed_frames();
    CHECK_EQ(count_owner(FRAME_BOOTINFO), 700);
    unsigned long free = pmm_free_frames();
    CHECK_EQ(mm_release(FRAME_MODULE), 0);
    CHECK_EQ(mm_release(FRAME_BOOTINFO), 700);
    CHECK_EQ(mm_release(FRAME_BOOTINFO), 0);
    CHECK_EQ(count_owner(FRAME_BOOTINFO), 0);
    CHECK_EQ(pmm_free_frames(), free + 700);
    CHECK_EQ(pmm_managed_frames(), managed + 700);
    CHECK(mm_check());

    /* The stacks are as large as they were made, though the zone has grown. */
    const struct frame_stack *stack = &mm_cpus[0]->stacks[ZONE_NORMAL][0];
    uint32_t limit = stack->limit;
    CHECK(pmm_stack_limit(ZONE_NORMAL, 0) > limit);
    mm_fail_nth(1);
    CHECK_EQ(stack->limit, 0);
    mm_fail_nth(0);
    CHECK_EQ(stack->limit, limit);
    exhaust();
}

KTEST(machines, boot_info_is_released)
{
    const struct machine machine = {.base = machine_base, .info = 700};
    on(&machine, release_boot_info);
}

/* Where a zone has nothing but that at first. */
static void
release_whole_zone(void)
{
    unsigned long high = 2 * BLOCK_FRAMES, free = pmm_free_frames();
    CHECK_EQ(mm_zones[ZONE_HIGH].managed, 0);
    CHECK_EQ(mm_release(FRAME_BOOTINFO), high);
    CHECK_EQ(mm_zones[ZONE_HIGH].managed, high);
    CHECK_EQ(pmm_free_frames(), free + high);
    exhaust();
    paddr_t page = pmm_alloc_page();
    CHECK(page && pmm_zone_of(paddr_to_pfn(page)) == &mm_zones[ZONE_HIGH]);
    pmm_free_page(page);
}

KTEST(machines, zone_that_is_released)
{
    const struct machine machine = {
        .base = machine_base, .high = 2 * BLOCK_FRAMES, .high_info = true};
    on(&machine, release_whole_zone);
}

static void
free_early(void *object)
{
    kfree(object);
}

/* Objects of the early heap go through kfree; with the last one on it, a page is free. */
static void
early_objects(void)
{
    uint16_t order[32];
    uint32_t state = ktest_seed();
    unsigned long pages = count_owner(FRAME_EARLY), free = pmm_free_frames();
    CHECK(pages >= 8 && pages <= 10);
    for (unsigned i = 0; i < 32; i++) {
        CHECK(kmalloc_usable_size(machine_early[i]) >= 1000);
        fill_pattern(machine_early[i], 1000, i);
        order[i] = (uint16_t)i;
    }
    uint8_t *grown = krealloc(machine_early[31], 5000);
    CHECK(grown && has_pattern(grown, 1000, 31));
    kfree(grown);
    shuffle(&state, order, 31);
    for (unsigned i = 0; i < 31; i++) {
        CHECK(has_pattern(machine_early[order[i]], 1000, order[i]));
        kfree(machine_early[order[i]]);
        CHECK(i % 8 || mm_check());
    }
    CHECK_EQ(count_owner(FRAME_EARLY), 1); /* the boot map's arrays stay */
    mm_drain();
    CHECK_EQ(pmm_free_frames(), free + pages - 1);
    CHECK(ktest_panics(free_early, machine_early[5], "free"));
}

KTEST(machines, early_heap_goes_object_by_object)
{
    const struct machine machine = {.base = machine_base, .early = 32};
    on(&machine, early_objects);
}

/* ---- CPUs ---- */

/* Parts of caches that kmem_cache_create made. */
static size_t
count_parts(void)
{
    struct kmem_cache_stats stats = {.objects_used = 0};
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        if (!strcmp(cache->name, "cache-parts"))
            kmem_cache_get_stats(cache, &stats);
    return stats.objects_used;
}

static void
cpu_up(void)
{
    mm_drain();
    unsigned long before = pmm_free_frames(), failures = 0;
    size_t parts_before = count_parts();
    struct kmem_cache *cache = kmem_cache_create("before", 64, 0, 0, NULL);
    struct kmem_cache *second = kmem_cache_create("second", 64, 0, 0, NULL);
    CHECK(cache && second);
    CHECK_EQ(count_parts(), parts_before + 2);
    void *object = kmem_cache_alloc(cache);
    CHECK(object);
    mm_drain();
    unsigned long held = before - pmm_free_frames();
    bool up = false;
    for (unsigned n = 1; !up && n < 100; n++) {
        mm_fail_nth(n);
        up = mm_cpu_up(3);
        mm_fail_nth(0);
        failures += !up;
        mm_drain();
        CHECK(mm_check());
        CHECK(up || pmm_free_frames() == before - held);
    }
    CHECK(up);
    CHECK(failures > 1);
    CHECK_EQ(count_parts(), 2 * parts_before + 4);
    for (unsigned i = 0; i < CPU_MAX; i++)
        CHECK((cache->parts[i] != NULL) == (i == 0 || i == 3));

    /* One object from each CPU, freed by the other; the same one twice. */
    hosted_set_cpu(3);
    void *other = kmem_cache_alloc(cache);
    CHECK(other && other != object);
    kmem_cache_free(cache, object);
    CHECK(mm_check());
    CHECK(ktest_panics(free_early, object, "double free")); /* while another CPU holds it */
    hosted_set_cpu(0);
    CHECK(ktest_panics(free_early, object, "double free")); /* on its own CPU, too */
    CHECK(mm_check());
    void *kept = kmem_cache_alloc(cache), *gone = kmem_cache_alloc(cache);
    CHECK(kept && gone);
    hosted_set_cpu(3);
    kmem_cache_free(cache, gone);
    hosted_set_cpu(0);
    kmem_cache_reap(cache); /* takes it back */
    hosted_set_cpu(3);
    CHECK(ktest_panics(free_early, gone, "double free"));
    hosted_set_cpu(0);
    CHECK(mm_check());
    kmem_cache_free(cache, kept);
    kmem_cache_free(cache, other);
    CHECK(kmem_cache_destroy(cache));

    /* A cache needs a part for each CPU: the first ones go back when a later one fails. */
    struct kmem_cache *third = NULL;
    for (unsigned n = 1; !third && n < 20; n++) {
        size_t parts = count_parts();
        mm_fail_nth(n);
        third = kmem_cache_create("third", 64, 0, 0, NULL);
        mm_fail_nth(0);
        CHECK_EQ(count_parts(), parts + (third ? 2 : 0));
    }
    CHECK(third && kmem_cache_destroy(third) && kmem_cache_destroy(second));
}

KTEST(machines, cpu_up)
{
    const struct machine machine = {.base = machine_base};
    on(&machine, cpu_up);
    hosted_set_cpu(0);
}

/* ---- the debug heap ---- */

static void
whole_frames_are_watched(void)
{
    uint8_t *memory = kmalloc(20000);
    CHECK(memory);
    CHECK_EQ(kmalloc_usable_size(memory), 20000);
    CHECK(is_filled(memory, 20000, 0x5a));
    memory[20000] ^= 1;
    CHECK(ktest_panics(free_early, memory, "write behind an object"));
    memory[20000] ^= 1;
    kfree(memory);
    CHECK(ktest_panics(free_early, memory, "double free"));

    unsigned long mark = kmalloc_leak_mark();
    memory = kmalloc(20000);
    uint8_t *small = kmalloc(20);
    CHECK(memory && small);
    hosted_quiet(true);
    size_t leaks = kmalloc_print_leaks(&klog_printer, mark);
    hosted_quiet(false);
    CHECK_EQ(leaks, 2);
    small[20] ^= 1;
    CHECK(!mm_check());
    CHECK(ktest_panics(free_early, small, "write behind an object"));
    small[20] ^= 1;
    kfree(small);
    kfree(memory);
    hosted_quiet(true);
    leaks = kmalloc_print_leaks(&klog_printer, mark);
    hosted_quiet(false);
    CHECK_EQ(leaks, 0);
}

/* ---- the search for leaks, with roots that the test chooses ---- */

static void *leak_root;

static void
read_leak_root(void (*read)(const void *from, const void *to))
{
    read(&leak_root, &leak_root + 1);
}

static size_t
leaks_now(void)
{
    hosted_quiet(true);
    size_t leaks = mm_debug_leaks(&klog_printer);
    hosted_quiet(false);
    return leaks;
}

static void
leaks_are_found(void)
{
    size_t before = leaks_now();
    void **first = kmalloc(64), **second = kmalloc(20000);
    CHECK(first && second);
    memset(first, 0, 64);
    memset(second, 0, 20000);
    CHECK_EQ(leaks_now(), before + 2);
    first[7] = (char *)second + 12345;
    leak_root = first;
    CHECK(leaks_now() <= before);
    first[7] = NULL;
    second[2000] = first;
    leak_root = (char *)second + 19999;
    CHECK(leaks_now() <= before);
    leak_root = NULL;
    CHECK_EQ(leaks_now(), before + 2);
    kfree(first);
    kfree(second);
    CHECK_EQ(leaks_now(), before);
}

KTEST(machines, leaks)
{
    const struct machine machine = {.skipped = 256};
    hosted_roots = read_leak_root;
    mm_debug_choose("leaks");
    on(&machine, leaks_are_found);
    mm_debug = 0;
    hosted_roots = NULL;
    machine_start_usual();
}

/* ---- the depot of stacks has an end ---- */

/* A stack for each number: two bits of it choose from which line the next call is made. */
static __attribute__((noinline)) uint32_t
save_turning(uint32_t turns, unsigned depth)
{
    uint32_t stack = 0;
#define TURN(way)                                                                                  \
    if ((turns & 3) == (way)) {                                                                    \
        stack = save_turning(turns >> 2, depth - 1);                                               \
        __asm__ volatile("# %1" : "+r"(stack) : "i"(way));                                         \
        return stack;                                                                              \
    }
    if (depth == 0)
        return stack_save(NULL);
    TURN(0)
    TURN(1)
    TURN(2)
    TURN(3)
#undef TURN
    return stack;
}

static void
depot_ends(void)
{
    uint32_t first = 0, n = 0;
    for (unsigned round = 0; round < 2; round++) {
        uint32_t stack = save_turning(0, 6);
        CHECK(stack && (round == 0 || stack == first)); /* those that are there are found */
        first = stack;
        while (n < 50000 && save_turning(n, 9))
            n++;
    }
    CHECK(n > 100 && n < 50000);
    void *object = kmalloc(40);
    CHECK(object);
    kfree(object);
    CHECK(mm_check());
}

KTEST(machines, depot_of_stacks_ends)
{
    const struct machine machine = {.skipped = 256};
    mm_debug_choose("stacks");
    on(&machine, depot_ends);
    mm_debug = 0;
    machine_start_usual();
}

/* The tests of the heap, on this machine. */
static void
heap_tests(void)
{
    static const char *const globs[] = {"mm/kmalloc/*", "mm/vmalloc/*", "mm/slab/*",
                                        "mm/pmm/*",     "mm/debug_*"};
    extern const struct ktest __start_ktest[], __stop_ktest[];
    for (const struct ktest *test = __start_ktest; test < __stop_ktest; test++)
        for (unsigned i = 0; i < ARRAY_LENGTH(globs); i++)
            if (ktest_glob(globs[i], test->name)) {
                test->run();
                ktest_skip(NULL); /* what one of them leaves out, this test does not */
                CHECK(mm_check());
            }
}

KTEST(machines, debug_heap)
{
    if (!ONE_THREAD_IS_LOOKED_AT)
        SKIP("one thread, for minutes");
    const struct machine machine = {.skipped = 256}; /* has memory below 16 MiB */
    on(&machine, heap_tests);
    mm_debug = DEBUG_HEAP;
    on(&machine, whole_frames_are_watched);
    on(&machine, heap_tests);
    mm_debug_choose("all");
    on(&machine, heap_tests);
    on(&(struct machine){.high = 2048}, heap_tests);
    mm_debug = 0;
    machine_start_usual();
}
