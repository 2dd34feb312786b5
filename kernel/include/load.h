/* load.h - the load of the machine: threads that run or could, averaged. */
#ifndef OCTAVO_LOAD_H
#define OCTAVO_LOAD_H

#include "types.h"

#define LOAD_SHIFT 11
#define LOAD_ONE   (1u << LOAD_SHIFT) /* one thread */
#define LOAD_MOST  1000u              /* more count as so many */

enum { LOAD_SECONDS = 5, LOADS = 3 };

/* Over 1, 5 and 15 minutes. Lock: interrupts off; one of the averages can be read at any time. */
struct load {
    uint32_t average[LOADS];
};
extern struct load system_load;

/* LOAD_SECONDS have passed, and `threads` run or could. */
void load_sample(struct load *load, unsigned threads);

#endif
