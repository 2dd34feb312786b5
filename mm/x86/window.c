/* window.c - a look at frames that have no address: slots of the fixmap, a stack for each CPU.
 *
 *   CPU 0: slot FIXMAP_WINDOWS + 0, 1, ...    a window's slot and address follow from how many are
 *   CPU 1: behind those                       open; no slot of one CPU is touched by another
 *
 * An interrupt may open windows above those of what it interrupted, and closes them before it ends.
 * A window that is closed goes on showing its frame until its slot shows another: who looks at the
 * same frame again, as programs do that read a file by the byte, has neither table nor TLB changed.
 *
 * Cost: about 30 instructions for a window opened and closed; 20 more and one TLB entry flushed
 * when it shows another frame than before.
 */
#include "page.h"
#include "pagetable_private.h"

static unsigned depths[CPU_MAX]; /* windows that are open */
static unsigned long shown[CPU_MAX * FRAME_WINDOWS]; /* frames; 0: none yet */

_Static_assert(FIXMAP_WINDOWS + CPU_MAX * FRAME_WINDOWS <= FIXMAP_SLOTS, "a slot for each window");

static inline uintptr_t
address_of(unsigned window)
{
    return FIXMAP_BASE + (FIXMAP_WINDOWS + window) * PAGE_SIZE;
}

/* In between nothing is present, so that the CPU never sees half of each. An interrupt uses the
 * slots above. */
static __attribute__((noinline)) void *
show(unsigned window, pfn_t frame)
{
    volatile uint32_t *entry = ktables.fixmap_table;

    entry += (FIXMAP_WINDOWS + window) << ktables.fixmap_pae;
    shown[window] = frame.n;
    entry[0] = 0;
    if (ktables.fixmap_pae)
        entry[1] = (uint32_t)((frame.n >> (32 - PAGE_SHIFT)) | (ktables.noexec_flag >> 32));
    entry[0] = (uint32_t)(frame.n << PAGE_SHIFT) | PT_PRESENT | PT_WRITE;
    tlb_flush_page(address_of(window));
    return (void *)address_of(window);
}

/* The depth is counted first and taken back last. */
void *
frame_map_window(pfn_t frame)
{
    unsigned cpu = cpu_current(), depth = depths[cpu], window = cpu * FRAME_WINDOWS + depth;

    ASSERT(depth < FRAME_WINDOWS);
    depths[cpu] = depth + 1;
    return LIKELY(shown[window] == frame.n) ? (void *)address_of(window) : show(window, frame);
}

void
frame_unmap_window(const void *address)
{
    unsigned cpu = cpu_current(), depth = depths[cpu] - 1;

    if (UNLIKELY(depth >= FRAME_WINDOWS ||
                 (uintptr_t)address != address_of(cpu * FRAME_WINDOWS + depth)))
        kpanic("window: %p is closed, which is not the window opened last: somebody sleeps with "
               "one open, or closed one twice", address);
    depths[cpu] = depth;
}

bool
frame_window_is_open(void)
{
    return depths[cpu_current()] != 0;
}
