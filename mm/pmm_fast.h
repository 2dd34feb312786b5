/* pmm_fast.h - the short way to a single frame and back. Private to mm/ and to what is measured.
 *
 * A frame comes from, and goes to, this CPU's stack of single frames of the best zone: no lock, no
 * call, nothing that other CPUs write to. All else is jumped to, out of line: an empty or a full
 * stack, an interrupt that came in between, frames of other zones, and whatever is no frame that can
 * be freed. A single frame that is allocated and held once is the only one whose descriptor has the
 * count 1 (frame.h), so one comparison finds every free that is wrong.
 */
#ifndef OCTAVO_PMM_FAST_H
#define OCTAVO_PMM_FAST_H

#include "bits.h"
#include "frame.h"
#include "percpu.h"

/* The zone that serves those who do not ask for another. Set by pmm_choose_zones. */
struct best_zone {
    unsigned long first; /* frame */
    unsigned long count; /* of frames */
    struct frame *frames;
};

extern struct best_zone pmm_best;

/* All that the two below leave to others. */
paddr_t pmm_alloc_page_slow(unsigned flags) SLOW_PATH;
void pmm_free_page_slow(paddr_t page) SLOW_PATH;

/* pmm_alloc_page(). */
static inline paddr_t
pmm_take_page(void)
{
    struct mm_cpu *cpu = mm_this_cpu();
    uint32_t count;
    if (UNLIKELY(!cpu_claim(&cpu->frames_busy)))
        return pmm_alloc_page_slow(0);
    if (UNLIKELY(__builtin_sub_overflow(cpu->stacks[0][0].count, 1, &count))) {
        cpu_release(&cpu->frames_busy);
        return pmm_alloc_page_slow(0);
    }
    cpu->stacks[0][0].count = count;
    uint32_t number = cpu->singles[count];
    cpu_release(&cpu->frames_busy);
    pmm_best.frames[number] = (struct frame){.owner = FRAME_ALLOCATED, .count = 1};
    return (paddr_t)(pmm_best.first + number) << PAGE_SHIFT;
}

/* The number of a page in the best zone, one that no frame has for others and for what is not the
 * start of a page. */
static inline unsigned long
best_zone_number(paddr_t page)
{
    if (sizeof(long) == 8)
        return (unsigned long)(page >> PAGE_SHIFT | page << (64 - PAGE_SHIFT)) - pmm_best.first;
    return page & PAGE_MASK ? ~0ul : paddr_to_pfn(page).n - pmm_best.first;
}

/* pmm_free_page(). */
static inline void
pmm_give_page(paddr_t page)
{
    unsigned long number = best_zone_number(page);
    if (UNLIKELY(number >= pmm_best.count))
        return pmm_free_page_slow(page);
    struct mm_cpu *cpu = mm_this_cpu();
    if (UNLIKELY(!cpu_claim(&cpu->frames_busy)))
        return pmm_free_page_slow(page);
    uint32_t kept = cpu->stacks[0][0].count;
    struct frame *frame = &pmm_best.frames[number];
    if (UNLIKELY(kept >= cpu->stacks[0][0].limit || frame->count != 1)) {
        cpu_release(&cpu->frames_busy);
        return pmm_free_page_slow(page);
    }
    *frame = (struct frame){.owner = FRAME_CACHED};
    cpu->singles[kept] = (uint32_t)number;
    cpu->stacks[0][0].count = kept + 1;
    cpu_release(&cpu->frames_busy);
}

#endif
