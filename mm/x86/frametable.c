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
#define FEW               64
#define SPLITS            32 /* how often runs may be cut for want of memory in one piece */

/* What holes and closed blocks show. */
static struct frame no_frames[PAGE_SIZE / sizeof(struct frame)] __attribute__((aligned(PAGE_SIZE)));

/* Memory for the descriptors of blocks [first, end). */
static struct piece {
    uint32_t first, end;
    paddr_t memory;
} few_pieces[FEW], *pieces = few_pieces;
static size_t piece_count, piece_room = FEW;

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

/* Memory for the descriptors of so many blocks; 0 when no piece of the map has room for it. */
static paddr_t
take(struct bootmem *boot, uint32_t blocks)
{
    return bootmem_take(boot, blocks * BLOCK_TABLE_BYTES, PAGE_SIZE, pagetable_memory_end(),
                        MEMMAP_METADATA);
}

static void
note_piece(uint32_t first, uint32_t end, paddr_t memory)
{
    if (piece_count == piece_room)
        kpanic("mm: the frame table is in more than %zu pieces", piece_room);
    pieces[piece_count++] = (struct piece){first, end, memory};
}

/* Takes memory for the blocks from `first` on, for as many as one piece of the map has room for.
 * Returns how many. */
static uint32_t
take_piece(struct bootmem *boot, uint32_t first, uint32_t blocks)
{
    for (; blocks > 0; blocks /= 2) {
        paddr_t memory = take(boot, blocks);
        if (memory) {
            note_piece(first, first + blocks, memory);
            return blocks;
        }
    }
    kpanic("mm: no memory for the frame table from block %u on", (unsigned)first);
}

/* All of it in one piece, where one has room for it: each claim makes the boot map longer. */
static bool
take_whole(struct bootmem *boot, uint32_t blocks)
{
    uint32_t all = 0;
    paddr_t memory;

    for (uint32_t first = 0, end; next_run(boot, blocks, &first, &end); first = end)
        all += end - first;
    memory = take(boot, all);
    if (!memory)
        return false;
    for (uint32_t first = 0, end; next_run(boot, blocks, &first, &end); first = end) {
        note_piece(first, end, memory);
        memory += (end - first) * BLOCK_TABLE_BYTES;
    }
    return true;
}

static void
take_pieces(struct bootmem *boot, uint32_t blocks)
{
    for (uint32_t block = 0, end; next_run(boot, blocks, &block, &end);)
        while (block < end)
            block += take_piece(boot, block, end - block);
}

/* A run of blocks has a region of its own at least. */
static void
make_room(struct bootmem *boot)
{
    size_t most = boot->region_count + SPLITS;
    paddr_t memory;

    if (most <= FEW)
        return;
    memory = bootmem_take(boot, most * sizeof(*pieces), PAGE_SIZE, direct_end(), MEMMAP_METADATA);
    if (!memory)
        kpanic("mm: no memory for a list of %zu pieces of the frame table", most);
    pieces = frame_to_ptr(paddr_to_pfn(memory));
    piece_room = most;
}

void
frame_table_init(struct bootmem *boot, uint32_t blocks)
{
    make_room(boot);
    if (!take_whole(boot, blocks))
        take_pieces(boot, blocks);
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
