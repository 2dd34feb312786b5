/* test_keyboard.c - scan codes and terminal bytes into keys. */
#include <string.h>
#include "ktest.h"
#include "keys.h"

/* The key that the last of some codes completes. */
static int
key_of(struct scancode_state *state, const uint8_t *codes, size_t count)
{
    int key = KEY_NONE;

    while (count--)
        key = scancode_key(state, *codes++);
    return key;
}

#define KEY_OF(state, ...)                                                                         \
    key_of(state, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

KTEST(keyboard, plain)
{
    struct scancode_state state = {0};

    CHECK_EQ(KEY_OF(&state, 0x1E), 'a');
    CHECK_EQ(KEY_OF(&state, 0x9E), KEY_NONE);
    CHECK_EQ(KEY_OF(&state, 0x02), '1');
    CHECK_EQ(KEY_OF(&state, 0x0B), '0');
    CHECK_EQ(KEY_OF(&state, 0x1C), '\n');
    CHECK_EQ(KEY_OF(&state, 0x0E), '\b');
    CHECK_EQ(KEY_OF(&state, 0x0F), '\t');
    CHECK_EQ(KEY_OF(&state, 0x39), ' ');
    CHECK_EQ(KEY_OF(&state, 0x2B), '\\');
    CHECK_EQ(KEY_OF(&state, 0x35), '/');
    CHECK_EQ(KEY_OF(&state, 0x01), KEY_ESCAPE);
    CHECK_EQ(KEY_OF(&state, 0x3B), KEY_NONE);
    CHECK_EQ(KEY_OF(&state, 0x38), KEY_NONE);
}

KTEST(keyboard, every_letter_and_sign)
{
    static const char plain[] = "1234567890-=qwertyuiop[]asdfghjkl;'`\\zxcvbnm,./ ";
    static const char shifted[] = "!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:\"~|ZXCVBNM<>? ";
    struct scancode_state state = {0};
    size_t found = 0;

    for (uint8_t code = 2; code < 0x3A; code++) {
        int key = scancode_key(&state, code);
        const char *at = key > ' ' && key < 0x7F && key != '*' ? strchr(plain, key) : NULL;

        scancode_key(&state, code | 0x80);
        if (!at)
            continue;
        found++;
        CHECK_EQ(KEY_OF(&state, 0x2A, code), (unsigned char)shifted[at - plain]);
        CHECK_EQ(KEY_OF(&state, 0xAA, code), key);
        CHECK_EQ(KEY_OF(&state, 0x36, code), (unsigned char)shifted[at - plain]);
        CHECK_EQ(KEY_OF(&state, 0xB6, code), key);
    }
    CHECK_EQ(found, sizeof(plain) - 2);
}

KTEST(keyboard, caps_and_ctrl)
{
    struct scancode_state state = {0};

    CHECK_EQ(KEY_OF(&state, 0x3A, 0xBA, 0x1E), 'A');
    CHECK_EQ(KEY_OF(&state, 0x02), '1');
    CHECK_EQ(KEY_OF(&state, 0x2A, 0x1E), 'a');
    CHECK_EQ(KEY_OF(&state, 0xAA, 0x3A, 0xBA, 0x1E), 'a');
    CHECK_EQ(KEY_OF(&state, 0x1D, 0x1E), 1);
    CHECK_EQ(KEY_OF(&state, 0x26), CTRL('L'));
    CHECK_EQ(KEY_OF(&state, 0x9D, 0x1E), 'a');
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x1D, 0x11), CTRL('W'));
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x9D, 0x11), 'w');
}

KTEST(keyboard, moving)
{
    struct scancode_state state = {0};

    CHECK_EQ(KEY_OF(&state, 0xE0, 0x48), KEY_UP);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0xC8), KEY_NONE);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x50), KEY_DOWN);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x4B), KEY_LEFT);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x4D), KEY_RIGHT);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x47), KEY_HOME);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x4F), KEY_END);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x53), KEY_DELETE);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x52), KEY_INSERT);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x49), KEY_PAGE_UP);
    CHECK_EQ(KEY_OF(&state, 0x2A, 0xE0, 0x49), KEY_SCROLL_UP);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x51), KEY_SCROLL_DOWN);
    CHECK_EQ(KEY_OF(&state, 0xAA, 0xE0, 0x1C), '\n');
    CHECK_EQ(KEY_OF(&state, 0xE0, 0x35), '/');
}

KTEST(keyboard, number_pad)
{
    struct scancode_state state = {0};

    CHECK_EQ(KEY_OF(&state, 0x48), KEY_UP);
    CHECK_EQ(KEY_OF(&state, 0x4A), '-');
    CHECK_EQ(KEY_OF(&state, 0x45, 0xC5, 0x48), '8');
    CHECK_EQ(KEY_OF(&state, 0x53), '.');
    CHECK_EQ(KEY_OF(&state, 0x2A, 0x48), KEY_UP);
    CHECK_EQ(KEY_OF(&state, 0xAA, 0x37), '*');
    CHECK_EQ(KEY_OF(&state, 0x45, 0xC5, 0x52), KEY_INSERT);
}

