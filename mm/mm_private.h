/* mm_private.h - what the start leaves for the checks and tables. Private to mm/. */
#ifndef OCTAVO_MM_PRIVATE_H
#define OCTAVO_MM_PRIVATE_H

#include "bootmem.h"
#include "pmm_private.h"

/* Frames of RAM that the firmware reported, in the blocks we cover, and beyond them. */
extern unsigned long mm_ram_frames;
extern uint64_t mm_beyond_frames;

/* Frames of each owner (enum frame_owner), with what lies beyond as FRAME_ABSENT. Walks the open
 * blocks; exact when no CPU is in the allocators. */
void mm_count_owners(unsigned long counts[FRAME_OWNERS]);

/* Frames of the page cache that programs have mapped. Walks the open blocks. */
unsigned long mm_count_mapped(void);

/* Who holds pages with this owner, all of them together. */
unsigned long mm_count_holders(enum frame_owner owner);

/* Makes the frame table for `blocks` blocks from FRAME_BASE on, all zero (x86/frametable.c,
 * hosted/frametable.c); no descriptor may be written before its block is opened. Panics when there
 * is no memory for it. */
void frame_table_init(struct bootmem *boot, uint32_t blocks);

/* The descriptors of a block, which are zero, may be written from now on. Once a block, under the
 * lock of its zone. */
void frame_table_open(uint32_t block);

/* Everything is in place for tables and vmalloc to take their frames from the pmm. */
void frame_table_ready(void);

#endif
