/* test_ask.c - a CPU that needs what others keep asks them, with threads that are CPUs
 * (mm/drain.c).
 *
 *   CPU 0          question in a mailbox ──► waits for the answer
 *   CPU 1 .. 3     alloc ── free ── look into the mailbox ── alloc ...
 *
 * A thread looks where it is not in mm/, as the kernel's CPUs do by their flags.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "kmalloc.h"
#include "ktest.h"
#include "machine.h"
#include "mm.h"
#include "pmm.h"
#include "slab.h"
#include "../mm/testing.h"
#include "../../mm/percpu.h"
#include "../../mm/pmm_private.h"

#define CPUS    4
#define PAGES   200
#define OBJECTS 300
#define ROUNDS  30

struct question {
    bool (*step)(struct mm_cpu *cpu, void *arg);
    void *arg;
    bool done;
};

static struct user {
    pthread_t thread;
    unsigned cpu, failures;
    struct question *question; /* NULL: none, or answered */
} users[CPUS];

static struct kmem_cache *cache;
static unsigned stop, ready, works;

/* Objects of a cache that is to end; CPU 1 gives them back, those of some slabs at a time. */
static struct kmem_cache *ending;
static void *last[240];
static unsigned last_left;

/* ---- questions ---- */

static bool
ask(unsigned cpu, bool (*step)(struct mm_cpu *cpu, void *arg), void *arg, bool wait)
{
    struct question question = {step, arg, false};

    if (cpu_current() != 0 || cpu == 0)
        return false;
    do {
        __atomic_store_n(&users[cpu].question, &question, __ATOMIC_RELEASE);
        while (__atomic_load_n(&users[cpu].question, __ATOMIC_ACQUIRE) != NULL)
            sched_yield();
    } while (wait && !question.done);
    return question.done;
}

static void
poll(struct user *user)
{
    struct question *question = __atomic_load_n(&user->question, __ATOMIC_ACQUIRE);

    if (question == NULL)
        return;
    question->done = question->step(cpu_memory(), question->arg);
    __atomic_store_n(&user->question, NULL, __ATOMIC_RELEASE);
}

/* ---- threads ---- */

/* Something of everything goes into the CPU's store. */
static void
fill_store(struct user *user)
{
    paddr_t pages[PAGES];
    void *objects[OBJECTS];

    for (unsigned i = 0; i < PAGES; i++)
        user->failures += !(pages[i] = pmm_alloc_page());
    for (unsigned i = 0; i < OBJECTS; i++)
        user->failures += !(objects[i] = kmem_cache_alloc(cache));
    for (unsigned i = 0; i < PAGES; i++)
        pmm_free_page(pages[i]);
    for (unsigned i = 0; i < OBJECTS; i++)
        kmem_cache_free(cache, objects[i]);
}

static void
work(struct user *user, unsigned round)
{
    uint32_t *objects[16];

    for (unsigned i = 0; i < 16; i++) {
        objects[i] = i % 2 ? kmem_cache_alloc(cache) : kmalloc(16 + (round + i) * 37 % 3000);
        user->failures += !objects[i];
        *objects[i] = round + i;
        poll(user);
    }
    for (unsigned i = 0; i < 16; i++) {
        user->failures += *objects[i] != round + i;
        kfree(objects[i]);
        poll(user);
    }
    pmm_free_page(pmm_alloc_page());
}

static void
free_last(void)
{
    for (unsigned i = 0; i < 30; i++) {
        unsigned left = __atomic_load_n(&last_left, __ATOMIC_ACQUIRE);

        if (left == 0)
            return;
        kmem_cache_free(ending, last[left - 1]);
        __atomic_store_n(&last_left, left - 1, __ATOMIC_RELEASE);
    }
}

static void *
run(void *argument)
{
    struct user *user = argument;

    hosted_set_cpu(user->cpu);
    fill_store(user);
    __atomic_add_fetch(&ready, 1, __ATOMIC_ACQ_REL);
    for (unsigned round = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); round++) {
        if (works)
            work(user, round);
        if (user->cpu == 1)
            free_last();
        poll(user);
        sched_yield();
    }
    return NULL;
}

