/* test_threads.c - CPUs that allocate and free at the same time, their own memory and each other's.
 *
 *   CPU 0 ──► ring ──► CPU 1 ──► ring ──► CPU 2 ──► ... ──► CPU 0
 *
 * Each thread plays a CPU. It fills what it allocates with a pattern and hands it to the next one,
 * which checks the pattern and frees it. At the end, when all are joined, all memory is back. */
#include <pthread.h>
#include <string.h>

#include "kmalloc.h"
#include "ktest.h"
#include "machine.h"
#include "mm.h"
#include "mm_debug.h"
#include "pmm.h"
#include "slab.h"
#include "../mm/testing.h"
#include "../../mm/pmm_private.h"
#include "../../mm/slab_private.h"

#ifdef __SANITIZE_THREAD__
#define STEPS 4000
#else
#define STEPS 20000
#endif
#define PLACES 64

/* One writer, one reader. */
struct ring {
    void *place[PLACES];
    unsigned written;
    unsigned read;
};

static bool
ring_put(struct ring *ring, void *object)
{
    unsigned written = ring->written;
    if (written - __atomic_load_n(&ring->read, __ATOMIC_ACQUIRE) == PLACES)
        return false;
    ring->place[written % PLACES] = object;
    __atomic_store_n(&ring->written, written + 1, __ATOMIC_RELEASE);
    return true;
}

static void *
ring_get(struct ring *ring)
{
    unsigned read = ring->read;
    if (read == __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE))
        return NULL;
    void *object = ring->place[read % PLACES];
    __atomic_store_n(&ring->read, read + 1, __ATOMIC_RELEASE);
    return object;
}

/* ---- what the threads share ---- */

struct worker {
    unsigned cpu;
    uint32_t state;
    struct ring *from;
    struct ring *to;
    unsigned failures; /* patterns that were not there, memory that ran out */
};

static struct ring rings[CPU_MAX];
static struct worker workers[CPU_MAX];
static struct kmem_cache *shared;
static unsigned running;

/* Runs `work` on `count` CPUs of a fresh machine, and takes stock at the end. */
static void
run_threads(unsigned count, void *(*work)(void *))
{
    const struct machine machine = {.base = machine_base};
    pthread_t threads[CPU_MAX];
    machine_start(&machine);
    memset(rings, 0, sizeof(rings));
    for (unsigned cpu = 1; cpu < count; cpu++)
        CHECK(mm_cpu_up(cpu));
    shared = kmem_cache_create("shared", 72, 0, 0, NULL);
    CHECK(shared);
    mm_drain();
    unsigned long before = pmm_free_frames();

    running = count;
    for (unsigned cpu = 0; cpu < count; cpu++) {
        workers[cpu] = (struct worker){.cpu = cpu,
                                       .state = ktest_seed() + cpu,
                                       .from = &rings[cpu],
                                       .to = &rings[(cpu + 1) % count]};
        CHECK_EQ(pthread_create(&threads[cpu], NULL, work, &workers[cpu]), 0);
    }
    for (unsigned cpu = 0; cpu < count; cpu++)
        pthread_join(threads[cpu], NULL);
    for (unsigned cpu = 0; cpu < count; cpu++)
        CHECK_EQ(workers[cpu].failures, 0);

    CHECK(mm_check());
    struct kmem_cache_stats stats;
    kmem_cache_get_stats(shared, &stats);
    CHECK_EQ(stats.objects_used, 0);
    mm_drain();
    CHECK(mm_check());
    CHECK_EQ(pmm_free_frames(), before);
    CHECK(kmem_cache_destroy(shared));
    machine_start_usual();
}

/* Says that this thread will write no more, and frees what comes until nobody writes. */
static void
finish(struct worker *worker, void (*take)(struct worker *, void *))
{
    bool last = false;
    __atomic_sub_fetch(&running, 1, __ATOMIC_ACQ_REL);
    while (!last) {
        last = __atomic_load_n(&running, __ATOMIC_ACQUIRE) == 0;
        for (void *object; (object = ring_get(worker->from));)
            take(worker, object);
    }
}

/* Hands an object on, or takes it back at once when the ring is full. */
static void
pass_on(struct worker *worker, void *object, void (*take)(struct worker *, void *))
{
    if (!ring_put(worker->to, object))
        take(worker, object);
}

/* ---- objects of one size ---- */

static void
take_object(struct worker *worker, void *object)
{
    worker->failures += !has_pattern(object, 72, (uint32_t)((uintptr_t)object >> 4));
    kmem_cache_free(shared, object);
}

