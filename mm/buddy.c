/* buddy.c - chunks of 2^order pages, found and merged by bits.
 *
 * A block of 1024 pages has a bit for each (blockmap.h): 1 = free. A chunk is an aligned run of
 * ones, so splitting one and merging two is nothing but changing the bits of the pages concerned,
 * and everything that is free is always merged as far as it goes.
 *
 *      alloc of order 1 from    1111 1111     best fit:    1111 0011     the rest is a chunk of 4
 *      a free chunk of 8                                                 and one of 2
 *
 * Words of 32 pages are sorted by their largest chunk, blocks too (zone.c). So a search looks at
 * one word, or at the mask of words that are all free, and a free at the pages' own word. Nothing
 * is stored in the free memory itself: a program that writes to freed memory cannot break the
 * allocator, and a call touches three cache lines, all of the block's map.
 *
 * Cost: 50 to 120 instructions either way, whatever the size of the memory, and 8 for each chunk
 * when many of one order come from, or go to, the same word; allocations of more than a block look
 * for neighbouring whole blocks and cost one step a block.
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
    zone_init(zone, name, 0, blocks, maps, base, (uint32_t)BUDDY_BLOCKS(start.n, end.n));
    buddy_add(zone, start, end);
}

/* `count` pages of a block became free, or used. */
static inline void
count_pages(struct zone *zone, uint32_t index, unsigned count, bool free)
{
    struct block *block = &zone->blocks[index];
    block->free = (uint16_t)(free ? block->free + count : block->free - count);
    zone->free = free ? zone->free + count : zone->free - count;
}

/* Makes a chunk of an open block free, or not. All of it must have been otherwise. This one has less
 * than a word ... */
static __attribute__((noinline)) void
pages_set(struct zone *zone, uint32_t index, unsigned order, unsigned offset, bool free)
{
    struct block_map *map = &zone->maps[index];
    unsigned word = offset >> WORD_ORDER;
    uint32_t mask = ((1u << (1u << order)) - 1) << (offset & 31);
    count_pages(zone, index, 1u << order, free);
    if (map_set(map, word, map->pages[word] ^ mask, zone->blocks[index].levels))
        zone_relist(zone, index);
}

/* ... and this one words. */
static __attribute__((noinline)) void
words_set(struct zone *zone, uint32_t index, unsigned order, unsigned offset, bool free)
{
    unsigned words = 1u << (order - WORD_ORDER);
    map_set_words(&zone->maps[index], offset >> WORD_ORDER, words, free);
    count_pages(zone, index, 1u << order, free);
    zone_relist(zone, index);
}

static inline void
chunk_set(struct zone *zone, uint32_t index, unsigned order, unsigned offset, bool free)
{
    if (order < WORD_ORDER)
        pages_set(zone, index, order, offset, free);
    else
        words_set(zone, index, order, offset, free);
}

/* True when any page of a chunk is free. */
static inline bool
chunk_touches_free(const struct block_map *map, unsigned order, unsigned offset)
{
    unsigned word = offset >> WORD_ORDER, count = 1u << order;
    if (order < WORD_ORDER)
        return map->pages[word] & ((1u << count) - 1) << (offset & 31);
    return ~map->words[0] & word_run(word, count >> WORD_ORDER);
}

/* The trace hears of a chunk that became free next to free ones. Out of the way. */
static __attribute__((cold, noinline)) void
trace_merge(const struct zone *zone, uint32_t index, unsigned order, unsigned offset)
{
    unsigned to = map_order_at(&zone->maps[index], offset);
    if (to > order && zone->holds_frames)
        trace_record(TRACE_MERGE, pfn_to_paddr(page_at(zone, index, offset)), order, to, NULL);
}

/* Makes a chunk free. Its block is open and none of it is free. */
static void
chunk_put(struct zone *zone, uint32_t index, unsigned order, unsigned offset)
{
    chunk_set(zone, index, order, offset, true);
    if (trace_on(TRACE_MERGE))
        trace_merge(zone, index, order, offset);
}

static struct block_map *
open_map(struct zone *zone, uint32_t index)
{
    if (!zone->blocks[index].open)
        zone_open_block(zone, index);
    return &zone->maps[index];
}

