/* vga.c - 80 x 25 characters: the text screen of MDA, CGA, EGA and VGA.
 *
 * Theory: the adapter shows 2000 cells of two bytes, character and attribute, from B8000h (colour)
 * or B0000h (monochrome, BIOS mode 7). A 6845-compatible controller with an index port (3D4h or
 * 3B4h) and a data port beside it places the cursor: registers 0Eh and 0Fh. (IBM Personal Computer
 * AT technical reference; the BIOS data area at 40:49, 40:4A and 40:63 says what is there.)
 *
 * The lines are kept in a ring of ordinary memory, and the screen is a window on it:
 *
 *     ring    | older lines ........ | 25 lines of the screen | free |
 *                                      ^ screen_top
 *                     ^ what is shown: `back` lines further up
 *
 * Video memory is slow, so `shown` mirrors it and only cells that change are written, of lines that
 * are marked as changed. It is never read after the start.
 *
 * A word at the start of a line that ends with a colon (the subsystem that speaks) or with > (a
 * prompt) stands in a colour of its own. The colour follows from the text and is not stored; a line
 * whose predecessor is full to its last column goes on with it and does not start anything.
 *
 * Control sequences (ansi.h) move the cursor and erase, insert and delete characters and lines, so
 * that line editors and full-screen programs work, and choose colours. Those are kept for the lines
 * of the screen only; a cell of colour 0 has what its line's text asks for. A monochrome screen
 * shows a background as reverse and bright ink as bright.
 */
#include "vga.h"
#include "ansi.h"
#include "early.h"
#include "io.h"
#include "platform.h"
#include "sections.h"
#include <string.h>

#define COLUMNS    80u
#define ROWS       25u
#define RING_LINES 180u /* 155 older ones */
#define TAB        8u

#define BDA_MODE    0x49
#define BDA_COLUMNS 0x4A
#define BDA_CRTC    0x63

#define CRTC_START  0x0C
#define CRTC_CURSOR 0x0E

#define NORMAL       0x07 /* grey on black; normal on a monochrome screen too */
#define TAG_COLOUR   0x0B /* light cyan; bright when monochrome */
#define PROMPT       0x0A /* light green; bright */
#define ALARM_COLOUR 0x4F /* white on red */
#define ALARM_MONO   0x70 /* reverse */
#define BRIGHT       0x08
#define DARK_GREY    0x08

#define ALL_ROWS ((1u << ROWS) - 1)

static volatile uint16_t *video;
static uint16_t crtc;
static bool mono;

static uint8_t (*ring)[COLUMNS]; /* RING_LINES of them, from the early heap */
static uint16_t shown[ROWS][COLUMNS];
static unsigned screen_top; /* index into ring */
static unsigned older;      /* lines kept above the screen */
static unsigned back;       /* lines that the view is scrolled back, at most `older` */
static unsigned row;
static unsigned column; /* COLUMNS: the next character goes to the next line */
static unsigned saved_row, saved_column;
static struct ansi ansi;

static uint8_t colours[ROWS][COLUMNS]; /* attributes that were asked for, 0: none was */
static unsigned colours_top;           /* index of the screen's first line in it */
static uint32_t changed;               /* bit i: line i of the screen */
static struct {
    uint8_t ink, paper;
    bool bold, reverse;
    uint8_t colour; /* what they make together, as in `colours` */
} pen = {.ink = NORMAL};

static uint16_t
crtc_read(uint8_t index)
{
    uint8_t high;

    outb(crtc, index);
    high = inb((uint16_t)(crtc + 1));
    outb(crtc, (uint8_t)(index + 1));
    return (uint16_t)(high << 8 | inb((uint16_t)(crtc + 1)));
}

static void
crtc_write(uint8_t index, unsigned value)
{
    outb(crtc, index);
    outb((uint16_t)(crtc + 1), (uint8_t)(value >> 8));
    outb(crtc, (uint8_t)(index + 1));
    outb((uint16_t)(crtc + 1), (uint8_t)value);
}

/* Line `index` of the screen; negative ones lie above it. */
static uint8_t *
line_at(int index)
{
    return ring[((int)(screen_top + RING_LINES) + index) % (int)RING_LINES];
}

static uint8_t *
colours_at(unsigned index)
{
    return colours[(colours_top + index) % ROWS];
}

