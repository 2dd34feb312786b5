/* fault.c - what a page fault means: a page comes when it is first touched.
 *
 *   entry of the table     area              a read gets             a write gets
 *   nothing                private, memory   the zero page           a page of zeros
 *   nothing                private, file     the cache's page, r/o   a copy of it
 *   nothing                shared            the object's page       the object's page
 *   zero page, r/o         private           -                       a page of zeros
 *   page, r/o              private           -                       a copy; the page itself if
 *                                                                    nobody else holds it
 *
 * Pages that cannot be had change nothing: the answer is FAULT_NOMEM, and the same instruction may
 * be tried again.
 *
 * While a page is allocated, reclaim may take a page of the cache out of this very table. So an
 * entry that was read before is looked at again after.
 */
#include "space_private.h"
#include <string.h>

/* Pages of a file around the one that was touched come along when they are in the cache. */
#define AROUND 16u

/* ---- pages ---- */

pfn_t
page_zeroed(void)
{
    pfn_t page = page_alloc(FRAME_USER, 0);

    if (LIKELY(page.n != 0)) {
        void *at = frame_map(page);

        memset(at, 0, PAGE_SIZE);
        frame_unmap(page, at);
        vm_counters.bytes_cleared += PAGE_SIZE;
    }
    return page;
}

/* The caller sees to it that `from` stays. */
static void
copy_into(pfn_t to, pfn_t from)
{
    void *target = frame_map(to);
    const void *source = frame_map(from);

    memcpy(target, source, PAGE_SIZE);
    frame_unmap(from, source);
    frame_unmap(to, target);
    vm_counters.bytes_copied += PAGE_SIZE;
}

/* ---- nothing there yet ---- */

static inline enum fault_result
anonymous(struct address_space *space, const struct area *area, uintptr_t va, pte_t *entry,
          enum fault_access access)
{
    pte_t new = (pte_t)pfn_to_paddr(vm_zero_page) | PT_PRESENT | PT_USER | PT_ACCESSED;

    if (access == FAULT_WRITE_ACCESS) {
        pfn_t page = page_zeroed();

        if (page.n == 0)
            return FAULT_NOMEM;
        new = (pte_t)pfn_to_paddr(page) | pte_flags(area->flags);
        vm_counters.demand_zero++;
    } else {
        vm_counters.zero_page++;
    }
    *entry = new;
    table_add(space, va);
    return FAULT_DONE;
}

/* The flags with which a page of an object comes into an area. */
static inline pte_t
object_flags(const struct area *area)
{
    if (area->flags & AREA_SHARED)
        return pte_flags(area->flags) | PTE_OBJECT;
    return pte_flags(area->flags) & ~(pte_t)PT_WRITE;
}

/* Maps pages beside `va` that the cache has, within the area and the table. */
static void
fault_around(struct address_space *space, const struct area *area, uintptr_t va)
{
    uintptr_t first = va & ~(uintptr_t)(AROUND * PAGE_SIZE - 1), end = first + AROUND * PAGE_SIZE;
    pte_t flags = object_flags(area) & ~(pte_t)PT_ACCESSED;
    pte_t *entry;

    if (first < area->start)
        first = area->start;
    if (end > area->end)
        end = area->end;
    entry = user_entry_look(space, first);
    for (uintptr_t at = first; at < end; at += PAGE_SIZE, entry++) {
        pfn_t page = *entry == 0 ? object_find(area->object, area_index(area, at)) : pfn(0);

        if (page.n == 0)
            continue;
        page_get(page);
        *entry = (pte_t)pfn_to_paddr(page) | flags;
        table_add(space, at);
        vm_counters.fault_around++;
    }
}

/* A private area's first write to a page of its file: the copy, with the object's page let go. */
static enum fault_result
object_copy(struct address_space *space, const struct area *area, uintptr_t va, pte_t *entry,
            pfn_t from)
{
    pfn_t page = page_alloc(FRAME_USER, 0);

    if (page.n != 0) {
        copy_into(page, from);
        *entry = (pte_t)pfn_to_paddr(page) | pte_flags(area->flags);
        table_add(space, va);
        vm_counters.cow_copy++;
        space->cow_breaks++;
    }
    page_put(from);
    return page.n != 0 ? FAULT_DONE : FAULT_NOMEM;
}

static enum fault_result
from_object(struct address_space *space, const struct area *area, uintptr_t va, pte_t *entry,
            enum fault_access access)
{
    unsigned long filled = vm_counters.pgmajfault;
    pfn_t page;
    int error = object_page(area->object, area_index(area, va), &page);

    if (error != 0)
        return error == -ENOMEM ? FAULT_NOMEM : FAULT_BUSERR;
    space->major_faults += vm_counters.pgmajfault - filled;
    if (access == FAULT_WRITE_ACCESS && !(area->flags & AREA_SHARED))
        return object_copy(space, area, va, entry, page);
    *entry = (pte_t)pfn_to_paddr(page) | object_flags(area);
    table_add(space, va);
    vm_counters.file_mapped++;
    if (!(area->flags & AREA_ANONYMOUS))
        fault_around(space, area, va);
    return FAULT_DONE;
}

