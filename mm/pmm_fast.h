/* pmm_fast.h - the short way to frames and back. Private to mm/ and to what is measured.
 *
 * A frame comes from, and goes to, this CPU's stack of single frames of the best zone: no lock, no
 * call, nothing that other CPUs write to. Chunks of the small orders do the same on stacks of their
 * own. All else is left to pmm.c: an empty or a full stack, an interrupt that came in between,
 * frames of other zones, and whatever is nothing that can be freed.
 *
 * A single frame that is allocated and held once is the only one whose descriptor has the
 * count 1 (frame.h), so one comparison finds every free that is wrong; chunks need a second one.
 */
#ifndef OCTAVO_PMM_FAST_H
#define OCTAVO_PMM_FAST_H

#include "frame.h"
#include "percpu.h"
#include "pmm.h"

/* The best zone for each combination of PMM_DIRECT and PMM_DMA that this machine has. */
struct best_zone {
    unsigned long first; /* frame */
    unsigned long count; /* of frames */
    struct frame *frames;
    unsigned long row; /* of mm_cpu's stacks */
};

#define PMM_ZONES (PMM_DIRECT | PMM_DMA)

extern struct best_zone pmm_best[PMM_ZONES + 1]; /* set by pmm_choose_zones */

/* What the numbers of a zone's frames count from (zone_origin), and their descriptors. */
static inline unsigned long
pmm_origin(const struct best_zone *zone)
{
    return FRAME_TABLE_FIXED ? FRAME_BASE : zone->first;
}

static inline struct frame *
pmm_frame(const struct best_zone *zone, unsigned long number)
{
    return (FRAME_TABLE_FIXED ? FRAME_TABLE : zone->frames) + number;
}

/* True when the best zone of all has the frame. */
static inline bool
pmm_is_best(unsigned long number)
{
    return number + pmm_origin(pmm_best) - pmm_best[0].first < pmm_best[0].count;
}

/* What is in memory is not what was read before: the next change of it is one instruction. */
static inline void
read_again(void)
{
    __atomic_signal_fence(__ATOMIC_ACQ_REL);
}

/* The same number, of which the compiler knows nothing: what it made of it before, an address say,
 * needs not be kept in a register of its own. */
static inline unsigned long
same_number(unsigned long number)
{
    __asm__("" : "+r"(number));
    return number;
}

/* Takes a frame that is ready, as pmm_alloc_page does. False when there is none. */
static inline bool
pmm_take_ready(pfn_t *frame)
{
    struct mm_cpu *cpu = mm_this_cpu();
    struct frame_stack *stack = &cpu->stacks[0][0];
    if (UNLIKELY(!cpu_claim(&cpu->frames_busy)))
        return false;
    unsigned long count = stack->count;
    if (UNLIKELY(count == 0)) {
        cpu_release(&cpu->frames_busy);
        return false;
    }
    unsigned long number = cpu->singles[count - 1];
    read_again();
    stack->count--;
    cpu_release(&cpu->frames_busy);
    *pmm_frame(pmm_best, number) = (struct frame){.owner = FRAME_ALLOCATED, .count = 1};
    *frame = pfn(pmm_origin(pmm_best) + number);
    return true;
}

/* Keeps a frame that is given back, as pmm_free_page does; its number counts from pmm_origin.
 * False when it must go another way, which is also where anything wrong is found out. */
static inline bool
pmm_keep_ready(unsigned long number)
{
    if (UNLIKELY(!pmm_is_best(number)))
        return false;
    static const struct frame cached = {.owner = FRAME_CACHED, .flags = 0, .live = 0, .count = 0};
    struct mm_cpu *cpu = mm_this_cpu();
    struct frame_stack *stack = &cpu->stacks[0][0];
    if (UNLIKELY(!cpu_claim(&cpu->frames_busy)))
        return false;
    unsigned long count = stack->count;
    if (LIKELY(count < stack->limit)) {
        cpu->singles[count] = (uint32_t)number; /* not seen before it is counted */
        if (LIKELY(pmm_frame(pmm_best, number)->count == 1)) {
            *pmm_frame(pmm_best, same_number(number)) = cached;
            read_again();
            stack->count++;
            cpu_release(&cpu->frames_busy);
            return true;
        }
    }
    cpu_release(&cpu->frames_busy);
    return false;
}

/* ---- chunks ---- */

/* The stack for allocations of this many frames; PCP_NONE when there is none. */
static inline unsigned
pmm_stack_for(size_t count)
{
    static const uint8_t small[] = {PCP_NONE, 0, 1, PCP_NONE, 2, [5 ... 7] = PCP_NONE, 3,
                                    [9 ... 15] = PCP_NONE, 4};
    if (LIKELY(count < sizeof(small)))
        return small[count];
    return count == 1u << pcp_order(PCP_STACKS - 1) ? PCP_STACKS - 1 : PCP_NONE;
}

/* As pmm_take_ready, for any count of frames and any zone; `row` is the zone's. */
static inline bool
pmm_take_chunk(const struct best_zone *zone, unsigned long row, size_t count, pfn_t *head)
{
    struct mm_cpu *cpu = mm_this_cpu();
    struct frame_stack *stack = &cpu->stacks[row][pmm_stack_for(count)];
    if (UNLIKELY(!cpu_claim(&cpu->frames_busy)))
        return false;
    unsigned long left = stack->count;
    if (UNLIKELY(left == 0)) {
        cpu_release(&cpu->frames_busy);
        return false;
    }
    unsigned long number = stack->frames[left - 1];
    stack->count = (uint32_t)(left - 1);
    cpu_release(&cpu->frames_busy);
    frame_write(pmm_frame(zone, number), FRAME_ALLOCATED, (uint32_t)count);
    *head = pfn(pmm_origin(zone) + number);
    return true;
}

/* As pmm_keep_ready, for any count of frames of a zone. */
static inline bool
pmm_keep_chunk(const struct best_zone *zone, unsigned long row, pfn_t head, size_t count)
{
    if (UNLIKELY(head.n - zone->first >= zone->count))
        return false;
    struct mm_cpu *cpu = mm_this_cpu();
    unsigned long number = head.n - pmm_origin(zone);
    struct frame_stack *stack = &cpu->stacks[row][pmm_stack_for(count)];
    struct frame *frame = pmm_frame(zone, number);
    if (UNLIKELY(!cpu_claim(&cpu->frames_busy)))
        return false;
    unsigned long kept = stack->count;
    if (UNLIKELY(kept >= stack->limit || frame->owner < FRAME_ALLOCATED || frame->count != count)) {
        cpu_release(&cpu->frames_busy);
        return false;
    }
    frame_write(frame, FRAME_CACHED, (uint32_t)count & ~1u); /* 0 for 1: all others are even */
    stack->frames[kept] = (uint32_t)number;
    stack->count = (uint32_t)(kept + 1);
    cpu_release(&cpu->frames_busy);
    return true;
}

#endif
