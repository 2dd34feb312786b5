/* zone.h - memory by what it can be used for, in blocks of 4 MiB.
 *
 * A block is 2^MAX_ORDER frames, aligned to its size: the largest chunk the buddy knows. Each block
 * with free memory stands in the list of its zone that belongs to its largest free chunk. A block
 * that nobody has touched is closed: it costs its struct block and nothing else. The first
 * allocation from it opens it: its bitmaps come into being, and `opened` is told.
 *
 * The same structures manage anything that is counted in pages: physical memory, the addresses of
 * the vmalloc window, a test's made-up zone.
 */
#ifndef OCTAVO_ZONE_H
#define OCTAVO_ZONE_H

#include "platform.h"
#include "printer.h"

#define MAX_ORDER    10
#define ORDERS       (MAX_ORDER + 1)
#define BLOCK_FRAMES (1ul << MAX_ORDER)
#define BLOCK_SHIFT  (PAGE_SHIFT + MAX_ORDER)
#define BLOCK_BYTES  ((uint64_t)1 << BLOCK_SHIFT)
#define NO_BLOCK     UINT32_MAX

/* Frames are named by 32 bits, counted from the first block's: 16 TiB in one table of blocks. */
#define ZONE_BLOCKS_MAX (1u << (32 - MAX_ORDER))

enum zone_id { ZONE_DMA, ZONE_NORMAL, ZONE_HIGH, ZONE_COUNT };

/* Which pages of an open block are free: bit i of pages[w] is page 32 * w + i. Each word is in one
 * of words[], that of its kinds[w]: 0 = none of pages[w] is free, k + 1 = the largest chunk that is
 * free has 2^k pages, WORD_FREE = all 32 are free. */
#define BLOCK_WORDS 32
#define WORD_PAGES  32u
#define WORD_FREE   6
#define WORD_KINDS  (WORD_FREE + 1)
struct block_map {
    uint32_t words[WORD_KINDS];
    uint32_t pages[BLOCK_WORDS];
    uint8_t kinds[BLOCK_WORDS];
};

/* 4 MiB of address space. Guarded by the lock of its zone. */
struct block {
    uint8_t zone;    /* enum zone_id; ZONE_COUNT = no RAM here */
    bool open;       /* the bitmaps are valid */
    uint16_t levels; /* bit k: the largest free chunk has order k; 0: nothing is free */
    uint16_t free;   /* free frames */
    uint16_t frames; /* frames under the zone's care: free, cached or allocated */
    uint32_t next;   /* neighbours in the zone's list, indexes of zone->blocks */
    uint32_t previous;
};

/* What changes with each batch lies in as few lines of the cache as it can, and what is only read in
 * others: a CPU that waits for the lock takes them away from the one that has it. */
struct zone {
    const char *name;
    struct block *blocks;
    struct block_map *maps; /* beside blocks */
    unsigned long base;     /* frame number of blocks[0]'s first frame */
    uint32_t count;         /* of blocks */
    uint8_t id;
    bool holds_frames;     /* of the machine, that is, and not addresses */
    unsigned long managed; /* frames free, cached or allocated */
    /* Called with the lock held before the first allocation from a block; may be NULL. */
    void (*opened)(struct zone *zone, uint32_t block);
    struct spinlock lock __attribute__((aligned(64)));
    uint32_t listed;       /* bit k: list[k] is not empty */
    unsigned long free;    /* frames in the buddy */
    uint32_t list[ORDERS]; /* blocks by their largest free chunk */
    uint32_t refills[CPU_MAX]; /* the block from which each CPU filled its stacks last */
};

/* What the 32-bit numbers of a zone's frames count from: frame 0 where the frame table's address is
 * a constant, which then needs nothing added; else the zone's first, since frames may lie anywhere.
 */
static inline unsigned long
zone_origin(const struct zone *zone)
{
    return FRAME_TABLE_FIXED ? FRAME_BASE : zone->base;
}

/* An empty zone over the given arrays (the blocks' memory is overwritten, the maps' is not touched
 * until a block is opened). `base` is the frame number of blocks[0]. */
void zone_init(struct zone *zone, const char *name, uint8_t id, struct block *blocks,
               struct block_map *maps, unsigned long base, uint32_t count);

/* Makes a closed block's bitmaps valid. Lock held. */
void zone_open_block(struct zone *zone, uint32_t block);

/* Sees what a block's largest free chunk is now, and puts the block in the list for it. Lock
 * held. */
void zone_relist(struct zone *zone, uint32_t block);

/* True when lists, bitmaps and counts agree with each other. Lock not held. */
bool zone_check(struct zone *zone);

#endif
