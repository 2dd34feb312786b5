/* thread.h - what a libc's threads ask of the kernel: set_thread_area(2), futex(2),
 * set_robust_list(2). Layouts of Linux, i386. */
#ifndef OCTAVO_UAPI_THREAD_H
#define OCTAVO_UAPI_THREAD_H

#include <stdint.h>

/* A segment of a thread's own. */
struct user_desc {
    uint32_t entry_number; /* of the GDT; -1: a free one */
    uint32_t base, limit;
    uint32_t flags;
};

enum {
    DESC_32BIT = 0x01,
    DESC_CONTENTS = 0x06, /* 0 data, 2 data that grows down, 4 and 6 code */
    DESC_READ_ONLY = 0x08,
    DESC_PAGES = 0x10, /* limit counts pages */
    DESC_NOT_PRESENT = 0x20,
    DESC_USEABLE = 0x40,
};

enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_COMMAND = 0x7F,
    FUTEX_PRIVATE = 0x80,
    FUTEX_CLOCK_REALTIME = 0x100,
};

/* A futex that names its owner. */
#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3FFFFFFFu

/* The list of locks that a thread holds; addresses of the program. */
struct robust_list_head {
    uint32_t next;
    int32_t futex_offset;
    uint32_t pending;
};

#endif
