/* test_buddy.c - chunks are split and merged without loss, in zones made up for the purpose. */
#include "buddy.h"
#include "testing.h"

#define BLOCKS 4
#define PAGES  (BLOCKS * BLOCK_FRAMES)

/* Where numbers have 64 bits, frame 2^32 is in the middle. */
#define MIDDLE (sizeof(long) > 4 ? 1ul << 16 << 16 : 5 * BLOCK_FRAMES)
#define BASE   (MIDDLE - 2 * BLOCK_FRAMES)

static struct zone zone;
static struct block blocks[BLOCKS];
static struct block_map maps[BLOCKS];
static uint16_t pages[PAGES]; /* in random order, counted from BASE */

static void
begin(unsigned long start, unsigned long end)
{
    buddy_init(&zone, "test", pfn(BASE + start), pfn(BASE + end), blocks, maps);
}

/* True when all of [start, end) is free and merged as far as it goes. */
static bool
is_whole(unsigned long start, unsigned long end)
{
    unsigned long wanted[ORDERS] = {0};
    for (unsigned long page = BASE + start; page < BASE + end;) {
        unsigned order = MAX_ORDER;
        while (page & ((1ul << order) - 1) || page + (1ul << order) > BASE + end)
            order--;
        wanted[order]++;
        page += 1ul << order;
    }
    for (unsigned order = 0; order < ORDERS; order++)
        if (buddy_count_free(&zone, order) != wanted[order])
            return false;
    return zone.free == end - start && zone_check(&zone);
}

KTEST(buddy, every_order)
{
    begin(0, PAGES);
    for (unsigned order = 0; order < ORDERS; order++) {
        pfn_t chunk = buddy_alloc(&zone, order);
        CHECK(chunk.n >= BASE && chunk.n + (1ul << order) <= BASE + PAGES);
        CHECK_EQ(chunk.n & ((1ul << order) - 1), 0);
        CHECK_EQ(zone.free, PAGES - (1ul << order));
        CHECK(!buddy_is_free(&zone, chunk, 1));
        for (unsigned left = order; left < MAX_ORDER; left++)
            CHECK_EQ(buddy_count_free(&zone, left), 1);
        CHECK(zone_check(&zone));
        buddy_free(&zone, chunk, order);
        CHECK(is_whole(0, PAGES));
    }
}

/* Every cut of a block into halves, quarters, ... is taken down to single pages and put back. */
KTEST(buddy, all_of_one_order)
{
    for (unsigned order = 0; order < ORDERS; order++) {
        begin(0, PAGES);
        for (unsigned long i = 0; i < PAGES >> order; i++) {
            pfn_t chunk = buddy_alloc(&zone, order);
            CHECK(chunk.n);
            CHECK_EQ(chunk.n & ((1ul << order) - 1), 0);
        }
        CHECK_EQ(zone.free, 0);
        CHECK_EQ(buddy_alloc(&zone, 0).n, 0);
        for (unsigned long i = 0; i < PAGES; i += 1ul << order)
            buddy_free(&zone, pfn(BASE + i), order);
        CHECK(is_whole(0, PAGES));
    }
}

KTEST(buddy, odd_ends)
{
    static const uint16_t ends[][2] = {{1, PAGES},        {0, PAGES - 1},   {5, 6},
                                       {1023, 1025},      {1, 1024},        {511, 3 * 1024 + 513},
                                       {1000, PAGES - 7}, {1024, 2 * 1024}, {0, 1},
                                       {4095, 4096},      {33, 65},         {1024 + 31, 1024 + 97}};
    for (unsigned i = 0; i < ARRAY_LENGTH(ends); i++) {
        unsigned long start = ends[i][0], end = ends[i][1], got = 0;
        begin(start, end);
        CHECK(is_whole(start, end));
        for (pfn_t page; (page = buddy_alloc(&zone, 0)).n; got++)
            CHECK(page.n >= BASE + start && page.n < BASE + end);
        CHECK_EQ(got, end - start);
        buddy_free_range(&zone, pfn(BASE + start), end - start);
        CHECK(is_whole(start, end));
    }
}

