/* radix.h - from a page's number in an object to its frame: a tree of nodes with 64 slots.
 *
 *   two levels:    root [0][1][2]...[63]        index bits 11..6 choose the slot
 *                        │     │
 *               leaf [..64..] leaf [..64..]     index bits 5..0; a slot holds a frame's number
 *
 * The tree has as many levels as its largest index needed, and a node exists only while something
 * is in it: an object of one page costs one node.
 *
 * Lock: the owner's. Nothing here sleeps.
 */
#ifndef OCTAVO_RADIX_H
#define OCTAVO_RADIX_H

#include "types.h"

struct radix_node;

/* All zeros: an empty tree. */
struct radix {
    struct radix_node *root;
    unsigned bits; /* of an index that its levels can name: 6 for each level */
};

/* Makes the nodes' cache. Called once by mm_init. */
void radix_init(void);

/* The frame at `index`; frame 0 when there is none. */
pfn_t radix_find(const struct radix *tree, uint32_t index);

/* Puts a frame where none is. False, with nothing changed, when there is no memory for a node. */
MUST_CHECK bool radix_insert(struct radix *tree, uint32_t index, pfn_t frame);

/* Takes the frame at `index` out and returns it; frame 0 when there is none. */
pfn_t radix_remove(struct radix *tree, uint32_t index);

/* The first frame at *index or behind it; *index becomes where it is. Frame 0 when there is none.
 */
pfn_t radix_next(const struct radix *tree, uint32_t *index);

/* True when every node is in use and counted right; adds the frames to *frames. */
bool radix_check(const struct radix *tree, unsigned long *frames);

#endif
