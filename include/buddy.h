/* buddy.h - chunks of 2^order pages, split and merged within blocks of 4 MiB. */
#ifndef OCTAVO_BUDDY_H
#define OCTAVO_BUDDY_H

#include "zone.h"

/* All of these want the zone's lock held. A chunk of order k is aligned to its size. */

/* Starts a zone over [start, end) with everything free, in the caller's arrays of
 * BUDDY_BLOCKS(start, end) blocks and maps. */
#define BUDDY_BLOCKS(start, end)                                                                   \
    (((end) + BLOCK_FRAMES - 1) / BLOCK_FRAMES - (start) / BLOCK_FRAMES)
void buddy_init(struct zone *zone, const char *name, pfn_t start, pfn_t end, struct block *blocks,
                struct block_map *maps);

/* Adds free pages [start, end), which may span blocks of the zone. Whole blocks stay closed. */
void buddy_add(struct zone *zone, pfn_t start, pfn_t end);

/* The chunk's first frame; frame 0 when there is none. Best fit: the block whose largest free chunk
 * is the smallest that does, and in it the smallest chunk that does. */
MUST_CHECK pfn_t buddy_alloc(struct zone *zone, unsigned order);

/* Gives a chunk back and merges it as far as it goes. Panics when any of it is free already. */
void buddy_free(struct zone *zone, pfn_t chunk, unsigned order);

/* Exactly `count` consecutive pages, aligned to the next power of two (to a block when count is
 * larger than one); the tail goes back at once. Frame 0 when there are none. */
MUST_CHECK pfn_t buddy_alloc_count(struct zone *zone, unsigned long count);

/* Gives back any range of allocated pages. Panics when any of it is free already. */
void buddy_free_range(struct zone *zone, pfn_t start, unsigned long count);

/* Takes up to `most` chunks of an order below MANY_ORDERS; returns how many: an eighth of them at
 * least, unless they are thinly spread. CPUs get theirs from different blocks as long as there are
 * whole ones. A word of 32 pages that there is room for is taken whole:
 * else each call would leave a rest, and begin with that of the call before. The numbers count from
 * zone_origin. */
#define MANY_ORDERS 5
unsigned buddy_alloc_many(struct zone *zone, unsigned order, uint32_t *chunks, unsigned most);

/* Pages of one word that become free together: its first page's number, a bit for each page that
 * does, and how many these are. */
struct buddy_word {
    uint32_t first, pages, count;
};

/* Gives chunks of one order back, those of a word in one step. Panics when any of them is free
 * already.
 */
void buddy_free_words(struct zone *zone, const struct buddy_word *words, unsigned count,
                      unsigned order);

/* Takes the free pages at or behind *first in block `index`, as many as follow each other and at
 * most `most`. *first becomes the first of them. Returns how many, 0 when there are
 * none. Lock held. */
unsigned long buddy_take_from(struct zone *zone, uint32_t index, pfn_t *first, unsigned long most);

/* True when every page of [start, start + count) is free. */
bool buddy_is_free(const struct zone *zone, pfn_t start, unsigned long count);

/* The order of the free chunk that a page of the zone lies in, ORDERS when it is not free. */
unsigned buddy_free_order(const struct zone *zone, pfn_t page);

/* Free chunks of one order. Walks the zone's blocks. */
unsigned long buddy_count_free(const struct zone *zone, unsigned order);

/* The first free chunk of an order at or behind *chunk, which is a multiple of its size. False when
 * there is none. */
bool buddy_next_free(const struct zone *zone, unsigned order, pfn_t *chunk);

#endif
