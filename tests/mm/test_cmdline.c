/* test_cmdline.c - words, quotes, options and sizes of the kernel's command line. */
#include <string.h>
#include "ktest.h"
#include "cmdline.h"

static char text[256];

static struct cmdline
split(const char *line)
{
    memcpy(text, line, strlen(line) + 1);
    return cmdline_split(text);
}

static bool
has_value(const struct cmdline *line, const char *name, const char *wanted)
{
    const char *value = cmdline_get(line, name);

    return value != NULL && strcmp(value, wanted) == 0;
}

KTEST(cmdline, nothing)
{
    static const char *const empty[] = {"", " ", " \t \r\n ", "\n"};

    for (size_t i = 0; i < ARRAY_LENGTH(empty); i++) {
        struct cmdline line = split(empty[i]);

        CHECK_EQ(line.count, 0);
        CHECK(cmdline_get(&line, "test") == NULL);
        CHECK(!cmdline_starts_with_file(&line));
    }
}

KTEST(cmdline, words)
{
    struct cmdline line = split("  one two=2\tthree=  four ");

    CHECK_EQ(line.count, 4);
    CHECK(strcmp(cmdline_word(&line, 0), "one") == 0);
    CHECK(strcmp(cmdline_word(&line, 3), "four") == 0);
    CHECK(has_value(&line, "two", "2"));
    CHECK(has_value(&line, "three", ""));
    CHECK(cmdline_get(&line, "thre") == NULL);
    CHECK(cmdline_get(&line, "threee") == NULL);
}

KTEST(cmdline, quotes)
{
    struct cmdline line = split("k run=\"sh -c a=b\" \"x y\"=z q=a\"b c\"d\"\" e=\"\" open=\"a b ");

    CHECK_EQ(line.count, 6);
    CHECK(has_value(&line, "run", "sh -c a=b"));
    CHECK(has_value(&line, "x y", "z"));
    CHECK(has_value(&line, "q", "ab cd"));
    CHECK(has_value(&line, "e", ""));
    CHECK(has_value(&line, "open", "a b "));
}

/* An empty word of two quotes is a word, though it says nothing. */
KTEST(cmdline, empty_word)
{
    struct cmdline line = split("k \"\" test");

    CHECK_EQ(line.count, 3);
    CHECK(has_value(&line, "test", ""));
}

KTEST(cmdline, file_name)
{
    struct cmdline line = split("/boot/kernel.elf test=mm/*");

    CHECK(cmdline_starts_with_file(&line));
    CHECK(cmdline_get(&line, "/boot/kernel.elf") == NULL);
    CHECK(has_value(&line, "test", "mm/*"));
    line = split("test bench");
    CHECK(!cmdline_starts_with_file(&line));
    CHECK(has_value(&line, "test", ""));
    line = split("unknown=1 test");
    CHECK(!cmdline_starts_with_file(&line));
    line = split("tftp://10.0.2.2/kernel.elf");
    CHECK(cmdline_starts_with_file(&line));
}

KTEST(cmdline, last_one_counts)
{
    struct cmdline line = split("k mem=1M mem=2M");

    CHECK(has_value(&line, "mem", "2M"));
}

KTEST(cmdline, known)
{
    CHECK(cmdline_known("mem=64M") && cmdline_known("test") && cmdline_known("test=a=b"));
    CHECK(!cmdline_known("memory=1") && !cmdline_known("me") && !cmdline_known(""));
    CHECK(!cmdline_known("=mem"));
}

KTEST(cmdline, sizes)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"4096", 4096},
        {"64M", 64ull << 20},
        {"640k", 640ull << 10},
        {"4G", 4ull << 30},
        {"0x100000", 0x100000},
        {"0X1fK", 0x1full << 10},
        {"18446744073709551615", UINT64_MAX},
        {"0xffffffffffffffff", UINT64_MAX},
        {"17179869183G", 17179869183ull << 30},
    };
    uint64_t bytes;

    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        CHECK(cmdline_size(good[i].text, &bytes));
        CHECK_EQ(bytes, good[i].bytes);
    }
}

KTEST(cmdline, no_sizes)
{
    static const char *const bad[] = {"",
                                      "M",
                                      "x",
                                      "0x",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1MM",
                                      "1MB",
                                      "1T",
                                      "1.5M",
                                      "12a",
                                      "0xg",
                                      "1e6",
                                      "1m1",
                                      "18446744073709551616",
                                      "0x10000000000000000",
                                      "17179869184G",
                                      "99999999999999999999999"};
    uint64_t bytes = 42;

    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        CHECK(!cmdline_size(bad[i], &bytes));
        CHECK_EQ(bytes, 42);
    }
}

/* Any text: the words fit into the text, and splitting what was split changes nothing. */
KTEST(cmdline, random)
{
    static const char letters[] = "ab=\"\" \tk";
    uint32_t seed = ktest_seed();

    for (unsigned round = 0; round < 500; round++) {
        size_t length = ktest_random(&seed) % (sizeof(text) - 1), total = 0;
        struct cmdline line;

        for (size_t i = 0; i < length; i++)
            text[i] = letters[ktest_random(&seed) % (sizeof(letters) - 1)];
        text[length] = '\0';
        line = cmdline_split(text);
        for (size_t i = 0; i < line.count; i++)
            total += strlen(cmdline_word(&line, i)) + 1;
        CHECK(total <= length + 1);
    }
}
