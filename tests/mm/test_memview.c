/* test_memview.c - the map of memory, of made-up machines: what it counts, what it reads. */
#include <string.h>
#include "keys.h"
#include "kmalloc.h"
#include "ktest.h"
#include "memview.h"

/* A block of the machine: `used` frames of one owner, the others free one by one; no RAM when
 * `used` is NO_RAM. */
struct made_up {
    uint16_t used;
    uint16_t owner;
};

#define NO_RAM      0xFFFF
#define MOST_BLOCKS (KTEST_SCRATCH_BYTES / sizeof(struct made_up))

/* Blocks that one refresh reads at most, by what map.c says of itself: 128, and what is left of the
 * last cell of up to eight blocks. */
#define MOST_READ 136u

static struct made_up *const machine = (struct made_up *)(void *)ktest_scratch;
static uint32_t blocks, reads;

static size_t
tell_blocks(uint32_t first, struct block_summary *to, size_t count)
{
    size_t told = 0;

    for (; told < count && first + told < blocks; told++) {
        unsigned used = machine[first + told].used, free = MEMVIEW_BLOCK - used;

        to[told] = (struct block_summary){.zone = BLOCK_NO_ZONE};
        if (used != NO_RAM)
            to[told] = (struct block_summary){.free = (uint16_t)free, .frames = MEMVIEW_BLOCK,
                                              .levels = !used ? 1u << 10 : free > 0};
    }
    return told;
}

static size_t
tell_frames(unsigned long first, uint8_t *to, size_t count)
{
    const struct made_up *block = &machine[first / MEMVIEW_BLOCK];

    if (first / MEMVIEW_BLOCK >= blocks)
        return 0;
    for (size_t i = 0; i < count; i++)
        to[i] = first % MEMVIEW_BLOCK + i < block->used ? (uint8_t)block->owner : FRAME_BYTE_FREE;
    reads++;
    return count;
}

static void
tell_story(unsigned long frame, char *text, size_t size)
{
    (void)frame;
    memset(text, 'x', size - 1);
    text[size - 1] = '\0';
}

static const struct memview_source source = {
    .blocks = tell_blocks, .frames = tell_frames, .story = tell_story};

static void
write_nowhere(const char *text, size_t size)
{
    (void)text;
    (void)size;
}

/* A view of a machine of so many blocks, of which nothing is free. NULL: no memory. */
static struct memview *
begin(uint32_t count)
{
    static const struct memview_page *const pages[] = {&memview_map, NULL};

    blocks = count;
    for (uint32_t i = 0; i < count; i++)
        machine[i] = (struct made_up){MEMVIEW_BLOCK, FRAME_USER};
    void *memory = kzalloc(memview_bytes(&source));
    return memory ? memview_begin(memory, &source, pages, write_nowhere) : NULL;
}

/* Refreshes the view so often; the most blocks that one of them read. */
static unsigned
refresh(struct memview *view, unsigned times)
{
    unsigned most = 0;

    while (times-- > 0) {
        reads = 0;
        memview_refresh(view);
        most = reads > most ? reads : most;
    }
    return most;
}

/* Whether the sums are those of the machine. */
static bool
sums_agree(const struct memview *view)
{
    uint32_t owners[FRAME_OWNERS] = {0};

    for (uint32_t i = 0; i < blocks; i++) {
        unsigned used = machine[i].used;

        owners[used == NO_RAM ? FRAME_FIRMWARE : FRAME_NONE] +=
            used == NO_RAM ? MEMVIEW_BLOCK : MEMVIEW_BLOCK - used;
        if (used != NO_RAM)
            owners[machine[i].owner] += used;
    }
    return memcmp(owners, view->sums.owners, sizeof(owners)) == 0;
}

