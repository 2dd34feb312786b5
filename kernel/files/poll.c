/* poll.c - poll and ppoll; and what select (select.c) shares with them: sleeping until one of
 * several files is ready.
 *
 *   look at every file ──► one is ready, or the time is over ──► answer
 *        ▲                    │ no
 *        └──── woken ◄── sleep in poll_queue
 *
 * Whatever changes calls poll_changed, which counts. Who polls remembers the count from before it
 * looked, and sleeps only if it is still the same, so that a key typed meanwhile is not missed.
 * poll_lock guards count and queue (poll.h); files are looked at without it.
 *
 * poll and select differ in how the program says what it waits for and is told the answer. Each
 * gives poll_wait a function that looks once and leaves its answer in kernel memory; a program's
 * memory is read before and written after.
 *
 * The relatives with a p take a set of signals that are blocked meanwhile only. When a signal ends
 * the sleep, or is there although there is no time to sleep, the program's own set comes back after
 * the handler, as with sigsuspend. A signal without handler, such as that of a stop, ends nothing:
 * the call is done again for the time left.
 */
#include "clock.h"
#include "kmalloc.h"
#include "poll_private.h"
#include "signal.h"
#include "syscall.h"
#include "timer.h"
#include "uapi/poll.h"
#include "uapi/resource.h"
#include "uapi/time.h"

#define FEW       32u /* entries of poll that need no allocation */
#define TICKS_MAX 0x3FFFFFFFu
#define TICK_NSEC (1000000000u / TIMER_HZ)

static struct wait_queue poll_queue;
static struct spinlock poll_lock = SPINLOCK_INIT;
static unsigned poll_changes; /* how many times poll_wake was called */
unsigned poll_waiters;

/* ---- waiting ---- */

/* What remains of `ticks` that began at `start`. */
static uint32_t
remaining(uint32_t ticks, uint32_t start)
{
    uint32_t passed = timer_ticks() - start;

    if (ticks == POLL_FOR_EVER)
        return POLL_FOR_EVER;
    return passed < ticks ? ticks - passed : 0;
}

void
poll_wake(void)
{
    unsigned long state = spin_lock(&poll_lock);

    poll_changes++;
    task_wake_all(&poll_queue);
    spin_unlock(&poll_lock, state);
}

static unsigned
count_changes(void)
{
    return __atomic_load_n(&poll_changes, __ATOMIC_ACQUIRE);
}

/* Sleeps unless something has changed since `changes` were counted. */
static int
sleep_unless_changed(unsigned changes, uint32_t ticks)
{
    unsigned long state = spin_lock(&poll_lock);

    if (changes == poll_changes)
        return task_sleep_unlock(&poll_queue, TASK_SLEEPING, ticks, &poll_lock, state);
    spin_unlock(&poll_lock, state);
    return 0;
}

/* poll_wait, counted among the waiters. */
static long
look_and_sleep(struct poller *poller, uint32_t ticks, uint32_t *left)
{
    uint32_t start = timer_ticks();

    for (;;) {
        unsigned changes = count_changes();
        unsigned ready = poller->look(poller);
        int result;

        *left = remaining(ticks, start);
        if (ready > 0)
            return (long)ready;
        if (*left == 0)
            return task_signalled(task_current()) ? -ERESTARTNOHAND : 0;
        result = sleep_unless_changed(changes, ticks == POLL_FOR_EVER ? 0 : *left);
        if (result == -EINTR) {
            *left = remaining(ticks, start);
            return -ERESTARTNOHAND;
        }
    }
}

long
poll_wait(struct poller *poller, uint32_t ticks, uint32_t *left)
{
    long result;

    (void)__atomic_fetch_add(&poll_waiters, 1, __ATOMIC_SEQ_CST);
    result = look_and_sleep(poller, ticks, left);
    (void)__atomic_fetch_sub(&poll_waiters, 1, __ATOMIC_RELAXED);
    return result;
}

unsigned
poll_conditions(int descriptor, unsigned wanted)
{
    struct file *file = file_hold_opened(descriptor);
    unsigned now;

    if (file == NULL)
        return POLL_NVAL;
    now = file->ops->poll != NULL ? file->ops->poll(file) : POLL_IN | POLL_OUT;
    file_put(file);
    if (now & POLL_IN)
        now |= POLLRDNORM;
    if (now & POLL_OUT)
        now |= POLLWRNORM;
    return now & (wanted | POLL_ERR | POLL_HUP);
}

/* ---- time ---- */

/* Rounded up, and one more as the first tick may come at once; nothing stays nothing. */
static uint32_t
ticks_of(uint32_t seconds, uint32_t nanoseconds)
{
    uint32_t part = (nanoseconds + TICK_NSEC - 1) / TICK_NSEC;

    if (seconds >= TICKS_MAX / TIMER_HZ - 1)
        return TICKS_MAX;
    return seconds == 0 && part == 0 ? 0 : seconds * TIMER_HZ + part + 1;
}

int
poll_read_timeout(const void *from, enum poll_time shape, uint32_t *ticks)
{
    struct timespec64 time = {0};
    struct timespec small;

    *ticks = POLL_FOR_EVER;
    if (from == NULL)
        return 0;
    if (shape == TIMESPEC64) {
        if (copy_from_user(&time, from, sizeof(time)) != 0)
            return -EFAULT;
    } else {
        if (copy_from_user(&small, from, sizeof(small)) != 0)
            return -EFAULT;
        time.sec = small.sec;
        time.nsec = small.nsec;
    }
    if (shape == TIMEVAL) {
        time.sec += time.nsec / 1000000;
        time.nsec = time.nsec % 1000000 * 1000;
    }
    if (time.sec < 0 || time.nsec < 0 || time.nsec >= 1000000000)
        return -EINVAL;
    *ticks = time.sec > INT32_MAX ? TICKS_MAX : ticks_of((uint32_t)time.sec, (uint32_t)time.nsec);
    return 0;
}

