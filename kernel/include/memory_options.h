/* memory_options.h - what the command line says of memory: mem= and badram=.
 *
 *   mem=64M                    nothing at or above this address is used
 *   mem=1M@15M                 these bytes are reserved, whatever the firmware says
 *   mem=1M@15M!3               they are of this type of the firmware's map (1: usable)
 *   mem=2M@14M!2,512M          several of them
 *   badram=0x1234000           this frame is bad
 *   badram=0x1000000,0xFFFF0F000   and all whose addresses are the same in the bits of the mask
 *
 * Text from outside: what makes no sense is refused with all that follows it.
 */
#ifndef OCTAVO_MEMORY_OPTIONS_H
#define OCTAVO_MEMORY_OPTIONS_H

#include "memmap.h"

/* One item of mem=. */
struct memory_item {
    bool is_limit; /* `size` is the limit; else base, size, type of a piece of the map */
    uint64_t base, size;
    uint32_t type;
};

/* Takes the first item off *text, which moves on. False when it makes no sense or there is none. */
MUST_CHECK bool memory_item(const char **text, struct memory_item *item);

/* One address and mask of badram=; the mask has ones where addresses must be the same. */
struct bad_frames {
    uint64_t address, mask;
};
MUST_CHECK bool bad_frames_item(const char **text, struct bad_frames *bad);

/* Runs of bad frames, lowest first: each is bad_run_length bytes long, the first begins at the
 * address. Moves *start on to the next; false behind the last. */
uint64_t bad_run_length(const struct bad_frames *bad);
bool bad_run_next(const struct bad_frames *bad, uint64_t *start);

#endif
