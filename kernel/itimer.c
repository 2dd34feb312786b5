/* itimer.c - alarm, setitimer: a signal after some time, and again after each interval.
 *
 * ITIMER_REAL counts ticks of the machine: a timer of the tick that sends SIGALRM. The other two
 * count what the process computes and do not exist here.
 */
#include "clock.h"
#include "signal.h"
#include "syscall.h"
#include "usercopy.h"

#define USEC_PER_SEC 1000000

static void
fire(struct tick_timer *timer)
{
    struct process *process =
        (struct process *)((char *)timer - offsetof(struct process, alarm));

    if (process->alarm_interval != 0)
        tick_timer_set(timer, timer->when + process->alarm_interval);
    signal_process(process, SIGALRM);
}

/* Ticks until the alarm; 0: none is set. */
static uint32_t
alarm_left(const struct process *process)
{
    uint32_t left = process->alarm.when - timer_ticks();

    if (!process->alarm.armed)
        return 0;
    return (int32_t)left > 0 ? left : 1;
}

/* Sets it anew: in `ticks` (0: never), then each `interval`. */
static void
set_alarm(struct process *process, uint32_t ticks, uint32_t interval)
{
    tick_timer_cancel(&process->alarm);
    process->alarm_interval = interval;
    process->alarm.fire = fire;
    if (ticks != 0)
        tick_timer_set(&process->alarm, timer_ticks() + ticks);
}

SYSCALL(alarm)
{
    struct process *process = task_current()->process;
    struct timespec64 time = {.sec = frame->ebx};
    uint32_t left = alarm_left(process);

    set_alarm(process, frame->ebx != 0 ? timespec_ticks(&time) : 0, 0);
    return (long)((left + TIMER_HZ - 1) / TIMER_HZ);
}

/* 0 stays 0. */
static int
ticks_of(const struct timeval *value, uint32_t *ticks)
{
    struct timespec64 time = {.sec = value->sec, .nsec = value->usec * 1000};

    if (value->usec < 0 || value->usec >= USEC_PER_SEC || value->sec < 0)
        return -EINVAL;
    *ticks = value->sec == 0 && value->usec == 0 ? 0 : timespec_ticks(&time);
    return 0;
}

static struct timeval
timeval_of(uint32_t ticks)
{
    struct timespec64 time = timespec_of_ticks(ticks);

    return (struct timeval){.sec = (int32_t)time.sec, .usec = time.nsec / 1000};
}

static int
put_timer(uint32_t to)
{
    const struct process *process = task_current()->process;
    struct itimerval value = {
        .interval = timeval_of(process->alarm_interval),
        .value = timeval_of(alarm_left(process)),
    };

    return copy_to_user((void *)to, &value, sizeof(value));
}

SYSCALL(getitimer)
{
    return frame->ebx == ITIMER_REAL ? put_timer(frame->ecx) : -EINVAL;
}

SYSCALL(setitimer)
{
    struct itimerval given = {0};
    uint32_t ticks, interval;

    if (frame->ebx != ITIMER_REAL)
        return -EINVAL;
    if (frame->ecx != 0 && copy_from_user(&given, (const void *)frame->ecx, sizeof(given)) != 0)
        return -EFAULT;
    if (ticks_of(&given.value, &ticks) != 0 || ticks_of(&given.interval, &interval) != 0)
        return -EINVAL;
    if (interval > 1)
        interval--; /* from tick to tick, none is under way */
    if (frame->edx != 0 && put_timer(frame->edx) != 0)
        return -EFAULT;
    set_alarm(task_current()->process, ticks, interval);
    return 0;
}
