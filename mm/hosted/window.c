/* window.c - in an arena every frame has an address, also those that mm/ is told to have none. */
#include "page.h"

static struct {
    unsigned depth;
    void *open[FRAME_WINDOWS];
} windows[CPU_MAX];

void *
frame_map_window(pfn_t frame)
{
    unsigned cpu = cpu_current(), depth = windows[cpu].depth;
    unsigned long index = frame.n - hosted_memory.base;

    ASSERT(depth < FRAME_WINDOWS && index < hosted_memory.bytes >> PAGE_SHIFT);
    windows[cpu].depth = depth + 1;
    windows[cpu].open[depth] = (void *)(hosted_memory.start + (index << PAGE_SHIFT));
    return windows[cpu].open[depth];
}

void
frame_unmap_window(const void *address)
{
    unsigned cpu = cpu_current(), depth = windows[cpu].depth - 1;

    if (UNLIKELY(depth >= FRAME_WINDOWS || windows[cpu].open[depth] != address))
        kpanic("window: %p is closed, which is not the window opened last", address);
    windows[cpu].depth = depth;
}

bool
frame_window_is_open(void)
{
    return windows[cpu_current()].depth != 0;
}
