/* probe.h - does the memory of the map answer? */
#ifndef OCTAVO_PROBE_H
#define OCTAVO_PROBE_H

#include "types.h"

struct bootmem;

/* True when what is written at `address` (of a word, below 4 GiB) can be read back. Its content is
 * the same afterwards. Not for memory that the caller itself is using. */
bool probe_answers(paddr_t address);

/* Tries the end of each free region of RAM below 4 GiB, and owns what does not answer as
 * MEMMAP_ABSENT, with a line in the log. */
void probe_memory(struct bootmem *boot);

#endif
