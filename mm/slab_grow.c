/* slab_grow.c - birth and death of a slab: its frames, its header, its place among the cache's.
 *
 *   frames' allocator ──► frames, FRAME_SLAB ──► a header ──► the cache's list
 *
 * A header that lies apart is itself an object, of one of two caches whose slabs have theirs inside:
 * so the way of a slab into this file leads into it once more at most.
 *
 * Lock: the cache's, for the list of its slabs. The CPU that owns the slab has claimed its objects.
 */
#include <string.h>
#include "pmm.h"
#include "slab_private.h"
#include "percpu.h"
#include "trace.h"

/* ---- The slabs of a cache ---- */

static void
link_to_cache(struct kmem_cache *cache, struct slab *slab)
{
    unsigned long flags = spin_lock(&cache->lock);
    slab->previous_of_cache = NULL;
    slab->next_of_cache = cache->slabs;
    if (cache->slabs)
        cache->slabs->previous_of_cache = slab;
    cache->slabs = slab;
    cache->slab_count++;
    cache->grown++;
    spin_unlock(&cache->lock, flags);
}

static void
unlink_from_cache(struct kmem_cache *cache, struct slab *slab)
{
    unsigned long flags = spin_lock(&cache->lock);
    if (slab->next_of_cache)
        slab->next_of_cache->previous_of_cache = slab->previous_of_cache;
    if (slab->previous_of_cache)
        slab->previous_of_cache->next_of_cache = slab->next_of_cache;
    else
        cache->slabs = slab->next_of_cache;
    cache->slab_count--;
    cache->returned++;
    spin_unlock(&cache->lock, flags);
}

/* ---- Its frames ---- */

/* A slab's first frame. */
static struct frame *
slab_frames(const struct slab *slab)
{
    pfn_t first;
    bool direct = ptr_to_frame(slab->base, &first);
    ASSERT(direct);
    return frame_of(first);
}

/* Makes the frames of an allocation a slab's. */
static void
own_frames(const struct slab *slab)
{
    const struct kmem_cache *cache = slab->cache;
    uint64_t word = (uint64_t)(uintptr_t)slab << SLAB_LINK_SHIFT | slab_tag(cache);
    struct frame *frames = slab_frames(slab);
    for (uint32_t i = 0; i < 1u << cache->order; i++)
        *(frame_word *)&frames[i] = word;
}

static paddr_t
slab_address(const struct slab *slab)
{
    return pfn_to_paddr(pfn((unsigned long)(slab_frames(slab) - FRAME_TABLE) + FRAME_BASE));
}

/* Makes the frames of a slab an allocation again. */
static void
disown_frames(const struct slab *slab)
{
    struct frame *frames = slab_frames(slab);
    uint32_t count = 1u << slab->cache->order;
    memset(frames, 0, count * sizeof(*frames));
    frames[0] = (struct frame){.owner = FRAME_ALLOCATED, .count = count};
}

/* ---- Its header ---- */

static struct cache_part *
header_part(struct mm_cpu *cpu, const struct kmem_cache *cache)
{
    return &cpu->header_parts[slab_header_kind(cache)].part;
}

static struct slab *
make_header(struct cache_part *part, char *memory)
{
    struct kmem_cache *cache = part->cache;
    struct slab *slab;
    if (cache->header_inside)
        slab = (struct slab *)(void *)memory;
    else
        slab = slab_take_slow(header_part(part->cpu, cache));
    if (!slab)
        return NULL;
    *slab = (struct slab){.base = memory,
                          .objects = cache->objects,
                          .remote = -1,
                          .home = part,
                          .cache = cache};
    memset(slab->states, OBJECT_FREE, cache->objects);
    memset(slab->states + cache->objects, OBJECT_NONE, cache->states - cache->objects);
    if (cache->header_inside)
        slab->states[0] = OBJECT_NONE;
    return slab;
}

/* ---- All of it ---- */

struct slab *
slab_grow(struct cache_part *part)
{
    struct kmem_cache *cache = part->cache;
    paddr_t frames = pmm_alloc_pages_flags((size_t)1 << cache->order, PMM_DIRECT);
    if (!frames)
        return NULL;
    struct slab *slab = make_header(part, frame_to_ptr(paddr_to_pfn(frames)));
    if (!slab) {
        pmm_free_pages(frames, (size_t)1 << cache->order);
        return NULL;
    }
    own_frames(slab);
    link_to_cache(cache, slab);
    if (part->dropped && (part->keep << cache->order) < slab_ram_frames >> 8)
        part->keep *= 2;
    part->dropped = false;
    trace(TRACE_PAGE_OWNER, frames, (size_t)1 << cache->order, FRAME_SLAB, NULL);
    trace(TRACE_SLAB_GROW, frames, (size_t)1 << cache->order, cache->number, NULL);
    if (cache->debug)
        debug_slab_made(slab);
    for (uint32_t i = 0; cache->constructor && i < slab->objects; i++)
        cache->constructor((char *)slab_object(slab, i) + cache->left);
    return slab;
}

void
slab_drop(struct slab *slab)
{
    struct kmem_cache *cache = slab->cache;
    struct cache_part *headers = header_part(slab->home->cpu, cache);
    paddr_t first = slab_address(slab);
    ASSERT(!slab->listed && !slab->current && slab->remote == -1);
    slab->home->dropped = true;
    if (cache->debug)
        debug_slab_gone(slab);
    unlink_from_cache(cache, slab);
    disown_frames(slab);
    trace(TRACE_SLAB_SHRINK, first, (size_t)1 << cache->order, cache->number, NULL);
    pmm_free_pages(first, (size_t)1 << cache->order);
    if (cache->header_inside)
        return;
    unsigned long number;
    struct slab *of_header = slab_of(slab);
    bool exact = of_header && slab_number(of_header, slab, &number);
    ASSERT(exact && of_header->home == headers);
    slab_put_local(of_header, &of_header->states[number]);
}
