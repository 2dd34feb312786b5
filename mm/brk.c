/* brk.c - the heap that grows and shrinks by the byte, and the stack that grows by itself.
 *
 *   brk_start          brk                      next area
 *      |##################|...........| one page |####
 *      pages in use        room to grow           (a stack: STACK_GAP more)
 */
#include "space_private.h"

/* Private memory that can be written is always in the commit account. */
#define HEAP_FLAGS (AREA_READ | AREA_WRITE | AREA_MAYWRITE | AREA_HEAP | AREA_CHARGED)

/* Nothing may lie in [start, end) nor in the page behind it, where `next` comes (NULL: nothing). */
static inline bool
has_room(const struct area *next, uintptr_t end)
{
    uintptr_t gap = PAGE_SIZE;

    if (next == NULL)
        return true;
    if (next->flags & AREA_GROWSDOWN)
        gap += STACK_GAP;
    return next->start >= end && next->start - end >= gap;
}

static bool
data_limit_allows(const struct address_space *space, uintptr_t address)
{
    size_t limit = space->limits[SPACE_LIMIT_DATA];

    return limit == LIMIT_INFINITE ||
           address - space->brk_start + (space->data_end - space->data_start) <= limit;
}

/* The pages [start, end) join the heap. False, nothing changed, when they cannot. */
static bool
grow(struct address_space *space, uintptr_t start, uintptr_t end)
{
    unsigned flags = HEAP_FLAGS | space->read_adds | (space->lock_future ? AREA_LOCKED : 0);
    struct mapping mapping = {start, end, flags, NULL, 0};
    unsigned long pages = pages_of(start, end);
    struct area *next = area_find(&space->areas, start), *spare;

    if (!has_room(next, end) || space_may_add(space, flags, pages) != 0 ||
        (UNLIKELY(flags & AREA_LOCKED) && !space_may_lock(space, pages)) || !commit_charge(pages))
        return false;
    spare = area_new(space);
    if (spare == NULL) {
        commit_release(pages);
        return false;
    }
    space_place_after(space, next != NULL ? next->previous : space->areas.last, &mapping, spare);
    if (UNLIKELY(flags & AREA_LOCKED) && !(space->lock_future & MCL_ONFAULT))
        (void)space_populate(space, start, end);
    return true;
}

static uintptr_t
move_break(struct address_space *space, uintptr_t address)
{
    uintptr_t old_end = page_up((uint32_t)space->brk), new_end;

    if (address < space->brk_start || address > USER_END)
        return space->brk;
    new_end = page_up((uint32_t)address);
    if (address > space->brk && !data_limit_allows(space, address))
        return space->brk;
    if (new_end > old_end && !grow(space, old_end, new_end))
        return space->brk;
    if (new_end < old_end && space_unmap(space, new_end, old_end - new_end) != 0)
        return space->brk;
    space->brk = address;
    return address;
}

uintptr_t
space_brk(struct address_space *space, uintptr_t address)
{
    uintptr_t result;

    rw_lock(&space->lock);
    result = move_break(space, address);
    rw_unlock(&space->lock);
    return result;
}

/* ---- the stack ---- */

long
space_add_stack(struct address_space *space, uintptr_t top)
{
    long start = space_mmap(space, top - PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, NULL,
                            0, true);

    if (start != (long)(top - PAGE_SIZE))
        return start;
    space_change_flags(space, area_find(&space->areas, (uintptr_t)start), top, AREA_STACK, 0);
    space->stack_top = top;
    return 0;
}

bool
stack_grow(struct address_space *space, struct area *area, uintptr_t page)
{
    unsigned long pages = pages_of(page, area->start);
    const struct area *below = area->previous;

    if (area->end - page > space->limits[SPACE_LIMIT_STACK] || page < USER_START)
        return false;
    ASSERT(below == NULL || below->end <= page);
    if (below != NULL && !(below->flags & AREA_GROWSDOWN) && below->flags & AREA_PROT &&
        page - below->end < STACK_GAP)
        return false;
    if (space_may_grow(space, area->flags, pages) != 0 ||
        (area->flags & AREA_LOCKED && !space_may_lock(space, pages)) ||
        !commit_charge(area->flags & AREA_CHARGED ? pages : 0))
        return false;
    area_resize(&space->areas, area, page, area->end);
    space_account(space, area->flags, (long)pages);
    vm_count(stack_grown);
    return true;
}
