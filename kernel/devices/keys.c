/* keys.c - scan codes and terminal bytes into keys.
 *
 * Keyboard: set 1, which the keyboard controller of a PC/AT delivers (IBM Personal Computer AT
 * technical reference). A key gives its number when pressed and the number + 80h when released. The
 * keys that the first PC did not have give E0h first; they share numbers with the number pad, where
 * Num Lock chooses between digits and moving. Pause gives six codes, E1 1D 45 E1 9D C5, and is
 * ignored.
 *
 * Terminal: ECMA-48 (VT100) sequences, ESC [ letter, ESC O letter and ESC [ number ~. What is not
 * known is swallowed whole.
 */
#include "keys.h"

#define RELEASED    0x80
#define EXTENDED    0xE0
#define PAUSE       0xE1
#define PAUSE_CODES 5

#define CODE_CTRL    0x1D
#define CODE_SHIFT_L 0x2A
#define CODE_SHIFT_R 0x36
#define CODE_CAPS    0x3A
#define CODE_NUM     0x45
#define CODE_PAD     0x47 /* first of the number pad, 7 */
#define CODE_PAD_END 0x53

/* ---- keyboard ---- */

static const char plain[] = "\0\x1b"
                            "1234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\x1b"
                              "!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
_Static_assert(sizeof(plain) == 0x3A + 1 && sizeof(shifted) == sizeof(plain),
               "one character for each code from 0 to 39h");

/* The number pad with Num Lock, and what its keys mean without. */
static const char pad_digits[] = "789-456+1230.";
static const short pad_keys[] = {KEY_HOME,      KEY_UP,     KEY_PAGE_UP, '-',     KEY_LEFT,
                                 KEY_NONE,      KEY_RIGHT,  '+',         KEY_END, KEY_DOWN,
                                 KEY_PAGE_DOWN, KEY_INSERT, KEY_DELETE};

static bool
is_shifted(const struct scancode_state *state)
{
    return state->shift_left || state->shift_right;
}

/* Keys that change the meaning of others. True when the code was one of them. */
static bool
take_modifier(struct scancode_state *state, uint8_t code, bool pressed, bool extended)
{
    switch (code) {
    case CODE_CTRL:
        state->ctrl = pressed;
        return true;
    case CODE_SHIFT_L:
    case CODE_SHIFT_R:
        if (!extended) /* E0 2A and E0 36 only frame other keys */
            *(code == CODE_SHIFT_L ? &state->shift_left : &state->shift_right) = pressed;
        return true;
    case CODE_CAPS:
        state->caps ^= pressed;
        return true;
    case CODE_NUM:
        state->num ^= pressed;
        return true;
    default:
        return false;
    }
}

static int
moving_key(const struct scancode_state *state, uint8_t code)
{
    int key = pad_keys[code - CODE_PAD];

    if (is_shifted(state) && key == KEY_PAGE_UP)
        return KEY_SCROLL_UP;
    if (is_shifted(state) && key == KEY_PAGE_DOWN)
        return KEY_SCROLL_DOWN;
    return key;
}

static int
extended_key(const struct scancode_state *state, uint8_t code)
{
    if (code >= CODE_PAD && code <= CODE_PAD_END)
        return moving_key(state, code);
    return code == 0x1C ? '\n' : code == 0x35 ? '/' : KEY_NONE;
}

static int
character_key(const struct scancode_state *state, uint8_t code)
{
    bool letter = plain[code] >= 'a' && plain[code] <= 'z';
    bool upper = is_shifted(state) != (letter && state->caps);
    char character = upper ? shifted[code] : plain[code];

    if (state->ctrl && shifted[code] >= '@' && shifted[code] <= '_')
        return CTRL(shifted[code]);
    if (state->ctrl && plain[code] >= '[' && plain[code] <= ']')
        return CTRL(plain[code]);
    return character ? character : KEY_NONE;
}

int
scancode_key(struct scancode_state *state, uint8_t code)
{
    bool extended = state->extended;
    bool pressed = !(code & RELEASED);

    state->extended = false;
    if (state->skip) {
        state->skip--;
        return KEY_NONE;
    }
    if (code == EXTENDED || code == PAUSE) {
        state->extended = code == EXTENDED;
        state->skip = code == PAUSE ? PAUSE_CODES : 0;
        return KEY_NONE;
    }
    code &= RELEASED - 1;
    if (take_modifier(state, code, pressed, extended) || !pressed)
        return KEY_NONE;
    if (extended)
        return extended_key(state, code);
    if (code < sizeof(plain) - 1)
        return character_key(state, code);
    if (code < CODE_PAD || code > CODE_PAD_END)
        return KEY_NONE;
    return state->num && !is_shifted(state) ? pad_digits[code - CODE_PAD] : moving_key(state, code);
}

/* ---- terminal ---- */

enum { STAGE_NONE, STAGE_ESCAPE, STAGE_SEQUENCE, STAGE_LETTER };

static int
letter_key(uint8_t letter)
{
    switch (letter) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return KEY_RIGHT;
    case 'D':
        return KEY_LEFT;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    default:
        return KEY_NONE;
    }
}

static int
number_key(unsigned number)
{
    static const short keys[] = {KEY_NONE,    KEY_HOME,      KEY_INSERT, KEY_DELETE, KEY_END,
                                 KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME,   KEY_END};

    return number < ARRAY_LENGTH(keys) ? keys[number] : KEY_NONE;
}

static int
sequence_key(struct terminal_state *state, uint8_t byte)
{
    if (state->stage == STAGE_ESCAPE) {
        state->number = 0;
        state->stage = byte == '[' ? STAGE_SEQUENCE : byte == 'O' ? STAGE_LETTER : STAGE_NONE;
        return KEY_NONE;
    }
    if (state->stage == STAGE_SEQUENCE && byte >= '0' && byte <= '9') {
        if (state->number < 100)
            state->number = state->number * 10 + (byte - '0');
        return KEY_NONE;
    }
    if (byte < '@') /* parameters that mean nothing here */
        return KEY_NONE;
    state->stage = STAGE_NONE;
    return byte == '~' ? number_key(state->number) : letter_key(byte);
}

int
terminal_key(struct terminal_state *state, uint8_t byte)
{
    bool after_return = state->after_return;

    state->after_return = byte == '\r';
    if (byte == KEY_ESCAPE) {
        state->stage = STAGE_ESCAPE;
        return KEY_NONE;
    }
    if (state->stage != STAGE_NONE && byte >= ' ')
        return sequence_key(state, byte);
    state->stage = STAGE_NONE;
    if (byte == '\r')
        return '\n';
    if (byte == '\n')
        return after_return ? KEY_NONE : '\n';
    if (byte == 0x7F)
        return '\b';
    return byte && byte < 0x80 ? byte : KEY_NONE;
}

size_t
key_bytes(int key, uint8_t bytes[KEY_BYTES])
{
    static const char letters[] = "ABDCHF";   /* KEY_UP to KEY_END */
    static const char numbers[] = "2356";     /* KEY_INSERT to KEY_PAGE_DOWN */

    if (key < KEY_UP) {
        bytes[0] = key == '\n' ? '\r' : key == '\b' ? 0x7F : (uint8_t)key;
        return key >= 0;
    }
    if (key > KEY_PAGE_DOWN)
        return 0;
    bytes[0] = KEY_ESCAPE;
    bytes[1] = '[';
    if (key <= KEY_END) {
        bytes[2] = (uint8_t)letters[key - KEY_UP];
        return 3;
    }
    bytes[2] = (uint8_t)numbers[key - KEY_INSERT];
    bytes[3] = '~';
    return 4;
}
