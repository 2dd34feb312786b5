/* oom.h - a program touched memory that is not there any more, and reclaim found none. */
#ifndef OCTAVO_OOM_H
#define OCTAVO_OOM_H

/* Called in a page fault of the current task in ring 3, interrupts on. Chooses a process and kills
 * it, with a report of who held what; when it returns the fault is tried again, or the task dies on
 * its way back to ring 3. May sleep. */
void oom_handle(void);

#endif
