/* test_trace.c - events of the trace: that they say what was done, by the sums of what is there. */
#include <string.h>

#include "kmalloc.h"
#include "slab.h"
#include "space.h"
#include "trace_reader.h"
#include "uapi/mman.h"
#include "../../mm/mm_private.h"
#include "../../mm/percpu.h"

/* ---- objects ---- */

/* The first two caches of all: their objects come and go with slabs and are no events. */
#define SLAB_HEADERS 2

static size_t
used_of(unsigned number)
{
    struct kmem_cache_stats stats = {.objects_used = 0};
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        if (cache->number == number)
            kmem_cache_get_stats(cache, &stats);
    return stats.objects_used;
}

/* For each cache: what was allocated less what was freed is what is in use more. */
KTEST(trace, objects_add_up_for_each_cache)
{
    static void *objects[60];
    uint32_t state = ktest_seed();
    size_t before[48], count = 0;
    if (!begin(4 * ROOM, TRACE_GROUP(TRACE_ALLOC)))
        return;
    take_all();
    for (unsigned i = 0; i < ARRAY_LENGTH(before); i++)
        before[i] = used_of(i);
    for (unsigned i = 0; i < ARRAY_LENGTH(objects); i++)
        objects[i] = kmalloc(1 + random_below(&state, 3000));
    for (unsigned i = 0; i < ARRAY_LENGTH(objects); i += 2)
        kfree(objects[i]);
    objects[0] = krealloc(NULL, 300);
    objects[0] = krealloc(objects[0], 900);
    take_all();
    long more[48] = {0};
    for (count = 0; count < seen_count; count++) {
        const struct trace_event *event = &seen[count];
        CHECK(event->type == TRACE_ALLOC || event->type == TRACE_FREE);
        CHECK(event->detail < ARRAY_LENGTH(more));
        CHECK(event->site != 0);
        more[event->detail] += event->type == TRACE_ALLOC ? 1 : -1;
    }
    for (unsigned i = SLAB_HEADERS + 1; i < ARRAY_LENGTH(before); i++)
        CHECK_EQ(used_of(i), before[i] + (size_t)more[i]);
    for (unsigned i = 1; i < ARRAY_LENGTH(objects); i += 2)
        kfree(objects[i]);
    kfree(objects[0]);
    trace_stop();
    CHECK_EQ(count, 60 + 30 + 4 - 1);
}

/* Each way to ask for memory is an event with the size that was asked for. */
KTEST(trace, every_way_to_allocate)
{
    if (!begin(2 * ROOM, TRACE_GROUP(TRACE_ALLOC)))
        return;
    struct kmem_cache *cache = kmem_cache_create("traced", 40, 0, 0, NULL);
    take_all();
    void *all[] = {kmalloc(11),       kzalloc(12),           kmalloc_flags(13, KM_ZERO),
                   kalloc(64),        kmalloc_aligned(15, 16), kmalloc(20000),
                   kmalloc_flags(17, KM_DMA), kmem_cache_alloc(cache)};
    static const unsigned sizes[] = {11, 12, 13, 64, 16, 20000, 17, 40};
    seen_count = 0;
    look_for(TRACE_ALLOC); /* a shortage of memory for DMA may free something */
    size_t allocs = seen_count;
    for (size_t i = 0, at = 0; i < ARRAY_LENGTH(all); i++) {
        if (!all[i]) /* no memory for DMA on this machine */
            continue;
        CHECK_EQ(seen[at].address, (uintptr_t)all[i]);
        CHECK(seen[at].size == sizes[i] || seen[at].size == 15);
        at++;
    }
    for (size_t i = 0; i + 1 < ARRAY_LENGTH(all); i++)
        kfree(all[i]);
    kmem_cache_free(cache, all[7]);
    take_all();
    CHECK_EQ(seen_count, allocs);
    for (size_t i = 0; i < seen_count; i++)
        CHECK_EQ(seen[i].type, TRACE_FREE);
    CHECK(kmem_cache_destroy(cache));
    trace_stop();
}

/* Off: no event, and the short ways are open again. */
KTEST(trace, off_is_off)
{
    struct trace_counts before, after;
    if (!begin(ROOM, TRACE_GROUP(TRACE_ALLOC) | TRACE_GROUP(TRACE_PAGE_ALLOC)))
        return;
    CHECK(mm_this_cpu()->no_windows);
    trace_choose(0);
    trace_get_counts(&before);
    kfree(kmalloc(100));
    pmm_free_page(pmm_alloc_page());
    trace_get_counts(&after);
    CHECK_EQ(before.recorded, after.recorded);
    CHECK(!mm_this_cpu()->no_windows);
    CHECK((slab_classes[CLASS_WORDS + CLASS_RECIPROCAL] != 0) == !debug_on(DEBUG_HEAP));
    trace_stop();
    CHECK(!trace_started());
}

