/* test_area.c - the tree of areas against a sorted array that knows nothing of trees.
 *
 * Whatever happens to the tree happens to the array too; after each step area_check proves the tree
 * and the list, and every question is put to both. Addresses come from a small range, so that areas
 * touch, leave no gap at all, and lie at both ends of it.
 */
#include "area.h"
#include "space.h"
#include "testing.h"

#define AREAS 48
#define LOW   PAGE_SIZE
#define PAGES 160u

static struct area_tree tree;
static struct area areas[AREAS];
static struct area *sorted[AREAS];
static unsigned count;

static uintptr_t
address(uint32_t page)
{
    return LOW + ((uintptr_t)page << PAGE_SHIFT);
}

static void
begin(void)
{
    tree = (struct area_tree){0};
    count = 0;
    for (unsigned i = 0; i < AREAS; i++)
        areas[i] = (struct area){0};
}

/* ---- the array ---- */

static unsigned
place_of(uintptr_t at)
{
    unsigned i = 0;

    while (i < count && sorted[i]->end <= at)
        i++;
    return i;
}

static bool
is_free(uintptr_t start, uintptr_t end)
{
    unsigned i = place_of(start);

    return i == count || sorted[i]->start >= end;
}

static struct area *
put(uintptr_t start, uintptr_t end)
{
    struct area *area = areas;
    unsigned i = place_of(start);

    while (area->end)
        area++;
    *area = (struct area){.start = start, .end = end};
    for (unsigned j = count++; j > i; j--)
        sorted[j] = sorted[j - 1];
    sorted[i] = area;
    area_insert(&tree, area);
    return area;
}

static void
take(unsigned i)
{
    area_remove(&tree, sorted[i]);
    sorted[i]->end = 0;
    count--;
    for (; i < count; i++)
        sorted[i] = sorted[i + 1];
}

/* The free ranges of [low, high), cut to it, one after the other: the start of the highest place
 * for `length` bytes in any of them, or of the lowest. */
static uintptr_t
search(size_t length, uintptr_t low, uintptr_t high, bool highest)
{
    uintptr_t found = 0;

    for (unsigned i = 0; i <= count; i++) {
        uintptr_t start = i ? sorted[i - 1]->end : 0;
        uintptr_t end = i < count ? sorted[i]->start : UINTPTR_MAX;

        start = start < low ? low : start;
        end = end > high ? high : end;
        if (start >= end || end - start < length)
            continue;
        if (!highest)
            return start;
        found = end - length;
    }
    return found;
}

/* ---- tree and array say the same ---- */

static bool
is_equal(void)
{
    const struct area *area = tree.first;
    const struct area *previous = NULL;

    if (!area_check(&tree) || tree.count != count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (area != sorted[i] || area->previous != previous)
            return false;
        previous = area;
        area = area->next;
    }
    return !area && tree.last == previous;
}

/* Finds by every page there is, and by the bytes at a page's ends. */
static bool
finds_all(void)
{
    for (uint32_t page = 0; page <= PAGES; page++) {
        uintptr_t at = address(page);
        unsigned i = place_of(at);
        const struct area *wanted = i < count ? sorted[i] : NULL;

        if (area_find(&tree, at) != wanted || area_find(&tree, at + PAGE_MASK) != wanted)
            return false;
    }
    return area_find(&tree, 0) == (count ? sorted[0] : NULL);
}

static bool
same_gap(size_t length, uintptr_t low, uintptr_t high)
{
    uintptr_t below = area_gap_below(&tree, length, low, high);
    uintptr_t above = area_gap_above(&tree, length, low, high);

    if (below == search(length, low, high, true) && above == search(length, low, high, false))
        return true;
    klog("gap of %lx in [%lx, %lx): below %lx, wanted %lx; above %lx, wanted %lx\n",
         (unsigned long)length, (unsigned long)low, (unsigned long)high, (unsigned long)below,
         (unsigned long)search(length, low, high, true), (unsigned long)above,
         (unsigned long)search(length, low, high, false));
    return false;
}

static bool
same_random_gap(uint32_t *state)
{
    uint32_t length = 1 + random_below(state, random_below(state, 4) ? 6 : PAGES);
    uint32_t low = random_below(state, PAGES);
    uint32_t high = low + random_below(state, PAGES + 1 - low);

    if (random_below(state, 2))
        return same_gap((size_t)length << PAGE_SHIFT, LOW, USER_END);
    return same_gap((size_t)length << PAGE_SHIFT, address(low), address(high));
}

/* ---- one random step ---- */

static void
step_insert(uint32_t *state)
{
    uint32_t page = random_below(state, PAGES);
    uint32_t length = 1 + random_below(state, random_below(state, 8) ? 4 : 30);

    if (count == AREAS || page + length > PAGES)
        return;
    if (is_free(address(page), address(page + length)))
        put(address(page), address(page + length));
}

static uintptr_t
random_between(uint32_t *state, uintptr_t low, uintptr_t high)
{
    uint32_t pages = (uint32_t)((high - low) >> PAGE_SHIFT);

    return low + ((uintptr_t)random_below(state, pages + 1) << PAGE_SHIFT);
}

