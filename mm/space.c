/* space.c - address spaces: made and taken down, their areas cut and joined, their accounts.
 *
 * Every change of a space goes the same way. What can fail comes first: limits, the commit account,
 * areas to be cut (space_isolate), page tables that must be the space's own. Then come steps that
 * cannot fail. If something fails on the way, joining alike areas again (space_join) restores the
 * areas that were cut, so that a call that fails leaves what it found:
 *
 *      |#########A#########|          space_isolate(start, end)
 *      |##A##|##A1##|##A2##|          ... something fails: space_join gives A back
 *            start  end
 *
 * I1. Two neighbours that touch are never alike (same flags, object, running index) after a call.
 * I2. total_pages, data_pages, locked_pages, charged_pages and odd_areas are the sums over areas.
 */
#include "space_private.h"
#include <string.h>
#include "kmalloc.h"
#include "reclaim.h"
#include "slab.h"

#define SPARE_AREAS 8

static struct kmem_cache *space_cache, *area_cache;
struct address_space *space_first;
struct spinlock spaces_lock = SPINLOCK_INIT;
static struct shrinker table_shrinker = {.shrink = tables_drain};

bool
space_init(void)
{
    space_first = NULL;
    memset(tlb_cpus, 0, sizeof(tlb_cpus));
    paging->start();
    space_cache = kmem_cache_create("address_space", sizeof(struct address_space),
                                    _Alignof(struct address_space), KMEM_DIRECT, NULL);
    area_cache = kmem_cache_create("area", sizeof(struct area), 0, 0, NULL);
    vm_zero_page = page_alloc(FRAME_USER, PMM_ZERO);
    if (space_cache == NULL || area_cache == NULL || vm_zero_page.n == 0)
        return false;
    page_get(vm_zero_page); /* nobody is ever its only holder, so nobody may write to it */
    shrinker_register(&table_shrinker);
    return true;
}

/* ---- spaces ---- */

static void
enter_list(struct address_space *space)
{
    unsigned long flags = spin_lock(&spaces_lock);

    paging->join_kernel(space);
    space->next = space_first;
    if (space_first != NULL)
        space_first->previous = space;
    space_first = space;
    spin_unlock(&spaces_lock, flags);
}

static void
leave_list(struct address_space *space)
{
    unsigned long flags = spin_lock(&spaces_lock);

    if (space->next != NULL)
        space->next->previous = space->previous;
    if (space->previous != NULL)
        space->previous->next = space->next;
    else
        space_first = space->next;
    spin_unlock(&spaces_lock, flags);
}

struct address_space *
space_create(void)
{
    struct address_space *space = kmem_cache_alloc(space_cache);

    if (space == NULL)
        return NULL;
    memset(space, 0, sizeof(*space));
    if (!directory_create(space)) {
        kmem_cache_free(space_cache, space);
        return NULL;
    }
    space->refs = 1;
    rw_mutex_init(&space->lock);
    for (unsigned i = 0; i < SPACE_LIMITS; i++)
        space->limits[i] = LIMIT_INFINITE;
    space->limits[SPACE_LIMIT_STACK] = STACK_LIMIT;
    space->brk_start = space->brk = HEAP_START;
    space->stack_top = USER_END;
    enter_list(space);
    return space;
}

static void
free_area(struct address_space *space, struct area *area)
{
    if (space->hit == area)
        space->hit = NULL;
    if (area->object != NULL)
        object_remove_area(area->object, area);
    area_discard(space, area);
}

static void
free_spares(struct address_space *space)
{
    for (struct area *area = space->spare_areas, *next; area != NULL; area = next) {
        next = area->next;
        kmem_cache_free(area_cache, area);
    }
    space->spare_areas = NULL;
}

void
space_drain(struct address_space *space)
{
    rw_lock(&space->lock);
    free_spares(space);
    space->spare_count = 0;
    rw_unlock(&space->lock);
}

static void
destroy(struct address_space *space)
{
    tlb_evict(space); /* while a new table of the kernel still gets into its directory */
    leave_list(space);
    rw_lock(&space->lock); /* from reclaim, which may know it by its areas */
    tables_destroy(space);
    space->spare_count = SPARE_AREAS; /* none is kept from now on */
    for (struct area *area = space->areas.first, *next; area != NULL; area = next) {
        next = area->next;
        free_area(space, area);
    }
    free_spares(space);
    commit_release(space->charged_pages);
    directory_destroy(space);
    rw_unlock(&space->lock);
    kmem_cache_free(space_cache, space);
}

void
space_put(struct address_space *space)
{
    uint32_t left = __atomic_sub_fetch(&space->refs, 1, __ATOMIC_ACQ_REL);

    ASSERT(left + 1 != 0);
    if (left == 0)
        destroy(space);
}