/* Allocations that are made to fail are none, and the trace leaves the counting alone. */
KTEST(trace, failures_are_no_events)
{
    if (!begin(ROOM, TRACE_GROUP(TRACE_ALLOC)))
        return;
    take_all();
    (void)mm_fail_nth(1);
    void *first = kmalloc(50), *second = kmalloc(50);
    unsigned long counted = mm_fail_nth(0);
    CHECK(mm_this_cpu()->no_windows);
    take_all();
    kfree(second);
    trace_stop();
    CHECK(!first && second);
    CHECK(counted >= 2);
    CHECK_EQ(seen_count, 1);
}

/* ---- pages ---- */

/* What was free at the beginning, less what was allocated, plus what was freed, is free. */
KTEST(trace, pages_add_up)
{
    paddr_t chunks[20];
    size_t sizes[] = {1, 2, 3, 8, 16, 1, 1, 40, 1, 4};
    long free = 0;
    if (!can_spare(400))
        SKIP("not enough memory");
    if (!begin(4 * ROOM, TRACE_GROUP(TRACE_PAGE_ALLOC)))
        return;
    for (unsigned i = 0; i < 10; i++)
        chunks[i] = pmm_alloc_pages(sizes[i]);
    paddr_t aligned = pmm_alloc_pages_aligned(5, 4, PMM_DIRECT);
    for (unsigned i = 0; i < 10; i += 2)
        pmm_free_pages(chunks[i], sizes[i]);
    pfn_t page = page_alloc(FRAME_USER, 0);
    unsigned long left = pmm_free_frames();
    take_all();
    for (unsigned i = 1; i < 10; i += 2)
        pmm_free_pages(chunks[i], sizes[i]);
    pmm_free_pages(aligned, 5);
    page_put(page);
    trace_stop();
    bool owned = false;
    for (size_t i = 0; i < seen_count; i++) {
        const struct trace_event *event = &seen[i];
        if (event->type == TRACE_FRAMES && event->detail == FRAME_NONE)
            free += event->size;
        else if (event->type == TRACE_PAGE_ALLOC)
            free -= event->size;
        else if (event->type == TRACE_PAGE_FREE)
            free += event->size;
        owned |= event->type == TRACE_PAGE_OWNER && event->detail == FRAME_USER &&
                 event->address == pfn_to_paddr(page);
    }
    CHECK_EQ(free, left);
    CHECK(owned);
}

/* The frames that a trace begins with are all that are managed, each told once. */
KTEST(trace, frames_at_the_beginning)
{
    uint64_t end = 0, frames = 0;
    if (!begin(16 * ROOM, TRACE_GROUP(TRACE_PAGE_ALLOC)))
        return;
    look_for(TRACE_FRAMES);
    trace_stop();
    CHECK(seen_count > 0);
    for (size_t i = 0; i < seen_count; i++) {
        CHECK(seen[i].address >= end);
        CHECK(seen[i].detail < FRAME_OWNERS && seen[i].detail != FRAME_CACHED);
        end = seen[i].address + ((uint64_t)seen[i].size << PAGE_SHIFT);
        frames += seen[i].size;
    }
    unsigned long owners[FRAME_OWNERS], all = 0;
    mm_count_owners(owners);
    for (unsigned owner = 0; owner < FRAME_OWNERS; owner++)
        all += owner == FRAME_FIRMWARE ? 0 : owners[owner];
    CHECK_EQ(frames, all - mm_beyond_frames);
}

/* Allocates chunks of an order until one is split off a larger one, which becomes the last of
 * `chunks`; seen[] has the event. The number of chunks; none was split when nothing is seen. */
static unsigned
allocate_until_split(paddr_t *chunks, unsigned most, unsigned order)
{
    unsigned count = 0;
    take_all();
    do {
        seen_count = 0;
        chunks[count] = pmm_alloc_pages((size_t)1 << order);
        if (chunks[count] == 0)
            break;
        count++;
        look_for(TRACE_SPLIT);
    } while (seen_count == 0 && count < most);
    return count;
}

