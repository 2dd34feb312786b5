/* mremap.c - mremap: a mapping that grows, shrinks, moves with its pages, or is there twice. Linux'
 * rules (mremap(2)) on the steps of space.c.
 *
 *   |####|......|   |####|xx|.......|
 *   |#######|...|   |....|xx|#######|    where there is room, the end moves; else the entries of
 *                                        the page tables move to where there is
 */
#include "space_private.h"

struct remap {
    struct address_space *space;
    struct area *area;
    uintptr_t old;
    size_t old_size, new_size;
    unsigned flags;
    uintptr_t target; /* with MREMAP_FIXED */
};

/* The area's end moves up into free room. -ENOMEM when there is none, or no memory. */
static long
grow_in_place(const struct remap *remap)
{
    struct address_space *space = remap->space;
    struct area *area = remap->area;
    size_t more = remap->new_size - remap->old_size;
    unsigned long charge = area->flags & AREA_CHARGED ? more >> PAGE_SHIFT : 0;

    if (remap->old + remap->old_size != area->end || more > USER_END - area->end ||
        !space_is_free(space, area->end, more))
        return -ENOMEM;
    if (space_may_grow(space, area->flags, more >> PAGE_SHIFT) != 0 || !commit_charge(charge))
        return -ENOMEM;
    area_resize(&space->areas, area, area->start, area->end + more);
    space_account(space, area->flags, (long)(more >> PAGE_SHIFT));
    space_join(space, area, area->end);
    return (long)remap->old;
}

/* Joins again what was cut for a change that cannot be made. */
static void
rejoin(struct address_space *space, uintptr_t start, uintptr_t end)
{
    space_join(space, area_find(&space->areas, start), end);
}

/* All that can fail of a move to `to`: both places made of whole areas, with tables of their own.
 */
static int
prepare_move(const struct remap *remap, uintptr_t to, size_t moved)
{
    struct address_space *space = remap->space;
    uintptr_t old_end = remap->old + remap->old_size, end = to + remap->new_size;
    struct area *first;

    if (space_prepare(space, remap->old, old_end, &first) != 0)
        return -ENOMEM;
    if (space_prepare(space, to, end, &first) != 0)
        goto no_target;
    if (tables_prepare_move(space, remap->old, to, moved))
        return 0;
    tables_trim(space, to, end);
    rejoin(space, to, end);
no_target:
    rejoin(space, remap->old, old_end);
    return -ENOMEM;
}

/* Takes whole areas away, and what they map, but for the tables. */
static void
clear(struct address_space *space, uintptr_t start, uintptr_t end)
{
    tables_empty(space, start, end);
    space_remove_areas(space, area_find(&space->areas, start), end);
}

/* To `to`, in the place of whatever is there: the entries change place, and the old area goes
 * unless MREMAP_DONTUNMAP keeps it, empty. The new area comes last: it may be joined with what is
 * beside it. */
static long
move_to(const struct remap *remap, uintptr_t to)
{
    struct address_space *space = remap->space;
    uintptr_t old_end = remap->old + remap->old_size;
    size_t moved = remap->old_size < remap->new_size ? remap->old_size : remap->new_size;
    bool keep = remap->flags & MREMAP_DONTUNMAP;
    struct mapping mapping = {.start = to,
                              .end = to + remap->new_size,
                              .flags = remap->area->flags & ~(unsigned)(AREA_HEAP | AREA_STACK),
                              .object = remap->area->object};
    unsigned long present = space_mapped_pages(space, to, mapping.end, 0),
                  released = space_mapped_pages(space, to, mapping.end, AREA_CHARGED);
    struct area pin = {.space = space}, *spare;

    if (mapping.object != NULL)
        mapping.index = area_index(remap->area, remap->old);
    if (!keep) {
        present += moved >> PAGE_SHIFT;
        released += space_mapped_pages(space, remap->old, old_end, AREA_CHARGED);
    }
    if (mapping_promise(space, &mapping, present, released) != 0)
        return -ENOMEM;
    spare = area_new(space);
    if (spare == NULL)
        goto no_area;
    if (prepare_move(remap, to, moved) != 0)
        goto no_room;
    if (mapping.object != NULL)
        object_add_area(mapping.object, &pin); /* who cuts it meanwhile finds the space */
    clear(space, to, mapping.end);
    tables_move(space, remap->old, to, moved);
    if (keep) { /* what is locked is locked once */
        space_change_flags(space, area_find(&space->areas, remap->old), old_end, 0, AREA_LOCKED);
    } else {
        clear(space, remap->old, old_end);
        tables_trim(space, remap->old, old_end);
    }
    mapping_keep_promise(&mapping, released);
    space_place(space, &mapping, spare);
    space->stacks += (mapping.flags & AREA_GROWSDOWN) != 0;
    if (mapping.object != NULL)
        object_remove_area(mapping.object, &pin);
    return (long)to;

no_room:
    area_discard(space, spare);
no_area:
    commit_release(mapping_new_promise(&mapping, released));
    return -ENOMEM;
}

