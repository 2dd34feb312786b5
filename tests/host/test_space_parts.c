/* test_space_parts.c - threads that change neighbouring pages of one space at the same time, each
 * with a model of its own pages (space_parts.h). */
#include <pthread.h>

#include "machine.h"
#include "../mm/space_parts.h"

#define ROUNDS 8
#ifdef __SANITIZE_THREAD__
#define STEPS 4000
#else
#define STEPS 40000
#endif

static struct part parts[CPU_MAX];
static unsigned running;

static void *
work(void *argument)
{
    struct part *part = argument;

    hosted_set_cpu(part->id);
    space_activate(part_space);
    for (unsigned step = 0; step < STEPS; step++) {
        tlb_answer();
        part_step(part);
    }
    machine_leave_space(&running);
    return NULL;
}

static void
one_round(unsigned count)
{
    pthread_t threads[CPU_MAX];

    hosted_online = (1u << count) - 1;
    running = count;
    for (unsigned cpu = 0; cpu < count; cpu++)
        CHECK_EQ(pthread_create(&threads[cpu], NULL, work, &parts[cpu]), 0);
    for (unsigned cpu = 0; cpu < count; cpu++) {
        pthread_join(threads[cpu], NULL);
        if (parts[cpu].what != NULL)
            klog("CPU %u: %s\n", cpu, parts[cpu].what);
        CHECK_EQ(parts[cpu].wrong, 0);
    }
    hosted_online = 1;
    CHECK(parts_agree());
}

static void
run(unsigned count)
{
    const struct machine machine = {.base = 4096};

    machine_start(&machine);
    for (unsigned cpu = 1; cpu < count; cpu++)
        CHECK(mm_cpu_up(cpu));
    CHECK(parts_begin(count));
    for (unsigned cpu = 0; cpu < count; cpu++)
        parts[cpu] = (struct part){.id = cpu, .state = ktest_seed() + cpu};
    for (unsigned round = 0; round < ROUNDS; round++)
        one_round(count);
    CHECK(space_check_everything());
    parts_end();
    CHECK(space_check_everything());
    machine_start_usual();
}

KTEST(space_parts, threads_1)
{
    run(1);
}

KTEST(space_parts, threads_2)
{
    run(2);
}

KTEST(space_parts, threads_4)
{
    run(4);
}
