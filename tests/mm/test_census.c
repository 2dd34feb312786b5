/* test_census.c - each frame's owner in a byte. */
#include <string.h>

#include "buddy.h"
#include "census.h"
#include "page.h"
#include "testing.h"
#include "../../mm/mm_private.h"

#define STRETCH 256u

/* The byte of one frame; 0xFF when there is none. */
static uint8_t
byte_of(unsigned long frame)
{
    uint8_t byte;
    return census_frames(pfn(frame), &byte, 1) == 1 ? byte : 0xFF;
}

/* True when frames [first, end) have the same byte. */
static bool
all_are(unsigned long first, unsigned long end, uint8_t byte)
{
    for (; first < end; first++)
        if (byte_of(first) != byte)
            return false;
    return true;
}

KTEST(census, bytes_add_up_to_the_owners)
{
    unsigned long counts[FRAME_OWNERS], seen[FRAME_OWNERS] = {0};
    unsigned long orders[ORDERS] = {0}, frame = FRAME_BASE;
    uint8_t bytes[STRETCH];
    size_t got;
    for (; (got = census_frames(pfn(frame), bytes, STRETCH)) > 0; frame += got)
        for (size_t i = 0; i < got; i++) {
            seen[bytes[i] & FRAME_BYTE_FREE ? FRAME_NONE : bytes[i] & FRAME_BYTE_OWNER]++;
            if ((bytes[i] & (FRAME_BYTE_FREE | FRAME_BYTE_BEHIND)) == FRAME_BYTE_FREE)
                orders[bytes[i] & FRAME_BYTE_ORDER]++;
        }
    CHECK_EQ(frame, FRAME_BASE + ((unsigned long)mm_block_count << MAX_ORDER));
    mm_count_owners(counts);
    counts[FRAME_ABSENT] -= (unsigned long)mm_beyond_frames;
    CHECK(!memcmp(seen, counts, sizeof(seen)));
    for (unsigned order = 0; order < ORDERS; order++) {
        unsigned long chunks = 0;
        for (unsigned zone = 0; zone < ZONE_COUNT; zone++)
            chunks += buddy_count_free(&mm_zones[zone], order);
        CHECK_EQ(orders[order], chunks);
    }
}

KTEST(census, an_allocation_has_a_head_and_frames_behind)
{
    paddr_t run = pmm_alloc_pages(13);
    CHECK(run);
    unsigned long first = paddr_to_pfn(run).n;
    uint8_t bytes[5];
    CHECK_EQ(byte_of(first), FRAME_ALLOCATED);
    CHECK(all_are(first + 1, first + 13, FRAME_ALLOCATED | FRAME_BYTE_BEHIND));
    CHECK(byte_of(first + 13) & FRAME_BYTE_FREE); /* the tail of the chunk of 16 went back */
    CHECK_EQ(census_frames(pfn(first + 10), bytes, 5), 5);
    CHECK(!memcmp(bytes, "\x2C\x2C\x2C\x80\x81", 5));
    pmm_free_pages(run, 13);
}

KTEST(census, an_allocation_of_several_blocks_is_one)
{
    size_t count = 2 * BLOCK_FRAMES + 5;
    paddr_t run = pmm_alloc_pages(count);
    if (!run)
        SKIP("there is no such run");
    unsigned long first = paddr_to_pfn(run).n;
    CHECK_EQ(byte_of(first), FRAME_ALLOCATED);
    for (size_t i = 1; i < count; i += i < count - 9 ? 97 : 1)
        CHECK_EQ(byte_of(first + i), FRAME_ALLOCATED | FRAME_BYTE_BEHIND);
    CHECK(byte_of(first + count) & FRAME_BYTE_FREE);
    pmm_free_pages(run, count);
}

KTEST(census, a_page_tells_whether_several_hold_it)
{
    pfn_t page = page_alloc(FRAME_USER, 0);
    CHECK(page.n);
    CHECK_EQ(byte_of(page.n), FRAME_USER);
    page_get(page);
    CHECK_EQ(byte_of(page.n), FRAME_USER | FRAME_BYTE_SHARED);
    page_put(page);
    CHECK_EQ(byte_of(page.n), FRAME_USER);
    page_put(page);
}

KTEST(census, summaries_are_the_blocks)
{
    struct block_summary summary;
    unsigned long free = 0, frames = 0;
    uint32_t count = 0;
    for (; census_blocks(count, &summary, 1) == 1; count++) {
        const struct block *block = &mm_blocks[count];
        free += summary.free;
        frames += summary.frames;
        CHECK_EQ(summary.levels, block->levels);
        CHECK_EQ(summary.zone == BLOCK_NO_ZONE, !block->open && !block->free);
    }
    CHECK_EQ(count, mm_block_count);
    CHECK_EQ(free + pmm_cached_frames(0) + pmm_cached_frames(1) + pmm_cached_frames(2),
             pmm_free_frames());
    CHECK_EQ(frames, pmm_managed_frames());
}
