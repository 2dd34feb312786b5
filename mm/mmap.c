/* mmap.c - mmap and munmap: where a mapping comes, what it is like, what it takes the place of.
 * Linux' rules (their manual pages, section 2) on the steps of space.c. */
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

/* From the room `found` on down (up), the first that leaves stacks the gaps they need. */
static __attribute__((noinline)) uintptr_t
off_stacks_below(struct address_space *space, uintptr_t found, size_t size, uintptr_t low)
{
    const struct area *stack;

    while (found != 0 && (stack = stack_above(space, found, size)) != NULL)
        found = stack->start < low + STACK_GAP
                    ? 0
                    : area_gap_below(&space->areas, size, low, stack->start - STACK_GAP);
    return found;
}

static __attribute__((noinline)) uintptr_t
off_stacks_above(struct address_space *space, uintptr_t found, size_t size, uintptr_t high)
{
    const struct area *stack;

    while (found != 0 && (stack = stack_above(space, found, size)) != NULL)
        found = area_gap_above(&space->areas, size, stack->end, high);
    return found;
}

/* Room in [low, high), the highest or the lowest. The program's first stack needs no look: nobody
 * searches so high. */
static inline uintptr_t
gap_below(struct address_space *space, size_t size, uintptr_t low, uintptr_t high)
{
    uintptr_t found = area_gap_below(&space->areas, size, low, high);

    return LIKELY(space->stacks <= 1) ? found : off_stacks_below(space, found, size, low);
}

static inline uintptr_t
gap_above(struct address_space *space, size_t size, uintptr_t low, uintptr_t high)
{
    uintptr_t found = area_gap_above(&space->areas, size, low, high);

    return LIKELY(space->stacks <= 1) ? found : off_stacks_above(space, found, size, high);
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

uintptr_t
space_find_room(struct address_space *space, size_t size)
{
    return find_room(space, size);
}

/* A stack that grows needs the room below it. */
bool
space_is_free(const struct address_space *space, uintptr_t start, size_t size)
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
    if (hint >= USER_START && hint <= USER_END - size && space_is_free(space, hint, size))
        return (long)hint;
    found = find_room(space, size);
    return found != 0 ? (long)found : -ENOMEM;
}

/* ---- mmap ---- */

/* What is asked for seldom, as flags of an area. */
static __attribute__((noinline)) unsigned
rare_flags(const struct address_space *space, unsigned flags)
{
    return (flags & MAP_GROWSDOWN ? AREA_GROWSDOWN : 0) |
           (flags & MAP_NORESERVE ? AREA_NORESERVE : 0) |
           (flags & MAP_LOCKED || space->lock_future ? AREA_LOCKED : 0);
}

static inline unsigned
flags_of(const struct address_space *space, unsigned prot, unsigned flags, bool may_write)
{
    unsigned area = prot & AREA_PROT;

    if (prot & AREA_READ)
        area |= space->read_adds;
    if ((flags & MAP_TYPE) != MAP_PRIVATE)
        area |= AREA_SHARED | (may_write ? AREA_MAYWRITE : 0);
    else
        area |= AREA_MAYWRITE;
    if (UNLIKELY(flags & (MAP_GROWSDOWN | MAP_NORESERVE | MAP_LOCKED) || space->lock_future))
        area |= rare_flags(space, flags);
    if (area_is_charged(area))
        area |= AREA_CHARGED;
    return area;
}

/* Puts a mapping in the place of whatever is there. */
static int
replace(struct address_space *space, const struct mapping *mapping)
{
    uintptr_t start = mapping->start, end = mapping->end;
    unsigned long released = space_mapped_pages(space, start, end, AREA_CHARGED);
    struct area *spare, *first;

    if (mapping_promise(space, mapping, space_mapped_pages(space, start, end, 0), released) != 0)
        return -ENOMEM;
    spare = area_new(space);
    if (spare == NULL)
        goto no_area;
    if (space_prepare(space, start, end, &first) != 0)
        goto no_room;
    tables_zap(space, start, end);
    space_remove_areas(space, first, end);
    mapping_keep_promise(mapping, released);
    space_place(space, mapping, spare);
    return 0;

no_room:
    area_discard(space, spare);
no_area:
    commit_release(mapping_new_promise(mapping, released));
    return -ENOMEM;
}

