/* crash_locks.c - bugs planted in the use of locks. What lockorder finds (lock_order.c) is wrong by
 * itself, not only when two CPUs meet. */
#include "crash.h"
#include "platform.h"
#include "sched.h"
#include "task.h"
#include "timer.h"
#include "trap.h"

static struct spinlock crash_lock = SPINLOCK_INIT;
static struct spinlock first_lock = SPINLOCK_INIT, second_lock = SPINLOCK_INIT;
static struct rw_mutex first_mutex STATIC_MUTEX = RW_MUTEX_INIT;
static struct rw_mutex second_mutex STATIC_MUTEX = RW_MUTEX_INIT;

/* Leaves without giving the lock back. */
static __attribute__((noinline)) void
keep_lock(void)
{
    interrupts_restore(spin_lock(&crash_lock));
}

static void
deadlock(void)
{
    keep_lock();
    spin_unlock(&crash_lock, spin_lock(&crash_lock));
}

static __attribute__((noinline)) void
take_both(struct spinlock *one, struct spinlock *other)
{
    unsigned long flags = spin_lock(one);

    spin_unlock(other, spin_lock(other));
    spin_unlock(one, flags);
}

static void
lock_order(void)
{
    take_both(&first_lock, &second_lock);
    take_both(&second_lock, &first_lock);
}

static void
do_nothing(void)
{
    sched_end();
}

static void
start(void (*run)(void))
{
    struct task *task = task_create(run);

    ASSERT(task != NULL);
    task->affinity = 1;
    sched_start(task);
}

/* With several CPUs. */
static void
lock_yield(void)
{
    start(do_nothing);
    keep_lock();
    task_yield();
}

static void
mutex_order(void)
{
    rw_lock(&first_mutex);
    rw_lock_shared(&second_mutex);
    rw_unlock_shared(&second_mutex);
    rw_unlock(&first_mutex);
    rw_lock(&second_mutex);
    rw_lock_shared(&first_mutex);
}

static void
mutex_spinning(void)
{
    unsigned long flags = spin_lock(&crash_lock);

    rw_lock(&first_mutex);
    rw_unlock(&first_mutex);
    spin_unlock(&crash_lock, flags);
}

static void
mutex_again(void)
{
    rw_lock_shared(&first_mutex);
    rw_lock_shared(&first_mutex);
}

static void
mutex_foreign(void)
{
    rw_unlock_shared(&first_mutex);
}

static void
end_with_mutex(void)
{
    rw_lock(&first_mutex);
    (void)interrupts_disable();
    sched_end();
}

static void
mutex_end(void)
{
    start(end_with_mutex);
    for (;;)
        task_idle();
}

/* Plays a system call that forgets to give a mutex back. */
static void
keep_mutex(struct tick_timer *timer)
{
    if (!trap_from_user(trap_interrupted()) || !rw_try_lock(&first_mutex))
        tick_timer_set(timer, 0);
}

/* With a program that computes. */
static void
mutex_kept(void)
{
    static struct tick_timer timer = {.fire = keep_mutex};

    tick_timer_set(&timer, 0);
}

const struct crash lock_crashes[] = {
    {"deadlock", deadlock},
    {"lock-order", lock_order},
    {"lock-yield", lock_yield},
    {"mutex-order", mutex_order},
    {"mutex-spinning", mutex_spinning},
    {"mutex-again", mutex_again},
    {"mutex-foreign", mutex_foreign},
    {"mutex-end", mutex_end},
    {"mutex-kept", mutex_kept},
    {NULL, NULL},
};
