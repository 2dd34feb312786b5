/* octavo.c - the hosted library (mm/ in a program) under octobench.
 *
 * The arena is the machine's memory, and its frames are numbered so that a physical address is the
 * pointer itself: a kernel whose memory is mapped at an offset adds one instruction to each call.
 * What mm/ takes for itself at the start lies inside the arena: TOTAL_PAGES is what is left.
 */
#include <stdio.h>
#include <stdlib.h>
#include "ob.h"
#include "kmalloc.h"
#include "mm.h"
#include "pmm.h"
#include "pmm_fast.h"
#include "slab_private.h"

static struct ob_config config;
static uint64_t total_pages;

static int
init(const struct ob_config *wanted)
{
    config = *wanted;
    hosted_quiet(true);
    hosted_set_cpu(0);
    hosted_start(config.arena, config.arena_bytes, paddr_to_pfn((uintptr_t)config.arena));
    for (unsigned cpu = 1; cpu < config.ncpu; cpu++)
        if (!mm_cpu_up(cpu))
            return -1;
    mm_drain();
    total_pages = pmm_free_frames();
    return 0;
}

static __attribute__((noinline)) void *
alloc_others(unsigned order)
{
    return (void *)(uintptr_t)pmm_alloc_pages((size_t)1 << order);
}

static void *
alloc_pages(unsigned order)
{
    pfn_t page;
    if (order == 0 && pmm_take_ready(&page))
        return (void *)(page.n << PAGE_SHIFT);
    return alloc_others(order);
}

#define ADDRESS_BITS (8 * sizeof(uintptr_t))

/* Addresses rotate into page numbers: what is not the start of a page becomes one that no page has.
 */
static __attribute__((noipa)) void
free_single(unsigned long number)
{
    unsigned long page = number + pmm_origin(pmm_best);
    pmm_free_page(page << PAGE_SHIFT | page >> (ADDRESS_BITS - PAGE_SHIFT));
}

static __attribute__((noipa)) void
free_others(void *memory, unsigned order)
{
    pmm_free_pages((uintptr_t)memory, (size_t)1 << order);
}

static void
free_pages(void *memory, unsigned order)
{
    uintptr_t at = (uintptr_t)memory;
    if (order != 0)
        return free_others(memory, order);
    unsigned long number = at >> PAGE_SHIFT | at << (ADDRESS_BITS - PAGE_SHIFT);
    number -= pmm_origin(pmm_best);
    if (!pmm_keep_ready(number))
        free_single(number);
}

/* Everything is proved each time it is still: the other threads wait meanwhile. */
static void
drain(void)
{
    mm_drain();
#ifdef OCTAVO_CHECKED
    if (!mm_check()) {
        fprintf(stderr, "octavo: mm_check found the books wrong\n");
        abort();
    }
#endif
}

/* Frames of all slabs; other CPUs are not in the allocators. */
static uint64_t
held_bytes(void)
{
    uint64_t bytes = 0;
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next) {
        struct kmem_cache_stats stats;
        kmem_cache_get_stats(cache, &stats);
        bytes += (uint64_t)(stats.slabs * stats.slab_frames) << PAGE_SHIFT;
    }
    return bytes;
}

static uint64_t
stat(enum ob_stat what)
{
    switch (what) {
    case OB_STAT_TOTAL_PAGES:
        return total_pages;
    case OB_STAT_FREE_PAGES:
        return pmm_free_frames();
    case OB_STAT_META_BYTES:
        return config.arena_bytes - (total_pages << PAGE_SHIFT);
    case OB_STAT_HELD_BYTES:
        return held_bytes();
    }
    return (uint64_t)-1;
}

static const struct ob_adapter adapter = {
    .abi = OB_ABI,
    .caps = OB_SMALL | OB_PAGES,
    .name = "octavo",
    .init = init,
    .thread_init = hosted_set_cpu,
    .alloc = kmalloc,
    .free = kfree,
    .alloc_pages = alloc_pages,
    .free_pages = free_pages,
    .drain = drain,
    .stat = stat,
};

const struct ob_adapter *
ob_adapter_get(void)
{
    return &adapter;
}
