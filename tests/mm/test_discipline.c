/* test_discipline.c - the line discipline: keys in, lines and a screen out. */
#include <string.h>
#include "discipline.h"
#include "ktest.h"

static struct discipline line;
static char screen[256]; /* everything that was put, in order */
static size_t shown;

static void
put(struct discipline *self, const char *text, size_t size)
{
    (void)self;
    for (size_t i = 0; i < size && shown + 1 < sizeof(screen); i++)
        screen[shown++] = text[i];
    screen[shown] = '\0';
}

static void
start(void)
{
    discipline_init(&line, put);
    shown = 0;
    screen[0] = '\0';
}

static void
start_raw(void)
{
    struct termios raw;

    start();
    raw = line.termios;
    raw.iflag &= ~(uint32_t)(ICRNL | IXON);
    raw.lflag &= ~(uint32_t)(ICANON | ECHO | ISIG);
    discipline_set(&line, &raw);
}

static void
type(const char *keys)
{
    while (*keys != '\0')
        (void)discipline_type(&line, (uint8_t)*keys++);
}

/* A read of `size` bytes gives exactly `wanted`. */
static bool
reads(size_t size, const char *wanted)
{
    char text[64];
    bool more;
    size_t got = discipline_read(&line, text, size, &more);

    return got == strlen(wanted) && memcmp(text, wanted, got) == 0;
}

KTEST(discipline, a_line_is_ready_when_it_ends)
{
    start();
    type("ab");
    CHECK(!discipline_readable(&line, 1));
    type("c\r");
    CHECK(discipline_readable(&line, 1));
    CHECK_EQ(discipline_count(&line), 4);
    CHECK(reads(64, "abc\n"));
    CHECK(!discipline_readable(&line, 1));
    CHECK(strcmp(screen, "abc\r\n") == 0);
}

KTEST(discipline, a_read_ends_with_its_line)
{
    start();
    type("one\ntwo\n");
    CHECK(reads(2, "on"));
    CHECK(reads(64, "e\n"));
    CHECK(reads(64, "two\n"));
}

KTEST(discipline, more_says_whether_a_read_could_go_on)
{
    char text[8];
    bool more;

    start();
    type("abc\nd\n");
    CHECK_EQ(discipline_read(&line, text, 2, &more), 2);
    CHECK(more);
    CHECK_EQ(discipline_read(&line, text, 2, &more), 2);
    CHECK(!more);
    CHECK(reads(8, "d\n"));
}

KTEST(discipline, erase_and_kill_take_back_what_was_typed)
{
    start();
    type("ab\x7f"
         "c\n");
    CHECK(reads(64, "ac\n"));
    CHECK(strcmp(screen, "ab\b \bc\r\n") == 0);
    start();
    type("\x7f"
         "x y  \x17z\n");
    CHECK(reads(64, "x z\n"));
    start();
    type("hello\x15ok\n");
    CHECK(reads(64, "ok\n"));
    CHECK(strcmp(screen, "hello\b \b\b \b\b \b\b \b\b \bok\r\n") == 0);
}

KTEST(discipline, erase_knows_how_wide_a_character_was)
{
    start();
    discipline_write(&line, "$ ", 2);
    type("a\t\x7f\x16\x01\x7f\n"); /* a, tab, erase, literal ^A, erase */
    CHECK(reads(64, "a\n"));
    CHECK(strcmp(screen, "$ a\t\b\b\b\b\b^\b^A\b \b\b \b\r\n") == 0);
}

KTEST(discipline, a_line_before_is_out_of_reach)
{
    start();
    type("ab\n\x7f\x15\x17"
         "c\n");
    CHECK(reads(64, "ab\n"));
    CHECK(reads(64, "c\n"));
}

KTEST(discipline, end_of_file)
{
    start();
    type("\x04");
    CHECK(discipline_readable(&line, 1));
    CHECK(reads(64, ""));
    CHECK(!discipline_readable(&line, 1));
    type("ab\x04");
    CHECK(reads(64, "ab"));
    type("cd\x04");
    CHECK_EQ(discipline_count(&line), 3);
    CHECK_EQ(discipline_bytes(&line), 2);
    CHECK(reads(2, "cd"));
    CHECK(!discipline_readable(&line, 1));
    type("\x16\x04\n");
    CHECK(reads(64, "\x04\n"));
}

