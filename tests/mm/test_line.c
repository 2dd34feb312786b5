/* test_line.c - the line editor, watched through a terminal that understands as little as allowed.
 */
#include <string.h>
#include "ktest.h"
#include "keys.h"
#include "line.h"

#define COLUMNS 80

/* One row; a newline empties it. Anything else that is not printable, or a write past the end,
 * spoils it. */
static char row[COLUMNS + 1];
static size_t column;
static bool spoilt;
static unsigned newlines;

static void
terminal_reset(void)
{
    memset(row, ' ', COLUMNS);
    row[COLUMNS] = '\0';
    column = 0;
}

static void
terminal_put_one(char c)
{
    if (c == '\r') {
        column = 0;
    } else if (c == '\b') {
        spoilt |= column == 0;
        column -= column > 0;
    } else if (c == '\n') {
        terminal_reset();
        newlines++;
    } else if (c < ' ' || c > '~' || column >= COLUMNS - 1) {
        spoilt = true;
    } else {
        row[column++] = c;
    }
}

static void
terminal_put(const char *text, size_t size)
{
    while (size--)
        terminal_put_one(*text++);
}

static const char *
command_word(size_t index)
{
    static const char *const words[] = {"meminfo", "mmap", "memory", "test", NULL};

    return words[index];
}

static struct line_history history;
static struct line line;

static void
begin(void)
{
    terminal_reset();
    spoilt = false;
    newlines = 0;
    history.used = 0;
    line = (struct line){
        .prompt = "> ", .put = terminal_put, .word = command_word, .history = &history};
    line_begin(&line);
}

static enum line_result
type(const char *keys)
{
    enum line_result result = LINE_MORE;

    while (*keys)
        result = line_key(&line, (unsigned char)*keys++);
    return result;
}

static void
press(int key, unsigned times)
{
    while (times--)
        line_key(&line, key);
}

static void
enter(const char *text)
{
    type(text);
    line_key(&line, '\n');
    line_remember(&history, line.text);
    line_begin(&line);
}

/* True when the terminal shows what it should: the prompt, a part of the text with the cursor in
 * it, and blanks. */
static bool
shows_the_line(void)
{
    char wanted[COLUMNS + 1];
    size_t room = LINE_COLUMNS - 2;
    size_t part = line.length - line.first < room ? line.length - line.first : room;

    memset(wanted, ' ', COLUMNS);
    memcpy(wanted, "> ", 2);
    memcpy(wanted + 2, line.text + line.first, part);
    return !spoilt && memcmp(row, wanted, COLUMNS) == 0 && line.first <= line.cursor &&
           column == 2 + line.cursor - line.first;
}

static bool
is(const char *text, size_t cursor)
{
    return strcmp(line.text, text) == 0 && line.length == strlen(text) && line.cursor == cursor &&
           shows_the_line();
}

KTEST(line, typing_and_enter)
{
    begin();
    CHECK_EQ(type("hello"), LINE_MORE);
    CHECK(is("hello", 5));
    CHECK_EQ(line_key(&line, '\n'), LINE_DONE);
    CHECK(strcmp(line.text, "hello") == 0);
    CHECK_EQ(newlines, 1);
}

KTEST(line, moving_and_inserting)
{
    begin();
    type("held");
    press(KEY_LEFT, 2);
    CHECK(is("held", 2));
    type("llo wor");
    CHECK(is("hello world", 9));
    press(KEY_HOME, 1);
    CHECK(is("hello world", 0));
    press(KEY_LEFT, 1);
    press(CTRL('E'), 1);
    press(KEY_RIGHT, 1);
    CHECK(is("hello world", 11));
    press(CTRL('A'), 1);
    type(">");
    CHECK(is(">hello world", 1));
}

KTEST(line, deleting)
{
    begin();
    type("one two three");
    press('\b', 2);
    CHECK(is("one two thr", 11));
    press(CTRL('W'), 1);
    CHECK(is("one two ", 8));
    press(KEY_LEFT, 5);
    press(KEY_DELETE, 1);
    CHECK(is("onetwo ", 3));
    press(CTRL('K'), 1);
    CHECK(is("one", 3));
    press(KEY_DELETE, 1);
    press(KEY_LEFT, 1);
    press(CTRL('U'), 1);
    CHECK(is("e", 0));
    press('\b', 1);
    CHECK(is("e", 0));
    press(CTRL('W'), 1);
    CHECK(is("e", 0));
}

