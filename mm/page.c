/* page.c - frames for programs: as much as there is, but for the kernel's reserve.
 *
 * Whether memory is short is not asked for each frame. A look at the free frames grants a budget,
 * which allocations then count down:
 *
 *   free frames   above low                           down to the reserve     below it
 *   first         -                                   reclaim                 reclaim
 *   budget        a quarter of what is above the reserve, at most 256         none
 *
 * So what the kernel takes between two looks cannot make programs eat into the reserve by more than
 * a few frames. What other CPUs have left of their budgets does not count as free; when nothing
 * else is, it is taken from them, and they look again.
 *
 * Page tables get a frame without a budget too: the reserve is the kernel's. So do the kernel's
 * copies to programs, down to half of it, when no page of a file is left to go: they cannot wait
 * for memory, and a program that asked for bytes must not be told that its buffer is not there.
 *
 * Cost: 26 instructions above pmm_alloc_page; a look about 800 more.
 *
 * Lock: none; each CPU has a budget of its own. One that is taken away just as its CPU counts it
 * down stays, until the next look. Not from interrupts.
 */
#include "bits.h"
#include "page.h"
#include "pmm_fast.h"
#include "pmm_private.h"
#include "reclaim.h"
#include "space.h"
#include "trace.h"

#define BUDGET_MAX 256ul

uint32_t page_urgent;

/* One CPU's. While the allocations are watched, `left` stays 0 and `watched` counts. */
static struct budget {
    unsigned long left, watched;
} __attribute__((aligned(64))) budgets[CPU_MAX];
static bool watching;

static inline unsigned long *
left_of(unsigned cpu)
{
    struct budget *budget = &budgets[cpu];

    return watching ? &budget->watched : &budget->left;
}

static inline unsigned long *
budget_left(void)
{
    return left_of(cpu_current());
}

/* What the other CPUs may have without a look; `take`: not any more. */
static __attribute__((no_sanitize("thread"))) unsigned long
others_left(bool take)
{
    unsigned long pages = 0;

    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (cpu == cpu_current())
            continue;
        pages += *left_of(cpu);
        if (take)
            *left_of(cpu) = 0;
    }
    return pages;
}

/* The next budget for this many free frames: a quarter of those above the reserve, at least 1. */
static unsigned long
grant(unsigned long free)
{
    unsigned long above = free > reclaim_reserve() ? free - reclaim_reserve() : 0;

    return above < 4 * BUDGET_MAX ? (above + 3) / 4 : BUDGET_MAX;
}

/* Looks at the free frames again, after reclaim when they are few. False when there are none for
 * this owner. */
static __attribute__((noinline)) bool
refill(enum frame_owner owner)
{
    unsigned long free = pmm_free_frames();

    if (free <= reclaim_low_mark()) {
        reclaim_for_program(reclaim_high_mark() - free);
        free = pmm_free_frames();
    }
    /* A page of a file goes for another. */
    if (free <= reclaim_reserve() && (owner == FRAME_CACHE || page_urgent)) {
        reclaim_frames(reclaim_reserve() + 1 - free);
        free = pmm_free_frames();
    }
    unsigned long others = others_left(false);
    if (others && free <= reclaim_reserve() + others) {
        (void)others_left(true);
        others = 0;
    }
    unsigned long pages = grant(free - others);
    *budget_left() = pages;
    return pages || owner == FRAME_PAGE_TABLE ||
           (page_urgent && free > reclaim_reserve() / 2);
}

/* All that page_alloc does: when the budget is used up, and while each page is an event. */
static SLOW_PATH pfn_t
page_alloc_slow(enum frame_owner owner, unsigned flags, const void *caller)
{
    if (*budget_left() == 0 && !refill(owner))
        return pfn(0);
    unsigned long left = __atomic_load_n(budget_left(), __ATOMIC_RELAXED);
    if (left > 0) /* once: it may be taken away meanwhile */
        *budget_left() = left - 1;
    pfn_t page = paddr_to_pfn(pmm_alloc_page_flags(flags));
    if (!page.n)
        return page;
    frame_of(page)->owner = (uint8_t)owner;
    trace(TRACE_PAGE_OWNER, pfn_to_paddr(page), 1, owner, caller);
    vm_count(pgalloc);
    return page;
}

pfn_t
page_alloc(enum frame_owner owner, unsigned flags)
{
    struct budget *budget = &budgets[cpu_current()];
    unsigned long left;
    if (UNLIKELY(__builtin_sub_overflow(budget->left, 1, &left)))
        return page_alloc_slow(owner, flags, __builtin_return_address(0));
    budget->left = left;
    unsigned long page = paddr_to_pfn(pmm_alloc_page_flags(flags)).n;
    if (LIKELY(page)) {
        frame_of(pfn(page))->owner = (uint8_t)owner;
        vm_count(pgalloc);
    }
    return pfn(page);
}

/* While traced the budget is elsewhere and the short way finds none. */
void
page_watch(bool on)
{
    if (on == watching)
        return;
    watching = on;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        struct budget *budget = &budgets[cpu];

        *(on ? &budget->watched : &budget->left) = on ? budget->left : budget->watched;
        *(on ? &budget->left : &budget->watched) = 0;
    }
}

void
page_free(pfn_t page)
{
    struct frame *frame = frame_of(page);

    if (UNLIKELY(frame->count == 0) && frame->owner >= FRAME_ALLOCATED)
        frame->count = 1; /* the last of several */
    vm_count(pgfree);
    if (UNLIKELY(!pmm_keep_ready(page.n - pmm_origin(pmm_best))))
        pmm_free_page(pfn_to_paddr(page));
}
