/* zone.c - blocks of 4 MiB, and the lists that sort them by their largest free chunk.
 *
 *      zone->list[10] ──► block 7 (closed) ──► block 8 (closed)       whole blocks
 *      zone->list[5]  ──► block 3                                     128 KiB at most
 *      zone->list[0]  ──► block 2 ──► block 5                         single pages only
 *      (full blocks and blocks without RAM stand in no list)
 *
 * An allocation of order k takes the first block of the first list >= k that is not empty: the
 * worst-looking block that still does. So small allocations fill up broken blocks and whole blocks
 * stay whole, without anybody moving memory.
 *
 * Invariants
 *   I1  a closed block is all free (levels = 1 << MAX_ORDER, free = frames = 1024) or has no memory
 *       (levels = 0, frames = 0); its bitmaps and frame descriptors mean nothing.
 *   I2  each of the 32 words of an open block is in the one of words[] that fits its bits.
 *   I3  levels has one bit, that of the largest free chunk, or none; free = bits set <= frames.
 *   I4  a block with levels != 0 stands in list[largest level], all others in none; `listed` tells
 *       which lists are not empty; zone->free is the sum of the blocks' free.
 *
 * Cost: 20 bytes a block for closed ones, 208 for open ones: 0.2 bytes a page.
 */
#include <string.h>
#include "bits.h"
#include "blockmap.h"

void
zone_init(struct zone *zone, const char *name, uint8_t id, struct block *blocks,
          struct block_map *maps, unsigned long base, uint32_t count)
{
    ASSERT(base % BLOCK_FRAMES == 0 && count <= ZONE_BLOCKS_MAX);
    *zone = (struct zone){.lock = SPINLOCK_INIT,
                          .name = name,
                          .blocks = blocks,
                          .maps = maps,
                          .base = base,
                          .count = count,
                          .id = id};
    for (unsigned order = 0; order < ORDERS; order++)
        zone->list[order] = NO_BLOCK;
    for (uint32_t i = 0; i < count; i++)
        blocks[i] = (struct block){.zone = id, .next = NO_BLOCK, .previous = NO_BLOCK};
}

void
zone_open_block(struct zone *zone, uint32_t index)
{
    struct block *block = &zone->blocks[index];
    struct block_map *map = &zone->maps[index];
    ASSERT(!block->open && index < zone->count);
    memset(map, 0, sizeof(map->words));
    memset(map->pages, block->levels ? 0xff : 0, sizeof(map->pages));
    memset(map->kinds, block->levels ? WORD_FREE : 0, sizeof(map->kinds));
    map->words[block->levels ? WORD_FREE : 0] = ~0u;
    block->open = true;
    if (zone->opened)
        zone->opened(zone, index);
}

static void
list_remove(struct zone *zone, uint32_t index, unsigned order)
{
    struct block *block = &zone->blocks[index];
    if (block->next != NO_BLOCK)
        zone->blocks[block->next].previous = block->previous;
    if (block->previous != NO_BLOCK)
        zone->blocks[block->previous].next = block->next;
    else
        zone->list[order] = block->next;
    if (zone->list[order] == NO_BLOCK)
        zone->listed &= ~(1u << order);
}

static void
list_insert(struct zone *zone, uint32_t index, unsigned order)
{
    struct block *block = &zone->blocks[index];
    block->previous = NO_BLOCK;
    block->next = zone->list[order];
    if (block->next != NO_BLOCK)
        zone->blocks[block->next].previous = index;
    zone->list[order] = index;
    zone->listed |= 1u << order;
}

static unsigned
largest_level(const struct block *block)
{
    return (unsigned)__builtin_ctz(block->levels);
}

void
zone_relist(struct zone *zone, uint32_t index)
{
    struct block *block = &zone->blocks[index];
    unsigned whole = block->free ? MAX_ORDER : ORDERS;
    unsigned largest = block->open ? map_largest(&zone->maps[index]) : whole;
    uint16_t now = (uint16_t)(largest < ORDERS ? 1u << largest : 0);
    if (block->levels == now)
        return;
    if (block->levels)
        list_remove(zone, index, largest_level(block));
    block->levels = now;
    if (now)
        list_insert(zone, index, largest);
}

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