static void *
work_objects(void *argument)
{
    struct worker *worker = argument;
    hosted_set_cpu(worker->cpu);
    for (unsigned step = 0; step < STEPS; step++) {
        void *object = kmem_cache_alloc(shared);
        if (!object) {
            worker->failures++;
            break;
        }
        fill_pattern(object, 72, (uint32_t)((uintptr_t)object >> 4));
        if (ktest_random(&worker->state) % 4)
            pass_on(worker, object, take_object);
        else
            take_object(worker, object);
        for (void *other; ktest_random(&worker->state) % 3 && (other = ring_get(worker->from));)
            take_object(worker, other);
    }
    finish(worker, take_object);
    return NULL;
}

KTEST(threads, objects_2)
{
    run_threads(2, work_objects);
}

KTEST(threads, objects_8)
{
    run_threads(8, work_objects);
}

/* ---- any size: the first 4 bytes hold it ---- */

static void
take_block(struct worker *worker, void *block)
{
    uint32_t size;
    memcpy(&size, block, sizeof(size));
    worker->failures += !has_pattern((uint8_t *)block + 4, size - 4, size);
    kfree(block);
}

/* Mostly small, some of several frames, now and then 100 KiB and more. */
static uint32_t
any_size(uint32_t *state)
{
    uint32_t kind = ktest_random(state) % 64;
    return 4 + random_below(state, kind == 0 ? 65536 : kind < 8 ? 20000 : 600);
}

static void *
work_sizes(void *argument)
{
    struct worker *worker = argument;
    void *held[16] = {NULL};
    hosted_set_cpu(worker->cpu);
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t size = any_size(&worker->state), i = ktest_random(&worker->state) % 16;
        if (held[i])
            pass_on(worker, held[i], take_block);
        held[i] = ktest_random(&worker->state) % 5 ? kmalloc(size) : kmalloc_aligned(size, 4096);
        if (!held[i]) {
            worker->failures++;
            break;
        }
        memcpy(held[i], &size, sizeof(size));
        fill_pattern((uint8_t *)held[i] + 4, size - 4, size);
        for (void *other; ktest_random(&worker->state) % 3 && (other = ring_get(worker->from));)
            take_block(worker, other);
    }
    for (unsigned i = 0; i < 16; i++)
        if (held[i])
            take_block(worker, held[i]);
    finish(worker, take_block);
    return NULL;
}

KTEST(threads, sizes_2)
{
    run_threads(2, work_sizes);
}

KTEST(threads, sizes_8)
{
    run_threads(8, work_sizes);
}

/* ---- frames: the first bytes hold their address and count ---- */

struct run {
    paddr_t first;
    size_t count;
};

static void
take_run(struct worker *worker, void *memory)
{
    struct run run;
    memcpy(&run, memory, sizeof(run));
    size_t room = (run.count << PAGE_SHIFT) - sizeof(run);
    worker->failures += frame_to_ptr(paddr_to_pfn(run.first)) != memory;
    worker->failures += !has_pattern((uint8_t *)memory + sizeof(run), 64, (uint32_t)run.count);
    worker->failures += !has_pattern((uint8_t *)memory + sizeof(run) + room - 64, 64, 7);
    pmm_free_pages(run.first, run.count);
}

static void *
work_frames(void *argument)
{
    struct worker *worker = argument;
    hosted_set_cpu(worker->cpu);
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t kind = ktest_random(&worker->state) % 16;
        struct run run = {.count = kind < 8 ? 1 : kind < 15 ? kind - 6 : 40};
        run.first = pmm_alloc_pages_flags(run.count, PMM_DIRECT);
        if (!run.first) {
            worker->failures++;
            break;
        }
        uint8_t *memory = frame_to_ptr(paddr_to_pfn(run.first));
        memcpy(memory, &run, sizeof(run));
        fill_pattern(memory + sizeof(run), 64, (uint32_t)run.count);
        fill_pattern(memory + (run.count << PAGE_SHIFT) - 64, 64, 7);
        if (kind & 1)
            pass_on(worker, memory, take_run);
        else
            take_run(worker, memory);
        for (void *other; ktest_random(&worker->state) % 3 && (other = ring_get(worker->from));)
            take_run(worker, other);
        if (step % 512 == 0)
            pmm_drain_cpu();
    }
    finish(worker, take_run);
    return NULL;
}

KTEST(threads, frames_2)
{
    run_threads(2, work_frames);
}

KTEST(threads, frames_8)
{
    run_threads(8, work_frames);
}

/* ---- everything together, slabs given back in between ---- */

static void *
work_all(void *argument)
{
    struct worker *worker = argument;
    hosted_set_cpu(worker->cpu);
    for (unsigned step = 0; step < STEPS / 40; step++) {
        void *small = kzalloc(1 + random_below(&worker->state, 3000));
        void *large = kmalloc(1 + random_below(&worker->state, 60000) * 4);
        void *grown = small ? krealloc(small, 5000) : NULL;
        if (!small || !large || !grown) {
            worker->failures++;
            break;
        }
        kfree(grown);
        kfree(large);
        if (step % 16 == 0)
            kmem_cache_reap(shared);
        kmem_cache_free(shared, kmem_cache_alloc(shared));
    }
    finish(worker, take_object);
    return NULL;
}

