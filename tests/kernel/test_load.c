/* test_load.c - averages of the load go where they should, as fast as they should. */
#include "ktest.h"
#include "load.h"

static void
sample_minutes(struct load *load, unsigned minutes, unsigned threads)
{
    for (unsigned i = 0; i < minutes * 60 / LOAD_SECONDS; i++)
        load_sample(load, threads);
}

/* In hundredths. */
static unsigned
hundredths(const struct load *load, unsigned which)
{
    return load->average[which] * 100 / LOAD_ONE;
}

/* After its length, an average has gone 1 - 1/e of the way: 63 of 100. */
KTEST(load, averages_lag_behind)
{
    struct load load = {{0}};

    sample_minutes(&load, 1, 1);
    CHECK(hundredths(&load, 0) >= 62 && hundredths(&load, 0) <= 64);
    sample_minutes(&load, 4, 1);
    CHECK(hundredths(&load, 1) >= 62 && hundredths(&load, 1) <= 65);
    sample_minutes(&load, 10, 1);
    CHECK(hundredths(&load, 2) >= 62 && hundredths(&load, 2) <= 66);
}

KTEST(load, averages_arrive)
{
    struct load load = {{0}};

    sample_minutes(&load, 200, 3);
    for (unsigned i = 0; i < LOADS; i++)
        CHECK_EQ(load.average[i], 3 * LOAD_ONE);
    sample_minutes(&load, 200, 0);
    for (unsigned i = 0; i < LOADS; i++)
        CHECK_EQ(load.average[i], 0);
    sample_minutes(&load, 1, 100000);
    CHECK(hundredths(&load, 0) > 63000);
}
