/* blockmap.h - the bits of one block (zone.h): set, test, find. Private to mm/.
 *
 *      pages[2]   1111 0010 0000 0000 1111 1111 1111 1111    32 pages, the first one on the left
 *                 |--|   |            |------ 16 -------|    its largest free chunk has order 4:
 *                  4     1                                   bit 2 of words[5] is set
 *
 * Free chunks are not written down: a chunk of up to 32 pages is an aligned run of ones in a word,
 * a larger one an aligned run in words[WORD_FREE]. So pages merge by being free, and a run is found
 * by shifting a word against itself.
 *
 * All want the zone's lock.
 */
#ifndef OCTAVO_BLOCKMAP_H
#define OCTAVO_BLOCKMAP_H

#include "zone.h"

#define WORD_ORDER 5u /* a word has 2^5 pages */

/* The order of the largest aligned run of ones in a word that is not 0: 0..5. (Two branches, not
 * five: which order it is no processor can foresee.) */
static inline unsigned
run_order(uint32_t bits)
{
    uint32_t two = bits & bits >> 1 & 0x55555555, four = two & two >> 2 & 0x11111111;
    uint32_t eight = four & four >> 4 & 0x01010101;
    if (!two)
        return 0;
    if (bits == ~0u)
        return 5;
    return 1u + (four != 0) + (eight != 0) + ((eight & eight >> 8 & 0x00010001) != 0);
}

/* Where aligned runs of 2, 4, 8, 16, 32 ones may start. */
static const uint32_t run_starts[] = {0x55555555, 0x11111111, 0x01010101, 0x00010001, 1};

/* Bit i set: a run of 2^order ones starts at i, aligned to its size. */
static inline uint32_t
runs_of(uint32_t bits, unsigned order)
{
    for (unsigned k = 0; k < order; k++)
        bits &= bits >> (1u << k) & run_starts[k];
    return bits;
}

/* The same for runs that are not part of a larger one. */
static inline uint32_t
whole_runs_of(uint32_t bits, unsigned order)
{
    uint32_t runs = runs_of(bits, order), larger = order < 5 ? runs_of(bits, order + 1) : 0;
    return runs & ~(larger | larger << (1u << order % 5));
}

/* Where the lowest of the smallest runs of at least 2^*order ones starts; *order becomes that of
 * its length. There must be one. */
static inline unsigned
best_run(uint32_t bits, unsigned *order)
{
    for (uint32_t runs = runs_of(bits, *order);; ++*order) {
        uint32_t larger = *order < 5 ? runs & runs >> (1u << *order) & run_starts[*order] : 0;
        uint32_t whole = runs & ~(larger | larger << (1u << *order % 5));
        if (whole)
            return (unsigned)__builtin_ctz(whole);
        runs = larger;
    }
}

static inline unsigned
word_kind(uint32_t pages)
{
    return pages ? run_order(pages) + 1 : 0;
}

/* Puts a word in another list, whose kind it is now. True when that may have changed the order of
 * the block's largest free chunk, which was `largest` (as a bit; 0: there was none). */
static inline bool
map_move(struct block_map *map, unsigned word, unsigned kind, unsigned largest)
{
    unsigned before = map->kinds[word];
    map->kinds[word] = (uint8_t)kind;
    map->words[before] &= ~(1u << word);
    map->words[kind] |= 1u << word;
    if (before == WORD_FREE || kind == WORD_FREE)
        return true;
    return kind > before ? 1u << kind > 2 * largest
                         : 1u << before == 2 * largest && !map->words[before];
}

/* Says which pages of a word are free. True as map_move. */
static inline bool
map_set(struct block_map *map, unsigned word, uint32_t pages, unsigned largest)
{
    unsigned kind = word_kind(pages);
    map->pages[word] = pages;
    return kind != map->kinds[word] && map_move(map, word, kind, largest);
}

/* The bits of `count` words from `word` on. */
static inline uint32_t
word_run(unsigned word, unsigned count)
{
    return ~0u >> (BLOCK_WORDS - count) << word;
}

