/* test_mutex.c - locks that may be held across sleeping, between tasks of the kernel's own. */
#include "mutex.h"
#include "ktest.h"
#include "workers.h"

#define TASKS  4
#define ROUNDS 50

static struct rw_mutex lock;
static struct mutex mutex;
static unsigned inside, sharing, arrived, sum, broken;
static unsigned order[TASKS], order_count;

/* ---- tasks without a program ---- */

/* Starts tasks that run `body`, and waits until all have ended. */
static bool
run_tasks(void (*body)(void), unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!worker_start(body, cpus_online()))
            return false;
    workers_wait();
    return true;
}

static void
reset(void)
{
    rw_mutex_init(&lock);
    mutex_init(&mutex);
    inside = sharing = arrived = sum = broken = order_count = 0;
}

/* ---- one task ---- */

KTEST(mutex, alone)
{
    reset();
    CHECK(!mutex_is_locked(&mutex) && !mutex_is_mine(&mutex));
    mutex_lock(&mutex);
    CHECK(mutex_is_locked(&mutex) && mutex_is_mine(&mutex));
    CHECK(!mutex_try_lock(&mutex));
    mutex_unlock(&mutex);
    CHECK(!mutex_is_locked(&mutex) && !mutex_is_mine(&mutex));
    CHECK(mutex_try_lock(&mutex) && mutex_is_mine(&mutex));
    mutex_unlock(&mutex);
    CHECK_EQ(mutex.rw.count, RW_FREE);
}

KTEST(mutex, shared)
{
    reset();
    rw_lock_shared(&lock);
    CHECK(rw_is_locked(&lock) && !rw_is_mine(&lock));
    CHECK(!rw_try_lock(&lock));
    CHECK(rw_try_lock_shared(&lock));
    rw_unlock_shared(&lock);
    rw_unlock_shared(&lock);
    CHECK(rw_try_lock(&lock));
    CHECK(!rw_try_lock_shared(&lock));
    rw_downgrade(&lock);
    CHECK(!rw_is_mine(&lock) && rw_is_locked(&lock));
    rw_unlock_shared(&lock);
    CHECK_EQ(lock.count, RW_FREE);
}

static void
take_twice(void *unused)
{
    (void)unused;
    mutex_lock(&mutex);
    mutex_lock(&mutex);
}

KTEST(mutex, taken_twice)
{
    reset();
    CHECK(ktest_panics(take_twice, NULL, "is taken twice"));
}

/* ---- several ---- */

static void
add_alone(void)
{
    interrupts_enable();
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned before;

        mutex_lock(&mutex);
        before = sum;
        task_yield();
        sum = before + 1;
        broken += !mutex_is_mine(&mutex);
        mutex_unlock(&mutex);
    }
    worker_end();
}

KTEST(mutex, one_at_a_time)
{
    reset();
    CHECK(run_tasks(add_alone, TASKS));
    CHECK_EQ(sum, TASKS * ROUNDS);
    CHECK_EQ(broken, 0);
    CHECK(!mutex_is_locked(&mutex) && mutex.rw.count == RW_FREE);
}

/* On several CPUs tasks run at the same time: what they count while they share the lock is counted
 * by single instructions. */
static unsigned
count(unsigned *number, int by)
{
    return __atomic_add_fetch(number, (unsigned)by, __ATOMIC_ACQ_REL);
}

static unsigned
look(const unsigned *number)
{
    return __atomic_load_n(number, __ATOMIC_ACQUIRE);
}

/* All tasks share the lock at first. Then each third turn is a change. */
static void
read_and_write(void)
{
    interrupts_enable();
    rw_lock_shared(&lock);
    count(&arrived, 1);
    while (look(&arrived) != TASKS)
        task_yield();
    rw_unlock_shared(&lock);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 3 == 0) {
            rw_lock(&lock);
            count(&broken, look(&inside) != 0 || look(&sharing) != 0);
            count(&inside, 1);
            task_yield();
            count(&inside, -1);
            rw_unlock(&lock);
            continue;
        }
        rw_lock_shared(&lock);
        count(&sharing, 1);
        count(&broken, look(&inside) != 0);
        task_yield();
        count(&sharing, -1);
        rw_unlock_shared(&lock);
    }
    worker_end();
}

KTEST(mutex, many_or_one)
{
    reset();
    CHECK(run_tasks(read_and_write, TASKS));
    CHECK_EQ(broken, 0);
    CHECK_EQ(arrived, TASKS);
    CHECK_EQ(lock.count, RW_FREE);
}

static bool
somebody_waits(void)
{
    return __atomic_load_n(&lock.count, __ATOMIC_ACQUIRE) < 0 && lock.waiters.first != NULL;
}

/* The first shares the lock until all others have come. The second wants it alone, so those
 * behind it, who would share, wait for it: they come when it waits. */
static void
come_in_turn(void)
{
    unsigned me = count(&sum, 1) - 1;

    interrupts_enable();
    while (me == 1 && look(&order_count) != 1)
        task_yield();
    while (me > 1 && !somebody_waits())
        task_yield();
    count(&arrived, me > 1);
    if (me == 1)
        rw_lock(&lock);
    else
        rw_lock_shared(&lock);
    order[count(&order_count, 1) - 1] = me;
    while (me == 0 && look(&arrived) != TASKS - 2)
        task_yield();
    if (me == 0)
        broken = look(&order_count) != 1 || rw_try_lock_shared(&lock);
    if (me == 1)
        rw_unlock(&lock);
    else
        rw_unlock_shared(&lock);
    worker_end();
}

KTEST(mutex, nobody_passes)
{
    reset();
    CHECK(run_tasks(come_in_turn, TASKS));
    CHECK_EQ(broken, 0);
    CHECK_EQ(order_count, TASKS);
    CHECK_EQ(order[1], 1);
    CHECK_EQ(lock.count, RW_FREE);
}
