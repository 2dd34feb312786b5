/* area.c - the tree of a space's areas.
 *
 * Theory. An AVL tree that is tolerant: the heights of two siblings may differ by two before they are
 * brought to the same level again. So what comes and goes at one place, as mappings do, does not turn
 * the tree each time; a way down has at most 1.82 log2(n) steps, 18 for 1000 areas, and most often
 * 10. Beside its height each node keeps the largest gap of its
 * subtree, a gap being the free bytes directly below an area:
 *
 *              [40..50) gap 10              largest gap 20
 *             /        \
 *     [10..30) gap 10   [70..80) gap 20
 *
 * A search for room descends only into subtrees whose largest gap will do. The room above the last
 * area belongs to no gap and is looked at apart.
 *
 * I1. In order, areas do not overlap; the list previous/next has the same order.
 * I2. |height(left) - height(right)| <= 2, height = 1 + the larger of the two.
 * I3. gap = start - end of the previous area (0 without); largest_gap = the maximum of the subtree.
 *
 * Cost: 15 instructions a level for a search, about 40 a level for a change.
 * Lock: the space's.
 */
#include "area.h"

enum { LEFT, RIGHT };

#define NEAR_GAPS 3
#define SLACK     2u /* by how much heights may differ */

static inline unsigned
height_of(const struct area *area)
{
    return area ? area->height : 0;
}

static inline uintptr_t
largest_gap_of(const struct area *area)
{
    return area ? area->largest_gap : 0;
}

/* Works out height and largest gap of one node. True when either is new. */
static inline bool
refresh(struct area *area)
{
    const struct area *left = area->child[LEFT], *right = area->child[RIGHT];
    unsigned height = 1 + (height_of(left) > height_of(right) ? height_of(left) : height_of(right));
    uintptr_t gap = area->gap;

    if (largest_gap_of(left) > gap)
        gap = left->largest_gap;
    if (largest_gap_of(right) > gap)
        gap = right->largest_gap;
    if (height == area->height && gap == area->largest_gap)
        return false;
    area->height = height;
    area->largest_gap = gap;
    return true;
}

/* Puts `area` (NULL: nothing) where `old` hangs. */
static inline void
replace(struct area_tree *tree, const struct area *old, struct area *area)
{
    struct area *parent = old->parent;

    if (parent == NULL)
        tree->root = area;
    else
        parent->child[parent->child[RIGHT] == old] = area;
    if (area != NULL)
        area->parent = parent;
}

/*      area              up
 *     /    \            /  \
 *    a      up   ->  area   c        for side == RIGHT; LEFT is the mirror image
 *          /  \      /  \
 *         b    c    a    b
 */
static struct area *
rotate(struct area_tree *tree, struct area *area, int side)
{
    struct area *up = area->child[side], *moved = up->child[!side];

    replace(tree, area, up);
    area->child[side] = moved;
    if (moved != NULL)
        moved->parent = area;
    up->child[!side] = area;
    area->parent = up;
    refresh(area);
    refresh(up);
    return up;
}

/* Restores the balance of a node whose subtree on `side` is higher by three. Returns the subtree's
 * new top. */
static struct area *
balance(struct area_tree *tree, struct area *area, int side)
{
    struct area *heavy = area->child[side];

    if (height_of(heavy->child[!side]) > height_of(heavy->child[side]))
        rotate(tree, heavy, !side);
    return rotate(tree, area, side);
}

/* From a node whose gap or children changed up to the first one for which nothing is new. */
static void
update(struct area_tree *tree, struct area *area)
{
    for (; area != NULL; area = area->parent) {
        unsigned left = height_of(area->child[LEFT]), right = height_of(area->child[RIGHT]);

        if (UNLIKELY(left - right + SLACK > 2 * SLACK))
            area = balance(tree, area, right > left ? RIGHT : LEFT);
        else if (!refresh(area))
            return;
    }
}

