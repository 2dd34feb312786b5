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
    *object = (struct object){.ops = ops, .refs = 1, .size = size};
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

    reserved -= anonymous->charged;
    commit_release(anonymous->charged);
    kfree(anonymous);
}

static const struct object_ops anonymous_ops = {.release = release_anonymous};

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
    reserved += anonymous->charged;
    return &anonymous->object;
}

/* Takes the pages from `first` on out of all areas. */
static void
cut_areas(const struct object *object, uint32_t first)
{
    for (struct area *area = object->areas; area; area = area->next_of_object) {
        uint32_t left = first > area->index ? first - area->index : 0;
        if (left < (area->end - area->start) >> PAGE_SHIFT)
            space_cut(area, area->start + ((uintptr_t)left << PAGE_SHIFT));
    }
}

/* Takes out the pages from `first` on. */
static void
cut(struct object *object, uint32_t first)
{
    uint32_t index = first;

    cut_areas(object, first);
    while (radix_next(&object->tree, &index).n) {
        object_drop(object, index);
        if (++index == 0)
            break;
    }
}

void
object_put(struct object *object)
{
    ASSERT(object->refs);
    if (--object->refs)
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

    if (object->pages++ == 0)
        link_last(list, object);
    list->pages++;
    counted.pages += is_limited(object);
}

void
object_drop(struct object *object, uint32_t index)
{
    struct object_list *list = list_of(object);
    pfn_t page = radix_remove(&object->tree, index);

    ASSERT(page.n);
    list->pages--;
    counted.pages -= is_limited(object);
    if (--object->pages == 0)
        unlink_object(list, object);
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

/* A page that is not there: made, filled and put into the tree, or nothing at all. */
static __attribute__((noinline)) int
bring_in(struct object *object, uint32_t index, pfn_t *page)
{
    int error = -ENOMEM;

    if ((uint64_t)index << PAGE_SHIFT >= object->size)
        return -ENXIO;
    if (is_limited(object) && counted.pages >= counted.limit)
        return -ENOSPC;
    if (object->counted && !commit_charge(1))
        return -ENOMEM;
    /* Memory without a file needs a frame as a program's own pages do. */
    *page = page_alloc(object->ops->fill ? FRAME_CACHE : FRAME_USER, 0);
    if (!page->n)
        goto no_page;
    frame_of(*page)->owner = FRAME_CACHE;
    if (!object->ops->fill)
        trace(TRACE_PAGE_OWNER, pfn_to_paddr(*page), 1, FRAME_CACHE, __builtin_return_address(0));
    error = fill(object, index, *page);
    if (error)
        goto no_contents;
    error = -ENOMEM;
    if (!radix_insert(&object->tree, index, *page))
        goto no_contents;
    count_in(object);
    return 0;

no_contents:
    page_put(*page);
no_page:
    if (object->counted)
        commit_release(1);
    return error;
}

int
object_page(struct object *object, uint32_t index, pfn_t *page)
{
    *page = radix_find(&object->tree, index);
    if (UNLIKELY(!page->n)) {
        int error = bring_in(object, index, page);
        if (error)
            return error;
    }
    frame_of(*page)->flags = PAGE_USED;
    page_get(*page);
    return 0;
}

pfn_t
object_find(const struct object *object, uint32_t index)
{
    return radix_find(&object->tree, index);
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

/* Growing zeroes too: a shared mapping may have written behind the old end. */
void
object_set_size(struct object *object, uint64_t size)
{
    uint64_t old = object->size, pages = (size + PAGE_MASK) >> PAGE_SHIFT;

    ASSERT(size <= OBJECT_SIZE_MAX);
    object->size = size;
    if (size < old && pages <= UINT32_MAX)
        cut(object, (uint32_t)pages);
    zero_tail(object, size < old ? size : old);
}

/* ---- areas ---- */

void
object_add_area(struct object *object, struct area *area)
{
    object_get(object);
    area->next_of_object = object->areas;
    area->link_of_object = &object->areas;
    if (object->areas)
        object->areas->link_of_object = &area->next_of_object;
    object->areas = area;
}

void
object_remove_area(struct object *object, struct area *area)
{
    *area->link_of_object = area->next_of_object;
    if (area->next_of_object)
        area->next_of_object->link_of_object = area->link_of_object;
    area->next_of_object = NULL;
    area->link_of_object = NULL;
    object_put(object);
}

bool
object_unmap_old(const struct object *object, uint32_t index, pfn_t page)
{
    bool used = false;

    for (struct area *area = object->areas; area; area = area->next_of_object) {
        uint32_t offset = index - area->index;
        if (index < area->index || offset >= (area->end - area->start) >> PAGE_SHIFT)
            continue;
        used |= area->flags & AREA_LOCKED ||
                space_unmap_old(area, area->start + ((uintptr_t)offset << PAGE_SHIFT), page);
    }
    return used;
}

/* ---- all objects ---- */

struct object *
object_first_clean(void)
{
    return clean.first;
}

void
object_rotate_clean(struct object *object)
{
    unlink_object(&clean, object);
    link_last(&clean, object);
}

unsigned long
object_cached_pages(void)
{
    return clean.pages + kept.pages;
}

unsigned long
object_clean_pages(void)
{
    return clean.pages;
}

unsigned long
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