/* Says of `count` words that all of their pages are free, or none; it was the other way round. */
static inline void
map_set_words(struct block_map *map, unsigned word, unsigned count, bool free)
{
    uint32_t run = word_run(word, count), pages = free ? ~0u : 0;
    for (unsigned i = word; i < word + count; i++) {
        __asm__("" : "+r"(i)); /* else it becomes two calls of memset, which take longer */
        map->pages[i] = pages;
        map->kinds[i] = free ? WORD_FREE : 0;
    }
    map->words[0] ^= run;
    map->words[WORD_FREE] ^= run;
}

static inline bool
map_test(const struct block_map *map, unsigned page)
{
    return map->pages[page >> WORD_ORDER] >> (page & 31) & 1;
}

/* The order of the largest free chunk; ORDERS when there is none. (As run_order.) */
static inline unsigned
map_largest(const struct block_map *map)
{
    if (map->words[WORD_FREE])
        return WORD_ORDER + run_order(map->words[WORD_FREE]);
    unsigned kinds = 0; /* bit k: some word is of kind k */
#pragma GCC unroll 5
    for (unsigned kind = 1; kind < WORD_FREE; kind++)
        kinds |= (unsigned)(map->words[kind] != 0) << kind;
    return kinds ? 30 - (unsigned)__builtin_clz(kinds) : ORDERS;
}

/* The word, among those with a free chunk of the order (5 at most), that has the least to offer:
 * there must be one. */
static inline unsigned
map_find_word(const struct block_map *map, unsigned order)
{
    for (unsigned kind = order + 1; kind < WORD_FREE; kind++)
        if (map->words[kind])
            return (unsigned)__builtin_ctz(map->words[kind]);
    order = 0;
    return best_run(map->words[WORD_FREE], &order);
}

/* The first page of the smallest free chunk of at least 2^*order pages in the word that has the
 * least to offer; *order becomes the chunk's. There must be one. */
static inline unsigned
map_find(const struct block_map *map, unsigned *order)
{
    if (*order < WORD_ORDER) {
        unsigned word = map_find_word(map, *order);
        if (map->pages[word] != ~0u)
            return word * WORD_PAGES + best_run(map->pages[word], order);
        *order = WORD_ORDER;
    }
    unsigned words = *order - WORD_ORDER, word = best_run(map->words[WORD_FREE], &words);
    *order = words + WORD_ORDER;
    return word * WORD_PAGES;
}

/* Bit i: a free chunk of exactly this order starts at page i of a word; from order 5 on, whatever
 * the word, at page 32 * i of the block. */
static inline uint32_t
map_chunks(const struct block_map *map, unsigned word, unsigned order)
{
    return order < WORD_ORDER ? whole_runs_of(map->pages[word], order)
                              : whole_runs_of(map->words[WORD_FREE], order - WORD_ORDER);
}

/* The order of the free chunk that a page lies in, ORDERS when it is not free. Without the zone's
 * lock (census.h) word and bits may be of two moments: the order is wrong then, but one there is. */
static inline unsigned
map_order_at(const struct block_map *map, unsigned page)
{
    uint32_t bits = map->pages[page >> WORD_ORDER];
    unsigned at = page & 31, base = 0;
    if (!(bits >> at & 1))
        return ORDERS;
    if (bits == ~0u) {
        bits = map->words[WORD_FREE];
        at = page >> WORD_ORDER;
        base = WORD_ORDER;
    }
    unsigned order = 5;
    while (order && !(runs_of(bits, order) >> (at & ~((1u << order) - 1)) & 1))
        order--;
    return base + order;
}

/* ---- blocks of a zone ---- */

static inline uint32_t
block_of(const struct zone *zone, pfn_t page)
{
    return (uint32_t)((page.n - zone->base) >> MAX_ORDER);
}

/* False for any page that lies in no block of the zone. */
static inline bool
in_zone(const struct zone *zone, pfn_t page)
{
    return page.n >= zone->base && (page.n - zone->base) >> MAX_ORDER < zone->count;
}

static inline pfn_t
page_at(const struct zone *zone, uint32_t index, unsigned offset)
{
    return pfn(zone->base + ((unsigned long)index << MAX_ORDER) + offset);
}

/* The order of a block's largest free chunk, which it has. */
static inline unsigned
largest_level(const struct block *block)
{
    return (unsigned)__builtin_ctz(block->levels);
}

#endif
