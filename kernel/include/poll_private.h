/* poll_private.h - what poll.c and select.c share. */
#ifndef OCTAVO_POLL_PRIVATE_H
#define OCTAVO_POLL_PRIVATE_H

#include "file.h"
#include "poll.h"

#define POLL_FOR_EVER 0xFFFFFFFFu /* as a number of ticks */

/* Something to look at again and again. */
struct poller {
    /* How many entries are ready now; leaves the answer in the poller. */
    unsigned (*look)(struct poller *self);
};

/* Looks until something is ready or `ticks` are over; *left is what remains of them. How many are
 * ready, or -ERESTARTNOHAND. */
long poll_wait(struct poller *poller, uint32_t ticks, uint32_t *left);

/* What is true of a descriptor now, of `wanted` and of the conditions that nobody asks for. */
unsigned poll_conditions(int descriptor, unsigned wanted);

/* The three shapes in which a time comes from a program. */
enum poll_time { TIMEVAL, TIMESPEC, TIMESPEC64 };

/* The ticks of a timeout at `from`, NULL = for ever. 0 or -errno. */
int poll_read_timeout(const void *from, enum poll_time shape, uint32_t *ticks);
/* Tells a program how much of its timeout is left, without the tick that was added for the one
 * under way. Linux does not mind when it cannot. */
void poll_write_timeout(void *to, enum poll_time shape, uint32_t left_ticks);

/* Blocks the signals of the set at `from` (NULL: leaves all as it is) until poll_give_signals_back.
 * 0 or -errno. */
int poll_take_signals(const void *from, size_t size);
/* When a signal ended the call, its handler comes first, then the old set. */
void poll_give_signals_back(const void *from, long result);

#endif
