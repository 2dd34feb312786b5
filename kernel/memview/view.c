/* view.c - memory on the screen: the frame around the pages, and the keys.
 *
 *   row 0        what is shown, how much is free, how much of that is in small pieces
 *   rows 1-22    the page
 *   row 24       the keys
 */
#include "memview.h"
#include "format.h"
#include "keys.h"
#include <string.h>

#define TITLE_COLOUR COLOUR(WHITE | BRIGHT, BLUE)
#define KEY_COLOUR   COLOUR(BLACK, CYAN)
#define KEYS_ROW     (SCREEN_ROWS - 1)
#define FIT_AT_FIRST 4u /* 64 KiB */

/* ---- amounts ---- */

const char *
memview_amount(char text[AMOUNT_SIZE], unsigned long frames)
{
    unsigned long kib = frames << (PAGE_SHIFT - 10), mib = kib >> 10;

    if (kib < 1024 || (kib < 10000 && kib % 1024 != 0))
        format_text(text, AMOUNT_SIZE, "%luK", kib);
    else if (mib < 100 && kib % 1024 != 0)
        format_text(text, AMOUNT_SIZE, "%lu.%luM", mib, kib % 1024 * 10 / 1024);
    else if (mib < 10000 && (mib < 1024 || mib % 1024 != 0))
        format_text(text, AMOUNT_SIZE, "%luM", mib);
    else if (mib % 1024 == 0)
        format_text(text, AMOUNT_SIZE, "%luG", mib >> 10);
    else
        format_text(text, AMOUNT_SIZE, "%lu.%luG", mib >> 10, mib % 1024 * 10 / 1024);
    return text;
}

unsigned
memview_percent(unsigned long part, unsigned long whole)
{
    for (; whole > UINT32_MAX / 100; whole >>= 1)
        part >>= 1;
    return whole > 0 ? (unsigned)(part * 100 / whole) : 0;
}

void
memview_bar(struct screen *screen, unsigned width, unsigned long part, unsigned long whole,
            uint8_t colour)
{
    unsigned filled = (memview_percent(part, whole) * width + 50) / 100;

    for (unsigned i = 0; i < width; i++) {
        screen->colour = i < filled ? colour : COLOUR_WEAK;
        screen_put(screen, i < filled ? '#' : '.');
    }
    screen->colour = COLOUR_TEXT;
}

unsigned long
memview_unusable(const uint32_t chunks[MEMVIEW_ORDERS], unsigned order)
{
    unsigned long frames = 0;

    for (unsigned i = 0; i < order && i < MEMVIEW_ORDERS; i++) /* GCC warns without the second */
        frames += (unsigned long)chunks[i] << i;
    return frames;
}

/* ---- drawing ---- */

/* What every page shows at the right end of its title. */
static void
draw_figures(struct memview *view)
{
    struct screen *screen = &view->screen;
    const uint32_t *owners = view->sums.owners;
    char free[AMOUNT_SIZE], size[AMOUNT_SIZE];
    unsigned long frames = 0, listed = owners[FRAME_NONE];

    for (unsigned owner = 0; owner < FRAME_OWNERS; owner++)
        frames += owner == FRAME_FIRMWARE ? 0 : owners[owner];
    screen_at(screen, 0, 40, TITLE_COLOUR);
    screen_print(screen, "free %s %u%%", memview_amount(free, listed + owners[FRAME_CACHED]),
                 memview_percent(listed + owners[FRAME_CACHED], frames));
    screen_at(screen, 0, 57, TITLE_COLOUR);
    screen_print(screen, "unusable for %s: %u%%", memview_amount(size, 1ul << view->fit),
                 memview_percent(memview_unusable(view->sums.chunks, view->fit), listed));
}

static void
draw_key(struct screen *screen, const char *key, const char *name)
{
    screen->colour = KEY_COLOUR;
    screen_print(screen, " %s ", key);
    screen->colour = COLOUR_TEXT;
    screen_print(screen, "%s ", name);
}

static void
draw_page_key(struct screen *screen, const struct memview_page *page)
{
    char key[2] = {page->key, '\0'};

    draw_key(screen, key, page->name);
}

static void
draw_keys(struct memview *view)
{
    struct screen *screen = &view->screen;

    screen_at(screen, KEYS_ROW, 0, COLOUR_TEXT);
    for (size_t i = 0; view->pages[i]; i++)
        draw_page_key(screen, view->pages[i]);
    draw_key(screen, "Enter", "closer");
    draw_key(screen, "Esc", "back");
    draw_key(screen, "q", "quit");
}

void
memview_draw(struct memview *view)
{
    struct screen *screen = &view->screen;

    screen_clear(screen);
    screen_at(screen, 0, 0, TITLE_COLOUR);
    screen_pad(screen, SCREEN_COLUMNS);
    draw_figures(view);
    screen_at(screen, 0, 0, TITLE_COLOUR);
    screen_print(screen, " Octavo memview: ");
    draw_keys(view);
    screen_at(screen, 0, 17, TITLE_COLOUR);
    view->page->draw(view);
    screen_flush(screen);
}

void
memview_repaint(struct memview *view)
{
    screen_begin(&view->screen);
}

void
memview_refresh(struct memview *view)
{
    memview_map_refresh(view);
}

/* ---- keys ---- */

/* The page that a key leads to; NULL: none. */
static const struct memview_page *
page_of(const struct memview *view, int key)
{
    for (size_t i = 0; view->pages[i]; i++)
        if (key == view->pages[i]->key)
            return view->pages[i];
    return NULL;
}

bool
memview_key(struct memview *view, int key)
{
    const struct memview_page *page = page_of(view, key);

    if (key == 'q' || key == CTRL('C'))
        return false;
    if (key == CTRL('L')) {
        memview_repaint(view);
    } else if (key == '+' || key == '=') {
        view->fit += view->fit < MEMVIEW_ORDERS - 1;
    } else if (key == '-') {
        view->fit -= view->fit > 1;
    } else if (page) {
        view->page = page;
    } else if (!view->page->key_pressed || !view->page->key_pressed(view, key)) {
        if (key == KEY_ESCAPE || key == '\b' || key == 'b')
            view->page = view->pages[0];
    }
    return true;
}

/* ---- beginning and end ---- */

static uint32_t
count_blocks(const struct memview_source *source)
{
    struct block_summary some[32];
    uint32_t count = 0;
    size_t got;

    while ((got = source->blocks(count, some, ARRAY_LENGTH(some))) > 0)
        count += (uint32_t)got;
    return count;
}

size_t
memview_bytes(const struct memview_source *source)
{
    uint32_t blocks = count_blocks(source);
    unsigned units = blocks < MEMVIEW_CELLS ? blocks : MEMVIEW_CELLS;

    return sizeof(struct memview) + blocks * sizeof(uint32_t) + units * (sizeof(struct tally) + 1);
}

struct memview *
memview_begin(void *memory, const struct memview_source *source,
              const struct memview_page *const *pages,
              void (*write)(const char *text, size_t size))
{
    struct memview *view = memory;

    view->source = source;
    view->screen.write = write;
    view->pages = pages;
    view->page = pages[0];
    view->fit = FIT_AT_FIRST;
    view->blocks = count_blocks(source);
    memview_map_begin(view);
    screen_begin(&view->screen);
    return view;
}

void
memview_end(struct memview *view)
{
    screen_end(&view->screen);
}
