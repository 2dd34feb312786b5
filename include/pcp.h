/* pcp.h - each CPU's stacks of free frames.
 *
 * Most frames live short: what one caller gives back the next one takes, still warm in the cache.
 * So each CPU keeps some free chunks of orders 0..4 and 9 of each zone on a stack, and the zone's
 * lock is taken once for a batch of them.
 */
#ifndef OCTAVO_PCP_H
#define OCTAVO_PCP_H

#include "types.h"

#define PCP_STACKS 6

/* The order of the chunks on a stack. */
static inline unsigned
pcp_order(unsigned stack)
{
    return stack < 5 ? stack : 9;
}

/* What stands for a stack where there is none: it never has anything, and takes nothing. */
#define PCP_NONE PCP_STACKS

/* Numbers of chunks' first frames, counted from zone_origin. Its CPU's alone. */
struct frame_stack {
    uint32_t count;
    uint32_t limit;  /* kept at most: all places, or 0 */
    uint32_t places; /* made when the CPU came up; its zone may have grown since */
    uint32_t *frames;
};

#endif
