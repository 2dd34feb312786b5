/* time.h - clocks, intervals and timers: clock_gettime(2), nanosleep(2), setitimer(2), poll(2)'s
 * relatives. Layouts of Linux, i386; names ending in 64 belong to the calls of the same ending. */
#ifndef OCTAVO_UAPI_TIME_H
#define OCTAVO_UAPI_TIME_H

#include <stdint.h>

struct timespec {
    int32_t sec, nsec;
};

struct timespec64 {
    int64_t sec;
    int32_t nsec, pad;
};

struct timeval {
    int32_t sec, usec;
};

struct itimerval {
    struct timeval interval, value;
};

struct timezone {
    int32_t minutes_west, dst_time;
};

/* times(2): ticks of CLOCK_TICKS_PER_SECOND. */
struct tms {
    int32_t utime, stime, cutime, cstime;
};
#define CLOCK_TICKS_PER_SECOND 100

enum {
    CLOCK_REALTIME = 0,
    CLOCK_MONOTONIC = 1,
    CLOCK_PROCESS_CPUTIME_ID = 2,
    CLOCK_THREAD_CPUTIME_ID = 3,
    CLOCK_MONOTONIC_RAW = 4,
    CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6,
    CLOCK_BOOTTIME = 7,
};

enum { ITIMER_REAL = 0, ITIMER_VIRTUAL = 1, ITIMER_PROF = 2 };
enum { TIMER_ABSTIME = 1 };

#endif
