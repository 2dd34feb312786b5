/* mmap.c - mmap, munmap, mprotect and mremap: Linux' rules (their manual pages, section 2) on the
 * steps of space.c. */
#include "space_private.h"

/* ---- where ---- */

/* The stack that needs the gap above [start, start + size), which is free; NULL when none does. */
static const struct area *
stack_above(const struct address_space *space, uintptr_t start, size_t size)
{
    const struct area *area = area_find(&space->areas, start + size);

    if (area == NULL || !(area->flags & AREA_GROWSDOWN) ||
        area->start - (start + size) >= STACK_GAP)
        return NULL;
    return area;
}

/* Room in [low, high), the highest or the lowest, that leaves stacks the gaps they need. */
static uintptr_t
gap_below(struct address_space *space, size_t size, uintptr_t low, uintptr_t high)
{
    uintptr_t found = area_gap_below(&space->areas, size, low, high);
    const struct area *stack;

    while (found != 0 && space->stacks > 1 && (stack = stack_above(space, found, size)) != NULL)
        found = stack->start < low + STACK_GAP
                    ? 0
                    : area_gap_below(&space->areas, size, low, stack->start - STACK_GAP);
    return found;
}

static uintptr_t
gap_above(struct address_space *space, size_t size, uintptr_t low, uintptr_t high)
{
    uintptr_t found = area_gap_above(&space->areas, size, low, high);
    const struct area *stack;

    while (found != 0 && space->stacks > 1 && (stack = stack_above(space, found, size)) != NULL)
        found = area_gap_above(&space->areas, size, stack->end, high);
    return found;
}

/* Above MMAP_TOP, or the heap if that has grown beyond, up to where the stack may come; at last
 * below the heap. */
static __attribute__((noinline)) uintptr_t
find_other_room(struct address_space *space, size_t size, uintptr_t heap_end)
{
    uintptr_t low = heap_end > MMAP_TOP ? heap_end : MMAP_TOP, high = space->stack_top, found;
    size_t stack = space->limits[SPACE_LIMIT_STACK];

    if (stack > high / 4)
        stack = high / 4;
    high -= page_up((uint32_t)stack) + STACK_GAP;
    found = gap_above(space, size, low, high);
    return found != 0 ? found : gap_below(space, size, USER_START, heap_end - PAGE_SIZE);
}

/* Below MMAP_TOP down to a page above the heap first. */
static inline uintptr_t
find_room(struct address_space *space, size_t size)
{
    uintptr_t heap_end = page_up((uint32_t)space->brk) + PAGE_SIZE;
    uintptr_t found = gap_below(space, size, heap_end, MMAP_TOP);

    return LIKELY(found != 0) ? found : find_other_room(space, size, heap_end);
}

/* A stack that grows needs the room below it. */
static bool
is_free(const struct address_space *space, uintptr_t start, size_t size)
{
    const struct area *area = area_find(&space->areas, start);

    return area == NULL ||
           (area->start >= start + size && stack_above(space, start, size) == NULL);
}

static long
place_fixed(const struct address_space *space, uintptr_t start, size_t size, unsigned flags)
{
    const struct area *area;

    if (start & PAGE_MASK)
        return -EINVAL;
    if (start > USER_END - size)
        return -ENOMEM;
    if (start < USER_START)
        return -EPERM;
    area = flags & MAP_FIXED_NOREPLACE ? area_find(&space->areas, start) : NULL;
    return area != NULL && area->start < start + size ? -EEXIST : (long)start;
}

/* The address for a new mapping, or -errno. */
static long
place(struct address_space *space, uintptr_t hint, size_t size, unsigned flags)
{
    uintptr_t found;

    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        return place_fixed(space, hint, size, flags);
    hint = page_down(hint);
    if (hint >= USER_START && hint <= USER_END - size && is_free(space, hint, size))
        return (long)hint;
    found = find_room(space, size);
    return found != 0 ? (long)found : -ENOMEM;
}

/* Errors are the top 4095 values; addresses of programs are below USER_END. */
static inline bool
is_error(long result)
{
    return (unsigned long)result >= (unsigned long)-4095;
}

/* ---- mmap ---- */

