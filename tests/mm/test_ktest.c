/* test_ktest.c - the test runner's own parts: globs, expected panics, random numbers. */
#include "ktest.h"
#include "platform.h"

KTEST(ktest, glob)
{
    CHECK(ktest_glob("mm/buddy/split", "mm/buddy/split"));
    CHECK(!ktest_glob("mm/buddy/split", "mm/buddy/splits"));
    CHECK(!ktest_glob("mm/buddy/splits", "mm/buddy/split"));
    CHECK(!ktest_glob("buddy", "mm/buddy/split"));
    CHECK(ktest_glob("*", ""));
    CHECK(ktest_glob("*", "mm/buddy/split"));
    CHECK(ktest_glob("mm/*", "mm/buddy/split"));
    CHECK(ktest_glob("*split", "mm/buddy/split"));
    CHECK(ktest_glob("*/split*", "mm/buddy/split"));
    CHECK(ktest_glob("m*b*y*t", "mm/buddy/split"));
    CHECK(!ktest_glob("m*b*y*x", "mm/buddy/split"));
    CHECK(ktest_glob("mm/b???y/split", "mm/buddy/split"));
    CHECK(!ktest_glob("mm/b??y/split", "mm/buddy/split"));
    CHECK(!ktest_glob("", "mm"));
    CHECK(ktest_glob("", ""));
    CHECK(ktest_glob("**a**", "bab"));
    CHECK(ktest_glob("*aab", "aaaaaaab"));
}

static void
do_panic(void *value)
{
    kpanic("test: value %u is wrong", *(unsigned *)value);
}

static void
do_assert(void *value)
{
    ASSERT(*(unsigned *)value == 6);
}

KTEST(ktest, panics)
{
    unsigned value = 7;

    CHECK(ktest_panics(do_panic, &value, "value 7 is wrong"));
    CHECK(ktest_panics(do_panic, &value, "test: "));
    CHECK(ktest_panics(do_assert, &value, "assertion failed: *(unsigned *)value == 6"));
    CHECK(kpanic_hook == NULL);
}

KTEST(ktest, random_repeats_and_spreads)
{
    uint32_t a = ktest_seed();
    uint32_t b = ktest_seed();
    unsigned low = 0;
    unsigned high = 0;

    for (unsigned i = 0; i < 1000; i++) {
        uint32_t x = ktest_random(&a);

        CHECK_EQ(ktest_random(&b), x);
        low += x & 1;
        high += x >> 31;
    }
    CHECK(low > 300 && low < 700);
    CHECK(high > 300 && high < 700);
}
