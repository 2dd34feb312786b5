/* sys_locks.c - system calls that lock files: flock(2), and fcntl(2) with F_SETLK and its
 * relatives.
 *
 *   call          the lock's owner         goes when
 *   flock         the open file            its last descriptor is closed
 *   F_OFD_SETLK   the same
 *   F_SETLK       the process              it closes any descriptor of that file
 */
#include "file.h"
#include "locks.h"
#include "syscall.h"

/* ---- flock ---- */

static int
lock_whole(struct file *file, unsigned operation, bool wait)
{
    struct lock lock = {.node = file->node, .owner = file, .kind = LOCK_FLOCK,
                        .exclusive = operation == LOCK_EX, .end = LOCK_END};

    return operation == LOCK_UN ? lock_give(&lock) : lock_take(&lock, wait);
}

SYSCALL(flock)
{
    unsigned operation = frame->ecx & ~(uint32_t)LOCK_NB;
    struct file *file;
    int error;

    if (operation != LOCK_SH && operation != LOCK_EX && operation != LOCK_UN)
        return -EINVAL;
    file = file_hold_opened((int)frame->ebx);
    if (file == NULL)
        return -EBADF;
    error = lock_whole(file, operation, !(frame->ecx & LOCK_NB));
    file_put(file);
    return error;
}

/* ---- fcntl: the program's structure ---- */

/* In either width. */
static int
read_flock(struct flock64 *flock, const void *from, bool wide)
{
    struct flock narrow;

    if (wide)
        return copy_from_user(flock, from, sizeof(*flock));
    if (copy_from_user(&narrow, from, sizeof(narrow)) != 0)
        return -EFAULT;
    *flock = (struct flock64){narrow.type, narrow.whence, narrow.start, narrow.len, narrow.pid};
    return 0;
}

static int
write_flock(void *to, const struct flock64 *flock, bool wide)
{
    struct flock narrow = {flock->type, flock->whence, (int32_t)flock->start, (int32_t)flock->len,
                           flock->pid};

    if (wide)
        return copy_to_user(to, flock, sizeof(*flock));
    if (narrow.start != flock->start || narrow.len != flock->len)
        return -EOVERFLOW;
    return copy_to_user(to, &narrow, sizeof(narrow));
}

/* ---- fcntl: its meaning ---- */

/* Where the range begins to count. */
static int
find_base(const struct file *file, int whence, uint64_t *base)
{
    switch (whence) {
    case SEEK_SET:
        *base = 0;
        return 0;
    case SEEK_CUR:
        *base = file->position;
        return 0;
    case SEEK_END:
        *base = file_size(file);
        return 0;
    default:
        return -EINVAL;
    }
}

/* A negative length counts back from the start; none means all that follows. */
static int
find_range(const struct file *file, const struct flock64 *flock, struct lock *lock)
{
    uint64_t base = 0;
    int error = find_base(file, flock->whence, &base);
    int64_t start = (int64_t)(base + (uint64_t)flock->start);
    uint64_t end = (uint64_t)start + (uint64_t)flock->len;

    if (error != 0)
        return error;
    if (start < 0)
        return flock->start > 0 ? -EOVERFLOW : -EINVAL;
    if (end > LOCK_END)
        return flock->len > 0 ? -EOVERFLOW : -EINVAL;
    lock->start = flock->len < 0 ? end : (uint64_t)start;
    lock->end = flock->len == 0 ? LOCK_END : flock->len < 0 ? (uint64_t)start : end;
    return 0;
}

/* Tells who is in the way, if somebody is. */
static void
tell(struct flock64 *flock, const struct lock *wanted)
{
    struct lock found;

    if (!lock_conflict(wanted, &found)) {
        flock->type = F_UNLCK;
        return;
    }
    *flock = (struct flock64){
        .type = found.exclusive ? F_WRLCK : F_RDLCK,
        .whence = SEEK_SET,
        .start = (int64_t)found.start,
        .len = found.end == LOCK_END ? 0 : (int64_t)(found.end - found.start),
        .pid = found.pid,
    };
}

/* Another thread may exchange the table of descriptors during the wait: then the lock is the new
 * one's. Or close the descriptor: then it is as if it did so afterwards, which gives back a
 * process' locks; an open file's go with the file. */
static long
take(const struct file *file, int descriptor, struct lock *lock, bool wait)
{
    int error;

    if (!(file->access & (lock->exclusive ? FILE_WRITE : FILE_READ)))
        return -EBADF;
    while ((error = lock_take(lock, wait)) == -EBADF)
        lock->owner = task_current()->process->files;
    if (lock->of_table && !file_is_at(file, descriptor))
        lock_forget(lock->owner, lock->node);
    return error;
}

static bool
is_of_open_file(unsigned command)
{
    return command >= F_OFD_GETLK && command <= F_OFD_SETLKW;
}

long
lock_fcntl(struct file *file, int descriptor, unsigned command, void *user)
{
    const struct process *process = task_current()->process;
    bool of_file = is_of_open_file(command), wide = of_file || command >= F_GETLK64;
    struct lock lock = {.node = file->node, .owner = process->files, .of_table = !of_file,
                        .kind = LOCK_FCNTL, .pid = process->pid};
    bool asks = command == F_GETLK || command == F_GETLK64 || command == F_OFD_GETLK;
    struct flock64 flock;
    int error = read_flock(&flock, user, wide);

    if (error == 0 && ((uint16_t)flock.type > (asks ? F_WRLCK : F_UNLCK) ||
                       (of_file && flock.pid != 0)))
        error = -EINVAL;
    if (error == 0)
        error = find_range(file, &flock, &lock);
    if (error != 0)
        return error;
    if (of_file) {
        lock.owner = file;
        lock.pid = -1;
    }
    lock.exclusive = flock.type == F_WRLCK;
    if (asks) {
        tell(&flock, &lock);
        return write_flock(user, &flock, wide);
    }
    if (flock.type == F_UNLCK)
        return lock_give(&lock);
    return take(file, descriptor, &lock,
                command == F_SETLKW || command == F_SETLKW64 || command == F_OFD_SETLKW);
}
