/* window.c - a look at frames that have no address: slots of the fixmap, a stack for each CPU.
 *
 * An interrupt may open windows above those of what it interrupted, and closes them before it ends.
 */
#include "page.h"
#include "pagetable.h"

static struct {
    unsigned depth;
    void *open[FRAME_WINDOWS];
} windows[CPU_MAX];

_Static_assert(FIXMAP_WINDOWS + CPU_MAX * FRAME_WINDOWS <= FIXMAP_SLOTS, "a slot for each window");

/* The depth is counted first and taken back last: an interrupt in between uses the slots above. */
void *
frame_map_window(pfn_t frame)
{
    unsigned cpu = cpu_current(), depth = windows[cpu].depth;

    ASSERT(depth < FRAME_WINDOWS);
    windows[cpu].depth = depth + 1;
    windows[cpu].open[depth] =
        fixmap_map(FIXMAP_WINDOWS + cpu * FRAME_WINDOWS + depth, pfn_to_paddr(frame));
    return windows[cpu].open[depth];
}

void
frame_unmap_window(const void *address)
{
    unsigned cpu = cpu_current(), depth = windows[cpu].depth - 1;

    if (UNLIKELY(depth >= FRAME_WINDOWS || windows[cpu].open[depth] != address))
        kpanic("window: %p is closed, which is not the window opened last: somebody sleeps with one "
               "open, or closed one twice", address);
    fixmap_unmap(FIXMAP_WINDOWS + cpu * FRAME_WINDOWS + depth);
    windows[cpu].depth = depth;
}
