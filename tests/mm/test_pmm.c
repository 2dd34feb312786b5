/* test_pmm.c - frames of the machine the tests run on: a few hundred at most, all given back. */
#include <string.h>

#include "buddy.h"
#include "mm.h"
#include "testing.h"
#include "../../mm/percpu.h"
#include "../../mm/pmm_private.h"

#define MOST 300

static paddr_t frames[MOST];
static uint16_t numbers[MOST];

static unsigned
owner_at(paddr_t frame)
{
    return frame_of(paddr_to_pfn(frame))->owner;
}

KTEST(pmm, single)
{
    unsigned long before = settled_frames();
    paddr_t frame = pmm_alloc_page();
    CHECK(frame);
    CHECK_EQ(frame & PAGE_MASK, 0);
    CHECK_EQ(owner_at(frame), FRAME_ALLOCATED);
    CHECK_EQ(frame_of(paddr_to_pfn(frame))->count, 1);
    CHECK(pmm_frame_known(paddr_to_pfn(frame)));
    CHECK(pmm_zone_of(paddr_to_pfn(frame)) != NULL);
    CHECK_EQ(pmm_free_frames(), before - 1);
    CHECK(mm_check());
    frame_set_owner(paddr_to_pfn(frame), FRAME_STACK);
    CHECK_EQ(owner_at(frame), FRAME_STACK);
    pmm_free_page(frame);
    CHECK_EQ(pmm_free_frames(), before);
}

/* Frames that are held at one time are different ones, and nobody else writes to them. */
KTEST(pmm, many_hold_what_is_written)
{
    unsigned long before = settled_frames();
    unsigned count = can_spare(MOST) ? MOST : 32;
    for (unsigned i = 0; i < count; i++) {
        frames[i] = pmm_alloc_page_flags(PMM_DIRECT);
        CHECK(frames[i]);
        memset(frame_to_ptr(paddr_to_pfn(frames[i])), (int)i, PAGE_SIZE);
    }
    CHECK_EQ(pmm_free_frames(), before - count);
    for (unsigned i = 0; i < count; i++) {
        CHECK(is_filled(frame_to_ptr(paddr_to_pfn(frames[i])), PAGE_SIZE, (uint8_t)i));
        pmm_free_page(frames[i]);
    }
    CHECK_EQ(pmm_free_frames(), before);
}

KTEST(pmm, flags)
{
    for (unsigned flags = 0; flags < 8; flags++) {
        paddr_t frame = pmm_alloc_pages_flags(1 + (flags & 1), flags);
        if (!frame) {
            CHECK(flags & PMM_DMA && mm_zones[ZONE_DMA].managed == 0);
            continue;
        }
        void *memory = frame_to_ptr(paddr_to_pfn(frame));
        CHECK(memory || !flags);
        CHECK(frame < 16u << 20 || !(flags & PMM_DMA));
        CHECK(!(flags & PMM_ZERO) || is_filled(memory, PAGE_SIZE << (flags & 1), 0));
        if (memory)
            memset(memory, 0xee, PAGE_SIZE << (flags & 1));
        pmm_free_pages(frame, 1 + (flags & 1));
    }
    for (unsigned i = 0; i < 8; i++) {
        paddr_t frame = pmm_alloc_page_flags(PMM_ZERO);
        CHECK(frame && is_filled(frame_to_ptr(paddr_to_pfn(frame)), PAGE_SIZE, 0));
        memset(frame_to_ptr(paddr_to_pfn(frame)), 0xee, PAGE_SIZE);
        pmm_free_page(frame);
    }
}

/* Each count is exact, aligned to the next power of two (at most 4 MiB) and one allocation. */
KTEST(pmm, counts)
{
    unsigned long before = settled_frames();
    for (size_t count = 1; count <= 3 * BLOCK_FRAMES && can_spare(count);
         count += count < 20 ? 1 : count / 3) {
        size_t aligned = 1;
        while (aligned < count && aligned < BLOCK_FRAMES)
            aligned <<= 1;
        paddr_t first = pmm_alloc_pages(count);
        if (!first && count > 64)
            SKIP("memory is in pieces");
        CHECK(first);
        CHECK_EQ(paddr_to_pfn(first).n & (aligned - 1), 0);
        CHECK_EQ(pmm_free_frames(), before - count);
        CHECK_EQ(frame_of(paddr_to_pfn(first))->count, count);
        CHECK(count < 600 || mm_check());
        pmm_free_pages(first, count);
        CHECK_EQ(pmm_free_frames(), before);
    }
    CHECK_EQ(pmm_alloc_pages(0), 0);
    CHECK_EQ(pmm_alloc_pages_flags(0, PMM_ZERO), 0);
    CHECK_EQ(pmm_alloc_pages_aligned(0, 0, 0), 0);
    CHECK_EQ(pmm_alloc_pages_aligned(0, 3, 0), 0);
    CHECK_EQ(pmm_alloc_pages(pmm_managed_frames() + 1), 0);
    CHECK_EQ(pmm_alloc_pages(SIZE_MAX), 0);
    CHECK_EQ(pmm_free_frames(), before);
}

