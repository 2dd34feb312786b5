/* test_smp.c - CPUs that call one another, tick, and stand still. */
#include "ktest.h"
#include "platform.h"
#include "sched.h"
#include "smp.h"
#include "timer.h"

#define PATIENCE_TICKS 500

static unsigned calls[CPU_MAX];
static bool wrong;

static uint32_t
others(void)
{
    return cpus_online() & ~(1u << cpu_current());
}

static void
count_call(void *arg)
{
    calls[cpu_current()]++;
    if (arg != &wrong || cpu_interruptible() || THIS_CPU_READ(self) != cpu_by_id[cpu_current()])
        wrong = true;
}

KTEST(smp, calls)
{
    if (cpu_count() == 1)
        SKIP("one CPU");
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        calls[cpu] = 0;
    wrong = false;
    for (unsigned i = 0; i < 100; i++) {
        cpu_call(cpus_online(), count_call, &wrong);
        cpu_call(others(), count_call, &wrong);
    }
    cpu_call(1u << cpu_current(), count_call, &wrong);
    cpu_call(0, count_call, &wrong);
    CHECK(!wrong && cpu_interruptible());
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        CHECK_EQ(calls[cpu], cpu == cpu_current() ? 101 : cpus_online() >> cpu & 1 ? 200 : 0);
}

/* Ticks that the others have counted, all together. */
static uint32_t
ticks_of_others(void)
{
    uint32_t sum = 0;

    for (uint32_t left = others(); left != 0; left &= left - 1) {
        const struct sched_counts *counts = &run_queues[__builtin_ctz(left)].counts;

        sum += *(const volatile uint32_t *)&counts->user +
               *(const volatile uint32_t *)&counts->kernel +
               *(const volatile uint32_t *)&counts->idle;
    }
    return sum;
}

/* True when they count `ticks` more before patience ends. */
static bool
others_tick(uint32_t ticks, uint32_t patience)
{
    uint32_t before = ticks_of_others(), start = timer_ticks();

    while (timer_ticks() - start < patience) {
        if (ticks_of_others() - before >= ticks)
            return true;
        cpu_pause();
    }
    return false;
}

KTEST(smp, stand_still)
{
    if (cpu_count() == 1)
        SKIP("one CPU");
    CHECK(others_tick(10, PATIENCE_TICKS));
    for (unsigned i = 0; i < 3; i++) {
        cpus_park();
        cpus_park();
        CHECK(!others_tick(1, 5));
        cpu_call(others(), count_call, &wrong); /* they answer nevertheless */
        cpus_unpark();
        CHECK(!others_tick(1, 5));
        cpus_unpark();
        CHECK(others_tick(1, PATIENCE_TICKS));
    }
}
