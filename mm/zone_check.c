/* zone_check.c - does a zone hold its invariants (zone.c, I1-I4)?
 *
 * Lock: takes the zone's.
 */
#include "bits.h"
#include "blockmap.h"

/* I2 and I3 for an open block. */
static bool
block_check_map(const struct zone *zone, uint32_t index)
{
    const struct block *block = &zone->blocks[index];
    const struct block_map *map = &zone->maps[index];
    unsigned free = 0, largest = map_largest(map);
    for (unsigned word = 0; word < BLOCK_WORDS; word++) {
        free += count_bits(map->pages[word]);
        if (map->kinds[word] != word_kind(map->pages[word]))
            return false;
        for (unsigned kind = 0; kind < WORD_KINDS; kind++)
            if ((map->words[kind] >> word & 1) != (kind == map->kinds[word]))
                return false;
    }
    return block->levels == (largest < ORDERS ? 1u << largest : 0) && free == block->free &&
           free <= block->frames;
}

static bool
block_check(const struct zone *zone, uint32_t index)
{
    const struct block *block = &zone->blocks[index];
    if (block->zone != zone->id)
        return false;
    if (block->open)
        return block_check_map(zone, index);
    if (block->levels)
        return block->levels == 1u << MAX_ORDER && block->free == BLOCK_FRAMES &&
               block->frames == BLOCK_FRAMES;
    return block->free == 0 && block->frames == 0;
}

/* I4: counts the blocks in lists; -1 when a list is broken. */
static long
lists_check(const struct zone *zone)
{
    long listed = 0;
    for (unsigned order = 0; order < ORDERS; order++) {
        uint32_t previous = NO_BLOCK;
        if ((zone->list[order] != NO_BLOCK) != (zone->listed >> order & 1))
            return -1;
        for (uint32_t i = zone->list[order]; i != NO_BLOCK; i = zone->blocks[i].next) {
            const struct block *block = &zone->blocks[i];
            if (i >= zone->count || block->previous != previous ||
                !block->levels || largest_level(block) != order ||
                ++listed > (long)zone->count)
                return -1;
            previous = i;
        }
    }
    return listed;
}

bool
zone_check(struct zone *zone)
{
    unsigned long flags = spin_lock(&zone->lock);
    unsigned long free = 0, managed = 0;
    long wanted = 0;
    bool good = true;
    for (uint32_t i = 0; good && i < zone->count; i++) {
        good = block_check(zone, i);
        if (!good)
            klog("zone: %s: block %u does not hold its invariants\n", zone->name, (unsigned)i);
        free += zone->blocks[i].free;
        managed += zone->blocks[i].frames;
        wanted += zone->blocks[i].levels != 0;
    }
    if (good && (free != zone->free || managed != zone->managed || lists_check(zone) != wanted)) {
        klog("zone: %s: lists or counts are wrong (%lu free, %lu counted)\n", zone->name,
             zone->free, free);
        good = false;
    }
    spin_unlock(&zone->lock, flags);
    return good;
}
