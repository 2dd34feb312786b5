/* debugport.h - port E9h, the console that Bochs and QEMU give to programs under development. */
#ifndef OCTAVO_DEBUGPORT_H
#define OCTAVO_DEBUGPORT_H

#include "types.h"

/* False when nothing listens there: on other machines the port may be anything. */
bool debugport_init(void);
void debugport_write(const char *text, size_t size);

#endif