/* Shift frames that the keyboard itself sends around the moving keys, and the Pause key. */
KTEST(keyboard, framed_and_pause)
{
    struct scancode_state state = {0};

    CHECK_EQ(KEY_OF(&state, 0xE0, 0x2A, 0xE0, 0x48), KEY_UP);
    CHECK_EQ(KEY_OF(&state, 0xE0, 0xC8, 0xE0, 0xAA, 0x1E), 'a');
    CHECK_EQ(KEY_OF(&state, 0xE1, 0x1D, 0x45, 0xE1, 0x9D, 0xC5), KEY_NONE);
    CHECK_EQ(KEY_OF(&state, 0x1E), 'a');
    CHECK_EQ(KEY_OF(&state, 0x48), KEY_UP);
}

/* No code may lead outside the tables. */
KTEST(keyboard, any_codes)
{
    struct scancode_state state = {0};
    struct terminal_state terminal = {0};
    uint32_t random = ktest_seed();

    for (unsigned i = 0; i < 20000; i++) {
        int key = scancode_key(&state, (uint8_t)ktest_random(&random));
        int other = terminal_key(&terminal, (uint8_t)ktest_random(&random));

        CHECK(key >= KEY_NONE && key <= KEY_SCROLL_DOWN);
        CHECK(other >= KEY_NONE && other <= KEY_SCROLL_DOWN);
    }
}

/* The keys of some bytes, one after the other, KEY_NONE left out. */
static bool
terminal_gives(const char *bytes, const int *keys, size_t count)
{
    struct terminal_state state = {0};
    size_t found = 0;

    for (; *bytes; bytes++) {
        int key = terminal_key(&state, (uint8_t)*bytes);

        if (key == KEY_NONE)
            continue;
        if (found == count || keys[found++] != key)
            return false;
    }
    return found == count;
}

#define GIVES(bytes, ...)                                                                          \
    terminal_gives(bytes, (const int[]){__VA_ARGS__},                                              \
                   sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

KTEST(keyboard, terminal)
{
    CHECK(GIVES("aZ 9", 'a', 'Z', ' ', '9'));
    CHECK(GIVES("\033[A\033[B\033[C\033[D", KEY_UP, KEY_DOWN, KEY_RIGHT, KEY_LEFT));
    CHECK(GIVES("\033OA\033OH\033OF", KEY_UP, KEY_HOME, KEY_END));
    CHECK(GIVES("\033[H\033[F\033[1~\033[4~\033[7~\033[8~", KEY_HOME, KEY_END, KEY_HOME, KEY_END,
                KEY_HOME, KEY_END));
    CHECK(GIVES("\033[3~\033[5~\033[6~x", KEY_DELETE, KEY_PAGE_UP, KEY_PAGE_DOWN, 'x'));
    CHECK(GIVES("\033[15~\033[99999~\033[1;5Za", 'a'));
    CHECK(GIVES("\033xa\033\033[A", 'a', KEY_UP));
    CHECK(GIVES("\177\b\t\001", '\b', '\b', '\t', 1));
}

KTEST(keyboard, terminal_line_ends)
{
    CHECK(GIVES("a\rb\r", 'a', '\n', 'b', '\n'));
    CHECK(GIVES("a\nb\n", 'a', '\n', 'b', '\n'));
    CHECK(GIVES("a\r\nb\r\n", 'a', '\n', 'b', '\n'));
    CHECK(GIVES("\n\n\r\r", '\n', '\n', '\n', '\n'));
    CHECK(GIVES("\033[\na", '\n', 'a'));
}

KTEST(keyboard, keys_become_what_a_terminal_sends)
{
    static const short keys[] = {'a',      '\t',     CTRL('C'), KEY_ESCAPE, KEY_UP,        KEY_DOWN,
                                 KEY_LEFT, KEY_RIGHT, KEY_HOME, KEY_END,    KEY_PAGE_UP,   '\n',
                                 '\b',     KEY_INSERT, KEY_DELETE, KEY_PAGE_DOWN};

    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        struct terminal_state state = {.stage = 0};
        uint8_t bytes[KEY_BYTES];
        size_t size = key_bytes(keys[i], bytes);
        int key = KEY_NONE;

        CHECK(size > 0);
        for (size_t j = 0; j < size; j++)
            key = terminal_key(&state, bytes[j]);
        CHECK_EQ(key, keys[i] == KEY_ESCAPE ? KEY_NONE : keys[i]);
    }
}
