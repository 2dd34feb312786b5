/* screen.h - a picture of 80 x 25 characters on any terminal.
 *
 * Whoever draws clears the picture, puts text into it, and flushes it; only what differs from what
 * the terminal shows is sent (ECMA-48). The last row but one should stay empty, and the last one
 * ends a column early: on a terminal of 24 rows the last then covers the empty one.
 */
#ifndef OCTAVO_SCREEN_H
#define OCTAVO_SCREEN_H

#include <stdarg.h>
#include "types.h"

#define SCREEN_ROWS    25u
#define SCREEN_COLUMNS 80u
#define SCREEN_OUTPUT  480u

/* A colour: ink on paper. Paper has no bright ones. */
enum { BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE, BRIGHT = 8 };
#define COLOUR(ink, paper) ((uint8_t)((paper) << 4 | (ink)))
#define COLOUR_TEXT        COLOUR(WHITE, BLACK)
#define COLOUR_STRONG      COLOUR(WHITE | BRIGHT, BLACK)
#define COLOUR_WEAK        COLOUR(BLACK | BRIGHT, BLACK)
#define COLOUR_HERE        COLOUR(BLACK, WHITE) /* under the cursor */

struct screen {
    uint16_t cells[SCREEN_ROWS][SCREEN_COLUMNS]; /* colour << 8 | character */
    uint16_t shown[SCREEN_ROWS][SCREEN_COLUMNS]; /* by the terminal */
    unsigned row, column; /* of what is put next; beyond the edge nothing is drawn */
    uint8_t colour;
    unsigned cursor_row, cursor_column; /* of the terminal, after a flush */
    void (*write)(const char *text, size_t size);
    char output[SCREEN_OUTPUT]; /* on its way to the terminal */
    size_t output_size;
    unsigned terminal_row, terminal_column; /* where the terminal writes next */
    uint8_t terminal_colour;
};

/* Empties the terminal, whatever it shows, and the picture. `write` is set. */
void screen_begin(struct screen *screen);

/* Blanks the picture, the cursor in the last row. */
void screen_clear(struct screen *screen);

/* Where text goes next, and its colour. */
void screen_at(struct screen *screen, unsigned row, unsigned column, uint8_t colour);
void screen_put(struct screen *screen, char c);
void screen_print(struct screen *screen, const char *format, ...) PRINTF_LIKE(2, 3);
/* A text of several lines, from a row on. A line that is too long goes on in the next row. */
void screen_text(struct screen *screen, unsigned row, const char *text);
/* Blanks in the present colour up to a column. */
void screen_pad(struct screen *screen, unsigned column);

/* Has the terminal show the picture. */
void screen_flush(struct screen *screen);

/* Leaves the terminal empty. */
void screen_end(struct screen *screen);

#endif
