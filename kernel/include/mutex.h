/* mutex.h - locks that may be held across sleeping: who has to wait sleeps.
 *
 * One word says all. It begins at RW_FREE; a task that shares the lock takes 1 away, one that wants
 * it alone takes RW_FREE, and as long as somebody waits RW_WAITED is missing too:
 *
 *     RW_FREE      0x01000000   free
 *     RW_FREE - n               n tasks share it
 *     0                         one has it alone
 *     below 0                   somebody waits, or is about to
 *
 * So each of the four steps is one instruction whose flags tell whether all is done: it left 0 for
 * who wants the lock alone, and nothing below 0 for all others. Everything else is
 * kernel/tasks/mutex.c. Those who wait get the lock in the order in which they came, and nobody
 * passes them: no task waits for ever, shared or not. For the same reason a task must not take a
 * lock that it has, not even shared twice.
 *
 * Not for interrupts. May be taken while nobody can wait yet, before task_init.
 */
#ifndef OCTAVO_MUTEX_H
#define OCTAVO_MUTEX_H

#include "wait_queue.h"

#define RW_FREE   0x01000000
#define RW_WAITED 0x40000000
#define RW_COUNTED 0x20000000 /* missing all the time: no short way succeeds (lock_stat.c) */

/* For those that are variables, initialised by RW_MUTEX_INIT or MUTEX_INIT, alone or in structs
 * whose other members are 0: lock_stat.c finds them. */
#define STATIC_MUTEX __attribute__((section(".data.mutexes")))

struct rw_mutex {
    int count;
    uint32_t holder;           /* who has it alone: where its stack was; 0: nobody */
    struct wait_queue waiters; /* its lock guards all steps that are not one instruction */
};

struct mutex {
    struct rw_mutex rw;
};

#define RW_MUTEX_INIT                                                                              \
    {                                                                                              \
        .count = RW_FREE                                                                           \
    }
#define MUTEX_INIT                                                                                 \
    {                                                                                              \
        .rw = RW_MUTEX_INIT                                                                        \
    }

void rw_mutex_init(struct rw_mutex *lock);

/* The ways that are not short: kernel/tasks/mutex.c. */
void rw_wait(struct rw_mutex *lock);
void rw_wait_shared(struct rw_mutex *lock);
void rw_hand_over(struct rw_mutex *lock);

/* Takes the lock alone. Always inline, as are all that take one, so that reports name the place. */
static inline __attribute__((always_inline)) void
rw_lock(struct rw_mutex *lock)
{
    bool free;

    __asm__ volatile("lock subl %2, %1"
                     : "=@ccz"(free), "+m"(lock->count)
                     : "i"(RW_FREE)
                     : "memory");
    if (UNLIKELY(!free))
        rw_wait(lock);
    __asm__ volatile("mov %%esp, %0" : "=m"(lock->holder));
}

static inline void
rw_unlock(struct rw_mutex *lock)
{
    bool waited;

    lock->holder = 0;
    __asm__ volatile("lock addl %2, %1"
                     : "=@ccs"(waited), "+m"(lock->count)
                     : "i"(RW_FREE)
                     : "memory");
    if (UNLIKELY(waited))
        rw_hand_over(lock);
}

/* Takes the lock together with others that want no more. */
static inline __attribute__((always_inline)) void
rw_lock_shared(struct rw_mutex *lock)
{
    bool taken;

    __asm__ volatile("lock decl %1" : "=@ccs"(taken), "+m"(lock->count) : : "memory");
    if (UNLIKELY(taken))
        rw_wait_shared(lock);
}

static inline void
rw_unlock_shared(struct rw_mutex *lock)
{
    bool waited;

    __asm__ volatile("lock incl %1" : "=@ccs"(waited), "+m"(lock->count) : : "memory");
    if (UNLIKELY(waited))
        rw_hand_over(lock);
}

/* Take the lock if that is possible at once; they may say false while somebody is just finding out
 * that he cannot have it. */
MUST_CHECK bool rw_try_lock(struct rw_mutex *lock);
MUST_CHECK bool rw_try_lock_shared(struct rw_mutex *lock);

/* Who has it alone goes on sharing it, with nobody in between. */
void rw_downgrade(struct rw_mutex *lock);

/* True when the running task has it alone. */
bool rw_is_mine(const struct rw_mutex *lock);
/* True when somebody has it, shared or not. */
static inline bool
rw_is_locked(const struct rw_mutex *lock)
{
    int count = __atomic_load_n(&lock->count, __ATOMIC_RELAXED);

    return count != RW_FREE && count != RW_FREE - RW_COUNTED;
}

static inline void
mutex_init(struct mutex *mutex)
{
    rw_mutex_init(&mutex->rw);
}

static inline __attribute__((always_inline)) void
mutex_lock(struct mutex *mutex)
{
    rw_lock(&mutex->rw);
}

static inline void
mutex_unlock(struct mutex *mutex)
{
    rw_unlock(&mutex->rw);
}

MUST_CHECK static inline __attribute__((always_inline)) bool
mutex_try_lock(struct mutex *mutex)
{
    return rw_try_lock(&mutex->rw);
}

static inline bool
mutex_is_mine(const struct mutex *mutex)
{
    return rw_is_mine(&mutex->rw);
}

static inline bool
mutex_is_locked(const struct mutex *mutex)
{
    return rw_is_locked(&mutex->rw);
}

#endif
