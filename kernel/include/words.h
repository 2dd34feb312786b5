/* words.h - a line cut into words. */
#ifndef OCTAVO_WORDS_H
#define OCTAVO_WORDS_H

#include "types.h"

/* Cuts `text` into words in place. Quotes of both kinds keep blanks together and vanish; one that
 * is never closed reaches to the end. Fills argv, which has room for WORDS_MAX(length of the text)
 * pointers, and ends it with NULL. Returns how many words there are. */
unsigned words_split(char *text, char **argv);

#define WORDS_MAX(length) ((length) / 2 + 2)

#endif
