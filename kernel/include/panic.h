/* panic.h - the end, with a reason. kpanic itself is in platform.h. */
#ifndef OCTAVO_PANIC_H
#define OCTAVO_PANIC_H

#include "trap.h"

/* When set, a panic calls it with the message instead of ending the kernel; it must not return. */
extern void (*kpanic_hook)(const char *message) __attribute__((noreturn));

/* A panic raised by the CPU: `report` prints what is known of it. */
_Noreturn void panic_in_trap(const struct trap_frame *frame, const char *message,
                             void (*report)(const struct trap_frame *frame));

#endif
