/* test_range.c - interval arithmetic at its edges: the top of the number line, and nothing. */
#include "ktest.h"
#include "range.h"

#define TOP  0 /* the end 2^64 */
#define LAST UINT64_MAX

static bool
same(struct range a, struct range b)
{
    return a.start == b.start && a.end == b.end;
}

KTEST(range, add)
{
    uint64_t sum = 7;

    CHECK(range_add(1, 2, &sum));
    CHECK_EQ(sum, 3);
    CHECK(range_add(LAST, 0, &sum));
    CHECK_EQ(sum, LAST);
    CHECK(!range_add(LAST, 1, &sum));
    CHECK(!range_add(1, LAST, &sum));
    CHECK(!range_add(LAST, LAST, &sum));
    CHECK_EQ(sum, LAST);
    CHECK(range_add(0x8000000000000000, 0x7fffffffffffffff, &sum));
    CHECK_EQ(sum, LAST);
    CHECK_EQ(range_add_saturated(LAST, 1), LAST);
    CHECK_EQ(range_add_saturated(LAST - 1, 1), LAST);
    CHECK_EQ(range_add_saturated(5, 6), 11);
}

KTEST(range, empty_and_size)
{
    CHECK(range_is_empty(RANGE_EMPTY));
    CHECK(range_is_empty(range(5, 5)));
    CHECK(range_is_empty(range(7, 3)));
    CHECK(range_is_empty(range(LAST, 1)));
    CHECK(!range_is_empty(range(0, TOP)));
    CHECK(!range_is_empty(range(LAST, TOP)));
    CHECK(!range_is_empty(range(0, 1)));
    CHECK_EQ(range_size(RANGE_EMPTY), 0);
    CHECK_EQ(range_size(range(7, 3)), 0);
    CHECK_EQ(range_size(range(3, 7)), 4);
    CHECK_EQ(range_size(range(LAST, TOP)), 1);
    CHECK_EQ(range_size(range(1, TOP)), LAST);
    CHECK_EQ(range_size(range(0, TOP)), LAST);
    CHECK_EQ(range_last(range(0, TOP)), LAST);
    CHECK_EQ(range_last(range(3, 7)), 6);
}

KTEST(range, of_length)
{
    CHECK(range_is_empty(range_of_length(0, 0)));
    CHECK(range_is_empty(range_of_length(0x1000, 0)));
    CHECK(range_is_empty(range_of_length(LAST, 0)));
    CHECK(same(range_of_length(0x1000, 0x2000), range(0x1000, 0x3000)));
    CHECK(same(range_of_length(LAST, 1), range(LAST, TOP)));
    CHECK(same(range_of_length(LAST, 2), range(LAST, TOP)));
    CHECK(same(range_of_length(0x1000, LAST), range(0x1000, TOP)));
    CHECK(same(range_of_length(0, LAST), range(0, LAST)));
    CHECK(same(range_of_length(1, LAST), range(1, TOP)));
}

KTEST(range, contains)
{
    CHECK(!range_contains(range(3, 7), 2));
    CHECK(range_contains(range(3, 7), 3));
    CHECK(range_contains(range(3, 7), 6));
    CHECK(!range_contains(range(3, 7), 7));
    CHECK(!range_contains(range(7, 3), 5));
    CHECK(!range_contains(RANGE_EMPTY, 1));
    CHECK(range_contains(range(LAST, TOP), LAST));
    CHECK(!range_contains(range(LAST, TOP), LAST - 1));
    CHECK(!range_contains(range(LAST, TOP), 0));
    CHECK(range_contains(range(0, TOP), 0));
    CHECK(range_contains(range(0, TOP), LAST));
}

/* A range drawn as text: 4 numbers a character, `[` its start and `)` its end. */
static struct range
drawn(const char *text)
{
    struct range r = RANGE_EMPTY;

    for (uint64_t at = 0; *text; text++, at += 4) {
        if (*text == '[')
            r.start = at;
        if (*text == ')')
            r.end = at;
    }
    return r;
}

struct pair {
    const char *a;
    const char *b;
    const char *both; /* what they share */
    bool a_covers_b;
    bool a_meets_b;
};

/* clang-format off */
static const struct pair pairs[] = {
    {"[##)          ",
     "       [##)   ",
     "              ", false, false},

    {"[####)        ",
     "     [####)   ",
     "              ", false, true},

    {"[####)        ",
     "    [####)    ",
     "    [)        ", false, false},

    {"   [#####)    ",
     "   [#####)    ",
     "   [#####)    ", true, false},

    {"[#########)   ",
     "   [##)       ",
     "   [##)       ", true, false},

    {"[#########)   ",
     "[##)          ",
     "[##)          ", true, false},

    {"[#########)   ",
     "       [##)   ",
     "       [##)   ", true, false},

    {"   [##)       ",
     "[#########)   ",
     "   [##)       ", false, false},
};
/* clang-format on */

KTEST(range, overlap_drawn)
{
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        struct range a = drawn(pairs[i].a);
        struct range b = drawn(pairs[i].b);
        struct range both = drawn(pairs[i].both);

        CHECK(same(range_intersect(a, b), both));
        CHECK(same(range_intersect(b, a), both));
        CHECK_EQ(range_overlaps(a, b), !range_is_empty(both));
        CHECK_EQ(range_overlaps(b, a), !range_is_empty(both));
        CHECK_EQ(range_covers(a, b), pairs[i].a_covers_b);
        CHECK_EQ(range_meets(a, b), pairs[i].a_meets_b);
        CHECK(!range_meets(b, a));
    }
}

