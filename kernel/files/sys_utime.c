/* sys_utime.c - system calls that set when a file was read and written: utimensat(2) and its older
 * relatives, which differ in how times are written.
 */
#include "syscall.h"
#include "uapi/time.h"
#include "user_path.h"

#define NSEC_MAX   999999999u
#define UTIME_NOW  0x3FFFFFFFu
#define UTIME_OMIT 0x3FFFFFFEu

/* Accessed, modified; UTIME_ values in `nsec` are allowed. */
struct times {
    struct node_time time[2];
};

static const struct times both_now = {{{0, UTIME_NOW}, {0, UTIME_NOW}}};

static bool
time_valid(const struct node_time *time)
{
    return time->nsec <= NSEC_MAX || time->nsec == UTIME_NOW || time->nsec == UTIME_OMIT;
}

static void
set_time(struct node_time *to, const struct node_time *time)
{
    if (time->nsec == UTIME_NOW)
        *to = node_now();
    else if (time->nsec != UTIME_OMIT)
        *to = *time;
}

static long
set_times(struct node *node, const struct times *times)
{
    if (!time_valid(&times->time[0]) || !time_valid(&times->time[1]))
        return -EINVAL;
    if (!node_can_change(node))
        return -EROFS;
    set_time(&node->accessed, &times->time[0]);
    set_time(&node->modified, &times->time[1]);
    node->changed = node_now();
    return 0;
}

static long
set_times_at(int folder, uint32_t user, unsigned flags, const struct times *times)
{
    struct node *node;
    long error = user_node(folder, user, flags, &node);

    if (error != 0)
        return error;
    error = set_times(node, times);
    node_put(node);
    return error;
}

static long
set_times_of(int descriptor, const struct times *times)
{
    struct file *file = file_hold_opened(descriptor);
    long error;

    if (file == NULL)
        return -EBADF;
    error = set_times(file->node, times);
    file_put(file);
    return error;
}

/* ---- how the calls write them ---- */

/* Seconds only. */
static int
get_seconds(struct times *times, uint32_t user)
{
    uint32_t seconds[2];

    if (copy_from_user(seconds, (const void *)user, sizeof(seconds)) != 0)
        return -EFAULT;
    *times = (struct times){{{seconds[0], 0}, {seconds[1], 0}}};
    return 0;
}

/* Seconds and microseconds. */
static int
get_timevals(struct times *times, uint32_t user)
{
    struct timeval pair[2];

    if (copy_from_user(pair, (const void *)user, sizeof(pair)) != 0)
        return -EFAULT;
    for (unsigned i = 0; i < 2; i++) {
        if ((uint32_t)pair[i].usec > NSEC_MAX / 1000)
            return -EINVAL;
        times->time[i] = (struct node_time){(uint32_t)pair[i].sec, (uint32_t)pair[i].usec * 1000};
    }
    return 0;
}

static int
get_timespecs(struct times *times, uint32_t user)
{
    return copy_from_user(times, (const void *)user, sizeof(*times));
}
_Static_assert(sizeof(struct times) == 2 * sizeof(struct timespec), "read as they are");

static int
get_timespecs64(struct times *times, uint32_t user)
{
    struct timespec64 pair[2];

    if (copy_from_user(pair, (const void *)user, sizeof(pair)) != 0)
        return -EFAULT;
    for (unsigned i = 0; i < 2; i++)
        times->time[i] = (struct node_time){(uint32_t)pair[i].sec, (uint32_t)pair[i].nsec};
    return 0;
}

typedef int (*get_times)(struct times *times, uint32_t user);

/* NULL instead of times means now. */
static int
times_from(struct times *times, uint32_t user, get_times get)
{
    *times = both_now;
    return user != 0 ? get(times, user) : 0;
}

/* ---- the calls ---- */

/* Without a path the descriptor itself is meant, if there is one. */
static long
by_path_or_file(int folder, uint32_t path, uint32_t flags, const struct times *times)
{
    unsigned how = (flags & AT_SYMLINK_NOFOLLOW ? PATH_NO_FOLLOW : 0) |
                   (flags & AT_EMPTY_PATH ? PATH_EMPTY : 0);

    if (path == 0 && folder != AT_FDCWD)
        return flags != 0 ? -EINVAL : set_times_of(folder, times);
    if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return set_times_at(folder, path, how, times);
}

static long
by_path(int folder, uint32_t path, uint32_t user, get_times get)
{
    struct times times;
    int error = times_from(&times, user, get);

    return error != 0 ? error : by_path_or_file(folder, path, 0, &times);
}

/* To leave both times alone is done whatever the path and the flags are. */
static long
with_omissions(const struct trap_frame *frame, get_times get)
{
    struct times times;
    int error = times_from(&times, frame->edx, get);

    if (error != 0)
        return error;
    if (times.time[0].nsec == UTIME_OMIT && times.time[1].nsec == UTIME_OMIT)
        return 0;
    return by_path_or_file((int)frame->ebx, frame->ecx, frame->esi, &times);
}

SYSCALL(utime)
{
    return by_path(AT_FDCWD, frame->ebx, frame->ecx, get_seconds);
}

SYSCALL(utimes)
{
    return by_path(AT_FDCWD, frame->ebx, frame->ecx, get_timevals);
}

SYSCALL(futimesat)
{
    return by_path((int)frame->ebx, frame->ecx, frame->edx, get_timevals);
}

SYSCALL(utimensat)
{
    return with_omissions(frame, get_timespecs);
}

SYSCALL(utimensat_time64)
{
    return with_omissions(frame, get_timespecs64);
}
