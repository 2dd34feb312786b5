/* object.c - the page cache: pages of files and of shared memory by their number (object.h).
 *
 * A page that is in an object's tree is FRAME_CACHE and has the object as one of its holders. It
 * leaves the tree when the object is cut or ends, or when reclaim takes it; whoever else holds it
 * then has it for himself: FRAME_USER.
 *
 * I1. Every frame in a tree is FRAME_CACHE, has a holder and lies below the object's size.
 * I2. `pages` is the number of frames in the tree; an object stands in a list exactly while it has
 *     pages: with `fill` in the list of clean ones, else in the other.
 * I3. The sum of all objects' pages is the number of FRAME_CACHE frames; that of the counted ones'
 *     is counted.pages.
 *
 * Locks: an object's own; under it lists_lock, for both lists and the counts of all objects. Who
 * takes an object from a list (reclaim) has lists_lock first and only tries the object's. cut_lock,
 * taken before the locks of spaces, keeps cuts apart.
 *
 * Cost: object_page of a page that is there is the walk of its tree (radix.h) and 20 instructions.
 */
#include <string.h>
#include "object.h"
#include "commit.h"
#include "kmalloc.h"
#include "object_private.h"
#include "space.h"
#include "trace.h"

/* The objects that have pages. */
static struct object_list {
    struct object *first, *last;
    unsigned long pages;
} clean, kept;

/* Pages of objects that are counted, and how many there may be. */
static struct {
    unsigned long pages, limit;
} counted;

/* Pages promised to objects as a whole. */
static unsigned long reserved;

/* Counts may be told as they were a moment ago: read without the lock. */
#define HINT __attribute__((no_sanitize("thread")))

static struct spinlock lists_lock = SPINLOCK_INIT;
static struct mutex cut_lock STATIC_MUTEX = MUTEX_INIT;
static uint32_t cut_tickets;

void
object_start(void)
{
    reserved = 0;
    clean = kept = (struct object_list){NULL, NULL, 0};
    object_limit_counted(~0ul);
}

unsigned long
object_limit_counted(unsigned long pages)
{
    unsigned long before = counted.limit;

    counted.limit = pages;
    return before;
}

static struct object_list *
list_of(const struct object *object)
{
    return object->ops->fill ? &clean : &kept;
}

static void
link_last(struct object_list *list, struct object *object)
{
    object->next = NULL;
    object->previous = list->last;
    if (list->last)
        list->last->next = object;
    else
        list->first = object;
    list->last = object;
}

static void
unlink_object(struct object_list *list, struct object *object)
{
    if (object->next)
        object->next->previous = object->previous;
    else
        list->last = object->previous;
    if (object->previous)
        object->previous->next = object->next;
    else
        list->first = object->next;
}

/* ---- birth and death ---- */

void
object_init(struct object *object, const struct object_ops *ops, uint64_t size)
{
    ASSERT(size <= OBJECT_SIZE_MAX);
    *object = (struct object){.ops = ops, .lock = SPINLOCK_INIT, .refs = 1, .size = size};
}

/* Charged from the start, what was mapped without an error can be touched. */
struct anonymous {
    struct object object;
    unsigned long charged;
};

static void
release_anonymous(struct object *object)
{
    struct anonymous *anonymous = (struct anonymous *)object;

    __atomic_fetch_sub(&reserved, anonymous->charged, __ATOMIC_RELAXED);
    commit_release(anonymous->charged);
    kfree(anonymous);
}

static const struct object_ops anonymous_ops = {.release = release_anonymous};

bool
object_is_anonymous(const struct object *object)
{
    return object->ops == &anonymous_ops;
}

struct object *
object_create_anonymous(uint64_t size, bool reserve)
{
    struct anonymous *anonymous = kmalloc(sizeof(*anonymous));
    uint64_t pages = (size + PAGE_MASK) >> PAGE_SHIFT;

    if (!anonymous)
        return NULL;
    anonymous->charged = !reserve ? 0 : pages < ~0ul ? (unsigned long)pages : ~0ul;
    if (!commit_charge(anonymous->charged)) {
        kfree(anonymous);
        return NULL;
    }
    object_init(&anonymous->object, &anonymous_ops, size);
    anonymous->object.counted = !reserve;
    __atomic_fetch_add(&reserved, anonymous->charged, __ATOMIC_RELAXED);
    return &anonymous->object;
}