/* A machine whose other CPUs have something in store, and answer; they work as well. */
static void
start(bool at_work)
{
    const struct machine machine = {.base = machine_base};

    machine_start(&machine);
    for (unsigned cpu = 1; cpu < CPUS; cpu++)
        CHECK(mm_cpu_up(cpu));
    cache = kmem_cache_create("asked", 200, 0, 0, NULL);
    CHECK(cache);
    stop = ready = 0;
    works = at_work;
    for (unsigned cpu = 1; cpu < CPUS; cpu++) {
        users[cpu] = (struct user){.cpu = cpu};
        CHECK_EQ(pthread_create(&users[cpu].thread, NULL, run, &users[cpu]), 0);
    }
    while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) != CPUS - 1)
        sched_yield();
    hosted_ask = ask;
}

static void
finish(unsigned long before)
{
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (unsigned cpu = 1; cpu < CPUS; cpu++) {
        pthread_join(users[cpu].thread, NULL);
        CHECK_EQ(users[cpu].failures, 0);
    }
    hosted_ask = NULL;
    CHECK(mm_check());
    CHECK(kmem_cache_destroy(cache));
    mm_drain();
    CHECK(mm_check());
    CHECK(pmm_free_frames() >= before);
    machine_start_usual();
}

/* ---- tests ---- */

/* Takes frames until an allocation fails; returns how many are left then. */
static unsigned long
take_all(struct kmem_cache_stats *stats)
{
    static paddr_t taken[MACHINE_BYTES >> PAGE_SHIFT];
    unsigned count = 0;

    while (count < ARRAY_LENGTH(taken) && (taken[count] = pmm_alloc_page()))
        count++;
    unsigned long left = pmm_free_frames();
    kmem_cache_get_stats(cache, stats);
    while (count)
        pmm_free_page(taken[--count]);
    return left;
}

/* Nothing is left in any CPU's store when an allocation fails. */
KTEST(ask, all_memory)
{
    struct kmem_cache_stats stats;

    start(false);
    unsigned long before = pmm_free_frames(), left = take_all(&stats);
    finish(before); /* first: the threads must not outlive a test that fails */
    CHECK_EQ(left, 0);
    CHECK_EQ(stats.slabs, 0);
}

static void *crossed[2];

static bool
take_crossed(struct mm_cpu *cpu, void *failures)
{
    (void)cpu;
    for (unsigned i = 0; i < ARRAY_LENGTH(crossed); i++)
        *(unsigned *)failures += !(crossed[i] = kmem_cache_alloc(cache));
    return true;
}

static bool
give_crossed(struct mm_cpu *cpu, void *unused)
{
    (void)cpu;
    (void)unused;
    for (unsigned i = 0; i < ARRAY_LENGTH(crossed); i++)
        kmem_cache_free(cache, crossed[i]);
    return true;
}

/* Nor what one CPU keeps of another's slab, this one's too, when there is nothing else. */
KTEST(ask, objects_of_others)
{
    for (unsigned from = 0; from < CPUS; from++) {
        struct kmem_cache_stats stats;
        unsigned failures = 0, to = from + 1 < CPUS ? from + 1 : 1;

        start(false);
        mm_drain();
        unsigned long before = pmm_free_frames();
        (void)cpu_ask(from, take_crossed, &failures, true);
        (void)cpu_ask(to, give_crossed, NULL, true);
        unsigned long left = take_all(&stats);
        finish(before);
        CHECK_EQ(failures, 0);
        CHECK_EQ(left, 0);
        CHECK_EQ(stats.slabs, 0);
    }
}

/* Objects of many slabs of one CPU, of each of which some stay in use. */
static void *spread[640];

static bool
take_spread(struct mm_cpu *cpu, void *failures)
{
    (void)cpu;
    for (unsigned i = 0; i < ARRAY_LENGTH(spread); i++)
        if (!spread[i])
            *(unsigned *)failures += !(spread[i] = kmem_cache_alloc(cache));
    return true;
}

static bool
give_spread(struct mm_cpu *cpu, void *step)
{
    (void)cpu;
    for (unsigned i = 0; i < ARRAY_LENGTH(spread); i++)
        if (*(unsigned *)step == 1 || i % *(unsigned *)step) {
            kmem_cache_free(cache, spread[i]);
            spread[i] = NULL;
        }
    return true;
}

