/* pmm_private.h - what the rooms above share with the frames' allocator. Private to mm/. */
#ifndef OCTAVO_PMM_PRIVATE_H
#define OCTAVO_PMM_PRIVATE_H

#include "pmm.h"

/* Frames that come from the buddy, or chunks that go to it, under one hold of the lock: enough to
 * make the lock cheap, few enough to bound the longest call. What goes back lies in at most so many
 * words of 32 pages, since that is what it costs. */
#define PCP_BATCH 32u
#define PCP_WORDS 7u

extern struct zone mm_zones[ZONE_COUNT];
extern struct block *mm_blocks; /* of the whole machine, from FRAME_BASE on */
extern uint32_t mm_block_count;

/* Bytes from DIRECT_BASE on that have an address and a descriptor each. */
extern uintptr_t mm_direct_bytes;

struct mm_cpu;

/* Fixes the order in which zones are asked, once they have their memory. */
void pmm_choose_zones(void);

/* Places that the stacks of one CPU need, and the stacks in them. */
size_t pmm_cpu_words(void);
uint32_t pmm_stack_limit(unsigned zone, unsigned stack);
void pmm_cpu_init(struct mm_cpu *cpu);

/* One of the CPU's stacks; NULL for zones that this machine does not have. */
struct frame_stack *pmm_stack(struct mm_cpu *cpu, unsigned zone, unsigned stack);

/* Empties the stacks of this CPU, or of another that is not in the allocator, and closes them while
 * each allocation is an event (pmm_watch) or may have to fail (mm_fail_nth). */
void pmm_set_limits(struct mm_cpu *cpu);

/* Consecutive frames with an address that the buddy has now, past the stacks, and without asking
 * anybody to give some back: for a CPU that has no stacks yet, and for what can be done without. 0
 * when there are none. */
paddr_t pmm_alloc_spare(size_t count);

/* Asked for frames before an allocation fails, when interrupts are on; says how many came. Set by
 * reclaim_init. */
extern unsigned long (*pmm_reclaim)(unsigned long frames);

/* Every allocation and free of a page takes the slow path, on all CPUs, where the trace hears of
 * it. They must not be in the allocator at the time. */
void pmm_watch(bool on);

/* What the CPU has on its stacks goes to the buddy; a step for cpu_ask. False: it is at work on
 * them. */
bool pmm_drain_of(struct mm_cpu *cpu, void *unused);
/* True when the CPU's stacks hold anything; a guess when it is another CPU. */
bool pmm_keeps_frames(const struct mm_cpu *cpu);
/* The other CPUs' stacks go to the buddy, as far as those can be had at once; before an allocation
 * fails. False: none of them had any. From any context. */
bool pmm_drain_others(void);

/* Frames of a zone on the CPUs' stacks. */
unsigned long pmm_cached_frames(unsigned zone);

#endif