/* ---- there, but not to be written ---- */

/* Puts a page of the space's own in the place of the one that `entry` holds. */
static enum fault_result
replace_page(struct address_space *space, const struct area *area, uintptr_t va, pte_t *entry)
{
    pte_t old = *entry;
    bool zero = pte_frame(old).n == vm_zero_page.n;
    pfn_t page = zero ? page_zeroed() : page_alloc(FRAME_USER, 0);

    if (page.n == 0)
        return FAULT_NOMEM;
    if (pte_frame(*entry).n != pte_frame(old).n) { /* reclaim took it meanwhile */
        page_put(page);
        return FAULT_DONE;
    }
    if (zero) {
        vm_counters.demand_zero++;
    } else {
        copy_into(page, pte_frame(old));
        page_put(pte_frame(old));
        vm_counters.cow_copy++;
        space->cow_breaks++;
    }
    *entry = (pte_t)pfn_to_paddr(page) | pte_flags(area->flags);
    user_flush_page(space, va);
    return FAULT_DONE;
}

static enum fault_result
write_protected(struct address_space *space, const struct area *area, uintptr_t va, pte_t *entry)
{
    const struct frame *frame = frame_of(pte_frame(*entry));

    if (!(*entry & PTE_OBJECT) && (frame->owner != FRAME_USER || frame->count != 1))
        return replace_page(space, area, va, entry);
    *entry |= PT_WRITE;
    vm_counters.cow_reuse++;
    user_flush_page(space, va);
    return FAULT_DONE;
}

/* ---- the fault ---- */

/* The area at `address`; a stack above it grows. NULL when there is none. */
static struct area *
find_area(struct address_space *space, uintptr_t address)
{
    struct area *area;

    if (address >= USER_END)
        return NULL;
    area = area_find(&space->areas, address);
    if (area == NULL)
        return NULL;
    if (address < area->start &&
        (!(area->flags & AREA_GROWSDOWN) || !stack_grow(space, area, page_down(address))))
        return NULL;
    space->hit = area;
    return area;
}

enum fault_result
space_fault(struct address_space *space, uintptr_t address, enum fault_access access)
{
    struct area *area = space->hit;
    uintptr_t va = page_down(address);
    pte_t *entry;

    if (area == NULL || address - area->start >= area->end - area->start) {
        area = find_area(space, address);
        if (area == NULL)
            return FAULT_MAPERR;
    }
    if (!(area->flags & (access == FAULT_WRITE_ACCESS ? AREA_WRITE : AREA_PROT)))
        return FAULT_ACCERR;
    entry = user_entry(space, va);
    if (entry == NULL)
        return FAULT_NOMEM;
    space->minor_faults++;
    vm_counters.pgfault++;
    if (*entry == 0)
        return area->object == NULL ? anonymous(space, area, va, entry, access)
                                    : from_object(space, area, va, entry, access);
    if (access == FAULT_WRITE_ACCESS && !(*entry & PT_WRITE))
        return write_protected(space, area, va, entry);
    user_flush_page(space, va); /* the CPU remembered less than the table allows by now */
    return FAULT_DONE;
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

/* The page at `va`, as a program's own access would find it, with a holder more; frame 0: none. */
static pfn_t
page_at(struct address_space *space, uintptr_t va, enum fault_access access)
{
    for (int tries = 0; tries < 3; tries++) {
        const pte_t *entry = user_entry_look(space, va);
        pte_t needed = access == FAULT_WRITE_ACCESS ? PT_PRESENT | PT_WRITE : PT_PRESENT;

        if (entry != NULL && (*entry & needed) == needed &&
            (access != FAULT_WRITE_ACCESS || *directory_entry_of(space, va) & PT_WRITE)) {
            page_get(pte_frame(*entry));
            return pte_frame(*entry);
        }
        if (space_fault(space, va, access) != FAULT_DONE)
            break;
    }
    return pfn(0);
}

/* Copies between `memory` and the program, page by page. */
static size_t
transfer(struct address_space *space, uintptr_t at, char *memory, size_t size, bool write)
{
    size_t done = 0;

    while (done < size && at + done < USER_END) {
        size_t offset = (at + done) & PAGE_MASK, piece = PAGE_SIZE - offset;
        pfn_t page = page_at(space, page_down(at + done), write ? FAULT_WRITE_ACCESS : FAULT_READ);
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

/* ---- for reclaim and truncation ---- */

bool
space_unmap_old(struct area *area, uintptr_t va, pfn_t page)
{
    pte_t directory = *directory_entry_of(area->space, va);
    pte_t *entry = user_entry_look(area->space, va);
    bool used;

    if (entry == NULL || *entry == 0 || pte_frame(*entry).n != page.n)
        return false;
    used = *entry & PT_ACCESSED;
    if (used) {
        *entry &= ~(pte_t)PT_ACCESSED;
    } else {
        *entry = 0;
        frame_of(pte_frame(directory))->live--;
        page_put(page);
    }
    tlb_flush_page(va);
    return used;
}

void
space_cut(struct area *area, uintptr_t start)
{
    tables_cut(area->space, start, area->end);
}
