/* keys.h - keys, whatever they come from: a PC keyboard's scan codes or a terminal's bytes.
 *
 * A key is its ASCII character (Ctrl-A is 1, Enter '\n', Backspace '\b', Tab '\t'), or one of the
 * codes below.
 */
#ifndef OCTAVO_KEYS_H
#define OCTAVO_KEYS_H

#include "types.h"

enum key {
    KEY_NONE = -1, /* not a key, or only part of one */
    KEY_ESCAPE = 27,
    KEY_UP = 0x100,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_INSERT,
    KEY_DELETE,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_SCROLL_UP, /* Shift-PgUp: the screen's own */
    KEY_SCROLL_DOWN,
};

/* The key that the letter gives with Ctrl held. */
#define CTRL(letter) ((letter)&0x1F)

/* What a PC keyboard holds down and has on. All zero at the start. */
struct scancode_state {
    bool shift_left, shift_right, ctrl, caps, num;
    bool extended; /* the code before was E0h */
    uint8_t skip;  /* codes of the Pause key to come */
};

/* Takes one code of set 1. Returns the key it completes or KEY_NONE. */
int scancode_key(struct scancode_state *state, uint8_t code);

/* How much of a terminal's escape sequence has come. All zero at the start. */
struct terminal_state {
    uint8_t stage;
    unsigned number;
    bool after_return; /* the byte before was a carriage return */
};

/* Takes one byte of a terminal. CR, LF and CR LF are one Enter each. */
int terminal_key(struct terminal_state *state, uint8_t byte);

/* The bytes by which a terminal sends a key: the reverse of terminal_key. Their number, 0 for a key
 * of the screen's own. */
#define KEY_BYTES 4
size_t key_bytes(int key, uint8_t bytes[KEY_BYTES]);

#endif