/* The tail of a count that is no power of two is there for others at once. */
KTEST(buddy, exact_counts)
{
    begin(0, PAGES);
    for (unsigned long count = 1; count <= BLOCK_FRAMES; count += count < 70 ? 1 : 53) {
        unsigned long aligned = 1;
        while (aligned < count)
            aligned <<= 1;
        pfn_t start = buddy_alloc_count(&zone, count);
        CHECK(start.n);
        CHECK_EQ(start.n & (aligned - 1), 0);
        CHECK_EQ(zone.free, PAGES - count);
        CHECK(!buddy_is_free(&zone, pfn(start.n + count - 1), 1));
        CHECK(buddy_is_free(&zone, pfn(start.n + count), aligned - count));
        CHECK(zone_check(&zone));
        buddy_free_range(&zone, start, count);
        CHECK(is_whole(0, PAGES));
    }
}

KTEST(buddy, longer_than_a_block)
{
    static const uint16_t counts[] = {1025, 2047, 2048, 2049, 3 * 1024 + 1, PAGES};
    begin(0, PAGES);
    for (unsigned i = 0; i < ARRAY_LENGTH(counts); i++) {
        unsigned long count = counts[i];
        pfn_t start = buddy_alloc_count(&zone, count);
        CHECK(start.n);
        CHECK_EQ(start.n & (BLOCK_FRAMES - 1), 0);
        CHECK_EQ(zone.free, PAGES - count);
        CHECK(zone_check(&zone));
        buddy_free_range(&zone, start, count);
        CHECK(is_whole(0, PAGES));
    }
    CHECK_EQ(buddy_alloc_count(&zone, PAGES + 1).n, 0);
    CHECK_EQ(buddy_alloc_count(&zone, ~0ul).n, 0);

    pfn_t page = buddy_alloc(&zone, 0); /* breaks the run, wherever it is */
    CHECK(page.n);
    CHECK_EQ(buddy_alloc_count(&zone, PAGES - 1).n, 0);
    CHECK_EQ(zone.free, PAGES - 1);
    buddy_free(&zone, page, 0);
    CHECK(is_whole(0, PAGES));
}

/* A run takes neighbours only, though enough whole blocks are there. */
KTEST(buddy, runs_are_neighbours)
{
    begin(0, PAGES);
    CHECK_EQ(buddy_alloc_count(&zone, PAGES).n, BASE);
    buddy_free(&zone, pfn(BASE), MAX_ORDER);
    buddy_free(&zone, pfn(BASE + 2 * BLOCK_FRAMES), MAX_ORDER);
    CHECK_EQ(buddy_alloc_count(&zone, BLOCK_FRAMES + 1).n, 0);
    CHECK_EQ(zone.free, 2 * BLOCK_FRAMES);
    buddy_free(&zone, pfn(BASE + 3 * BLOCK_FRAMES), MAX_ORDER);
    CHECK_EQ(buddy_alloc_count(&zone, BLOCK_FRAMES + 1).n, BASE + 2 * BLOCK_FRAMES);
    CHECK_EQ(zone.free, 2 * BLOCK_FRAMES - 1);
    CHECK(zone_check(&zone));
}

/* Fragmentation is never left behind: all pages in, in any order, give whole blocks. */
KTEST(buddy, random_order_merges)
{
    uint32_t state = ktest_seed();
    unsigned long start = random_below(&state, 1500), end = PAGES - random_below(&state, 1500);
    uint32_t count = (uint32_t)(end - start);
    begin(start, end);
    for (uint32_t i = 0; i < count; i++) {
        pfn_t page = buddy_alloc(&zone, 0);
        CHECK(page.n);
        pages[i] = (uint16_t)(page.n - BASE);
    }
    CHECK_EQ(zone.free, 0);
    CHECK(zone_check(&zone));
    shuffle(&state, pages, count);
    for (uint32_t i = 0; i < count; i++)
        buddy_free(&zone, pfn(BASE + pages[i]), 0);
    CHECK(is_whole(start, end));
}

KTEST(buddy, singles)
{
    uint32_t batch[37], got = 0;
    begin(5, 1100);
    for (uint32_t more; (more = buddy_alloc_many(&zone, 0, batch, 37)) > 0; got += more) {
        CHECK(8 * more >= 37 || zone.free == 0);
        CHECK_EQ(zone.free, 1095 - got - more);
        CHECK(zone_check(&zone));
        for (uint32_t i = 0; i < more; i++) {
            unsigned long page = zone_origin(&zone) + batch[i] - BASE;
            CHECK(page >= 5 && page < 1100);
            CHECK(!buddy_is_free(&zone, pfn(BASE + page), 1));
            pages[got + i] = (uint16_t)page;
        }
    }
    CHECK_EQ(got, 1095);
    for (uint32_t i = 0; i < got; i++)
        buddy_free(&zone, pfn(BASE + pages[i]), 0); /* panics when one was there twice */
    CHECK(is_whole(5, 1100));
}

