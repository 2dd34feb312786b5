/* machine.h - what programs are told of the machine: uname(2). */
#ifndef OCTAVO_MACHINE_H
#define OCTAVO_MACHINE_H

#include "uapi/resource.h"

/* Learns the CPU's name. After cpu_init. */
void machine_init(void);

/* What uname(2) answers. */
const struct utsname *machine_names(void);

#endif
