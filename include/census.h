/* census.h - who owns which frame, for programs and the monitor to look at. */
#ifndef OCTAVO_CENSUS_H
#define OCTAVO_CENSUS_H

#include "platform.h"
#include "slab.h"
#include "uapi/frames.h"
#include "zone.h"

/* Tells of up to `count` frames from `first` on, a byte each (uapi/frames.h). Returns of how many:
 * 0 behind the last. Takes no lock; exact when no CPU is in the allocators. About 15 instructions a
 * frame, 1 a frame where free chunks or allocations are large. */
size_t census_frames(pfn_t first, uint8_t *to, size_t count);

/* The same with blocks; the first is block 0. */
size_t census_blocks(uint32_t first, struct block_summary *to, size_t count);

/* Free chunks by zone and order. */
void census_lists(unsigned long chunks[ZONE_COUNT][ORDERS]);

/* Cache of objects number `index`; false behind the last. */
bool census_cache(size_t index, struct kmem_cache_stats *stats);

#endif