/* The trace hears of a chunk that is split for a smaller one. Out of the way. */
static __attribute__((cold, noinline)) void
trace_split(const struct zone *zone, pfn_t chunk, unsigned order, unsigned wanted)
{
    if (order > wanted && zone->holds_frames)
        trace_record(TRACE_SPLIT, pfn_to_paddr(chunk), order, wanted, NULL);
}

/* Takes the first 2^order pages of the chunk of order `level` at `offset`, what is left over stays
 * free. Not inlined: the place to stop at to see a chunk split. */
static __attribute__((noinline)) void
buddy_split(struct zone *zone, uint32_t index, unsigned offset, unsigned level, unsigned order)
{
    if (trace_on(TRACE_SPLIT))
        trace_split(zone, page_at(zone, index, offset), level, order);
    chunk_set(zone, index, order, offset, false);
}

/* The first block of the list that best fits the order; NO_BLOCK when there is none. */
static inline uint32_t
best_block(const struct zone *zone, unsigned order)
{
    uint32_t fit = zone->listed >> order;
    return fit ? zone->list[order + (unsigned)__builtin_ctz(fit)] : NO_BLOCK;
}

pfn_t
buddy_alloc(struct zone *zone, unsigned order)
{
    ASSERT(order <= MAX_ORDER);
    uint32_t index = best_block(zone, order);
    if (index == NO_BLOCK)
        return pfn(0);
    unsigned level = order, offset = map_find(open_map(zone, index), &level);
    if (level > order)
        buddy_split(zone, index, offset, level, order);
    else
        chunk_set(zone, index, order, offset, false);
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
    if (!zone->blocks[index].open ||
        chunk_touches_free(&zone->maps[index], order, offset))
        kpanic("buddy: %s: double free of frame %#lx, order %u", zone->name, chunk.n, order);
    chunk_put(zone, index, order, offset);
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
        chunk_put(zone, block_of(zone, start), order, offset);
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
        ASSERT(index < zone->count);
        if (count == BLOCK_FRAMES && !block->open) {
            ASSERT(block->frames == 0);
            block->free = BLOCK_FRAMES;
            zone->free += BLOCK_FRAMES;
            zone_relist(zone, index);
        } else {
            open_map(zone, index);
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
    for (uint32_t i = 0; i < zone->count; i++) {
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
        open_map(zone, i);
        chunk_set(zone, i, MAX_ORDER, 0, false);
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
    if (start.n && count < 1ul << order)
        put_rest(zone, pfn(start.n + count), (1ul << order) - count);
    return start;
}

/* Words that one call looks into, so that it is short also when there is one chunk in each. It is
 * content with an eighth of what was asked for. */
#define MANY_WORDS 8

/* True when another CPU fills its stacks from this block. */
static bool
others_refill(const struct zone *zone, unsigned cpu, uint32_t index)
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < CPU_MAX; i++)
        if (zone->refills[i] == index && i != cpu)
            return true;
    return false;
}

/* A block with a chunk of this order that the CPU need not share: its last one, else a whole one, far
 * from those of others, since neighbours share lines of the cache. `shared` when there is none. */
static uint32_t
own_block(const struct zone *zone, unsigned cpu, unsigned order, uint32_t shared)
{
    uint32_t mine = zone->refills[cpu];
    if (mine != NO_BLOCK && zone->blocks[mine].levels >> order)
        return mine;
    uint32_t next = mine == NO_BLOCK ? zone->count / CPU_MAX * cpu : mine + 1;
    if (next < zone->count && zone->blocks[next].levels >> MAX_ORDER)
        return next;
    return zone->listed >> MAX_ORDER ? zone->list[MAX_ORDER] : shared;
}

/* The block to refill from: best_block's, but not one from which another CPU does. So what a CPU
 * changes of blocks is in its own cache, when its frames go back as well, at the price of one broken
 * block for each CPU. */
static uint32_t
refill_block(struct zone *zone, unsigned order)
{
    unsigned cpu = cpu_current();
    uint32_t index = best_block(zone, order);
    if (index != NO_BLOCK && index != zone->refills[cpu] && others_refill(zone, cpu, index))
        index = own_block(zone, cpu, order, index);
    zone->refills[cpu] = index;
    return index;
}

