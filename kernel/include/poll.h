/* poll.h - waiting for whichever of several files is ready first: poll(2), select(2).
 *
 * A task can sleep in one queue only, and who polls waits for many things. So all that poll sleep
 * in one queue of their own, and whatever may have become ready says so. That is rare enough, and
 * costs two instructions while nobody polls.
 */
#ifndef OCTAVO_POLL_H
#define OCTAVO_POLL_H

#include "task.h"

extern struct wait_queue poll_queue;
extern unsigned poll_changes; /* how many times poll_changed was called */

/* Some file may be ready for something now. From any context. */
static inline void
poll_changed(void)
{
    poll_changes++;
    if (UNLIKELY(poll_queue.first != NULL))
        task_wake_all(&poll_queue);
}

#endif
