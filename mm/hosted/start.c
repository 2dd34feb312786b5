/* start.c - mm/ in a program: an arena becomes the machine's memory. */
#include "bootmem.h"
#include "early.h"
#include "mm.h"
#include "space.h"

/* For the boot map alone. */
#define EARLY_BYTES (4 * PAGE_SIZE)

#define FOUR_GIB ((paddr_t)1 << 32)
#define NOEXEC   ((uint64_t)1 << 63)

void
hosted_start(void *arena, size_t bytes, pfn_t base)
{
    paddr_t start = pfn_to_paddr(base);
    struct memmap_entry memory = {.base = start, .length = bytes, .type = MEMMAP_RAM};
    struct bootmem boot;
    hosted_init(arena, bytes, base);
    /* At the end, beside all else that mm/ takes: it breaks one block and no other. */
    early_init((char *)arena + bytes - EARLY_BYTES, EARLY_BYTES);
    bootmem_init(&boot, &memory, 1);
    bootmem_own(&boot, start + bytes - EARLY_BYTES, start + bytes, MEMMAP_EARLY);
    if (start + bytes > FOUR_GIB) /* entries of 32 bits cannot name these frames */
        space_choose_format(true, NOEXEC);
    mm_init(&boot);
}
