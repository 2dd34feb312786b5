/* words.c - a line taken apart as a shell would, without anything that a shell would look up. */
#include "words.h"

static bool
is_blank(char character)
{
    return character == ' ' || character == '\t';
}

/* Moves one word from *from to `to` without its quotes; *from is then behind it. */
static char *
cut_word(char *to, const char **from)
{
    char quote = '\0';
    const char *at = *from;

    for (; *at != '\0' && (quote != '\0' || !is_blank(*at)); at++) {
        if (quote == '\0' && (*at == '\'' || *at == '"'))
            quote = *at;
        else if (quote != '\0' && *at == quote)
            quote = '\0';
        else
            *to++ = *at;
    }
    *from = *at != '\0' ? at + 1 : at;
    *to = '\0';
    return to + 1;
}

unsigned
words_split(char *text, char **argv)
{
    const char *from = text;
    char *to = text;
    unsigned count = 0;

    for (;;) {
        while (is_blank(*from))
            from++;
        if (*from == '\0')
            break;
        argv[count++] = to;
        to = cut_word(to, &from);
    }
    argv[count] = NULL;
    return count;
}
