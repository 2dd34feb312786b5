/* test_radix.c - the tree of an object's pages, against a list that knows the truth. */
#include "mm.h"
#include "radix.h"
#include "testing.h"

/* Numbers that stand for frames, those beyond 2^32 where there are any; the tree never looks behind
 * them. */
static pfn_t
number(uint32_t index)
{
    return pfn(((index & 0xfffff) + 1) | 1ul << 16 << 16 << (index & 7));
}

static bool
holds(const struct radix *tree, unsigned long frames)
{
    unsigned long found = 0;

    return radix_check(tree, &found) && found == frames;
}

static const uint32_t edges[] = {0,          1,          62,         63,         64,
                                 65,         4095,       4096,       262143,     262144,
                                 0x00ffffff, 0x01000000, 0x3fffffff, 0x40000000, 0x7fffffff,
                                 0x80000000, 0xfffffffe, 0xffffffff};

KTEST(radix, empty)
{
    struct radix tree = {NULL, 0};
    uint32_t index = 0;

    CHECK(holds(&tree, 0));
    CHECK_EQ(radix_find(&tree, 0).n, 0);
    CHECK_EQ(radix_find(&tree, 0xffffffff).n, 0);
    CHECK_EQ(radix_remove(&tree, 5).n, 0);
    CHECK_EQ(radix_next(&tree, &index).n, 0);
}

KTEST(radix, one_at_each_edge)
{
    for (unsigned i = 0; i < ARRAY_LENGTH(edges); i++) {
        struct radix tree = {NULL, 0};
        uint32_t index = 0, behind = edges[i] + 1;
        CHECK(radix_insert(&tree, edges[i], number(edges[i])));
        CHECK(holds(&tree, 1));
        for (unsigned j = 0; j < ARRAY_LENGTH(edges); j++)
            CHECK_EQ(radix_find(&tree, edges[j]).n, i == j ? number(edges[i]).n : 0);
        CHECK_EQ(radix_next(&tree, &index).n, number(edges[i]).n);
        CHECK_EQ(index, edges[i]);
        CHECK(!behind || !radix_next(&tree, &behind).n);
        CHECK_EQ(radix_remove(&tree, edges[i]).n, number(edges[i]).n);
        CHECK(!tree.root && holds(&tree, 0));
    }
}

KTEST(radix, all_edges)
{
    struct radix tree = {NULL, 0};
    uint32_t index = 0;

    for (unsigned i = 0; i < ARRAY_LENGTH(edges); i++) {
        unsigned at = i * 7 % ARRAY_LENGTH(edges);
        CHECK(radix_insert(&tree, edges[at], number(edges[at])));
        CHECK(holds(&tree, i + 1));
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(edges); i++, index++) {
        CHECK_EQ(radix_next(&tree, &index).n, number(edges[i]).n);
        CHECK_EQ(index, edges[i]);
    }
    for (unsigned i = ARRAY_LENGTH(edges); i--;) { /* the levels go with their last index */
        CHECK_EQ(radix_remove(&tree, edges[i]).n, number(edges[i]).n);
        CHECK(holds(&tree, i));
        CHECK(i == 0 || tree.bits == 36 || edges[i - 1] >> tree.bits == 0);
    }
    CHECK(!tree.root);
}

static void
insert_again(void *tree)
{
    if (radix_insert(tree, 64, pfn(9)))
        klog("a second frame went in\n");
}

KTEST(radix, a_place_holds_one)
{
    struct radix tree = {NULL, 0};

    CHECK(radix_insert(&tree, 64, pfn(7)));
    CHECK(ktest_panics(insert_again, &tree, "assertion failed"));
    CHECK_EQ(radix_remove(&tree, 64).n, 7);
}

/* ---- against a model ---- */

#define PLACES 160

static struct {
    uint32_t index;
    bool in;
} places[PLACES];

/* Different indexes: some next to each other, some anywhere. */
static void
choose_places(uint32_t *state)
{
    for (unsigned i = 0; i < PLACES; i++) {
        uint32_t index = ktest_random(state) >> (ktest_random(state) & 31);
        if (i && ktest_random(state) % 2)
            index = places[i - 1].index + 1;
        for (unsigned j = 0; j < i; j++)
            if (places[j].index == index) {
                index++;
                j = (unsigned)-1;
            }
        places[i].index = index;
        places[i].in = false;
    }
}

/* What radix_next must find from `from` on; NULL when nothing. */
static const uint32_t *
model_next(uint32_t from)
{
    const uint32_t *best = NULL;

    for (unsigned i = 0; i < PLACES; i++)
        if (places[i].in && places[i].index >= from && (!best || places[i].index < *best))
            best = &places[i].index;
    return best;
}

static bool
next_agrees(const struct radix *tree, uint32_t from)
{
    const uint32_t *wanted = model_next(from);
    uint32_t index = from;
    pfn_t found = radix_next(tree, &index);

    return wanted ? found.n == number(*wanted).n && index == *wanted : found.n == 0;
}

KTEST(radix, random)
{
    uint32_t state = ktest_seed(), in = 0;
    struct radix tree = {NULL, 0};

    choose_places(&state);
    for (unsigned step = 0; step < 4000; step++) {
        unsigned i = random_below(&state, PLACES);
        uint32_t index = places[i].index;
        bool grows = step / 500 % 2 == 0 ? ktest_random(&state) % 4 : ktest_random(&state) % 4 == 0;
        CHECK_EQ(radix_find(&tree, index).n, places[i].in ? number(index).n : 0);
        if (!places[i].in && grows) {
            CHECK(radix_insert(&tree, index, number(index)));
            places[i].in = true;
            in++;
        } else if (!grows) {
            CHECK_EQ(radix_remove(&tree, index).n, places[i].in ? number(index).n : 0);
            in -= places[i].in;
            places[i].in = false;
        }
        CHECK(next_agrees(&tree, ktest_random(&state) % 2 ? index : ktest_random(&state)));
        CHECK(step % 64 || holds(&tree, in));
    }
    for (unsigned i = 0; i < PLACES; i++)
        CHECK_EQ(radix_remove(&tree, places[i].index).n,
                 places[i].in ? number(places[i].index).n : 0);
    CHECK(!tree.root);
}

/* ---- failures ---- */

/* Whatever node cannot be had, the tree stays as it was; later all goes well. */
KTEST(radix, every_failure)
{
    struct radix tree = {NULL, 0};
    unsigned failures = 0;

    CHECK(radix_insert(&tree, 3, pfn(3)));
    for (unsigned i = 0; i < ARRAY_LENGTH(edges); i++) {
        bool good = false;
        for (unsigned long n = 1; !good && n < 50; n++) {
            mm_drain();
            mm_fail_nth(n);
            good = radix_insert(&tree, edges[i], number(edges[i]));
            mm_fail_nth(0);
            failures += !good;
            CHECK(holds(&tree, 1 + good));
            CHECK_EQ(radix_find(&tree, 3).n, 3);
        }
        CHECK(good);
        CHECK_EQ(radix_remove(&tree, edges[i]).n, number(edges[i]).n);
        CHECK(holds(&tree, 1) && tree.bits == 6);
    }
    CHECK(failures > 20);
    CHECK_EQ(radix_remove(&tree, 3).n, 3);
}
