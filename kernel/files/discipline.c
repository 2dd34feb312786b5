/* discipline.c - the line discipline: bytes typed become lines, signals and echo.
 *
 *             ready: whole lines          the line being typed
 *   ring |..............................|.......................|
 *        read                         ready                  typed
 *
 * Canonical mode (ICANON): erase, word erase and kill change only what lies behind `ready`; a
 * newline, EOL or EOF moves `ready` up to `typed`. The byte that ends a line has a bit in `ends`,
 * so that a read stops there; of an EOF only that bit counts, the byte itself is not given out, and
 * an EOF at the start of a line is a read of 0 bytes.
 *
 * Not canonical: every byte is ready at once.
 *
 * Erasing on the screen needs to know how wide a character was printed: a control character two
 * columns (^C), a tab as far as its stop. So the columns of the line are counted anew from
 * `line_column` each time.
 */
#include "discipline.h"
#include "keys.h"
#include <string.h>

#define TAB 8u

/* The character that a key of cc is turned off with. */
#define DISABLED 0

void
discipline_init(struct discipline *self,
                void (*put)(struct discipline *self, const char *text, size_t size))
{
    static const uint8_t characters[NCCS] = {
        [VINTR] = CTRL('C'),  [VQUIT] = CTRL('\\'),  [VERASE] = 0x7F,        [VKILL] = CTRL('U'),
        [VEOF] = CTRL('D'),   [VMIN] = 1,            [VSTART] = CTRL('Q'),   [VSTOP] = CTRL('S'),
        [VSUSP] = CTRL('Z'),  [VREPRINT] = CTRL('R'), [VDISCARD] = CTRL('O'),
        [VWERASE] = CTRL('W'), [VLNEXT] = CTRL('V'),
    };

    memset(self, 0, sizeof(*self));
    self->put = put;
    self->termios.iflag = ICRNL | IXON;
    self->termios.oflag = OPOST | ONLCR;
    self->termios.cflag = B115200 | CS8 | CREAD | HUPCL;
    self->termios.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    memcpy(self->termios.cc, characters, sizeof(characters));
}

static bool
local(const struct discipline *self, unsigned flag)
{
    return (self->termios.lflag & flag) != 0;
}

/* True when `byte` is the key of cc[index]. */
static bool
is_key(const struct discipline *self, unsigned index, uint8_t byte)
{
    return byte != DISABLED && self->termios.cc[index] == byte;
}

/* ---- output ---- */

static void
put_tab(struct discipline *self)
{
    static const char blanks[TAB] = "        ";
    unsigned width = TAB - self->column % TAB;

    if ((self->termios.oflag & XTABS) == XTABS)
        self->put(self, blanks, width);
    else
        self->put(self, "\t", 1);
    self->column += width;
}

/* One byte that is more than a character, with oflag's OPOST. */
static void
put_control(struct discipline *self, char byte)
{
    unsigned flags = self->termios.oflag;

    switch (byte) {
    case '\n':
        if (flags & (ONLCR | ONLRET))
            self->column = 0;
        self->put(self, flags & ONLCR ? "\r\n" : "\n", flags & ONLCR ? 2 : 1);
        break;
    case '\r':
        self->column = 0;
        self->put(self, flags & OCRNL ? "\n" : "\r", 1);
        break;
    case '\t':
        put_tab(self);
        break;
    case '\b':
        self->column -= self->column > 0;
        self->put(self, "\b", 1);
        break;
    default:
        self->put(self, &byte, 1);
    }
}

/* The number of bytes up to the first that is more than a character. */
static size_t
plain_length(const char *text, size_t size)
{
    size_t length = 0;

    while (length < size && (uint8_t)text[length] >= ' ')
        length++;
    return length;
}

void
discipline_write(struct discipline *self, const char *text, size_t size)
{
    if (!(self->termios.oflag & OPOST)) {
        self->put(self, text, size);
        return;
    }
    while (size > 0) {
        size_t plain = plain_length(text, size);

        if (plain > 0) {
            self->put(self, text, plain);
            self->column += (unsigned)plain;
        } else {
            put_control(self, *text);
            plain = 1;
        }
        text += plain;
        size -= plain;
    }
}

/* ---- echo ---- */

/* True when a byte is shown as ^ and a letter. */
static bool
shown_as_control(const struct discipline *self, uint8_t byte)
{
    return local(self, ECHOCTL) && (byte < ' ' || byte == 0x7F) && byte != '\t' && byte != '\n';
}

static void
echo(struct discipline *self, uint8_t byte)
{
    if (shown_as_control(self, byte)) {
        char text[2] = {'^', (char)(byte ^ 0x40)};

        discipline_write(self, text, sizeof(text));
    } else {
        char text = (char)byte;

        discipline_write(self, &text, 1);
    }
}

static unsigned
column_behind(const struct discipline *self, unsigned column, uint8_t byte)
{
    if (byte == '\t')
        return column + TAB - column % TAB;
    if (shown_as_control(self, byte))
        return column + 2;
    return column + (byte >= ' ' && byte != 0x7F);
}