/* What is split for a chunk that the stacks do not keep merges again when it is freed. */
KTEST(trace, split_and_merge)
{
    static paddr_t chunks[64];
    size_t splits = 0;
    if (!can_spare(BLOCK_FRAMES))
        SKIP("not enough memory");
    if (!begin(4 * ROOM, TRACE_GROUP(TRACE_SPLIT)))
        return;
    for (unsigned order = 5; order < 9; order++) {
        unsigned taken = allocate_until_split(chunks, ARRAY_LENGTH(chunks), order);
        struct trace_event split = seen[0];
        size_t count = seen_count;
        seen_count = 0;
        for (unsigned i = taken; i > 0; i--) {
            pmm_free_pages(chunks[i - 1], (size_t)1 << order);
            if (i == taken)
                look_for(TRACE_MERGE);
        }
        if (count == 0)
            continue;
        splits++;
        paddr_t chunk = chunks[taken - 1];
        CHECK_EQ(count, 1);
        CHECK_EQ(split.address, chunk);
        CHECK_EQ(split.detail, order);
        CHECK_EQ(seen_count, 1);
        CHECK_EQ(seen[0].address, chunk);
        CHECK_EQ(seen[0].size, order);
        CHECK_EQ(seen[0].detail, split.size);
    }
    trace_stop();
    CHECK(splits > 0);
}

/* Slabs that grew less those that went is how many more there are. */
KTEST(trace, slabs_add_up)
{
    static void *objects[40];
    struct kmem_cache_stats stats;
    if (!begin(2 * ROOM, TRACE_GROUP(TRACE_SLAB_GROW)))
        return;
    struct kmem_cache *cache = kmem_cache_create("traced", 1000, 0, 0, NULL);
    CHECK(cache);
    for (unsigned i = 0; i < ARRAY_LENGTH(objects); i++)
        objects[i] = kmem_cache_alloc(cache);
    for (unsigned i = 0; i < ARRAY_LENGTH(objects) - 1; i++)
        kmem_cache_free(cache, objects[i]);
    kmem_cache_get_stats(cache, &stats);
    take_all();
    long slabs = 0;
    bool named = false;
    for (size_t i = 0; i < seen_count; i++) {
        if (seen[i].detail != cache->number)
            continue;
        slabs += seen[i].type == TRACE_SLAB_GROW;
        slabs -= seen[i].type == TRACE_SLAB_SHRINK;
        named |= seen[i].type == TRACE_CACHE && seen[i].address == (uintptr_t)cache->name;
    }
    kmem_cache_free(cache, objects[ARRAY_LENGTH(objects) - 1]);
    CHECK(kmem_cache_destroy(cache));
    trace_stop();
    CHECK(named);
    CHECK_EQ(slabs, stats.slabs);
}

/* ---- faults ---- */

#define PLACE ((uintptr_t)0x20000000)

KTEST(trace, kinds_of_faults)
{
    static const struct {
        uintptr_t address;
        enum fault_access access;
        enum trace_fault kind;
    } cases[] = {
        {PLACE, FAULT_READ, TRACE_FAULT_READ},
        {PLACE, FAULT_WRITE_ACCESS, TRACE_FAULT_ZERO},
        {PLACE + PAGE_SIZE, FAULT_WRITE_ACCESS, TRACE_FAULT_ZERO},
        {PLACE + 16 * PAGE_SIZE, FAULT_READ, TRACE_FAULT_BAD},
    };
    if (!begin(ROOM, TRACE_GROUP(TRACE_FAULT)))
        return;
    struct address_space *space = space_create();
    CHECK(space);
    CHECK_EQ(space_mmap(space, PLACE, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true),
             PLACE);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        (void)space_fault_traced(space, cases[i].address, cases[i].access, 12, (void *)0x401000);
    struct address_space *child = space_fork(space);
    CHECK(child);
    (void)space_fault_traced(child, PLACE, FAULT_WRITE_ACCESS, 13, NULL);
    space_put(child);
    space_put(space);
    look_for(TRACE_FAULT);
    trace_stop();
    CHECK_EQ(seen_count, ARRAY_LENGTH(cases) + 1);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        CHECK_EQ(seen[i].address, cases[i].address);
        CHECK_EQ(seen[i].detail, cases[i].kind);
        CHECK_EQ(seen[i].size, (unsigned)cases[i].access | 12 << 8);
        CHECK_EQ(seen[i].site, 0x401000);
    }
    CHECK_EQ(seen[ARRAY_LENGTH(cases)].detail, TRACE_FAULT_COW);
}
