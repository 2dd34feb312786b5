/* map.c - the map of memory: cells of frames, each by who owns most of it.
 *
 * What is read when
 *
 *   every refresh    the summary of each block, 8 bytes: has its number of free frames changed, or
 *                    which chunks it has? A block that is free as a whole tells all by that.
 *   of the rest      the bytes of about BUDGET blocks: first those that have changed, in turn, then
 *                    others in turn, since owners may change while no number does. Some are left
 *                    for those however many have changed.
 *
 * So a refresh costs about 15 000 instructions for each of about BUDGET blocks, and 60 for each of
 * all. Machines with up to BUDGET blocks in use (512 MiB) are read as a whole each time; of larger
 * ones, what is shown is at most some refreshes old, and the first refreshes show a part.
 *
 * A zoom into the map is small and read whenever it is drawn.
 */
#include "memview.h"
#include "format.h"
#include "keys.h"
#include <string.h>

#define BUDGET 128u
#define FOR_OTHERS 16u /* of them */

#define MAP_ROW    1u
#define MAP_COLUMN 7u
#define ZONE_COLUMN (MAP_COLUMN + MEMVIEW_COLUMNS + 1)
#define HERE_ROW   (MAP_ROW + MEMVIEW_ROWS)
#define LEGEND_ROW (HERE_ROW + 1)
#define LEGEND_ROWS 5u
#define LEGEND_WIDTH 20u
#define STORY_ROW  3u

#define BLOCK_ORDER   10u
#define BLOCK_FREE    (FRAME_BYTE_FREE | BLOCK_ORDER)
#define KEY_ZONE      30u /* a block's key: the zone, which chunks there are, free frames */
#define KEY_LEVELS    16u
#define KEY_UNKNOWN   UINT32_MAX

/* Of a unit: not read since it changed; its blocks' keys tell all; some blocks are to be read. */
enum { UNIT_DUE, UNIT_TOLD, UNIT_MIXED };

const struct owner_look owner_looks[FRAME_OWNERS] = {
    [FRAME_NONE] = {'.', COLOUR_WEAK},
    [FRAME_CACHED] = {'C', COLOUR(CYAN, BLACK)},
    [FRAME_FIRMWARE] = {' ', COLOUR_TEXT},
    [FRAME_LOW] = {'L', COLOUR(WHITE | BRIGHT, BLACK)},
    [FRAME_ABSENT] = {'X', COLOUR(RED | BRIGHT, BLACK)},
    [FRAME_BAD] = {'!', COLOUR(YELLOW | BRIGHT, RED)},
    [FRAME_KERNEL] = {'K', COLOUR(WHITE | BRIGHT, RED)},
    [FRAME_MODULE] = {'M', COLOUR(WHITE | BRIGHT, MAGENTA)},
    [FRAME_BOOTINFO] = {'I', COLOUR(YELLOW | BRIGHT, MAGENTA)},
    [FRAME_METADATA] = {'D', COLOUR(WHITE | BRIGHT, YELLOW)},
    [FRAME_EARLY] = {'E', COLOUR(BLACK, YELLOW)},
    [FRAME_SLAB] = {'S', COLOUR(WHITE | BRIGHT, GREEN)},
    [FRAME_ALLOCATED] = {'A', COLOUR(RED, WHITE)},
    [FRAME_HEAP] = {'H', COLOUR(BLACK, GREEN)},
    [FRAME_VMALLOC] = {'V', COLOUR(YELLOW | BRIGHT, GREEN)},
    [FRAME_PAGE_TABLE] = {'T', COLOUR(BLACK, WHITE)},
    [FRAME_STACK] = {'Z', COLOUR(BLUE, WHITE)},
    [FRAME_USER] = {'P', COLOUR(WHITE | BRIGHT, BLUE)},
    [FRAME_CACHE] = {'F', COLOUR(BLACK, CYAN)},
};

/* ---- cells ---- */

