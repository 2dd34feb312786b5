/* lists.c - free chunks by order, and caches of objects by the memory they hold. */
#include "memview.h"
#include "format.h"
#include "keys.h"
#include <string.h>

#define FIRST_ROW 2u
#define ROWS      20u
#define BAR       20u
#define BAR_COLOUR COLOUR(WHITE | BRIGHT, GREEN)
#define HEAD_COLOUR COLOUR(CYAN | BRIGHT, BLACK)

/* ---- free lists ---- */

static void
draw_order(struct memview *view, unsigned long chunks[BLOCK_NO_ZONE][MEMVIEW_ORDERS],
           const uint32_t all[MEMVIEW_ORDERS], unsigned order)
{
    struct screen *screen = &view->screen;
    unsigned long free = memview_unusable(all, MEMVIEW_ORDERS);
    char size[AMOUNT_SIZE], amount[AMOUNT_SIZE];

    screen_at(screen, FIRST_ROW + 1 + order, 0, order == view->fit ? COLOUR_STRONG : COLOUR_TEXT);
    screen_print(screen, "%c%5u %6s", order == view->fit ? '>' : ' ', order,
                 memview_amount(size, 1ul << order));
    for (unsigned zone = 0; zone < BLOCK_NO_ZONE; zone++)
        screen_print(screen, "%8lu", chunks[zone][order]);
    screen_print(screen, "%9s  ", memview_amount(amount, (unsigned long)all[order] << order));
    memview_bar(screen, BAR, (unsigned long)all[order] << order, free, BAR_COLOUR);
    screen_print(screen, " %9u%%", memview_percent(memview_unusable(all, order), free));
}

static void
draw_lists(struct memview *view)
{
    unsigned long chunks[BLOCK_NO_ZONE][MEMVIEW_ORDERS];
    uint32_t all[MEMVIEW_ORDERS] = {0};
    struct screen *screen = &view->screen;

    view->source->lists(chunks);
    screen_print(screen, "free chunks");
    screen_at(screen, FIRST_ROW, 0, HEAD_COLOUR);
    screen_print(screen, " order   size     DMA  Normal HighMem     free  %-20s   unusable",
                 "of all free memory");
    for (unsigned order = 0; order < MEMVIEW_ORDERS; order++)
        for (unsigned zone = 0; zone < BLOCK_NO_ZONE; zone++)
            all[order] += (uint32_t)chunks[zone][order];
    for (unsigned order = 0; order < MEMVIEW_ORDERS; order++)
        draw_order(view, chunks, all, order);
    screen_at(screen, FIRST_ROW + MEMVIEW_ORDERS + 2, 1, COLOUR_TEXT);
    screen_print(screen, "unusable: the part of free memory in chunks smaller than this one.");
}

const struct memview_page memview_lists = {.key = 'l', .name = "lists", .draw = draw_lists};

/* ---- slabs ---- */

/* Those that hold most memory first. */
static void
sort_caches(struct memview_cache *caches, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct memview_cache cache = caches[i];
        unsigned to = i;

        for (; to > 0 && caches[to - 1].frames < cache.frames; to--)
            caches[to] = caches[to - 1];
        caches[to] = cache;
    }
}

static void
draw_cache(struct screen *screen, const struct memview_cache *cache, unsigned long total)
{
    char amount[AMOUNT_SIZE];

    screen_print(screen, " %-19s %5lu%8lu%8lu%5u%%%7lu%8s ", cache->name, cache->size, cache->used,
                 cache->objects, memview_percent(cache->used, cache->objects), cache->slabs,
                 memview_amount(amount, cache->frames));
    screen->colour = COLOUR_TEXT;
    screen_put(screen, ' ');
    memview_bar(screen, 14, cache->frames, total, BAR_COLOUR);
}

/* Ends the text before the line that has no room in so many rows; true when there is one. */
static bool
cut_text(char *text, unsigned rows)
{
    unsigned used = 0;

    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        used += 1 + (unsigned)(end - line) / (SCREEN_COLUMNS + 1);
        if (used > rows) {
            *line = '\0';
            return true;
        }
    }
    return false;
}

/* The slabs of one cache, as many as there is room for. */
static void
draw_cache_story(struct memview *view)
{
    const struct memview_cache *cache = &view->caches[view->cache_cursor];
    bool more;

    view->source->slabs(cache->name, view->text, sizeof(view->text));
    more = cut_text(view->text, ROWS - 1);
    screen_print(&view->screen, "%s", cache->name);
    screen_text(&view->screen, FIRST_ROW, view->text);
    if (more)
        screen_print(&view->screen, "... and more: /proc/octavo/slab/%s, or the monitor's slab",
                     cache->name);
}

static void
draw_caches(struct memview *view, unsigned long total)
{
    struct screen *screen = &view->screen;
    unsigned first = view->cache_cursor < ROWS ? 0 : view->cache_cursor - ROWS + 1;

    for (unsigned i = first; i < view->cache_count && i < first + ROWS; i++) {
        bool here = i == view->cache_cursor;

        screen_at(screen, FIRST_ROW + 1 + i - first, 0, here ? COLOUR_HERE : COLOUR_TEXT);
        draw_cache(screen, &view->caches[i], total);
        if (here) {
            screen->cursor_row = screen->row;
            screen->cursor_column = 0;
        }
    }
}

static void
draw_slabs(struct memview *view)
{
    struct screen *screen = &view->screen;
    unsigned long total = 0;
    char amount[AMOUNT_SIZE];

    if (view->cache_open) {
        draw_cache_story(view);
        return;
    }
    view->cache_count = (unsigned)view->source->caches(view->caches, MEMVIEW_CACHES);
    sort_caches(view->caches, view->cache_count);
    for (unsigned i = 0; i < view->cache_count; i++)
        total += view->caches[i].frames;
    screen_print(screen, "%u caches, %s", view->cache_count, memview_amount(amount, total));
    screen_at(screen, FIRST_ROW, 0, HEAD_COLOUR);
    screen_print(screen, " %-19s %5s%8s%8s%6s%7s%8s  of all slabs", "cache", "bytes", "in use",
                 "objects", "use", "slabs", "memory");
    draw_caches(view, total);
}

static bool
slabs_key(struct memview *view, int key)
{
    bool back = key == KEY_ESCAPE || key == '\b' || key == 'b';
    int step = key == KEY_UP ? -1 : key == KEY_DOWN ? 1 : 0, to;

    if (back && !view->cache_open)
        return false;
    if (key == '\n' || back)
        view->cache_open = !back && view->cache_count > 0;
    step = key == KEY_PAGE_UP ? -(int)ROWS : key == KEY_PAGE_DOWN ? (int)ROWS : step;
    to = (int)view->cache_cursor + step;
    to = to < (int)view->cache_count ? to : (int)view->cache_count - 1;
    view->cache_cursor = to > 0 ? (unsigned)to : 0;
    return true;
}

const struct memview_page memview_slabs = {
    .key = 's', .name = "slabs", .draw = draw_slabs, .key_pressed = slabs_key,
};
