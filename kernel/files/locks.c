/* locks.c - who has locked which bytes of which file.
 *
 *   owner A   |=====shared=====|        |==exclusive==|
 *   owner B        |===shared===|
 *
 * Locks bind those who ask for them, nobody else. Those of one owner never overlap: a new one takes
 * the place of what was there, and joins neighbours that are alike. So an owner's lock may be cut,
 * or fall into two; what that needs is allocated first.
 *
 * There is one list, as there are few: files that several programs change at once. Whoever waits
 * looks again whenever something was given back. That two wait for each other is not found out.
 *
 * Lock: locks_mutex. Whoever closes a file looks without it whether there are locks at all: those
 * of the caller are seen, as it took them before.
 */
#include <string.h>
#include "file.h"
#include "kmalloc.h"
#include "locks.h"
#include "syscall.h"

struct lock *locks;

static struct mutex locks_mutex STATIC_MUTEX = MUTEX_INIT;
static unsigned long lock_count;
static struct wait_queue lock_wait;

/* ---- comparing ---- */

static bool
overlap(const struct lock *a, const struct lock *b)
{
    return a->start < b->end && b->start < a->end;
}

static bool
touch(const struct lock *a, const struct lock *b)
{
    return a->start <= b->end && b->start <= a->end;
}

static bool
same_file(const struct lock *a, const struct lock *b)
{
    return a->node == b->node && a->kind == b->kind;
}

static const struct lock *
find_conflict(const struct lock *wanted)
{
    for (const struct lock *lock = locks; lock != NULL; lock = lock->next) {
        if (same_file(lock, wanted) && lock->owner != wanted->owner && overlap(lock, wanted) &&
            (lock->exclusive || wanted->exclusive))
            return lock;
    }
    return NULL;
}

bool
lock_conflict(const struct lock *wanted, struct lock *found)
{
    const struct lock *lock;

    mutex_lock(&locks_mutex);
    lock = find_conflict(wanted);
    if (lock != NULL)
        *found = *lock;
    mutex_unlock(&locks_mutex);
    return lock != NULL;
}

/* ---- changing the list, with the mutex ---- */

static void
add(struct lock *lock)
{
    lock->next = locks;
    locks = lock;
    lock_count++;
}

/* Takes out what *link leads to. */
static void
drop(struct lock **link)
{
    struct lock *lock = *link;

    *link = lock->next;
    lock_count--;
    kfree(lock);
}

/* Makes `wanted` as large as it is together with the owner's locks of the same sort. */
static void
join(struct lock *wanted)
{
    for (const struct lock *lock = locks; lock != NULL; lock = lock->next) {
        if (!same_file(lock, wanted) || lock->owner != wanted->owner || !touch(lock, wanted) ||
            lock->exclusive != wanted->exclusive)
            continue;
        if (lock->start < wanted->start)
            wanted->start = lock->start;
        if (lock->end > wanted->end)
            wanted->end = lock->end;
    }
}

/* True when the owner has a lock of which something remains on both sides of `hole`. */
static bool
splits(const struct lock *hole)
{
    for (const struct lock *lock = locks; lock != NULL; lock = lock->next) {
        if (same_file(lock, hole) && lock->owner == hole->owner && lock->start < hole->start &&
            lock->end > hole->end)
            return true;
    }
    return false;
}

/* Cuts the range of `hole` out of the lock that *link leads to. What remains behind it becomes
 * `rest` if something remains before it, too. Returns where the list goes on. */
static struct lock **
cut_one(struct lock **link, const struct lock *hole, struct lock *rest)
{
    struct lock *lock = *link;
    bool before = lock->start < hole->start, behind = lock->end > hole->end;

    if (!before && !behind) {
        drop(link);
        return link;
    }
    if (before && behind) {
        *rest = *lock;
        rest->start = hole->end;
        add(rest);
    }
    if (before)
        lock->end = hole->start;
    else
        lock->start = hole->end;
    return &lock->next;
}

/* Cuts the owner's locks; `rest` is for the one that falls into two, if there is one. */
static void
cut(const struct lock *hole, struct lock *rest)
{
    struct lock **link = &locks;

    while (*link != NULL) {
        if (same_file(*link, hole) && (*link)->owner == hole->owner && overlap(*link, hole))
            link = cut_one(link, hole, rest);
        else
            link = &(*link)->next;
    }
    task_wake_all(&lock_wait);
}

/* NULL: no memory, or there are as many as there may be. */
static struct lock *
new_lock(void)
{
    return lock_count < file_limit() ? kmalloc(sizeof(struct lock)) : NULL;
}

/* Puts `wanted` in the place of what the owner has there, as `lock`, which is freed on failure. */
static int
put(const struct lock *wanted, struct lock *lock)
{
    struct lock *rest = NULL;

    *lock = *wanted;
    join(lock);
    if (splits(lock)) {
        rest = new_lock();
        if (rest == NULL) {
            kfree(lock);
            return -ENOLCK;
        }
    }
    cut(lock, rest);
    add(lock);
    return 0;
}

/* ---- what callers want ---- */

/* True when the owner is a table of descriptors that the current process has given up: that may be
 * gone, and nobody would give the lock back. */
static bool
owner_is_gone(const struct lock *wanted)
{
    return wanted->of_table && wanted->owner != task_current()->process->files;
}

/* Until nothing is in the way of `wanted`. */
static int
wait_for(const struct lock *wanted, bool wait)
{
    while (find_conflict(wanted) != NULL) {
        int error = -EAGAIN;

        if (wait) {
            error = task_sleep_mutex(&lock_wait, 0, &locks_mutex);
            mutex_lock(&locks_mutex);
        }
        if (error != 0)
            return error == -EINTR ? -ERESTARTSYS : error;
    }
    return owner_is_gone(wanted) ? -EBADF : 0;
}

/* Two who share a lock by flock may both want it alone: so who has to wait gives back first what it
 * has, and has nothing if it may not wait. */
static int
take(const struct lock *wanted, bool wait)
{
    struct lock *lock = new_lock();
    int error;

    if (lock == NULL)
        return -ENOLCK;
    if (wanted->kind == LOCK_FLOCK && find_conflict(wanted) != NULL)
        cut(wanted, NULL);
    error = wait_for(wanted, wait);
    if (error == 0)
        return put(wanted, lock);
    kfree(lock);
    return error;
}

int
lock_take(const struct lock *wanted, bool wait)
{
    int error;

    mutex_lock(&locks_mutex);
    error = take(wanted, wait);
    mutex_unlock(&locks_mutex);
    return error;
}

static int
give(const struct lock *given)
{
    struct lock *rest = NULL;

    if (splits(given)) {
        rest = new_lock();
        if (rest == NULL)
            return -ENOLCK;
    }
    cut(given, rest);
    return 0;
}

int
lock_give(const struct lock *given)
{
    int error;

    mutex_lock(&locks_mutex);
    error = give(given);
    mutex_unlock(&locks_mutex);
    return error;
}

void
lock_forget_all(const void *owner, const struct node *node)
{
    struct lock **link = &locks;

    mutex_lock(&locks_mutex);
    while (*link != NULL) {
        if ((*link)->owner == owner && (*link)->node == node)
            drop(link);
        else
            link = &(*link)->next;
    }
    task_wake_all(&lock_wait);
    mutex_unlock(&locks_mutex);
}