/* The number of the zone's first frame. */
static inline uint32_t
zone_first(const struct zone *zone)
{
    return (uint32_t)(zone->base - zone_origin(zone));
}

/* Takes up to `wanted` chunks of a word, which has some. */
static inline __attribute__((always_inline)) unsigned
word_take(struct zone *zone, uint32_t index, unsigned word, unsigned order, uint32_t *chunks,
          unsigned wanted)
{
    struct block *block = &zone->blocks[index];
    struct block_map *map = &zone->maps[index];
    uint32_t pages = map->pages[word], runs = runs_of(pages, order), left = runs;
    uint32_t first = zone_first(zone) + (index << MAX_ORDER) + word * WORD_PAGES;
    unsigned got = 0;
    if (trace_on(TRACE_SPLIT))
        trace_split(zone, pfn(zone_origin(zone) + first), map->kinds[word] - 1u, order);
    if (order == 0 && pages == ~0u && wanted >= WORD_PAGES) {
        left = 0;
#pragma GCC unroll 8
        for (; got < WORD_PAGES; got++)
            chunks[got] = first + got;
    }
    for (; left && got < wanted; left &= left - 1)
        chunks[got++] = first + (unsigned)__builtin_ctz(left);
    /* Runs do not overlap: the product has ones for each of their pages. */
    pages &= ~((runs ^ left) * ((1u << (1u << order)) - 1));
    block->free -= (uint16_t)(got << order);
    zone->free -= (unsigned long)got << order;
    if (map_set(map, word, pages, block->levels))
        zone_relist(zone, index);
    return got;
}

unsigned
buddy_alloc_many(struct zone *zone, unsigned order, uint32_t *chunks, unsigned most)
{
    unsigned got = 0;
    for (unsigned words = 0; 8 * got < most && words < MANY_WORDS; words++) {
        uint32_t index = refill_block(zone, order);
        if (index == NO_BLOCK)
            break;
        unsigned word = map_find_word(open_map(zone, index), order);
        if (order == 0) /* the compiler makes the common case a short one */
            got += word_take(zone, index, word, 0, chunks + got, most - got);
        else
            got += word_take(zone, index, word, order, chunks + got, most - got);
    }
    return got;
}

/* Makes pages of a word free. */
static inline void
word_put(struct zone *zone, const struct buddy_word *put, unsigned order)
{
    uint32_t page = put->first - zone_first(zone), word = page >> WORD_ORDER & (BLOCK_WORDS - 1);
    struct block *block = &zone->blocks[page >> MAX_ORDER];
    struct block_map *map = &zone->maps[page >> MAX_ORDER];
    uint32_t pages = map->pages[word];
    if (UNLIKELY(pages & put->pages))
        kpanic("buddy: %s: double free of frame %#lx, order %u", zone->name,
               zone_origin(zone) + put->first + (unsigned)__builtin_ctz(pages & put->pages), order);
    block->free = (uint16_t)(block->free + put->count);
    zone->free += put->count;
    if (map_set(map, word, pages | put->pages, block->levels))
        zone_relist(zone, page >> MAX_ORDER);
    if (trace_on(TRACE_MERGE))
        trace_merge(zone, page >> MAX_ORDER, order,
                    (page + (unsigned)__builtin_ctz(put->pages)) & (BLOCK_FRAMES - 1));
}

void
buddy_free_words(struct zone *zone, const struct buddy_word *words, unsigned count, unsigned order)
{
    for (const struct buddy_word *end = words + count; words < end; words++)
        word_put(zone, words, order);
}

unsigned long
buddy_take_from(struct zone *zone, uint32_t index, pfn_t *first, unsigned long most)
{
    unsigned start = (unsigned)(first->n & (BLOCK_FRAMES - 1));
    const struct block_map *map = open_map(zone, index);
    while (start < BLOCK_FRAMES && !map_test(map, start))
        start++;
    unsigned end = start;
    while (end < BLOCK_FRAMES && end - start < most && map_test(map, end))
        end++;
    *first = page_at(zone, index, start);
    for (unsigned at = start, order; at < end; at += 1u << order) {
        order = chunk_order(pfn(at), end - at);
        chunk_set(zone, index, order, at, false);
    }
    return end - start;
}