/* A space that maps the object and has not seen this cut, with a reference; NULL when all have. */
static struct address_space *
space_to_cut(struct object *object, uint32_t ticket)
{
    struct address_space *found = NULL;

    spin_lock_only(&object->lock);
    for (struct area *area = object->areas; area && !found; area = area->next_of_object)
        if (area->space->cut_ticket != ticket && space_get_living(area->space))
            found = area->space;
    spin_unlock_only(&object->lock);
    return found;
}

/* Takes the pages from `first` on out of the areas of a space that is the caller's alone. */
static void
cut_space(const struct object *object, struct address_space *space, uint32_t first)
{
    for (struct area *area = space->areas.first; area; area = area->next) {
        uint32_t left = first > area->index ? first - area->index : 0;

        if (area->object == object && left < (area->end - area->start) >> PAGE_SHIFT)
            space_cut(area, area->start + ((uintptr_t)left << PAGE_SHIFT));
    }
}

/* Out of all areas. The pages are in the tree no more, and the object's size says so: none comes
 * back. A child made meanwhile has its own ticket to get, for it may share tables as they were. */
static void
cut_areas(struct object *object, uint32_t first)
{
    struct address_space *space;

    mutex_lock(&cut_lock);
    uint32_t ticket = ++cut_tickets;
    while ((space = space_to_cut(object, ticket)) != NULL) {
        rw_lock(&space->lock);
        cut_space(object, space, first);
        space->cut_ticket = ticket;
        rw_unlock(&space->lock);
        space_put(space);
    }
    mutex_unlock(&cut_lock);
}

/* Takes out the pages from `first` on. */
static void
cut(struct object *object, uint32_t first)
{
    uint32_t index = first;

    spin_lock_only(&object->lock);
    while (radix_next(&object->tree, &index).n) {
        object_drop(object, index);
        if (++index == 0)
            break;
    }
    spin_unlock_only(&object->lock);
}

/* The object's lock, taken once more by cut, keeps it until reclaim has let it go. */
void
object_put(struct object *object)
{
    uint32_t left = __atomic_sub_fetch(&object->refs, 1, __ATOMIC_ACQ_REL);

    ASSERT(left != UINT32_MAX);
    if (left)
        return;
    ASSERT(!object->areas);
    cut(object, 0);
    if (object->ops->release)
        object->ops->release(object);
}

/* ---- pages ---- */

/* Counted, and no memory that programs share without a file. */
static inline bool
is_limited(const struct object *object)
{
    return object->counted && object->ops != &anonymous_ops;
}

/* Accounts for a page that came into the tree. */
static void
count_in(struct object *object)
{
    struct object_list *list = list_of(object);

    spin_lock_only(&lists_lock);
    if (object->pages++ == 0)
        link_last(list, object);
    list->pages++;
    counted.pages += is_limited(object);
    spin_unlock_only(&lists_lock);
}

void
object_drop(struct object *object, uint32_t index)
{
    struct object_list *list = list_of(object);
    pfn_t page = radix_remove(&object->tree, index);

    ASSERT(page.n);
    spin_lock_only(&lists_lock);
    list->pages--;
    counted.pages -= is_limited(object);
    if (--object->pages == 0)
        unlink_object(list, object);
    spin_unlock_only(&lists_lock);
    if (object->counted)
        commit_release(1);
    frame_of(page)->owner = FRAME_USER;
    trace(TRACE_PAGE_OWNER, pfn_to_paddr(page), 1, FRAME_USER, __builtin_return_address(0));
    frame_of(page)->flags = 0;
    page_put(page);
}

/* Gives a new page its contents. */
static int
fill(struct object *object, uint32_t index, pfn_t page)
{
    void *bytes = frame_map(page);
    int error = 0;

    if (object->ops->fill) {
        error = object->ops->fill(object, index, bytes);
        vm_count(pgmajfault);
    } else {
        memset(bytes, 0, PAGE_SIZE);
        vm_count_by(bytes_cleared, PAGE_SIZE);
    }
    frame_unmap(page, bytes);
    return error;
}

