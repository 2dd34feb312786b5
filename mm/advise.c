/* advise.c - what programs say and ask about their pages: madvise, mincore, msync, mlock. */
#include "space_private.h"
#include <string.h>

/* The range of such a call: -EINVAL when it does not start at a page, -ENOMEM beyond the end. */
static int
page_range(uintptr_t start, size_t length, uintptr_t *end)
{
    if (start & PAGE_MASK)
        return -EINVAL;
    return user_pages(start, length, end) ? 0 : -ENOMEM;
}

/* ---- madvise ---- */

/* Pages go; what is read next is what the area starts with. */
static int
forget(struct address_space *space, const struct area *area, uintptr_t start, uintptr_t end)
{
    if (area->flags & AREA_LOCKED)
        return -EINVAL;
    if (!tables_own(space, start, end))
        return -EAGAIN;
    tables_zap(space, start, end);
    return 0;
}

/* Memory without a file has nothing to read ahead: its pages come when they are touched. */
static int
will_need(struct address_space *space, const struct area *area, uintptr_t start, uintptr_t end)
{
    if (area->object != NULL && area->object->ops->fill != NULL && area->flags & AREA_PROT)
        for (uintptr_t va = start; va < end; va += PAGE_SIZE)
            if (paging->fault(space, va, FAULT_READ) != FAULT_DONE)
                break;
    return 0;
}

/* Flags that fork looks at. Advice for which there is no area may be given again (madvise(2)). */
static int
change(struct address_space *space, uintptr_t start, uintptr_t end, unsigned set, unsigned clear)
{
    struct area *first;

    if (space_isolate(space, start, end, &first) != 0)
        return -EAGAIN;
    space_change_flags(space, first, end, set, clear);
    return 0;
}

/* Only what the area says may be read is, though the CPU would read from more. */
static int
populate(struct address_space *space, const struct area *area, uintptr_t start, uintptr_t end,
         enum fault_access access)
{
    if (access == FAULT_READ && !(area->flags & AREA_READ))
        return -EINVAL;
    for (uintptr_t va = start; va < end; va += PAGE_SIZE) {
        enum fault_result result = paging->fault(space, va, access);

        if (result != FAULT_DONE)
            return result == FAULT_NOMEM ? -ENOMEM : result == FAULT_ACCERR ? -EINVAL : -EFAULT;
    }
    return 0;
}

/* Advice for [start, end), which lies in `area`. */
static int
advise(struct address_space *space, const struct area *area, uintptr_t start, uintptr_t end,
       int advice)
{
    bool private_memory = area->object == NULL;

    switch (advice) {
    case MADV_DONTNEED:
        return forget(space, area, start, end);
    case MADV_FREE:
        return private_memory ? forget(space, area, start, end) : -EINVAL;
    case MADV_WILLNEED:
        return will_need(space, area, start, end);
    case MADV_DONTFORK:
        return change(space, start, end, AREA_DONTFORK, 0);
    case MADV_DOFORK:
        return change(space, start, end, 0, AREA_DONTFORK);
    case MADV_WIPEONFORK:
        return private_memory ? change(space, start, end, AREA_WIPEONFORK, 0) : -EINVAL;
    case MADV_KEEPONFORK:
        return change(space, start, end, 0, AREA_WIPEONFORK);
    case MADV_POPULATE_READ:
        return populate(space, area, start, end, FAULT_READ);
    case MADV_POPULATE_WRITE:
        return populate(space, area, start, end, FAULT_WRITE_ACCESS);
    default:
        return 0; /* known, and nothing to do here */
    }
}

static bool
is_known(int advice)
{
    return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) || advice == MADV_FREE ||
           (advice >= MADV_DONTFORK && advice <= MADV_POPULATE_WRITE);
}

/* Bringing pages in ends at a hole; all other advice goes on behind it. */
static bool
brings_in(int advice)
{
    return advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
}

static long
advise_range(struct address_space *space, uintptr_t start, size_t length, int advice)
{
    uint64_t last = (uint64_t)start + (((uint64_t)length + PAGE_MASK) & ~(uint64_t)PAGE_MASK);
    uintptr_t end = last < USER_END ? (uintptr_t)last : USER_END, at = start;
    bool hole = false;

    if (!is_known(advice) || start & PAGE_MASK || length > UINT32_MAX || last >> 32 != 0)
        return -EINVAL;
    if (length == 0)
        return 0;
    while (at < end) {
        struct area *area = area_find(&space->areas, at);
        uintptr_t from, to;
        int error;

        hole |= area == NULL || area->start > at;
        if (area == NULL || area->start >= end || (hole && brings_in(advice)))
            break;
        from = area->start > at ? area->start : at;
        to = area->end < end ? area->end : end;
        error = advise(space, area, from, to, advice);
        if (error != 0)
            return error;
        at = to;
    }
    return hole || last > USER_END ? -ENOMEM : 0;
}

