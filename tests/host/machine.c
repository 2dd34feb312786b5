/* machine.c - an arena as the memory of machines of several shapes.
 *
 *   base      base + skipped             middle                  end - high      end
 *     | no RAM |    ...       | boot info  |   ...   | early heap  | no address     |
 */
#include <string.h>

#include "bootmem.h"
#include "early.h"
#include "machine.h"
#include "mm.h"
#include "platform.h"
#include "space.h"

#define EARLY_BYTES (16 * PAGE_SIZE)

static uint8_t arena[MACHINE_BYTES] __attribute__((aligned(4 << 20)));

void *machine_early[64];
unsigned long machine_base = 4096;

void
machine_start(const struct machine *machine)
{
    unsigned long first = machine->base + machine->skipped;
    unsigned long end = machine->base + (MACHINE_BYTES >> PAGE_SHIFT);
    pfn_t middle = pfn(machine->base + (MACHINE_BYTES >> (PAGE_SHIFT + 1)));
    size_t early = MACHINE_BYTES - (machine->high << PAGE_SHIFT) - EARLY_BYTES;
    paddr_t early_start = pfn_to_paddr(pfn(machine->base)) + early;
    struct memmap_entry memory[] = {{.base = pfn_to_paddr(pfn(first)),
                                     .length = (uint64_t)(end - first) << PAGE_SHIFT,
                                     .type = MEMMAP_RAM},
                                    {.base = machine->far, .length = 1u << 30, .type = MEMMAP_RAM}};
    struct bootmem boot;

    memset(arena, 0, sizeof(arena));
    hosted_init(arena, sizeof(arena), pfn(machine->base));
    if (machine->high)
        hosted_limit_direct(pfn(end - machine->high));
    early_init(arena + early, EARLY_BYTES);
    bootmem_init(&boot, memory, machine->far ? 2 : 1);
    bootmem_own(&boot, early_start, early_start + EARLY_BYTES, MEMMAP_EARLY);
    if (machine->info)
        bootmem_own(&boot, pfn_to_paddr(pfn(middle.n - machine->info)), pfn_to_paddr(middle),
                    MEMMAP_BOOTINFO);
    if (machine->high_info)
        bootmem_own(&boot, pfn_to_paddr(pfn(end - machine->high)), pfn_to_paddr(pfn(end)),
                    MEMMAP_BOOTINFO);
    for (unsigned i = 0; i < machine->early; i++)
        machine_early[i] = kmalloc_early(1000);
    mm_init(&boot);
}

void
machine_start_plain(unsigned long base)
{
    memset(arena, 0, sizeof(arena));
    hosted_start(arena, sizeof(arena), pfn(base));
}

void
machine_start_usual(void)
{
    machine_start_plain(machine_base);
}

void
machine_leave_space(unsigned *running)
{
    space_activate(NULL);
    __atomic_sub_fetch(running, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(running, __ATOMIC_ACQUIRE) != 0)
        spin_relax();
}