/* New bounds for one area: anywhere between its neighbours, often touching them. */
static void
step_resize(uint32_t *state)
{
    unsigned i = random_below(state, count);
    uintptr_t low = i ? sorted[i - 1]->end : LOW;
    uintptr_t high = i + 1 < count ? sorted[i + 1]->start : address(PAGES);
    uintptr_t start = random_below(state, 3) ? random_between(state, low, high - PAGE_SIZE) : low;
    uintptr_t end = random_below(state, 3) ? random_between(state, start + PAGE_SIZE, high) : high;

    area_resize(&tree, sorted[i], start, end);
    sorted[i]->start = start;
    sorted[i]->end = end;
}

static void
step(uint32_t *state, uint32_t fill)
{
    uint32_t choice = random_below(state, 8);

    if (count && choice == 0)
        step_resize(state);
    else if (count && choice > fill)
        take(random_below(state, count));
    else
        step_insert(state);
}

KTEST(area, random_against_an_array)
{
    uint32_t state = ktest_seed();

    begin();
    for (unsigned round = 0; round < 3000; round++) {
        uint32_t fill = 2 + (round >> 6) % 5; /* tides: nearly empty, then nearly full */

        step(&state, fill);
        CHECK(is_equal());
        CHECK(same_random_gap(&state));
        if (round % 16 == 0)
            CHECK(finds_all());
    }
    while (count) {
        take(random_below(&state, count));
        CHECK(is_equal());
    }
    CHECK(!tree.root && !tree.first && !tree.last);
}

/* ---- orders that make a careless tree lean over ---- */

/* The fewest nodes under rank r are, without removals, those under r - 1 and r - 3 and one, at most
 * 1.82 log2(n) levels; with them, twice those under r - 3 and one: 3 log2(n). */
static unsigned
height_allowed(unsigned nodes, bool removals)
{
    unsigned fewest[3] = {1, removals ? 1 : 2, removals ? 1 : 3}, height = 0; /* of the next ranks */

    while (fewest[0] <= nodes) {
        unsigned next = fewest[0] + fewest[removals ? 0 : 2] + 1;

        fewest[0] = fewest[1];
        fewest[1] = fewest[2];
        fewest[2] = next;
        height++;
    }
    return height;
}

static unsigned
height_of(const struct area *area)
{
    unsigned left, right;

    if (!area)
        return 0;
    left = height_of(area->child[0]);
    right = height_of(area->child[1]);
    return 1 + (left > right ? left : right);
}

/* The page of the i-th area: rising, falling, from both ends to the middle, with a large stride. */
static uint32_t
ordered(unsigned order, unsigned i)
{
    switch (order) {
    case 0:
        return i;
    case 1:
        return AREAS - 1 - i;
    case 2:
        return i % 2 ? AREAS - 1 - i / 2 : i / 2;
    default:
        return i * 29 % AREAS;
    }
}

KTEST(area, stays_balanced)
{
    for (unsigned order = 0; order < 4; order++) {
        begin();
        for (unsigned i = 0; i < AREAS; i++) {
            uint32_t page = 3 * ordered(order, i);

            put(address(page), address(page + 1 + i % 3));
            CHECK(is_equal());
            CHECK(height_of(tree.root) <= height_allowed(count, false));
        }
        CHECK(finds_all());
        while (count) {
            take(order % 2 ? 0 : count - 1);
            CHECK(is_equal());
            CHECK(height_of(tree.root) <= height_allowed(count, true));
        }
    }
}

/* ---- the ends ---- */

KTEST(area, empty)
{
    begin();
    CHECK(area_check(&tree));
    CHECK(!area_find(&tree, 0));
    CHECK(!area_find(&tree, UINTPTR_MAX));
    CHECK_EQ(area_gap_above(&tree, PAGE_SIZE, LOW, USER_END), LOW);
    CHECK_EQ(area_gap_below(&tree, PAGE_SIZE, LOW, USER_END), USER_END - PAGE_SIZE);
    CHECK_EQ(area_gap_below(&tree, USER_END - LOW, LOW, USER_END), LOW);
    CHECK_EQ(area_gap_above(&tree, USER_END - LOW, LOW, USER_END), LOW);
    CHECK_EQ(area_gap_below(&tree, USER_END, LOW, USER_END), 0);
    CHECK_EQ(area_gap_above(&tree, USER_END, LOW, USER_END), 0);
    CHECK_EQ(area_gap_below(&tree, SIZE_MAX & ~(size_t)PAGE_MASK, LOW, USER_END), 0);
    CHECK_EQ(area_gap_above(&tree, SIZE_MAX & ~(size_t)PAGE_MASK, LOW, USER_END), 0);
    CHECK_EQ(area_gap_below(&tree, PAGE_SIZE, LOW, LOW), 0);
    CHECK_EQ(area_gap_above(&tree, PAGE_SIZE, LOW, LOW), 0);
    CHECK_EQ(area_gap_below(&tree, PAGE_SIZE, USER_END, LOW), 0);
    CHECK_EQ(area_gap_above(&tree, PAGE_SIZE, USER_END, LOW), 0);
}

