/* poll.h - poll(2), select(2): what they are given. Layouts of Linux, i386. */
#ifndef OCTAVO_UAPI_POLL_H
#define OCTAVO_UAPI_POLL_H

#include <stdint.h>

struct pollfd {
    int32_t fd;
    int16_t events, revents;
};

enum { POLLIN = 0x1, POLLPRI = 0x2, POLLOUT = 0x4, POLLERR = 0x8, POLLHUP = 0x10, POLLNVAL = 0x20,
       POLLRDNORM = 0x40, POLLWRNORM = 0x100 };

/* Descriptors that select can name. */
#define FD_SETSIZE 1024

/* The last argument of pselect6. */
struct select_mask {
    uint32_t mask, size; /* address of the signals, their bytes */
};

/* select 82: its arguments in memory. */
struct select_arguments {
    int32_t count;
    uint32_t read, write, except, timeout;
};

#endif
