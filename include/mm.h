/* mm.h - the memory manager as a whole: start, check, and the tables people look at. */
#ifndef OCTAVO_MM_H
#define OCTAVO_MM_H

#include "platform.h"
#include "printer.h"

struct bootmem;

/* Takes the machine's memory over from the boot map: frame table, zones, buddy, frame caches, slabs
 * and heap; the early heap's pages come back. Called once, one CPU, interrupts off. */
void mm_init(struct bootmem *boot);

/* Lets CPU `cpu` (0 .. CPU_MAX-1) use the allocators. Called on one that is up, as CPU 0 is after
 * mm_init, while nobody makes or destroys a cache. False when there is no memory for its caches. */
MUST_CHECK bool mm_cpu_up(unsigned cpu);

/* Gives frames that were kept for one purpose of the boot to the allocator: FRAME_BOOTINFO or
 * FRAME_MODULE when nobody reads them any more. Returns the number of frames. */
unsigned long mm_release(unsigned owner);

/* Returns every CPU's cached frames and empty slabs to the buddy. Each CPU does it for itself when
 * it is asked and not in the allocators; where threads play CPUs, hosted_ask (platform_impl.h) has
 * to see to that, or no other thread may be in the library at the time. Interrupts on, no spinlock
 * held. */
void mm_drain(void);
/* The same for one CPU that is up: it keeps nothing then but slabs with objects that are live, or
 * kept by other CPUs. For a CPU that is to be stopped. */
void mm_drain_cpu(unsigned cpu);

/* The law of page conservation: every frame has exactly one owner, and the sums agree. False after
 * a report through klog of what does not hold. */
bool mm_check(void);

/* Makes the n-th allocation from now on fail on this CPU (1 = the next), frames and objects alike;
 * 0 ends it. Returns how many allocations were counted since it was last set. For tests. */
unsigned long mm_fail_nth(unsigned long n);

void mm_print_meminfo(struct printer *out);
void mm_print_zones(struct printer *out);
void mm_print_zoneinfo(struct printer *out);
void mm_print_buddyinfo(struct printer *out);
void mm_print_slabinfo(struct printer *out);
void mm_print_owners(struct printer *out);

/* ---- one thing looked at closely (mm/stories.c) ---- */

/* The free chunks of orders `first` to `last` (at most MAX_ORDER), a line for each run of them. */
void mm_print_freelist(struct printer *out, unsigned first, unsigned last);
/* One frame's whole story. */
void mm_print_frame(struct printer *out, pfn_t frame);
/* The slabs of the first cache of that name, with a map of each: # in use, . free. False, with
 * nothing printed, when there is none. */
bool mm_print_slab(struct printer *out, const char *name);
/* The object at or around an address of the direct map; nothing when it is no memory of a slab. */
void mm_print_object(struct printer *out, const void *address);
/* The name of a cache by number; NULL behind the last. */
const char *mm_cache_name(size_t index);

#endif
