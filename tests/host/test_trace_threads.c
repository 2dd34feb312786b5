/* test_trace_threads.c - CPUs that trace at the same time, with a reader beside them.
 *
 *   CPU 0, 1, 2 ──► allocate and free ──► ring of each ──► CPU 3 reads ──► sums
 *
 * Nothing may go missing unsaid: what was recorded is what was read and what was said to be lost,
 * and each CPU's events come in their order.
 */
#include <pthread.h>

#include "kmalloc.h"
#include "ktest.h"
#include "machine.h"
#include "mm.h"
#include "pmm.h"
#include "trace.h"
#include "../mm/testing.h"

#ifdef __SANITIZE_THREAD__
#define STEPS 1000
#else
#define STEPS 10000
#endif
#define WORKERS 3

static unsigned running;
static struct {
    unsigned long events, lost;
    long objects, frames;
    bool out_of_order;
} sums;
static uint64_t last_of[CPU_MAX];
static unsigned events_of[CPU_MAX];

static void
count(const struct trace_event *event)
{
    sums.out_of_order |= event->time < last_of[event->cpu];
    last_of[event->cpu] = event->time;
    if (event->type == TRACE_LOST) {
        sums.lost += event->size;
        return;
    }
    sums.events++;
    events_of[event->cpu]++;
    sums.objects += event->type == TRACE_ALLOC ? 1 : event->type == TRACE_FREE ? -1 : 0;
    sums.frames += event->type == TRACE_PAGE_ALLOC  ? (long)event->size
                   : event->type == TRACE_PAGE_FREE ? -(long)event->size
                                                    : 0;
}

static void
read_some(void)
{
    struct trace_event events[16];
    size_t bytes;
    while ((bytes = trace_read(events, sizeof(events))) > 0)
        for (size_t i = 0; i < bytes / sizeof(events[0]); i++)
            count(&events[i]);
}

static void *
read_all(void *argument)
{
    (void)argument;
    hosted_set_cpu(WORKERS);
    while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) > 0)
        read_some();
    return NULL;
}

static void *
work(void *argument)
{
    unsigned cpu = *(unsigned *)argument;
    hosted_set_cpu(cpu);
    for (unsigned i = 0; i < STEPS; i++) {
        kfree(kmalloc(16 + i % 500));
        pmm_free_page(pmm_alloc_page());
    }
    __atomic_sub_fetch(&running, 1, __ATOMIC_ACQ_REL);
    return NULL;
}

/* `bytes` of rings: few, so that events are lost, or many. */
static void
run(size_t bytes, bool loses)
{
    const struct machine machine = {.base = machine_base};
    const struct trace_setup setup = {.bytes = bytes};
    unsigned cpus[WORKERS];
    pthread_t threads[WORKERS + 1];
    struct trace_counts counts;
    machine_start(&machine);
    sums.events = sums.lost = 0;
    sums.objects = sums.frames = 0;
    sums.out_of_order = false;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        last_of[cpu] = 0;
    for (unsigned cpu = 1; cpu <= WORKERS; cpu++)
        CHECK(mm_cpu_up(cpu));
    CHECK(trace_start(&setup));
    trace_choose(TRACE_GROUP(TRACE_ALLOC) | TRACE_GROUP(TRACE_PAGE_ALLOC));
    running = WORKERS;
    CHECK_EQ(pthread_create(&threads[WORKERS], NULL, read_all, NULL), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        cpus[i] = i;
        CHECK_EQ(pthread_create(&threads[i], NULL, work, &cpus[i]), 0);
    }
    for (unsigned i = 0; i <= WORKERS; i++)
        pthread_join(threads[i], NULL);
    read_some();
    trace_get_counts(&counts);
    CHECK_EQ(counts.waiting, 0);
    CHECK_EQ(counts.recorded, sums.events + sums.lost);
    CHECK_EQ(counts.lost, sums.lost);
    CHECK(!sums.out_of_order);
    CHECK(counts.recorded >= 4ul * STEPS * WORKERS);
    CHECK(loses || sums.lost == 0);
    if (!loses)
        CHECK_EQ(sums.objects, 0);
    trace_stop();
    CHECK(mm_check());
    machine_start_usual();
}

