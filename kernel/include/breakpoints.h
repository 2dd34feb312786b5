/* breakpoints.h - the boot option break=. */
#ifndef OCTAVO_BREAKPOINTS_H
#define OCTAVO_BREAKPOINTS_H

/* Makes the machine stop, under a debugger that knows `xchg bx, bx`, at the functions of the kernel
 * that `list` names, with commas between; an address does as well. Without such a debugger the
 * first visit of each is logged, with its callers. What is no function is reported. To be called
 * once, when the kernel's symbols are known. */
void breakpoints_set(const char *list);

/* The CPU that calls stops there too: each has registers of its own. */
void breakpoints_take(void);

#endif
