/* tables.c - the tables people look at, in the formats of Linux where it has one.
 *
 * They are printed from the structures themselves, so what one reads is what the allocators act on.
 */
#include "buddy.h"
#include "commit.h"
#include "mm.h"
#include "mm_private.h"
#include "object.h"
#include "percpu.h"
#include "reclaim.h"
#include "slab_private.h"
#include "vmalloc.h"

/* Zones from first to end of one kind, in kB. */
static unsigned long
zone_kib(unsigned first, unsigned last, bool free)
{
    unsigned long frames = 0;
    for (unsigned zone = first; zone <= last; zone++)
        frames += free ? mm_zones[zone].free + pmm_cached_frames(zone) : mm_zones[zone].managed;
    return frames << (PAGE_SHIFT - 10);
}

static void
line(struct printer *out, const char *name, unsigned long kib)
{
    print(out, "%-16s%8lu kB\n", name, kib);
}

/* What can be had without taking anything from programs: free frames above the kernel's reserve,
 * and pages of files that are in the modules too. */
static unsigned long
available_kib(unsigned long free)
{
    unsigned long frames = (free >> (PAGE_SHIFT - 10)) + object_clean_pages();
    unsigned long reserve = reclaim_reserve();

    return (frames > reserve ? frames - reserve : 0) << (PAGE_SHIFT - 10);
}

/* Linux's names. MemTotal is the sum of MemFree, Cached, AnonPages, Slab, KernelStack, PageTables,
 * VmallocUsed and KernelHeap; Mapped and Shmem are parts of Cached. */
void
mm_print_meminfo(struct printer *out)
{
    unsigned long owners[FRAME_OWNERS];
    mm_count_owners(owners);
    const unsigned shift = PAGE_SHIFT - 10;
    unsigned long low_free = zone_kib(ZONE_DMA, ZONE_NORMAL, true);
    unsigned long high_free = zone_kib(ZONE_HIGH, ZONE_HIGH, true), free = low_free + high_free;
    line(out, "MemTotal:", zone_kib(ZONE_DMA, ZONE_HIGH, false));
    line(out, "MemFree:", free);
    line(out, "MemAvailable:", available_kib(free));
    line(out, "Buffers:", 0);
    line(out, "Cached:", owners[FRAME_CACHE] << shift);
    line(out, "SwapCached:", 0);
    line(out, "HighTotal:", zone_kib(ZONE_HIGH, ZONE_HIGH, false));
    line(out, "HighFree:", high_free);
    line(out, "LowTotal:", zone_kib(ZONE_DMA, ZONE_NORMAL, false));
    line(out, "LowFree:", low_free);
    line(out, "SwapTotal:", 0);
    line(out, "SwapFree:", 0);
    line(out, "AnonPages:", owners[FRAME_USER] << shift);
    line(out, "Mapped:", mm_count_mapped() << shift);
    line(out, "Shmem:", (owners[FRAME_CACHE] - object_clean_pages()) << shift);
    line(out, "Slab:", owners[FRAME_SLAB] << shift);
    line(out, "SReclaimable:", 0);
    line(out, "SUnreclaim:", owners[FRAME_SLAB] << shift);
    line(out, "KernelStack:", owners[FRAME_STACK] << shift);
    line(out, "PageTables:", owners[FRAME_PAGE_TABLE] << shift);
    line(out, "CommitLimit:", commit_limit() << shift);
    line(out, "Committed_AS:", commit_charged() << shift);
    line(out, "VmallocTotal:", VMALLOC_BYTES >> 10);
    line(out, "VmallocUsed:", owners[FRAME_VMALLOC] << shift);
    line(out, "Percpu:", owners[FRAME_CACHED] << shift);
    line(out, "KernelHeap:", (owners[FRAME_HEAP] + owners[FRAME_ALLOCATED]) << shift);
}

void
mm_print_zones(struct printer *out)
{
    print(out, "%-8s %10s %10s %10s %10s %8s %8s\n", "zone", "first", "end", "managed", "free",
          "cached", "blocks");
    for (unsigned i = 0; i < ZONE_COUNT; i++) {
        const struct zone *zone = &mm_zones[i];
        if (zone->managed)
            print(out, "%-8s %#10lx %#10lx %10lu %10lu %8lu %8u\n", zone->name,
                  zone->base, zone->base + ((unsigned long)zone->count << MAX_ORDER),
                  zone->managed, zone->free, pmm_cached_frames(i), (unsigned)zone->count);
    }
}

void
mm_print_zoneinfo(struct printer *out)
{
    for (unsigned i = 0; i < ZONE_COUNT; i++) {
        const struct zone *zone = &mm_zones[i];
        if (!zone->managed)
            continue;
        print(out, "Node 0, zone %8s\n", zone->name);
        print(out, "  pages free     %lu\n", zone->free + pmm_cached_frames(i));
        print(out, "        min      %lu\n        low      %lu\n        high     %lu\n",
              reclaim_reserve(), reclaim_low_mark(), reclaim_high_mark());
        print(out, "        spanned  %lu\n        present  %lu\n        managed  %lu\n",
              (unsigned long)zone->count << MAX_ORDER, zone->managed, zone->managed);
        print(out, "  pagesets\n    cpu: 0\n              count: %lu\n", pmm_cached_frames(i));
        print(out, "  start_pfn:           %lu\n",
              zone->base);
    }
}

void
mm_print_buddyinfo(struct printer *out)
{
    for (unsigned i = 0; i < ZONE_COUNT; i++) {
        const struct zone *zone = &mm_zones[i];
        if (!zone->managed)
            continue;
        print(out, "Node 0, zone %8s ", zone->name);
        for (unsigned order = 0; order < ORDERS; order++)
            print(out, "%6lu ", buddy_count_free(zone, order));
        print(out, "\n");
    }
}

void
mm_print_slabinfo(struct printer *out)
{
    print(out, "slabinfo - version: 2.1\n"
               "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
               " : tunables <limit> <batchcount> <sharedfactor>"
               " : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next) {
        struct kmem_cache_stats stats;
        kmem_cache_get_stats(cache, &stats);
        print(out, "%-17s %6zu %6zu %6zu %4zu %4zu : tunables    0    0    0", stats.name,
              stats.objects_used, stats.slabs * stats.slab_objects, stats.stride,
              stats.slab_objects, stats.slab_frames);
        print(out, " : slabdata %6zu %6zu      0\n", stats.slabs, stats.slabs);
    }
}

void
mm_print_owners(struct printer *out)
{
    unsigned long owners[FRAME_OWNERS], total = 0;
    mm_count_owners(owners);
    print(out, "%-14s %10s %12s\n", "owner", "frames", "KiB");
    for (unsigned owner = 0; owner < FRAME_OWNERS; owner++) {
        if (owner == FRAME_FIRMWARE || !owners[owner])
            continue;
        total += owners[owner];
        print(out, "%-14s %10lu %12llu\n", frame_owner_name(owner), owners[owner],
              (unsigned long long)owners[owner] << (PAGE_SHIFT - 10));
    }
    unsigned long ram = mm_ram_frames + (unsigned long)mm_beyond_frames;
    print(out, "%-14s %10lu %12llu  %s\n", "sum", total,
          (unsigned long long)total << (PAGE_SHIFT - 10),
          total == ram ? "= all RAM of the firmware's map" : "IS NOT the RAM of the map");
}
