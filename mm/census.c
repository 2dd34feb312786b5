/* census.c - each frame's owner in a byte.
 *
 *   descriptors   S  S  H4 -  -  -  -  -  U        -: FRAME_NONE, the buddy knows which are free
 *   bytes         S  S  H  h  h  h  1  1' U        h: behind a head; 1, 1': a free chunk of order 1
 *
 * Most frames stand for themselves, and a short loop goes over them. For all others the piece that
 * they lie in is found: a closed block, a free chunk, or an allocation of several frames.
 * Allocations are aligned to the power of two they fill, and larger ones than a block to a block,
 * so there are few places where the head can be.
 */
#include <string.h>
#include "buddy.h"
#include "census.h"
#include "mm_private.h"
#include "slab_private.h"

/* Frames [start, end) with one story. */
struct piece {
    unsigned long start, end;
    uint8_t byte; /* of the first; the others have FRAME_BYTE_BEHIND too */
};

static inline const struct block *
block_at(unsigned long frame)
{
    return &mm_blocks[(frame - FRAME_BASE) >> MAX_ORDER];
}

/* The first frame with an owner among those where an allocation with this frame in it can begin;
 * the frame itself when there is none. */
static unsigned long
head_of(unsigned long frame)
{
    unsigned long head = frame;
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        head = frame & ~((1ul << order) - 1);
        if (frame_of(pfn(head))->owner != FRAME_NONE)
            return head;
    }
    while (head > FRAME_BASE) {
        head -= BLOCK_FRAMES;
        if (!__atomic_load_n(&block_at(head)->open, __ATOMIC_ACQUIRE))
            return frame; /* what spans blocks has all of them open */
        if (frame_of(pfn(head))->owner != FRAME_NONE)
            return head;
    }
    return frame;
}

static struct piece
allocated_piece(unsigned long frame)
{
    unsigned long head = head_of(frame);
    const struct frame *descriptor = frame_of(pfn(head));
    unsigned long end = head + frame_extent(descriptor);
    if (end <= frame)
        return (struct piece){frame, frame + 1, FRAME_NONE};
    return (struct piece){head, end, descriptor->owner};
}

static struct piece
piece_at(unsigned long frame)
{
    const struct block *block = block_at(frame);
    unsigned long start = frame & ~(BLOCK_FRAMES - 1);
    unsigned order = MAX_ORDER;
    if (!block->open && !block->free)
        return (struct piece){start, start + BLOCK_FRAMES, FRAME_FIRMWARE};
    if (block->open)
        order = buddy_free_order(&mm_zones[block->zone], pfn(frame));
    if (order == ORDERS)
        return allocated_piece(frame);
    start = frame & ~((1ul << order) - 1);
    return (struct piece){start, start + (1ul << order), (uint8_t)(FRAME_BYTE_FREE | order)};
}

/* The byte of a frame whose `count` is not 1 or FRAME_NONE when it heads an allocation. */
static __attribute__((noinline)) uint8_t
unusual_byte(const struct frame *descriptor)
{
    unsigned owner = descriptor->owner;
    if (frame_is_page(owner))
        return (uint8_t)(owner | FRAME_BYTE_SHARED);
    return frame_extent(descriptor) > 1 ? FRAME_NONE : (uint8_t)owner;
}

/* How many of `count` frames stand for themselves before one does not. A look at the whole machine is
 * made of this loop: it and what is seldom are on their own, which leaves it registers. */
static __attribute__((noinline)) size_t
copy_singles(const struct frame *descriptors, uint8_t *to, size_t count)
{
    size_t i = 0;
    for (; i < count; i++) {
        uint8_t byte = descriptors[i].owner;
        if (UNLIKELY(descriptors[i].count != 1))
            byte = unusual_byte(&descriptors[i]);
        if (byte == FRAME_NONE)
            break;
        to[i] = byte;
    }
    return i;
}

/* Frames from `frame` on that stand for themselves, up to the end of the block; returns how many. A
 * block that is being opened has no descriptors for a moment. */
static size_t
singles(unsigned long frame, uint8_t *to, size_t count)
{
    unsigned long rest = BLOCK_FRAMES - (frame & (BLOCK_FRAMES - 1));
    if (!__atomic_load_n(&block_at(frame)->open, __ATOMIC_ACQUIRE))
        return 0;
    return copy_singles(frame_of(pfn(frame)), to, rest < count ? rest : count);
}

static size_t
fill(const struct piece *piece, unsigned long frame, uint8_t *to, size_t count)
{
    size_t size = piece->end - frame < count ? piece->end - frame : count;
    memset(to, piece->byte | FRAME_BYTE_BEHIND, size);
    if (frame == piece->start)
        *to = piece->byte;
    return size;
}

size_t
census_frames(pfn_t first, uint8_t *to, size_t count)
{
    unsigned long total = (unsigned long)mm_block_count << MAX_ORDER;
    unsigned long index = first.n - FRAME_BASE;
    if (index >= total)
        return 0;
    if (count > total - index)
        count = total - index;
    for (size_t done = 0; done < count;) {
        size_t more = singles(first.n + done, to + done, count - done);
        if (!more) {
            struct piece piece = piece_at(first.n + done);
            more = fill(&piece, first.n + done, to + done, count - done);
        }
        done += more;
    }
    return count;
}

size_t
census_blocks(uint32_t first, struct block_summary *to, size_t count)
{
    size_t done = 0;
    for (; done < count && first + done < mm_block_count; done++) {
        const struct block *block = &mm_blocks[first + done];
        bool ram = block->open || block->free;
        to[done] = (struct block_summary){
            .zone = ram ? block->zone : BLOCK_NO_ZONE,
            .open = block->open,
            .levels = block->levels,
            .free = block->free,
            .frames = block->frames,
        };
    }
    return done;
}

void
census_lists(unsigned long chunks[ZONE_COUNT][ORDERS])
{
    for (unsigned zone = 0; zone < ZONE_COUNT; zone++)
        for (unsigned order = 0; order < ORDERS; order++)
            chunks[zone][order] = buddy_count_free(&mm_zones[zone], order);
}

bool
census_cache(size_t index, struct kmem_cache_stats *stats)
{
    struct kmem_cache *cache = slab_caches;
    while (cache && index--)
        cache = cache->next;
    if (cache)
        kmem_cache_get_stats(cache, stats);
    return cache != NULL;
}
