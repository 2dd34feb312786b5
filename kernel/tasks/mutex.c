/* mutex.c - locks that may be held across sleeping, when somebody has to wait.
 *
 * mutex.h has the word and the short ways. Who fails there has changed the word nevertheless, so
 * the first step here takes that back; until then the word may say that less is free than there is.
 * Therefore whoever makes it larger (a lock given back while somebody waits, a step taken back)
 * looks whether the first in the queue can have the lock now, and hands it over: when a task wakes,
 * it has the lock. The queue is served in its order; all that share from the first on get it
 * together.
 *
 * With several CPUs nobody sleeps at once: he looks at the word for a moment first. If all slept, a
 * lock that several CPUs want again and again would go from one that has to be woken to the next.
 *
 * I1. When the queue's lock is free, RW_WAITED is missing from the word exactly if the queue is not
 *     empty.
 * I2. While it is missing, no short way succeeds, and each one that gives back comes to
 *     rw_hand_over.
 * I3. When the queue's lock is free, its first task cannot have the lock, or somebody who will look
 *     again is on the way here.
 *
 * Lock: waiters.lock, before that of a run queue.
 */
#include "mutex.h"
#include "platform.h"
#include "sched.h"
#include "task.h"

#define SPIN_LOOKS 100

static int
add(struct rw_mutex *lock, int number)
{
    return __atomic_add_fetch(&lock->count, number, __ATOMIC_ACQ_REL);
}

/* Changes the word if it still is what the caller saw. */
static bool
replace(struct rw_mutex *lock, int old, int new)
{
    return __atomic_compare_exchange_n(&lock->count, &old, new, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

void
rw_mutex_init(struct rw_mutex *lock)
{
    *lock = (struct rw_mutex)RW_MUTEX_INIT;
    if (lock_stat_on)
        lock_stat_made(lock, (uintptr_t)__builtin_return_address(0));
}

/* RW_COUNTED when it is missing from the word. All that is missing besides are RW_WAITED and less
 * than RW_COUNTED. */
static int
counted(int count)
{
    return (RW_FREE - count) & RW_COUNTED;
}

/* Takes the lock for `task`, in one step with what the word says; RW_WAITED is missing from it.
 * False when it cannot be. */
static bool
take_for(struct rw_mutex *lock, const struct task *task)
{
    int count, left;

    do {
        count = __atomic_load_n(&lock->count, __ATOMIC_RELAXED);
        left = count + RW_WAITED + counted(count);
        if (task->wants_shared ? left <= 0 : left != RW_FREE)
            return false;
    } while (!replace(lock, count, task->wants_shared ? count - 1 : count - RW_FREE));
    return true;
}

/* The first to wait: RW_WAITED first, so that nobody gives the lock back unseen behind the look at
 * the word. True when there is no need to wait after all. */
static bool
take_as_first(struct rw_mutex *lock, const struct task *me)
{
    add(lock, -RW_WAITED);
    if (!take_for(lock, me))
        return false;
    add(lock, RW_WAITED);
    return true;
}

/* Serves the queue as far as that goes now. Its lock is held. */
static void
serve(struct rw_mutex *lock)
{
    struct task *task;

    while ((task = lock->waiters.first) != NULL && take_for(lock, task)) {
        task_wake_first(&lock->waiters);
        if (lock->waiters.first == NULL)
            add(lock, RW_WAITED);
    }
}

static void
check_not_mine(const struct rw_mutex *lock)
{
    char name[80];

    if (!rw_is_mine(lock))
        return;
    symbol_name(lock, name, sizeof(name));
    kpanic("mutex %p (%s) is taken twice by task %d", (const void *)lock, name,
           task_current()->tid);
}

/* Takes back a step that failed. */
static void
take_back(struct rw_mutex *lock, int step)
{
    unsigned long flags = spin_lock(&lock->waiters.lock);

    add(lock, step);
    serve(lock);
    spin_unlock(&lock->waiters.lock, flags);
}

/* Takes the lock if the word says that it is free; never while somebody waits. */
static bool
take_now(struct rw_mutex *lock, bool shared)
{
    int count, left;

    do {
        count = __atomic_load_n(&lock->count, __ATOMIC_RELAXED);
        left = count + counted(count);
        if (shared ? left <= 0 : left != RW_FREE)
            return false;
    } while (!replace(lock, count, shared ? count - 1 : count - RW_FREE));
    return true;
}

/* Waits for a moment without sleeping: whoever has the lock most often runs on another CPU and
 * gives it back soon. Not while others wait: nobody passes them. True when the caller has it. */
static bool
spin(struct rw_mutex *lock, bool shared)
{
    for (unsigned looks = cpu_count() > 1 ? SPIN_LOOKS : 0; looks > 0; looks--) {
        if (__atomic_load_n(&lock->waiters.first, __ATOMIC_RELAXED) != NULL)
            return false;
        if (take_now(lock, shared))
            return true;
        cpu_pause();
    }
    return false;
}

/* Waits in the queue. */
static void
queue_up(struct rw_mutex *lock, bool shared)
{
    struct task *me = task_current();
    unsigned long flags = spin_lock(&lock->waiters.lock);

    me->wants_shared = shared;
    if (lock->waiters.first == NULL && take_as_first(lock, me))
        spin_unlock(&lock->waiters.lock, flags);
    else
        task_sleep_in(&lock->waiters, flags);
}

/* Waits for the lock after `step`, which failed at `code`. */
static void
wait(struct rw_mutex *lock, int step, bool shared, const void *code)
{
    uint32_t since = lock_stat_now();

    check_not_mine(lock);
    if (lock_stat_on)
        lock_order_before(lock, (uintptr_t)code);
    take_back(lock, step);
    if (!take_now(lock, shared)) {
        if (!spin(lock, shared))
            queue_up(lock, shared);
        if (lock_stat_on)
            lock_stat_waited(lock, (uintptr_t)code, since);
    }
    if (lock_stat_on)
        lock_stat_mutex(lock, (uintptr_t)code);
}

void
rw_wait(struct rw_mutex *lock)
{
    wait(lock, RW_FREE, false, __builtin_return_address(0));
}

void
rw_wait_shared(struct rw_mutex *lock)
{
    wait(lock, 1, true, __builtin_return_address(0));
}

static void
hand_over(struct rw_mutex *lock)
{
    unsigned long flags = spin_lock(&lock->waiters.lock);

    serve(lock);
    spin_unlock(&lock->waiters.lock, flags);
}

void
rw_hand_over(struct rw_mutex *lock)
{
    if (lock_stat_on)
        lock_order_given(lock);
    hand_over(lock);
}

bool
rw_try_lock(struct rw_mutex *lock)
{
    if (!take_now(lock, false))
        return false;
    __asm__ volatile("mov %%esp, %0" : "=m"(lock->holder));
    if (lock_stat_on)
        lock_stat_mutex(lock, (uintptr_t)__builtin_return_address(0));
    return true;
}

bool
rw_try_lock_shared(struct rw_mutex *lock)
{
    if (!take_now(lock, true))
        return false;
    if (lock_stat_on)
        lock_stat_mutex(lock, (uintptr_t)__builtin_return_address(0));
    return true;
}

void
rw_downgrade(struct rw_mutex *lock)
{
    lock->holder = 0;
    if (add(lock, RW_FREE - 1) < 0)
        hand_over(lock);
}

bool
rw_is_mine(const struct rw_mutex *lock)
{
    return stack_is_mine(__atomic_load_n(&lock->holder, __ATOMIC_RELAXED));
}
