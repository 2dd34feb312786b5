/* test_page.c - frames for programs: holders, owners, windows. */
#include <string.h>

#include "mm.h"
#include "page.h"
#include "testing.h"
#include "space.h"

KTEST(page, holders)
{
    unsigned long before = pmm_free_frames();
    pfn_t page = page_alloc(FRAME_USER, 0);

    CHECK(page.n);
    CHECK_EQ(frame_of(page)->owner, FRAME_USER);
    CHECK_EQ(frame_of(page)->count, 1);
    page_get(page);
    page_get(page);
    CHECK_EQ(frame_of(page)->count, 3);
    CHECK(mm_check());
    page_put(page);
    page_put(page);
    CHECK_EQ(pmm_free_frames(), before - 1);
    page_put(page);
    CHECK_EQ(pmm_free_frames(), before);
}

KTEST(page, owners_and_flags)
{
    static const enum frame_owner owners[] = {FRAME_USER, FRAME_CACHE, FRAME_PAGE_TABLE};

    for (unsigned i = 0; i < 3 * 4; i++) {
        unsigned flags = i / 3 == 3 ? PMM_ZERO : i / 3;
        pfn_t page = page_alloc(owners[i % 3], flags);
        CHECK(page.n || flags & PMM_DMA);
        if (!page.n)
            continue;
        CHECK_EQ(frame_of(page)->owner, owners[i % 3]);
        CHECK(!(flags & PMM_ZERO) || is_filled(frame_to_ptr(page), PAGE_SIZE, 0));
        page_put(page);
    }
}

/* What an owner kept in the descriptor is gone when the frame is handed out again. */
KTEST(page, comes_clean)
{
    pfn_t page = page_alloc(FRAME_PAGE_TABLE, 0);

    CHECK(page.n);
    frame_of(page)->live = 77;
    frame_of(page)->flags = 5;
    page_put(page);
    paddr_t next = pmm_alloc_page();
    CHECK(next);
    CHECK_EQ(frame_of(paddr_to_pfn(next))->live, 0);
    CHECK_EQ(frame_of(paddr_to_pfn(next))->flags, 0);
    pmm_free_page(next);
}

static void
free_page(void *page)
{
    page_free(*(pfn_t *)page);
}

KTEST(page, misuse)
{
    pfn_t page = page_alloc(FRAME_USER, 0);

    CHECK(page.n);
    page_get(page);
    CHECK(ktest_panics(free_page, &page, "as 1 frames: it is 2 frames of 'program'"));
    page_put(page);
    page_put(page);
    CHECK(ktest_panics(free_page, &page, "double free"));
}

KTEST(page, fails_on_demand)
{
    mm_drain(); /* failing on purpose empties magazines, and slabs with them */
    unsigned long before = pmm_free_frames();

    mm_fail_nth(2);
    pfn_t first = page_alloc(FRAME_USER, 0), second = page_alloc(FRAME_PAGE_TABLE, 0);
    pfn_t third = page_alloc(FRAME_CACHE, 0);
    mm_fail_nth(0);
    CHECK(first.n && !second.n && third.n);
    page_put(first);
    frame_of(third)->owner = FRAME_USER; /* in no object */
    page_put(third);
    CHECK_EQ(pmm_free_frames(), before);
}

KTEST(page, counters)
{
    unsigned long allocated = vm_counted(pgalloc), freed = vm_counted(pgfree);

    for (unsigned i = 0; i < 100; i++) {
        pfn_t page = page_alloc(FRAME_USER, 0);
        CHECK(page.n);
        page_put(page);
    }
    CHECK_EQ(vm_counted(pgalloc), allocated + 100);
    CHECK_EQ(vm_counted(pgfree), freed + 100);
}

/* ---- windows ---- */

static void
open_window(void *page)
{
    frame_map_window(*(pfn_t *)page);
}

static void
close_window(void *address)
{
    frame_unmap_window(address);
}

/* Windows show the frames themselves, whatever else shows them, and nest. */
KTEST(page, windows)
{
    pfn_t pages[FRAME_WINDOWS];
    uint8_t *open[FRAME_WINDOWS];

    for (unsigned i = 0; i < FRAME_WINDOWS; i++) {
        pages[i] = page_alloc(FRAME_USER, PMM_DIRECT);
        CHECK(pages[i].n);
        memset(frame_to_ptr(pages[i]), (int)i, PAGE_SIZE);
    }
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < FRAME_WINDOWS; i++)
            open[i] = frame_map_window(pages[(i + round) % FRAME_WINDOWS]);
        CHECK(ktest_panics(open_window, &pages[0], "assertion failed"));
        CHECK(ktest_panics(close_window, open[0], "not the window opened last"));
        for (unsigned i = FRAME_WINDOWS; i--;) {
            CHECK(is_filled(open[i], PAGE_SIZE, (uint8_t)((i + round) % FRAME_WINDOWS)));
            open[i][17] = 0xee;
            frame_unmap_window(open[i]);
            uint8_t *memory = frame_to_ptr(pages[(i + round) % FRAME_WINDOWS]);
            CHECK_EQ(memory[17], 0xee);
            memory[17] = (uint8_t)((i + round) % FRAME_WINDOWS);
        }
        CHECK(ktest_panics(close_window, open[0], "not the window opened last"));
    }
    for (unsigned i = 0; i < FRAME_WINDOWS; i++)
        page_put(pages[i]);
}

/* frame_map gives any frame an address, for the time until frame_unmap. */
KTEST(page, map_any_frame)
{
    for (unsigned i = 0; i < 3 * FRAME_WINDOWS; i++) {
        pfn_t page = page_alloc(FRAME_USER, 0);
        CHECK(page.n);
        uint8_t *bytes = frame_map(page);
        memset(bytes, 0x5c, PAGE_SIZE);
        frame_unmap(page, bytes);
        bytes = frame_map(page);
        CHECK(is_filled(bytes, PAGE_SIZE, 0x5c));
        frame_unmap(page, bytes);
        page_put(page);
    }
}
