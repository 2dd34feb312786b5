/* frametable.c - the frame table of the kernel: a window at 0xE0000000.
 *
 *   0xE0000000 + 8 * frame number = the frame's descriptor
 *
 * Only the parts that stand for blocks with RAM have memory of their own: 8 KiB for each 4 MiB. It
 * is taken from as high as the page tables reach, so that it does not use up the direct map, and
 * put in place and cleared when the block is opened: a large machine starts as fast as a small one.
 * All other parts show one page of zeros, so that the descriptor of any frame below the last can be
 * read.
 */
#include <string.h>
#include "frame.h"
#include "../mm_private.h"
#include "pagetable.h"
#include "tlb.h"
#include "zone.h"

#define BLOCK_TABLE_BYTES (BLOCK_FRAMES * sizeof(struct frame))
#define PIECES            64

/* What holes and closed blocks show. */
static struct frame no_frames[PAGE_SIZE / sizeof(struct frame)] __attribute__((aligned(PAGE_SIZE)));

/* Memory for the descriptors of blocks [first, end). */
static struct piece {
    uint32_t first, end;
    paddr_t memory;
} pieces[PIECES];
static unsigned piece_count;

/* The first run of blocks with RAM from *first on: up to and without *end. False when there is none
 * below `blocks`. Asked anew for each, because taking memory changes the list of regions. */
static bool
next_run(const struct bootmem *boot, uint32_t blocks, uint32_t *first, uint32_t *end)
{
    uint32_t from = *first;
    bool found = false;

    for (size_t i = 0; i < boot->region_count; i++) {
        const struct memmap_region *region = &boot->regions[i];
        uint64_t start = region->start >> BLOCK_SHIFT;
        uint64_t stop = ((region->end - 1) >> BLOCK_SHIFT) + 1;

        if (stop > blocks)
            stop = blocks; /* also where the reach of the map ends amid a block */
        if (region->type != MEMMAP_RAM || stop <= from || start >= blocks)
            continue;
        if (found && start > *end)
            break;
        if (!found)
            *first = start > from ? (uint32_t)start : from;
        *end = (uint32_t)stop;
        found = true;
    }
    return found;
}

/* Takes memory for the blocks from `first` on, for as many as one piece of the map has room for.
 * Returns how many. */
static uint32_t
take_piece(struct bootmem *boot, uint32_t first, uint32_t blocks)
{
    for (; blocks > 0 && piece_count < PIECES; blocks /= 2) {
        paddr_t memory = bootmem_take(boot, blocks * BLOCK_TABLE_BYTES, PAGE_SIZE,
                                      pagetable_memory_end(), MEMMAP_METADATA);
        if (memory) {
            pieces[piece_count++] = (struct piece){first, first + blocks, memory};
            return blocks;
        }
    }
    kpanic("mm: no memory for the frame table from block %u on", (unsigned)first);
}

void
frame_table_init(struct bootmem *boot, uint32_t blocks)
{
    piece_count = 0;
    for (uint32_t block = 0, end; next_run(boot, blocks, &block, &end);)
        while (block < end)
            block += take_piece(boot, block, end - block);
    if (!pagetable_fill((uintptr_t)FRAME_TABLE, blocks * (BLOCK_TABLE_BYTES >> PAGE_SHIFT),
                        (uintptr_t)no_frames - DIRECT_BASE, PT_GLOBAL))
        kpanic("mm: no memory for the page tables of the frame table");
}

void
frame_table_open(uint32_t block)
{
    uintptr_t va = (uintptr_t)FRAME_TABLE + block * BLOCK_TABLE_BYTES;
    const struct piece *piece = pieces;

    while (piece < pieces + piece_count && (block < piece->first || block >= piece->end))
        piece++;
    ASSERT(piece < pieces + piece_count);
    for (size_t done = 0; done < BLOCK_TABLE_BYTES; done += PAGE_SIZE) {
        paddr_t memory = piece->memory + (block - piece->first) * BLOCK_TABLE_BYTES + done;
        bool mapped;

        (void)pagetable_unmap(va + done);
        mapped = pagetable_map(va + done, memory, PT_WRITE | PT_GLOBAL);
        ASSERT(mapped); /* the tables are there */
    }
    tlb_shoot_all(va, va + BLOCK_TABLE_BYTES); /* others may remember that there were no frames */
    memset((void *)va, 0, BLOCK_TABLE_BYTES);
}

void
frame_table_ready(void)
{
    pagetable_use_pmm();
}