/* A rest is taken with a whole word behind it: no word is left in two. */
KTEST(buddy, thin_words)
{
    uint32_t batch[64];
    begin(0, BLOCK_FRAMES);
    CHECK_EQ(buddy_alloc_many(&zone, 0, batch, 31), 31);
    CHECK_EQ(buddy_alloc_many(&zone, 0, batch, 64), 33);
    CHECK_EQ(zone.free % 32, 0);
    CHECK_EQ(buddy_count_free(&zone, 5) * 32 + buddy_count_free(&zone, 6) * 64 +
                 buddy_count_free(&zone, 7) * 128 + buddy_count_free(&zone, 8) * 256 +
                 buddy_count_free(&zone, 9) * 512,
             zone.free);
    CHECK(zone_check(&zone));
}

/* The block that a single page comes from. */
static uint32_t
block_of_one(void)
{
    uint32_t page;
    if (buddy_alloc_many(&zone, 0, &page, 1) != 1)
        return NO_BLOCK;
    return (uint32_t)(zone_origin(&zone) + page - zone.base) >> MAX_ORDER;
}

/* A CPU leaves the block alone from which another one fills its stacks, as long as it has another,
 * and goes on with the one that it has. */
KTEST(buddy, cpus_apart)
{
    unsigned other = (cpu_current() + 1) % CPU_MAX;
    begin(0, 3 * BLOCK_FRAMES);
    uint32_t first = block_of_one();
    CHECK_EQ(block_of_one(), first);
    zone.refills[cpu_current()] = NO_BLOCK;
    zone.refills[other] = first;
    uint32_t second = block_of_one();
    CHECK(second != first);
    CHECK_EQ(block_of_one(), second);
    CHECK_EQ(zone.refills[cpu_current()], second);
    while (zone.blocks[second].free)
        CHECK_EQ(block_of_one(), second);
    uint32_t third = block_of_one();
    CHECK(third != first && third != second);
    while (zone.free > zone.blocks[first].free)
        CHECK_EQ(block_of_one(), third);
    CHECK_EQ(block_of_one(), first); /* better shared than none */
    CHECK(zone_check(&zone));
}

/* What goes back word by word: several pages of one, whole words, pages of different blocks. */
KTEST(buddy, words_go_back)
{
    begin(0, PAGES);
    uint32_t first = (uint32_t)(BASE - zone_origin(&zone));
    for (unsigned block = 0; block < BLOCKS; block++)
        CHECK(buddy_alloc(&zone, MAX_ORDER).n);
    const struct buddy_word words[] = {
        {.first = first + 64, .pages = 0x8000000f, .count = 5},
        {.first = first + 3 * BLOCK_FRAMES + 32, .pages = ~0u, .count = 32},
        {.first = first + 64, .pages = 0x30, .count = 2},
    };
    buddy_free_words(&zone, words, ARRAY_LENGTH(words), 0);
    CHECK_EQ(zone.free, 39);
    CHECK_EQ(buddy_free_order(&zone, pfn(BASE + 64)), 2);
    CHECK_EQ(buddy_free_order(&zone, pfn(BASE + 68)), 1);
    CHECK_EQ(buddy_free_order(&zone, pfn(BASE + 95)), 0);
    CHECK_EQ(buddy_free_order(&zone, pfn(BASE + 3 * BLOCK_FRAMES + 32)), 5);
    CHECK(zone_check(&zone));
}

/* ---- misuse ---- */

struct chunk {
    pfn_t start;
    unsigned order;
};

static void
free_chunk(void *chunk)
{
    buddy_free(&zone, ((struct chunk *)chunk)->start, ((struct chunk *)chunk)->order);
}

static bool
free_panics(unsigned long start, unsigned order, const char *text)
{
    struct chunk chunk = {pfn(start), order};
    return ktest_panics(free_chunk, &chunk, text);
}