/*    0        LOW                       high              USER_END
 *    |#########|.........................|#####################|      one gap, to the page
 */
KTEST(area, first_and_last_page)
{
    uintptr_t high = USER_END - 2 * PAGE_SIZE;
    struct area *first, *last;

    begin();
    first = put(0, LOW);
    last = put(high, USER_END);
    CHECK(is_equal());
    CHECK(area_find(&tree, 0) == first);
    CHECK(area_find(&tree, LOW - 1) == first);
    CHECK(area_find(&tree, LOW) == last);
    CHECK(area_find(&tree, USER_END - 1) == last);
    CHECK(!area_find(&tree, USER_END));
    CHECK(!area_find(&tree, UINTPTR_MAX));
    CHECK_EQ(area_gap_below(&tree, high - LOW, 0, USER_END), LOW);
    CHECK_EQ(area_gap_above(&tree, high - LOW, 0, USER_END), LOW);
    CHECK_EQ(area_gap_below(&tree, high - LOW + PAGE_SIZE, 0, USER_END), 0);
    CHECK_EQ(area_gap_above(&tree, high - LOW + PAGE_SIZE, 0, USER_END), 0);
    area_resize(&tree, last, high + PAGE_SIZE, USER_END);
    CHECK_EQ(area_gap_below(&tree, PAGE_SIZE, 0, USER_END), high);
    CHECK_EQ(area_gap_below(&tree, high - LOW + PAGE_SIZE, 0, USER_END), LOW);
}

/* Not one page free, then one, wherever it is. */
KTEST(area, full)
{
    begin();
    for (unsigned i = 0; i < AREAS; i++)
        put(address(i), address(i + 1));
    CHECK(is_equal());
    CHECK_EQ(area_gap_below(&tree, PAGE_SIZE, LOW, address(AREAS)), 0);
    CHECK_EQ(area_gap_above(&tree, PAGE_SIZE, LOW, address(AREAS)), 0);
    for (unsigned i = 0; i < AREAS; i++) {
        take(i);
        CHECK(is_equal());
        CHECK_EQ(area_gap_below(&tree, PAGE_SIZE, LOW, address(AREAS)), address(i));
        CHECK_EQ(area_gap_above(&tree, PAGE_SIZE, LOW, address(AREAS)), address(i));
        CHECK_EQ(area_gap_below(&tree, 2 * PAGE_SIZE, LOW, address(AREAS)), 0);
        put(address(i), address(i + 1));
    }
}

/* Gaps that the window cuts.
 *
 *   page     0  2   6   9    14  16     20
 *            |##|...|###|.....|##|......
 *   window      ^[       )^                  each edge one page in and one page out
 */
KTEST(area, window_cuts_gaps)
{
    begin();
    put(address(0), address(2));
    put(address(6), address(9));
    put(address(14), address(16));
    for (uint32_t low = 0; low <= 20; low++)
        for (uint32_t high = low; high <= 20; high++)
            for (uint32_t length = 1; length <= 6; length++)
                CHECK(same_gap((size_t)length << PAGE_SHIFT, address(low), address(high)));
}

/* ---- a whole tree at once, and what the check must see ---- */

KTEST(area, build_from_a_list)
{
    for (unsigned areas_wanted = 0; areas_wanted <= AREAS; areas_wanted++) {
        begin();
        for (unsigned i = 0; i < areas_wanted; i++) {
            areas[i] = (struct area){.start = address(3 * i), .end = address(3 * i + 1 + i % 3)};
            areas[i].next = i + 1 < areas_wanted ? &areas[i + 1] : NULL;
            sorted[count++] = &areas[i];
        }
        area_build(&tree, areas_wanted ? areas : NULL);
        CHECK(is_equal());
        CHECK(height_of(tree.root) <= height_allowed(count, false));
        CHECK(finds_all());
        if (count)
            take(count / 2);
        CHECK(is_equal());
    }
}

KTEST(area, check_sees_damage)
{
    struct area *area;

    begin();
    for (unsigned i = 0; i < 20; i++)
        put(address(3 * i), address(3 * i + 2));
    area = sorted[9];
    CHECK(area_check(&tree));
    for (unsigned kind = 0; kind < 6; kind++) {
        struct area_tree tree_before = tree;
        struct area before = *area, next_before = *area->next;

        switch (kind) {
        case 0: area->end += 2 * PAGE_SIZE; break;
        case 1: area->gap += PAGE_SIZE; break;
        case 2: area->bound -= PAGE_SIZE; break;
        case 3: area->rank += 4; break;
        case 4: area->next->previous = NULL; break;
        case 5: tree.count++; break;
        }
        CHECK(!area_check(&tree));
        *area->next = next_before;
        *area = before;
        tree = tree_before;
    }
    CHECK(area_check(&tree));
}
