/* sys_descriptors.c - system calls about open files: close(2), dup(2), fcntl(2), lseek(2),
 * ioctl(2), and those that have nothing to do where all is in memory, such as fsync(2).
 */
#include "file.h"
#include "locks.h"
#include "pipe.h"
#include "syscall.h"
#include "uapi/termios.h"

/* fcntl may change these. */
#define CHANGEABLE_FLAGS (unsigned)(O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME)

/* ---- closing and doubling ---- */

SYSCALL(close)
{
    return file_close((int)frame->ebx);
}

SYSCALL(close_range)
{
    enum { CLOSE_RANGE_UNSHARE = 2, CLOSE_RANGE_CLOEXEC = 4 };
    const struct process *process = task_current()->process;

    if (frame->ecx < frame->ebx ||
        frame->edx & ~(uint32_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
        return -EINVAL;
    if (frame->edx & CLOSE_RANGE_UNSHARE && files_own() != 0)
        return -ENOMEM;
    for (uint32_t i = frame->ebx; i <= frame->ecx && i < process->files->size; i++) {
        if (frame->edx & CLOSE_RANGE_CLOEXEC)
            (void)file_set_close_on_exec((int)i, true);
        else
            (void)file_close((int)i);
    }
    return 0;
}

static bool
is_open(int descriptor)
{
    return file_closes_on_exec(descriptor) >= 0;
}

/* Another descriptor for an open file: the lowest free one from `from` on. */
static long
duplicate(int descriptor, int from, bool close_on_exec)
{
    struct file *file = file_hold(descriptor);
    int answer;

    if (file == NULL)
        return -EBADF;
    answer = file_install(file, from, close_on_exec);
    if (answer < 0)
        file_put(file);
    return answer;
}

static long
duplicate_to(int descriptor, int target, bool close_on_exec)
{
    struct file *file = file_hold(descriptor);
    int answer;

    if (file == NULL)
        return -EBADF;
    answer = file_install_at(file, target, close_on_exec);
    if (answer < 0)
        file_put(file);
    return answer;
}

SYSCALL(dup)
{
    return duplicate((int)frame->ebx, 0, false);
}

SYSCALL(dup2)
{
    if (frame->ebx == frame->ecx)
        return is_open((int)frame->ebx) ? (long)frame->ebx : -EBADF;
    return duplicate_to((int)frame->ebx, (int)frame->ecx, false);
}

SYSCALL(dup3)
{
    if (frame->ebx == frame->ecx || frame->edx & ~(uint32_t)O_CLOEXEC)
        return -EINVAL;
    return duplicate_to((int)frame->ebx, (int)frame->ecx, frame->edx & O_CLOEXEC);
}

/* ---- fcntl ---- */

static long
set_flags(struct file *file, unsigned flags)
{
    file->flags = (file->flags & ~CHANGEABLE_FLAGS) | (flags & CHANGEABLE_FLAGS);
    return 0;
}

/* These are about the descriptor alone, so O_PATH is enough for them. */
static bool
needs_no_opening(unsigned command)
{
    return command <= F_GETFL || command == F_DUPFD_CLOEXEC;
}

static long
fcntl_held(struct file *file, int descriptor, unsigned command, uint32_t argument)
{
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return duplicate(descriptor, (int)argument, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return file_closes_on_exec(descriptor);
    case F_SETFD:
        return file_set_close_on_exec(descriptor, argument & FD_CLOEXEC);
    case F_GETFL:
        return (long)file->flags;
    case F_SETFL:
        return set_flags(file, argument);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_GETLK64:
    case F_SETLK64:
    case F_SETLKW64:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return lock_fcntl(file, descriptor, command, (void *)argument);
    case F_GETOWN:
    case F_SETOWN:
        return 0;
    case F_GETPIPE_SZ:
        return pipe_get_limit(file);
    case F_SETPIPE_SZ:
        return pipe_set_limit(file, argument);
    default:
        return -EINVAL;
    }
}

static long
fcntl(int descriptor, unsigned command, uint32_t argument)
{
    struct file *file =
        needs_no_opening(command) ? file_hold(descriptor) : file_hold_opened(descriptor);
    long answer;

    if (file == NULL)
        return -EBADF;
    answer = fcntl_held(file, descriptor, command, argument);
    file_put(file);
    return answer;
}

SYSCALL(fcntl)
{
    return fcntl((int)frame->ebx, frame->ecx, frame->edx);
}

SYSCALL(fcntl64)
{
    return fcntl((int)frame->ebx, frame->ecx, frame->edx);
}

/* ---- positions ---- */

/* Where the file's data goes on, or ends: all of it counts as data. */
static int64_t
seek_data(const struct file *file, int64_t offset, bool hole)
{
    int64_t size = (int64_t)file_size(file);

    if (file_object(file) == NULL)
        return -EINVAL;
    if (offset < 0 || offset >= size)
        return -ENXIO;
    return hole ? size : offset;
}

/* Negative when the sum is too large, too. */
static int64_t
add(uint64_t position, int64_t offset)
{
    return (int64_t)(position + (uint64_t)offset);
}

/* Where lseek wants to go; checked by the caller. */
static int64_t
seek_target(const struct file *file, int64_t offset, unsigned whence)
{
    switch (whence) {
    case SEEK_SET:
        return offset;
    case SEEK_CUR:
        return add(file->position, offset);
    case SEEK_END:
        return add(file_size(file), offset);
    case SEEK_DATA:
    case SEEK_HOLE:
        return seek_data(file, offset, whence == SEEK_HOLE);
    default:
        return -EINVAL;
    }
}

/* The new position or -errno. `largest` is what the caller's answer can hold. */
static int64_t
seek_in_turn(struct file *file, int64_t offset, unsigned whence, int64_t largest)
{
    int64_t target = seek_target(file, offset, whence);

    if (target < 0)
        return whence >= SEEK_DATA ? target : -EINVAL;
    if (S_ISCHR(file->node->mode))
        target = 0;
    if (target > largest)
        return -EOVERFLOW;
    file->position = (uint64_t)target;
    return target;
}

static int64_t
seek(int descriptor, int64_t offset, unsigned whence, int64_t largest)
{
    struct file *file = file_hold_opened(descriptor);
    int64_t target = -ESPIPE;

    if (file == NULL)
        return -EBADF;
    if (file_has_position(file)) {
        mutex_lock(&file->turn);
        target = seek_in_turn(file, offset, whence, largest);
        mutex_unlock(&file->turn);
    }
    file_put(file);
    return target;
}

SYSCALL(lseek)
{
    return (long)seek((int)frame->ebx, (int32_t)frame->ecx, frame->edx, INT32_MAX);
}

SYSCALL(_llseek)
{
    int64_t offset = (int64_t)((uint64_t)frame->ecx << 32 | frame->edx);
    int64_t target = seek((int)frame->ebx, offset, frame->edi, INT64_MAX);

    if (target < 0)
        return (long)target;
    return copy_to_user((void *)frame->esi, &target, sizeof(target));
}

/* ---- ioctl ---- */

static long
bytes_to_read(const struct file *file, void *user)
{
    uint64_t size = file_size(file);

    return put_user_u32(size > file->position ? (uint32_t)(size - file->position) : 0, user);
}

static long
set_nonblocking(struct file *file, const void *user)
{
    uint32_t on;

    if (get_user_u32(&on, user) != 0)
        return -EFAULT;
    return set_flags(file, on ? file->flags | O_NONBLOCK : file->flags & ~(unsigned)O_NONBLOCK);
}

static long
ioctl_held(struct file *file, const struct trap_frame *frame)
{
    switch (frame->ecx) {
    case FIOCLEX:
    case FIONCLEX:
        return file_set_close_on_exec((int)frame->ebx, frame->ecx == FIOCLEX);
    case FIONBIO:
        return set_nonblocking(file, (const void *)frame->edx);
    }
    if (frame->ecx == FIONREAD && file_object(file) != NULL)
        return bytes_to_read(file, (void *)frame->edx);
    if (file->ops->ioctl == NULL)
        return -ENOTTY;
    return file->ops->ioctl(file, frame->ecx, frame->edx);
}

SYSCALL(ioctl)
{
    struct file *file = file_hold_opened((int)frame->ebx);
    long answer;

    if (file == NULL)
        return -EBADF;
    answer = ioctl_held(file, frame);
    file_put(file);
    return answer;
}

/* ---- what is in memory needs no bringing to a disk ---- */

SYSCALL(sync)
{
    (void)frame;
    return 0;
}

static long
sync_file(const struct trap_frame *frame)
{
    struct file *file = file_hold_opened((int)frame->ebx);
    long answer;

    if (file == NULL)
        return -EBADF;
    answer = file_has_position(file) && !S_ISCHR(file->node->mode) ? 0 : -EINVAL;
    file_put(file);
    return answer;
}

SYSCALL(fsync)
{
    return sync_file(frame);
}

SYSCALL(fdatasync)
{
    return sync_file(frame);
}

SYSCALL(syncfs)
{
    struct file *file = file_hold_opened((int)frame->ebx);

    if (file == NULL)
        return -EBADF;
    file_put(file);
    return 0;
}

/* Advice about files is taken and not followed. */
static long
take_advice(const struct trap_frame *frame)
{
    struct file *file = file_hold_opened((int)frame->ebx);
    long answer;

    if (file == NULL)
        return -EBADF;
    answer = file_has_position(file) ? 0 : -ESPIPE;
    file_put(file);
    return answer;
}

SYSCALL(fadvise64)
{
    return take_advice(frame);
}

SYSCALL(fadvise64_64)
{
    return take_advice(frame);
}

SYSCALL(readahead)
{
    return take_advice(frame);
}
