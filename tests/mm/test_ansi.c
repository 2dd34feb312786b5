/* test_ansi.c - control sequences among text. */
#include <string.h>
#include "ansi.h"
#include "ktest.h"

/* The text that is left, and the last command with its numbers as "12;40H". */
static struct ansi ansi;
static char text[64];
static int command;

static void
feed(const char *bytes)
{
    size_t length = 0;

    memset(&ansi, 0, sizeof(ansi));
    command = ANSI_PART;
    for (; *bytes != '\0'; bytes++) {
        int result = ansi_take(&ansi, (uint8_t)*bytes);

        if (result == ANSI_TEXT)
            text[length++] = *bytes;
        else if (result != ANSI_PART)
            command = result;
    }
    text[length] = '\0';
}

KTEST(ansi, text_stays)
{
    feed("hello [1m\n\tx");
    CHECK(strcmp(text, "hello [1m\n\tx") == 0);
    CHECK_EQ(command, ANSI_PART);
}

KTEST(ansi, numbers)
{
    feed("a\033[12;40Hb");
    CHECK(strcmp(text, "ab") == 0);
    CHECK_EQ(command, 'H');
    CHECK_EQ(ansi_number(&ansi, 0, 1), 12);
    CHECK_EQ(ansi_number(&ansi, 1, 1), 40);
    CHECK_EQ(ansi_number(&ansi, 2, 7), 7);
    feed("\033[;5H");
    CHECK_EQ(ansi_number(&ansi, 0, 1), 1);
    CHECK_EQ(ansi_number(&ansi, 1, 1), 5);
    feed("\033[K");
    CHECK_EQ(command, 'K');
    CHECK_EQ(ansi_number(&ansi, 0, 0), 0);
    feed("\033[999999999999;1;2;3;4;5;6;7m.");
    CHECK_EQ(command, 'm');
    CHECK_EQ(ansi_number(&ansi, 0, 0), 9999);
    CHECK_EQ(ansi_number(&ansi, 9, 3), 3);
    CHECK(strcmp(text, ".") == 0);
}

KTEST(ansi, escapes)
{
    feed("\0337");
    CHECK_EQ(command, ANSI_ESCAPE + '7');
    feed("a\033(Bb");
    CHECK(strcmp(text, "ab") == 0);
    CHECK_EQ(command, ANSI_PART);
}

KTEST(ansi, the_unknown_is_swallowed)
{
    feed("a\033[?25lb\033[>0cc\033[1 qd");
    CHECK(strcmp(text, "abcd") == 0);
    CHECK_EQ(command, ANSI_PART);
}

KTEST(ansi, what_is_given_up)
{
    feed("\033[12\nA");
    CHECK(strcmp(text, "\nA") == 0);
    CHECK_EQ(command, ANSI_PART);
    feed("\033[1\033[2A");
    CHECK_EQ(command, 'A');
    CHECK_EQ(ansi_number(&ansi, 0, 1), 2);
}
