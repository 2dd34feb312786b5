/* frametable.c - the frame table of a hosted arena: one piece of it. */
#include <string.h>
#include "frame.h"
#include "../mm_private.h"

void
frame_table_init(struct bootmem *boot, uint32_t blocks)
{
    uint64_t bytes = (uint64_t)blocks * BLOCK_FRAMES * sizeof(struct frame);
    paddr_t taken = bootmem_take(boot, bytes, PAGE_SIZE, direct_end(), MEMMAP_METADATA);
    if (!taken)
        kpanic("mm: no memory for the frame table (%llu bytes)", (unsigned long long)bytes);
    hosted_memory.frame_table = frame_to_ptr(paddr_to_pfn(taken));
    memset(hosted_memory.frame_table, 0, (size_t)bytes);
}

/* All of it is there. */
void
frame_table_open(uint32_t block)
{
    (void)block;
}

void
frame_table_ready(void)
{
}
