/* area.h - one mapping of a program: a range of pages with one protection and one backing.
 *
 * The areas of an address space are a tree balanced by ranks, by address, and a list. Each knows
 * the gap below it, and each subtree a bound of its gaps, so that room for a mapping is found on
 * one way down from the root.
 *
 *      gap      area        gap         area
 *   |........|########|............|############|
 *            start  end           start       end
 */
#ifndef OCTAVO_AREA_H
#define OCTAVO_AREA_H

#include "platform.h"
#include "uapi/mman.h"

struct object;
struct address_space;

/* Bits of `flags`; the first three are PROT_READ, PROT_WRITE, PROT_EXEC. */
enum {
    AREA_READ = PROT_READ,
    AREA_WRITE = PROT_WRITE,
    AREA_EXEC = PROT_EXEC,
    AREA_PROT = AREA_READ | AREA_WRITE | AREA_EXEC,
    AREA_SHARED = 0x08,      /* stores go to the object; else to copies of our own */
    AREA_GROWSDOWN = 0x10,   /* a stack: a touch below it makes it larger */
    AREA_LOCKED = 0x20,
    AREA_NORESERVE = 0x40,
    AREA_CHARGED = 0x80,     /* its pages are in the commit account */
    AREA_MAYWRITE = 0x100,   /* mprotect may give PROT_WRITE */
    AREA_DONTFORK = 0x200,
    AREA_WIPEONFORK = 0x400,
    AREA_HEAP = 0x800,       /* made by brk */
    AREA_STACK = 0x1000,     /* the program's first stack */
    AREA_ANONYMOUS = 0x2000, /* MAP_SHARED|MAP_ANONYMOUS: has an object that is no file */
};

struct area {
    uintptr_t start; /* both page aligned, start < end */
    uintptr_t end;
    unsigned flags;
    uint32_t index;        /* page of the object at `start`; 0 without object */
    struct object *object; /* NULL: private memory that starts as zeros */
    struct address_space *space;

    struct area *child[2], *parent; /* tree: lower and higher addresses */
    struct area *previous, *next;       /* by address */
    uintptr_t gap;                      /* bytes between the previous area (or 0) and start */
    uintptr_t bound;                    /* no gap of this subtree is larger */
    unsigned rank;                      /* in the tree: 1 at least */

    struct area *next_of_object, **link_of_object; /* areas that map the object */
};

/* The tree. Changes need the space's lock. */
struct area_tree {
    struct area *root;
    struct area *first;
    struct area *last;
    struct area *recent; /* where the last change was: looked at first */
    size_t count;
};

/* area_find by a walk down the tree. */
struct area *area_search(const struct area_tree *tree, uintptr_t address);

/* The area that contains `address` or, if none does, the first above it; NULL when there is none.
 * The area of the last change, or the gap below it, is asked for next more often than not. */
static inline struct area *
area_find(const struct area_tree *tree, uintptr_t address)
{
    struct area *recent = tree->recent;

    if (LIKELY(recent != NULL)) {
        uintptr_t start = recent->start - recent->gap;

        if (LIKELY(address - start < recent->end - start))
            return recent;
    }
    return area_search(tree, address);
}

/* The area before the one that area_find names; NULL when there is none. */
struct area *area_before(const struct area_tree *tree, uintptr_t address);

/* Puts an area in; its range must be free. The second form knows the area before it (NULL: none).
 */
void area_insert(struct area_tree *tree, struct area *area);
void area_insert_after(struct area_tree *tree, struct area *previous, struct area *area);
void area_remove(struct area_tree *tree, struct area *area);

/* Makes the areas of a list (`first`, linked by next, in order) the tree's: in linear time. The
 * tree must be empty. */
void area_build(struct area_tree *tree, struct area *first);

/* Cuts an area at `at`: `part`, which is not in the tree, becomes the lower or the upper part and
 * `area` the other. */
void area_split(struct area_tree *tree, struct area *area, uintptr_t at, struct area *part,
                bool lower);

/* Makes an area and the next one, which begins where it ends, one. Returns the one of the two that
 * left the tree; the other has the place of both. */
struct area *area_join_next(struct area_tree *tree, struct area *area);

/* Moves the bounds of an area that is in the tree, within its gaps. */
void area_resize(struct area_tree *tree, struct area *area, uintptr_t start, uintptr_t end);

/* The highest free range of `length` bytes in [low, high); its start, or 0 when there is none. */
uintptr_t area_gap_below(struct area_tree *tree, size_t length, uintptr_t low,
                         uintptr_t high);
/* The lowest one. */
uintptr_t area_gap_above(struct area_tree *tree, size_t length, uintptr_t low,
                         uintptr_t high);

/* Balance, order, gaps, list and count. */
bool area_check(const struct area_tree *tree);

#endif
