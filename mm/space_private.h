/* space_private.h - what the files on address spaces share: areas cut and joined, accounts. Private
 * to mm/. */
#ifndef OCTAVO_SPACE_PRIVATE_H
#define OCTAVO_SPACE_PRIVATE_H

#include "commit.h"
#include "object.h"
#include "paging.h"

static inline uintptr_t
page_down(uintptr_t address)
{
    return address & ~(uintptr_t)PAGE_MASK;
}

/* 0 for the last page and what lies behind it. */
static inline uint32_t
page_up(uint32_t address)
{
    return (address + (uint32_t)PAGE_MASK) & ~(uint32_t)PAGE_MASK;
}

static inline unsigned long
pages_of(uintptr_t start, uintptr_t end)
{
    return (end - start) >> PAGE_SHIFT;
}

/* [start, start + length) in whole pages into *end. False when it leaves the program's half. */
static inline MUST_CHECK bool
user_pages(uintptr_t start, size_t length, uintptr_t *end)
{
    if (length > USER_END || start > USER_END - length)
        return false;
    *end = page_up((uint32_t)(start + length));
    return true;
}

/* The page of its object that an area shows at `va`. */
static inline uint32_t
area_index(const struct area *area, uintptr_t va)
{
    return area->index + (uint32_t)((va - area->start) >> PAGE_SHIFT);
}

/* Whether a mapping that starts where the area ends, or `at` pages into it, goes on like it. */
static inline bool
area_goes_on(const struct area *area, unsigned flags, const struct object *object, uint32_t index)
{
    return area->flags == flags && area->object == object &&
           (object == NULL || area_index(area, area->end) == index);
}

/* ---- checks ---- */

/* Calls for each directory's entry that leads to a table: `first` the first time that table comes
 * up. */
typedef void table_visitor(struct address_space *space, uintptr_t base, pfn_t table, bool first,
                           void *arg);
void space_for_each_table(table_visitor *visit, void *arg);

/* The start of a line: "space: 12 sh: 0x08000000 leads to frame 0x123". */
void space_print_entry(const struct address_space *space, uintptr_t va, pfn_t page);

/* Names each page that is held more or less often than somebody leads to it, and who does. */
void space_name_holders(void);

/* An area without place, for space_place. NULL when out of memory. */
struct area *area_new(struct address_space *space);
/* Takes back one that was not placed. */
void area_discard(struct address_space *space, struct area *area);

/* What a new mapping is like. */
struct mapping {
    uintptr_t start, end;
    unsigned flags;
    struct object *object;
    uint32_t index;
};

/* Puts a mapping where nothing is, joined with its neighbours where they are alike; takes `spare`
 * (area_new) over. The mapping's pages enter the accounts but for the commit account. The first
 * form knows the area before it (NULL: none). */
void space_place_after(struct address_space *space, struct area *before,
                       const struct mapping *mapping, struct area *spare);
static inline void
space_place(struct address_space *space, const struct mapping *mapping, struct area *spare)
{
    space_place_after(space, area_before(&space->areas, mapping->start), mapping, spare);
}

/* space_isolate when there is something to cut, or more than one area. `area` is what area_find
 * tells of `start`. */
MUST_CHECK int space_isolate_from(struct address_space *space, struct area *area, uintptr_t start,
                                  uintptr_t end, bool goes, struct area **first);

/* Cuts areas so that [start, end) consists of whole ones; *first is the first area that ends behind
 * `start`, NULL without. -ENOMEM with nothing changed. `goes`: the whole ones will be taken away,
 * so that only what is cut out of the middle of an area leaves more areas than there were. */
static inline MUST_CHECK int
space_isolate_for(struct address_space *space, uintptr_t start, uintptr_t end, bool goes,
                  struct area **first)
{
    struct area *area = *first = area_find(&space->areas, start);

    if (area == NULL || area->start >= end || (area->start >= start && area->end == end))
        return 0;
    return space_isolate_from(space, area, start, end, goes, first);
}

/* The same for areas that stay. */
static inline MUST_CHECK int
space_isolate(struct address_space *space, uintptr_t start, uintptr_t end, struct area **first)
{
    return space_isolate_for(space, start, end, false, first);
}

/* Joins what is alike from the area before `first` on, up to the one that begins at `end`. */
void space_join(struct address_space *space, struct area *first, uintptr_t end);

/* space_isolate, and page tables of the space's own in the range: all that can fail of a change of
 * [start, end). space_join undoes it. */
MUST_CHECK int space_prepare(struct address_space *space, uintptr_t start, uintptr_t end,
                             struct area **first);
/* Takes whole areas away, from `first` up to `end`. Their pages must be gone (tables_zap). */
void space_remove_areas(struct address_space *space, struct area *first, uintptr_t end);

/* Pages that SPACE_LIMIT_DATA is about. */
static inline bool
area_is_data(unsigned flags)
{
    return (flags & (AREA_WRITE | AREA_SHARED | AREA_STACK)) == AREA_WRITE;
}