/* The same for a node (NULL: none) that an update below it may or may not have reached. */
static inline void
update_if_stale(struct area_tree *tree, struct area *area)
{
    const struct area *left, *right;
    uintptr_t largest;

    if (area == NULL)
        return;
    left = area->child[LEFT];
    right = area->child[RIGHT];
    largest = largest_gap_of(left) > largest_gap_of(right) ? left->largest_gap
                                                           : largest_gap_of(right);
    if (largest < area->gap)
        largest = area->gap;
    if (largest != area->largest_gap || area->height == 0)
        update(tree, area);
}

static inline void
set_gap(struct area *area)
{
    area->gap = area->start - (area->previous ? area->previous->end : 0);
}

/* The gap of an area (NULL: of none) may have changed, and nothing else. */
static inline void
update_gap(struct area *area)
{
    if (area == NULL)
        return;
    set_gap(area);
    for (; area != NULL; area = area->parent) {
        const struct area *left = area->child[LEFT], *right = area->child[RIGHT];
        uintptr_t gap = area->gap;

        if (left != NULL && left->largest_gap > gap)
            gap = left->largest_gap;
        if (right != NULL && right->largest_gap > gap)
            gap = right->largest_gap;
        if (gap == area->largest_gap)
            return;
        area->largest_gap = gap;
    }
}

/* The area of the last change, or the gap below it, is asked for next more often than not. */
struct area *
area_find(const struct area_tree *tree, uintptr_t address)
{
    struct area *area = tree->root, *found = tree->recent;

    if (found != NULL &&
        address - (found->start - found->gap) < found->end - (found->start - found->gap))
        return found;
    found = NULL;

    while (area != NULL) {
        if (address >= area->end) {
            area = area->child[RIGHT];
            continue;
        }
        found = area;
        if (address >= area->start)
            break;
        area = area->child[LEFT];
    }
    return found;
}

struct area *
area_before(const struct area_tree *tree, uintptr_t address)
{
    const struct area *next = area_find(tree, address);

    return next != NULL ? next->previous : tree->last;
}

static inline void
link_into_list(struct area_tree *tree, struct area *area, struct area *previous, struct area *next)
{
    area->previous = previous;
    area->next = next;
    if (previous != NULL)
        previous->next = area;
    else
        tree->first = area;
    if (next != NULL)
        next->previous = area;
    else
        tree->last = area;
}

/* A leaf; its gap is known. */
static inline void
hang(struct area **link, struct area *area, struct area *parent)
{
    *link = area;
    area->parent = parent;
    area->child[LEFT] = area->child[RIGHT] = NULL;
    area->height = 1;
    area->largest_gap = area->gap;
}

/* Next to `previous` in order: right of it or, if it has somebody there, left of `next`. */
static inline void
insert_between(struct area_tree *tree, struct area *previous, struct area *area, struct area *next)
{
    if (previous != NULL && previous->child[RIGHT] == NULL)
        hang(&previous->child[RIGHT], area, previous);
    else if (next != NULL)
        hang(&next->child[LEFT], area, next);
    else
        hang(&tree->root, area, NULL);
    link_into_list(tree, area, previous, next);
    tree->recent = area;
    tree->count++;
}

void
area_insert_after(struct area_tree *tree, struct area *previous, struct area *area)
{
    struct area *next = previous != NULL ? previous->next : tree->first;

    area->gap = area->start - (previous != NULL ? previous->end : 0);
    if (next != NULL) {
        ASSERT(area->end <= next->start);
        next->gap = next->start - area->end;
    }
    insert_between(tree, previous, area, next);
    update(tree, area->parent);
    update_if_stale(tree, next);
}

void
area_insert(struct area_tree *tree, struct area *area)
{
    area_insert_after(tree, area_before(tree, area->start), area);
}

/* One part has no gap below it and the other keeps the one there was, so that only heights change
 * but for the lower part that is new: it takes the gap over. */
