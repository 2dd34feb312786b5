/* test_platform.c - the hosted world: frames that start anywhere, memory without an address, locks
 * that hold between threads. */
#include <limits.h>
#include <pthread.h>

#include "ktest.h"
#include "platform.h"

#define FRAMES 8
#define ROUNDS 20000

static uint8_t arena[FRAMES * 4096] __attribute__((aligned(4096)));

/* Runs `test` with the arena as memory, and puts back what was memory before. */
static void
with_arena(unsigned long base, void (*test)(unsigned long base))
{
    struct hosted_memory saved = hosted_memory;

    hosted_init(arena, sizeof(arena), pfn(base));
    test(base);
    hosted_memory = saved;
}

static void
check_both_ways(unsigned long base)
{
    pfn_t frame;

    for (unsigned long i = 0; i < FRAMES; i++) {
        CHECK(frame_to_ptr(pfn(base + i)) == arena + i * PAGE_SIZE);
        CHECK(ptr_to_frame(arena + i * PAGE_SIZE, &frame));
        CHECK_EQ(frame.n, base + i);
        CHECK(ptr_to_frame(arena + i * PAGE_SIZE + PAGE_MASK, &frame));
        CHECK_EQ(frame.n, base + i);
    }
    CHECK(!frame_to_ptr(pfn(base + FRAMES)));
    CHECK(!frame_to_ptr(pfn(base - 1)));
    CHECK(!ptr_to_frame(arena + sizeof(arena), &frame));
    CHECK(!ptr_to_frame((void *)((uintptr_t)arena - 1), &frame));
    CHECK(!ptr_to_frame(NULL, &frame));
}

KTEST(platform, frames)
{
    with_arena(0, check_both_ways);
    with_arena(1, check_both_ways);
    with_arena((1ul << 20) - 4, check_both_ways);
    with_arena(ULONG_MAX / 2, check_both_ways);
    with_arena(ULONG_MAX - FRAMES, check_both_ways);
}

static void
check_limit(unsigned long base)
{
    pfn_t frame;

    hosted_limit_direct(pfn(base + 3));
    CHECK(frame_to_ptr(pfn(base + 2)) == arena + 2 * PAGE_SIZE);
    CHECK(!frame_to_ptr(pfn(base + 3)));
    CHECK(!frame_to_ptr(pfn(base + FRAMES)));
    CHECK(ptr_to_frame(arena + 3 * PAGE_SIZE - 1, &frame));
    CHECK(!ptr_to_frame(arena + 3 * PAGE_SIZE, &frame));
    hosted_limit_direct(pfn(base));
    CHECK(!frame_to_ptr(pfn(base)));
    hosted_limit_direct(pfn(base + FRAMES));
    CHECK(frame_to_ptr(pfn(base + FRAMES - 1)) == arena + (FRAMES - 1) * PAGE_SIZE);
}

KTEST(platform, high_memory)
{
    with_arena(0x80000, check_limit);
}

/* ---- threads ---- */

static struct spinlock lock = SPINLOCK_INIT;
static unsigned long counter;
static bool cpu_wrong;

static void *
count_up(void *cpu)
{
    hosted_set_cpu((unsigned)(uintptr_t)cpu);
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned long state = spin_lock(&lock);

        counter++;
        if (cpu_current() != (uintptr_t)cpu)
            cpu_wrong = true;
        spin_unlock(&lock, state);
    }
    return NULL;
}

KTEST(platform, spinlock_between_threads)
{
    pthread_t threads[CPU_MAX];

    counter = 0;
    for (uintptr_t cpu = 0; cpu < CPU_MAX; cpu++)
        CHECK_EQ(pthread_create(&threads[cpu], NULL, count_up, (void *)cpu), 0);
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        pthread_join(threads[cpu], NULL);
    CHECK_EQ(counter, CPU_MAX * ROUNDS);
    CHECK(!cpu_wrong);
    CHECK_EQ(cpu_current(), 0);
}

KTEST(platform, spinlock_state)
{
    struct spinlock mine = SPINLOCK_INIT;
    unsigned long state;

    CHECK(!spin_is_locked(&mine));
    state = spin_lock(&mine);
    CHECK(spin_is_locked(&mine));
    spin_unlock(&mine, state);
    CHECK(!spin_is_locked(&mine));
}

/* ---- locks that may be held across sleeping ---- */

static struct rw_mutex rw = RW_MUTEX_INIT;

/* Every fourth turn is a change. */
static void *
read_and_write(void *wrong)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 4 == 0) {
            rw_lock(&rw);
            counter++;
            if (!rw_is_mine(&rw))
                *(bool *)wrong = true;
            rw_unlock(&rw);
            continue;
        }
        rw_lock_shared(&rw);
        if (rw_is_mine(&rw) || counter > CPU_MAX * ROUNDS)
            *(bool *)wrong = true;
        rw_unlock_shared(&rw);
    }
    return NULL;
}

KTEST(platform, mutex_between_threads)
{
    pthread_t threads[CPU_MAX];
    bool wrong[CPU_MAX] = {0};

    counter = 0;
    for (unsigned i = 0; i < CPU_MAX; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, read_and_write, &wrong[i]), 0);
    for (unsigned i = 0; i < CPU_MAX; i++) {
        pthread_join(threads[i], NULL);
        CHECK(!wrong[i]);
    }
    CHECK_EQ(counter, CPU_MAX * ((ROUNDS + 3) / 4));
    CHECK(!rw_is_locked(&rw));
}

KTEST(platform, mutex_state)
{
    struct mutex mutex = MUTEX_INIT;

    CHECK(!mutex_is_locked(&mutex) && !mutex_is_mine(&mutex));
    mutex_lock(&mutex);
    CHECK(mutex_is_locked(&mutex) && mutex_is_mine(&mutex) && !mutex_try_lock(&mutex));
    rw_downgrade(&mutex.rw);
    CHECK(mutex_is_locked(&mutex) && !mutex_is_mine(&mutex));
    CHECK(rw_try_lock_shared(&mutex.rw) && !mutex_try_lock(&mutex));
    rw_unlock_shared(&mutex.rw);
    rw_unlock_shared(&mutex.rw);
    CHECK(!mutex_is_locked(&mutex));
}
