/* test_memtest.c - the test of memory: what it sees of free memory, and of frames that are bad. */
#include <string.h>
#include "memtest.h"
#include "mm.h"
#include "page.h"
#include "listener.h"
#include "testing.h"

/* A free frame, with an address or without, that stays free when nobody allocates. */
static pfn_t
free_frame(unsigned flags)
{
    paddr_t page = pmm_alloc_page_flags(flags);

    if (page)
        pmm_free_page(page);
    return paddr_to_pfn(page);
}

/* Steps from a little before a frame until behind it. */
static struct memtest
test_around(pfn_t frame)
{
    struct memtest test = MEMTEST_START(7);

    (void)fresh();
    test.next = pfn(frame.n > 16 ? frame.n - 16 : 1);
    pmm_drain_all();
    while (test.next.n <= frame.n && memtest_step(&test, &text_printer))
        ;
    pmm_drain_all();
    return test;
}

KTEST(memtest, good_memory_comes_back)
{
    unsigned long before = pmm_free_frames(), managed = pmm_managed_frames();
    struct memtest test = test_around(free_frame(0));

    CHECK(test.tested > 0);
    CHECK_EQ(test.bad, 0);
    CHECK_EQ(used, 0);
    CHECK_EQ(pmm_free_frames(), before);
    CHECK_EQ(pmm_managed_frames(), managed);
    CHECK(mm_check());
}

/* Each sees a bit that is stuck, wherever in the frame it is; the frame is out of service. */
KTEST(memtest, bad_frames_are_found)
{
    static const struct memtest_fault faults[] = {{0, 1}, {PAGE_SIZE - 4, 1u << 31}, {0x10, 0x8000}};

    for (unsigned i = 0; i < ARRAY_LENGTH(faults); i++) {
        pfn_t frame = free_frame(0);
        unsigned long before = pmm_free_frames(), managed = pmm_managed_frames();
        struct memtest test;

        CHECK(frame.n);
        memtest_fault = faults[i];
        memtest_fault.at += pfn_to_paddr(frame);
        test = test_around(frame);
        memtest_fault.at = 0;
        CHECK_EQ(test.bad, 1);
        CHECK(strstr(text, "memtest: 0x") && strstr(text, ": wrote ") && strchr(text, '\n'));
        CHECK_EQ(frame_of(frame)->owner, FRAME_BAD);
        CHECK_EQ(pmm_free_frames(), before - 1);
        CHECK_EQ(pmm_managed_frames(), managed - 1);
        CHECK(mm_check());
        test = test_around(frame);
        CHECK_EQ(test.bad, 0); /* nobody looks at it again */
    }
}

KTEST(memtest, nothing_in_use_is_touched)
{
    paddr_t mine = pmm_alloc_pages(5);
    uint8_t *bytes;
    struct memtest test;

    CHECK(mine);
    bytes = frame_map(paddr_to_pfn(mine));
    memset(bytes, 0x5A, PAGE_SIZE);
    test = test_around(paddr_to_pfn(mine));
    CHECK(test.next.n > paddr_to_pfn(mine).n);
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        CHECK_EQ(bytes[i], 0x5A);
    frame_unmap(paddr_to_pfn(mine), bytes);
    pmm_free_pages(mine, 5);
}

/* Every frame that is free is tested once. */
KTEST(memtest, all_of_it)
{
    struct memtest test = MEMTEST_START(1);
    unsigned long free;

    if (pmm_free_frames() > 16384)
        SKIP("too much memory to test it all here");
    mm_drain();
    free = pmm_free_frames();
    while (memtest_step(&test, &text_printer))
        ;
    CHECK_EQ(test.tested, free);
    CHECK_EQ(test.next.n, memtest_end().n);
    CHECK_EQ(test.bad, 0);
    CHECK(mm_check());
}