/* The page if it is there, marked as used, with a holder more. The object is locked. */
static inline pfn_t
take(struct object *object, uint32_t index)
{
    pfn_t page = radix_find(&object->tree, index);

    if (LIKELY(page.n)) {
        frame_of(page)->flags = PAGE_USED;
        page_get(page);
    }
    return page;
}

/* Puts a filled page into the tree, unless somebody else did meanwhile or the object was cut: then
 * the caller gives his back. *page becomes the one that is there, with a holder more. */
static int
enter(struct object *object, uint32_t index, pfn_t *page)
{
    pfn_t new = *page;
    int error = 0;

    spin_lock_only(&object->lock);
    if ((uint64_t)index << PAGE_SHIFT >= object->size) {
        error = -ENXIO;
    } else if ((*page = take(object, index)).n == 0) {
        if (radix_insert(&object->tree, index, new)) {
            count_in(object);
            *page = take(object, index);
        } else {
            error = -ENOMEM;
        }
    }
    spin_unlock_only(&object->lock);
    return error;
}

/* A page that is not there: made, filled and put into the tree, or nothing at all. */
static __attribute__((noinline)) int
bring_in(struct object *object, uint32_t index, pfn_t *page)
{
    int error = -ENOMEM;
    pfn_t new;

    if ((uint64_t)index << PAGE_SHIFT >= object_size(object))
        return -ENXIO;
    if (is_limited(object) && object_counted_pages() >= counted.limit)
        return -ENOSPC;
    if (object->counted && !commit_charge(1))
        return -ENOSPC;
    /* Memory without a file needs a frame as a program's own pages do. */
    new = page_alloc(object->ops->fill ? FRAME_CACHE : FRAME_USER, 0);
    if (!new.n)
        goto no_page;
    frame_of(new)->owner = FRAME_CACHE;
    if (!object->ops->fill)
        trace(TRACE_PAGE_OWNER, pfn_to_paddr(new), 1, FRAME_CACHE, __builtin_return_address(0));
    error = fill(object, index, new);
    if (error)
        goto no_use;
    *page = new;
    error = enter(object, index, page);
    if (!error && page->n == new.n)
        return 0;
no_use:
    page_put(new);
no_page:
    if (object->counted)
        commit_release(1);
    return error;
}

int
object_page(struct object *object, uint32_t index, pfn_t *page)
{
    spin_lock_only(&object->lock);
    *page = take(object, index);
    spin_unlock_only(&object->lock);
    return LIKELY(page->n) ? 0 : bring_in(object, index, page);
}

pfn_t
object_look(struct object *object, uint32_t index)
{
    pfn_t page;

    spin_lock_only(&object->lock);
    page = radix_find(&object->tree, index);
    if (page.n)
        page_get(page);
    spin_unlock_only(&object->lock);
    return page;
}

pfn_t
object_find(struct object *object, uint32_t index)
{
    pfn_t page;

    spin_lock_only(&object->lock);
    page = radix_find(&object->tree, index);
    spin_unlock_only(&object->lock);
    return page;
}

/* ---- size ---- */

/* Zeroes the rest of the page in which the object ends, if it is there. */
static void
zero_tail(struct object *object, uint64_t size)
{
    unsigned offset = (unsigned)size & PAGE_MASK;
    pfn_t page = offset ? radix_find(&object->tree, (uint32_t)(size >> PAGE_SHIFT)) : pfn(0);

    if (!page.n)
        return;
    char *bytes = frame_map(page);
    memset(bytes + offset, 0, PAGE_SIZE - offset);
    frame_unmap(page, bytes);
}

/* Two words, which do not change in one step. */
uint64_t
object_size(struct object *object)
{
    uint64_t size;

    spin_lock_only(&object->lock);
    size = object->size;
    spin_unlock_only(&object->lock);
    return size;
}

/* Growing zeroes too: a shared mapping may have written behind the old end. That comes before the
 * new size is there for others: what they store then is in the file. */
