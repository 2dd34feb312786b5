/* fault.c - page faults and what does the work of one: the pages that programs get, and a program's
 * memory touched from outside. What a fault means: faults.inc.
 */
#include "space_private.h"
#include <string.h>

/* ---- pages ---- */

pfn_t
page_zeroed(void)
{
    pfn_t page = page_alloc(FRAME_USER, 0);

    if (LIKELY(page.n != 0)) {
        void *at = frame_map(page);

        memset(at, 0, PAGE_SIZE);
        frame_unmap(page, at);
        vm_count_by(bytes_cleared, PAGE_SIZE);
    }
    return page;
}

void
page_copy(pfn_t to, pfn_t from)
{
    void *target = frame_map(to);
    const void *source = frame_map(from);

    memcpy(target, source, PAGE_SIZE);
    frame_unmap(from, source);
    frame_unmap(to, target);
    vm_count_by(bytes_copied, PAGE_SIZE);
}

/* ---- faults ---- */

enum fault_result
space_fault(struct address_space *space, uintptr_t address, enum fault_access access)
{
    return paging->fault(space, address, access);
}

bool
space_unmap_old(struct area *area, uintptr_t va, pfn_t page)
{
    return paging->unmap_old(area, va, page);
}

void
space_cut(struct area *area, uintptr_t start)
{
    tables_cut(area->space, start, area->end);
}

int
space_populate(struct address_space *space, uintptr_t start, uintptr_t end)
{
    for (uintptr_t va = start; va < end; va += PAGE_SIZE) {
        const struct area *area = area_find(&space->areas, va);
        bool writes;

        if (area == NULL || area->start > va)
            return -ENOMEM;
        writes = (area->flags & (AREA_WRITE | AREA_SHARED)) == AREA_WRITE;
        if (space_fault(space, va, writes ? FAULT_WRITE_ACCESS : FAULT_READ) != FAULT_DONE)
            return -ENOMEM;
    }
    return 0;
}

/* ---- from outside ---- */

/* Copies between `memory` and the program, page by page. */
static size_t
transfer(struct address_space *space, uintptr_t at, char *memory, size_t size, bool write)
{
    size_t done = 0;

    while (done < size && at + done < USER_END) {
        size_t offset = (at + done) & PAGE_MASK, piece = PAGE_SIZE - offset;
        pfn_t page = paging->page_at(space, page_down(at + done), write ? FAULT_WRITE_ACCESS : FAULT_READ);
        char *window;

        if (page.n == 0)
            break;
        if (piece > size - done)
            piece = size - done;
        window = frame_map(page);
        memcpy(write ? window + offset : memory + done, write ? memory + done : window + offset,
               piece);
        frame_unmap(page, window);
        page_put(page);
        done += piece;
    }
    return done;
}

size_t
space_read(struct address_space *space, uintptr_t from, void *to, size_t size)
{
    return transfer(space, from, to, size, false);
}

size_t
space_write(struct address_space *space, uintptr_t to, const void *from, size_t size)
{
    return transfer(space, to, (char *)from, size, true);
}
