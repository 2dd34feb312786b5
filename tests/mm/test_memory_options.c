/* test_memory_options.c - mem= and badram=: every text has a meaning or is refused. */
#include "ktest.h"
#include "memory_options.h"

static struct memory_item item;
static struct bad_frames bad;

/* How many items a text has; -1 when it is refused. */
static int
items(const char *text)
{
    int count = 0;

    do {
        if (!memory_item(&text, &item))
            return -1;
        count++;
    } while (*text != '\0');
    return count;
}

KTEST(memory_options, limit)
{
    CHECK_EQ(items("64M"), 1);
    CHECK(item.is_limit);
    CHECK_EQ(item.size, 64 << 20);
    CHECK_EQ(items("0x100000"), 1);
    CHECK_EQ(item.size, 0x100000);
}

KTEST(memory_options, pieces)
{
    CHECK_EQ(items("1M@15M"), 1);
    CHECK(!item.is_limit);
    CHECK_EQ(item.base, 15 << 20);
    CHECK_EQ(item.size, 1 << 20);
    CHECK_EQ(item.type, MEMMAP_RESERVED);
    CHECK_EQ(items("64M,4K@0x500000!3"), 2);
    CHECK_EQ(item.type, MEMMAP_ACPI);
    CHECK_EQ(item.base, 0x500000);
    CHECK_EQ(items("1G@0xFFFFFFFFF000!1,2M@1M!7,3M"), 3);
}

KTEST(memory_options, nonsense_is_refused)
{
    static const char *const texts[] = {
        "", ",", "lots", "0", "64M,", ",64M", "1M@", "1M@x", "1M@1M!", "1M@1M!x", "1M@1M!4294967296",
        "1M@1M!2x", "1M!2", "64M@@1M", "1M@1M@1M", "64M 1M", "99999999999999999999999999999999999",
        "00000000000000000000000000000000000000000000000001M",
    };

    for (unsigned i = 0; i < ARRAY_LENGTH(texts); i++)
        CHECK_EQ(items(texts[i]), -1);
}

/* The runs of bad frames that a text means, at most `most`. */
static unsigned
runs(const char *text, uint64_t *starts, unsigned most)
{
    uint64_t start;
    unsigned count = 0;

    if (!bad_frames_item(&text, &bad))
        return 0;
    start = bad.address;
    do {
        starts[count++] = start;
    } while (count < most && bad_run_next(&bad, &start));
    return count;
}

KTEST(memory_options, bad_frames)
{
    uint64_t starts[8];

    CHECK_EQ(runs("0x1234567", starts, 8), 1);
    CHECK_EQ(starts[0], 0x1234000);
    CHECK_EQ(bad_run_length(&bad), PAGE_SIZE);
    CHECK_EQ(runs("0x1230000,0xFFFF0000", starts, 8), 1);
    CHECK_EQ(starts[0], 0x1230000);
    CHECK_EQ(bad_run_length(&bad), 0x10000);
    CHECK_EQ(runs("0x1000000,0xFFFCF000", starts, 8), 4); /* bits 16 and 17 are open */
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(starts[i], 0x1000000 + i * 0x10000);
    CHECK_EQ(bad_run_length(&bad), PAGE_SIZE);
    CHECK_EQ(runs("0x100000000,0xFFFFFFFEFFFFFFFF", starts, 8), 2); /* also above 4 GiB */
    CHECK_EQ(starts[0], 0);
    CHECK_EQ(starts[1], 0x100000000);
}

KTEST(memory_options, bad_frames_refused)
{
    static const char *const texts[] = {"", ",", "x", "1M,", "1M,y", "1M,2M,", "1M 2", "-1"};

    for (unsigned i = 0; i < ARRAY_LENGTH(texts); i++) {
        const char *text = texts[i];

        CHECK(!bad_frames_item(&text, &bad));
    }
}
