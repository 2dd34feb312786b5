/* test_debug_pages.c - what is known of a frame, and what its poison finds. Needs debug=poison: in
 * the kernel tests/boot/debug.t asks for it, on the host tests/host/test_machines.c. */
#include "listener.h"
#include "mm_debug.h"
#include "testing.h"
#include "page.h"

static void
free_it(void *frame)
{
    pmm_free_page(*(paddr_t *)frame);
}

static paddr_t again;

static void
alloc_it(void *unused)
{
    (void)unused;
    again = pmm_alloc_page();
}

KTEST(debug_pages, story)
{
    if (!debug_on(DEBUG_PAGES))
        SKIP("debug=pages is off");
    paddr_t frame = pmm_alloc_page();
    CHECK(frame);
    mm_print_frame(fresh(), paddr_to_pfn(frame));
    CHECK(says("allocated by "));
    CHECK(says("called by "));
    pmm_free_page(frame);
    mm_print_frame(fresh(), paddr_to_pfn(frame));
    CHECK(says("freed by "));
    CHECK(ktest_panics(free_it, &frame, "double free"));
}

KTEST(debug_pages, all_of_an_allocation)
{
    if (!debug_on(DEBUG_PAGES))
        SKIP("debug=pages is off");
    paddr_t frames = pmm_alloc_pages(5);
    CHECK(frames);
    for (unsigned i = 0; i < 5; i++) {
        mm_print_frame(fresh(), pfn(paddr_to_pfn(frames).n + i));
        CHECK(says("allocated by "));
    }
    pmm_free_pages(frames, 5);
    CHECK(mm_check());
}

/* Free frames are the same to the allocator as before, so it hands out the same one again. */
KTEST(debug_pages, write_after_free)
{
    if (!debug_on(DEBUG_POISON))
        SKIP("debug=poison is off");
    paddr_t frame = pmm_alloc_page();
    CHECK(frame);
    pmm_free_page(frame);
    uint8_t *page = frame_map(paddr_to_pfn(frame));
    CHECK(is_filled(page, PAGE_SIZE, 0xaa));
    for (unsigned at = 0; at < PAGE_SIZE; at += 1365) {
        page[at] ^= 1;
        CHECK(!mm_check());
        page[at] ^= 1;
        CHECK(mm_check());
    }
    page[PAGE_MASK] = 0;
    CHECK(ktest_panics(alloc_it, NULL, "page: write after free"));
    page[PAGE_MASK] = 0xaa;
    frame_unmap(paddr_to_pfn(frame), page);
    pmm_free_page(frame); /* the panic came after it was taken */
    CHECK(mm_check());
}

/* What an aligned allocation gives back at once is free like all else. */
KTEST(debug_pages, rest_of_an_aligned_allocation)
{
    if (!debug_on(DEBUG_POISON))
        SKIP("debug=poison is off");
    paddr_t frames = pmm_alloc_pages_aligned(3, 3, PMM_DIRECT);
    CHECK(frames);
    for (unsigned i = 3; i < 8; i++) {
        pfn_t rest = pfn(paddr_to_pfn(frames).n + i);
        mm_print_frame(fresh(), rest);
        CHECK(says("freed by "));
        CHECK(is_filled(frame_to_ptr(rest), PAGE_SIZE, 0xaa));
    }
    pmm_free_pages(frames, 3);
    CHECK(mm_check());
}

/* Zeros when asked for, whatever a free frame holds. */
KTEST(debug_pages, zeros)
{
    paddr_t frame = pmm_alloc_page_flags(PMM_ZERO);
    CHECK(frame);
    CHECK(is_filled(frame_to_ptr(paddr_to_pfn(frame)), PAGE_SIZE, 0));
    pmm_free_page(frame);
}
