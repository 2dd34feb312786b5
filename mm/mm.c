/* mm.c - from the boot map to a running memory manager.
 *
 *   boot map ──► block table, frame table ──► zones and their buddies ──► CPU 0 ──► slabs, heap
 *   (regions)    (taken from the map)         (every free region)                      │
 *                                              early heap's pages come back ◄──────────┘
 *
 * Each frame of RAM gets its owner here, once: free regions go to the buddy, owned ones (kernel,
 * modules, metadata...) are written into the descriptors. Blocks that are free as a whole stay
 * closed, so the work does not grow with the memory but with the pieces it is in: about 30
 * instructions for each whole block, about ten for each frame of a broken one.
 */
#include <string.h>
#include "buddy.h"
#include "debug/debug_private.h"
#include "early.h"
#include "kmalloc_private.h"
#include "mm.h"
#include "mm_private.h"
#include "object_private.h"
#include "percpu.h"
#include "range.h"
#include "space.h"
#include "reclaim.h"
#include "trace_private.h"

#define LAST_FRAME (~0ul)

unsigned long mm_ram_frames;
uint64_t mm_beyond_frames;

static const uint8_t owner_of_region[MEMMAP_OWNERS] = {
    [MEMMAP_FREE] = FRAME_NONE,         [MEMMAP_LOW] = FRAME_LOW,
    [MEMMAP_ABSENT] = FRAME_ABSENT,     [MEMMAP_DEFECT] = FRAME_BAD,
    [MEMMAP_MODULE] = FRAME_MODULE,
    [MEMMAP_BOOTINFO] = FRAME_BOOTINFO, [MEMMAP_METADATA] = FRAME_METADATA,
    [MEMMAP_EARLY] = FRAME_EARLY,       [MEMMAP_KERNEL] = FRAME_KERNEL,
};

/* ---- Zones and blocks ---- */

/* A block is opened: its frames are free if it was free as a whole, else nobody's until told. */
static void
open_descriptors(struct zone *zone, uint32_t index)
{
    unsigned long first = zone->base - FRAME_BASE + ((unsigned long)index << MAX_ORDER);
    struct frame *frames = &FRAME_TABLE[first];
    frame_table_open((uint32_t)(first >> MAX_ORDER));
    for (unsigned long i = 0; !zone->blocks[index].levels && i < BLOCK_FRAMES; i++)
        frames[i].owner = FRAME_FIRMWARE;
}

/* The frame that begins at or below an address, or the last of all where no number names it. */
static unsigned long
frame_at(uint64_t address)
{
    uint64_t frame = address >> PAGE_SHIFT;
    return frame < LAST_FRAME ? (unsigned long)frame : LAST_FRAME;
}

/* The end of what can be managed: frames are named by 32 bits, counted from FRAME_BASE. */
static unsigned long
nameable_end(void)
{
    unsigned long end = FRAME_BASE + ((unsigned long)(ZONE_BLOCKS_MAX - 1) << MAX_ORDER);
    return end > FRAME_BASE ? end : LAST_FRAME & ~(BLOCK_FRAMES - 1);
}

/* The end of the RAM that is ours to manage, as a frame number. */
static unsigned long
managed_end(const struct bootmem *boot)
{
    unsigned long end = 0, most = nameable_end();
    for (size_t i = 0; i < boot->region_count; i++) {
        const struct memmap_region *region = &boot->regions[i];
        if (region->type == MEMMAP_RAM && region->owner != MEMMAP_ABSENT &&
            frame_at(region->start) < most)
            end = region->end ? frame_at(region->end) : most;
    }
    return end < most ? end : most;
}

static void
make_zone(enum zone_id id, const char *name, struct block_map *maps, uint32_t first, uint32_t end)
{
    first = first < mm_block_count ? first : mm_block_count;
    end = end < mm_block_count ? end : mm_block_count;
    zone_init(&mm_zones[id], name, (uint8_t)id, mm_blocks + first, maps + first,
              FRAME_BASE + ((unsigned long)first << MAX_ORDER), end - first);
    mm_zones[id].opened = open_descriptors;
    mm_zones[id].holds_frames = true;
}