static char
small(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

/* A letter on black in its owner's colour: of the paper, or of the ink where that is black. */
static uint8_t
faint(uint8_t colour)
{
    return colour >> 4 != BLACK ? COLOUR(BRIGHT | colour >> 4, BLACK) : colour;
}

uint16_t
memview_cell(const struct tally *tally)
{
    unsigned best = FRAME_FIRMWARE, used = 0, free = tally->owners[FRAME_NONE];
    const struct owner_look *look;

    for (unsigned owner = FRAME_NONE + 1; owner < FRAME_OWNERS; owner++) {
        if (owner == FRAME_FIRMWARE)
            continue;
        used += tally->owners[owner];
        if (tally->owners[owner] > (best == FRAME_FIRMWARE ? 0 : tally->owners[best]))
            best = owner;
    }
    look = &owner_looks[used == 0 && free > 0 ? FRAME_NONE : best];
    if (used >= free)
        return (uint16_t)(look->colour << 8 | look->letter);
    return (uint16_t)(faint(look->colour) << 8 | look->letter);
}

uint16_t
memview_frame_cell(uint8_t byte)
{
    const struct owner_look *look = &owner_looks[byte & FRAME_BYTE_OWNER];
    bool behind = (byte & (FRAME_BYTE_BEHIND | FRAME_BYTE_SHARED)) != 0;

    if (!(byte & FRAME_BYTE_FREE))
        return (uint16_t)(look->colour << 8 | (behind ? small(look->letter) : look->letter));
    return (uint16_t)(COLOUR_WEAK << 8 |
                      (behind ? '.' : "0123456789a"[byte & FRAME_BYTE_ORDER]));
}

/* ---- counting ---- */

static void
count_run(struct tally *tally, uint8_t byte, unsigned count)
{
    if (!(byte & FRAME_BYTE_FREE)) {
        tally->owners[byte & FRAME_BYTE_OWNER] += (uint16_t)count;
        return;
    }
    tally->owners[FRAME_NONE] += (uint16_t)count;
    if (!(byte & FRAME_BYTE_BEHIND))
        tally->chunks[byte & FRAME_BYTE_ORDER] += (uint16_t)count;
}

/* Where the run of equal bytes that begins at `at` ends. */
static const uint8_t *
run_end(const uint8_t *at, const uint8_t *end)
{
    uint32_t word, all = *at * 0x01010101u;
    uint8_t byte = *at;

    for (; end - at >= 4; at += 4) {
        __builtin_memcpy(&word, at, sizeof(word));
        if (word != all)
            break;
    }
    while (at < end && *at == byte)
        at++;
    return at;
}

static void
count_bytes(struct tally *tally, const uint8_t *at, size_t size)
{
    const uint8_t *end = at + size;

    while (at < end) {
        const uint8_t *start = at;

        at = run_end(at, end);
        count_run(tally, *start, (unsigned)(at - start));
    }
}

static void
add_tally(struct tally *to, const struct tally *from)
{
    for (unsigned i = 0; i < FRAME_OWNERS; i++)
        to->owners[i] += from->owners[i];
    for (unsigned i = 0; i < MEMVIEW_ORDERS; i++)
        to->chunks[i] += from->chunks[i];
}

static void
add_sums(struct memview_sums *to, const struct tally *from)
{
    for (unsigned i = 0; i < FRAME_OWNERS; i++)
        to->owners[i] += from->owners[i];
    for (unsigned i = 0; i < MEMVIEW_ORDERS; i++)
        to->chunks[i] += from->chunks[i];
}

/* ---- the whole machine ---- */

static uint32_t
key_of(const struct block_summary *block)
{
    return (uint32_t)block->zone << KEY_ZONE | (uint32_t)block->levels << KEY_LEVELS | block->free;
}

static unsigned
zone_of(const struct memview *view, uint32_t block)
{
    return block < view->blocks ? view->keys[block] >> KEY_ZONE : BLOCK_NO_ZONE;
}

/* What all frames of a block are, when its key tells: free as a whole, or no memory. */
static bool
key_tells(uint32_t key, uint8_t *byte)
{
    *byte = key >> KEY_ZONE == BLOCK_NO_ZONE ? FRAME_FIRMWARE : BLOCK_FREE;
    return key >> KEY_ZONE == BLOCK_NO_ZONE || (uint16_t)key == MEMVIEW_BLOCK;
}

/* Fills view->bytes with a block. */
static void
read_block(struct memview *view, uint32_t block)
{
    uint8_t byte;
    size_t got;

    if (key_tells(view->keys[block], &byte)) {
        memset(view->bytes, byte | FRAME_BYTE_BEHIND, MEMVIEW_BLOCK);
        view->bytes[0] = byte;
        return;
    }
    got = view->source->frames((unsigned long)block << BLOCK_ORDER, view->bytes, MEMVIEW_BLOCK);
    memset(view->bytes + got, FRAME_FIRMWARE, MEMVIEW_BLOCK - got);
}

/* Counts a block. True when it had to be read. */
static bool
count_block(struct memview *view, uint32_t block, struct tally *tally)
{
    uint8_t byte;

    if (key_tells(view->keys[block], &byte)) {
        tally->owners[byte == BLOCK_FREE ? FRAME_NONE : byte] += MEMVIEW_BLOCK;
        tally->chunks[BLOCK_ORDER] += byte == BLOCK_FREE;
        return false;
    }
    read_block(view, block);
    count_bytes(tally, view->bytes, MEMVIEW_BLOCK);
    return true;
}

/* A block with several cells, all alike. */
static void
fill_cells(struct memview *view, uint32_t block, uint8_t byte)
{
    unsigned order = view->zooms[0].order, count = 1u << (BLOCK_ORDER - order);
    uint16_t *cells = &view->cells[block * count];

    (void)count_block(view, block, &view->tallies[block]);
    for (unsigned i = 0; i < count; i++)
        cells[i] = memview_frame_cell(byte | FRAME_BYTE_BEHIND);
    if (order == 0)
        cells[0] = memview_frame_cell(byte);
}

/* A block with one or several cells. True when it had to be read. */
static bool
read_cells(struct memview *view, uint32_t block)
{
    unsigned order = view->zooms[0].order, size = 1u << order;
    uint16_t *cell = &view->cells[(unsigned long)block << (BLOCK_ORDER - order)];
    uint8_t byte;

    if (key_tells(view->keys[block], &byte)) {
        fill_cells(view, block, byte);
        return false;
    }
    read_block(view, block);
    for (unsigned at = 0; at < MEMVIEW_BLOCK; at += size, cell++) {
        struct tally tally = {0};

        count_bytes(&tally, view->bytes + at, size);
        *cell = order > 0 ? memview_cell(&tally) : memview_frame_cell(view->bytes[at]);
        add_tally(&view->tallies[block], &tally);
    }
    return true;
}

/* Returns the number of blocks that had to be read. */
static unsigned
read_unit(struct memview *view, unsigned unit)
{
    unsigned blocks = 1u << (view->unit_order - BLOCK_ORDER), read = 0;
    uint32_t block = (uint32_t)unit * blocks;
    struct tally *tally = &view->tallies[unit];

    memset(tally, 0, sizeof(*tally));
    if (view->zooms[0].order <= BLOCK_ORDER) {
        read = read_cells(view, block);
    } else {
        for (; blocks > 0 && block < view->blocks; blocks--, block++)
            read += count_block(view, block, tally);
        view->cells[unit] = memview_cell(tally);
    }
    view->states[unit] = read > 0 ? UNIT_MIXED : UNIT_TOLD;
    return read;
}

static void
look_for_changes(struct memview *view)
{
    struct block_summary some[64];
    unsigned shift = view->unit_order - BLOCK_ORDER;
    size_t got;

    for (uint32_t block = 0; block < view->blocks; block += (uint32_t)got) {
        got = view->source->blocks(block, some, ARRAY_LENGTH(some));
        if (got == 0)
            return;
        for (size_t i = 0; i < got; i++) {
            uint32_t key = key_of(&some[i]), *kept = &view->keys[block + i];

            if (key != *kept)
                view->states[(block + i) >> shift] = UNIT_DUE;
            *kept = key;
        }
    }
}

/* Reads units in this state, from behind the last one on, until so many blocks are read or all were
 * looked at. Returns the number of blocks. */
static unsigned
read_units(struct memview *view, uint8_t state, unsigned *last, unsigned budget)
{
    unsigned read = 0;

    for (unsigned i = 0; i < view->units && read < budget; i++) {
        *last = *last + 1 < view->units ? *last + 1 : 0;
        if (view->states[*last] == state)
            read += read_unit(view, *last);
    }
    return read;
}

void
memview_map_refresh(struct memview *view)
{
    unsigned read;

    look_for_changes(view);
    read = read_units(view, UNIT_DUE, &view->last_due, BUDGET - FOR_OTHERS);
    if (read < BUDGET)
        (void)read_units(view, UNIT_MIXED, &view->last_mixed, BUDGET - read);
    memset(&view->sums, 0, sizeof(view->sums));
    for (unsigned unit = 0; unit < view->units; unit++)
        add_sums(&view->sums, &view->tallies[unit]);
}

void
memview_map_begin(struct memview *view)
{
    struct zoom *zoom = &view->zooms[0];
    unsigned long frames = (unsigned long)view->blocks << BLOCK_ORDER;

    while ((frames - 1) >> zoom->order >= MEMVIEW_CELLS)
        zoom->order++;
    zoom->cells = (unsigned)((frames - 1) >> zoom->order) + 1;
    view->unit_order = zoom->order > BLOCK_ORDER ? zoom->order : BLOCK_ORDER;
    view->units = (unsigned)((frames - 1) >> view->unit_order) + 1;
    view->tallies = (struct tally *)(void *)(view + 1);
    view->keys = (uint32_t *)(void *)(view->tallies + view->units);
    view->states = (uint8_t *)(view->keys + view->blocks);
    for (uint32_t block = 0; block < view->blocks; block++)
        view->keys[block] = KEY_UNKNOWN;
}

/* ---- a part of it ---- */

/* Reads the cells of a zoom that is not the whole machine. */
static void
read_near(struct memview *view, const struct zoom *zoom)
{
    unsigned size = 1u << zoom->order;
    uint8_t *bytes = view->bytes;

    memset(&view->near_sums, 0, sizeof(view->near_sums));
    for (unsigned cell = 0; cell < zoom->cells; cell++) {
        unsigned long frame = zoom->first + ((unsigned long)cell << zoom->order);
        struct tally tally = {0};

        if (frame % MEMVIEW_BLOCK == 0)
            read_block(view, (uint32_t)(frame >> BLOCK_ORDER));
        bytes = view->bytes + frame % MEMVIEW_BLOCK;
        count_bytes(&tally, bytes, size);
        view->near[cell] = size > 1 ? memview_cell(&tally) : memview_frame_cell(*bytes);
        add_sums(&view->near_sums, &tally);
    }
}

/* Counts the frames under the cursor. */
static void
count_here(struct memview *view, const struct zoom *zoom, struct tally *tally)
{
    unsigned long frame = zoom->first + ((unsigned long)zoom->cursor << zoom->order);
    unsigned long end = frame + (1ul << zoom->order);

    for (; frame < end && frame >> BLOCK_ORDER < view->blocks; frame += MEMVIEW_BLOCK) {
        unsigned long size = end - frame < MEMVIEW_BLOCK ? end - frame : MEMVIEW_BLOCK;

        read_block(view, (uint32_t)(frame >> BLOCK_ORDER));
        count_bytes(tally, view->bytes + frame % MEMVIEW_BLOCK, size);
    }
}

/* ---- drawing ---- */

static void
draw_cells(struct memview *view, const struct zoom *zoom)
{
    const uint16_t *cells = view->depth > 0 ? view->near : view->cells;
    struct screen *screen = &view->screen;

    for (unsigned i = 0; i < zoom->cells; i++) {
        unsigned row = i / MEMVIEW_COLUMNS, column = i % MEMVIEW_COLUMNS;

        screen_at(screen, MAP_ROW + row, MAP_COLUMN + column, (uint8_t)(cells[i] >> 8));
        if (i == zoom->cursor)
            screen->colour = COLOUR_HERE;
        screen_put(screen, (char)cells[i]);
    }
    screen->cursor_row = MAP_ROW + zoom->cursor / MEMVIEW_COLUMNS;
    screen->cursor_column = MAP_COLUMN + zoom->cursor % MEMVIEW_COLUMNS;
}

/* Beside the cells: where a row begins, and its zone where that is another than above. */
static void
draw_margins(struct memview *view, const struct zoom *zoom)
{
    static const char *const names[] = {"DMA", "Normal", "HighMem", "no RAM"};
    unsigned last = BLOCK_NO_ZONE + 1;
    char amount[AMOUNT_SIZE];

    for (unsigned row = 0; row * MEMVIEW_COLUMNS < zoom->cells; row++) {
        unsigned long frame = zoom->first + ((unsigned long)row * MEMVIEW_COLUMNS << zoom->order);
        unsigned zone = zone_of(view, (uint32_t)(frame >> BLOCK_ORDER));

        screen_at(&view->screen, MAP_ROW + row, 0, COLOUR_TEXT);
        if (view->depth > 0)
            screen_print(&view->screen, "%6lx", frame);
        else
            screen_print(&view->screen, "%6s", memview_amount(amount, frame));
        screen_at(&view->screen, MAP_ROW + row, ZONE_COLUMN, COLOUR_TEXT);
        screen_print(&view->screen, "%s", zone != last ? names[zone] : "");
        last = zone;
    }
}

static void
draw_title(struct memview *view, const struct zoom *zoom)
{
    char all[AMOUNT_SIZE], one[AMOUNT_SIZE];

    memview_amount(all, (unsigned long)zoom->cells << zoom->order);
    memview_amount(one, 1ul << zoom->order);
    if (zoom->order > 0)
        screen_print(&view->screen, "%s, a cell is %s", all, one);
    else
        screen_print(&view->screen, "block %lu", zoom->first >> BLOCK_ORDER);
}

static const char *
name_of(unsigned owner)
{
    return owner == FRAME_FIRMWARE ? "no RAM" : frame_owner_name(owner);
}

static void
draw_legend(struct memview *view, const struct memview_sums *sums)
{
    struct screen *screen = &view->screen;
    char amount[AMOUNT_SIZE];

    for (unsigned owner = 0; owner < FRAME_OWNERS; owner++) {
        const struct owner_look *look = &owner_looks[owner];

        screen_at(screen, LEGEND_ROW + owner % LEGEND_ROWS, owner / LEGEND_ROWS * LEGEND_WIDTH,
                  look->colour);
        screen_put(screen, look->letter);
        screen->colour = sums->owners[owner] > 0 ? COLOUR_TEXT : COLOUR_WEAK;
        screen_print(screen, " %-12s%5s", name_of(owner),
                     memview_amount(amount, sums->owners[owner]));
    }
}

/* An owner in the line of the cursor, 0 frames: without a number. False when there is no room. */
static bool
put_owner(struct screen *screen, const char *between, unsigned frames, const char *name)
{
    char part[40];
    int length = frames > 0 ? format_text(part, sizeof(part), "%s%u %s", between, frames, name)
                            : format_text(part, sizeof(part), "%s%s", between, name);

    if (screen->column + (unsigned)length > SCREEN_COLUMNS)
        return false;
    screen_print(screen, "%s", part);
    return true;
}

/* The owners under the cursor, those who have most first, as many as the line has room for. */
static void
draw_here(struct memview *view, const struct zoom *zoom)
{
    unsigned long frame = zoom->first + ((unsigned long)zoom->cursor << zoom->order);
    struct screen *screen = &view->screen;
    struct tally tally = {0};

    count_here(view, zoom, &tally);
    screen_at(screen, HERE_ROW, 0, COLOUR_STRONG);
    screen_print(screen, "0x%08llx", (unsigned long long)frame << PAGE_SHIFT);
    screen->colour = COLOUR_TEXT;
    screen_print(screen, zoom->order > 0 ? "  frames %lx to %lx:" : "  frame %lx:", frame,
                 frame + (1ul << zoom->order) - 1);
    for (unsigned shown = 0; shown < 4; shown++) {
        unsigned best = 0;

        for (unsigned owner = 0; owner < FRAME_OWNERS; owner++)
            best = tally.owners[owner] > tally.owners[best] ? owner : best;
        if (tally.owners[best] == 0 ||
            !put_owner(screen, shown > 0 ? ", " : " ", zoom->order > 0 ? tally.owners[best] : 0,
                       name_of(best)))
            break;
        tally.owners[best] = 0;
    }
}

/* The story of the frame under the cursor, and its neighbours. */
static void
draw_story(struct memview *view, const struct zoom *zoom)
{
    struct screen *screen = &view->screen;
    unsigned first = zoom->cursor / MEMVIEW_COLUMNS * MEMVIEW_COLUMNS;

    view->source->story(zoom->first + zoom->cursor, view->text, sizeof(view->text));
    screen_print(screen, "frame %lx", zoom->first + zoom->cursor);
    screen_text(screen, STORY_ROW, view->text);
    for (unsigned i = 0; i < MEMVIEW_COLUMNS && first + i < zoom->cells; i++) {
        screen_at(screen, MAP_ROW, MAP_COLUMN + i, (uint8_t)(view->near[first + i] >> 8));
        if (first + i == zoom->cursor)
            screen->colour = COLOUR_HERE;
        screen_put(screen, (char)view->near[first + i]);
    }
    screen_at(screen, MAP_ROW, 0, COLOUR_TEXT);
    screen_print(screen, "%6lx", zoom->first + first);
    screen->cursor_row = MAP_ROW;
    screen->cursor_column = MAP_COLUMN + zoom->cursor - first;
}

static void
draw(struct memview *view)
{
    const struct zoom *zoom = &view->zooms[view->depth];

    if (view->depth > 0)
        read_near(view, zoom);
    if (view->story) {
        draw_story(view, zoom);
        return;
    }
    draw_title(view, zoom);
    draw_cells(view, zoom);
    draw_margins(view, zoom);
    draw_here(view, zoom);
    draw_legend(view, view->depth > 0 ? &view->near_sums : &view->sums);
}

/* ---- keys ---- */

/* What is in the cell under the cursor: 1024 smaller cells, or the block that it lies in, or the
 * story of the frame. */
static void
look_closer(struct memview *view)
{
    struct zoom *zoom = &view->zooms[view->depth], *next = zoom + 1;
    unsigned long frame = zoom->first + ((unsigned long)zoom->cursor << zoom->order);
    unsigned order = zoom->order > BLOCK_ORDER ? zoom->order - BLOCK_ORDER : 0;
    unsigned long first = frame & ~((MEMVIEW_BLOCK << order) - 1ul);

    if (zoom->order == 0 && view->depth > 0) {
        view->story = true;
        return;
    }
    *next = (struct zoom){.first = first, .order = order, .cells = MEMVIEW_CELLS,
                          .cursor = (unsigned)((frame - first) >> order)};
    if (first + ((unsigned long)next->cells << order) > (unsigned long)view->blocks << BLOCK_ORDER)
        next->cells = (unsigned)((((unsigned long)view->blocks << BLOCK_ORDER) - first) >> order);
    view->depth++;
}

static void
step_back(struct memview *view)
{
    if (view->story)
        view->story = false;
    else
        view->depth -= view->depth > 0;
}

/* Where a key moves the cursor to; the same place when it does not. */
static unsigned
moved(const struct zoom *zoom, int key)
{
    int to = (int)zoom->cursor, columns = (int)MEMVIEW_COLUMNS;

    switch (key) {
    case KEY_LEFT:
        to--;
        break;
    case KEY_RIGHT:
        to++;
        break;
    case KEY_UP:
        to -= columns;
        break;
    case KEY_DOWN:
        to += columns;
        break;
    case KEY_PAGE_UP:
        to %= columns;
        break;
    case KEY_PAGE_DOWN:
        to = (int)(zoom->cells - 1) / columns * columns + to % columns;
        break;
    case KEY_HOME:
        to = 0;
        break;
    case KEY_END:
        to = (int)zoom->cells - 1;
        break;
    }
    return to >= 0 && to < (int)zoom->cells ? (unsigned)to : zoom->cursor;
}

static bool
key_pressed(struct memview *view, int key)
{
    struct zoom *zoom = &view->zooms[view->depth];

    if (key == '\n')
        look_closer(view);
    else if (key == KEY_ESCAPE || key == '\b' || key == 'b')
        step_back(view);
    else
        zoom->cursor = moved(zoom, key);
    return true;
}

const struct memview_page memview_map = {
    .key = 'm', .name = "map", .draw = draw, .key_pressed = key_pressed,
};