KTEST(range, overlap_at_the_top)
{
    CHECK(same(range_intersect(range(0, TOP), range(5, TOP)), range(5, TOP)));
    CHECK(same(range_intersect(range(0, TOP), range(0, TOP)), range(0, TOP)));
    CHECK(same(range_intersect(range(LAST, TOP), range(0, LAST)), RANGE_EMPTY));
    CHECK(same(range_intersect(range(LAST - 1, TOP), range(0, LAST)), range(LAST - 1, LAST)));
    CHECK(!range_overlaps(range(0, TOP), range(9, 9)));
    CHECK(!range_overlaps(range(9, 2), range(0, TOP)));
    CHECK(range_covers(range(0, TOP), range(LAST, TOP)));
    CHECK(!range_covers(range(0, LAST), range(LAST, TOP)));
    CHECK(!range_covers(range(1, TOP), range(0, TOP)));
    CHECK(range_covers(range(3, 4), RANGE_EMPTY));
    CHECK(range_covers(RANGE_EMPTY, RANGE_EMPTY));
    CHECK(!range_covers(RANGE_EMPTY, range(1, 2)));
    CHECK(range_meets(range(0, LAST), range(LAST, TOP)));
    CHECK(!range_meets(range(LAST, TOP), range(0, 5)));
    CHECK(!range_meets(range(5, 5), range(5, 6)));
}

KTEST(range, union)
{
    CHECK(same(range_union(range(3, 7), range(9, 12)), range(3, 12)));
    CHECK(same(range_union(range(9, 12), range(3, 7)), range(3, 12)));
    CHECK(same(range_union(range(3, 12), range(5, 6)), range(3, 12)));
    CHECK(same(range_union(range(3, 7), range(9, 9)), range(3, 7)));
    CHECK(same(range_union(range(7, 3), range(3, 7)), range(3, 7)));
    CHECK(same(range_union(range(9, 9), range(7, 3)), RANGE_EMPTY));
    CHECK(same(range_union(range(5, TOP), range(3, 7)), range(3, TOP)));
    CHECK(same(range_union(range(0, 1), range(LAST, TOP)), range(0, TOP)));
}

KTEST(range, align)
{
    CHECK_EQ(align_down(0x1fff, 0x1000), 0x1000);
    CHECK_EQ(align_up(0x1001, 0x1000), 0x2000);
    CHECK_EQ(align_up(0x1000, 0x1000), 0x1000);
    CHECK_EQ(align_up(0, 0x1000), 0);
    CHECK_EQ(align_up(LAST, 0x1000), 0);
    CHECK_EQ(align_up(0xfffffffffffff000, 0x1000), 0xfffffffffffff000);
    CHECK_EQ(align_down(LAST, 0x1000), 0xfffffffffffff000);
    CHECK_EQ(align_down(LAST, 1), LAST);
    CHECK_EQ(align_up(LAST, 1), LAST);
    CHECK_EQ(align_down(LAST, 0x8000000000000000), 0x8000000000000000);
    CHECK(is_aligned(0, 0x1000));
    CHECK(!is_aligned(0x800, 0x1000));
    CHECK(is_power_of_two(1));
    CHECK(is_power_of_two(0x8000000000000000));
    CHECK(!is_power_of_two(0));
    CHECK(!is_power_of_two(6));
}

/* One column is a byte, blocks of 4:
 *      0   4   8   12
 *      |   |   |   |
 */
KTEST(range, round)
{
    /* within one block: nothing inside, one block outside */
    CHECK(same(range_inward(range(5, 7), 4), RANGE_EMPTY));
    CHECK(same(range_outward(range(5, 7), 4), range(4, 8)));
    /* over an edge: still nothing inside */
    CHECK(same(range_inward(range(3, 7), 4), RANGE_EMPTY));
    CHECK(same(range_outward(range(3, 7), 4), range(0, 8)));
    CHECK(same(range_inward(range(3, 9), 4), range(4, 8)));
    CHECK(same(range_outward(range(3, 9), 4), range(0, 12)));
    CHECK(same(range_inward(range(4, 12), 4), range(4, 12)));
    CHECK(same(range_outward(range(4, 12), 4), range(4, 12)));
    CHECK(same(range_inward(range(1, 3), 4), RANGE_EMPTY));
    CHECK(same(range_inward(range(0, 3), 4), RANGE_EMPTY));
    CHECK(same(range_inward(range(9, 2), 4), RANGE_EMPTY));
    CHECK(same(range_outward(range(9, 2), 4), RANGE_EMPTY));
}

KTEST(range, round_at_the_top)
{
    CHECK(same(range_inward(range(0, TOP), 0x1000), range(0, TOP)));
    CHECK(same(range_outward(range(0, TOP), 0x1000), range(0, TOP)));
    CHECK(same(range_inward(range(1, TOP), 0x1000), range(0x1000, TOP)));
    CHECK(same(range_inward(range(0, LAST), 0x1000), range(0, 0xfffffffffffff000)));
    CHECK(same(range_outward(range(1, LAST), 0x1000), range(0, TOP)));
    CHECK(same(range_inward(range(LAST, TOP), 0x1000), RANGE_EMPTY));
    CHECK(same(range_inward(range(0xfffffffffffff001, TOP), 0x1000), RANGE_EMPTY));
    CHECK(
        same(range_inward(range(0xfffffffffffff000, TOP), 0x1000), range(0xfffffffffffff000, TOP)));
    CHECK(same(range_outward(range(LAST, TOP), 0x1000), range(0xfffffffffffff000, TOP)));
}
