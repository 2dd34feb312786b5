/* dump.h - the dump: all tables of memory in one text.
 *
 * The monitor's command dump, /proc/octavo/dump, gdb's `octavo dump` and tools/inspect print it
 * alike: a heading `# COMMAND` before each table, which is the command that prints it alone.
 */
#ifndef OCTAVO_DUMP_H
#define OCTAVO_DUMP_H

#include "printer.h"

/* Everything, programs included. */
void dump_print(struct printer *out);

/* The firmware's list of memory, then what became of it. */
void dump_print_mmap(struct printer *out);
/* The free chunks of all orders. */
void dump_print_freelist(struct printer *out);

#endif