KTEST(discipline, signals)
{
    start();
    type("abc");
    CHECK_EQ(discipline_type(&line, 3), DISCIPLINE_INTERRUPT);
    CHECK(strcmp(screen, "abc^C") == 0);
    type("d\n");
    CHECK(reads(64, "d\n"));
    CHECK_EQ(discipline_type(&line, 0x1C), DISCIPLINE_QUIT);
    CHECK_EQ(discipline_type(&line, 0x1A), DISCIPLINE_SUSPEND);
    line.termios.lflag |= NOFLSH;
    type("x");
    CHECK_EQ(discipline_type(&line, 3), DISCIPLINE_INTERRUPT);
    type("\n");
    CHECK(reads(64, "x\n"));
    line.termios.lflag &= ~(uint32_t)ISIG;
    CHECK_EQ(discipline_type(&line, 3), DISCIPLINE_NOTHING);
    type("\n");
    CHECK(reads(64, "\x03\n"));
}

KTEST(discipline, stop_and_start)
{
    start();
    CHECK_EQ(discipline_type(&line, 0x13), DISCIPLINE_NOTHING);
    CHECK(line.stopped);
    CHECK_EQ(discipline_type(&line, 0x11), DISCIPLINE_RESUME);
    CHECK(!line.stopped);
    type("\x13");
    CHECK_EQ(discipline_type(&line, 3), DISCIPLINE_INTERRUPT);
    CHECK(!line.stopped);
    type("\x13");
    line.termios.iflag |= IXANY;
    CHECK_EQ(discipline_type(&line, 'a'), DISCIPLINE_RESUME);
    CHECK_EQ(discipline_count(&line), 0);
}

KTEST(discipline, raw_bytes_are_ready_at_once)
{
    start_raw();
    type("a\x03\r\x7f");
    CHECK(discipline_readable(&line, 4));
    CHECK(!discipline_readable(&line, 5));
    CHECK(reads(3, "a\x03\r"));
    CHECK(reads(64, "\x7f"));
    CHECK_EQ(shown, 0);
}

KTEST(discipline, a_change_of_mode_keeps_what_was_typed)
{
    struct termios canonical;

    start_raw();
    type("abc");
    start(); /* only for its settings */
    canonical = line.termios;
    start_raw();
    type("abc");
    discipline_set(&line, &canonical);
    CHECK(discipline_readable(&line, 1));
    type("d\n");
    CHECK(reads(64, "abc"));
    CHECK(reads(64, "d\n"));
    type("half");
    canonical.lflag &= ~(uint32_t)ICANON;
    discipline_set(&line, &canonical);
    CHECK(reads(64, "half"));
}

KTEST(discipline, carriage_returns_and_newlines)
{
    start();
    line.termios.iflag = IGNCR;
    type("a\r\n");
    CHECK(reads(64, "a\n"));
    line.termios.iflag = INLCR;
    line.termios.cc[VEOL] = '\r';
    type("b\n");
    CHECK(reads(64, "b\r"));
    shown = 0;
    line.termios.oflag = 0;
    discipline_write(&line, "x\n", 2);
    line.termios.oflag = OPOST;
    discipline_write(&line, "x\n", 2);
    line.termios.oflag = OPOST | ONLCR | OCRNL;
    discipline_write(&line, "x\n\r", 3);
    CHECK(strcmp(screen, "x\nx\nx\r\n\n") == 0);
}

KTEST(discipline, tabs_become_blanks_when_asked)
{
    start();
    line.termios.oflag |= XTABS;
    discipline_write(&line, "ab\tc\t\n\t", 8);
    CHECK(strcmp(screen, "ab      c       \r\n        ") == 0);
}

KTEST(discipline, a_full_line_takes_its_end)
{
    start();
    for (unsigned i = 0; i < 2 * DISCIPLINE_BYTES; i++)
        (void)discipline_type(&line, 'a');
    CHECK(discipline_has_room(&line));
    CHECK(!discipline_readable(&line, 1));
    type("\n");
    CHECK_EQ(discipline_count(&line), DISCIPLINE_BYTES);
    CHECK(!discipline_has_room(&line));
    type("b\n");
    CHECK_EQ(discipline_count(&line), DISCIPLINE_BYTES);
    discipline_flush(&line);
    type("b\n");
    CHECK(reads(64, "b\n"));
}

KTEST(discipline, the_ring_goes_round)
{
    char text[8];
    bool more;

    start();
    for (unsigned i = 0; i < DISCIPLINE_BYTES; i++) {
        type("abcd\n");
        CHECK(discipline_readable(&line, 1));
        CHECK_EQ(discipline_read(&line, text, 8, &more), 5);
        CHECK(memcmp(text, "abcd\n", 5) == 0 && !more);
    }
}
