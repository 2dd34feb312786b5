/* pmm.h - frames of physical memory, to and from anybody. */
#ifndef OCTAVO_PMM_H
#define OCTAVO_PMM_H

#include "frame.h"
#include "zone.h"

enum {
    PMM_DIRECT = 1, /* has a permanent address: frame_to_ptr() is not NULL */
    PMM_DMA = 2,    /* lies below 16 MiB (implies PMM_DIRECT) */
    PMM_ZERO = 4,   /* filled with zeros (implies PMM_DIRECT) */
};

/* One frame, owner FRAME_ALLOCATED, contents undefined. 0 when there is none. High memory first,
 * then NORMAL, then DMA. From any context; never sleeps. */
MUST_CHECK paddr_t pmm_alloc_page(void);
MUST_CHECK paddr_t pmm_alloc_page_flags(unsigned flags);

/* Gives a frame back. Panics, naming the frame and its state, when it is not an allocated frame:
 * free already, part of a larger allocation, or not ours. */
void pmm_free_page(paddr_t frame);

/* Exactly `count` consecutive frames, aligned to the next power of two up to 4 MiB; one allocation,
 * to be given back with the same count. 0 when there are none or count is 0. */
MUST_CHECK paddr_t pmm_alloc_pages(size_t count);
MUST_CHECK paddr_t pmm_alloc_pages_flags(size_t count, unsigned flags);
void pmm_free_pages(paddr_t first, size_t count);

/* The same with the alignment of a chunk of 2^order frames (order at most MAX_ORDER). */
MUST_CHECK paddr_t pmm_alloc_pages_aligned(size_t count, unsigned order, unsigned flags);

/* Makes a frame that the start kept for something (kernel image, boot info, module, early heap) an
 * allocated frame like any other, to be freed. */
void pmm_adopt(pfn_t frame);

/* For tests of memory: takes free frames that follow each other, at most `most`, out of the zones:
 * the lowest at or behind *first, which becomes the first of them. Each is an allocation of its own
 * then. Returns how many, 0 when there are none. What CPUs have on their stacks is not seen. */
unsigned long pmm_take_free(pfn_t *first, unsigned long most);

/* A frame that is allocated, alone, goes out of service: FRAME_BAD, for good. */
void pmm_retire(pfn_t frame);

/* True when the frame is RAM whose descriptor is valid: any frame that is in use. */
bool pmm_frame_known(pfn_t frame);

/* Frames that can be handed out now, CPU caches included. */
unsigned long pmm_free_frames(void);
/* Frames that could be handed out if nobody held any. */
unsigned long pmm_managed_frames(void);
/* Those of them that have no permanent address; *free: what the buddy has of these. */
unsigned long pmm_high_frames(unsigned long *free);

/* Returns what the current CPU keeps on its stacks to the buddy. False when that is nothing. */
bool pmm_drain_cpu(void);
/* The same for every CPU, as mm_drain does it. */
void pmm_drain_all(void);

/* The zone of a frame; NULL when no RAM of ours is there. */
struct zone *pmm_zone_of(pfn_t frame);

#endif