/* Another block, for which the old one may stand as well. */
static struct made_up
any_block(uint32_t *seed)
{
    static const uint16_t used[] = {0, 1, 500, MEMVIEW_BLOCK, NO_RAM};
    uint16_t owner = (uint16_t)(FRAME_LOW + ktest_random(seed) % (FRAME_OWNERS - FRAME_LOW));

    return (struct made_up){used[ktest_random(seed) % ARRAY_LENGTH(used)], owner};
}

KTEST(memview, counts_every_frame)
{
    static const uint32_t sizes[] = {1, 2, 129, 1000, 1024, 1025, 4000, MOST_BLOCKS};
    uint32_t seed = ktest_seed();

    for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
        struct memview *view = begin(sizes[i]);
        unsigned enough = sizes[i] / 50 + 3; /* those that changed, then all others, in turn */

        if (!view)
            SKIP("no memory for a view");
        CHECK(refresh(view, enough) <= MOST_READ);
        CHECK(sums_agree(view));
        for (unsigned n = 0; n < sizes[i] / 2 + 1; n++)
            machine[ktest_random(&seed) % sizes[i]] = any_block(&seed);
        CHECK(refresh(view, enough) <= MOST_READ);
        CHECK(sums_agree(view));
        memview_end(view);
        kfree(view);
    }
}

/* A block whose number of free frames stays, and one in which it changes, where 300 others change
 * all the time, on either side of them. When these rest, a change is seen at once. */
KTEST(memview, reads_changes_in_turn)
{
    struct memview *view = begin(1024);

    if (!view)
        SKIP("no memory for a view");
    refresh(view, 12);
    CHECK(sums_agree(view));
    machine[5].owner = machine[900].owner = FRAME_CACHE;
    machine[6].used = machine[901].used = 7;
    for (unsigned i = 0; i < 1024 / 16 + 1; i++) {
        for (unsigned block = 100; block < 400; block++)
            machine[block].used = (uint16_t)(MEMVIEW_BLOCK - 1 + i % 2);
        CHECK(refresh(view, 1) <= MOST_READ);
    }
    CHECK_EQ(view->tallies[5].owners[FRAME_CACHE], MEMVIEW_BLOCK);
    CHECK_EQ(view->tallies[900].owners[FRAME_CACHE], MEMVIEW_BLOCK);
    CHECK_EQ(view->tallies[6].owners[FRAME_USER], 7);
    CHECK_EQ(view->tallies[901].owners[FRAME_USER], 7);
    refresh(view, 3); /* enough for the 300 */
    machine[901].used = 8;
    refresh(view, 1);
    CHECK_EQ(view->tallies[901].owners[FRAME_USER], 8);
    kfree(view);
}

/* Whatever is pressed, the cursor stays on memory that there is. */
KTEST(memview, any_key)
{
    static const int keys[] = {'\n', '\n', '\b', KEY_UP, KEY_DOWN, KEY_LEFT, KEY_RIGHT, KEY_HOME,
                               KEY_END, KEY_PAGE_UP, KEY_PAGE_DOWN, '+', '-', 'm', CTRL('L')};
    static const uint32_t sizes[] = {1, 3, 1100, MOST_BLOCKS};
    uint32_t seed = ktest_seed();

    for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
        struct memview *view = begin(sizes[i]);

        if (!view)
            SKIP("no memory for a view");
        for (unsigned n = 0; n < 200; n++) {
            machine[ktest_random(&seed) % sizes[i]] = any_block(&seed);
            CHECK(memview_key(view, keys[ktest_random(&seed) % ARRAY_LENGTH(keys)]));
            refresh(view, 1);
            memview_draw(view);
            const struct zoom *zoom = &view->zooms[view->depth];
            CHECK(zoom->cursor < zoom->cells);
            CHECK((zoom->first + ((unsigned long)zoom->cursor << zoom->order)) / MEMVIEW_BLOCK <
                  blocks);
        }
        CHECK(!memview_key(view, 'q'));
        memview_end(view);
        kfree(view);
    }
}
