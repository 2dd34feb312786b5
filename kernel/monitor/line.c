/* line.c - the line editor.
 *
 * Theory: `text` is what the line is, `shown` what the terminal shows of it. A key changes text and
 * cursor only; then refresh() compares the two and sends the least that makes them the same:
 *
 *     shown      m e m i n f o _            (cursor at 3)
 *     wanted     m e m o r y                (cursor at 6)
 *                      ^ first difference: move there by backspaces or by printing what is there,
 *                        print the rest, blanks over what is left over, backspaces to the cursor
 *
 * Keys: arrows, Home/End or Ctrl-A/E move; Backspace, Delete or Ctrl-D, Ctrl-K (to the end), Ctrl-U
 * (to the start), Ctrl-W (the word before) delete; Up/Down or Ctrl-P/N go through the history; Tab
 * completes a word; Ctrl-C drops the line. So does Enter when keys found no room in it: half a
 * command could be another one. Who takes something away has seen where it ended.
 *
 * Invariants: cursor <= length <= LINE_MAX, text[length] = 0; first <= cursor and
 * cursor - first < width.
 */
#include "line.h"
#include "keys.h"
#include <string.h>

/* ---- the terminal ---- */

static size_t
width(const struct line *line)
{
    return LINE_COLUMNS - strlen(line->prompt);
}

static void
put_repeated(struct line *line, char character, size_t count)
{
    for (size_t i = 0; i < count; i++)
        line->put(&character, 1);
}

/* Moves the terminal's cursor; to the right by printing what stands there. */
static void
move_shown(struct line *line, size_t to)
{
    if (to < line->shown_cursor)
        put_repeated(line, '\b', line->shown_cursor - to);
    else
        line->put(line->shown + line->shown_cursor, to - line->shown_cursor);
    line->shown_cursor = to;
}

/* Chooses the part of the text that is shown. It moves by a third of the width at a time, so that
 * most keys at the edge still cost one character. */
static void
scroll(struct line *line)
{
    size_t columns = width(line), step = columns / 3;

    if (line->cursor < line->first)
        line->first = line->cursor > step ? line->cursor - step : 0;
    if (line->cursor - line->first >= columns)
        line->first = line->cursor - columns + step;
    if (line->length < columns)
        line->first = 0;
}

static void
refresh(struct line *line)
{
    const char *wanted;
    size_t length, same = 0, old_length = line->shown_length;

    scroll(line);
    wanted = line->text + line->first;
    length = line->length - line->first;
    if (length > width(line))
        length = width(line);
    while (same < length && same < old_length && wanted[same] == line->shown[same])
        same++;
    if (same < length || same < old_length) {
        move_shown(line, same);
        memcpy(line->shown, wanted, length);
        line->put(wanted + same, length - same);
        line->shown_length = line->shown_cursor = length;
    }
    if (old_length > length) {
        put_repeated(line, ' ', old_length - length);
        put_repeated(line, '\b', old_length - length);
    }
    move_shown(line, line->cursor - line->first);
}

void
line_show(struct line *line)
{
    line->put("\r", 1);
    line->put(line->prompt, strlen(line->prompt));
    line->shown_length = line->shown_cursor = 0;
    refresh(line);
}

void
line_begin(struct line *line)
{
    line->text[0] = '\0';
    line->length = line->cursor = line->first = 0;
    line->cut = false;
    line->history_at = line->history->used;
    line_show(line);
}

/* ---- the text ---- */

static void
insert(struct line *line, char character)
{
    if (line->length == LINE_MAX) {
        line->cut = true;
        return;
    }
    memmove(line->text + line->cursor + 1, line->text + line->cursor,
            line->length - line->cursor + 1);
    line->text[line->cursor++] = character;
    line->length++;
}

/* Deletes [from, to). */
static void
delete_range(struct line *line, size_t from, size_t to)
{
    line->cut = false;
    memmove(line->text + from, line->text + to, line->length - to + 1);
    line->length -= to - from;
    line->cursor = from;
}

static size_t
word_before(const struct line *line)
{
    size_t at = line->cursor;

    while (at && line->text[at - 1] == ' ')
        at--;
    while (at && line->text[at - 1] != ' ')
        at--;
    return at;
}

static void
set_text(struct line *line, const char *text)
{
    line->cut = false;
    line->length = strnlen(text, LINE_MAX);
    memmove(line->text, text, line->length);
    line->text[line->length] = '\0';
    line->cursor = line->length;
}

/* ---- history ---- */

void
line_remember(struct line_history *history, const char *text)
{
    size_t size = strlen(text) + 1;
    size_t last = history->used;

    if (size == 1 || size > HISTORY_BYTES)
        return;
    while (last && (last == history->used || history->text[last - 1]))
        last--;
    if (history->used && strcmp(history->text + last, text) == 0)
        return;
    while (history->used + size > HISTORY_BYTES) {
        size_t oldest = strlen(history->text) + 1;

        memmove(history->text, history->text + oldest, history->used - oldest);
        history->used -= oldest;
    }
    memcpy(history->text + history->used, text, size);
    history->used += size;
}