KTEST(pmm, aligned)
{
    unsigned long before = settled_frames();
    for (unsigned order = 0; order <= MAX_ORDER && can_spare(1ul << order); order++) {
        for (size_t count = 1; count < 2ul << order; count += 1 + count / 2) {
            paddr_t first = pmm_alloc_pages_aligned(count, order, PMM_ZERO);
            if (!first && order > 5)
                SKIP("memory is in pieces");
            CHECK(first);
            CHECK_EQ(paddr_to_pfn(first).n & ((1ul << order) - 1), 0);
            CHECK_EQ(pmm_free_frames(), before - count);
            CHECK(is_filled(frame_to_ptr(paddr_to_pfn(first)), count << PAGE_SHIFT, 0));
            CHECK(order < 9 || mm_check());
            pmm_free_pages(first, count);
            CHECK_EQ(pmm_free_frames(), before);
        }
    }
}

/* ---- misuse ---- */

struct run {
    paddr_t first;
    size_t count;
};

static void
free_run(void *run)
{
    pmm_free_pages(((struct run *)run)->first, ((struct run *)run)->count);
}

static bool
free_panics(paddr_t first, size_t count, const char *text)
{
    struct run run = {first, count};
    return ktest_panics(free_run, &run, text);
}

KTEST(pmm, double_free)
{
    paddr_t frame = pmm_alloc_page();
    CHECK(frame);
    pmm_free_page(frame);
    CHECK(free_panics(frame, 1, "double free")); /* on a CPU's stack */
    pmm_drain_cpu();
    CHECK(free_panics(frame, 1, "double free")); /* in the buddy */
    for (size_t count = 2; count < 12; count += 3) {
        frame = pmm_alloc_pages(count);
        CHECK(frame);
        pmm_free_pages(frame, count);
        CHECK(free_panics(frame, count, "double free"));
        CHECK(free_panics(frame, 1, "double free"));
    }
    CHECK(mm_check());
}

KTEST(pmm, wrong_count)
{
    paddr_t frame = pmm_alloc_pages(6);
    CHECK(frame);
    CHECK(free_panics(frame, 1, "as 1 frames: it is 6 frames"));
    CHECK(free_panics(frame, 5, "as 5 frames: it is 6 frames"));
    CHECK(free_panics(frame, 7, "as 7 frames: it is 6 frames"));
    CHECK(free_panics(frame, 0, "as 0 frames"));
    CHECK(free_panics(frame + PAGE_SIZE, 1, "inside an allocation"));
    CHECK(free_panics(frame + 5 * PAGE_SIZE, 5, "inside an allocation"));
    CHECK(free_panics(frame + 6 * PAGE_SIZE, 1, "double free")); /* the tail that went back */
    CHECK_EQ(frame_of(paddr_to_pfn(frame))->count, 6);
    pmm_free_pages(frame, 6);
}

KTEST(pmm, foreign_frames)
{
    paddr_t frame = pmm_alloc_page();
    CHECK(frame);
    CHECK(free_panics(frame + 8, 1, "no frame of ours"));
    pmm_free_page(frame);
    CHECK(free_panics((paddr_t)0xfffffffff << PAGE_SHIFT, 1, "no frame of ours"));
    CHECK(free_panics(pfn_to_paddr(pfn(FRAME_BASE + ((unsigned long)mm_block_count << MAX_ORDER))),
                      1, "no frame of ours"));
    CHECK(pmm_zone_of(pfn(FRAME_BASE - 1)) == NULL);
    CHECK(!pmm_frame_known(pfn(~0ul)));
}

/* ---- the stacks ---- */

/* A stack keeps a 64th of its zone, or one chunk that is not more than a quarter; where there is
 * such a chunk it keeps some. */
static bool
stack_is_modest(unsigned long managed, uint32_t chunks, unsigned order)
{
    unsigned long kept = (unsigned long)chunks << order;
    if (!chunks)
        return managed >> order < 4 || debug_on(DEBUG_PAGES);
    return kept <= managed / 64 || (chunks == 1 && kept <= managed / 4);
}

