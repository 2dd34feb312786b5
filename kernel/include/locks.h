/* locks.h - advisory locks of files: flock(2), fcntl(2).
 *
 * Lock: `locks_mutex` guards the list of all of them.
 */
#ifndef OCTAVO_LOCKS_H
#define OCTAVO_LOCKS_H

#include "node.h"

/* Locks of one kind know nothing of the other. */
enum lock_kind { LOCK_FLOCK, LOCK_FCNTL };

#define LOCK_END ((uint64_t)1 << 63) /* behind all that a file can have */

struct lock {
    struct lock *next;
    const struct node *node;
    const void *owner; /* an open file, or a process' table of descriptors */
    enum lock_kind kind;
    bool exclusive;
    bool of_table;     /* that owns it */
    int pid;           /* who took it, as F_GETLK tells */
    uint64_t start, end;
};

/* All that are held. */
extern struct lock *locks;

/* A lock of somebody else that is in the way of `wanted` goes to *found. False: there is none. */
bool lock_conflict(const struct lock *wanted, struct lock *found);

/* Takes a lock, in the place of what its owner holds there. `wait`: sleeps until nothing is in the
 * way. 0, -EAGAIN, -ERESTARTSYS, -ENOLCK (no memory, or too many); -EBADF: the owner is a table
 * that the current process has no more, as one of its threads exchanged it (files.c). */
MUST_CHECK int lock_take(const struct lock *wanted, bool wait);
/* Gives back what the owner holds in [start, end). 0; -ENOLCK, if that would leave two of one. */
MUST_CHECK int lock_give(const struct lock *given);

void lock_forget_all(const void *owner, const struct node *node);

/* Gives back all that an owner holds of a file. */
static inline void
lock_forget(const void *owner, const struct node *node)
{
    if (UNLIKELY(locks != NULL))
        lock_forget_all(owner, node);
}

/* fcntl(2) of the open file of a descriptor with F_GETLK, F_SETLK, F_SETLKW, the same with 64 and
 * OFD; struct flock or flock64 at `user` (kernel/files/sys_locks.c). */
long lock_fcntl(struct file *file, int descriptor, unsigned command, void *user);

#endif
