/* pmm_fast.h - the short way to a single frame and back. Private to mm/ and to what is measured.
 *
 * A frame comes from, and goes to, this CPU's stack of single frames of the best zone: no lock, no
 * call, nothing that other CPUs write to. All else is left to pmm.c: an empty or a full stack, an
 * interrupt that came in between, frames of other zones, and whatever is no frame that can be freed.
 * A single frame that is allocated and held once is the only one whose descriptor has the
 * count 1 (frame.h), so one comparison finds every free that is wrong.
 */
#ifndef OCTAVO_PMM_FAST_H
#define OCTAVO_PMM_FAST_H

#include "frame.h"
#include "percpu.h"

/* The zone that serves those who do not ask for another. Set by pmm_choose_zones. */
struct best_zone {
    unsigned long first; /* frame */
    unsigned long count; /* of frames */
    struct frame *frames;
};

extern struct best_zone pmm_best;

/* What is in memory is not what was read before: the next change of it is one instruction. */
static inline void
read_again(void)
{
    __atomic_signal_fence(__ATOMIC_ACQ_REL);
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
    pmm_best.frames[number] = (struct frame){.owner = FRAME_ALLOCATED, .count = 1};
    *frame = pfn(pmm_best.first + number);
    return true;
}

/* Keeps a frame that is given back, as pmm_free_page does; its number counts from pmm_best.first.
 * False when it must go another way, which is also where anything wrong is found out. */
static inline bool
pmm_keep_ready(unsigned long number)
{
    if (UNLIKELY(number >= pmm_best.count))
        return false;
    static const struct frame cached = {.owner = FRAME_CACHED, .flags = 0, .live = 0, .count = 0};
    struct mm_cpu *cpu = mm_this_cpu();
    struct frame_stack *stack = &cpu->stacks[0][0];
    if (UNLIKELY(!cpu_claim(&cpu->frames_busy)))
        return false;
    unsigned long count = stack->count;
    if (LIKELY(count < stack->limit)) {
        cpu->singles[count] = (uint32_t)number; /* not seen before it is counted */
        if (LIKELY(pmm_best.frames[number].count == 1)) {
            pmm_best.frames[number] = cached;
            read_again();
            stack->count++;
            cpu_release(&cpu->frames_busy);
            return true;
        }
    }
    cpu_release(&cpu->frames_busy);
    return false;
}

#endif
