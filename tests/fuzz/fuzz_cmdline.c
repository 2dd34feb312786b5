/* fuzz_cmdline.c - any text as the kernel's command line: words stay inside the text, nothing is
 * lost but blanks and quotes, and sizes are what a careful reader makes of them. */
#include <string.h>

#include "cmdline.h"
#include "target.h"

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What splitting keeps: every character but quotes and the blanks outside them. */
static size_t
count_kept(const char *text)
{
    bool quoted = false;
    size_t kept = 0;

    for (; *text; text++) {
        if (*text == '"')
            quoted = !quoted;
        else if (quoted || !is_blank(*text))
            kept++;
    }
    return kept;
}

static void
check_words(const struct cmdline *line, const char *text, const char *cut, size_t length)
{
    const char *word = line->words;
    size_t kept = 0;

    for (size_t i = 0; i < line->count; i++) {
        EXPECT(word >= cut && word <= cut + length);
        EXPECT(cmdline_word(line, i) == word);
        EXPECT(!strchr(word, '"'));
        kept += strlen(word);
        word += strlen(word) + 1;
        EXPECT(word <= cut + length + 1);
    }
    EXPECT(kept == count_kept(text));
}

/* A word `name` or `name=value` is found by its name, unless a later one hides it. */
static void
check_get(const struct cmdline *line)
{
    char name[64];

    for (size_t i = cmdline_starts_with_file(line); i < line->count; i++) {
        const char *word = cmdline_word(line, i);
        size_t length = strcspn(word, "=");
        const char *value;

        if (length >= sizeof(name))
            continue;
        memcpy(name, word, length);
        name[length] = '\0';
        value = cmdline_get(line, name);
        EXPECT(value && value >= word + length);
    }
}

/* The number that the digits make; more than 64 bits is 2^64. */
static __uint128_t
reference_number(const char **text, unsigned base)
{
    static const char digits[] = "00112233445566778899aAbBcCdDeEfF";
    const __uint128_t top = (__uint128_t)1 << 64;
    __uint128_t value = 0;
    const char *digit;

    for (; **text && (digit = strchr(digits, **text)) && (unsigned)(digit - digits) / 2 < base;
         ++*text) {
        value = value * base + (unsigned)(digit - digits) / 2;
        value = value > top ? top : value;
    }
    return value;
}

static bool
reference_size(const char *text, uint64_t *bytes)
{
    static const char suffixes[] = "kKmMgG";
    unsigned base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
    const char *at = text + (base == 16 ? 2 : 0);
    const char *first = at;
    __uint128_t value = reference_number(&at, base);
    const char *suffix = *at ? strchr(suffixes, *at) : NULL;

    if (at == first)
        return false;
    if (suffix) {
        value <<= 10 * ((suffix - suffixes) / 2 + 1);
        at++;
    }
    if (*at != '\0' || value >> 64)
        return false;
    *bytes = (uint64_t)value;
    return true;
}

static void
check_size(const char *text)
{
    uint64_t wanted = 7;
    uint64_t got = 7;
    bool good = reference_size(text, &wanted);

    EXPECT(cmdline_size(text, &got) == good);
    EXPECT(got == (good ? wanted : 7));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *copy = malloc(size + 1);
    struct cmdline line;
    size_t length;

    EXPECT(text && copy);
    memcpy(text, data, size);
    text[size] = '\0';
    length = strlen(text);
    memcpy(copy, text, length + 1);
    check_size(text);
    line = cmdline_split(copy);
    check_words(&line, text, copy, length);
    check_get(&line);
    free(copy);
    free(text);
    return 0;
}
