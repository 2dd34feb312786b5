/* help.c - the page of memview that says how to read the others. */
#include "pages.h"

static void
draw_help(struct memview *view)
{
    static const char *const lines[] = {
        "The map shows all memory, 1024 cells. A cell has the letter and colour of the",
        "owner who has most of it: solid when half or more of the cell is in use, a",
        "letter on black when less, and a dot where all is free.",
        "",
        "Enter shows what is in a cell, down to a block of 1024 frames, a cell each.",
        "There a capital is the first frame of an allocation, or a page that one holds;",
        "a small letter is a frame behind it, or a page that several hold. A digit is a",
        "free chunk and its order, a for 10: 2^order frames. Enter once more tells the",
        "story of a frame.",
        "",
        "  arrows, PgUp, PgDn, Home, End   move          Enter   look closer",
        "  Esc, Backspace, b               back          + -     another chunk size",
        "  Ctrl-L                          paint anew    q       quit",
        "",
        "Unusable for 64K: of the free memory, the part in chunks smaller than that.",
        "A request for 64K at once cannot use it, however much it is. 0% is whole,",
        "100% is all in pieces. Frames in the CPU caches are free, but not counted.",
    };

    screen_print(&view->screen, "help");
    for (unsigned i = 0; i < ARRAY_LENGTH(lines); i++) {
        screen_at(&view->screen, i + 2, 1, COLOUR_TEXT);
        screen_print(&view->screen, "%s", lines[i]);
    }
}

const struct memview_page memview_help = {.key = '?', .name = "help", .draw = draw_help};