/* Whether the place that the caller chose can be one. 0 or -errno. */
static int
check_target(const struct remap *remap, size_t new_length)
{
    uintptr_t to = remap->target;

    if (to & PAGE_MASK || new_length > USER_END - USER_START || to > USER_END - remap->new_size)
        return -EINVAL;
    if (to < remap->old + remap->old_size && remap->old < to + remap->new_size)
        return -EINVAL;
    return to < USER_START ? -EPERM : 0;
}

static long
remap_area(struct remap *remap)
{
    struct address_space *space = remap->space;
    uintptr_t to;
    long done;

    if (remap->flags & MREMAP_FIXED)
        return move_to(remap, remap->target);
    if (!(remap->flags & MREMAP_DONTUNMAP)) {
        if (remap->new_size == remap->old_size)
            return (long)remap->old;
        if (remap->new_size < remap->old_size) {
            done = space_unmap(space, remap->old + remap->new_size,
                                remap->old_size - remap->new_size);
            return done != 0 ? done : (long)remap->old;
        }
        done = grow_in_place(remap);
        if (!is_error(done))
            return done;
    }
    if (!(remap->flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    to = space_find_room(space, remap->new_size);
    return to != 0 ? move_to(remap, to) : -ENOMEM;
}

/* What a locked mapping grows by is counted, and brought in. */
static long
remap_locked(struct remap *remap)
{
    size_t old_size = remap->old_size, new_size = remap->new_size;
    long start;

    if (new_size > old_size &&
        !space_may_lock(remap->space, (new_size - old_size) >> PAGE_SHIFT))
        return -EAGAIN;
    start = remap_area(remap);
    if (!is_error(start) && new_size > old_size)
        (void)space_populate(remap->space, (uintptr_t)start + old_size,
                             (uintptr_t)start + new_size);
    return start;
}

/* A second mapping of the same pages of an object: mremap with an old size of 0. It may come in the
 * place of the first, which must not take the object along. mmap does it all, its lock included:
 * what is needed of the first mapping is at hand. */
static long
duplicate(const struct remap *remap)
{
    struct object *object = remap->area->object;
    unsigned old_flags = remap->area->flags;
    unsigned flags = MAP_SHARED | (remap->flags & MREMAP_FIXED ? MAP_FIXED : 0);
    uint32_t index = area_index(remap->area, remap->old);
    long start;

    if (!(old_flags & AREA_SHARED))
        return -EINVAL;
    if (!(remap->flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    object_get(object);
    rw_unlock(&remap->space->lock);
    start = space_mmap(remap->space, remap->target, remap->new_size, old_flags & AREA_PROT, flags,
                       object, index, (old_flags & AREA_MAYWRITE) != 0);
    rw_lock(&remap->space->lock);
    object_put(object);
    return start;
}

/* The end of what must be one mapping: what moves or grows. What goes may be anything. */
static uintptr_t
source_end(const struct remap *remap)
{
    if (remap->new_size > remap->old_size)
        return remap->old + remap->old_size;
    return remap->old +
           (remap->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? remap->new_size : 0);
}

static long
remap(struct address_space *space, uintptr_t old, size_t old_length, size_t new_length,
      unsigned flags, uintptr_t target)
{
    struct remap remap = {.space = space,
                          .old = old,
                          .old_size = page_up((uint32_t)old_length),
                          .new_size = page_up((uint32_t)new_length),
                          .flags = flags,
                          .target = flags & MREMAP_FIXED ? target : 0};
    uintptr_t end;
    int error;

    if (flags & ~(unsigned)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) || old & PAGE_MASK)
        return -EINVAL;
    if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE)) ||
        remap.new_size == 0)
        return -EINVAL;
    if (flags & MREMAP_DONTUNMAP && remap.old_size != remap.new_size)
        return -EINVAL;
    error = flags & MREMAP_FIXED ? check_target(&remap, new_length) : 0;
    if (error != 0)
        return error;
    remap.area = area_find(&space->areas, old);
    if (remap.area == NULL || remap.area->start > old)
        return -EFAULT;
    if (new_length > USER_END - USER_START)
        return -ENOMEM;
    if (area_index(remap.area, old) > UINT32_MAX - 1 - (remap.new_size >> PAGE_SHIFT))
        return -EINVAL;
    if (old_length == 0)
        return duplicate(&remap);
    if (!user_pages(old, old_length, &end) || source_end(&remap) > remap.area->end)
        return -EFAULT;
    return remap.area->flags & AREA_LOCKED ? remap_locked(&remap) : remap_area(&remap);
}

long
space_mremap(struct address_space *space, uintptr_t old, size_t old_length, size_t new_length,
             unsigned flags, uintptr_t target)
{
    long result;

    rw_lock(&space->lock);
    result = remap(space, old, old_length, new_length, flags, target);
    rw_unlock(&space->lock);
    return result;
}
