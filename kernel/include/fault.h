/* fault.h - page faults of programs, tried again. */
#ifndef OCTAVO_FAULT_H
#define OCTAVO_FAULT_H

#include "space.h"

/* What space_fault does for the current task, recorded like any fault; `code` is the address of the
 * instruction. */
enum fault_result fault_repair(uintptr_t address, enum fault_access access, uintptr_t code);

#endif