/* The cursor's column when the line ends at `end`. */
static unsigned
column_at(const struct discipline *self, uint32_t end)
{
    unsigned column = self->line_column;

    for (uint32_t at = self->ready; at != end; at++)
        column = column_behind(self, column, self->ring[at % DISCIPLINE_BYTES]);
    return column;
}

/* ---- editing the line ---- */

/* Takes the last byte of the line back, which there is, on the screen too. */
static void
erase_one(struct discipline *self)
{
    unsigned end = column_at(self, self->typed);

    self->typed--;
    if (!local(self, ECHO))
        return;
    if (!local(self, ECHOE)) {
        echo(self, self->termios.cc[VERASE]);
        return;
    }
    for (unsigned start = column_at(self, self->typed); end > start; end--) {
        if (self->ring[self->typed % DISCIPLINE_BYTES] == '\t')
            discipline_write(self, "\b", 1);
        else
            discipline_write(self, "\b \b", 3);
    }
}

static bool
ends_in_blank(const struct discipline *self)
{
    uint8_t last = self->ring[(self->typed - 1) % DISCIPLINE_BYTES];

    return last == ' ' || last == '\t';
}

static void
erase_word(struct discipline *self)
{
    while (self->typed != self->ready && ends_in_blank(self))
        erase_one(self);
    while (self->typed != self->ready && !ends_in_blank(self))
        erase_one(self);
}

static void
kill_line(struct discipline *self)
{
    if (local(self, ECHOKE) && local(self, ECHOE)) {
        while (self->typed != self->ready)
            erase_one(self);
        return;
    }
    self->typed = self->ready;
    if (!local(self, ECHO))
        return;
    echo(self, self->termios.cc[VKILL]);
    if (local(self, ECHOK))
        echo(self, '\n');
}

/* Shows the line once more below. */
static void
reprint(struct discipline *self)
{
    if (!local(self, ECHO))
        return;
    echo(self, self->termios.cc[VREPRINT]);
    echo(self, '\n');
    self->line_column = self->column;
    for (uint32_t at = self->ready; at != self->typed; at++)
        echo(self, self->ring[at % DISCIPLINE_BYTES]);
}

/* ---- keeping bytes ---- */

static bool
ends_line(const struct discipline *self, uint32_t at)
{
    return self->ends[at % DISCIPLINE_BYTES / 8] >> at % 8 & 1;
}

static void
keep(struct discipline *self, uint8_t byte, bool end)
{
    uint32_t at = self->typed % DISCIPLINE_BYTES;
    uint8_t bit = (uint8_t)(1u << at % 8);

    self->ring[at] = byte;
    self->ends[at / 8] = (uint8_t)(end ? self->ends[at / 8] | bit : self->ends[at / 8] & ~bit);
    self->typed++;
    if (end || !local(self, ICANON))
        self->ready = self->typed;
}

static bool
is_full(const struct discipline *self, size_t reserve)
{
    return self->typed - self->read + reserve >= DISCIPLINE_BYTES;
}

static void
ring_bell(struct discipline *self)
{
    if (self->termios.iflag & IMAXBEL)
        self->put(self, "\a", 1);
}

/* A byte that is kept. One place stays free for the line's end. */
static void
type_character(struct discipline *self, uint8_t byte)
{
    if (is_full(self, local(self, ICANON) ? 1 : 0)) {
        ring_bell(self);
        return;
    }
    if (self->typed == self->ready)
        self->line_column = self->column;
    if (local(self, ECHO))
        echo(self, byte);
    keep(self, byte, false);
}

static void
end_line(struct discipline *self, uint8_t byte)
{
    if (is_full(self, 0)) {
        ring_bell(self);
        return;
    }
    if (byte == '\n' ? local(self, ECHO | ECHONL) : local(self, ECHO) && !is_key(self, VEOF, byte))
        echo(self, byte);
    keep(self, byte, true);
}

/* ---- keys ---- */

/* Keys that change the line. False when the byte is none of them. */
static bool
type_editing_key(struct discipline *self, uint8_t byte)
{
    bool extended = local(self, IEXTEN);

    if (is_key(self, VERASE, byte)) {
        if (self->typed != self->ready)
            erase_one(self);
    } else if (is_key(self, VKILL, byte)) {
        kill_line(self);
    } else if (extended && is_key(self, VWERASE, byte)) {
        erase_word(self);
    } else if (extended && is_key(self, VREPRINT, byte)) {
        reprint(self);
    } else if (byte == '\n' || is_key(self, VEOF, byte) || is_key(self, VEOL, byte) ||
               is_key(self, VEOL2, byte)) {
        end_line(self, byte);
    } else {
        return false;
    }
    return true;
}

