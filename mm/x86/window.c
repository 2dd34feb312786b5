/* window.c - a look at frames that have no address: slots of the fixmap, a stack for each CPU.
 *
 *   CPU 0: slot FIXMAP_WINDOWS + 0, 1, ...    a window's slot and address follow from how many are
 *   CPU 1: behind those                       open; no slot of one CPU is touched by another
 *
 * An interrupt may open windows above those of what it interrupted, and closes them before it ends.
 * A closed slot is not present in the table, so a new entry's upper half may be written first.
 *
 * Cost: a window opened and closed is about 50 instructions and one TLB entry flushed.
 */
#include "page.h"
#include "pagetable_private.h"

static unsigned depths[CPU_MAX]; /* windows that are open */

_Static_assert(FIXMAP_WINDOWS + CPU_MAX * FRAME_WINDOWS <= FIXMAP_SLOTS, "a slot for each window");

static inline unsigned
slot_of(unsigned cpu, unsigned depth)
{
    return FIXMAP_WINDOWS + cpu * FRAME_WINDOWS + depth;
}

/* The lower half of a slot's entry, and the upper one where entries have two. */
static inline volatile uint32_t *
entry_of(unsigned slot)
{
    return (volatile uint32_t *)ktables.fixmap_table + (ktables.fixmap_pae ? 2 * slot : slot);
}

/* The depth is counted first and taken back last: an interrupt in between uses the slots above. */
void *
frame_map_window(pfn_t frame)
{
    unsigned cpu = cpu_current(), depth = depths[cpu], slot = slot_of(cpu, depth);
    volatile uint32_t *entry = entry_of(slot);

    ASSERT(depth < FRAME_WINDOWS);
    depths[cpu] = depth + 1;
    if (ktables.fixmap_pae)
        entry[1] = (uint32_t)((frame.n >> (32 - PAGE_SHIFT)) | (ktables.noexec_flag >> 32));
    entry[0] = (uint32_t)(frame.n << PAGE_SHIFT) | PT_PRESENT | PT_WRITE;
    return (void *)(FIXMAP_BASE + slot * PAGE_SIZE);
}

void
frame_unmap_window(const void *address)
{
    unsigned cpu = cpu_current(), depth = depths[cpu] - 1, slot = slot_of(cpu, depth);

    if (UNLIKELY(depth >= FRAME_WINDOWS || (uintptr_t)address != FIXMAP_BASE + slot * PAGE_SIZE))
        kpanic("window: %p is closed, which is not the window opened last: somebody sleeps with one "
               "open, or closed one twice", address);
    entry_of(slot)[0] = 0;
    tlb_flush_page((uintptr_t)address);
    depths[cpu] = depth;
}
