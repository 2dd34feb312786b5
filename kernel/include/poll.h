/* poll.h - waiting for whichever of several files is ready first: poll(2), select(2).
 *
 * A task can sleep in one queue only, and who polls waits for many things. So all that poll sleep
 * in one queue of their own, and whatever may have become ready says so.
 *
 *   who polls                               what changes
 *   poll_waiters++                          the change
 *   look at the changes so far: poll_changes      full fence
 *   look at every file                      poll_waiters > 0: under the lock, poll_changes++, wake
 *   under the lock: no change since? sleep
 *
 * Either the look sees the change, or the change sees who waits (both sides have a full fence
 * between their store and their load); then the count differs or the sleeper is woken. While nobody
 * polls it costs three instructions, and no CPU writes to what others read.
 */
#ifndef OCTAVO_POLL_H
#define OCTAVO_POLL_H

#include "task.h"

extern unsigned poll_waiters; /* tasks that poll */

void poll_wake(void);

/* Some file may be ready for something now. From any context. */
static inline void
poll_changed(void)
{
    __asm__ volatile("lock orl $0, (%%esp)" : : : "memory");
    if (UNLIKELY(__atomic_load_n(&poll_waiters, __ATOMIC_RELAXED) != 0))
        poll_wake();
}

#endif
