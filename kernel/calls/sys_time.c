/* sys_time.c - the system calls that tell the time, and what a process has used of it. */
#include "clock.h"
#include "syscall.h"
#include "task.h"
#include "usercopy.h"
#include "uapi/resource.h"

#define TICK_USEC (1000000u / TIMER_HZ)

/* ---- clocks ---- */

static long
tell_clock(const struct trap_frame *frame, bool wide)
{
    struct timespec64 time;
    int error = clock_read((int)frame->ebx, &time);

    return error != 0 ? error : timespec_put(&time, frame->ecx, wide);
}

SYSCALL(clock_gettime)
{
    return tell_clock(frame, false);
}

SYSCALL(clock_gettime64)
{
    return tell_clock(frame, true);
}

/* What counts ticks is as good as a tick, what asks the 8254 as good as a microsecond. */
static long
tell_resolution(const struct trap_frame *frame, bool wide)
{
    uint32_t clock = frame->ebx;
    bool fine = clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC ||
                clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_BOOTTIME;
    struct timespec64 time = {.nsec = fine ? 1000 : (int32_t)NSEC_PER_TICK};

    if (clock > CLOCK_BOOTTIME)
        return -EINVAL;
    return frame->ecx != 0 ? timespec_put(&time, frame->ecx, wide) : 0;
}

SYSCALL(clock_getres)
{
    return tell_resolution(frame, false);
}

SYSCALL(clock_getres_time64)
{
    return tell_resolution(frame, true);
}

SYSCALL(time)
{
    uint32_t now = clock_seconds();

    if (frame->ebx != 0 && put_user_u32(now, (void *)frame->ebx) != 0)
        return -EFAULT;
    return (long)now;
}

SYSCALL(gettimeofday)
{
    struct timezone zone = {0};

    if (frame->ebx != 0) {
        struct timespec64 now;
        struct timeval time;
        int error = clock_read(CLOCK_REALTIME, &now);

        time = (struct timeval){.sec = (int32_t)now.sec, .usec = now.nsec / 1000};
        if (error != 0 || copy_to_user((void *)frame->ebx, &time, sizeof(time)) != 0)
            return -EFAULT;
    }
    return frame->ecx != 0 ? copy_to_user((void *)frame->ecx, &zone, sizeof(zone)) : 0;
}

SYSCALL(settimeofday)
{
    struct timeval time;
    struct timespec64 wall;

    if (frame->ebx == 0)
        return 0;
    if (copy_from_user(&time, (const void *)frame->ebx, sizeof(time)) != 0)
        return -EFAULT;
    if (time.usec < 0 || time.usec >= 1000000)
        return -EINVAL;
    wall = (struct timespec64){.sec = time.sec, .nsec = time.usec * 1000};
    if (!timespec_ok(&wall))
        return -EINVAL;
    clock_set(&wall);
    return 0;
}

static long
set_clock(const struct trap_frame *frame, bool wide)
{
    struct timespec64 time;
    int error = timespec_get(&time, frame->ecx, wide);

    if (frame->ebx != CLOCK_REALTIME)
        return -EINVAL;
    if (error == 0)
        clock_set(&time);
    return error;
}

SYSCALL(clock_settime)
{
    return set_clock(frame, false);
}

SYSCALL(clock_settime64)
{
    return set_clock(frame, true);
}

/* ---- what was used ---- */

SYSCALL(times)
{
    const struct process *process = task_current()->process;
    struct tms used = {
        .utime = (int32_t)process->user_ticks,
        .stime = (int32_t)process->kernel_ticks,
        .cutime = (int32_t)process->child_user_ticks,
        .cstime = (int32_t)process->child_kernel_ticks,
    };

    if (frame->ebx != 0 && copy_to_user((void *)frame->ebx, &used, sizeof(used)) != 0)
        return -EFAULT;
    return (long)(timer_ticks() & INT32_MAX); /* never to be mistaken for an error */
}

static struct timeval
timeval_of(uint32_t ticks)
{
    return (struct timeval){.sec = (int32_t)(ticks / TIMER_HZ),
                            .usec = (int32_t)(ticks % TIMER_HZ * TICK_USEC)};
}

static void
fill_usage_self(struct rusage *usage)
{
    const struct process *process = task_current()->process;
    struct address_space *space = process->space;

    usage->utime = timeval_of(process->user_ticks);
    usage->stime = timeval_of(process->kernel_ticks);
    usage->minflt = (int32_t)(process->minor_faults + space->minor_faults);
    usage->majflt = (int32_t)(process->major_faults + space->major_faults);
    usage->maxrss = (int32_t)(space_resident(space) << (PAGE_SHIFT - 10)); /* KiB, of this moment */
}

static void
fill_usage_children(struct rusage *usage)
{
    const struct process *process = task_current()->process;

    usage->utime = timeval_of(process->child_user_ticks);
    usage->stime = timeval_of(process->child_kernel_ticks);
    usage->minflt = (int32_t)process->child_minor_faults;
    usage->majflt = (int32_t)process->child_major_faults;
}

/* Faults are counted for all threads together. */
static void
fill_usage_thread(struct rusage *usage)
{
    const struct task *task = task_current();

    fill_usage_self(usage);
    usage->utime = timeval_of(task->user_ticks);
    usage->stime = timeval_of(task->kernel_ticks);
}

SYSCALL(getrusage)
{
    struct rusage usage = {0};

    switch ((int)frame->ebx) {
    case RUSAGE_SELF:
        fill_usage_self(&usage);
        break;
    case RUSAGE_THREAD:
        fill_usage_thread(&usage);
        break;
    case RUSAGE_CHILDREN:
        fill_usage_children(&usage);
        break;
    default:
        return -EINVAL;
    }
    return copy_to_user((void *)frame->ecx, &usage, sizeof(usage));
}
