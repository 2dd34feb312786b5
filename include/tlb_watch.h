/* tlb_watch.h - proof that the CPU forgot what page tables no longer say: boot option debug=tlb.
 *
 * Each change of a program's page tables must be followed by a flush of the CPU's memory of them
 * (the TLB), before the program runs on. Forgetting one is a bug that shows rarely and elsewhere.
 */
#ifndef OCTAVO_TLB_WATCH_H
#define OCTAVO_TLB_WATCH_H

#include "platform.h"

struct address_space;

/* What the watch needs of the world above. */
struct tlb_watch_ops {
    /* Whether the CPU uses the space's tables. */
    bool (*in_use)(const struct address_space *space);
    /* Reads, or reads and writes back, the word at a program's address (a multiple of 4) as the CPU
     * sees it, in the space in use. False when the CPU refuses; nothing is repaired then. */
    bool (*probe)(uintptr_t va, bool write, uint32_t *value);
    /* Something changed: tlb_watch_check wants to be called before the return to ring 3. */
    void (*due)(void);
};

/* From now on changes are watched. After mm_init, before there are
 * spaces. */
void tlb_watch_start(const struct tlb_watch_ops *ops);

/* The same with the kernel's own (kernel/cpu/tlb_probe.c). */
void tlb_watch_init(void);

/* Holds what the CPU does at the addresses of late changes against the page tables, of the
 * space in use. Panics when they differ: page, change, and who made it. Interrupts on. */
void tlb_watch_check(void);

#endif
