/* oom.h - a program touched memory that is not there any more, and reclaim found none. */
#ifndef OCTAVO_OOM_H
#define OCTAVO_OOM_H

#include "space.h"

/* Called in a page fault of the current task in ring 3, interrupts on, that found no memory: its
 * address, what it wanted, and the instruction. Chooses a process and kills it, with a report of
 * who held what, unless the fault can be repaired by now; when it returns the fault is tried
 * again, or the task dies on its way back to ring 3. May sleep. */
void oom_handle(uintptr_t address, enum fault_access access, uintptr_t code);

#endif
