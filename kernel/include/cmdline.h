/* cmdline.h - the kernel's command line.
 *
 *   [file] name name=value name="value with blanks" ...
 *
 * A first word without `=` that is no option is the kernel's file name, which some loaders put
 * there, and is dropped. A quote may stand anywhere in a word and protects blanks up to the next
 * one; one that is never closed reaches to the end.
 */
#ifndef OCTAVO_CMDLINE_H
#define OCTAVO_CMDLINE_H

#include "types.h"
#include "printer.h"

/* A command line cut into words; the words stand one after the other, each with its own end. */
struct cmdline {
    const char *words;
    size_t count;
};

/* Cuts `text` into words in place, without quotes. `text` must live as long as the result. */
struct cmdline cmdline_split(char *text);

/* What stands behind `name=`, "" for a bare `name`, NULL when it is not there. The last one counts
 * when there are several. The file name of the loader is never found. */
const char *cmdline_get(const struct cmdline *line, const char *name);

/* Word `index` (below line->count). */
const char *cmdline_word(const struct cmdline *line, size_t index);

/* True when the word is an option (with or without a value) that the kernel knows. */
bool cmdline_known(const char *word);

/* True when word 0 is the loader's name for the kernel, not an option. */
bool cmdline_starts_with_file(const struct cmdline *line);

/* A number of bytes: decimal or 0x..., then at most one of K, M, G. False, and *bytes is left
 * alone, when it is anything else or does not fit in 64 bits. */
MUST_CHECK bool cmdline_size(const char *text, uint64_t *bytes);

/* Makes `text` the kernel's command line; it is copied (kmalloc_early). Reports each unknown option
 * by one line. */
void cmdline_parse(const char *text);

/* Asks the kernel's own command line. `name` must be in the table of options. cmdline_flag is true
 * when the option is there, with or without a value. */
bool cmdline_flag(const char *name);
const char *cmdline_value(const char *name);
/* The same for a number (cmdline_size). False, and *number is left alone, when the option is not
 * there, or has no number, which is logged. */
bool cmdline_number(const char *name, uint64_t *number);

/* One line an option: name and what it does. */
void cmdline_print_options(struct printer *out);

#endif
