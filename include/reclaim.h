/* reclaim.h - getting memory back when it is short.
 *
 *   free frames
 *   high ........ reclaim stops here
 *   low ......... reclaim starts: second-chance over the page cache, then empty slabs
 *   reserve ..... programs get none below this: the rest is the kernel's own
 */
#ifndef OCTAVO_RECLAIM_H
#define OCTAVO_RECLAIM_H

#include "platform.h"
#include "printer.h"

/* Sets the watermarks and the commit account from the memory there is. By mm_init, at its end. */
void reclaim_init(void);

/* Tries to get `frames` frames back; returns how many came. Allocates nothing and does not sleep.
 * It is called by allocations that find nothing free, when interrupts are on: whoever allocates
 * must be ready to see clean pages leave objects, page tables and registered pools. */
unsigned long reclaim_frames(unsigned long frames);

/* The same for what a program needs: the last pages of files stay, for programs to run from. */
unsigned long reclaim_for_program(unsigned long frames);
/* Pages of files that are not among those. */
unsigned long reclaim_spare_pages(void);

/* Something else that can give frames back (a pool of kernel stacks): called with how many are
 * wanted, returns how many it freed. It must not allocate. */
struct shrinker {
    unsigned long (*shrink)(unsigned long frames);
    struct shrinker *next;
};
void shrinker_register(struct shrinker *shrinker);

/* Empties all that shrinkers keep for later: what is needed next has to be allocated, and can fail
 * to be (mm_fail_nth). */
void reclaim_pools(void);
void shrinker_unregister(struct shrinker *shrinker);

unsigned long reclaim_low_mark(void);
unsigned long reclaim_high_mark(void);
unsigned long reclaim_reserve(void);

#endif