static unsigned
flags_of(const struct address_space *space, unsigned prot, unsigned flags, bool may_write)
{
    unsigned area = prot & AREA_PROT;

    if ((flags & MAP_TYPE) != MAP_PRIVATE)
        area |= AREA_SHARED | (may_write ? AREA_MAYWRITE : 0);
    else
        area |= AREA_MAYWRITE;
    if (flags & MAP_GROWSDOWN)
        area |= AREA_GROWSDOWN;
    if (flags & MAP_NORESERVE)
        area |= AREA_NORESERVE;
    if (flags & MAP_LOCKED || space->lock_future)
        area |= AREA_LOCKED;
    if (area_is_charged(area))
        area |= AREA_CHARGED;
    return area;
}

/* What must be promised anew for a mapping when `released` promised pages go for it. */
static inline unsigned long
new_promise(const struct mapping *mapping, unsigned long released)
{
    unsigned long pages = pages_of(mapping->start, mapping->end);

    return mapping->flags & AREA_CHARGED && pages > released ? pages - released : 0;
}

/* Limits and account for a mapping for which `present` pages go, `released` of them promised. */
static inline int
promise(struct address_space *space, const struct mapping *mapping, unsigned long present,
        unsigned long released)
{
    unsigned long pages = pages_of(mapping->start, mapping->end);

    if (space_may_grow(space, mapping->flags, pages - present) != 0)
        return -ENOMEM;
    return commit_charge(new_promise(mapping, released)) ? 0 : -ENOMEM;
}

/* What went for the mapping was released, and is its own now. */
static void
keep_promise(const struct mapping *mapping, unsigned long released)
{
    if (mapping->flags & AREA_CHARGED)
        commit_restore(pages_of(mapping->start, mapping->end) - new_promise(mapping, released));
}

/* Puts a mapping in the place of whatever is there. */
static int
replace(struct address_space *space, const struct mapping *mapping)
{
    uintptr_t start = mapping->start, end = mapping->end;
    unsigned long released = space_mapped_pages(space, start, end, AREA_CHARGED);
    struct area *spare, *first;

    if (promise(space, mapping, space_mapped_pages(space, start, end, 0), released) != 0)
        return -ENOMEM;
    spare = area_new();
    if (spare == NULL)
        goto no_area;
    if (space_prepare(space, start, end, &first) != 0)
        goto no_room;
    tables_zap(space, start, end);
    space_remove_areas(space, first, end);
    keep_promise(mapping, released);
    space_place(space, mapping, spare);
    return 0;

no_room:
    area_discard(spare);
no_area:
    commit_release(new_promise(mapping, released));
    return -ENOMEM;
}

/* Puts a mapping where nothing is. */
static int
add(struct address_space *space, const struct mapping *mapping)
{
    struct area *spare;

    if (promise(space, mapping, 0, 0) != 0)
        return -ENOMEM;
    spare = area_new();
    if (spare == NULL) {
        commit_release(new_promise(mapping, 0));
        return -ENOMEM;
    }
    space_place(space, mapping, spare);
    return 0;
}

static int
install(struct address_space *space, const struct mapping *mapping, unsigned flags)
{
    if (flags & MAP_FIXED) {
        const struct area *old = area_find(&space->areas, mapping->start);

        if (old != NULL && old->start < mapping->end)
            return replace(space, mapping);
    }
    return add(space, mapping);
}

long
space_mmap(struct address_space *space, uintptr_t hint, size_t length, unsigned prot,
           unsigned flags, struct object *object, uint32_t index, bool may_write)
{
    size_t size = page_up((uint32_t)length);
    unsigned type = flags & MAP_TYPE;
    struct object *own = NULL;
    struct mapping mapping;
    long start;
    int error;

    if (length == 0)
        return -EINVAL;
    if (length > USER_END - USER_START)
        return -ENOMEM;
    if (index > UINT32_MAX - 1 - (size >> PAGE_SHIFT))
        return -EOVERFLOW;
    if (type != MAP_PRIVATE && type != MAP_SHARED && (type != MAP_SHARED_VALIDATE || !object))
        return -EINVAL;
    if (UNLIKELY(flags & MAP_GROWSDOWN)) {
        if (type != MAP_PRIVATE || object != NULL)
            return -EINVAL;
        space->stacks++;
    }
    start = place(space, hint, size, flags);
    if (is_error(start))
        return start;
    if (UNLIKELY(flags & MAP_LOCKED || space->lock_future) &&
        !space_may_lock(space, size >> PAGE_SHIFT))
        return -EAGAIN;
    if (object == NULL)
        may_write = true;
    if (type != MAP_PRIVATE && prot & PROT_WRITE && !may_write)
        return -EACCES;
    mapping = (struct mapping){.start = (uintptr_t)start,
                               .end = (uintptr_t)start + size,
                               .flags = flags_of(space, prot, flags, may_write),
                               .object = object,
                               .index = object != NULL ? index : 0};
    if (object == NULL && type != MAP_PRIVATE) {
        mapping.object = own = object_create_anonymous(size, area_is_reserved(mapping.flags));
        mapping.flags |= AREA_ANONYMOUS;
        if (own == NULL)
            return -ENOMEM;
    }
    error = install(space, &mapping, flags);
    if (own != NULL)
        object_put(own); /* the area has its own reference */
    if (error != 0)
        return error;
    if (flags & MAP_POPULATE ||
        (mapping.flags & AREA_LOCKED && !(space->lock_future & MCL_ONFAULT)))
        (void)space_populate(space, mapping.start, mapping.end);
    return start;
}

