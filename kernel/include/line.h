/* line.h - editing one line of text.
 *
 * Output is characters, backspaces and carriage returns only, so any terminal will do. The line
 * never wraps: when it is longer than the terminal is wide, a part of it is shown.
 */
#ifndef OCTAVO_LINE_H
#define OCTAVO_LINE_H

#include "types.h"

#define LINE_MAX      255u /* characters */
#define LINE_COLUMNS  79u  /* of the terminal that are used, the prompt included */
#define HISTORY_BYTES 2048u

/* Lines entered before, each with its end mark, oldest first. */
struct line_history {
    char text[HISTORY_BYTES];
    size_t used;
};

enum line_result {
    LINE_MORE,  /* go on */
    LINE_DONE,  /* Enter: text holds the line */
    LINE_CLEAR, /* Ctrl-L: the caller clears the screen and calls line_show */
};

struct line {
    char text[LINE_MAX + 1];
    size_t length;
    size_t cursor;
    bool cut; /* a key found no room */
    const char *prompt;
    void (*put)(const char *text, size_t size);
    /* The index-th word that completes a command, NULL behind the last. */
    const char *(*word)(size_t index);
    /* Where the word to complete begins; called before `word` is. NULL: only the line's first word
     * is completed. */
    size_t (*word_start)(const struct line *line);
    struct line_history *history;
    size_t history_at;       /* offset of the line shown; history->used = the new line */
    char kept[LINE_MAX + 1]; /* the new line while older ones are shown */

    /* What the terminal shows behind the prompt, and where its cursor stands in that. */
    char shown[LINE_COLUMNS + 1];
    size_t shown_length;
    size_t shown_cursor;
    size_t first; /* of text that is shown */
};

/* Begins a new line and prints the prompt. put, prompt, word and history are set by the caller. */
void line_begin(struct line *line);

/* Prints the prompt and the line anew. */
void line_show(struct line *line);

/* Takes one key (keys.h). */
enum line_result line_key(struct line *line, int key);

/* Puts a line into the history, unless it is empty or the same as the one before. */
void line_remember(struct line_history *history, const char *text);

#endif
