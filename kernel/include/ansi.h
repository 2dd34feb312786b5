/* ansi.h - the control sequences of a terminal's output: ECMA-48, as far as VT100-like programs use
 * them.
 */
#ifndef OCTAVO_ANSI_H
#define OCTAVO_ANSI_H

#include "types.h"

#define ANSI_NUMBERS 4

/* How much of a sequence has come. All zero at the start. */
struct ansi {
    uint8_t stage;
    bool strange;       /* it has parts that mean nothing here */
    unsigned count;     /* of numbers that have begun */
    unsigned number[ANSI_NUMBERS];
};

/* What a byte is. */
enum {
    ANSI_PART = -2, /* of a sequence that goes on, or that has just been swallowed */
    ANSI_TEXT = -1, /* a character to be shown, or a simple control character */
    ANSI_ESCAPE = 0x100, /* + c: ESC c */
};

/* Takes one byte. ANSI_PART, ANSI_TEXT, ANSI_ESCAPE + c, or the last letter of ESC [ numbers
 * letter, for which ansi_number has the numbers. */
int ansi_take(struct ansi *self, uint8_t byte);

/* The index-th number of the sequence; `missing` when it was left out or is 0. */
unsigned ansi_number(const struct ansi *self, unsigned index, unsigned missing);

#endif