/* ---- munmap ---- */

long
space_munmap(struct address_space *space, uintptr_t start, size_t length)
{
    struct area *first;
    uintptr_t end;

    if (start & PAGE_MASK || length == 0 || !user_pages(start, length, &end))
        return -EINVAL;
    if (space_prepare(space, start, end, &first) != 0)
        return -ENOMEM;
    if (first == NULL || first->start >= end)
        return 0;
    tables_zap(space, start, end);
    space_remove_areas(space, first, end);
    return 0;
}

/* ---- mprotect ---- */

/* What mprotect would have to promise: pages of areas that become writable and private. */
struct writable {
    unsigned long charge; /* of them not in the commit account */
    unsigned long data;   /* not counted as data */
};

/* Whether the areas of [start, end) allow `prot`, and what they ask for. */
static int
may_protect(const struct address_space *space, uintptr_t start, uintptr_t end, unsigned prot,
            struct writable *writable)
{
    const struct area *area = area_find(&space->areas, start);

    *writable = (struct writable){0, 0};
    for (uintptr_t at = start, next; at < end; at = next, area = area->next) {
        if (area == NULL || area->start > at)
            return -ENOMEM;
        next = area->end < end ? area->end : end;
        if (!(prot & AREA_WRITE))
            continue;
        if (!(area->flags & AREA_MAYWRITE))
            return -EACCES;
        if (!(area->flags & AREA_CHARGED) && area_is_charged(area->flags | AREA_WRITE))
            writable->charge += pages_of(at, next);
        if (!(area->flags & (AREA_WRITE | AREA_SHARED | AREA_STACK)))
            writable->data += pages_of(at, next);
    }
    return 0;
}

static void
protect(struct address_space *space, struct area *first, uintptr_t end, unsigned prot)
{
    for (struct area *area = first; area != NULL && area->start < end; area = area->next) {
        unsigned flags = (area->flags & ~(unsigned)AREA_PROT) | prot;
        long pages = (long)pages_of(area->start, area->end);

        if (area_is_charged(flags))
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

/* What the two flags beside PROT_READ and so on ask for: with PROT_GROWSDOWN the change goes down to
 * where the stack that holds *start begins; nothing grows up. 0 or -errno. */
static int
reach_down(const struct address_space *space, uintptr_t *start, unsigned prot)
{
    const struct area *area = area_find(&space->areas, *start);

    if (prot & PROT_GROWSUP)
        return -EINVAL;
    if (area == NULL || area->start > *start)
        return -ENOMEM;
    if (!(area->flags & AREA_GROWSDOWN))
        return -EINVAL;
    *start = area->start;
    return 0;
}

long
space_mprotect(struct address_space *space, uintptr_t start, size_t length, unsigned prot)
{
    struct writable writable;
    struct area *first;
    uintptr_t end;
    int error;

    if (start & PAGE_MASK || prot & ~(unsigned)(AREA_PROT | PROT_GROWSDOWN | PROT_GROWSUP))
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
    protect(space, first, end, prot);
    return 0;
}

/* ---- mremap ---- */

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
        !is_free(space, area->end, more))
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

/* All that can fail of a move to `to`: both places made of whole areas, with tables of their own. */
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

/* To `to`, in the place of whatever is there: the entries change place, and the old area goes unless
 * MREMAP_DONTUNMAP keeps it, empty. The new area comes last: it may be joined with what is beside
 * it. */
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
    struct area *spare;

    if (mapping.object != NULL)
        mapping.index = area_index(remap->area, remap->old);
    if (!keep) {
        present += moved >> PAGE_SHIFT;
        released += space_mapped_pages(space, remap->old, old_end, AREA_CHARGED);
    }
    if (promise(space, &mapping, present, released) != 0)
        return -ENOMEM;
    spare = area_new();
    if (spare == NULL)
        goto no_area;
    if (prepare_move(remap, to, moved) != 0)
        goto no_room;
    if (mapping.object != NULL)
        object_get(mapping.object);
    clear(space, to, mapping.end);
    tables_move(space, remap->old, to, moved);
    if (keep) {
        rejoin(space, remap->old, old_end);
    } else {
        clear(space, remap->old, old_end);
        tables_trim(space, remap->old, old_end);
    }
    keep_promise(&mapping, released);
    space_place(space, &mapping, spare);
    if (mapping.object != NULL)
        object_put(mapping.object);
    return (long)to;

no_room:
    area_discard(spare);
no_area:
    commit_release(new_promise(&mapping, released));
    return -ENOMEM;
}

