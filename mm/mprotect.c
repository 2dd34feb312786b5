/* mprotect.c - mprotect: what may be done with pages from now on. Linux' rules (mprotect(2)) on the
 * steps of space.c: limits and promises for what becomes writable and private come first. */
#include "space_private.h"

/* What mprotect would have to promise: pages of areas that become writable and private. */
struct writable {
    unsigned long charge; /* of them not in the commit account */
    unsigned long data;   /* not counted as data */
    bool strict;          /* AREA_NORESERVE does not count; asked once, as it may change any time */
};

/* area_is_charged, by what was so when the call began. */
static inline bool
is_charged(const struct writable *writable, unsigned flags)
{
    return (flags & (AREA_WRITE | AREA_SHARED)) == AREA_WRITE &&
           (LIKELY(!(flags & AREA_NORESERVE)) || writable->strict);
}

/* Whether the areas of [start, end) allow `prot`, and what they ask for. */
static int
may_protect(const struct address_space *space, uintptr_t start, uintptr_t end, unsigned prot,
            struct writable *writable)
{
    const struct area *area = area_find(&space->areas, start);

    *writable = (struct writable){.strict = area_is_reserved(AREA_NORESERVE)};
    for (uintptr_t at = start, next; at < end; at = next, area = area->next) {
        if (area == NULL || area->start > at)
            return -ENOMEM;
        next = area->end < end ? area->end : end;
        if (!(prot & AREA_WRITE))
            continue;
        if (!(area->flags & AREA_MAYWRITE))
            return -EACCES;
        if (!(area->flags & AREA_CHARGED) && is_charged(writable, area->flags | AREA_WRITE))
            writable->charge += pages_of(at, next);
        if (!(area->flags & (AREA_WRITE | AREA_SHARED | AREA_STACK)))
            writable->data += pages_of(at, next);
    }
    return 0;
}

static void
protect(struct address_space *space, struct area *first, uintptr_t end, unsigned prot,
        const struct writable *writable)
{
    for (struct area *area = first; area != NULL && area->start < end; area = area->next) {
        unsigned flags = (area->flags & ~(unsigned)AREA_PROT) | prot;
        long pages = (long)pages_of(area->start, area->end);

        if (is_charged(writable, flags))
            flags |= AREA_CHARGED;
        if (flags == area->flags)
            continue;
        if (area_is_data(flags) != area_is_data(area->flags))
            space->data_pages += (unsigned long)(area_is_data(flags) ? pages : -pages);
        if (flags & AREA_CHARGED && !(area->flags & AREA_CHARGED))
            space->charged_pages += (unsigned long)pages;
        area->flags = flags;
        tables_protect(space, area->start, area->end, flags);
    }
    space_join(space, first, end);
}

/* What the flags beside PROT_READ and so on ask for: with PROT_GROWSDOWN the change goes down
 * to where the stack that holds *start begins; nothing grows up. 0 or -errno. */
static int
reach_down(const struct address_space *space, uintptr_t *start, unsigned prot)
{
    const struct area *area = area_find(&space->areas, *start);

    if (prot & PROT_GROWSUP)
        return -EINVAL;
    if (!(prot & PROT_GROWSDOWN))
        return 0;
    if (area == NULL || area->start > *start)
        return -ENOMEM;
    if (!(area->flags & AREA_GROWSDOWN))
        return -EINVAL;
    *start = area->start;
    return 0;
}

static long
protect_range(struct address_space *space, uintptr_t start, size_t length, unsigned prot)
{
    struct writable writable;
    struct area *first;
    uintptr_t end;
    int error;

    if (start & PAGE_MASK ||
        prot & ~(unsigned)(AREA_PROT | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP))
        return -EINVAL;
    if (length == 0)
        return 0;
    if (!user_pages(start, length, &end))
        return -ENOMEM;
    if (UNLIKELY(prot & ~(unsigned)AREA_PROT)) {
        error = reach_down(space, &start, prot);
        if (error != 0)
            return error;
        prot &= AREA_PROT;
    }
    if (prot & AREA_READ)
        prot |= space->read_adds;
    error = may_protect(space, start, end, prot, &writable);
    if (error != 0)
        return error;
    if ((writable.data != 0 &&
         exceeds(space->data_pages, writable.data, space->limits[SPACE_LIMIT_DATA])) ||
        (writable.charge != 0 && !commit_charge(writable.charge)))
        return -ENOMEM;
    if (space_prepare(space, start, end, &first) != 0) {
        commit_release(writable.charge);
        return -ENOMEM;
    }
    protect(space, first, end, prot, &writable);
    return 0;
}

long
space_mprotect(struct address_space *space, uintptr_t start, size_t length, unsigned prot)
{
    long result;

    rw_lock(&space->lock);
    result = protect_range(space, start, length, prot);
    rw_unlock(&space->lock);
    return result;
}
