/* test_zone.c - blocks stay closed until they are needed, broken ones are used first, and
 * zone_check sees what is wrong. */
#include "buddy.h"
#include "testing.h"

#define BLOCKS 5
#define BASE   (7 * BLOCK_FRAMES)

static struct zone zone;
static struct block blocks[BLOCKS];
static struct block_map maps[BLOCKS];
static unsigned opened[BLOCKS];

static void
count_opened(struct zone *of, uint32_t block)
{
    if (of == &zone)
        opened[block]++;
}

/* A zone over [start, end), counted from BASE, that tells which blocks it opens. */
static void
begin(unsigned long start, unsigned long end)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        opened[i] = 0;
        maps[i] = (struct block_map){.words = {0x5555}, .pages = {0x12345678}};
    }
    zone_init(&zone, "test", 2, blocks, maps, BASE, BLOCKS);
    zone.opened = count_opened;
    buddy_add(&zone, pfn(BASE + start), pfn(BASE + end));
}

KTEST(zone, empty)
{
    zone_init(&zone, "test", 2, blocks, maps, BASE, BLOCKS);
    CHECK_EQ(zone.free, 0);
    CHECK_EQ(zone.managed, 0);
    CHECK_EQ(buddy_alloc(&zone, 0).n, 0);
    CHECK_EQ(buddy_alloc(&zone, MAX_ORDER).n, 0);
    CHECK_EQ(buddy_alloc_count(&zone, 2 * BLOCK_FRAMES).n, 0);
    CHECK(!buddy_is_free(&zone, pfn(BASE), 1));
    CHECK(zone_check(&zone));
}

KTEST(zone, opens_what_it_must)
{
    begin(0, BLOCKS * BLOCK_FRAMES);
    CHECK_EQ(opened[0] + opened[1] + opened[2] + opened[3] + opened[4], 0);
    CHECK_EQ(buddy_count_free(&zone, MAX_ORDER), BLOCKS);
    CHECK(zone_check(&zone));

    pfn_t page = buddy_alloc(&zone, 0);
    CHECK(page.n >= BASE);
    CHECK_EQ(opened[0] + opened[1] + opened[2] + opened[3] + opened[4], 1);
    CHECK_EQ(opened[(page.n - BASE) >> MAX_ORDER], 1);
    CHECK(zone_check(&zone));

    buddy_free(&zone, page, 0);
    page = buddy_alloc(&zone, 3);
    CHECK(page.n >= BASE);
    buddy_free(&zone, page, 3);
    for (unsigned i = 0; i < BLOCKS; i++)
        CHECK(opened[i] <= 1);
    CHECK(zone_check(&zone));
}

KTEST(zone, odd_ends_are_open)
{
    begin(3, 3 * BLOCK_FRAMES + 1);
    CHECK_EQ(opened[0], 1);
    CHECK_EQ(opened[1] + opened[2], 0);
    CHECK_EQ(opened[3], 1);
    CHECK_EQ(opened[4], 0);
    CHECK_EQ(zone.free, 3 * BLOCK_FRAMES - 2);
    CHECK_EQ(zone.managed, 3 * BLOCK_FRAMES - 2);
    CHECK(zone_check(&zone));
}

/* A block that is opened before its pieces arrive grows to a whole one. */
KTEST(zone, block_from_pieces)
{
    begin(0, 0);
    for (unsigned long i = 0; i < BLOCK_FRAMES; i += 128) {
        buddy_add(&zone, pfn(BASE + i), pfn(BASE + i + 128));
        CHECK(zone_check(&zone));
    }
    CHECK_EQ(opened[0], 1);
    CHECK_EQ(buddy_count_free(&zone, MAX_ORDER), 1);
    CHECK_EQ(zone.managed, BLOCK_FRAMES);
}

/* Small allocations come from broken blocks: whole ones stay whole, and closed. */
KTEST(zone, broken_blocks_first)
{
    begin(0, BLOCKS * BLOCK_FRAMES);
    for (unsigned i = 0; i < BLOCK_FRAMES; i++)
        CHECK(buddy_alloc(&zone, 0).n);
    CHECK_EQ(buddy_count_free(&zone, MAX_ORDER), BLOCKS - 1);
    CHECK(buddy_alloc(&zone, 9).n);
    CHECK(buddy_alloc(&zone, 2).n);
    CHECK(buddy_alloc(&zone, 8).n);
    CHECK_EQ(buddy_count_free(&zone, MAX_ORDER), BLOCKS - 2);
    CHECK_EQ(opened[0] + opened[1] + opened[2] + opened[3] + opened[4], 2);
    CHECK(zone_check(&zone));
}

/* Of two broken blocks the one whose largest chunk is smaller serves. */
KTEST(zone, best_fit)
{
    begin(0, 2 * BLOCK_FRAMES);
    pfn_t half = buddy_alloc(&zone, 9);
    pfn_t rest = buddy_alloc(&zone, 8);
    pfn_t other = buddy_alloc(&zone, 10);
    CHECK(half.n && rest.n && other.n);
    buddy_free_range(&zone, pfn(other.n + 512), 512);
    pfn_t small = buddy_alloc(&zone, 8);
    CHECK_EQ((small.n - BASE) >> MAX_ORDER, (half.n - BASE) >> MAX_ORDER);
    CHECK(zone_check(&zone));
}

KTEST(zone, check_sees_damage)
{
    begin(0, 2 * BLOCK_FRAMES);
    pfn_t page = buddy_alloc(&zone, 0);
    unsigned b = (unsigned)((page.n - BASE) >> MAX_ORDER);
    CHECK(page.n && zone_check(&zone));

    maps[b].pages[9] ^= 4; /* a page less than are counted */
    CHECK(!zone_check(&zone));
    maps[b].pages[9] ^= 4;

    maps[b].words[2] ^= 1; /* a word in two lists */
    CHECK(!zone_check(&zone));
    maps[b].words[2] ^= 1;

    blocks[b].levels ^= 1;
    CHECK(!zone_check(&zone));
    blocks[b].levels ^= 1;

    blocks[b].free--;
    CHECK(!zone_check(&zone));
    blocks[b].free++;

    zone.free++;
    CHECK(!zone_check(&zone));
    zone.free--;

    zone.managed--;
    CHECK(!zone_check(&zone));
    zone.managed++;

    blocks[b].zone = 1;
    CHECK(!zone_check(&zone));
    blocks[b].zone = 2;

    zone.listed ^= 1u << 9;
    CHECK(!zone_check(&zone));
    zone.listed ^= 1u << 9;

    uint32_t list = zone.list[MAX_ORDER];
    zone.list[MAX_ORDER] = b;
    CHECK(!zone_check(&zone));
    zone.list[MAX_ORDER] = list;

    blocks[!b].free--; /* a closed block is all free */
    CHECK(!zone_check(&zone));
    blocks[!b].free++;
    CHECK(zone_check(&zone));
}