KTEST(threads, everything_8)
{
    run_threads(8, work_all);
}

/* ---- memory that is used up: who gets nothing gives back what it has, and goes on ---- */

#define MOST_HELD 4096

struct held {
    void *memory; /* an object, or NULL and a run of frames */
    struct run run;
};

static struct held held[CPU_MAX][MOST_HELD];

/* A bite of the memory, at most 64 KiB. False when there is none. */
static bool
take_bite(struct held *bite, uint32_t *state)
{
    uint32_t kind = ktest_random(state) % 8;
    *bite = (struct held){.run.count = 1u << kind % 4};
    if (kind < 4)
        bite->run.first = pmm_alloc_pages(bite->run.count);
    else
        bite->memory = kind == 4 ? kmem_cache_alloc(shared) : kmalloc(1u << (9 + kind));
    return bite->memory || bite->run.first;
}

static void
give_bite(const struct held *bite)
{
    if (bite->memory)
        kfree(bite->memory);
    else
        pmm_free_pages(bite->run.first, bite->run.count);
}

/* What a CPU keeps in store, others may need. */
static void
give_all(struct held *bites, unsigned count)
{
    while (count)
        give_bite(&bites[--count]);
    kmem_cache_reap(shared);
    slab_reap_cpu();
    pmm_drain_cpu();
}

static void *
work_until_nothing_is_left(void *argument)
{
    struct worker *worker = argument;
    struct held *bites = held[worker->cpu];
    unsigned count = 0, empty = 0;
    hosted_set_cpu(worker->cpu);
    for (unsigned step = 0; step < STEPS; step++) {
        if (count < MOST_HELD && take_bite(&bites[count], &worker->state)) {
            count++;
            continue;
        }
        empty++;
        give_all(bites, count);
        count = 0;
    }
    give_all(bites, count);
    worker->failures += empty == 0;
    finish(worker, take_object);
    return NULL;
}

KTEST(threads, shortage_2)
{
    run_threads(2, work_until_nothing_is_left);
}

KTEST(threads, shortage_8)
{
    run_threads(8, work_until_nothing_is_left);
}

/* ---- the n-th allocation fails, on one CPU and not on its neighbour ---- */

static void
take_other(struct worker *worker, void *object)
{
    (void)worker;
    kmem_cache_free(shared, object);
}

static void *
work_with_failures(void *argument)
{
    struct worker *worker = argument;
    bool fails = worker->cpu % 2;
    unsigned missed = 0;
    hosted_set_cpu(worker->cpu);
    for (unsigned step = 0; step < STEPS / 40; step++) {
        unsigned n = 1 + ktest_random(&worker->state) % 3;
        mm_fail_nth(fails ? n : 0);
        void *object = kmem_cache_alloc(shared);
        void *block = kmalloc(300 + step % 3000);
        paddr_t frames = pmm_alloc_pages(1 + step % 9);
        unsigned missing = !object + !block + !frames;
        missed += missing;
        worker->failures += missing > fails; /* a slab finds other ways when it finds no frames */
        worker->failures += mm_fail_nth(0) < (fails ? n : 0);
        if (object)
            pass_on(worker, object, take_other);
        kfree(block);
        if (frames)
            pmm_free_pages(frames, 1 + step % 9);
        for (void *other; (other = ring_get(worker->from));)
            take_other(worker, other);
    }
    worker->failures += fails && missed < STEPS / 80;
    finish(worker, take_other);
    return NULL;
}

KTEST(threads, failures_4)
{
    run_threads(4, work_with_failures);
}

/* What one CPU has just freed is kept back until another gives all of that to the allocator. */
static void *
work_reaping(void *argument)
{
    struct worker *worker = argument;
    hosted_set_cpu(worker->cpu);
    for (unsigned step = 0; step < STEPS / 10; step++) {
        void *object = kmem_cache_alloc(shared);
        worker->failures += !object;
        if (object)
            pass_on(worker, object, take_other);
        if (step % 2)
            kmem_cache_reap(shared);
        for (void *other; (other = ring_get(worker->from));)
            take_other(worker, other);
    }
    finish(worker, take_other);
    return NULL;
}

/* The same under all aids against bugs. */
KTEST(threads, debugged_8)
{
    mm_debug_choose("all");
    run_threads(8, work_all);
    run_threads(4, work_objects);
    run_threads(4, work_reaping);
    mm_debug = 0;
    machine_start_usual();
}
