/* frames.h - who may own a frame, and what /proc/octavo tells of all of them.
 *
 *   frames   a byte for each frame, at its number
 *   blocks   a struct block_summary for each 1024 frames, at 8 times the block's number
 *
 * Both end behind the last frame that is managed.
 */
#ifndef OCTAVO_UAPI_FRAMES_H
#define OCTAVO_UAPI_FRAMES_H

#include <stdint.h>

enum frame_owner {
    FRAME_NONE,      /* free in the buddy, or behind the head of a larger allocation */
    FRAME_CACHED,    /* free, on a CPU's stack of frames (pcp.h) */
    FRAME_FIRMWARE,  /* not RAM: reserved, a device, or a hole; not part of the machine's total */
    FRAME_LOW,       /* page 0, BIOS data, EBDA, video and ROM area */
    FRAME_ABSENT,    /* RAM we were told to leave alone, or cannot reach */
    FRAME_BAD,       /* does not keep what is written to it (memtest.h, badram=) */
    FRAME_KERNEL,    /* kernel image */
    FRAME_MODULE,    /* boot modules */
    FRAME_BOOTINFO,  /* what the boot loader left */
    FRAME_METADATA,  /* frame table, block tables, page tables of the direct map */
    FRAME_EARLY,     /* page of the early heap with live objects */
    FRAME_SLAB,      /* every frame of a slab: `slab` leads to its header */
    FRAME_ALLOCATED, /* handed out, not yet attributed; from here on pmm_free_pages takes it back */
    FRAME_HEAP,      /* kmalloc of whole frames */
    FRAME_VMALLOC,   /* behind a vmalloc address */
    FRAME_PAGE_TABLE, /* made after the start */
    FRAME_STACK,      /* kernel stack */
    FRAME_USER,       /* page of a program's own (page.h) */
    FRAME_CACHE,      /* page of an object: file or shared memory (object.h) */
    FRAME_OWNERS
};

/* A byte of frames: the owner, for all frames of an allocation; or FRAME_BYTE_FREE + the order
 * of the free chunk. */
#define FRAME_BYTE_OWNER  0x1Fu
#define FRAME_BYTE_BEHIND 0x20u /* not the first frame of its allocation or free chunk */
#define FRAME_BYTE_SHARED 0x40u /* a page that several hold */
#define FRAME_BYTE_FREE   0x80u
#define FRAME_BYTE_ORDER  0x0Fu

#define BLOCK_NO_ZONE 3 /* no RAM there */

struct block_summary {
    uint8_t zone;    /* 0 DMA, 1 Normal, 2 HighMem, BLOCK_NO_ZONE */
    uint8_t open;    /* 0: nobody has touched it */
    uint16_t levels; /* bit k: some free chunk has order k */
    uint16_t free;   /* frames in the buddy */
    uint16_t frames; /* free, cached or allocated */
};

/* A word of /proc/PID/pagemap, at 8 times the page's number (address / 4096), as Linux has it: the
 * frame, and what is known of the page. */
#define PAGEMAP_FRAME     ((1ull << 55) - 1)
#define PAGEMAP_EXCLUSIVE (1ull << 56) /* no other program has it */
#define PAGEMAP_ZERO      (1ull << 58) /* ours alone: the page of zeros, shared by all */
#define PAGEMAP_FILE      (1ull << 61) /* of a file or of shared memory */
#define PAGEMAP_PRESENT   (1ull << 63)

#endif
