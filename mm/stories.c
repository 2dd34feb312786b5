/* stories.c - one thing of memory looked at closely: the free chunks, a frame, the slabs of a
 * cache.
 *
 * The tables of tables.c say how much there is; these say which. They are read from the structures
 * themselves and take no lock: exact while nobody is in the allocators, which on one CPU is
 * whenever somebody asks.
 */
#include <string.h>
#include "buddy.h"
#include "debug/debug_private.h"
#include "mm.h"
#include "mm_private.h"
#include "percpu.h"
#include "slab_private.h"

#define MAP_LINE 64u /* objects in a line of a slab's map */

/* ---- free chunks ---- */

/* Chunks of one order that follow each other. */
struct chunk_run {
    pfn_t start;
    unsigned long count;
};

static void
print_chunks(struct printer *out, const struct zone *zone, unsigned order,
             const struct chunk_run *run)
{
    paddr_t start = pfn_to_paddr(run->start);

    if (run->count != 0)
        print(out, "%-8s %5u %8lu  [%#llx, %#llx)\n", zone->name, order, run->count,
              (unsigned long long)start,
              (unsigned long long)(start + ((paddr_t)run->count << (order + PAGE_SHIFT))));
}

static void
print_chunks_of(struct printer *out, const struct zone *zone, unsigned order)
{
    struct chunk_run run = {.count = 0};
    pfn_t chunk = pfn(0);

    for (; buddy_next_free(zone, order, &chunk); chunk.n += 1ul << order) {
        if (run.count == 0 || chunk.n != run.start.n + (run.count << order)) {
            print_chunks(out, zone, order, &run);
            run = (struct chunk_run){.start = chunk};
        }
        run.count++;
    }
    print_chunks(out, zone, order, &run);
}

void
mm_print_freelist(struct printer *out, unsigned first, unsigned last)
{
    print(out, "%-8s %5s %8s  %s\n", "zone", "order", "chunks", "memory");
    for (unsigned i = 0; i < ZONE_COUNT; i++)
        for (unsigned order = first; mm_zones[i].managed && order <= last; order++)
            print_chunks_of(out, &mm_zones[i], order);
}

/* ---- a frame ---- */

/* The head of the allocation that a frame without an owner lies in; the frame itself if in none. */
static unsigned long
head_of(const struct zone *zone, unsigned long frame)
{
    unsigned long head = frame;
    if (buddy_is_free(zone, pfn(frame), 1))
        return frame;
    while (head > FRAME_BASE && frame_of(pfn(head))->owner == FRAME_NONE &&
           pmm_frame_known(pfn(head - 1)))
        head--;
    return frame_extent(frame_of(pfn(head))) > frame - head ? head : frame;
}

static void
print_slab_of(struct printer *out, const struct frame *frame)
{
    const struct slab *slab = slab_header(frame);
    print(out, "  slab of %s on CPU %u: %u of %u objects of %u bytes in use%s\n", slab->cache->name,
          slab->home->cpu->id, (unsigned)slab_used(slab), (unsigned)slab->objects,
          (unsigned)slab->cache->stride, slab->current ? ", allocating from it now" : "");
}

/* The order of the free chunk that a free frame lies in. */
static unsigned
free_order(const struct zone *zone, unsigned long frame)
{
    unsigned order = 0;
    while (order < MAX_ORDER) {
        unsigned long size = 2ul << order;
        if (!buddy_is_free(zone, pfn(frame & ~(size - 1)), size))
            break;
        order++;
    }
    return order;
}

