/* object.h - pages by number that several may map, read and write: what lies behind shared memory
 * and behind files. This is the page cache.
 *
 *   areas that map it ──┐
 *   open files ─────────┼──► object: size, pages by index ──► frames (FRAME_CACHE)
 *                       │            fill(index): where a page that is not there comes from
 *
 * An object whose pages can be had again (`fill`, such as a file of a boot module) is a cache: when
 * memory is short, pages that nobody used lately are taken away, from the areas that map them too.
 * One without `fill` (shared anonymous memory, a file of tmpfs) is the only place where its bytes
 * are: pages come as zeros when first asked for and go when the object is cut or ends. Nobody
 * writes to a page of the first kind.
 *
 * Lock: each object has a spinlock of its own, for its tree, its pages, its size and the list of
 * areas; never from an interrupt, so interrupts stay on. `refs` is atomic. The functions take it.
 * Pages are filled without it; object_set_size takes the locks of the spaces that map the object,
 * one by one, so its caller has none.
 */
#ifndef OCTAVO_OBJECT_H
#define OCTAVO_OBJECT_H

#include "page.h"
#include "radix.h"

struct area;
struct object;

/* No object is larger, in bytes: 32 bits number its pages. */
#define OBJECT_SIZE_MAX ((uint64_t)1 << (32 + PAGE_SHIFT))

struct object_ops {
    /* Fills a page (PAGE_SIZE bytes at `page`; what lies past the object's size must become zero).
     * 0 or -errno. NULL: pages start as zeros and are kept. */
    int (*fill)(struct object *object, uint32_t index, void *page);
    /* The last reference is gone and so are the pages; frees what holds the object. */
    void (*release)(struct object *object);
};

struct object {
    const struct object_ops *ops;
    struct spinlock lock;
    uint32_t refs;
    uint32_t pages;          /* in the cache now */
    uint64_t size;           /* bytes; a page that begins at or past it does not exist */
    struct radix tree;       /* index -> frame */
    bool counted;            /* its pages are charged to the commit account as they come */
    struct area *areas;      /* that map it: linked by area->next_of_object */
    struct object *next, *previous; /* of the objects that have pages (object_private.h) */
    uint32_t hand;           /* where reclaim goes on in this object */
};

/* Makes `object` an empty one of `size` bytes (at most OBJECT_SIZE_MAX) with one reference. */
void object_init(struct object *object, const struct object_ops *ops, uint64_t size);

/* Shared anonymous memory: an object of its own that frees itself, charged to the commit account as
 * a whole with `reserve`, else page by page. NULL when out of memory. */
MUST_CHECK struct object *object_create_anonymous(uint64_t size, bool reserve);

/* Whether the object is one of those. */
bool object_is_anonymous(const struct object *object);

static inline void
object_get(struct object *object)
{
    __atomic_fetch_add(&object->refs, 1, __ATOMIC_RELAXED);
}
void object_put(struct object *object);

/* The page `index`, brought in if need be, with one more holder for the caller (page_put). 0;
 * -ENOMEM; -ENXIO when it lies past the size; -ENOSPC when the object is counted and all such have
 * the pages they may have, or no more may be promised; what fill answered. */
MUST_CHECK int object_page(struct object *object, uint32_t index, pfn_t *page);

/* The page if it is there, with one more holder for the caller; frame 0 if not. */
pfn_t object_look(struct object *object, uint32_t index);
/* The same without another holder: only for whoever knows that the page stays. */
pfn_t object_find(struct object *object, uint32_t index);
static inline bool
object_has(struct object *object, uint32_t index)
{
    return object_find(object, index).n != 0;
}

/* Its size, for one who does not keep others from changing it. */
uint64_t object_size(struct object *object);

/* Cuts or grows. What is cut is gone for everybody: pages, and private copies of them, leave the
 * areas that map them (a later touch is a bus error); the rest of a page that stays is zeroed. */
void object_set_size(struct object *object, uint64_t size);

/* Says that an area maps the object, or no longer does; each area counts as a reference. */
void object_add_area(struct object *object, struct area *area);
void object_remove_area(struct object *object, struct area *area);

/* Pages in all objects, and those of them that could be taken away. */
unsigned long object_cached_pages(void);
unsigned long object_clean_pages(void);
/* Pages of the objects that are counted, shared anonymous memory left out, and how many they may
 * have together: at first any number. Setting that answers what it was. */
unsigned long object_counted_pages(void);
unsigned long object_limit_counted(unsigned long pages);

/* Every object's tree, pages, frames and lists agree. False after a report through klog. */
bool object_check(void);

#endif
