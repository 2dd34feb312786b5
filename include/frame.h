/* frame.h - one descriptor for every frame of RAM, and who owns the frame.
 *
 * The frame table is one array indexed by frame number, and every descriptor in it can be read: of
 * a block that is not open yet (zone.h) they are all zero, of a block without RAM always. A
 * descriptor speaks for itself when its owner is not FRAME_NONE: then it is a frame of its own, or
 * the head of an allocation of `count` frames whose other descriptors are FRAME_NONE. A frame that
 * is FRAME_NONE and not behind such a head is free, and the buddy's bitmaps say so.
 *
 * Cost: 8 bytes a frame.
 */
#ifndef OCTAVO_FRAME_H
#define OCTAVO_FRAME_H

#include "owner.h"
#include "platform.h"
#include "printer.h"

struct frame {
    uint8_t owner; /* enum frame_owner */
    uint8_t flags; /* what the owner makes of it; below 4 but for FRAME_SLAB (slab_classes) */
    uint16_t live;  /* FRAME_EARLY: live objects on the page; FRAME_PAGE_TABLE: entries in use */
    uint32_t count; /* head of an allocation or of a cached chunk of several: frames in it; of a
                     * single frame that several may hold (frame_is_page): holders; 0 of frames that
                     * cannot be freed */
    /* FRAME_SLAB: the last 6 bytes are the address of the slab's header (slab_private.h). */
};

_Static_assert(sizeof(struct frame) <= 16, "the price of a frame is at most 16 bytes");

/* The descriptor of a frame. The frame must lie in an open block. */
static inline struct frame *
frame_of(pfn_t frame)
{
    return &FRAME_TABLE[frame.n - FRAME_BASE];
}

/* Writes a whole descriptor, with no flags and nothing live. (The owner, the first byte, is stored
 * with the three behind it: the compiler makes a step more of that.) */
static inline void
frame_write(struct frame *frame, enum frame_owner owner, uint32_t count)
{
    typedef uint32_t __attribute__((may_alias)) first_word;
    *(first_word *)(void *)frame = owner;
    frame->count = count;
}

/* Attributes an allocation (named by its first frame) to its consumer. The allocation must be the
 * caller's; no lock needed. */
void frame_set_owner(pfn_t head, enum frame_owner owner);

/* True for owners whose frames are single and counted by holders (page.h). */
static inline bool
frame_is_page(unsigned owner)
{
    return owner == FRAME_USER || owner == FRAME_CACHE || owner == FRAME_PAGE_TABLE;
}

/* Frames that a descriptor with an owner speaks for: its own, or those of the allocation it heads.
 */
static inline unsigned long
frame_extent(const struct frame *frame)
{
    bool counts = frame->owner == FRAME_CACHED || frame->owner >= FRAME_ALLOCATED;
    return counts && frame->count && !frame_is_page(frame->owner) ? frame->count : 1;
}

#endif
