/* frametable.c - the frame table of the kernel: a window at 0xE0000000.
 *
 *   0xE0000000 + 8 * frame number = the frame's descriptor
 *
 * Only the parts that stand for blocks with RAM have memory of their own: 8 KiB for each 4 MiB. It
 * is taken from as high as the page tables reach, so that it does not use up the direct map. All
 * other parts show one page of zeros, so that the descriptor of any frame below the last can be
 * read.
 */
#include <string.h>
#include "frame.h"
#include "../mm_private.h"
#include "pagetable.h"
#include "zone.h"

#define BLOCK_TABLE_BYTES (BLOCK_FRAMES * sizeof(struct frame))

/* What holes show. */
static struct frame no_frames[PAGE_SIZE / sizeof(struct frame)] __attribute__((aligned(PAGE_SIZE)));

/* Memory that was taken for the table and is not used up. */
struct supply {
    struct bootmem *boot;
    paddr_t next;
    uint64_t left;
    uint64_t wanted; /* all that is needed from here on */
};

/* The next page of the supply; takes more in pieces as large as the map has. */
static paddr_t
next_page(struct supply *supply)
{
    uint64_t piece = supply->wanted;
    while (!supply->left && piece >= PAGE_SIZE) {
        supply->next = bootmem_take(supply->boot, piece, PAGE_SIZE, 1ull << 32, MEMMAP_METADATA);
        if (supply->next)
            supply->left = piece;
        piece = (piece >> 1) & ~(uint64_t)PAGE_MASK;
    }
    if (!supply->left)
        kpanic("mm: no memory for the frame table: %llu bytes short",
               (unsigned long long)supply->wanted);
    paddr_t page = supply->next;
    supply->next += PAGE_SIZE;
    supply->left -= PAGE_SIZE;
    supply->wanted -= PAGE_SIZE;
    return page;
}

static bool
block_has_ram(const struct bootmem *boot, uint32_t block)
{
    uint64_t start = (uint64_t)block << BLOCK_SHIFT;
    return memmap_ram_frames(boot->regions, boot->region_count, start, start + BLOCK_BYTES) > 0;
}

static void
map_block(uint32_t block, struct supply *supply)
{
    uintptr_t va = (uintptr_t)FRAME_TABLE + block * BLOCK_TABLE_BYTES;
    bool ram = block_has_ram(supply->boot, block);
    for (uintptr_t end = va + BLOCK_TABLE_BYTES; va < end; va += PAGE_SIZE) {
        paddr_t page = ram ? next_page(supply) : (uintptr_t)no_frames - DIRECT_BASE;
        if (!pagetable_map(va, page, PT_GLOBAL | (ram ? PT_WRITE : 0)))
            kpanic("mm: no memory for the page tables of the frame table");
        if (ram)
            memset((void *)va, 0, PAGE_SIZE);
    }
}

void
frame_table_init(struct bootmem *boot, uint32_t blocks)
{
    struct supply supply = {.boot = boot};
    for (uint32_t block = 0; block < blocks; block++)
        if (block_has_ram(boot, block))
            supply.wanted += BLOCK_TABLE_BYTES;
    for (uint32_t block = 0; block < blocks; block++)
        map_block(block, &supply);
}

void
frame_table_ready(void)
{
    pagetable_use_pmm();
}
