/* vmalloc.c - where there are no page tables of ours, consecutive addresses need consecutive
 * frames.
 *
 * A large allocation takes neighbouring whole blocks (buddy_alloc_count). It fails earlier than the
 * kernel's does when memory is in pieces.
 */
#include "vmalloc.h"
#include "pmm.h"

/* The allocation that begins at an address; NULL when none of ours does. */
static struct frame *
area_of(const void *memory, pfn_t *frame)
{
    if ((uintptr_t)memory & PAGE_MASK || !ptr_to_frame(memory, frame) || !pmm_frame_known(*frame))
        return NULL;
    return frame_of(*frame)->owner == FRAME_VMALLOC ? frame_of(*frame) : NULL;
}

void *
vmalloc(size_t size)
{
    paddr_t first = pmm_alloc_pages_flags((size >> PAGE_SHIFT) + !!(size & PAGE_MASK), PMM_DIRECT);
    if (!first)
        return NULL;
    frame_set_owner(paddr_to_pfn(first), FRAME_VMALLOC);
    return frame_to_ptr(paddr_to_pfn(first));
}

size_t
vmalloc_size(const void *memory)
{
    pfn_t frame;
    const struct frame *area = area_of(memory, &frame);
    return area ? (size_t)area->count << PAGE_SHIFT : 0;
}

void
vfree(void *memory)
{
    pfn_t frame;
    const struct frame *area = area_of(memory, &frame);
    if (!area)
        kpanic("vmalloc: free of %p: no area begins there", memory);
    pmm_free_pages(pfn_to_paddr(frame), area->count);
}

void
vmalloc_print(struct printer *out)
{
    (void)out;
}

bool
vmalloc_check(void)
{
    return true;
}