/* ---- painting ---- */

static bool
is_tag_character(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* The colour of the line's first word; *length is how far it reaches, 0 when it is nothing special.
 */
static uint8_t
tag_colour(const uint8_t *line, unsigned *length)
{
    unsigned end = 0;

    while (end < COLUMNS && is_tag_character(line[end]))
        end++;
    *length = 0;
    if (end == 0 || end + 1 >= COLUMNS || line[end + 1] != ' ')
        return NORMAL;
    if (line[end] != ':' && line[end] != '>')
        return NORMAL;
    *length = end + 1;
    if (end == 5 && memcmp(line, "panic", 5) == 0)
        return mono ? ALARM_MONO : ALARM_COLOUR;
    return line[end] == '>' ? PROMPT : TAG_COLOUR;
}

/* Shows line `index` (line_at) in row `at` of the screen. */
static void
paint_line(unsigned at, int index)
{
    static const uint8_t no_colours[COLUMNS];
    const uint8_t *line = line_at(index);
    const uint8_t *chosen = index >= 0 ? colours_at((unsigned)index) : no_colours;
    unsigned tag;
    uint8_t colour = tag_colour(line, &tag);

    if (line_at(index - 1)[COLUMNS - 1] != ' ')
        tag = 0;

    for (unsigned i = 0; i < COLUMNS; i++) {
        uint8_t attribute = chosen[i] ? chosen[i] : i < tag ? colour : NORMAL;
        uint16_t cell = (uint16_t)(attribute << 8 | line[i]);

        if (shown[at][i] != cell) {
            shown[at][i] = cell;
            video[at * COLUMNS + i] = cell;
        }
    }
}

/* Shows what has changed; a line's colours hang on the end of the one above. A cursor outside the
 * screen is not seen. */
static void
paint(void)
{
    unsigned at = column < COLUMNS ? column : COLUMNS - 1;

    for (unsigned i = 0; i < ROWS; i++) {
        if ((changed | changed << 1) >> i & 1)
            paint_line(i, (int)i - (int)back);
    }
    changed = 0;
    crtc_write(CRTC_CURSOR, (row + back < ROWS ? row + back : ROWS) * COLUMNS + at);
}

/* ---- writing ---- */

/* Blanks `count` cells of a line of the screen. */
static void
blank(unsigned at, unsigned from, unsigned count)
{
    memset(line_at((int)at) + from, ' ', count);
    memset(colours_at(at) + from, 0, count);
    changed |= 1u << at;
}

static void
next_line(void)
{
    column = 0;
    if (row + 1 < ROWS) {
        row++;
        return;
    }
    screen_top = (screen_top + 1) % RING_LINES;
    colours_top = (colours_top + 1) % ROWS;
    if (older + ROWS < RING_LINES)
        older++;
    blank(ROWS - 1, 0, COLUMNS);
    changed = ALL_ROWS;
}

static void
put_character(uint8_t c)
{
    if (column == COLUMNS)
        next_line();
    colours_at(row)[column] = pen.colour;
    line_at((int)row)[column++] = c;
    changed |= 1u << row;
}

/* ---- control sequences ---- */

static unsigned
at_most(unsigned value, unsigned limit)
{
    return value < limit ? value : limit;
}

static void
move_to(unsigned new_row, unsigned new_column)
{
    row = at_most(new_row, ROWS - 1);
    column = at_most(new_column, COLUMNS - 1);
}

static void
blank_lines(unsigned from, unsigned end)
{
    for (; from < end; from++)
        blank(from, 0, COLUMNS);
}

/* 0: from the cursor to the end, 1: from the start to the cursor, 2: all. */
static void
erase_in_line(unsigned what)
{
    unsigned at = at_most(column, COLUMNS - 1);
    unsigned from = what == 0 ? at : 0;
    unsigned end = what == 1 ? at + 1 : COLUMNS;

    blank(row, from, end - from);
}

static void
erase_in_screen(unsigned what)
{
    blank_lines(what == 0 ? row + 1 : 0, what == 1 ? row : ROWS);
    if (what < 2)
        erase_in_line(what);
}

static void
copy_line(unsigned to, unsigned from)
{
    memcpy(line_at((int)to), line_at((int)from), COLUMNS);
    memcpy(colours_at(to), colours_at(from), COLUMNS);
    changed |= 1u << to;
}

/* Moves the lines from `first` on down by `count`; blank ones come in. */
static void
push_lines_down(unsigned first, unsigned count)
{
    count = at_most(count, ROWS - first);
    for (unsigned i = ROWS; i-- > first + count;)
        copy_line(i, i - count);
    blank_lines(first, first + count);
}

static void
pull_lines_up(unsigned first, unsigned count)
{
    count = at_most(count, ROWS - first);
    for (unsigned i = first; i + count < ROWS; i++)
        copy_line(i, i + count);
    blank_lines(ROWS - count, ROWS);
}

/* The same with the characters from the cursor to the end of its line. */
static void
shift_characters(unsigned count, bool insert)
{
    unsigned at = at_most(column, COLUMNS - 1);
    uint8_t *text = line_at((int)row) + at, *colour = colours_at(row) + at;
    unsigned to, from, stay;

    count = at_most(count, COLUMNS - at);
    to = insert ? count : 0;
    from = insert ? 0 : count;
    stay = COLUMNS - at - count;
    memmove(text + to, text + from, stay);
    memmove(colour + to, colour + from, stay);
    blank(row, at + (insert ? 0 : stay), count);
}

/* ---- colours ---- */

/* The attribute that the pen writes with. */
static uint8_t
pen_attribute(void)
{
    uint8_t ink = pen.ink | (pen.bold ? BRIGHT : 0);

    if (mono && (pen.reverse || pen.paper != 0))
        return ALARM_MONO;
    if (mono)
        return NORMAL | (ink != DARK_GREY ? ink & BRIGHT : 0);
    if (pen.reverse)
        return (uint8_t)((ink & ~BRIGHT) << 4 | pen.paper);
    return (uint8_t)(pen.paper << 4 | ink);
}

/* One number of ESC [ numbers m. The adapter has blue and red the other way round. */
static void
choose(unsigned number)
{
    static const uint8_t colour[] = {0, 4, 2, 6, 1, 5, 3, 7};
    unsigned index = number % 10, kind = number / 10;

    if (number == 0)
        pen.ink = NORMAL, pen.paper = 0, pen.bold = pen.reverse = false;
    else if (number == 1 || number == 22)
        pen.bold = number == 1;
    else if (number == 7 || number == 27)
        pen.reverse = number == 7;
    else if (kind == 3 || kind == 9)
        pen.ink = index < 8 ? (uint8_t)(colour[index] | (kind == 9 ? BRIGHT : 0)) : NORMAL;
    else if (kind == 4)
        pen.paper = index < 8 ? colour[index] : 0;
    pen.colour = number == 0 ? 0 : pen_attribute();
}

static void
choose_all(void)
{
    unsigned index = 0;

    do
        choose(ansi_number(&ansi, index, 0));
    while (++index < at_most(ansi.count, ANSI_NUMBERS));
}

/* ESC and a character. */
static void
escape(int c)
{
    if (c == '7') {
        saved_row = row;
        saved_column = column;
    } else if (c == '8') {
        move_to(saved_row, saved_column);
    } else if (c == 'M' && row == 0) {
        push_lines_down(0, 1);
    } else if (c == 'M') {
        row--;
    } else if (c == 'c') {
        erase_in_screen(2);
        move_to(0, 0);
    }
}

static void
move_by(int letter, unsigned count)
{
    unsigned at = at_most(column, COLUMNS - 1);

    if (letter == 'A' || letter == 'F')
        move_to(row - at_most(count, row), letter == 'F' ? 0 : at);
    else if (letter == 'B' || letter == 'E')
        move_to(row + count, letter == 'E' ? 0 : at);
    else if (letter == 'C')
        move_to(row, at + count);
    else
        move_to(row, at - at_most(count, at));
}

/* ESC [ numbers letter. */
static void
control(int letter)
{
    unsigned count = ansi_number(&ansi, 0, 1);

    switch (letter) {
    case 'A':
    case 'B':
    case 'C':
    case 'D':
    case 'E':
    case 'F':
        move_by(letter, count);
        break;
    case 'G':
        move_to(row, count - 1);
        break;
    case 'd':
        move_to(count - 1, column);
        break;
    case 'H':
    case 'f':
        move_to(count - 1, ansi_number(&ansi, 1, 1) - 1);
        break;
    case 'J':
        erase_in_screen(ansi_number(&ansi, 0, 0));
        break;
    case 'K':
        erase_in_line(ansi_number(&ansi, 0, 0));
        break;
    case 'L':
        push_lines_down(row, count);
        break;
    case 'M':
        pull_lines_up(row, count);
        break;
    case '@':
    case 'P':
        shift_characters(count, letter == '@');
        break;
    case 'm':
        choose_all();
        break;
    case 's':
        escape('7');
        break;
    case 'u':
        escape('8');
        break;
    }
}

static void
put_text(uint8_t c)
{
    switch (c) {
    case '\n':
        next_line();
        break;
    case '\r':
        column = 0;
        break;
    case '\b':
        column -= column > 0;
        break;
    case '\t':
        do
            put_character(' ');
        while (column % TAB);
        break;
    case '\a':
        break;
    default:
        put_character(c < ' ' ? '.' : c);
    }
}

static void
put(uint8_t c)
{
    int what = ansi_take(&ansi, c);

    if (what == ANSI_TEXT)
        put_text(c);
    else if (what >= ANSI_ESCAPE)
        escape(what - ANSI_ESCAPE);
    else if (what != ANSI_PART)
        control(what);
}

void
vga_write(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put((uint8_t)text[i]);
    if (back != 0)
        changed = ALL_ROWS;
    back = 0;
    paint();
}

void
vga_clear(void)
{
    if (!video)
        return;
    memset(ring, ' ', RING_LINES * COLUMNS);
    blank_lines(0, ROWS);
    choose(0);
    older = back = 0;
    row = column = 0;
    paint();
}

void
vga_scroll_back(bool up)
{
    if (!video)
        return;
    if (up)
        back = back + ROWS / 2 < older ? back + ROWS / 2 : older;
    else
        back = back > ROWS / 2 ? back - ROWS / 2 : 0;
    changed = ALL_ROWS;
    paint();
}

/* ---- the start ---- */

/* True when the memory keeps what is written to it. The value on the bus in between is another one,
 * so that the bus itself does not answer. */
static bool
memory_answers(void)
{
    uint16_t saved = video[0];
    bool answers;

    video[0] = 0x5AA5;
    io_delay();
    answers = video[0] == 0x5AA5;
    video[0] = 0xA55A;
    io_delay();
    answers = answers && video[0] == 0xA55A;
    video[0] = saved;
    return answers;
}

/* Takes over what the BIOS and the boot loader have put on the screen. */
static void
adopt_screen(void)
{
    unsigned cursor = crtc_read(CRTC_CURSOR);
    bool usable = crtc_read(CRTC_START) == 0 && cursor < ROWS * COLUMNS;

    for (unsigned i = 0; i < ROWS * COLUMNS; i++) {
        uint16_t cell = video[i];

        shown[i / COLUMNS][i % COLUMNS] = cell;
        if (usable && (uint8_t)cell)
            ring[i / COLUMNS][i % COLUMNS] = (uint8_t)cell;
    }
    crtc_write(CRTC_START, 0);
    if (usable) {
        row = cursor / COLUMNS;
        column = cursor % COLUMNS;
    }
    if (column)
        next_line();
}

bool
vga_init(void)
{
    uint8_t mode = bios_data_byte(BDA_MODE);

    if (bios_data_word(BDA_COLUMNS) != COLUMNS || (mode != 2 && mode != 3 && mode != 7))
        return false;
    mono = mode == 7;
    video = (volatile uint16_t *)(KERNEL_BASE + (mono ? 0xB0000 : 0xB8000));
    if (!memory_answers()) {
        video = NULL;
        return false;
    }
    ring = kmalloc_early(RING_LINES * COLUMNS);
    ASSERT(ring != NULL);
    crtc = bios_data_word(BDA_CRTC);
    if (crtc != 0x3B4 && crtc != 0x3D4)
        crtc = mono ? 0x3B4 : 0x3D4;
    memset(ring, ' ', RING_LINES * COLUMNS);
    adopt_screen();
    changed = ALL_ROWS;
    paint();
    return true;
}
