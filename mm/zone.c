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
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        zone->refills[cpu] = NO_BLOCK;
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
    if (zone->opened)
        zone->opened(zone, index);
    __atomic_store_n(&block->open, true, __ATOMIC_RELEASE); /* who sees it finds descriptors */
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
