/* test_string.c - the kernel's own memory and string functions, at every offset and length. */
#include <string.h>
#include "ktest.h"

#define ROOM 64

static unsigned char source[ROOM], target[ROOM], wanted[ROOM];

static void
fill(void)
{
    for (unsigned i = 0; i < ROOM; i++) {
        source[i] = (unsigned char)(i + 1);
        target[i] = wanted[i] = 0xEE;
    }
}

static bool
as_wanted(void)
{
    for (unsigned i = 0; i < ROOM; i++) {
        if (target[i] != wanted[i])
            return false;
    }
    return true;
}

KTEST(string, copy)
{
    for (unsigned from = 0; from < 5; from++) {
        for (unsigned length = 0; length < 20; length++) {
            fill();
            for (unsigned i = 0; i < length; i++)
                wanted[7 + i] = source[from + i];
            CHECK(memcpy(&target[7], &source[from], length) == &target[7]);
            CHECK(as_wanted());
        }
    }
}

/* Every overlap of two pieces of up to 20 bytes. */
KTEST(string, move)
{
    for (unsigned to = 0; to < 24; to++) {
        for (unsigned length = 0; length < 20; length++) {
            fill();
            for (unsigned i = 0; i < ROOM; i++)
                target[i] = wanted[i] = source[i];
            for (unsigned i = 0; i < length; i++)
                wanted[to + i] = source[12 + i];
            CHECK(memmove(&target[to], &target[12], length) == &target[to]);
            CHECK(as_wanted());
        }
    }
}

KTEST(string, set)
{
    for (unsigned length = 0; length < 20; length++) {
        fill();
        for (unsigned i = 0; i < length; i++)
            wanted[3 + i] = 0x5A;
        CHECK(memset(&target[3], 0x15A, length) == &target[3]);
        CHECK(as_wanted());
    }
}

KTEST(string, compare)
{
    CHECK(memcmp("abc", "abd", 2) == 0 && memcmp("abc", "abd", 3) < 0);
    CHECK(memcmp("\xff", "\x01", 1) > 0 && memcmp("a", "b", 0) == 0);
    CHECK(strcmp("", "") == 0 && strcmp("a", "") > 0 && strcmp("", "a") < 0);
    CHECK(strcmp("abc", "abc") == 0 && strcmp("abc", "abd") < 0 && strcmp("\xff", "a") > 0);
    CHECK(strncmp("abc", "abd", 2) == 0 && strncmp("abc", "abd", 3) < 0);
    CHECK(strncmp("ab", "ab", 5) == 0 && strncmp("ab", "abc", 5) < 0);
}

KTEST(string, search)
{
    const char *text = "abcabc";

    CHECK_EQ(strlen(""), 0);
    CHECK_EQ(strlen(text), 6);
    CHECK(strnlen(text, 3) == 3 && strnlen(text, 9) == 6);
    CHECK(strchr(text, 'b') == text + 1 && strchr(text, 'x') == NULL);
    CHECK(strchr(text, '\0') == text + 6 && strrchr(text, '\0') == text + 6);
    CHECK(strrchr(text, 'b') == text + 4 && strrchr(text, 'x') == NULL);
    CHECK(memchr(text, 'c', 2) == NULL && memchr(text, 'c', 3) == text + 2);
    CHECK(strstr(text, "ca") == text + 2 && strstr(text, "cb") == NULL);
    CHECK(strstr(text, "") == text && strstr("", "a") == NULL);
}
