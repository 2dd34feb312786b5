/* mutex.h - locks that may be held across sleeping, in a program: those of its threads.
 *
 * They are POSIX threads' own, so that a thread sanitizer knows what they promise. Who holds one
 * alone is known by the address of a variable that each thread has to itself. What a program does
 * wrong with them ends it, as it would the kernel.
 */
#ifndef OCTAVO_HOSTED_MUTEX_H
#define OCTAVO_HOSTED_MUTEX_H

#include <pthread.h>

struct rw_mutex {
    pthread_rwlock_t lock;
    const void *holder; /* who has it alone */
    int holders;        /* shared or not */
};

struct mutex {
    struct rw_mutex rw;
};

#define RW_MUTEX_INIT                                                                              \
    {                                                                                              \
        .lock = PTHREAD_RWLOCK_INITIALIZER                                                         \
    }
#define MUTEX_INIT                                                                                 \
    {                                                                                              \
        .rw = RW_MUTEX_INIT                                                                        \
    }

#define STATIC_MUTEX /* the kernel's lock statistics want to find them */

void rw_mutex_init(struct rw_mutex *lock);
void rw_lock(struct rw_mutex *lock);
void rw_unlock(struct rw_mutex *lock);
void rw_lock_shared(struct rw_mutex *lock);
void rw_unlock_shared(struct rw_mutex *lock);
MUST_CHECK bool rw_try_lock(struct rw_mutex *lock);
MUST_CHECK bool rw_try_lock_shared(struct rw_mutex *lock);
void rw_downgrade(struct rw_mutex *lock);
bool rw_is_mine(const struct rw_mutex *lock);
bool rw_is_locked(const struct rw_mutex *lock);

static inline void
mutex_init(struct mutex *mutex)
{
    rw_mutex_init(&mutex->rw);
}

static inline void
mutex_lock(struct mutex *mutex)
{
    rw_lock(&mutex->rw);
}

static inline void
mutex_unlock(struct mutex *mutex)
{
    rw_unlock(&mutex->rw);
}

MUST_CHECK static inline bool
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
