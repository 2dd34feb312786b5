/* itimer.c - alarm, setitimer: a signal after some time, and again after each interval.
 *
 *   ITIMER_REAL     SIGALRM    ticks of the machine: a timer of the tick
 *   ITIMER_VIRTUAL  SIGVTALRM  ticks that find the process in ring 3
 *   ITIMER_PROF     SIGPROF    ticks that find it at work at all
 *
 * The alarm is cancelled before its process goes; the tick finds a process by the thread that runs.
 */
#include "clock.h"
#include "platform.h"
#include "signal.h"
#include "syscall.h"
#include "usercopy.h"

#define USEC_PER_SEC 1000000

/* ---- the alarm ---- */

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

/* What a program is told of them: without the tick that timespec_ticks added for the one under way,
 * so that it is never more than was asked for; but not nothing before the signal. */
static uint32_t
told(uint32_t left)
{
    return left > 1 ? left - 1 : left;
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

/* The nearest second, as on Linux, but not 0 before the signal. */
static uint32_t
seconds_of(uint32_t ticks)
{
    uint32_t seconds = (ticks + TIMER_HZ / 2) / TIMER_HZ;

    return ticks != 0 && seconds == 0 ? 1 : seconds;
}

SYSCALL(alarm)
{
    struct process *process = task_current()->process;
    struct timespec64 time = {.sec = frame->ebx};
    uint32_t left = told(alarm_left(process));

    set_alarm(process, frame->ebx != 0 ? timespec_ticks(&time) : 0, 0);
    return (long)seconds_of(left);
}

/* 0 stays 0. */
static int
ticks_of(const struct timeval *value, uint32_t *ticks)
{
    struct timespec64 time = {.sec = value->sec};

    if (value->usec < 0 || value->usec >= USEC_PER_SEC || value->sec < 0)
        return -EINVAL;
    time.nsec = value->usec * 1000;
    *ticks = value->sec == 0 && value->usec == 0 ? 0 : timespec_ticks(&time);
    return 0;
}

static struct timeval
timeval_of(uint32_t ticks)
{
    struct timespec64 time = timespec_of_ticks(ticks);

    return (struct timeval){.sec = (int32_t)time.sec, .usec = time.nsec / 1000};
}

/* ---- countdowns of what the process computes ---- */

/* Of all processes: it is taken only while a countdown runs. */
static struct spinlock countdown_lock;

/* A tick less; true when that was the last. */
static bool
is_over(struct countdown *countdown)
{
    unsigned long state = spin_lock(&countdown_lock);
    bool over = countdown->left != 0 && --countdown->left == 0;

    if (over)
        countdown->left = countdown->interval;
    spin_unlock(&countdown_lock, state);
    return over;
}

static void
count_down(struct process *process, struct countdown *countdown, int signal)
{
    if (UNLIKELY(countdown->left != 0) && is_over(countdown))
        signal_process(process, signal);
}

void
itimer_charge(struct process *process, bool user)
{
    if (user)
        count_down(process, &process->virtual_timer, SIGVTALRM);
    count_down(process, &process->profile_timer, SIGPROF);
}

static void
set_countdown(struct countdown *countdown, uint32_t ticks, uint32_t interval)
{
    unsigned long state = spin_lock(&countdown_lock);

    *countdown = (struct countdown){.left = ticks, .interval = interval};
    spin_unlock(&countdown_lock, state);
}

/* ---- the system calls ---- */

/* The countdown that a number means; NULL for ITIMER_REAL. */
static struct countdown *
countdown_of(uint32_t which)
{
    struct process *process = task_current()->process;

    if (which == ITIMER_REAL)
        return NULL;
    return which == ITIMER_VIRTUAL ? &process->virtual_timer : &process->profile_timer;
}

static int
put_timer(uint32_t which, uint32_t to)
{
    const struct process *process = task_current()->process;
    const struct countdown *countdown = countdown_of(which);
    uint32_t left = countdown != NULL ? countdown->left : alarm_left(process);
    uint32_t interval = countdown != NULL ? countdown->interval : process->alarm_interval;
    struct itimerval value = {.interval = timeval_of(interval), .value = timeval_of(told(left))};

    return copy_to_user((void *)to, &value, sizeof(value));
}

SYSCALL(getitimer)
{
    return frame->ebx <= ITIMER_PROF ? put_timer(frame->ebx, frame->ecx) : -EINVAL;
}

SYSCALL(setitimer)
{
    struct itimerval given = {0};
    uint32_t ticks, interval;

    if (frame->ebx > ITIMER_PROF)
        return -EINVAL;
    if (frame->ecx != 0 && copy_from_user(&given, (const void *)frame->ecx, sizeof(given)) != 0)
        return -EFAULT;
    if (ticks_of(&given.value, &ticks) != 0 || ticks_of(&given.interval, &interval) != 0)
        return -EINVAL;
    if (interval > 1)
        interval--; /* from tick to tick, none is under way */
    if (frame->edx != 0 && put_timer(frame->ebx, frame->edx) != 0)
        return -EFAULT;
    if (frame->ebx == ITIMER_REAL)
        set_alarm(task_current()->process, ticks, interval);
    else
        set_countdown(countdown_of(frame->ebx), ticks, interval);
    return 0;
}
