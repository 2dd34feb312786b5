/* buddy.c - chunks of 2^order pages, split and merged by bits.
 *
 * A block of 1024 pages has one bitmap for each order (blockmap.h). Splitting a chunk of order k
 * clears its bit and sets one bit on each level below: the upper halves that are left over.
 *
 *      order 3   [ 1                             ]        alloc of order 0 from a free chunk of 8:
 *      order 2   [ .             |  1            ]        0: taken   1: free   2-3: free   4-7:
 * free order 1   [ .     |  1    |               ] order 0   [ x | 1 |       |               ]
 *
 * Freeing is the way back: while the buddy's bit is set, clear it and go one level up; then set one
 * bit. Nothing is stored in the free memory itself, so a program that writes to freed memory cannot
 * break the allocator, and a free touches three cache lines at most, all of the block's map.
 *
 * Cost: at most MAX_ORDER steps either way, whatever the size of the memory; allocations of more
 * than a block look for neighbouring whole blocks and cost one step a block.
 */
#include "bits.h"
#include "buddy.h"
#include "blockmap.h"
#include "trace.h"

void
buddy_init(struct zone *zone, const char *name, pfn_t start, pfn_t end, struct block *blocks,
           struct block_map *maps)
{
    unsigned long base = start.n & ~(BLOCK_FRAMES - 1);
    zone_init(zone, name, 0, blocks, maps, base, 0, (uint32_t)BUDDY_BLOCKS(start.n, end.n));
    buddy_add(zone, start, end);
}

static inline uint32_t
block_of(const struct zone *zone, pfn_t page)
{
    return (uint32_t)((page.n - zone->base) >> MAX_ORDER);
}

/* False for any page that lies in no block of the zone. */
static inline bool
in_zone(const struct zone *zone, pfn_t page)
{
    unsigned long block = (page.n - zone->base) >> MAX_ORDER;
    return page.n >= zone->base && block >= zone->first && block < zone->end;
}

static inline pfn_t
page_at(const struct zone *zone, uint32_t index, unsigned offset)
{
    return pfn(zone->base + ((unsigned long)index << MAX_ORDER) + offset);
}

/* The trace hears of a chunk that becomes free next to free ones. Out of the way. */
static __attribute__((cold, noinline)) void
trace_merge(const struct zone *zone, uint32_t index, unsigned order, unsigned i)
{
    const struct block_map *map = &zone->maps[index];
    unsigned to = order;
    for (unsigned at = i; to < MAX_ORDER && map_test(map, to, at ^ 1); at >>= 1)
        to++;
    if (to > order && zone->holds_frames)
        trace_record(TRACE_MERGE, pfn_to_paddr(page_at(zone, index, i << order)), order, to, NULL);
}

/* Makes a chunk free, merged as far as it goes. Its block is open and none of it is free. */
static inline __attribute__((always_inline)) void
chunk_put(struct zone *zone, uint32_t index, unsigned order, unsigned i)
{
    struct block *block = &zone->blocks[index];
    struct block_map *map = &zone->maps[index];
    uint16_t before = block->levels;
    if (trace_on(TRACE_MERGE))
        trace_merge(zone, index, order, i);
    block->free += (uint16_t)(1u << order);
    zone->free += 1ul << order;
    while (order < MAX_ORDER && map_test(map, order, i ^ 1)) {
        map_clear(block, map, order, i ^ 1);
        i >>= 1;
        order++;
    }
    map_set(block, map, order, i);
    zone_relist(zone, index, before);
}

/* Takes the block's lowest chunk of the smallest order >= `order`, which it has. Returns the
 * chunk's offset in the block; `*order` becomes its order. */
static unsigned
chunk_take(struct zone *zone, uint32_t index, unsigned *order)
{
    struct block *block = &zone->blocks[index];
    struct block_map *map = &zone->maps[index];
    if (!block->open)
        zone_open_block(zone, index);
    *order += (unsigned)__builtin_ctz((unsigned)block->levels >> *order);
    unsigned i = map_first(map, *order);
    map_clear(block, map, *order, i);
    block->free -= (uint16_t)(1u << *order);
    zone->free -= 1ul << *order;
    return i << *order;
}

/* The trace hears of a chunk that is split for a smaller one. Out of the way. */
static __attribute__((cold, noinline)) void
trace_split(const struct zone *zone, pfn_t chunk, unsigned order, unsigned wanted)
{
    if (order > wanted && zone->holds_frames)
        trace_record(TRACE_SPLIT, pfn_to_paddr(chunk), order, wanted, NULL);
}

/* Makes the upper halves free that are left over when the chunk of order `level` at `offset`, just
 * taken, is cut down to `order`. Not inlined: the place to stop at to see a chunk split. */
static __attribute__((noinline)) void
buddy_split(struct zone *zone, uint32_t index, unsigned offset, unsigned level, unsigned order)
{
    struct block *block = &zone->blocks[index];
    struct block_map *map = &zone->maps[index];
    if (trace_on(TRACE_SPLIT))
        trace_split(zone, page_at(zone, index, offset), level, order);
    while (level > order) {
        level--;
        map_set(block, map, level, (offset >> level) + 1);
        block->free += (uint16_t)(1u << level);
        zone->free += 1ul << level;
    }
}