void
poll_write_timeout(void *to, enum poll_time shape, uint32_t left_ticks)
{
    uint32_t left = left_ticks != 0 && left_ticks != POLL_FOR_EVER ? left_ticks - 1 : left_ticks;
    uint32_t seconds = left / TIMER_HZ, nanoseconds = left % TIMER_HZ * TICK_NSEC;
    struct timespec64 time = {.sec = seconds, .nsec = (int32_t)nanoseconds};
    struct timespec small = {(int32_t)seconds,
                             (int32_t)(shape == TIMEVAL ? nanoseconds / 1000 : nanoseconds)};
    size_t failed = 0;

    if (to == NULL || left == POLL_FOR_EVER)
        return;
    if (shape == TIMESPEC64)
        failed = copy_to_user_partial(to, &time, sizeof(time));
    else
        failed = copy_to_user_partial(to, &small, sizeof(small));
    (void)failed;
}

/* ---- the signals that a call blocks meanwhile ---- */

int
poll_take_signals(const void *from, size_t size)
{
    struct task *task = task_current();
    sigset_t set;

    if (from == NULL)
        return 0;
    if (size != sizeof(set))
        return -EINVAL;
    if (copy_from_user(&set, from, sizeof(set)) != 0)
        return -EFAULT;
    task->saved_blocked = task->blocked;
    signal_set_mask(set);
    return 0;
}

void
poll_give_signals_back(const void *from, long result)
{
    struct task *task = task_current();

    if (from == NULL)
        return;
    if (result == -ERESTARTNOHAND) {
        task->restore_blocked = true;
        return;
    }
    signal_set_mask(task->saved_blocked);
}

/* ---- poll ---- */

struct poll_call {
    struct poller poller;
    struct pollfd *entries;
    size_t count;
};

static unsigned
look_at_entries(struct poller *poller)
{
    struct poll_call *call = (struct poll_call *)poller;
    unsigned ready = 0;

    for (size_t i = 0; i < call->count; i++) {
        struct pollfd *entry = &call->entries[i];

        entry->revents = 0;
        if (entry->fd >= 0)
            entry->revents = (int16_t)poll_conditions(entry->fd, (uint16_t)entry->events);
        ready += entry->revents != 0;
    }
    return ready;
}

/* Writes the answers; the rest of each entry is the program's. */
static int
write_answers(struct pollfd *to, const struct pollfd *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (copy_to_user(&to[i].revents, &entries[i].revents, sizeof(entries[i].revents)) != 0)
            return -EFAULT;
    }
    return 0;
}

static long
poll_entries(struct pollfd *user, struct pollfd *entries, size_t count, uint32_t ticks,
             uint32_t *left)
{
    struct poll_call call = {{look_at_entries}, entries, count};
    long ready;

    if (copy_from_user(entries, user, count * sizeof(*entries)) != 0)
        return -EFAULT;
    ready = poll_wait(&call.poller, ticks, left);
    if (ready >= 0 && write_answers(user, entries, count) != 0)
        return -EFAULT;
    return ready;
}

static long
poll_for(struct pollfd *user, size_t count, uint32_t ticks, uint32_t *left)
{
    struct pollfd few[FEW];
    struct pollfd *entries = few;
    long result;

    if (count > task_current()->process->limits[RLIMIT_NOFILE].soft)
        return -EINVAL;
    if (count > FEW)
        entries = kmalloc(count * sizeof(*entries));
    if (entries == NULL)
        return -ENOMEM;
    result = poll_entries(user, entries, count, ticks, left);
    if (entries != few)
        kfree(entries);
    return result;
}

/* Milliseconds; negative: for ever. */
SYSCALL(poll)
{
    int milliseconds = (int)frame->edx;
    uint32_t ticks = POLL_FOR_EVER, end = 0;
    uint32_t left;
    long result;

    if (milliseconds >= 0) {
        end = sleep_end(ticks_of((uint32_t)milliseconds / 1000,
                                 (uint32_t)milliseconds % 1000 * 1000000));
        ticks = sleep_left(end);
    }
    result = poll_for((struct pollfd *)frame->ebx, frame->ecx, ticks, &left);
    return result == -ERESTARTNOHAND ? sleep_cut_short(end) : result;
}

static long
poll_with_signals(const struct trap_frame *frame, enum poll_time shape)
{
    void *timeout = (void *)frame->edx;
    const void *signals = (const void *)frame->esi;
    uint32_t ticks, left = POLL_FOR_EVER;
    long result = poll_read_timeout(timeout, shape, &ticks);

    if (result == 0)
        result = poll_take_signals(signals, frame->edi);
    if (result != 0)
        return result;
    result = poll_for((struct pollfd *)frame->ebx, frame->ecx, ticks, &left);
    poll_give_signals_back(signals, result);
    poll_write_timeout(timeout, shape, left);
    return result;
}

SYSCALL(ppoll)
{
    return poll_with_signals(frame, TIMESPEC);
}

SYSCALL(ppoll_time64)
{
    return poll_with_signals(frame, TIMESPEC64);
}
