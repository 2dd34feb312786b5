/* tracing.h - the trace (trace.h) on this machine: options, ports, files, commands.
 *
 *   trace=alloc,page,...    what is recorded from the start on (trace.h has the groups)
 *   trace_to=PORT           e9, com1, com2: events leave at once; the console keeps off that port.
 *                           Without it they stay in memory
 *   trace_buffer=SIZE       memory for them, 64K if nothing is said
 *
 *   /proc/octavo/trace      what is chosen and how much there is; write a list to choose
 *   /proc/octavo/trace.bin  the header and the events; those read are gone from the rings
 *
 * The monitor's `trace` does the same by hand.
 */
#ifndef OCTAVO_TRACING_H
#define OCTAVO_TRACING_H

#include "printer.h"
#include "types.h"

/* Starts the trace when the command line says so. Right after mm_init. */
void tracing_init(void);

/* Chooses groups by a list, after a start if need be. 0, -EINVAL: no such group, -ENOMEM,
 * -EBUSY: somebody else is just doing the same. */
MUST_CHECK int tracing_choose(const char *list);

/* Sends the header and all that waits to a port. False: there is no such port. */
MUST_CHECK bool tracing_dump(const char *port);

void tracing_print(struct printer *out);

/* What sends raw bytes to a port, once it is set up; NULL: there is no such port. */
typedef void (*port_write)(const void *bytes, size_t size);
port_write trace_port_open(const char *name);

#endif