void
area_split(struct area_tree *tree, struct area *area, uintptr_t at, struct area *part, bool lower)
{
    ASSERT(area->start < at && at < area->end);
    if (lower) {
        part->start = area->start;
        part->end = area->start = at;
        part->gap = area->gap;
        area->gap = 0;
        insert_between(tree, area->previous, part, area);
    } else {
        part->end = area->end;
        part->start = area->end = at;
        part->gap = 0;
        insert_between(tree, area, part, area->next);
    }
    tree->recent = area;
    update(tree, part->parent);
    if (lower)
        update_if_stale(tree, area);
}

/* Takes a node with two children out of the tree: the next area, which has no left child, comes in
 * its place. Returns the lowest node whose subtrees changed. */
static struct area *
replace_by_next(struct area_tree *tree, struct area *area)
{
    struct area *next = area->next, *lowest = next;

    if (next->parent != area) {
        lowest = next->parent;
        replace(tree, next, next->child[RIGHT]);
        next->child[RIGHT] = area->child[RIGHT];
        next->child[RIGHT]->parent = next;
    }
    replace(tree, area, next);
    next->child[LEFT] = area->child[LEFT];
    next->child[LEFT]->parent = next;
    next->height = 0; /* to be worked out */
    return lowest;
}

/* Takes an area out of list and tree; the next one's gap is set already. */
static void
take_out(struct area_tree *tree, struct area *area)
{
    struct area *changed = area->parent, *next = area->next;

    if (area->child[LEFT] == NULL)
        replace(tree, area, area->child[RIGHT]);
    else if (area->child[RIGHT] == NULL)
        replace(tree, area, area->child[LEFT]);
    else
        changed = replace_by_next(tree, area);
    if (area->previous != NULL)
        area->previous->next = next;
    else
        tree->first = next;
    if (next != NULL)
        next->previous = area->previous;
    else
        tree->last = area->previous;
    tree->recent = next;
    tree->count--;
    update(tree, changed);
    update_if_stale(tree, next);
}

void
area_remove(struct area_tree *tree, struct area *area)
{
    if (area->next != NULL)
        area->next->gap += area->gap + (area->end - area->start);
    take_out(tree, area);
}

/* Whichever is further from the root goes: that changes less of the tree. */
struct area *
area_join_next(struct area_tree *tree, struct area *area)
{
    struct area *next = area->next;

    ASSERT(area->end == next->start);
    if (area->height < next->height) {
        next->start = area->start;
        next->gap = area->gap;
        take_out(tree, area);
        return area;
    }
    area->end = next->end;
    take_out(tree, next);
    tree->recent = area;
    return next;
}

void
area_resize(struct area_tree *tree, struct area *area, uintptr_t start, uintptr_t end)
{
    bool moved = start != area->start;

    ASSERT(tree->root != NULL && start < end);
    area->start = start;
    area->end = end;
    if (moved)
        update_gap(area);
    update_gap(area->next);
}

/* The middle of `count` areas from *next on becomes the top; *next moves on. */
static struct area *
build(struct area **next, size_t count, struct area *parent)
{
    struct area *left, *area;

    if (count == 0)
        return NULL;
    left = build(next, count / 2, NULL);
    area = *next;
    *next = area->next;
    area->parent = parent;
    area->child[LEFT] = left;
    if (left != NULL)
        left->parent = area;
    area->child[RIGHT] = build(next, count - count / 2 - 1, area);
    area->height = 0;
    refresh(area);
    return area;
}

void
area_build(struct area_tree *tree, struct area *first)
{
    struct area *next = first;

    ASSERT(tree->root == NULL);
    tree->recent = NULL;
    tree->first = first;
    tree->last = NULL;
    tree->count = 0;
    for (struct area *area = first; area != NULL; area = area->next) {
        area->previous = tree->last;
        set_gap(area);
        tree->last = area;
        tree->count++;
    }
    tree->root = build(&next, tree->count, NULL);
}

/* ---- room ---- */