/* DMA below 16 MiB, NORMAL as far as frames have addresses, HIGH beyond. */
static void
make_zones(struct block_map *maps)
{
    uint32_t dma = (uint32_t)((16u << 20) >> BLOCK_SHIFT);
    uint32_t direct = 0;
    while (direct < mm_block_count &&
           pfn_to_paddr(pfn(FRAME_BASE + ((unsigned long)direct << MAX_ORDER))) < direct_end())
        direct++;
    dma = FRAME_BASE ? 0 : dma < direct ? dma : direct;
    make_zone(ZONE_DMA, "DMA", maps, 0, dma);
    make_zone(ZONE_NORMAL, "Normal", maps, dma, direct);
    make_zone(ZONE_HIGH, "HighMem", maps, direct, mm_block_count);
}

static uintptr_t
described_direct_bytes(void)
{
    unsigned long end = paddr_to_pfn(direct_end()).n;
    unsigned long described = FRAME_BASE + ((unsigned long)mm_block_count << MAX_ORDER);
    return (uintptr_t)((end < described ? end : described) - FRAME_BASE) << PAGE_SHIFT;
}

/* Takes the block table and the bitmaps from the boot map and gives them an address. */
static struct block_map *
make_block_table(struct bootmem *boot)
{
    size_t blocks = mm_block_count * sizeof(struct block);
    size_t maps = mm_block_count * sizeof(struct block_map);
    paddr_t taken = bootmem_take(boot, blocks + maps, PAGE_SIZE, direct_end(), MEMMAP_METADATA);
    if (!taken)
        kpanic("mm: %zu bytes for the table of blocks are not there: too little RAM is left by the "
               "firmware's map, mem= and badram=", blocks + maps);
    char *memory = frame_to_ptr(paddr_to_pfn(taken));
    mm_blocks = (struct block *)(void *)memory;
    return (struct block_map *)(void *)(memory + blocks);
}

/* ---- Handing the regions over ---- */

static struct frame *
open_frame(pfn_t frame)
{
    struct zone *zone = pmm_zone_of(frame);
    uint32_t index = (uint32_t)((frame.n - zone->base) >> MAX_ORDER);
    if (!zone->blocks[index].open)
        zone_open_block(zone, index);
    return frame_of(frame);
}

static void
own_frames(unsigned long start, unsigned long end, uint8_t owner)
{
    for (; start < end; start++)
        *open_frame(pfn(start)) = (struct frame){.owner = owner};
}

static void
free_frames(unsigned long start, unsigned long end)
{
    while (start < end) {
        unsigned long stop = (start | (BLOCK_FRAMES - 1)) + 1;
        stop = stop < end ? stop : end;
        if (stop - start < BLOCK_FRAMES || mm_blocks[(start - FRAME_BASE) >> MAX_ORDER].open)
            own_frames(start, stop, FRAME_NONE);
        buddy_add(pmm_zone_of(pfn(start)), pfn(start), pfn(stop));
        start = stop;
    }
}

/* A frame at a region's edge that is not wholly the region's stays the firmware's: owners hold
 * whole frames, so its other part is no RAM. */
static void
hand_over(const struct bootmem *boot, const struct memmap_region *region)
{
    unsigned long limit = managed_end(boot);
    unsigned long start = frame_at(region->start + PAGE_MASK);
    unsigned long end = region->end ? frame_at(region->end) : limit;
    if (region->type != MEMMAP_RAM || region->start >= (uint64_t)limit << PAGE_SHIFT)
        return;
    end = end < limit ? end : limit;
    if (start < end && region->owner == MEMMAP_FREE)
        free_frames(start, end);
    else if (start < end)
        own_frames(start, end, owner_of_region[region->owner]);
}

/* ---- The early heap ---- */

static void
give_back_early(void *pages, size_t bytes)
{
    pfn_t frame;
    bool direct = ptr_to_frame(pages, &frame);
    ASSERT(direct);
    for (; bytes; bytes -= PAGE_SIZE, frame.n++) {
        pmm_adopt(frame);
        pmm_free_page(pfn_to_paddr(frame));
    }
}

static void
keep_early(void *page, unsigned live)
{
    pfn_t frame;
    bool direct = ptr_to_frame(page, &frame);
    ASSERT(direct);
    *frame_of(frame) = (struct frame){.owner = FRAME_EARLY, .live = (uint16_t)live};
}

/* ---- CPUs ---- */

