/* blockmap.h - the bits of one block (zone.h): set, clear, test, find. Private to mm/.
 *
 * All want the zone's lock. `level` is an order, `i` the number of a chunk of that order in the
 * block.
 */
#ifndef OCTAVO_BLOCKMAP_H
#define OCTAVO_BLOCKMAP_H

#include "zone.h"

/* Where each level's words start in block_map.bits. */
static const uint8_t level_start[ORDERS] = {0, 32, 48, 56, 60, 62, 63, 64, 65, 66, 67};

static inline uint32_t *
map_word(struct block_map *map, unsigned level, unsigned i)
{
    return &map->bits[level_start[level] + (i >> 5)];
}

static inline bool
map_test(const struct block_map *map, unsigned level, unsigned i)
{
    return map->bits[level_start[level] + (i >> 5)] >> (i & 31) & 1;
}

static inline void
map_set(struct block *block, struct block_map *map, unsigned level, unsigned i)
{
    *map_word(map, level, i) |= 1u << (i & 31);
    map->summary[level] |= 1u << (i >> 5);
    block->levels |= (uint16_t)(1u << level);
}

static inline void
map_clear(struct block *block, struct block_map *map, unsigned level, unsigned i)
{
    uint32_t *word = map_word(map, level, i);
    *word &= ~(1u << (i & 31));
    if (*word)
        return;
    map->summary[level] &= ~(1u << (i >> 5));
    if (!map->summary[level])
        block->levels &= (uint16_t) ~(1u << level);
}

/* The lowest free chunk of a level that has one. */
static inline unsigned
map_first(const struct block_map *map, unsigned level)
{
    unsigned word = (unsigned)__builtin_ctz(map->summary[level]);
    return word * 32 + (unsigned)__builtin_ctz(map->bits[level_start[level] + word]);
}

/* True when some chunk of the level among the 2^log aligned ones from i on is free. */
static inline bool
map_any(const struct block_map *map, unsigned level, unsigned i, unsigned log)
{
    const uint32_t *words = &map->bits[level_start[level] + (i >> 5)];
    if (log < 5)
        return words[0] >> (i & 31) & ((1u << (1u << log)) - 1);
    for (unsigned w = 0; w < 1u << (log - 5); w++)
        if (words[w])
            return true;
    return false;
}

/* True when any page of the chunk is free, as part of a chunk of whatever order. */
static inline bool
map_chunk_touches_free(const struct block *block, const struct block_map *map, unsigned order,
                       unsigned i)
{
    for (unsigned levels = block->levels; levels; levels &= levels - 1) {
        unsigned level = (unsigned)__builtin_ctz(levels);
        if (level >= order ? map_test(map, level, i >> (level - order))
                           : map_any(map, level, i << (order - level), order - level))
            return true;
    }
    return false;
}

static inline unsigned
largest_level(uint16_t levels)
{
    return 31 - (unsigned)__builtin_clz(levels);
}

#endif
