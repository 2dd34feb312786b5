/* buddy_view.c - which chunks are free, for those who look and take none.
 *
 * Lock: the zone's, where the answer must still hold when it is used.
 */
#include "bits.h"
#include "blockmap.h"
#include "buddy.h"

unsigned
buddy_free_order(const struct zone *zone, pfn_t page)
{
    uint32_t index = block_of(zone, page);
    const struct block *block = &zone->blocks[index];
    if (!block->open)
        return block->levels ? MAX_ORDER : ORDERS;
    return map_order_at(&zone->maps[index], (unsigned)(page.n & (BLOCK_FRAMES - 1)));
}

bool
buddy_is_free(const struct zone *zone, pfn_t start, unsigned long count)
{
    for (; count; start.n++, count--) {
        uint32_t index = block_of(zone, start);
        if (!in_zone(zone, start))
            return false;
        const struct block *block = &zone->blocks[index];
        unsigned offset = (unsigned)(start.n & (BLOCK_FRAMES - 1));
        if (block->open ? !map_test(&zone->maps[index], offset) : !block->levels)
            return false;
    }
    return true;
}

/* Chunks of one order in a block. */
static unsigned
count_chunks(const struct zone *zone, uint32_t index, unsigned order)
{
    const struct block_map *map = &zone->maps[index];
    unsigned count = 0;
    if (!zone->blocks[index].open)
        return order == MAX_ORDER && zone->blocks[index].levels;
    if (order >= WORD_ORDER)
        return count_bits(map_chunks(map, 0, order));
    for (unsigned word = 0; word < BLOCK_WORDS; word++)
        if (map->pages[word])
            count += count_bits(map_chunks(map, word, order));
    return count;
}

unsigned long
buddy_count_free(const struct zone *zone, unsigned order)
{
    unsigned long count = 0;
    for (uint32_t i = 0; i < zone->count; i++)
        count += zone->blocks[i].levels >> order ? count_chunks(zone, i, order) : 0;
    return count;
}

/* A chunk of the order starts at the page. */
static bool
is_chunk(const struct zone *zone, uint32_t index, unsigned order, unsigned page)
{
    return buddy_free_order(zone, page_at(zone, index, page)) == order;
}

bool
buddy_next_free(const struct zone *zone, unsigned order, pfn_t *chunk)
{
    pfn_t at = page_at(zone, 0, 0), end = page_at(zone, zone->count, 0);
    for (at.n = chunk->n > at.n ? chunk->n : at.n; at.n < end.n; at.n += 1ul << order) {
        uint32_t index = block_of(zone, at);
        unsigned offset = (unsigned)(at.n & (BLOCK_FRAMES - 1));
        *chunk = at;
        if (!(zone->blocks[index].levels >> order))
            at.n += BLOCK_FRAMES - (1ul << order) - offset;
        else if (is_chunk(zone, index, order, offset))
            return true;
    }
    return false;
}
