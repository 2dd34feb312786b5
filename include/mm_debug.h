/* mm_debug.h - aids that make a bug of memory name itself, each turned on by a boot option.
 *
 *   debug=heap         red zones exact to the byte, poison, and both call sites of each object
 *   debug=stacks       heap; call sites become stacks, each different one kept once
 *   debug=quarantine   heap; a freed object is not used again for a while
 *   debug=guard        heap; each object at the end of a page of its own, nothing mapped behind
 *   debug=leaks        stacks; at power-off, objects that nothing leads to
 *   debug=pages        who allocated and who freed each frame
 *   debug=poison       pages; free frames are filled, and checked when they are handed out
 *   debug=tlb          proof that page tables are never changed without a flush (tlb_watch.h)
 *   debug=all          all of them; words can be joined by commas
 *   slab_debug         the same as debug=heap
 *   guard=CACHE,...    guard for these caches only (kmalloc-48, area, ...)
 *
 * What an aid needs (side tables, stacks) is taken from the boot map when mm/ starts, and only when
 * asked for. Without any, mm/ runs the same instructions as it would if they did not exist: the
 * short ways through the allocators ask for none, they are closed when one is on.
 */
#ifndef OCTAVO_MM_DEBUG_H
#define OCTAVO_MM_DEBUG_H

#include "platform.h"
#include "printer.h"

enum {
    DEBUG_HEAP = 1,
    DEBUG_STACKS = 2,
    DEBUG_QUARANTINE = 4,
    DEBUG_GUARD = 8,
    DEBUG_LEAKS = 16,
    DEBUG_PAGES = 32,
    DEBUG_POISON = 64,
    DEBUG_TLB = 128,
};

/* The aids that are on. Changes only before mm_init. */
extern unsigned mm_debug;

/* True when this aid is on. */
static inline bool
debug_on(unsigned aid)
{
    return UNLIKELY(mm_debug & aid);
}

/* Turns on what the words ask for, and what that needs. A word that is none is reported. Before
 * mm_init. */
void mm_debug_choose(const char *words);

/* Guards the objects of these caches ("area,kmalloc-48", or "all") and no others. The text must
 * stay. Before mm_init. */
void mm_debug_guard(const char *caches);

/* Reports names of mm_debug_guard that no cache has. When all caches are there. */
void mm_debug_check_guard(void);

/* What is on, and what it takes. */
void mm_debug_print(struct printer *out);

/* Searches for live objects that nothing leads to, and prints them by the stack that allocated
 * them. Returns how many. Needs DEBUG_HEAP, and is of most use with DEBUG_LEAKS. Interrupts on or
 * off. */
size_t mm_debug_leaks(struct printer *out);

/* True for the addresses of guarded objects and what is between them. */
bool mm_debug_guards(uintptr_t address);

/* Says what the aids know about an address, with indented lines: which object it is part of or
 * near, whether that is in use, who allocated it and who freed it. Prints nothing and returns false
 * when they know nothing. Any address will do; nothing is read that is not there. */
bool mm_debug_explain(struct printer *out, uintptr_t address);

#endif
