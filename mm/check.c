/* check.c - the law of page conservation: every frame has exactly one owner.
 *
 * Walks the descriptors of the open blocks and holds them against what the allocators believe:
 *
 *   descriptors            bitmaps of the buddy      stacks of the CPUs      slabs
 *   FRAME_NONE         =   free, or inside an allocation
 *   FRAME_CACHED       =                             on exactly one stack
 *   FRAME_SLAB         =                                                     of exactly one slab
 *   FRAME_CACHE        =   in exactly one object's tree (by their number)
 *   sum of all owners  =   the RAM that the firmware reported
 *
 * Cost: about 40 instructions for each frame of an open block, 20 for a closed block.
 */
#include "buddy.h"
#include "debug/debug_private.h"
#include "mm.h"
#include "mm_private.h"
#include "object.h"
#include "percpu.h"
#include "slab_private.h"
#include "vmalloc.h"

/* What one walk over the frames found. */
struct census {
    unsigned long owners[FRAME_OWNERS];
    bool good;
};

static void
complain(struct census *census, unsigned long frame, const char *what)
{
    if (census->good)
        klog("check: frame %#lx (%s): %s\n", frame, frame_owner_name(frame_of(pfn(frame))->owner),
             what);
    census->good = false;
}

/* Frames behind the head of an allocation belong to it: unnamed, and not free. */
static void
check_tail(struct census *census, const struct zone *zone, unsigned long head, unsigned long count)
{
    for (unsigned long frame = head + 1; frame < head + count; frame++) {
        if (frame_of(pfn(frame))->owner != FRAME_NONE)
            complain(census, frame, "has an owner, but lies inside an allocation");
        if (buddy_is_free(zone, pfn(frame), 1))
            complain(census, frame, "is free, but lies inside an allocation");
    }
}

/* Counts the frames that the descriptor at `frame` speaks for, and checks them; returns how many.
 */
static unsigned long
count_head(struct census *census, const struct zone *zone, unsigned long frame)
{
    const struct frame *descriptor = frame_of(pfn(frame));
    unsigned long count = frame_extent(descriptor);
    bool free = buddy_is_free(zone, pfn(frame), 1);
    if (descriptor->owner >= FRAME_OWNERS || count == 0) {
        complain(census, frame, "has a damaged descriptor");
        return 1;
    }
    census->owners[descriptor->owner] += count;
    if (free != (descriptor->owner == FRAME_NONE))
        complain(census, frame,
                 free ? "is in the free lists, but has an owner"
                      : "has no owner and is in no free list: it is lost");
    check_tail(census, zone, frame, count);
    return count;
}

static void
take_census(struct census *census)
{
    *census = (struct census){.good = true};
    unsigned long frame = FRAME_BASE;
    unsigned long end = FRAME_BASE + ((unsigned long)mm_block_count << MAX_ORDER);
    while (frame < end) {
        uint32_t index = (uint32_t)((frame - FRAME_BASE) >> MAX_ORDER);
        if (mm_blocks[index].open) {
            frame += count_head(census, pmm_zone_of(pfn(frame)), frame);
            continue;
        }
        census->owners[mm_blocks[index].free ? FRAME_NONE : FRAME_FIRMWARE] += BLOCK_FRAMES;
        frame += BLOCK_FRAMES;
    }
}

void
mm_count_owners(unsigned long counts[FRAME_OWNERS])
{
    for (unsigned owner = 0; owner < FRAME_OWNERS; owner++)
        counts[owner] = 0;
    unsigned long frame = FRAME_BASE;
    unsigned long end = FRAME_BASE + ((unsigned long)mm_block_count << MAX_ORDER);
    while (frame < end) {
        uint32_t index = (uint32_t)((frame - FRAME_BASE) >> MAX_ORDER);
        const struct frame *descriptor = frame_of(pfn(frame));
        unsigned long count = BLOCK_FRAMES;
        unsigned owner = mm_blocks[index].free ? FRAME_NONE : FRAME_FIRMWARE;
        if (mm_blocks[index].open) {
            owner = descriptor->owner < FRAME_OWNERS ? descriptor->owner : FRAME_FIRMWARE;
            count = frame_extent(descriptor);
            count += !count;
        }
        counts[owner] += count;
        frame += count;
    }
    counts[FRAME_ABSENT] += (unsigned long)mm_beyond_frames;
}

unsigned long
mm_count_mapped(void)
{
    unsigned long mapped = 0;
    for (uint32_t index = 0; index < mm_block_count; index++) {
        unsigned long first = FRAME_BASE + ((unsigned long)index << MAX_ORDER);
        const struct frame *frames = frame_of(pfn(first));
        for (unsigned long i = 0; mm_blocks[index].open && i < BLOCK_FRAMES; i++)
            mapped += frames[i].owner == FRAME_CACHE && frames[i].count > 1;
    }
    return mapped;
}

unsigned long
mm_count_holders(enum frame_owner owner)
{
    unsigned long holders = 0;
    for (uint32_t index = 0; index < mm_block_count; index++) {
        unsigned long first = FRAME_BASE + ((unsigned long)index << MAX_ORDER);
        const struct frame *frames = frame_of(pfn(first));
        for (unsigned long i = 0; mm_blocks[index].open && i < BLOCK_FRAMES; i++)
            holders += frames[i].owner == owner ? frames[i].count : 0;
    }
    return holders;
}

/* Every entry of every stack is a cached chunk; returns their frames. */
static unsigned long
check_stacks(struct census *census)
{
    unsigned long frames = 0;
    for (unsigned i = 0; i < CPU_MAX; i++) {
        for (unsigned s = 0; mm_cpus[i] && s < ZONE_COUNT * PCP_STACKS; s++) {
            const struct zone *zone = &mm_zones[s / PCP_STACKS];
            const struct frame_stack *stack = pmm_stack(mm_cpus[i], zone->id, s % PCP_STACKS);
            unsigned order = pcp_order(s % PCP_STACKS);
            for (uint32_t j = 0; stack && j < stack->count; j++) {
                unsigned long frame = zone_origin(zone) + stack->frames[j];
                if (frame_of(pfn(frame))->owner != FRAME_CACHED ||
                    frame_extent(frame_of(pfn(frame))) != 1u << order)
                    complain(census, frame, "is on a CPU's stack without being cached");
                frames += 1ul << order;
            }
        }
    }
    return frames;
}

static bool
sums_agree(const char *what, unsigned long counted, unsigned long expected)
{
    if (counted == expected)
        return true;
    klog("check: %s: %lu frames counted, %lu expected\n", what, counted, expected);
    return false;
}

bool
mm_check(void)
{
    struct census census;
    unsigned long slab_frames, total = 0;
    take_census(&census);
    for (unsigned owner = 0; owner < FRAME_OWNERS; owner++)
        total += owner == FRAME_FIRMWARE ? 0 : census.owners[owner];
    unsigned long cached = check_stacks(&census);
    bool good = census.good;
    for (unsigned zone = 0; zone < ZONE_COUNT; zone++)
        good &= zone_check(&mm_zones[zone]);
    good &= slab_check(&slab_frames);
    good &= sums_agree("slabs", slab_frames, census.owners[FRAME_SLAB]);
    good &= sums_agree("CPU caches", census.owners[FRAME_CACHED], cached);
    good &= object_check();
    good &= sums_agree("page cache", census.owners[FRAME_CACHE], object_cached_pages());
    good &= sums_agree("all owners", total, mm_ram_frames);
    good &= debug_pages_check();
    good &= guard_check();
    good &= vmalloc_check();
    return good;
}
