/* What time it is, and to let some pass. */
#ifndef CLOCK_H
#define CLOCK_H
#include "sys.h"

struct time {
	long sec, part; /* micro- or nanoseconds: it is up to the call */
};

static inline struct time time_now(int clock)
{
	struct time time = { 0, 0 };

	SC2(NR_clock_gettime, clock, &time);
	return time;
}

/* Milliseconds of CLOCK_MONOTONIC, for differences: they begin anew after 49 days. */
static inline u32 ms_now(void)
{
	struct time time = time_now(1);

	return (u32)time.sec * 1000 + (u32)time.part / 1000000;
}

/* What nanosleep answers: 0, or -EINTR. */
static inline long nap(u32 ms)
{
	struct time time = { (long)(ms / 1000), (long)(ms % 1000 * 1000000) };

	return SC2(NR_nanosleep, &time, 0);
}

#endif