bool
space_get_living(struct address_space *space)
{
    uint32_t refs = __atomic_load_n(&space->refs, __ATOMIC_RELAXED);

    do {
        if (refs == 0)
            return false;
    } while (!__atomic_compare_exchange_n(&space->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return true;
}

/* The first space from `space` on that does not end yet, with a reference more. The list is
 * locked. */
static struct address_space *
get_from(struct address_space *space)
{
    while (space != NULL && !space_get_living(space))
        space = space->next;
    return space;
}

void
space_for_each(void (*visit)(struct address_space *space, void *arg), void *arg)
{
    unsigned long flags = spin_lock(&spaces_lock);
    struct address_space *space = get_from(space_first), *next;

    spin_unlock(&spaces_lock, flags);
    for (; space != NULL; space = next) {
        visit(space, arg);
        flags = spin_lock(&spaces_lock);
        next = get_from(space->next);
        spin_unlock(&spaces_lock, flags);
        space_put(space);
    }
}

/* ---- accounts ---- */

bool
area_is_reserved(unsigned flags)
{
    return !(flags & AREA_NORESERVE) || commit_is_strict();
}

/* ---- areas ---- */

/* Most changes of a space free an area soon after they made one, or the other way round: a few are
 * kept at hand. */
struct area *
area_new(struct address_space *space)
{
    struct area *area = space->spare_areas;

    if (UNLIKELY(area == NULL))
        return kmem_cache_alloc(area_cache);
    space->spare_areas = area->next;
    space->spare_count--;
    return area;
}

void
area_discard(struct address_space *space, struct area *area)
{
    if (UNLIKELY(space->spare_count >= SPARE_AREAS)) {
        kmem_cache_free(area_cache, area);
        return;
    }
    area->next = space->spare_areas;
    space->spare_areas = area;
    space->spare_count++;
}

#define AREA_ODD (AREA_DONTFORK | AREA_WIPEONFORK)

static void
take_out(struct address_space *space, struct area *area)
{
    space->odd_areas -= (area->flags & AREA_ODD) != 0;
    area_remove(&space->areas, area);
    free_area(space, area);
}

/* Makes an area and the next one a single one if they are alike. Returns the one there is now; NULL
 * when they are not alike. */
static inline struct area *
join_next(struct address_space *space, struct area *area)
{
    struct area *next = area->next, *gone;

    if (next == NULL || area->end != next->start ||
        !area_goes_on(area, next->flags, next->object, next->index))
        return NULL;
    space->odd_areas -= (next->flags & AREA_ODD) != 0;
    next->index = area->index;
    gone = area_join_next(&space->areas, area);
    free_area(space, gone);
    return gone == area ? next : area;
}

void
space_join(struct address_space *space, struct area *first, uintptr_t end)
{
    struct area *area = first;

    if (area != NULL && area->previous != NULL)
        area = area->previous;
    while (area != NULL && area->start <= end) {
        struct area *joined = join_next(space, area);

        area = joined != NULL ? joined : area->next;
    }
}

/* Cuts an area at `at`, which is inside, and returns the new area: its lower or its upper part.
 * NULL when out of memory, or when there are `most` areas. */
static struct area *
cut(struct address_space *space, struct area *area, uintptr_t at, bool lower, size_t most)
{
    struct area *part = space->areas.count < most ? area_new(space) : NULL;

    if (part == NULL)
        return NULL;
    part->flags = area->flags;
    part->object = area->object;
    part->index = area->index;
    part->space = space;
    if (area->object != NULL) {
        *(lower ? &area->index : &part->index) = area_index(area, at);
        object_add_area(part->object, part);
    }
    area_split(&space->areas, area, at, part, lower);
    space->odd_areas += (part->flags & AREA_ODD) != 0;
    return part;
}

/* How many areas there may be once [start, end) is cut out: as many as may stay and, if what is cut
 * out goes, one for each cut, but for the one that the middle of an area leaves behind. */
static inline size_t
most_areas(const struct area *area, uintptr_t start, uintptr_t end, bool goes)
{
    bool middle = area != NULL && area->start < start && end < area->end;

    return !goes ? SPACE_AREAS : SPACE_AREAS + (middle ? 1 : 2);
}

int
space_isolate_from(struct address_space *space, struct area *area, uintptr_t start, uintptr_t end,
                   bool goes, struct area **first)
{
    size_t most = most_areas(area, start, end, goes);

    if (area != NULL && area->start < start && cut(space, area, start, true, most) == NULL)
        return -ENOMEM;
    *first = area;
    while (area != NULL && area->end < end)
        area = area->next;
    if (area == NULL || area->start >= end || area->end == end ||
        cut(space, area, end, false, most) != NULL)
        return 0;
    space_join(space, *first, start);
    return -ENOMEM;
}

void
space_place_after(struct address_space *space, struct area *before, const struct mapping *mapping,
                  struct area *spare)
{
    space_account(space, mapping->flags, (long)pages_of(mapping->start, mapping->end));
    if (before != NULL && before->end == mapping->start &&
        area_goes_on(before, mapping->flags, mapping->object, mapping->index)) {
        area_discard(space, spare);
        area_resize(&space->areas, before, before->start, mapping->end);
        join_next(space, before);
        return;
    }
    spare->start = mapping->start;
    spare->end = mapping->end;
    spare->flags = mapping->flags;
    spare->object = mapping->object;
    spare->index = mapping->index;
    spare->space = space;
    area_insert_after(&space->areas, before, spare);
    if (spare->object != NULL)
        object_add_area(spare->object, spare);
    space->odd_areas += (spare->flags & AREA_ODD) != 0;
    join_next(space, spare);
}

int
space_prepare(struct address_space *space, uintptr_t start, uintptr_t end, struct area **first)
{
    if (space_isolate(space, start, end, first) != 0)
        return -ENOMEM;
    if (tables_own(space, start, end))
        return 0;
    space_join(space, *first, end);
    return -ENOMEM;
}

void
space_remove_areas(struct address_space *space, struct area *first, uintptr_t end)
{
    unsigned long charged = space->charged_pages;

    for (struct area *area = first, *next; area != NULL && area->start < end; area = next) {
        next = area->next;
        space_account(space, area->flags, -(long)pages_of(area->start, area->end));
        take_out(space, area);
    }
    commit_release(charged - space->charged_pages);
}

void
space_change_flags(struct address_space *space, struct area *first, uintptr_t end, unsigned set,
                   unsigned clear)
{
    for (struct area *area = first; area != NULL && area->start < end; area = area->next) {
        long pages = (long)pages_of(area->start, area->end);

        space_account(space, area->flags, -pages);
        space->odd_areas -= (area->flags & AREA_ODD) != 0;
        area->flags = (area->flags & ~clear) | set;
        space->odd_areas += (area->flags & AREA_ODD) != 0;
        space_account(space, area->flags, pages);
    }
    space_join(space, first, end);
}

bool
space_is_mapped(const struct address_space *space, uintptr_t start, uintptr_t end)
{
    const struct area *area = area_find(&space->areas, start);

    while (area != NULL && area->start <= start) {
        start = area->end;
        if (start >= end)
            return true;
        area = area->next;
    }
    return start >= end;
}

unsigned long
space_mapped_pages(const struct address_space *space, uintptr_t start, uintptr_t end,
                   unsigned flags)
{
    unsigned long pages = 0;

    for (const struct area *area = area_find(&space->areas, start);
         area != NULL && area->start < end; area = area->next)
        if ((area->flags & flags) == flags)
            pages += pages_of(area->start > start ? area->start : start,
                              area->end < end ? area->end : end);
    return pages;
}

/* ---- memory for the kernel to give ---- */

static long
map_frames(struct address_space *space, uintptr_t start, size_t length, unsigned prot)
{
    struct mapping mapping = {.start = start, .flags = (prot & AREA_PROT) | AREA_MAYWRITE};
    struct area *found, *spare;
    uintptr_t done = start;
    unsigned long charge;

    if (start & PAGE_MASK || length == 0)
        return -EINVAL;
    if (start < USER_START || !user_pages(start, length, &mapping.end))
        return -ENOMEM;
    found = area_find(&space->areas, start);
    if (found != NULL && found->start < mapping.end)
        return -EEXIST;
    if (area_is_charged(mapping.flags))
        mapping.flags |= AREA_CHARGED;
    charge = mapping.flags & AREA_CHARGED ? pages_of(start, mapping.end) : 0;
    if (space_may_add(space, mapping.flags, pages_of(start, mapping.end)) != 0 ||
        !commit_charge(charge))
        return -ENOMEM;
    spare = area_new(space);
    if (spare == NULL)
        goto no_area;
    for (; done < mapping.end; done += PAGE_SIZE) {
        pfn_t page = page_zeroed();

        if (page.n == 0)
            goto no_page;
        if (!tables_put(space, done, page, mapping.flags)) {
            page_put(page);
            goto no_page;
        }
    }
    space_place(space, &mapping, spare);
    return 0;

no_page:
    tables_zap(space, start, mapping.end);
    area_discard(space, spare);
no_area:
    commit_release(charge);
    return -ENOMEM;
}

long
vm_alloc_map(struct address_space *space, uintptr_t start, size_t length, unsigned prot)
{
    long result;

    rw_lock(&space->lock);
    result = map_frames(space, start, length, prot);
    rw_unlock(&space->lock);
    return result;
}

long
vm_free_unmap(struct address_space *space, uintptr_t start, size_t length)
{
    return space_munmap(space, start, length);
}
