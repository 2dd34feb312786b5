/* percpu.h - what each CPU has to itself. Private to mm/.
 *
 * The fast paths touch this and nothing else. Its owner works on it without a lock; what keeps an
 * interrupt of the same CPU out is a flag for each half, which an interrupt that comes in between
 * finds set and then takes the way through the locks (cpu_claim in platform_impl.h; the hosted
 * world has no interrupts and needs no flag).
 */
#ifndef OCTAVO_PERCPU_H
#define OCTAVO_PERCPU_H

#include "kmalloc_classes.h"
#include "pcp.h"
#include "slab_private.h"
#include "zone.h"

struct mm_cpu {
    unsigned id;
    bool frames_busy;        /* guards stacks */
    bool no_windows;         /* every allocation of an object takes the slow path */
    unsigned long fail_in;   /* mm_fail_nth: allocations until the failure; 0 = off */
    unsigned long fail_seen; /* allocations counted since it was set */
    struct cache_part *open; /* parts that may have something to give back */
    struct frame_stack stacks[ZONE_COUNT][PCP_STACKS + 1]; /* the best zone's first: pmm_stack */
    struct cache_part heap[KMALLOC_CLASSES];
    /* Of the caches that slabs themselves need. */
    struct part_with_magazine header_parts[SLAB_HEADER_KINDS];
    struct part_with_magazine cache_part;
    struct part_with_magazine part_part;
    /* Other CPUs gave objects back to a part; atomic. */
    bool came __attribute__((aligned(64)));
    /* The frames of stacks[0][0], those of the others behind them, then the slots of the heap's
     * magazines. */
    uint32_t singles[] __attribute__((aligned(64)));
};

extern struct mm_cpu *mm_cpus[CPU_MAX];

static inline struct mm_cpu *
mm_this_cpu(void)
{
    return cpu_memory();
}

/* Counts an allocation while mm_fail_nth is on; true when this is the one that must fail. */
bool mm_fail_now(struct mm_cpu *cpu);

#endif