static void
show_older(struct line *line)
{
    const char *text = line->history->text;
    size_t at = line->history_at;

    if (at == 0)
        return;
    if (at == line->history->used)
        memcpy(line->kept, line->text, line->length + 1);
    for (at--; at && text[at - 1]; at--)
        continue;
    line->history_at = at;
    set_text(line, text + at);
}

static void
show_newer(struct line *line)
{
    if (line->history_at == line->history->used)
        return;
    line->history_at += strlen(line->history->text + line->history_at) + 1;
    if (line->history_at == line->history->used)
        set_text(line, line->kept);
    else
        set_text(line, line->history->text + line->history_at);
}

/* ---- completion ---- */

/* The candidates are the words that begin with the characters from `start` to the cursor. */
static bool
is_candidate(const struct line *line, const char *word, size_t start, size_t length)
{
    return strncmp(word, line->text + start, length) == 0;
}

static size_t
common_length(const char *a, const char *b)
{
    size_t length = 0;

    while (a[length] && a[length] == b[length])
        length++;
    return length;
}

static void
list_candidates(struct line *line, size_t start, size_t length)
{
    const char *word;

    line->put("\n", 1);
    for (size_t i = 0; (word = line->word(i)); i++) {
        if (is_candidate(line, word, start, length)) {
            line->put(word, strlen(word));
            line->put("  ", 2);
        }
    }
    line->put("\n", 1);
    line_show(line);
}

/* A word that is the only candidate gets a blank behind it, unless it is a folder. */
static void
complete(struct line *line)
{
    const char *word, *found = NULL;
    size_t start = line->word_start ? line->word_start(line) : 0;
    size_t typed = line->cursor - start, common = 0, count = 0;

    if (!line->word_start && memchr(line->text, ' ', typed))
        return;
    for (size_t i = 0; (word = line->word(i)); i++) {
        if (!is_candidate(line, word, start, typed))
            continue;
        common = count++ ? common_length(found, word) < common ? common_length(found, word) : common
                         : strlen(word);
        found = word;
    }
    for (size_t i = typed; i < common; i++)
        insert(line, found[i]);
    if (count == 1 && line->cursor == line->length && line->text[line->cursor - 1] != '/')
        insert(line, ' ');
    else if (count > 1 && common == typed)
        list_candidates(line, start, typed);
}

/* ---- keys ---- */

/* Keys that only move the cursor. False when the key is none. */
static bool
move_cursor(struct line *line, int key)
{
    switch (key) {
    case KEY_LEFT:
    case CTRL('B'):
        line->cursor -= line->cursor > 0;
        return true;
    case KEY_RIGHT:
    case CTRL('F'):
        line->cursor += line->cursor < line->length;
        return true;
    case KEY_HOME:
    case CTRL('A'):
        line->cursor = 0;
        return true;
    case KEY_END:
    case CTRL('E'):
        line->cursor = line->length;
        return true;
    default:
        return false;
    }
}

static bool
delete_text(struct line *line, int key)
{
    size_t cursor = line->cursor;

    switch (key) {
    case '\b':
        delete_range(line, cursor - (cursor > 0), cursor);
        return true;
    case KEY_DELETE:
    case CTRL('D'):
        delete_range(line, cursor, cursor + (cursor < line->length));
        return true;
    case CTRL('K'):
        delete_range(line, cursor, line->length);
        return true;
    case CTRL('U'):
        delete_range(line, 0, cursor);
        return true;
    case CTRL('W'):
        delete_range(line, word_before(line), cursor);
        return true;
    default:
        return false;
    }
}

static void
edit(struct line *line, int key)
{
    if (move_cursor(line, key) || delete_text(line, key))
        return;
    if (key == KEY_UP || key == CTRL('P'))
        show_older(line);
    else if (key == KEY_DOWN || key == CTRL('N'))
        show_newer(line);
    else if (key == '\t')
        complete(line);
    else if (key >= ' ' && key < 0x7F)
        insert(line, (char)key);
}

static enum line_result
end_line(struct line *line)
{
    static const char too_long[] = "a line has room for 255 characters: nothing is done\n";

    _Static_assert(LINE_MAX == 255, "too_long says so");
    line->cursor = line->length;
    refresh(line);
    line->put("\n", 1);
    if (!line->cut)
        return LINE_DONE;
    line->put(too_long, sizeof(too_long) - 1);
    line_begin(line);
    return LINE_MORE;
}

enum line_result
line_key(struct line *line, int key)
{
    if (key == CTRL('L'))
        return LINE_CLEAR;
    if (key == '\n')
        return end_line(line);
    if (key == CTRL('C')) {
        line->put("^C\n", 3);
        line_begin(line);
        return LINE_MORE;
    }
    edit(line, key);
    refresh(line);
    return LINE_MORE;
}