static enum discipline_event
signal_of(const struct discipline *self, uint8_t byte)
{
    if (!local(self, ISIG))
        return DISCIPLINE_NOTHING;
    if (is_key(self, VINTR, byte))
        return DISCIPLINE_INTERRUPT;
    if (is_key(self, VQUIT, byte))
        return DISCIPLINE_QUIT;
    return is_key(self, VSUSP, byte) ? DISCIPLINE_SUSPEND : DISCIPLINE_NOTHING;
}

/* ^S and ^Q. False when the byte is neither. */
static bool
type_flow_key(struct discipline *self, uint8_t byte)
{
    if (!(self->termios.iflag & IXON))
        return false;
    if (is_key(self, VSTART, byte)) {
        self->stopped = false;
        return true;
    }
    if (!is_key(self, VSTOP, byte))
        return false;
    self->stopped = true;
    return true;
}

/* A byte that may be a key, with output not stopped. */
static enum discipline_event
type_key(struct discipline *self, uint8_t byte)
{
    enum discipline_event event = signal_of(self, byte);

    if (event != DISCIPLINE_NOTHING) {
        if (!local(self, NOFLSH))
            discipline_flush(self);
        if (local(self, ECHO))
            echo(self, byte);
        return event;
    }
    if (local(self, ICANON) && local(self, IEXTEN) && is_key(self, VLNEXT, byte)) {
        self->literal = true;
        if (local(self, ECHO) && local(self, ECHOCTL))
            discipline_write(self, "^\b", 2);
    } else if (!local(self, ICANON) || !type_editing_key(self, byte)) {
        type_character(self, byte);
    }
    return DISCIPLINE_NOTHING;
}

enum discipline_event
discipline_type(struct discipline *self, uint8_t byte)
{
    unsigned flags = self->termios.iflag;
    bool was_stopped = self->stopped;
    enum discipline_event event;

    if (flags & ISTRIP)
        byte &= 0x7F;
    if (self->literal) {
        self->literal = false;
        type_character(self, byte);
        return DISCIPLINE_NOTHING;
    }
    if (byte == '\r' && (flags & IGNCR))
        return DISCIPLINE_NOTHING;
    if (byte == '\r' && (flags & ICRNL))
        byte = '\n';
    else if (byte == '\n' && (flags & INLCR))
        byte = '\r';
    if (type_flow_key(self, byte))
        return was_stopped && !self->stopped ? DISCIPLINE_RESUME : DISCIPLINE_NOTHING;
    event = type_key(self, byte);
    if (was_stopped && (event != DISCIPLINE_NOTHING || (flags & IXANY)))
        self->stopped = false;
    return event == DISCIPLINE_NOTHING && was_stopped && !self->stopped ? DISCIPLINE_RESUME : event;
}

bool
discipline_has_room(const struct discipline *self)
{
    if (local(self, ICANON) && self->ready == self->read)
        return true;
    return !is_full(self, KEY_BYTES);
}

/* ---- reading ---- */

bool
discipline_readable(const struct discipline *self, unsigned minimum)
{
    uint32_t count = self->ready - self->read;

    return count >= (local(self, ICANON) || minimum == 0 ? 1 : minimum);
}

size_t
discipline_count(const struct discipline *self)
{
    return self->ready - self->read;
}

/* True for an EOF that ends what was typed before it: it is not given out. */
static bool
is_mark(const struct discipline *self, uint32_t at)
{
    return local(self, ICANON) && ends_line(self, at) &&
           is_key(self, VEOF, self->ring[at % DISCIPLINE_BYTES]);
}

size_t
discipline_bytes(const struct discipline *self)
{
    size_t count = 0;

    for (uint32_t at = self->read; at != self->ready; at++)
        count += !is_mark(self, at);
    return count;
}

size_t
discipline_read(struct discipline *self, char *to, size_t size, bool *more)
{
    bool lines = local(self, ICANON);
    size_t done = 0;

    *more = true;
    while (*more && self->read != self->ready) {
        bool given = !is_mark(self, self->read);

        if (given && done == size)
            return done;
        if (given)
            to[done++] = (char)self->ring[self->read % DISCIPLINE_BYTES];
        *more = !(lines && ends_line(self, self->read));
        self->read++;
    }
    *more = *more && self->read != self->ready;
    return done;
}

/* ---- settings ---- */

/* Entering canonical mode, what is there counts as a line; leaving it, all of it is ready. */
void
discipline_set(struct discipline *self, const struct termios *termios)
{
    bool was_canonical = local(self, ICANON);

    self->termios = *termios;
    if (!(termios->iflag & IXON))
        self->stopped = false;
    self->literal = false;
    if (was_canonical == local(self, ICANON))
        return;
    memset(self->ends, 0, sizeof(self->ends));
    self->ready = self->typed;
    if (!was_canonical && self->typed != self->read) {
        uint32_t last = (self->typed - 1) % DISCIPLINE_BYTES;

        self->ends[last / 8] |= (uint8_t)(1u << last % 8);
    }
}

void
discipline_flush(struct discipline *self)
{
    self->read = self->ready = self->typed;
    self->literal = false;
}