KTEST(pmm, drain_empties_the_stacks)
{
    for (unsigned order = 0; order < 4; order++) {
        paddr_t frame = pmm_alloc_pages((size_t)1 << order);
        CHECK(frame);
        pmm_free_pages(frame, (size_t)1 << order);
    }
    for (unsigned zone = 0; zone < ZONE_COUNT; zone++)
        for (unsigned i = 0; i < PCP_STACKS; i++)
            CHECK(stack_is_modest(mm_zones[zone].managed, pmm_stack_limit(zone, i), pcp_order(i)));
    unsigned long before = settled_frames();
    pmm_drain_all();
    for (unsigned zone = 0; zone < ZONE_COUNT; zone++)
        CHECK_EQ(pmm_cached_frames(zone), 0);
    CHECK_EQ(pmm_free_frames(), before);
}

/* A frame that was given back is the next one handed out. */
KTEST(pmm, stack_is_last_in_first_out)
{
    paddr_t first = pmm_alloc_page(), second = pmm_alloc_page();
    CHECK(first && second);
    if (!pmm_stack_limit((unsigned)(pmm_zone_of(paddr_to_pfn(first)) - mm_zones), 0))
        SKIP("this machine is too small for stacks");
    pmm_free_page(second);
    pmm_free_page(first);
    CHECK_EQ(pmm_alloc_page(), first);
    CHECK_EQ(pmm_alloc_page(), second);
    pmm_free_page(second);
    pmm_free_page(first);
}

/* The stacks never keep more than their limit, however much goes through them. */
KTEST(pmm, stack_flushes)
{
    unsigned count = can_spare(MOST) ? MOST : 32;
    mm_drain();
    for (unsigned order = 0; order < 4; order++) {
        unsigned pieces = count >> order;
        for (unsigned i = 0; i < pieces; i++)
            frames[i] = pmm_alloc_pages_flags((size_t)1 << order, PMM_DIRECT);
        for (unsigned i = 0; i < pieces; i++) {
            CHECK(frames[i]);
            pmm_free_pages(frames[i], (size_t)1 << order);
        }
        unsigned long kept = 0, most = 0;
        for (unsigned zone = 0; zone < ZONE_COUNT; zone++) {
            kept += pmm_cached_frames(zone);
            for (unsigned o = 0; o <= order; o++)
                most += (unsigned long)pmm_stack_limit(zone, o) << o;
        }
        CHECK(kept <= most);
        CHECK(mm_check());
    }
    mm_drain();
}

/* The largest chunks that a CPU keeps: the same one comes back, and what there is no place for
 * goes. */
KTEST(pmm, stack_of_large_chunks)
{
    const size_t count = (size_t)1 << pcp_order(PCP_STACKS - 1);
    paddr_t chunks[4];
    mm_drain();
    if (!can_spare(ARRAY_LENGTH(chunks) * count))
        SKIP("needs room for 4 chunks of 2 MiB");
    unsigned taken = 0;
    while (taken < ARRAY_LENGTH(chunks) &&
           (chunks[taken] = pmm_alloc_pages_flags(count, PMM_DIRECT)) != 0)
        taken++;
    unsigned zone = taken ? pmm_zone_of(paddr_to_pfn(chunks[0]))->id : 0;
    uint32_t limit = taken ? pmm_stack_limit(zone, PCP_STACKS - 1) : 0;
    for (unsigned i = 0; i < taken; i++)
        pmm_free_pages(chunks[i], count);
    if (taken < ARRAY_LENGTH(chunks) || !limit)
        SKIP("memory is in pieces, or too small for stacks");
    CHECK(limit < ARRAY_LENGTH(chunks));
    unsigned kept = pmm_stack(mm_this_cpu(), zone, PCP_STACKS - 1)->count;
    CHECK(kept > 0 && kept <= limit);
    CHECK_EQ(pmm_alloc_pages_flags(count, PMM_DIRECT), chunks[taken - 1]);
    CHECK_EQ(frame_of(paddr_to_pfn(chunks[taken - 1]))->count, count);
    pmm_free_pages(chunks[taken - 1], count);
    CHECK(mm_check());
    pmm_drain_cpu();
    CHECK_EQ(pmm_stack(mm_this_cpu(), zone, PCP_STACKS - 1)->count, 0);
    CHECK(mm_check());
}

