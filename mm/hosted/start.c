/* start.c - mm/ in a program: an arena becomes the machine's memory. */
#include "bootmem.h"
#include "early.h"
#include "mm.h"

/* For the boot map alone. */
#define EARLY_BYTES (4 * PAGE_SIZE)

void
hosted_start(void *arena, size_t bytes, pfn_t base)
{
    paddr_t start = pfn_to_paddr(base);
    struct memmap_entry memory = {.base = start, .length = bytes, .type = MEMMAP_RAM};
    struct bootmem boot;
    hosted_init(arena, bytes, base);
    early_init(arena, EARLY_BYTES);
    bootmem_init(&boot, &memory, 1);
    bootmem_own(&boot, start, start + EARLY_BYTES, MEMMAP_EARLY);
    mm_init(&boot);
}
