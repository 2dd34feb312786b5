/* tlb.h - what each CPU remembers of page tables, and how other CPUs are made to forget it.
 *
 * Theory, protocol and why it is right: mm/tlb.c. Lock: none; whoever changes a space's tables has
 * that space for itself (space.h), and what CPUs tell one another is atomic.
 */
#ifndef OCTAVO_TLB_H
#define OCTAVO_TLB_H

#include "platform.h"

struct address_space;

struct tlb_cpu {
    struct address_space *active; /* whose addresses the running task means; NULL: nobody's */
    struct address_space *loaded; /* whose tables the CPU walks; NULL: the kernel's alone */
    uint32_t stale;               /* has something to forget before it is active again */

    /* What this CPU asks of others. */
    uint32_t waiting; /* CPUs that did not answer yet */
    uintptr_t start, end;
    struct address_space *leave; /* whose tables are about to be freed; NULL: none */
} __attribute__((aligned(64)));

extern struct tlb_cpu tlb_cpus[CPU_MAX];

static inline uint32_t
cpu_bit(void)
{
    return 1u << cpu_current();
}

/* The space whose addresses this CPU's task means; NULL: none. */
static inline struct address_space *
space_here(void)
{
    return tlb_cpus[cpu_current()].active;
}

/* Makes it the one that user addresses of this CPU mean; NULL: none (the kernel's tables alone). */
void space_activate(struct address_space *space);

/* This CPU runs something that has no program's memory. It may go on walking the tables of the
 * space that it had, for it may be the next again: until then nobody waits for its TLB. */
void space_rest(void);

/* Answers what other CPUs ask: called from the interrupt that cpu_interrupt (platform.h) causes,
 * and from every loop that waits for another CPU with interrupts off. */
void tlb_answer(void);

/* Returns when no other CPU remembers a translation of [start, end) of the space that is older than
 * the call. `tables`: page tables are about to be freed, or the whole space: then no other CPU that
 * only rests with it walks its tables either. From any context, spinlocks may be held: a CPU that
 * waits for one answers meanwhile. */
void tlb_shoot(struct address_space *space, uintptr_t start, uintptr_t end, bool tables);

/* The same for all CPUs, whichever space they have: for tables that several spaces share, and for
 * the kernel's addresses. */
void tlb_shoot_all(uintptr_t start, uintptr_t end);

/* Makes every CPU that rests with the space leave it. None is active with it; no spinlock is
 * held. */
void tlb_evict(struct address_space *space);

#endif