void
object_set_size(struct object *object, uint64_t size)
{
    uint64_t old, pages = (size + PAGE_MASK) >> PAGE_SHIFT;

    ASSERT(size <= OBJECT_SIZE_MAX);
    spin_lock_only(&object->lock);
    old = object->size;
    if (size >= old)
        zero_tail(object, old);
    object->size = size;
    spin_unlock_only(&object->lock);
    if (size >= old)
        return;
    if (pages <= UINT32_MAX) {
        cut(object, (uint32_t)pages);
        cut_areas(object, (uint32_t)pages);
    }
    spin_lock_only(&object->lock);
    zero_tail(object, size);
    spin_unlock_only(&object->lock);
}

/* ---- areas ---- */

void
object_add_area(struct object *object, struct area *area)
{
    object_get(object);
    spin_lock_only(&object->lock);
    area->next_of_object = object->areas;
    area->link_of_object = &object->areas;
    if (object->areas)
        object->areas->link_of_object = &area->next_of_object;
    object->areas = area;
    spin_unlock_only(&object->lock);
}

void
object_remove_area(struct object *object, struct area *area)
{
    spin_lock_only(&object->lock);
    *area->link_of_object = area->next_of_object;
    if (area->next_of_object)
        area->next_of_object->link_of_object = area->link_of_object;
    area->next_of_object = NULL;
    area->link_of_object = NULL;
    spin_unlock_only(&object->lock);
    object_put(object);
}

bool
object_unmap_old(struct object *object, uint32_t index, pfn_t page)
{
    bool used = false;

    for (const struct area *area = object->areas; area; area = area->next_of_object)
        if (space_keeps(area, index))
            return true;
    for (struct area *area = object->areas; area; area = area->next_of_object)
        used |= space_unmap_old(area, index, page);
    return used;
}

/* ---- all objects ---- */

struct object *
object_lock_clean(void)
{
    struct object *object;

    spin_lock_only(&lists_lock);
    for (object = clean.first; object; object = object->next)
        if (spin_try_lock_only(&object->lock))
            break;
    spin_unlock_only(&lists_lock);
    return object;
}

void
object_rotate_clean(struct object *object)
{
    spin_lock_only(&lists_lock);
    if (object->pages) {
        unlink_object(&clean, object);
        link_last(&clean, object);
    }
    spin_unlock_only(&lists_lock);
}

HINT unsigned long
object_cached_pages(void)
{
    return clean.pages + kept.pages;
}

HINT unsigned long
object_clean_pages(void)
{
    return clean.pages;
}

HINT unsigned long
object_counted_pages(void)
{
    return counted.pages;
}

unsigned long
object_promised_pages(void)
{
    unsigned long pages = reserved;

    for (const struct object *object = kept.first; object; object = object->next)
        pages += object->counted ? object->pages : 0;
    return pages;
}

static bool
check_pages(const struct object *object)
{
    unsigned long pages = 0;
    uint32_t index = 0;

    for (pfn_t page; (page = radix_next(&object->tree, &index)).n;) {
        const struct frame *frame = frame_of(page);
        if (frame->owner != FRAME_CACHE || frame->count == 0 ||
            (uint64_t)index << PAGE_SHIFT >= object->size)
            return false;
        if (++index == 0)
            break;
    }
    return radix_check(&object->tree, &pages) && pages == object->pages && pages;
}

static bool
check_list(const struct object_list *list)
{
    const struct object *previous = NULL;
    unsigned long pages = 0;

    for (const struct object *object = list->first; object; object = object->next) {
        if (object->previous != previous || list_of(object) != list || !check_pages(object)) {
            klog("object: the object at %p does not hold its invariants\n", (const void *)object);
            return false;
        }
        pages += object->pages;
        previous = object;
    }
    if (previous == list->last && pages == list->pages)
        return true;
    klog("object: %lu pages found, %lu counted\n", pages, list->pages);
    return false;
}

static bool
check_counted(void)
{
    unsigned long pages = 0;

    for (const struct object *object = kept.first; object; object = object->next)
        pages += is_limited(object) ? object->pages : 0;
    if (pages == counted.pages)
        return true;
    klog("object: %lu pages of files found, %lu counted\n", pages, counted.pages);
    return false;
}

bool
object_check(void)
{
    return check_list(&clean) && check_list(&kept) && check_counted();
}
