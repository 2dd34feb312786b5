/* clock.h - what time it is: the wall's and the machine's own; points in time, in ticks. */
#ifndef OCTAVO_CLOCK_H
#define OCTAVO_CLOCK_H

#include "timer.h"
#include "uapi/time.h"

#define NSEC_PER_SEC  1000000000u
#define NSEC_PER_TICK (NSEC_PER_SEC / TIMER_HZ)

/* No sleep is longer: 124 days. */
#define CLOCK_TICKS_MAX 0x3FFFFFFFu

/* Reads the date from the CMOS clock. After timer_init. */
void clock_init(void);

/* What a clock shows: CLOCK_ of uapi/time.h. 0, or -EINVAL when there is no such clock. */
MUST_CHECK int clock_read(int clock, struct timespec64 *now);

/* The seconds of CLOCK_REALTIME_COARSE, without looking at the hardware. */
uint32_t clock_seconds(void);

/* Sets CLOCK_REALTIME. */
void clock_set(const struct timespec64 *time);

/* As much time as so many ticks. */
struct timespec64 timespec_of_ticks(uint32_t ticks);

/* True when it is a time: not negative, less than a second of nanoseconds. */
bool timespec_ok(const struct timespec64 *time);

/* Ticks that last at least as long, the one under way not counted; at most CLOCK_TICKS_MAX. */
uint32_t timespec_ticks(const struct timespec64 *time);

/* The tick at which a wait of so many ticks that the current system call makes ends: counted from
 * now, or, when a signal cut the call short and it goes on, as it was. */
uint32_t sleep_end(uint32_t ticks);
/* Ticks until that one; 0 when it has passed. */
uint32_t sleep_left(uint32_t end);
/* A signal came: the call's answer, with which it goes on until `end` if there is no handler. */
long sleep_cut_short(uint32_t end);

/* From `now` until `then`; zero when that has passed. */
struct timespec64 timespec_until(const struct timespec64 *then, const struct timespec64 *now);

/* A struct timespec (or, `wide`, timespec64) in the program's memory. 0, -EFAULT; -EINVAL when it
 * is no time. */
MUST_CHECK int timespec_get(struct timespec64 *time, uint32_t from, bool wide);
MUST_CHECK int timespec_put(const struct timespec64 *time, uint32_t to, bool wide);

#endif