/* Slots of a magazine count among what a CPU gives back: who finds no memory looks again then. */
KTEST(ask, slots_of_others)
{
    unsigned failures = 0, some = 16, all = 1;
    size_t frames = 0;

    start(false);
    unsigned long before = pmm_free_frames();
    const struct cache_part *part = cache->parts[1];
    for (unsigned turn = 0; turn < 2; turn++) {
        (void)cpu_ask(1, take_spread, &failures, true);
        (void)cpu_ask(1, give_spread, &some, true);
    }
    bool grown = part->magazine->bottom != part->own;
    unsigned long free = pmm_free_frames();
    (void)cpu_ask(1, slab_reap_of, &frames, true);
    free = pmm_free_frames() - free;
    bool kept = part->magazine->bottom != part->own;
    (void)cpu_ask(1, take_spread, &failures, true);
    (void)cpu_ask(1, give_spread, &all, true);
    finish(before);
    CHECK(grown && !kept && failures == 0);
    CHECK_EQ(free, frames);
}

/* Where there is no reclaim, as in an interrupt, no frame is left on other CPUs' stacks, and no slab
 * without objects is this CPU's. */
KTEST(ask, frames_without_reclaim)
{
    struct kmem_cache_stats stats;

    start(false);
    unsigned long before = pmm_free_frames();
    kmem_cache_free(cache, kmem_cache_alloc(cache));
    bool had = cache->parts[0]->slab != NULL;
    pmm_reclaim = NULL;
    unsigned long left = take_all(&stats);
    bool own = cache->parts[0]->slab || cache->parts[0]->idle;
    finish(before);
    CHECK_EQ(left, 0);
    CHECK(had && !own && stats.slabs > 0);
}

/* One CPU keeps nothing any more, another one what it had. */
KTEST(ask, one_cpu)
{
    start(false);
    unsigned long before = pmm_free_frames(), chunks[CPUS] = {0};
    mm_drain_cpu(1);
    for (unsigned cpu = 1; cpu < CPUS; cpu++)
        for (unsigned i = 0; i < ZONE_COUNT * PCP_STACKS; i++)
            chunks[cpu] += mm_cpus[cpu]->stacks[i / PCP_STACKS][i % PCP_STACKS].count;
    const struct cache_part *bare = cache->parts[1], *other = cache->parts[2];
    unsigned left = bare->slab || bare->idle || bare->magazine->top != bare->magazine->bottom;
    unsigned kept = other->magazine->top != other->magazine->bottom;
    finish(before);
    CHECK(chunks[1] == 0 && chunks[2] > 0);
    CHECK(!left && kept);
}

/* What others keep is given back, and caches end, while they work. */
KTEST(ask, at_work)
{
    start(true);
    unsigned long before = pmm_managed_frames() / 2;
    unsigned failures = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct kmem_cache *other = kmem_cache_create("beside", 300, 0, 0, NULL);
        if (other)
            kmem_cache_free(other, kmem_cache_alloc(other));
        failures += !other || !kmem_cache_destroy(other);
        mm_drain();
        mm_drain_cpu(1 + round % (CPUS - 1));
    }
    finish(before);
    CHECK_EQ(failures, 0);
}

static bool
take_last(struct mm_cpu *cpu, void *failures)
{
    (void)cpu;
    for (unsigned i = 0; i < ARRAY_LENGTH(last); i++)
        *(unsigned *)failures += !(last[i] = kmem_cache_alloc(ending));
    __atomic_store_n(&last_left, ARRAY_LENGTH(last), __ATOMIC_RELEASE);
    return true;
}

/* A cache ends as soon as it can, whoever gives its slabs back meanwhile. */
KTEST(ask, last_objects)
{
    unsigned failures = 0;

    start(false);
    unsigned long before = pmm_managed_frames() / 2;
    hosted_quiet(true);
    for (unsigned round = 0; round < ROUNDS; round++) {
        ending = kmem_cache_create("ending", 1000, 0, 0, NULL);
        if (!ending || !cpu_ask(1, take_last, &failures, true))
            failures++;
        while (ending && !kmem_cache_destroy(ending))
            sched_yield();
        failures += __atomic_load_n(&last_left, __ATOMIC_ACQUIRE);
    }
    hosted_quiet(false);
    finish(before);
    CHECK_EQ(failures, 0);
}