bool
mm_cpu_up(unsigned id)
{
    ASSERT(id < CPU_MAX && !mm_cpus[id]);
    size_t slots_at = sizeof(struct mm_cpu) + pmm_cpu_words() * sizeof(uint32_t);
    slots_at = (slots_at + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    size_t bytes = slots_at + kmalloc_cpu_slots() * sizeof(struct free_object *);
    paddr_t frames = pmm_alloc_spare((bytes + PAGE_MASK) >> PAGE_SHIFT);
    if (!frames)
        return false;
    frame_set_owner(paddr_to_pfn(frames), FRAME_HEAP);
    struct mm_cpu *cpu = frame_to_ptr(paddr_to_pfn(frames));
    *cpu = (struct mm_cpu){.id = id, .no_windows = trace_on(TRACE_ALLOC)};
    pmm_cpu_init(cpu);
    kmalloc_cpu_init(cpu, (struct free_object **)(void *)((char *)cpu + slots_at));
    if (!slab_cpu_up(cpu)) {
        slab_cpu_down(cpu);
        pmm_free_pages(frames, (bytes + PAGE_MASK) >> PAGE_SHIFT);
        return false;
    }
    mm_cpus[id] = cpu;
    cpu_set_memory(id, cpu);
    if (trace_started())
        trace_cpu_up(id);
    return true;
}

/* ---- The start ---- */

void
mm_init(struct bootmem *boot)
{
    memset(mm_cpus, 0, sizeof(mm_cpus));
    trace_forget();
    unsigned long end = managed_end(boot);
    if (end <= FRAME_BASE)
        kpanic("mm: there is no memory");
    mm_block_count = (uint32_t)((end - FRAME_BASE + BLOCK_FRAMES - 1) >> MAX_ORDER);
    struct block_map *maps = make_block_table(boot);
    frame_table_init(boot, mm_block_count);
    mm_direct_bytes = described_direct_bytes();
    debug_start(boot);
    bootmem_close(boot);
    make_zones(maps);

    for (size_t i = 0; i < boot->region_count; i++)
        hand_over(boot, &boot->regions[i]);
    uint64_t covered = (uint64_t)end << PAGE_SHIFT;
    mm_ram_frames = (unsigned long)memmap_ram_frames(boot->regions, boot->region_count, 0, covered);
    mm_beyond_frames = memmap_ram_frames(boot->regions, boot->region_count, covered, 0);

    pmm_choose_zones();
    slab_init(mm_ram_frames);
    kmalloc_init();
    if (!mm_cpu_up(0))
        kpanic("mm: no memory for the first CPU");
    frame_table_ready();
    guard_ready();
    early_finish(give_back_early, keep_early);
    radix_init();
    object_start();
    pmm_drain_cpu();
    reclaim_init();
    if (!space_init())
        kpanic("mm: no memory for the caches of address spaces");
    klog("mm: %lu of %lu frames free, %u block%s of 4 MiB, descriptors of %zu bytes\n",
         pmm_free_frames(), mm_ram_frames, (unsigned)mm_block_count, mm_block_count == 1 ? "" : "s",
         sizeof(struct frame));
}

unsigned long
mm_release(unsigned owner)
{
    unsigned long released = 0;
    for (uint32_t b = 0; b < mm_block_count; b++) {
        pfn_t frame = pfn(FRAME_BASE + ((unsigned long)b << MAX_ORDER));
        for (unsigned long i = 0; mm_blocks[b].open && i < BLOCK_FRAMES; i++, frame.n++) {
            if (frame_of(frame)->owner != owner)
                continue;
            pmm_adopt(frame);
            pmm_free_page(pfn_to_paddr(frame));
            released++;
        }
    }
    pmm_drain_cpu();
    return released;
}

/* ---- Failing on purpose ---- */

bool
mm_fail_now(struct mm_cpu *cpu)
{
    return UNLIKELY(cpu->fail_in) && ++cpu->fail_seen == cpu->fail_in;
}

unsigned long
mm_fail_nth(unsigned long n)
{
    struct mm_cpu *cpu = mm_this_cpu();
    unsigned long seen = cpu->fail_seen;
    cpu->fail_seen = 0;
    cpu->fail_in = n;
    pmm_set_limits(cpu);
    cpu->no_windows = n || trace_on(TRACE_ALLOC);
    slab_close_windows(cpu);
    return seen;
}