/* Puts a mapping where nothing is. */
static int
add(struct address_space *space, const struct mapping *mapping)
{
    struct area *spare;

    if (mapping_promise(space, mapping, 0, 0) != 0)
        return -ENOMEM;
    spare = area_new(space);
    if (spare == NULL) {
        commit_release(mapping_new_promise(mapping, 0));
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

/* The flags that MAP_SHARED_VALIDATE knows: those that there were before it. */
#define OLD_FLAGS                                                                                  \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE |       \
     MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB)

/* What is asked for seldom: whether it can be had. 0 or -errno. */
static __attribute__((noinline)) int
check_rare(struct address_space *space, size_t size, unsigned flags, const struct object *object)
{
    unsigned type = flags & MAP_TYPE;

    if (type == MAP_SHARED_VALIDATE && flags & ~(unsigned)OLD_FLAGS)
        return -EOPNOTSUPP;
    if (flags & MAP_GROWSDOWN && (type != MAP_PRIVATE || object != NULL))
        return -EINVAL;
    space->stacks += (flags & MAP_GROWSDOWN) != 0;
    if ((flags & MAP_LOCKED || space->lock_future) && !space_may_lock(space, size >> PAGE_SHIFT))
        return -EAGAIN;
    return 0;
}

static inline long
map(struct address_space *space, uintptr_t hint, size_t length, unsigned prot, unsigned flags,
    struct object *object, uint32_t index, bool may_write)
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
    start = place(space, hint, size, flags);
    if (is_error(start))
        return start;
    if (UNLIKELY(flags & (MAP_GROWSDOWN | MAP_LOCKED) || type == MAP_SHARED_VALIDATE ||
                 space->lock_future)) {
        error = check_rare(space, size, flags, object);
        if (error != 0)
            return error;
    }
    if (object == NULL)
        may_write = true;
    if (type != MAP_PRIVATE && prot & PROT_WRITE && !may_write)
        return -EACCES;
    mapping = (struct mapping){.start = (uintptr_t)start,
                               .end = (uintptr_t)start + size,
                               .flags = flags_of(space, prot, flags, may_write),
                               .object = object,
                               .index = object != NULL ? index : 0};
    if (object != NULL && object_is_anonymous(object))
        mapping.flags |= AREA_ANONYMOUS;
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
    if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE ||
        (mapping.flags & AREA_LOCKED && !(space->lock_future & MCL_ONFAULT)))
        (void)space_populate(space, mapping.start, mapping.end);
    return start;
}

long
space_mmap(struct address_space *space, uintptr_t hint, size_t length, unsigned prot,
           unsigned flags, struct object *object, uint32_t index, bool may_write)
{
    long start;

    rw_lock(&space->lock);
    start = map(space, hint, length, prot, flags, object, index, may_write);
    rw_unlock(&space->lock);
    return start;
}

/* ---- munmap ---- */

static inline __attribute__((always_inline)) long
unmap(struct address_space *space, uintptr_t start, size_t length)
{
    struct area *first;
    uintptr_t end;
    bool blank;

    if (start & PAGE_MASK || length == 0 || !user_pages(start, length, &end))
        return -EINVAL;
    if (space_isolate_for(space, start, end, true, &first) != 0)
        return -ENOMEM;
    blank = tables_blank(space, start, end);
    if (!blank && !tables_own(space, start, end)) {
        space_join(space, first, end);
        return -ENOMEM;
    }
    if (first == NULL || first->start >= end)
        return 0;
    if (!blank)
        paging->zap(space, start, end);
    space_remove_areas(space, first, end);
    return 0;
}

long
space_munmap(struct address_space *space, uintptr_t start, size_t length)
{
    long result;

    rw_lock(&space->lock);
    result = unmap(space, start, length);
    rw_unlock(&space->lock);
    return result;
}

long
space_unmap(struct address_space *space, uintptr_t start, size_t length)
{
    return unmap(space, start, length);
}
