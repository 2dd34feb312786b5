/* test_words.c - a line cut into words, and dates as seconds. */
#include <string.h>
#include "ktest.h"
#include "date.h"
#include "words.h"

static char text[64];
static char *words[WORDS_MAX(sizeof(text))];

static unsigned
split(const char *line)
{
    memcpy(text, line, strlen(line) + 1);
    return words_split(text, words);
}

KTEST(words, blanks)
{
    CHECK_EQ(split(""), 0);
    CHECK(words[0] == NULL);
    CHECK_EQ(split(" \t "), 0);
    CHECK_EQ(split(" sh  -c\tls "), 3);
    CHECK(strcmp(words[0], "sh") == 0 && strcmp(words[1], "-c") == 0);
    CHECK(strcmp(words[2], "ls") == 0 && words[3] == NULL);
    CHECK_EQ(split("a b c d e f"), 6);
}

KTEST(words, quotes)
{
    CHECK_EQ(split("sh -c 'echo \"a b\"' x"), 4);
    CHECK(strcmp(words[2], "echo \"a b\"") == 0);
    CHECK_EQ(split("a\"b c\"d ''"), 2);
    CHECK(strcmp(words[0], "ab cd") == 0 && *words[1] == '\0');
    CHECK_EQ(split("'to the end "), 1);
    CHECK(strcmp(words[0], "to the end ") == 0);
}

KTEST(words, dates)
{
    static const struct {
        struct date date;
        uint32_t seconds;
    } known[] = {
        {{0, 0, 0, 1, 1, 1970}, 0},          {{59, 59, 23, 31, 12, 1999}, 946684799},
        {{0, 0, 0, 29, 2, 2000}, 951782400}, {{0, 0, 0, 1, 3, 2000}, 951868800},
        {{7, 14, 3, 19, 1, 2038}, INT32_MAX}, {{0, 0, 0, 1, 3, 2100}, 4107542400u},
        {{0, 0, 0, 28, 2, 2100}, 4107456000u},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        CHECK(date_is_valid(&known[i].date));
        CHECK_EQ(date_seconds(&known[i].date), known[i].seconds);
    }
    CHECK(!date_is_valid(&(struct date){0, 0, 24, 1, 1, 2000}));
    CHECK(!date_is_valid(&(struct date){0, 0, 0, 0, 1, 2000}));
    CHECK(!date_is_valid(&(struct date){0, 0, 0, 1, 13, 2000}));
    CHECK(!date_is_valid(&(struct date){0, 0, 0, 1, 1, 1969}));
}