/* The start of the highest (or lowest) `length` bytes of [from, to) cut to [low, high); 0: none. */
static inline uintptr_t
fit(uintptr_t from, uintptr_t to, size_t length, uintptr_t low, uintptr_t high, bool highest)
{
    if (from < low)
        from = low;
    if (to > high)
        to = high;
    if (to < from || to - from < length)
        return 0;
    return highest ? to - length : from;
}

/* The gap nearest to `high` in a subtree. */
static uintptr_t
fit_below(const struct area *area, size_t length, uintptr_t low, uintptr_t high)
{
    while (area != NULL && area->largest_gap >= length) {
        uintptr_t found = 0;

        if (area->end < high)
            found = fit_below(area->child[RIGHT], length, low, high);
        if (found == 0)
            found = fit(area->start - area->gap, area->start, length, low, high, true);
        if (found != 0)
            return found;
        if (area->start - area->gap <= low)
            return 0;
        area = area->child[LEFT];
    }
    return 0;
}

/* The gap nearest to `low`. */
static uintptr_t
fit_above(const struct area *area, size_t length, uintptr_t low, uintptr_t high)
{
    while (area != NULL && area->largest_gap >= length) {
        uintptr_t found = 0;

        if (area->start - area->gap > low)
            found = fit_above(area->child[LEFT], length, low, high);
        if (found == 0)
            found = fit(area->start - area->gap, area->start, length, low, high, false);
        if (found != 0)
            return found;
        if (area->end >= high)
            return 0;
        area = area->child[RIGHT];
    }
    return 0;
}

static inline uintptr_t
end_of_last(const struct area_tree *tree)
{
    return tree->last ? tree->last->end : 0;
}

/* The gaps nearest to `high` are looked at one by one: most often the first is large enough. */
uintptr_t
area_gap_below(const struct area_tree *tree, size_t length, uintptr_t low, uintptr_t high)
{
    const struct area *area = area_find(tree, high);

    if (area == NULL) {
        uintptr_t found = fit(end_of_last(tree), high, length, low, high, true);

        if (found != 0)
            return found;
        area = tree->last;
    }
    for (int near = 0; area != NULL && near < NEAR_GAPS; near++, area = area->previous) {
        uintptr_t found = fit(area->start - area->gap, area->start, length, low, high, true);

        if (found != 0)
            return found;
    }
    return fit_below(tree->root, length, low, high);
}

uintptr_t
area_gap_above(const struct area_tree *tree, size_t length, uintptr_t low, uintptr_t high)
{
    uintptr_t found = fit_above(tree->root, length, low, high);

    return found ? found : fit(end_of_last(tree), high, length, low, high, false);
}

/* ---- check ---- */

/* Heights and gaps of a subtree; *areas counts its nodes. */
static bool
check_subtree(const struct area *area, size_t *areas)
{
    struct area copy;
    int difference;

    if (area == NULL)
        return true;
    copy = *area;
    difference = (int)height_of(area->child[RIGHT]) - (int)height_of(area->child[LEFT]);
    ++*areas;
    for (int side = LEFT; side <= RIGHT; side++)
        if (area->child[side] != NULL && area->child[side]->parent != area)
            return false;
    return difference >= -(int)SLACK && difference <= (int)SLACK && !refresh(&copy) &&
           check_subtree(area->child[LEFT], areas) && check_subtree(area->child[RIGHT], areas);
}

bool
area_check(const struct area_tree *tree)
{
    const struct area *previous = NULL;
    size_t listed = 0, counted = 0;

    for (const struct area *area = tree->first; area != NULL; area = area->next) {
        uintptr_t end = previous ? previous->end : 0;

        if (area->previous != previous || area->start >= area->end || area->start < end ||
            area->gap != area->start - end || area_find(tree, area->start) != area)
            return false;
        previous = area;
        listed++;
    }
    return tree->last == previous && listed == tree->count &&
           check_subtree(tree->root, &counted) && counted == listed;
}
