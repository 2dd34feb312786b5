/* process_limits.h - what a process may use at most: getrlimit(2). */
#ifndef OCTAVO_PROCESS_LIMITS_H
#define OCTAVO_PROCESS_LIMITS_H

#include "task.h"

/* Tells a space those of the limits that are about memory. */
void limits_apply(const struct limit limits[PROCESS_LIMITS], struct address_space *space);

#endif
