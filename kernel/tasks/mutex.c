/* mutex.c - locks that may be held across sleeping, when somebody has to wait.
 *
 * mutex.h has the word and the short ways. Who fails there has changed the word nevertheless, so the
 * first step here takes that back; until then the word may say that less is free than there is.
 * Therefore whoever makes it larger (a lock given back while somebody waits, a step taken back) looks
 * whether the first in the queue can have the lock now, and hands it over: when a task wakes, it has
 * the lock. The queue is served in its order; all that share from the first on get it together.
 *
 * I1. When the queue's lock is free, RW_WAITED is missing from the word exactly if the queue is not
 *     empty.
 * I2. While it is missing, no short way succeeds, and each one that gives back comes to rw_hand_over.
 * I3. When the queue's lock is free, its first task cannot have the lock, or somebody who will look
 *     again is on the way here.
 *
 * Lock: waiters.lock, before that of a run queue.
 */
#include "mutex.h"
#include "platform.h"
#include "sched.h"
#include "task.h"

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

/* Takes the lock for `task`, in one step with what the word says; RW_WAITED is missing from it. False
 * when it cannot be. */
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

/* Takes back `step`, which failed at `code`, then waits for the lock. */
static void
wait(struct rw_mutex *lock, int step, bool shared, const void *code)
{
    struct task *me = task_current();
    unsigned long flags;

    check_not_mine(lock);
    if (lock_stat_on)
        lock_order_before(lock, (uintptr_t)code);
    flags = spin_lock(&lock->waiters.lock);
    add(lock, step);
    serve(lock);
    me->wants_shared = shared;
    if (lock->waiters.first == NULL && take_as_first(lock, me)) {
        spin_unlock(&lock->waiters.lock, flags);
    } else {
        uint32_t since = lock_stat_now();

        task_sleep_in(&lock->waiters, flags);
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
    int free = RW_FREE - counted(__atomic_load_n(&lock->count, __ATOMIC_RELAXED));

    if (!replace(lock, free, free - RW_FREE))
        return false;
    __asm__ volatile("mov %%esp, %0" : "=m"(lock->holder));
    if (lock_stat_on)
        lock_stat_mutex(lock, (uintptr_t)__builtin_return_address(0));
    return true;
}

bool
rw_try_lock_shared(struct rw_mutex *lock)
{
    int count;

    do {
        count = __atomic_load_n(&lock->count, __ATOMIC_RELAXED);
        if (count + counted(count) <= 0)
            return false;
    } while (!replace(lock, count, count - 1));
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