/* To a place that the caller chose. */
static long
move_fixed(const struct remap *remap)
{
    uintptr_t to = remap->target;

    if (to & PAGE_MASK || to > USER_END - remap->new_size || remap->new_size > USER_END)
        return -EINVAL;
    if (to < remap->old + remap->old_size && remap->old < to + remap->new_size)
        return -EINVAL;
    if (to < USER_START)
        return -EPERM;
    return move_to(remap, to);
}

static long
remap_area(struct remap *remap)
{
    struct address_space *space = remap->space;
    uintptr_t to;
    long done;

    if (remap->flags & MREMAP_FIXED)
        return move_fixed(remap);
    if (!(remap->flags & MREMAP_DONTUNMAP)) {
        if (remap->new_size == remap->old_size)
            return (long)remap->old;
        if (remap->new_size < remap->old_size) {
            done = space_munmap(space, remap->old + remap->new_size,
                                remap->old_size - remap->new_size);
            return done != 0 ? done : (long)remap->old;
        }
        done = grow_in_place(remap);
        if (!is_error(done))
            return done;
    }
    if (!(remap->flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    to = find_room(space, remap->new_size);
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
 * place of the first, which must not take the object along. */
static long
duplicate(const struct remap *remap)
{
    struct object *object = remap->area->object;
    unsigned old_flags = remap->area->flags;
    unsigned flags = MAP_SHARED | (remap->flags & MREMAP_FIXED ? MAP_FIXED : 0);
    long start;

    if (!(old_flags & AREA_SHARED) || !(remap->flags & MREMAP_MAYMOVE))
        return -EINVAL;
    object_get(object);
    start = space_mmap(remap->space, remap->target, remap->new_size, old_flags & AREA_PROT, flags,
                       object, area_index(remap->area, remap->old),
                       (old_flags & AREA_MAYWRITE) != 0);
    object_put(object);
    if (!is_error(start) && old_flags & AREA_ANONYMOUS)
        space_change_flags(remap->space, area_find(&remap->space->areas, (uintptr_t)start),
                           (uintptr_t)start + remap->new_size, AREA_ANONYMOUS, 0);
    return start;
}

long
space_mremap(struct address_space *space, uintptr_t old, size_t old_length, size_t new_length,
             unsigned flags, uintptr_t target)
{
    struct remap remap = {.space = space,
                          .old = old,
                          .old_size = page_up((uint32_t)old_length),
                          .new_size = page_up((uint32_t)new_length),
                          .flags = flags,
                          .target = flags & MREMAP_FIXED ? target : 0};
    uintptr_t end;

    if (flags & ~(unsigned)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) || old & PAGE_MASK)
        return -EINVAL;
    if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE)) ||
        remap.new_size == 0 || (flags & MREMAP_FIXED && new_length > USER_END - USER_START))
        return -EINVAL;
    if (flags & MREMAP_DONTUNMAP && remap.old_size != remap.new_size)
        return -EINVAL;
    remap.area = area_find(&space->areas, old);
    if (remap.area == NULL || remap.area->start > old)
        return -EFAULT;
    if (new_length > USER_END - USER_START)
        return -ENOMEM;
    if (area_index(remap.area, old) > UINT32_MAX - 1 - (remap.new_size >> PAGE_SHIFT))
        return -EINVAL;
    if (old_length == 0)
        return duplicate(&remap);
    if (!user_pages(old, old_length, &end) || end > remap.area->end)
        return -EFAULT;
    return remap.area->flags & AREA_LOCKED ? remap_locked(&remap) : remap_area(&remap);
}
