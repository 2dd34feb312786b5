/* test_space_parts.c - tasks on all CPUs that change neighbouring pages of one space at the same
 * time, each with a model of its own pages (space_parts.h). */
#include "cpu.h"
#include "platform.h"
#include "sched.h"
#include "task.h"
#include "../mm/space_parts.h"

#define ROUNDS 2
#define STEPS  300

static struct part parts[CPU_MAX];
static unsigned next, running;

/* Takes the next part. */
static void
work(void)
{
    struct part *part = &parts[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)];
    struct task *me = task_current();

    interrupts_enable();
    for (unsigned step = 0; step < STEPS; step++) {
        part_step(part);
        task_breathe();
    }
    __atomic_sub_fetch(&running, 1, __ATOMIC_RELEASE);
    (void)interrupts_disable();
    me->state = TASK_DEAD;
    task_bury(me);
    sched_end();
}

static bool
start_workers(unsigned count)
{
    next = 0;
    running = count;
    for (unsigned cpu = 0; cpu < count; cpu++) {
        struct task *task = task_create(work);

        if (task == NULL)
            return false;
        task->process = &process_zero;
        task->affinity = 1u << cpu % cpu_count();
        sched_start(task);
    }
    return true;
}

static void
one_round(unsigned count)
{
    CHECK(start_workers(count));
    while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) != 0)
        task_idle();
    task_reap();
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