pfn_t
buddy_alloc(struct zone *zone, unsigned order)
{
    ASSERT(order <= MAX_ORDER);
    uint32_t fit = zone->listed >> order;
    if (!fit)
        return pfn(0);
    uint32_t index = zone->list[order + (unsigned)__builtin_ctz(fit)];
    uint16_t before = zone->blocks[index].levels;
    unsigned level = order;
    unsigned offset = chunk_take(zone, index, &level);
    if (level > order)
        buddy_split(zone, index, offset, level, order);
    zone_relist(zone, index, before);
    return page_at(zone, index, offset);
}

void
buddy_free(struct zone *zone, pfn_t chunk, unsigned order)
{
    uint32_t index = block_of(zone, chunk);
    unsigned offset = (unsigned)(chunk.n & (BLOCK_FRAMES - 1));
    if (order > MAX_ORDER || offset & ((1u << order) - 1) || !in_zone(zone, chunk))
        kpanic("buddy: %s: free of frame %#lx, order %u: no chunk of this zone", zone->name,
               chunk.n, order);
    struct block *block = &zone->blocks[index];
    if (!block->open || map_chunk_touches_free(block, &zone->maps[index], order, offset >> order))
        kpanic("buddy: %s: double free of frame %#lx, order %u", zone->name, chunk.n, order);
    chunk_put(zone, index, order, offset >> order);
}

/* The largest order of a chunk that starts at `page` and is no longer than `count` pages. */
static unsigned
chunk_order(pfn_t page, unsigned long count)
{
    unsigned aligned = (unsigned)__builtin_ctzl(page.n | BLOCK_FRAMES);
    unsigned fits = (unsigned)(8 * sizeof(count) - 1) - (unsigned)__builtin_clzl(count);
    return aligned < fits ? aligned : fits;
}

/* Puts back what was just taken out of a chunk: nothing of it can be free. */
static void
put_rest(struct zone *zone, pfn_t start, unsigned long count)
{
    while (count) {
        unsigned order = chunk_order(start, count);
        unsigned offset = (unsigned)(start.n & (BLOCK_FRAMES - 1));
        chunk_put(zone, block_of(zone, start), order, offset >> order);
        start.n += 1ul << order;
        count -= 1ul << order;
    }
}

void
buddy_free_range(struct zone *zone, pfn_t start, unsigned long count)
{
    while (count) {
        unsigned order = chunk_order(start, count);
        buddy_free(zone, start, order);
        start.n += 1ul << order;
        count -= 1ul << order;
    }
}

void
buddy_add(struct zone *zone, pfn_t start, pfn_t end)
{
    while (start.n < end.n) {
        uint32_t index = block_of(zone, start);
        struct block *block = &zone->blocks[index];
        unsigned long stop = page_at(zone, index + 1, 0).n;
        unsigned long count = (end.n < stop ? end.n : stop) - start.n;
        ASSERT(index >= zone->first && index < zone->end);
        if (count == BLOCK_FRAMES && !block->open) {
            ASSERT(block->frames == 0);
            block->levels = 1u << MAX_ORDER;
            block->free = BLOCK_FRAMES;
            zone->free += BLOCK_FRAMES;
            zone_relist(zone, index, 0);
        } else {
            if (!block->open)
                zone_open_block(zone, index);
            buddy_free_range(zone, start, count);
        }
        block->frames += (uint16_t)count;
        zone->managed += count;
        start.n += count;
    }
}

/* The first of `blocks` neighbouring blocks that are all free; NO_BLOCK when there are none. */
static uint32_t
find_run(const struct zone *zone, unsigned long blocks)
{
    unsigned long run = 0;
    for (uint32_t i = zone->first; i < zone->end; i++) {
        run = zone->blocks[i].free == BLOCK_FRAMES ? run + 1 : 0;
        if (run == blocks)
            return (uint32_t)(i + 1 - blocks);
    }
    return NO_BLOCK;
}

static pfn_t
alloc_run(struct zone *zone, unsigned long count)
{
    if (count > zone->free)
        return pfn(0);
    unsigned long blocks = (count + BLOCK_FRAMES - 1) >> MAX_ORDER;
    uint32_t first = find_run(zone, blocks);
    if (first == NO_BLOCK)
        return pfn(0);
    for (uint32_t i = first; i < first + blocks; i++) {
        unsigned order = MAX_ORDER;
        chunk_take(zone, i, &order);
        zone_relist(zone, i, 1u << MAX_ORDER);
    }
    pfn_t start = page_at(zone, first, 0);
    put_rest(zone, pfn(start.n + count), (blocks << MAX_ORDER) - count);
    return start;
}

