/* explain.h - what a wrong address looks like, in words: for faults of programs and the kernel. */
#ifndef OCTAVO_EXPLAIN_H
#define OCTAVO_EXPLAIN_H

#include "printer.h"
#include "trap.h"

/* Whoever touches the first 64 KiB followed NULL; no mapping is ever there. */
#define NULL_REACH 0x10000u

/* "12 bytes", "4 KiB", "3 MiB": a distance that a reader can take in. Always terminated. */
void explain_size(uint32_t bytes, char *text, size_t size);

/* What the pointer behind an access to `address` was, as the end of "looks like ...". False, and
 * nothing in `text`, when the number alone tells nothing. */
bool explain_pointer(uintptr_t address, char *text, size_t size);

/* One line for a fault of the kernel at `address`: what lies there, and what it looks like.
 * `frame` is the trap's. */
void explain_kernel_fault(struct printer *out, uintptr_t address, const struct trap_frame *frame);

/* A line for each register that holds a poison of the heap. */
void explain_registers(struct printer *out, const struct trap_frame *frame);

#endif