KTEST(trace_threads, a_large_ring_loses_nothing)
{
    run(16u << 20, false);
}

KTEST(trace_threads, a_small_ring_counts_what_it_loses)
{
    run(16u << 10, true);
}

/* ---- a sink: the last event goes there, too ---- */

#define MEETINGS 3000u

static unsigned met; /* how often one came to a meeting */

static void
drop_events(const void *events, size_t size)
{
    (void)events, (void)size;
}

/* Two meetings a turn: both record between the first and the second. */
static void
meet(unsigned meeting)
{
    __atomic_add_fetch(&met, 1, __ATOMIC_ACQ_REL);
    for (unsigned spins = 1; __atomic_load_n(&met, __ATOMIC_ACQUIRE) < 2 * meeting; spins++)
        if (spins % 10000 == 0)
            spin_relax();
}

static void *
record_beside(void *unused)
{
    hosted_set_cpu(1);
    for (unsigned turn = 0; turn < MEETINGS; turn++) {
        meet(2 * turn + 1);
        trace_record(TRACE_IRQ, 0, 0, 0, NULL);
        meet(2 * turn + 2);
    }
    return unused;
}

KTEST(trace_threads, sink_gets_the_last_event)
{
    const struct trace_setup setup = {.bytes = 16u << 10, .sink = drop_events};
    pthread_t other;
    unsigned left = 0;
    machine_start_usual();
    CHECK(mm_cpu_up(1));
    CHECK(trace_start(&setup));
    met = 0;
    CHECK_EQ(pthread_create(&other, NULL, record_beside, NULL), 0);
    for (unsigned turn = 0; turn < MEETINGS; turn++) {
        struct trace_counts counts;
        meet(2 * turn + 1);
        trace_record(TRACE_IRQ, 0, 0, 0, NULL);
        meet(2 * turn + 2);
        trace_get_counts(&counts);
        left += counts.waiting != 0;
    }
    pthread_join(other, NULL);
    CHECK_EQ(left, 0);
    trace_stop();
    machine_start_usual();
}

/* ---- a CPU that comes while others trace ---- */

static unsigned stop;

static void *
work_on(void *argument)
{
    hosted_set_cpu(*(unsigned *)argument);
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
        kfree(kmalloc(100));
    return NULL;
}

static void *
work_once(void *argument)
{
    hosted_set_cpu(*(unsigned *)argument);
    void *first = kmalloc(100), *second = kmalloc(100);
    kfree(first);
    kfree(second);
    return NULL;
}

/* It is traced from its first allocation on, and what others have to themselves is left alone. */
KTEST(trace_threads, a_cpu_comes_up)
{
    const struct machine machine = {.base = machine_base};
    const struct trace_setup setup = {.bytes = 1u << 20};
    unsigned at_work = 1;
    pthread_t worker;
    machine_start(&machine);
    CHECK(mm_cpu_up(at_work));
    CHECK(trace_start(&setup));
    trace_choose(TRACE_GROUP(TRACE_ALLOC));
    stop = 0;
    CHECK_EQ(pthread_create(&worker, NULL, work_on, &at_work), 0);
    for (unsigned cpu = at_work + 1; cpu < CPU_MAX; cpu++) {
        pthread_t thread;
        CHECK(mm_cpu_up(cpu));
        events_of[cpu] = 0;
        CHECK_EQ(pthread_create(&thread, NULL, work_once, &cpu), 0);
        pthread_join(thread, NULL);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(worker, NULL);
    read_some();
    trace_stop();
    for (unsigned cpu = at_work + 1; cpu < CPU_MAX; cpu++)
        CHECK_EQ(events_of[cpu], 4);
    CHECK(mm_check());
    machine_start_usual();
}