/* A full stack gives no more at once than what lies in PCP_WORDS words. */
KTEST(pmm, flush_is_short)
{
    const unsigned limit = 4 * PCP_WORDS;
    unsigned long before = settled_frames(), got;
    pfn_t first = pfn(0);
    mm_drain();
    while ((got = pmm_take_free(&first, (limit + 1) * WORD_PAGES)) > 0 &&
           got < (limit + 1) * WORD_PAGES) {
        for (unsigned long i = 0; i < got; i++)
            pmm_free_page(pfn_to_paddr(pfn(first.n + i)));
        mm_drain();
        first.n += got;
    }
    if (!got)
        SKIP("memory is in pieces");
    struct frame_stack *stack = pmm_stack(mm_this_cpu(), pmm_zone_of(first)->id, 0);
    uint32_t places = stack->limit;
    if (places > limit) {
        stack->limit = limit;
        for (unsigned i = 0; i < limit; i++)
            pmm_free_page(pfn_to_paddr(pfn(first.n + i * WORD_PAGES)));
        CHECK_EQ(stack->count, limit);
        pmm_free_page(pfn_to_paddr(pfn(first.n + limit * WORD_PAGES)));
        CHECK_EQ(stack->count, limit - PCP_WORDS + 1);
        stack->limit = places;
    }
    for (unsigned long i = 0; i < got; i++)
        if (places <= limit || i % WORD_PAGES)
            pmm_free_page(pfn_to_paddr(pfn(first.n + i)));
    mm_drain();
    CHECK_EQ(pmm_free_frames(), before);
    CHECK(mm_check());
}

/* All pieces together again, down to the last one. */
KTEST(pmm, random_order_merges)
{
    unsigned long before[ORDERS];
    uint32_t state = ktest_seed(), count = can_spare(MOST) ? MOST : 32;
    mm_drain();
    for (unsigned order = 0; order < ORDERS; order++)
        before[order] = buddy_count_free(&mm_zones[ZONE_NORMAL], order) +
                        buddy_count_free(&mm_zones[ZONE_DMA], order);
    for (uint32_t i = 0; i < count; i++) {
        frames[i] = pmm_alloc_page_flags(PMM_DIRECT);
        CHECK(frames[i]);
        numbers[i] = (uint16_t)i;
    }
    shuffle(&state, numbers, count);
    for (uint32_t i = 0; i < count; i++)
        pmm_free_page(frames[numbers[i]]);
    mm_drain();
    for (unsigned order = 0; order < ORDERS; order++)
        CHECK_EQ(buddy_count_free(&mm_zones[ZONE_NORMAL], order) +
                     buddy_count_free(&mm_zones[ZONE_DMA], order),
                 before[order]);
}

static bool
free_random(uint32_t *state, struct run *run)
{
    uint8_t *memory = frame_to_ptr(paddr_to_pfn(run->first));
    bool kept = !memory || has_pattern(memory, 64, (uint32_t)(run->first >> PAGE_SHIFT));
    if (ktest_random(state) % 16 == 0)
        pmm_drain_cpu();
    pmm_free_pages(run->first, run->count);
    run->first = 0;
    return kept;
}

KTEST(pmm, random_sizes)
{
    static struct run runs[24];
    unsigned long before = settled_frames();
    uint32_t state = ktest_seed();
    for (unsigned step = 0; step < 4000; step++) {
        struct run *run = &runs[random_below(&state, ARRAY_LENGTH(runs))];
        if (run->first) {
            CHECK(free_random(&state, run));
            continue;
        }
        run->count = 1 + random_below(&state, can_spare(MOST) ? 12 : 3);
        run->first = pmm_alloc_pages_flags(run->count, ktest_random(&state) & PMM_DIRECT);
        CHECK(run->first);
        if (frame_to_ptr(paddr_to_pfn(run->first)))
            fill_pattern(frame_to_ptr(paddr_to_pfn(run->first)), 64,
                         (uint32_t)(run->first >> PAGE_SHIFT));
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(runs); i++)
        if (runs[i].first)
            CHECK(free_random(&state, &runs[i]));
    CHECK_EQ(pmm_free_frames(), before);
}

KTEST(pmm, fails_on_demand)
{
    unsigned long before = settled_frames();
    mm_fail_nth(2);
    paddr_t first = pmm_alloc_page(), second = pmm_alloc_pages(3), third = pmm_alloc_page();
    CHECK_EQ(mm_fail_nth(0), 3);
    CHECK(first && !second && third);
    pmm_free_page(first);
    pmm_free_page(third);
    CHECK_EQ(pmm_free_frames(), before);
}
