/* test_space_parts.c - tasks on all CPUs that change neighbouring pages of one space at the same
 * time, each with a model of its own pages (space_parts.h). */
#include "workers.h"
#include "../mm/space_parts.h"

#define ROUNDS 2
#define STEPS  300

static struct part parts[CPU_MAX];
static unsigned next;

/* Takes the next part. */
static void
work(void)
{
    struct part *part = &parts[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)];

    interrupts_enable();
    for (unsigned step = 0; step < STEPS; step++) {
        part_step(part);
        task_breathe();
    }
    worker_end();
}

static bool
start_workers(unsigned count)
{
    next = 0;
    for (unsigned cpu = 0; cpu < count; cpu++)
        if (!worker_start(work, 1u << cpu % cpu_count()))
            return false;
    return true;
}

static void
one_round(unsigned count)
{
    CHECK(start_workers(count));
    workers_wait();
    for (unsigned cpu = 0; cpu < count; cpu++) {
        if (parts[cpu].what != NULL)
            klog("part %u: %s\n", cpu, parts[cpu].what);
        CHECK_EQ(parts[cpu].wrong, 0);
    }
    CHECK(parts_agree());
}

KTEST(space_parts, tasks)
{
    unsigned count = cpu_count() > 1 ? cpu_count() : 2;

    if (pmm_free_frames() < 2000)
        SKIP("not enough memory");
    CHECK(parts_begin(count));
    for (unsigned i = 0; i < count; i++)
        parts[i] = (struct part){.id = i, .state = ktest_seed() + i};
    for (unsigned round = 0; round < ROUNDS; round++)
        one_round(count);
    parts_end();
    CHECK(space_check_sums());
}
