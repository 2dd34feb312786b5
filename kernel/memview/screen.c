/* screen.c - a picture of characters, and the least that brings a terminal to show it.
 *
 * Cells that differ are sent from left to right, top to bottom. A jump to a cell costs up to eight
 * bytes, so a few cells between that are as they should be are sent again instead. Colours are sent
 * when they change, and at the end the terminal has its own again, for whoever writes next.
 */
#include "screen.h"
#include "format.h"
#include <string.h>

#define BLANK  ((uint16_t)(COLOUR_TEXT << 8 | ' '))
#define GAP    5u
#define INDENT 4u /* of what goes on in the next row */

/* ---- the picture ---- */

void
screen_clear(struct screen *screen)
{
    for (unsigned i = 0; i < SCREEN_ROWS * SCREEN_COLUMNS; i++)
        (&screen->cells[0][0])[i] = BLANK;
    screen->cursor_row = SCREEN_ROWS - 1;
    screen->cursor_column = SCREEN_COLUMNS - 2;
}

void
screen_at(struct screen *screen, unsigned row, unsigned column, uint8_t colour)
{
    screen->row = row;
    screen->column = column;
    screen->colour = colour;
}

void
screen_put(struct screen *screen, char c)
{
    if (screen->row < SCREEN_ROWS && screen->column < SCREEN_COLUMNS)
        screen->cells[screen->row][screen->column] =
            (uint16_t)(screen->colour << 8 | (c >= ' ' && c < 0x7F ? c : '?'));
    screen->column++;
}

static void
put_text(void *arg, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        screen_put(arg, text[i]);
}

void
screen_print(struct screen *screen, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_to(put_text, screen, format, args);
    va_end(args);
}

/* Whether the word behind the blank ends before the row does. */
static bool
word_fits(const struct screen *screen, const char *blank)
{
    unsigned end = screen->column + 1;

    for (const char *at = blank + 1; *at && *at != ' ' && *at != '\n'; at++)
        end++;
    return end <= SCREEN_COLUMNS;
}

void
screen_text(struct screen *screen, unsigned row, const char *text)
{
    screen_at(screen, row, 0, COLOUR_TEXT);
    for (; *text; text++) {
        if (*text == '\n')
            screen_at(screen, screen->row + 1, 0, COLOUR_TEXT);
        else if (*text == ' ' && !word_fits(screen, text))
            screen_at(screen, screen->row + 1, INDENT, COLOUR_TEXT);
        else
            screen_put(screen, *text);
    }
}

void
screen_pad(struct screen *screen, unsigned column)
{
    while (screen->column < column)
        screen_put(screen, ' ');
}

/* ---- to the terminal ---- */

static void
write_out(struct screen *screen)
{
    screen->write(screen->output, screen->output_size);
    screen->output_size = 0;
}

static void
send(void *arg, const char *text, size_t size)
{
    struct screen *screen = arg;

    if (screen->output_size + size > SCREEN_OUTPUT)
        write_out(screen);
    memcpy(screen->output + screen->output_size, text, size);
    screen->output_size += size;
}

static PRINTF_LIKE(2, 3) void
send_format(struct screen *screen, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_to(send, screen, format, args);
    va_end(args);
}

static void
send_colour(struct screen *screen, uint8_t colour)
{
    unsigned ink = colour & 0xF, paper = colour >> 4;

    if (colour == screen->terminal_colour)
        return;
    send_format(screen, "\033[%u;%um", ink & BRIGHT ? 90 + (ink & 7) : 30 + ink, 40 + paper);
    screen->terminal_colour = colour;
}

static void
send_move(struct screen *screen, unsigned row, unsigned column)
{
    if (row != screen->terminal_row || column != screen->terminal_column)
        send_format(screen, "\033[%u;%uH", row + 1, column + 1);
    screen->terminal_row = row;
    screen->terminal_column = column;
}

/* Behind the last column of a row nobody knows where a terminal's cursor is. */
static void
send_cell(struct screen *screen, unsigned row, unsigned column)
{
    uint16_t cell = screen->cells[row][column];
    char c = (char)cell;

    send_colour(screen, (uint8_t)(cell >> 8));
    send(screen, &c, 1);
    screen->shown[row][column] = cell;
    screen->terminal_column = column + 1 < SCREEN_COLUMNS ? column + 1 : SCREEN_COLUMNS * 2;
}

static void
send_row(struct screen *screen, unsigned row)
{
    unsigned end = row + 1 < SCREEN_ROWS ? SCREEN_COLUMNS : SCREEN_COLUMNS - 1;

    for (unsigned column = 0; column < end; column++) {
        if (screen->cells[row][column] == screen->shown[row][column])
            continue;
        if (row != screen->terminal_row || column - screen->terminal_column > GAP)
            send_move(screen, row, column);
        for (unsigned between = screen->terminal_column; between <= column; between++)
            send_cell(screen, row, between);
    }
}

void
screen_flush(struct screen *screen)
{
    for (unsigned row = 0; row < SCREEN_ROWS; row++)
        send_row(screen, row);
    send_move(screen, screen->cursor_row, screen->cursor_column);
    if (screen->terminal_colour != 0)
        send_format(screen, "\033[m");
    screen->terminal_colour = 0;
    if (screen->output_size > 0)
        write_out(screen);
}

void
screen_begin(struct screen *screen)
{
    screen_clear(screen);
    memcpy(screen->shown, screen->cells, sizeof(screen->shown));
    screen->output_size = 0;
    screen->terminal_row = SCREEN_ROWS;
    screen->terminal_colour = 0;
    send_colour(screen, COLOUR_TEXT); /* many terminals erase with the colour they write with */
    send_format(screen, "\033[2J");
}

void
screen_end(struct screen *screen)
{
    send_format(screen, "\033[m\033[H\033[2J");
    write_out(screen);
}
