/* fail_nth.h - one allocation of the kernel for this task that fails (/proc/self/fail-nth). */
#ifndef OCTAVO_TEST_FAIL_NTH_H
#define OCTAVO_TEST_FAIL_NTH_H

#include "tap.h"
#include "text.h"

/* A descriptor for the others; negative: there is no such file. */
static inline int
fail_open(void)
{
    return (int)SC3(NR_open, "/proc/self/fail-nth", 2 /* O_RDWR */, 0);
}

/* The n-th allocation from now on fails; 0: none. */
static inline void
fail_arm(int fd, ulong n)
{
    char text[12];

    k_write(fd, text, (ulong)(put_number(text, n) - text));
}

/* How many allocations are left until the one that fails. */
static inline ulong
fail_left(int fd)
{
    char text[12] = {0};

    SC5(NR_pread64, fd, text, sizeof text - 1, 0, 0);
    return parse_num(text, 0);
}

#endif
