/* area.c - the tree of a space's areas.
 *
 * Theory. A tree balanced by ranks (B. Haeupler, S. Sen, R. E. Tarjan, "Rank-Balanced Trees", ACM
 * Transactions on Algorithms 11, 2015): each node has one, and a child's is less than its parent's
 * by one to three, where they allow two. With that slack a mapping that comes and goes at one place
 * changes nothing above its parent: the ranks that it raised when it came first stay as they are.
 * While nothing is removed a way down has at most 1.82 log2(n) steps, 18 for 1000 areas, and most
 * often 10; after removals of the worst kind 3 log2(n).
 *
 * Each node also keeps a bound of the gaps in its subtree, a gap being the free bytes directly
 * below an area:
 *
 *              [40..50) gap 10              bound 20
 *             /        \
 *     [10..30) gap 10   [70..80) gap 20
 *
 * A search for room descends only into subtrees whose bound will do. A gap that grows raises the
 * bounds above it; one that shrinks leaves them: what comes goes again soon, and then they are
 * right already. A search that finds nothing in a subtree lowers its bounds to what is there, so
 * that no bound misleads twice. The room above the last area belongs to no gap and is looked at
 * apart.
 *
 * I1. In order, areas do not overlap; the list previous/next has the same order.
 * I2. 1 <= rank - rank(child) <= 3, where no child has rank 0.
 * I3. gap = start - end of the previous area (0 without); bound >= gap and the bounds of the
 * children.
 *
 * Cost: 15 instructions a level for a search; a change goes up a level or two, 10 each.
 * Lock: the space's.
 */
#include "area.h"

enum { LEFT, RIGHT };

#define NEAR_GAPS 3
#define MOST_LESS 3u /* by how much a child's rank may be less */

static inline unsigned
rank_of(const struct area *area)
{
    return area ? area->rank : 0;
}

/* The least rank and the least bound that a node's children allow. */
static inline unsigned
rank_over(const struct area *area)
{
    unsigned left = rank_of(area->child[LEFT]), right = rank_of(area->child[RIGHT]);

    return 1 + (left > right ? left : right);
}