pfn_t
buddy_alloc_count(struct zone *zone, unsigned long count)
{
    ASSERT(count > 0);
    if (count > BLOCK_FRAMES)
        return alloc_run(zone, count);
    unsigned order = log2_up(count);
    pfn_t start = buddy_alloc(zone, order);
    if (start.n)
        put_rest(zone, pfn(start.n + count), (1ul << order) - count);
    return start;
}

unsigned
buddy_alloc_singles(struct zone *zone, uint32_t *pages, unsigned wanted)
{
    unsigned got = 0;
    while (got < wanted && zone->listed) {
        uint32_t index = zone->list[__builtin_ctz(zone->listed)];
        struct block *block = &zone->blocks[index];
        uint16_t before = block->levels;
        unsigned order = 0;
        unsigned offset = chunk_take(zone, index, &order);
        unsigned long first = page_at(zone, index, offset).n - zone->base;
        if (trace_on(TRACE_SPLIT))
            trace_split(zone, page_at(zone, index, offset), order, 0);
        unsigned count = 1u << order;
        unsigned take = count < wanted - got ? count : wanted - got;
        for (unsigned i = 0; i < take; i++)
            pages[got++] = (uint32_t)(first + i);
        zone_relist(zone, index, before);
        put_rest(zone, pfn(zone->base + first + take), count - take);
    }
    return got;
}

/* The same as buddy_free_order for the page at `offset` of an open block. */
static unsigned
order_of_free(const struct block *block, const struct block_map *map, unsigned offset)
{
    for (unsigned levels = block->levels; levels; levels &= levels - 1) {
        unsigned level = (unsigned)__builtin_ctz(levels);
        if (map_test(map, level, offset >> level))
            return level;
    }
    return ORDERS;
}

unsigned long
buddy_take_from(struct zone *zone, uint32_t index, pfn_t *first, unsigned long most)
{
    struct block *block = &zone->blocks[index];
    struct block_map *map = &zone->maps[index];
    unsigned offset = (unsigned)(first->n & (BLOCK_FRAMES - 1)), order = ORDERS;
    uint16_t before = block->levels;
    if (!block->open)
        zone_open_block(zone, index);
    while (offset < BLOCK_FRAMES && (order = order_of_free(block, map, offset)) == ORDERS)
        offset++;
    if (order == ORDERS)
        return 0;
    unsigned long start = offset & ~((1u << order) - 1), end = start + (1ul << order);
    unsigned long count = end - offset < most ? end - offset : most;
    map_clear(block, map, order, (unsigned)start >> order);
    block->free -= (uint16_t)(1u << order);
    zone->free -= 1ul << order;
    zone_relist(zone, index, before);
    put_rest(zone, page_at(zone, index, (unsigned)start), offset - start);
    put_rest(zone, page_at(zone, index, (unsigned)(offset + count)), end - offset - count);
    *first = page_at(zone, index, offset);
    return count;
}

unsigned
buddy_free_order(const struct zone *zone, pfn_t page)
{
    uint32_t index = block_of(zone, page);
    const struct block *block = &zone->blocks[index];
    if (!block->open)
        return block->levels ? MAX_ORDER : ORDERS;
    return order_of_free(block, &zone->maps[index], (unsigned)(page.n & (BLOCK_FRAMES - 1)));
}

bool
buddy_is_free(const struct zone *zone, pfn_t start, unsigned long count)
{
    for (; count; start.n++, count--) {
        uint32_t index = block_of(zone, start);
        const struct block *block = &zone->blocks[index];
        unsigned offset = (unsigned)(start.n & (BLOCK_FRAMES - 1));
        if (!in_zone(zone, start))
            return false;
        if (block->open ? !map_chunk_touches_free(block, &zone->maps[index], 0, offset)
                        : !block->levels)
            return false;
    }
    return true;
}

unsigned long
buddy_count_free(const struct zone *zone, unsigned order)
{
    unsigned long count = 0;
    for (uint32_t i = zone->first; i < zone->end; i++) {
        const struct block *block = &zone->blocks[i];
        if (!(block->levels >> order & 1))
            continue;
        if (!block->open || order == MAX_ORDER) {
            count++;
            continue;
        }
        for (unsigned words = ((BLOCK_FRAMES >> order) + 31) / 32, w = 0; w < words; w++)
            count += count_bits(zone->maps[i].bits[level_start[order] + w]);
    }
    return count;
}

bool
buddy_next_free(const struct zone *zone, unsigned order, pfn_t *chunk)
{
    pfn_t at = page_at(zone, zone->first, 0), end = page_at(zone, zone->end, 0);
    for (at.n = chunk->n > at.n ? chunk->n : at.n; at.n < end.n; at.n += 1ul << order) {
        uint32_t index = block_of(zone, at);
        const struct block *block = &zone->blocks[index];
        unsigned offset = (unsigned)(at.n & (BLOCK_FRAMES - 1));
        *chunk = at;
        if (!(block->levels >> order & 1))
            at.n += BLOCK_FRAMES - (1ul << order) - offset;
        else if (!block->open || map_test(&zone->maps[index], order, offset >> order))
            return true;
    }
    return false;
}
