/* sleep.c - nanosleep(2), clock_nanosleep(2), and the arithmetic of times.
 *
 * Time that passes is counted in ticks of 10 ms; a sleep of less lasts until the next tick but one,
 * because it must not end early and begins somewhere inside a tick. No 64-bit division: seconds are
 * bounded before they are multiplied.
 */
#include "clock.h"
#include "platform.h"
#include "syscall.h"
#include "task.h"
#include "timer.h"
#include "usercopy.h"

#define SECOND   1000000000
#define TICK_NS  (SECOND / (int)TIMER_HZ)

bool
timespec_ok(const struct timespec64 *time)
{
    return time->sec >= 0 && time->nsec >= 0 && time->nsec < SECOND;
}

uint32_t
timespec_ticks(const struct timespec64 *time)
{
    uint32_t part = (uint32_t)(time->nsec + TICK_NS - 1) / TICK_NS;

    if (time->sec >= CLOCK_TICKS_MAX / TIMER_HZ)
        return CLOCK_TICKS_MAX;
    return (uint32_t)time->sec * TIMER_HZ + part + 1;
}

struct timespec64
timespec_until(const struct timespec64 *then, const struct timespec64 *now)
{
    struct timespec64 left = {.sec = then->sec - now->sec, .nsec = then->nsec - now->nsec};

    if (left.nsec < 0) {
        left.sec--;
        left.nsec += SECOND;
    }
    if (left.sec < 0)
        left = (struct timespec64){0};
    return left;
}

int
timespec_get(struct timespec64 *time, uint32_t from, bool wide)
{
    struct timespec narrow;

    if (wide) {
        if (copy_from_user(time, (void *)from, sizeof(*time)) != 0)
            return -EFAULT;
    } else {
        if (copy_from_user(&narrow, (void *)from, sizeof(narrow)) != 0)
            return -EFAULT;
        *time = (struct timespec64){.sec = narrow.sec, .nsec = narrow.nsec};
    }
    return timespec_ok(time) ? 0 : -EINVAL;
}

int
timespec_put(const struct timespec64 *time, uint32_t to, bool wide)
{
    struct timespec narrow = {(int32_t)time->sec, time->nsec};

    if (wide)
        return copy_to_user((void *)to, time, sizeof(*time));
    return copy_to_user((void *)to, &narrow, sizeof(narrow));
}

uint32_t
sleep_end(uint32_t ticks)
{
    const struct task *task = task_current();

    return task->goes_on ? task->sleep_end : timer_ticks() + ticks;
}

uint32_t
sleep_left(uint32_t end)
{
    uint32_t left = end - timer_ticks();

    return (int32_t)left > 0 ? left : 0;
}

long
sleep_cut_short(uint32_t end)
{
    task_current()->sleep_end = end;
    return -ERESTARTTIMED;
}

/* Sleeps for a while. What is left of it when a signal comes goes to `left_at`, unless that is 0:
 * without the tick that was added for the one under way, so that it is never more than was asked
 * for. */
static long
sleep_for(const struct timespec64 *time, uint32_t left_at, bool wide)
{
    struct wait_queue nobody_else = {0};
    uint32_t end = sleep_end(timespec_ticks(time)), ticks;
    struct timespec64 left;
    int result = 0;

    if (time->sec == 0 && time->nsec == 0)
        return 0;
    while ((ticks = sleep_left(end)) != 0 && result != -EINTR)
        result = task_sleep(&nobody_else, ticks);
    if (ticks == 0)
        return 0;
    left = timespec_of_ticks(ticks - 1);
    if (left_at != 0 && timespec_put(&left, left_at, wide) != 0)
        return -EFAULT;
    return sleep_cut_short(end);
}

/* Those that nobody sleeps by: the thread's own, which would stand still, and Linux' raw and coarse
 * ones. */
static bool
is_only_read(uint32_t clock)
{
    return clock >= CLOCK_THREAD_CPUTIME_ID && clock <= CLOCK_MONOTONIC_COARSE;
}

/* clock_nanosleep(clock, flags, time, left) */
static long
clock_sleep(const struct trap_frame *frame, bool wide)
{
    struct timespec64 time, now;
    int result = clock_read((int)frame->ebx, &now);

    if (is_only_read(frame->ebx))
        return -EOPNOTSUPP;
    if (result == 0)
        result = timespec_get(&time, frame->edx, wide);
    if (result != 0)
        return result;
    if (!(frame->ecx & TIMER_ABSTIME))
        return sleep_for(&time, frame->esi, wide);
    time = timespec_until(&time, &now);
    return sleep_for(&time, 0, wide);
}

SYSCALL(nanosleep)
{
    struct timespec64 time;
    int result = timespec_get(&time, frame->ebx, false);

    return result == 0 ? sleep_for(&time, frame->ecx, false) : result;
}

SYSCALL(clock_nanosleep)
{
    return clock_sleep(frame, false);
}

SYSCALL(clock_nanosleep_time64)
{
    return clock_sleep(frame, true);
}