KTEST(line, history)
{
    begin();
    enter("first");
    enter("second");
    enter("second");
    enter("");
    type("unfinished");
    press(KEY_UP, 1);
    CHECK(is("second", 6));
    press(KEY_UP, 1);
    CHECK(is("first", 5));
    press(KEY_UP, 1);
    CHECK(is("first", 5));
    press(KEY_DOWN, 2);
    CHECK(is("unfinished", 10));
    press(KEY_DOWN, 1);
    CHECK(is("unfinished", 10));
}

KTEST(line, history_forgets_the_oldest)
{
    char text[LINE_MAX + 1];

    begin();
    for (unsigned i = 0; i < 40; i++) {
        memset(text, 'a' + (int)(i % 26), 200);
        text[200] = '\0';
        enter(text);
        CHECK(history.used <= HISTORY_BYTES);
        CHECK_EQ(history.text[history.used - 1], '\0');
    }
    CHECK_EQ(history.used, HISTORY_BYTES / 201 * 201);
    press(KEY_UP, 100);
    CHECK_EQ(line.length, 200);
    CHECK_EQ(line.text[0], 'a' + (40 - HISTORY_BYTES / 201) % 26);
    CHECK(shows_the_line());
}

KTEST(line, completion)
{
    begin();
    type("t\t");
    CHECK(is("test ", 5));
    begin();
    type("me\t");
    CHECK(is("mem", 3));
    CHECK_EQ(newlines, 0);
    type("\t");
    CHECK(is("mem", 3));
    CHECK_EQ(newlines, 2);
    type("i\t");
    CHECK(is("meminfo ", 8));
    type("m\t");
    CHECK(is("meminfo m", 9));
    begin();
    type("xyz\t");
    CHECK(is("xyz", 3));
}

KTEST(line, longer_than_the_terminal)
{
    begin();
    for (unsigned i = 0; i < LINE_MAX + 10; i++) {
        line_key(&line, 'a' + (int)(i % 26));
        CHECK(shows_the_line());
    }
    CHECK_EQ(line.length, LINE_MAX);
    press(KEY_HOME, 1);
    CHECK_EQ(line.first, 0);
    CHECK(shows_the_line());
    press(CTRL('K'), 1);
    CHECK(is("", 0));
}

/* Half a command could be another one: what found no room is not run, unless who types saw it. */
KTEST(line, too_long_a_line_is_not_run)
{
    begin();
    for (unsigned i = 0; i < LINE_MAX; i++)
        line_key(&line, 'a');
    CHECK_EQ(line_key(&line, '\n'), LINE_DONE);
    begin();
    for (unsigned i = 0; i < LINE_MAX + 1; i++)
        line_key(&line, 'b');
    CHECK_EQ(line_key(&line, '\n'), LINE_MORE);
    CHECK(is("", 0));
    type("free");
    CHECK_EQ(line_key(&line, '\n'), LINE_DONE);
    begin();
    for (unsigned i = 0; i < LINE_MAX + 1; i++)
        line_key(&line, 'c');
    press('\b', 1);
    CHECK_EQ(line_key(&line, '\n'), LINE_DONE);
    CHECK_EQ(line.length, LINE_MAX - 1);
}

KTEST(line, drop_and_clear)
{
    begin();
    type("nonsense");
    CHECK_EQ(line_key(&line, CTRL('C')), LINE_MORE);
    CHECK(is("", 0));
    type("abc");
    CHECK_EQ(line_key(&line, CTRL('L')), LINE_CLEAR);
    terminal_reset();
    line_show(&line);
    CHECK(is("abc", 3));
}

/* Any keys in any order: the terminal always shows the line. */
KTEST(line, random_keys)
{
    static const short keys[] = {KEY_LEFT,    KEY_RIGHT, KEY_HOME,   KEY_END,   KEY_UP,
                                 KEY_DOWN,    '\b',      KEY_DELETE, CTRL('W'), KEY_LEFT,
                                 KEY_PAGE_UP, '\t',      ' ',        KEY_LEFT,  '\b'};
    uint32_t state = ktest_seed();

    begin();
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t choice = ktest_random(&state) % 400;

        if (choice == 0)
            enter("");
        else if (choice == 1)
            line_key(&line, CTRL('K'));
        else if (choice < 120)
            line_key(&line, keys[choice % ARRAY_LENGTH(keys)]);
        else
            line_key(&line, "metsap"[choice % 6]);
        CHECK(shows_the_line());
        CHECK(line.cursor <= line.length && line.length <= LINE_MAX);
        CHECK_EQ(line.text[line.length], '\0');
    }
}
