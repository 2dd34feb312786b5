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

/* A stack grows down to `address`, which needs the space alone. False when it may not. */
static __attribute__((noinline)) bool
grow_stack(struct address_space *space, uintptr_t address)
{
    struct area *area;
    bool grown;

    rw_lock(&space->lock);
    area = area_find(&space->areas, address);
    grown = area != NULL &&
            (address >= area->start || (area->flags & AREA_GROWSDOWN &&
                                        stack_grow(space, area, page_down(address))));
    rw_unlock(&space->lock);
    return grown;
}

enum fault_result
space_fault(struct address_space *space, uintptr_t address, enum fault_access access)
{
    enum fault_result result;

    do {
        rw_lock_shared(&space->lock);
        result = paging->fault(space, address, access);
        rw_unlock_shared(&space->lock);
        if (LIKELY(result != FAULT_GROWS))
            return result;
    } while (grow_stack(space, address));
    return FAULT_MAPERR;
}

/* Whether the area shows page `index` of its object, and where. */
static bool
shows(const struct area *area, uint32_t index, uintptr_t *va)
{
    uint32_t offset = index - area->index;

    if (index < area->index || offset >= pages_of(area->start, area->end))
        return false;
    *va = area->start + ((uintptr_t)offset << PAGE_SHIFT);
    return true;
}

/* What the flags were a moment ago says whether a look is worth the lock. */
__attribute__((no_sanitize("thread"))) bool
space_keeps(const struct area *area, uint32_t index)
{
    struct address_space *space = area->space;
    bool mine, keeps;
    uintptr_t va;

    if (LIKELY(!(area->flags & AREA_LOCKED)))
        return false;
    mine = rw_is_mine(&space->lock);
    if (!mine && !rw_try_lock_shared(&space->lock))
        return true;
    keeps = area->flags & AREA_LOCKED && shows(area, index, &va);
    if (!mine)
        rw_unlock_shared(&space->lock);
    return keeps;
}

bool
space_unmap_old(struct area *area, uint32_t index, pfn_t page)
{
    struct address_space *space = area->space;
    bool mine = rw_is_mine(&space->lock), used = false;
    uintptr_t va;

    if (!mine && !rw_try_lock_shared(&space->lock))
        return true;
    if (shows(area, index, &va))
        used = area->flags & AREA_LOCKED || paging->unmap_old(space, va, page);
    if (!mine)
        rw_unlock_shared(&space->lock);
    return used;
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
        if (paging->fault(space, va, writes ? FAULT_WRITE_ACCESS : FAULT_READ) != FAULT_DONE)
            return -ENOMEM;
    }
    return 0;
}

/* ---- from outside ---- */

/* Copies up to the end of a page. 0 when the program could not touch it so. */
static size_t
transfer_piece(struct address_space *space, uintptr_t at, char *memory, size_t size, bool write,
               enum fault_result *result)
{
    size_t offset = at & PAGE_MASK, piece = PAGE_SIZE - offset;
    enum fault_access access = write ? FAULT_WRITE_ACCESS : FAULT_READ;
    pfn_t page = paging->page_at(space, page_down(at), access, result);
    char *window;

    if (page.n == 0)
        return 0;
    if (piece > size)
        piece = size;
    window = frame_map(page);
    memcpy(write ? window + offset : memory, write ? memory : window + offset, piece);
    frame_unmap(page, window);
    page_put(page);
    return piece;
}

/* Copies between `memory` and the program, page by page. No fork comes in between, after which a
 * page would be another's too. */
static size_t
transfer(struct address_space *space, uintptr_t at, char *memory, size_t size, bool write)
{
    size_t done = 0;

    while (done < size && at + done < USER_END) {
        enum fault_result result;
        size_t piece;

        rw_lock_shared(&space->lock);
        piece = transfer_piece(space, at + done, memory + done, size - done, write, &result);
        rw_unlock_shared(&space->lock);
        if (piece == 0 && (result != FAULT_GROWS || !grow_stack(space, at + done)))
            break;
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