long
space_madvise(struct address_space *space, uintptr_t start, size_t length, int advice)
{
    long result;

    rw_lock(&space->lock);
    result = advise_range(space, start, length, advice);
    rw_unlock(&space->lock);
    return result;
}

/* ---- mincore ---- */

static long
tell_residence(struct address_space *space, uintptr_t start, size_t pages, uint8_t *answer)
{
    uintptr_t end;
    int error = page_range(start, pages << PAGE_SHIFT, &end);

    if (error != 0)
        return error;
    if (pages > USER_END >> PAGE_SHIFT)
        return -ENOMEM;
    if (!space_is_mapped(space, start, end))
        return -ENOMEM;
    for (uintptr_t va = start; va < end; va += PAGE_SIZE) {
        const struct area *area = area_find(&space->areas, va);
        bool here = tables_look(space, va).n != 0;

        if (!here && area->object != NULL)
            here = object_has(area->object, area_index(area, va));
        *answer++ = here;
    }
    return 0;
}

long
space_mincore(struct address_space *space, uintptr_t start, size_t pages, uint8_t *answer)
{
    long result;

    rw_lock(&space->lock);
    result = tell_residence(space, start, pages, answer);
    rw_unlock(&space->lock);
    return result;
}

/* ---- msync ---- */

/* There is nothing behind the page cache to write to: only the arguments matter. */
static long
check_synced(struct address_space *space, uintptr_t start, size_t length, unsigned flags)
{
    uintptr_t end;

    if (start & PAGE_MASK || flags & ~(unsigned)(MS_ASYNC | MS_INVALIDATE | MS_SYNC) ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    if (!user_pages(start, length, &end))
        return -ENOMEM;
    if (flags & MS_INVALIDATE && space_mapped_pages(space, start, end, AREA_LOCKED) > 0)
        return -EBUSY;
    return space_is_mapped(space, start, end) ? 0 : -ENOMEM;
}

long
space_msync(struct address_space *space, uintptr_t start, size_t length, unsigned flags)
{
    long result;

    rw_lock(&space->lock);
    result = check_synced(space, start, length, flags);
    rw_unlock(&space->lock);
    return result;
}

/* ---- mlock: nothing is ever swapped out, so to lock is to bring in and to keep ---- */

static long
lock_range(struct address_space *space, uintptr_t start, size_t length, bool lock, bool on_fault)
{
    struct area *first;
    uintptr_t end;

    length += start & PAGE_MASK;
    start = page_down(start);
    if (!user_pages(start, length, &end))
        return -ENOMEM;
    if (start == end)
        return 0;
    if (lock && !space_may_lock(space, pages_of(start, end) -
                                           space_mapped_pages(space, start, end, AREA_LOCKED)))
        return -ENOMEM;
    if (!space_is_mapped(space, start, end) ||
        (lock && !on_fault && space_populate(space, start, end) != 0) ||
        space_isolate(space, start, end, &first) != 0)
        return -ENOMEM;
    space_change_flags(space, first, end, lock ? AREA_LOCKED : 0, lock ? 0 : AREA_LOCKED);
    return 0;
}

long
space_mlock(struct address_space *space, uintptr_t start, size_t length, bool lock, bool on_fault)
{
    long result;

    rw_lock(&space->lock);
    result = lock_range(space, start, length, lock, on_fault);
    rw_unlock(&space->lock);
    return result;
}

/* Every area, but for stacks that would be filled down to their limit. */
static void
lock_all(struct address_space *space, bool lock, bool populate_now)
{
    space_change_flags(space, space->areas.first, USER_END, lock ? AREA_LOCKED : 0,
                       lock ? 0 : AREA_LOCKED);
    if (!lock || !populate_now)
        return;
    for (const struct area *area = space->areas.first; area != NULL; area = area->next)
        if (area->flags & AREA_PROT)
            (void)space_populate(space, area->start, area->end);
}

static long
lock_space(struct address_space *space, unsigned flags)
{
    if (flags == 0 || flags & ~(unsigned)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) ||
        flags == MCL_ONFAULT)
        return -EINVAL;
    if (flags & MCL_CURRENT && !space_may_lock(space, space->total_pages - space->locked_pages))
        return -ENOMEM;
    space->lock_future = flags & MCL_FUTURE ? flags & (MCL_FUTURE | MCL_ONFAULT) : 0;
    if (flags & MCL_CURRENT)
        lock_all(space, true, !(flags & MCL_ONFAULT));
    return 0;
}

long
space_mlockall(struct address_space *space, unsigned flags)
{
    long result;

    rw_lock(&space->lock);
    result = lock_space(space, flags);
    rw_unlock(&space->lock);
    return result;
}

long
space_munlockall(struct address_space *space)
{
    rw_lock(&space->lock);
    space->lock_future = 0;
    lock_all(space, false, false);
    rw_unlock(&space->lock);
    return 0;
}
