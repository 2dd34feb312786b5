/* ticks.c - timers of the tick: a wheel.
 *
 *   slot 0 ──► timer ──► timer        slot = when % SLOTS
 *   slot 1
 *   ...                               each tick looks at one slot, and fires those of this round
 *   slot 63 ──► timer
 *
 * Setting and cancelling is O(1), a tick costs one step for each timer in its slot.
 *
 * The tick is CPU 0's, and so is every call of `fire`. Who cancels a timer on another CPU while it
 * fires waits until that is over: then it may free what the timer is in.
 *
 * Lock: `timers_lock`, before no other; `fire` is called without it.
 */
#include "platform.h"
#include "sched.h"
#include "task.h"
#include "timer.h"

#define SLOTS 64

static struct tick_timer *wheel[SLOTS];
static struct tick_timer *firing;
static struct spinlock timers_lock;

static void
link_timer(struct tick_timer *timer, struct tick_timer **list)
{
    timer->next = *list;
    timer->link = list;
    if (timer->next != NULL)
        timer->next->link = &timer->next;
    *list = timer;
}

static void
unlink_timer(struct tick_timer *timer)
{
    *timer->link = timer->next;
    if (timer->next != NULL)
        timer->next->link = timer->link;
}

void
tick_timer_set(struct tick_timer *timer, uint32_t when)
{
    unsigned long flags = spin_lock(&timers_lock);
    uint32_t next = timer_ticks() + 1;

    if (timer->armed)
        unlink_timer(timer);
    timer->when = (int32_t)(when - next) < 0 ? next : when;
    timer->armed = true;
    link_timer(timer, &wheel[timer->when % SLOTS]);
    spin_unlock(&timers_lock, flags);
}

void
tick_timer_cancel(struct tick_timer *timer)
{
    do {
        unsigned long flags = spin_lock(&timers_lock);

        if (timer->armed)
            unlink_timer(timer);
        timer->armed = false;
        spin_unlock(&timers_lock, flags);
        while (UNLIKELY(__atomic_load_n(&firing, __ATOMIC_ACQUIRE) == timer) && cpu_current() != 0)
            spin_relax();
    } while (UNLIKELY(__atomic_load_n(&timer->armed, __ATOMIC_RELAXED))); /* it set itself anew */
}

/* What is due goes to a list of its own first: a timer that fires may set and cancel others. The
 * list too changes only with the lock held, as one that is in it may be cancelled. */
void
ticks_advance(uint32_t now)
{
    struct tick_timer *due = NULL, *next;

    spin_lock_only(&timers_lock);
    for (struct tick_timer *timer = wheel[now % SLOTS]; timer != NULL; timer = next) {
        next = timer->next;
        if (timer->when != now)
            continue;
        unlink_timer(timer);
        link_timer(timer, &due);
    }
    while (due != NULL) {
        struct tick_timer *timer = due;

        unlink_timer(timer);
        timer->armed = false;
        __atomic_store_n(&firing, timer, __ATOMIC_RELAXED);
        spin_unlock_only(&timers_lock);
        timer->fire(timer);
        spin_lock_only(&timers_lock);
        __atomic_store_n(&firing, NULL, __ATOMIC_RELEASE);
    }
    spin_unlock_only(&timers_lock);
}