static inline uintptr_t
bound_over(const struct area *area)
{
    uintptr_t bound = area->gap;

    for (int side = LEFT; side <= RIGHT; side++)
        if (area->child[side] != NULL && area->child[side]->bound > bound)
            bound = area->child[side]->bound;
    return bound;
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

/* The top has the rank and the bound that the top had before.
 *
 *      area              up
 *     /    \            /  \
 *    a      up   ->  area   c        for side == RIGHT; LEFT is the mirror image
 *          /  \      /  \
 *         b    c    a    b
 */
static void
rotate(struct area_tree *tree, struct area *area, int side)
{
    struct area *up = area->child[side], *moved = up->child[!side];

    replace(tree, area, up);
    area->child[side] = moved;
    if (moved != NULL)
        moved->parent = area;
    up->child[!side] = area;
    area->parent = up;
    up->rank = area->rank;
    up->bound = area->bound;
    area->rank = rank_over(area);
    area->bound = bound_over(area);
}

static inline int
side_of(const struct area *child, const struct area *parent)
{
    return parent->child[LEFT] == child ? LEFT : RIGHT;
}

/* By how much the child on `side` has less. */
static inline unsigned
less(const struct area *area, int side)
{
    return area->rank - rank_of(area->child[side]);
}

/* `area` hands its place over: to its child on `side`, or to that one's inner child if that is the
 * higher. */
static void
hand_over(struct area_tree *tree, struct area *area, int side)
{
    struct area *heavy = area->child[side];

    if (less(heavy, !side) < less(heavy, side))
        rotate(tree, heavy, !side);
    rotate(tree, area, side);
}

/* `child` has a new rank. While it is its parent's too, that one rises or, if its other child would
 * be too low then, hands its place over. */
static void
restore_after_insert(struct area_tree *tree, struct area *child)
{
    struct area *parent = child->parent;

    for (; parent != NULL && parent->rank == child->rank; parent = child->parent) {
        int side = side_of(child, parent);

        if (less(parent, !side) == MOST_LESS) {
            hand_over(tree, parent, side);
            return;
        }
        parent->rank++;
        child = parent;
    }
}

/* The child on `side` of `parent` (NULL: none) has one less than before. While that is too little,
 * its parent sinks, with its sibling if it must, or hands its place over. */
static void
restore_after_remove(struct area_tree *tree, struct area *parent, int side)
{
    while (parent != NULL && less(parent, side) > MOST_LESS) {
        struct area *sibling = parent->child[!side];

        if (less(parent, !side) == 1) {
            if (less(sibling, LEFT) == 1 || less(sibling, RIGHT) == 1) {
                hand_over(tree, parent, !side);
                return;
            }
            sibling->rank--;
        }
        parent->rank--;
        if (parent->parent != NULL)
            side = side_of(parent, parent->parent);
        parent = parent->parent;
    }
}

/* There is such a gap in the subtree of `area` (NULL: none). */
static inline void
raise_bounds(struct area *area, uintptr_t gap)
{
    for (; area != NULL && area->bound < gap; area = area->parent)
        area->bound = gap;
}

static inline void
set_gap(struct area *area)
{
    area->gap = area->start - (area->previous ? area->previous->end : 0);
}

struct area *
area_search(const struct area_tree *tree, uintptr_t address)
{
    struct area *area = tree->root, *found = NULL;

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
hang(struct area_tree *tree, struct area **link, struct area *area, struct area *parent)
{
    *link = area;
    area->parent = parent;
    area->child[LEFT] = area->child[RIGHT] = NULL;
    area->rank = 1;
    area->bound = area->gap;
    raise_bounds(parent, area->gap);
    restore_after_insert(tree, area);
}

/* Next to `previous` in order: right of it or, if it has somebody there, left of `next`. */
static inline void
insert_between(struct area_tree *tree, struct area *previous, struct area *area, struct area *next)
{
    struct area **link = &tree->root, *parent = NULL;

    if (previous != NULL && previous->child[RIGHT] == NULL)
        link = &(parent = previous)->child[RIGHT];
    else if (next != NULL)
        link = &(parent = next)->child[LEFT];
    link_into_list(tree, area, previous, next);
    tree->recent = area;
    tree->count++;
    hang(tree, link, area, parent);
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
}

void
area_insert(struct area_tree *tree, struct area *area)
{
    area_insert_after(tree, area_before(tree, area->start), area);
}

/* One part has no gap below it and the other the one there was. */
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
}

/* The next area, which has no left child, comes in the place of one that has two. */
static void
replace_by_next(struct area_tree *tree, struct area *area)
{
    struct area *next = area->next, *parent = next->parent;
    int side = side_of(next, parent);

    if (parent == area) {
        parent = next;
    } else {
        replace(tree, next, next->child[RIGHT]);
        next->child[RIGHT] = area->child[RIGHT];
        next->child[RIGHT]->parent = next;
    }
    replace(tree, area, next);
    next->child[LEFT] = area->child[LEFT];
    next->child[LEFT]->parent = next;
    next->rank = area->rank;
    next->bound = area->bound;
    restore_after_remove(tree, parent, side);
}

static inline bool
has_two_children(const struct area *area)
{
    return area->child[LEFT] != NULL && area->child[RIGHT] != NULL;
}

/* Gives a node the least rank that it can have. */
static inline void
sink(struct area_tree *tree, struct area *area)
{
    while (area->rank > rank_over(area)) {
        area->rank--;
        if (area->parent != NULL)
            restore_after_remove(tree, area->parent, side_of(area, area->parent));
    }
}

/* What leaves its place has one child at most, whose rank is one less: then one step is enough at
 * each node above. */
static void
take_out_of_tree(struct area_tree *tree, struct area *area)
{
    struct area *parent, *child;
    int side;

    if (has_two_children(area)) {
        sink(tree, area->next); /* this may turn the tree */
        if (has_two_children(area)) {
            replace_by_next(tree, area);
            return;
        }
    }
    sink(tree, area);
    parent = area->parent;
    child = area->child[area->child[LEFT] == NULL ? RIGHT : LEFT];
    side = parent != NULL ? side_of(area, parent) : LEFT;
    replace(tree, area, child);
    restore_after_remove(tree, parent, side);
}

/* An area without children whose rank is the least, as it is when it has just come. */
static inline void
take_leaf_out_of_tree(struct area_tree *tree, struct area *leaf)
{
    struct area *parent = leaf->parent;
    int side;

    if (UNLIKELY(parent == NULL)) {
        tree->root = NULL;
        return;
    }
    side = side_of(leaf, parent);
    parent->child[side] = NULL;
    if (UNLIKELY(parent->rank > MOST_LESS))
        restore_after_remove(tree, parent, side);
}

/* Takes an area out of list and tree; the next one's gap is set already. */
static void
take_out(struct area_tree *tree, struct area *area)
{
    struct area *next = area->next;

    if (next != NULL)
        raise_bounds(next, next->gap);
    if (LIKELY(area->rank == 1))
        take_leaf_out_of_tree(tree, area);
    else
        take_out_of_tree(tree, area);
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
    if (area->rank < next->rank) {
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
    ASSERT(tree->root != NULL && start < end);
    area->start = start;
    area->end = end;
    set_gap(area);
    raise_bounds(area, area->gap);
    if (area->next != NULL) {
        set_gap(area->next);
        raise_bounds(area->next, area->next->gap);
    }
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
    area->rank = rank_over(area);
    area->bound = bound_over(area);
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
fit_below(struct area *area, size_t length, uintptr_t low, uintptr_t high)
{
    uintptr_t found = 0;

    if (area == NULL || area->bound < length)
        return 0;
    if (area->end < high)
        found = fit_below(area->child[RIGHT], length, low, high);
    if (found == 0)
        found = fit(area->start - area->gap, area->start, length, low, high, true);
    if (found == 0 && area->start - area->gap > low)
        found = fit_below(area->child[LEFT], length, low, high);
    if (found == 0)
        area->bound = bound_over(area);
    return found;
}

/* The gap nearest to `low`. */
static uintptr_t
fit_above(struct area *area, size_t length, uintptr_t low, uintptr_t high)
{
    uintptr_t found = 0;

    if (area == NULL || area->bound < length)
        return 0;
    if (area->start - area->gap > low)
        found = fit_above(area->child[LEFT], length, low, high);
    if (found == 0)
        found = fit(area->start - area->gap, area->start, length, low, high, false);
    if (found == 0 && area->end < high)
        found = fit_above(area->child[RIGHT], length, low, high);
    if (found == 0)
        area->bound = bound_over(area);
    return found;
}

static inline uintptr_t
end_of_last(const struct area_tree *tree)
{
    return tree->last ? tree->last->end : 0;
}

/* The gaps nearest to `high` are looked at one by one: most often the first is large enough. */
uintptr_t
area_gap_below(struct area_tree *tree, size_t length, uintptr_t low, uintptr_t high)
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
area_gap_above(struct area_tree *tree, size_t length, uintptr_t low, uintptr_t high)
{
    uintptr_t found = fit_above(tree->root, length, low, high);

    return found ? found : fit(end_of_last(tree), high, length, low, high, false);
}

/* ---- check ---- */

/* Ranks and bounds of a subtree; *areas counts its nodes. */
static bool
check_subtree(const struct area *area, size_t *areas)
{
    if (area == NULL)
        return true;
    ++*areas;
    for (int side = LEFT; side <= RIGHT; side++) {
        const struct area *child = area->child[side];

        if (area->rank <= rank_of(child) || less(area, side) > MOST_LESS ||
            (child != NULL && child->parent != area))
            return false;
    }
    return area->bound >= bound_over(area) && check_subtree(area->child[LEFT], areas) &&
           check_subtree(area->child[RIGHT], areas);
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