/* Counts `pages` more (or less) pages of an area with these flags. */
static inline void
space_account(struct address_space *space, unsigned flags, long pages)
{
    space->total_pages += (unsigned long)pages;
    if (area_is_data(flags))
        space->data_pages += (unsigned long)pages;
    if (flags & AREA_CHARGED)
        space->charged_pages += (unsigned long)pages;
    if (UNLIKELY(flags & AREA_LOCKED))
        space->locked_pages += (unsigned long)pages;
}

static inline bool
exceeds(unsigned long used, unsigned long pages, size_t limit)
{
    return limit != LIMIT_INFINITE && used + pages > limit >> PAGE_SHIFT;
}

/* 0 or -ENOMEM: whether the limits allow `pages` more pages with these flags, where an area is. */
static inline MUST_CHECK int
space_may_grow(const struct address_space *space, unsigned flags, unsigned long pages)
{
    if (exceeds(space->total_pages, pages, space->limits[SPACE_LIMIT_AS]) ||
        (area_is_data(flags) && exceeds(space->data_pages, pages, space->limits[SPACE_LIMIT_DATA])))
        return -ENOMEM;
    return 0;
}

/* The same in one area more. */
static inline MUST_CHECK int
space_may_add(const struct address_space *space, unsigned flags, unsigned long pages)
{
    return space->areas.count < SPACE_AREAS ? space_may_grow(space, flags, pages) : -ENOMEM;
}

/* True when the limit allows `pages` more locked pages. */
static inline bool
space_may_lock(const struct address_space *space, unsigned long pages)
{
    return !exceeds(space->locked_pages, pages, space->limits[SPACE_LIMIT_MEMLOCK]);
}

/* True when pages with these flags count for the commit account; when all count that may be
 * touched. */
bool area_is_reserved(unsigned flags);
static inline bool
area_is_charged(unsigned flags)
{
    return (flags & (AREA_WRITE | AREA_SHARED)) == AREA_WRITE &&
           (LIKELY(!(flags & AREA_NORESERVE)) || area_is_reserved(flags));
}

/* Sets flags of whole areas from `first` up to `end`: `set` added, `clear` taken; joins after. */
void space_change_flags(struct address_space *space, struct area *first, uintptr_t end,
                        unsigned set, unsigned clear);

/* True when [start, end) has no hole. */
bool space_is_mapped(const struct address_space *space, uintptr_t start, uintptr_t end);

/* Pages in [start, end) of areas that have all of `flags`. */
unsigned long space_mapped_pages(const struct address_space *space, uintptr_t start, uintptr_t end,
                                 unsigned flags);

/* Brings all pages of the range in, writable ones for writing. 0 or -ENOMEM at the first that
 * cannot be had. */
int space_populate(struct address_space *space, uintptr_t start, uintptr_t end);

/* A stack that grows down reaches `page`, which lies in the gap below it, from now on. False when
 * it must not. */
bool stack_grow(struct address_space *space, struct area *area, uintptr_t page);

/* A page of zeros for a program; frame 0 when out of memory. */
pfn_t page_zeroed(void);
/* Copies a page of a program. The caller sees to it that `from` stays. */
void page_copy(pfn_t to, pfn_t from);

/* ---- what mappings are promised ---- */

/* What must be promised anew for a mapping when `released` promised pages go for it. */
static inline unsigned long
mapping_new_promise(const struct mapping *mapping, unsigned long released)
{
    unsigned long pages = pages_of(mapping->start, mapping->end);

    return mapping->flags & AREA_CHARGED && pages > released ? pages - released : 0;
}

/* Limits and account for a mapping for which `present` pages go, `released` of them promised. 0 or
 * -ENOMEM. Taken back by commit_release of mapping_new_promise. */
static inline MUST_CHECK int
mapping_promise(const struct address_space *space, const struct mapping *mapping,
                unsigned long present, unsigned long released)
{
    unsigned long pages = pages_of(mapping->start, mapping->end);

    if (space_may_add(space, mapping->flags, pages - present) != 0)
        return -ENOMEM;
    return commit_charge(mapping_new_promise(mapping, released)) ? 0 : -ENOMEM;
}

/* What went for the mapping was released, and is its own now. */
static inline void
mapping_keep_promise(const struct mapping *mapping, unsigned long released)
{
    if (mapping->flags & AREA_CHARGED)
        commit_restore(pages_of(mapping->start, mapping->end) -
                       mapping_new_promise(mapping, released));
}

/* space_munmap for who has the space's lock already (mmap.c). */
long space_unmap(struct address_space *space, uintptr_t start, size_t length);

/* ---- where mappings come (mmap.c) ---- */

/* Room for `size` bytes wherever mmap finds it; 0 when there is none. */
uintptr_t space_find_room(struct address_space *space, size_t size);

/* True when nothing lies in [start, start + size), and no stack above needs it as its gap. */
bool space_is_free(const struct address_space *space, uintptr_t start, size_t size);

/* Errors are the top 4095 values; addresses of programs are below USER_END. */
static inline bool
is_error(long result)
{
    return (unsigned long)result >= (unsigned long)-4095;
}

#endif
