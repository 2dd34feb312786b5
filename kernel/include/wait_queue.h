/* wait_queue.h - tasks that wait for the same thing, in the order in which they came. */
#ifndef OCTAVO_WAIT_QUEUE_H
#define OCTAVO_WAIT_QUEUE_H

#include "spinlock.h"

struct task;

/* All zero: nobody waits. It must stay where it is until nobody does. */
struct wait_queue {
    struct task *first, *last;
    struct spinlock lock;
};

#endif