KTEST(buddy, double_free)
{
    begin(0, 2 * BLOCK_FRAMES);
    CHECK(free_panics(BASE, 0, "double free")); /* never allocated, its block closed */
    unsigned long page = buddy_alloc(&zone, 0).n;
    CHECK(page);
    CHECK(free_panics(page, 1, "double free")); /* larger than it is: the buddy is free */
    CHECK(free_panics(page, 4, "double free"));
    buddy_free(&zone, pfn(page), 0);
    CHECK(free_panics(page, 0, "double free")); /* merged into a block */
    CHECK(free_panics(page, MAX_ORDER, "double free"));

    page = buddy_alloc(&zone, 6).n; /* a part of it is free */
    buddy_free(&zone, pfn(page + 33), 0);
    CHECK(free_panics(page, 6, "double free"));
    CHECK(free_panics(page + 32, 1, "double free"));
    CHECK(free_panics(page + 32, 5, "double free"));
    buddy_free(&zone, pfn(page + 32), 0);
    buddy_free(&zone, pfn(page), 5);
    buddy_free_range(&zone, pfn(page + 34), 30);
    CHECK(is_whole(0, 2 * BLOCK_FRAMES));
}

KTEST(buddy, foreign_frames)
{
    begin(0, 2 * BLOCK_FRAMES);
    unsigned long chunk = buddy_alloc_count(&zone, 2 * BLOCK_FRAMES).n;
    CHECK_EQ(chunk, BASE);
    CHECK(free_panics(BASE - 1, 0, "no chunk of this zone"));
    CHECK(free_panics(0, 0, "no chunk of this zone"));
    CHECK(free_panics(BASE + 2 * BLOCK_FRAMES, 0, "no chunk of this zone"));
    CHECK(free_panics(~0ul, 0, "no chunk of this zone"));
    CHECK(free_panics(BASE + 1, 1, "no chunk of this zone")); /* not aligned */
    CHECK(free_panics(BASE + 256, 9, "no chunk of this zone"));
    CHECK(free_panics(BASE, MAX_ORDER + 1, "no chunk of this zone"));
    if (sizeof(long) == 8)
        CHECK(free_panics(BASE + (BLOCK_FRAMES << 16 << 16), 0, "no chunk of this zone"));
    CHECK_EQ(zone.free, 0);
    CHECK(zone_check(&zone));
}

/* ---- against a model ---- */

/* One byte a page tells what is allocated. The buddy must find a chunk exactly when the model has
 * one: anything less would mean that free chunks were not merged. */
static uint8_t used[PAGES];
static struct chunk live[96];

static bool
model_has(unsigned long start, unsigned long count, uint8_t value)
{
    return is_filled(&used[start], count, value);
}

static bool
model_can(unsigned order)
{
    for (unsigned long i = 0; i < PAGES; i += 1ul << order)
        if (model_has(i, 1ul << order, 0))
            return true;
    return false;
}

static void
model_set(const struct chunk *chunk, uint8_t value)
{
    for (unsigned long i = 0; i < 1ul << chunk->order; i++)
        used[chunk->start.n - BASE + i] = value;
}

static bool
model_alloc(struct chunk *chunk, unsigned order)
{
    pfn_t start = buddy_alloc(&zone, order);
    *chunk = (struct chunk){start, order};
    if (!start.n)
        return !model_can(order);
    if (start.n & ((1ul << order) - 1) || start.n < BASE ||
        start.n + (1ul << order) > BASE + PAGES || !model_has(start.n - BASE, 1ul << order, 0))
        return false;
    model_set(chunk, 1);
    return true;
}

KTEST(buddy, against_a_model)
{
    uint32_t state = ktest_seed();
    unsigned long start = random_below(&state, 600), end = PAGES - random_below(&state, 600);
    begin(start, end);
    for (unsigned long i = 0; i < PAGES; i++)
        used[i] = i < start || i >= end;
    for (unsigned i = 0; i < ARRAY_LENGTH(live); i++)
        live[i].start.n = 0;

    for (unsigned step = 0; step < 3000; step++) {
        struct chunk *chunk = &live[random_below(&state, ARRAY_LENGTH(live))];
        if (chunk->start.n) {
            buddy_free(&zone, chunk->start, chunk->order);
            model_set(chunk, 0);
            chunk->start.n = 0;
        } else {
            unsigned largest = random_below(&state, ORDERS);
            CHECK(model_alloc(chunk, random_below(&state, largest + 1)));
        }
        if (step % 128 == 0)
            CHECK(zone_check(&zone));
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(live); i++)
        if (live[i].start.n)
            buddy_free(&zone, live[i].start, live[i].order);
    CHECK(is_whole(start, end));
}
