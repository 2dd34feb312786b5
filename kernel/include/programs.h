/* programs.h - the first program: what the kernel starts when it is up. */
#ifndef OCTAVO_PROGRAMS_H
#define OCTAVO_PROGRAMS_H

/* Does what the boot options say: `run="PROGRAM ARGS"` runs a program and powers off with its
 * status; else `init=/PATH`, or /init when it is there and there is memory for it, runs until it
 * ends. Returns at once when there is nothing to run, with the option `monitor`, or on a CPU that
 * cannot run programs safely (usercopy_is_protected). */
void programs_run(void);

#endif
