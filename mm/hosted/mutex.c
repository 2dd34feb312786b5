/* mutex.c - locks that may be held across sleeping, in a program. See mutex.h.
 *
 * To go on sharing what one had alone is nothing that POSIX threads know: between giving back and
 * taking again another may come in. A test of what may happen between them sees more than the
 * kernel lets happen, never less.
 */
#include "platform.h"

static __thread char me;

static void
count(struct rw_mutex *lock, int change)
{
    __atomic_add_fetch(&lock->holders, change, __ATOMIC_RELAXED);
}

static void
own(struct rw_mutex *lock, const void *holder)
{
    __atomic_store_n(&lock->holder, holder, __ATOMIC_RELAXED);
}

void
rw_mutex_init(struct rw_mutex *lock)
{
    *lock = (struct rw_mutex)RW_MUTEX_INIT;
}

void
rw_lock(struct rw_mutex *lock)
{
    if (rw_is_mine(lock))
        kpanic("mutex %p is taken twice by one thread", (void *)lock);
    while (!rw_try_lock(lock))
        spin_relax(); /* in the kernel it sleeps, and its CPU goes on answering too */
}

void
rw_unlock(struct rw_mutex *lock)
{
    ASSERT(rw_is_mine(lock));
    own(lock, NULL);
    count(lock, -1);
    pthread_rwlock_unlock(&lock->lock);
}

void
rw_lock_shared(struct rw_mutex *lock)
{
    if (rw_is_mine(lock))
        kpanic("mutex %p is taken twice by one thread", (void *)lock);
    while (!rw_try_lock_shared(lock))
        spin_relax(); /* in the kernel it sleeps, and its CPU goes on answering too */
}

void
rw_unlock_shared(struct rw_mutex *lock)
{
    ASSERT(rw_is_locked(lock) && !rw_is_mine(lock));
    count(lock, -1);
    pthread_rwlock_unlock(&lock->lock);
}

bool
rw_try_lock(struct rw_mutex *lock)
{
    if (pthread_rwlock_trywrlock(&lock->lock) != 0)
        return false;
    count(lock, 1);
    own(lock, &me);
    return true;
}

bool
rw_try_lock_shared(struct rw_mutex *lock)
{
    if (pthread_rwlock_tryrdlock(&lock->lock) != 0)
        return false;
    count(lock, 1);
    return true;
}

void
rw_downgrade(struct rw_mutex *lock)
{
    rw_unlock(lock);
    rw_lock_shared(lock);
}

bool
rw_is_mine(const struct rw_mutex *lock)
{
    return __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) == &me;
}

bool
rw_is_locked(const struct rw_mutex *lock)
{
    return __atomic_load_n(&lock->holders, __ATOMIC_RELAXED) != 0;
}
