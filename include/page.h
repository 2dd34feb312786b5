/* page.h - single frames that several may hold: pages of programs, of the page cache, page tables.
 *
 * Their descriptor's `count` counts holders: entries of page tables, the page cache, whoever is at
 * work on the page. Exactly the last one frees it. A frame that is still held elsewhere cannot be
 * freed by mistake: pmm_free_page insists on a count of one.
 */
#ifndef OCTAVO_PAGE_H
#define OCTAVO_PAGE_H

#include "pmm.h"

/* Bits of a frame's `flags` while it is FRAME_CACHE. */
enum {
    PAGE_USED = 1, /* asked for since reclaim last came by */
};

/* A frame for programs with one holder, contents undefined; frame 0 when there is none even after
 * reclaim (mm/reclaim.c), which leaves the kernel its reserve. `owner` is FRAME_USER, FRAME_CACHE
 * or FRAME_PAGE_TABLE, `flags` as in pmm.h. May take clean pages of the page cache away; never
 * sleeps. Not from interrupts. */
MUST_CHECK pfn_t page_alloc(enum frame_owner owner, unsigned flags);

/* Every page_alloc takes the slow way, where the trace hears of it. */
void page_watch(bool on);

/* While it is not 0, page_alloc takes the last pages of files and the upper half of the kernel's
 * reserve too: how many tasks cannot wait for memory. */
extern uint32_t page_urgent;

/* One holder more. */
static inline void
page_get(pfn_t page)
{
    __atomic_fetch_add(&frame_of(page)->count, 1, __ATOMIC_RELAXED);
}

/* Frees a frame that the last holder let go. */
void page_free(pfn_t page);

/* One holder less. Who is the only one stays so: others come by way of a holder. */
static inline void
page_put(pfn_t page)
{
    struct frame *frame = frame_of(page);

    if (__atomic_load_n(&frame->count, __ATOMIC_ACQUIRE) <= 1 ||
        __atomic_sub_fetch(&frame->count, 1, __ATOMIC_ACQ_REL) == 0)
        page_free(page);
}

/* Where the frame can be read and written until frame_unmap: its address in the direct map, or for
 * high memory a window of this CPU. Windows nest, last in first out, at most FRAME_WINDOWS deep;
 * the caller must not sleep while it has one. */
#define FRAME_WINDOWS 8
void *frame_map_window(pfn_t frame);
void frame_unmap_window(const void *address);
/* Has this CPU a window open? */
bool frame_window_is_open(void);

static inline void *
frame_map(pfn_t frame)
{
    void *address = frame_to_ptr(frame);

    return LIKELY(address != NULL) ? address : frame_map_window(frame);
}

static inline void
frame_unmap(pfn_t frame, const void *address)
{
    if (UNLIKELY(frame_to_ptr(frame) == NULL))
        frame_unmap_window(address);
}

#endif