void
mm_print_frame(struct printer *out, pfn_t frame)
{
    const struct zone *zone = pmm_zone_of(frame);
    print(out, "frame %#lx: [%#llx, %#llx)\n", frame.n, (unsigned long long)pfn_to_paddr(frame),
          (unsigned long long)(pfn_to_paddr(frame) + PAGE_SIZE));
    if (!zone) {
        print(out, "  beyond the memory that is managed\n");
        return;
    }
    uint32_t index = (uint32_t)((frame.n - FRAME_BASE) >> MAX_ORDER);
    const struct block *block = &mm_blocks[index];
    print(out, "  zone %s, block %u (%s, %u of %u frames free)\n", zone->name, (unsigned)index,
          block->open ? "open" : "closed", (unsigned)block->free, (unsigned)block->frames);
    if (!block->open) {
        print(out, block->free ? "  free, in a whole block\n" : "  not RAM\n");
        return;
    }
    const struct frame *descriptor = frame_of(frame);
    unsigned long head = head_of(zone, frame.n);
    if (head != frame.n)
        print(out, "  inside an allocation of %u frames from frame %#lx on: %s\n",
              (unsigned)frame_of(pfn(head))->count, head,
              frame_owner_name(frame_of(pfn(head))->owner));
    else if (descriptor->owner == FRAME_NONE)
        print(out, "  free, in a chunk of order %u\n", free_order(zone, frame.n));
    else
        print(out, "  owner: %s\n", frame_owner_name(descriptor->owner));
    if (frame_is_page(descriptor->owner))
        print(out, "  held by %u\n", (unsigned)descriptor->count);
    else if (descriptor->owner >= FRAME_ALLOCATED)
        print(out, "  first of %u frames\n", (unsigned)descriptor->count);
    if (descriptor->owner == FRAME_SLAB)
        print_slab_of(out, descriptor);
    if (frame_to_ptr(frame))
        print(out, "  at %p in the direct map\n", frame_to_ptr(frame));
    debug_print_frame(out, frame);
}

/* ---- the slabs of a cache ---- */

static void
print_slab(struct printer *out, const struct slab *slab)
{
    pfn_t frame = pfn(0);

    (void)ptr_to_frame(slab->base, &frame);
    print(out, "slab %p: objects from %p, frame %#lx, CPU %u, %u of %u in use%s\n",
          (const void *)slab, (void *)(slab->base + slab->cache->left), frame.n,
          slab->home->cpu->id, (unsigned)slab_used(slab), (unsigned)slab->objects,
          slab->current ? ", allocating from it now" : "");
    for (uint32_t i = 0; i < slab->objects; i++)
        print(out, "%s%c%s", i % MAP_LINE == 0 ? "  " : "", slab_in_use(slab, i) ? '#' : '.',
              (i + 1) % MAP_LINE == 0 || i + 1 == slab->objects ? "\n" : "");
}

bool
mm_print_slab(struct printer *out, const char *name)
{
    struct kmem_cache_stats stats;
    struct kmem_cache *cache = slab_caches;

    while (cache != NULL && strcmp(cache->name, name) != 0)
        cache = cache->next;
    if (cache == NULL)
        return false;
    kmem_cache_get_stats(cache, &stats);
    print(out, "cache %s: %zu objects of %zu bytes, every %zu bytes; %zu slab%s, %zu in use\n",
          name, stats.slabs * stats.slab_objects, stats.object_size, stats.stride, stats.slabs,
          stats.slabs == 1 ? "" : "s", stats.objects_used);
    for (const struct slab *slab = cache->slabs; slab != NULL; slab = slab->next_of_cache)
        print_slab(out, slab);
    return true;
}

const char *
mm_cache_name(size_t index)
{
    const struct kmem_cache *cache = slab_caches;

    while (cache != NULL && index-- > 0)
        cache = cache->next;
    return cache != NULL ? cache->name : NULL;
}

/* ---- an object ---- */

void
mm_print_object(struct printer *out, const void *address)
{
    const struct slab *slab = slab_of(address);
    uintptr_t offset;
    uint32_t index;

    if (slab == NULL)
        return;
    index = slab_index_around(slab, address);
    offset = (uintptr_t)address - (uintptr_t)slab->base;
    print(out, "  object %u of the slab, from %p on, %s; the address is at %lu of its %u bytes\n",
          (unsigned)index, slab_object(slab, index),
          slab_in_use(slab, index) ? "in use" : "free",
          (unsigned long)(offset - (size_t)index * slab->cache->stride),
          (unsigned)slab->cache->stride);
}
