/* test_printf.c - text from values: by a table everywhere, and on the host against the C library.
 */
#include <string.h>
#include "ktest.h"
#include "format.h"

/* There only on the host. */
extern int libc_format(char *text, size_t size, const char *format, va_list args)
    __attribute__((weak));

#define TEXT_SIZE 160
#define ROUNDS    20000

static bool
gives(const char *wanted, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;
    int length;

    va_start(args, format);
    length = format_text_v(text, sizeof(text), format, args);
    va_end(args);
    if (length == (int)strlen(wanted) && strcmp(text, wanted) == 0)
        return true;
    ktest_fail(__FILE__, __LINE__, text);
    return false;
}

KTEST(printf, integers)
{
    CHECK(gives("0 1 -1", "%d %i %d", 0, 1, -1));
    CHECK(gives("-2147483648", "%d", INT32_MIN));
    CHECK(gives("4294967295", "%u", UINT32_MAX));
    CHECK(gives("-9223372036854775808", "%lld", (long long)INT64_MIN));
    CHECK(gives("18446744073709551615", "%llu", (unsigned long long)UINT64_MAX));
    CHECK(gives("10000000000000000000", "%ju", (uintmax_t)10000000000000000000u));
    CHECK(gives("4294967296 42949672960", "%llu %llu", 1ull << 32, 10ull << 32));
    CHECK(gives("ff FF 377", "%x %X %o", 255u, 255u, 255u));
    CHECK(gives("ffffffffffffffff", "%llx", (unsigned long long)UINT64_MAX));
    CHECK(gives("1777777777777777777777", "%llo", (unsigned long long)UINT64_MAX));
    CHECK(gives("-1 255 -1 65535", "%hhd %hhu %hd %hu", 255, 511, 65535, 131071));
    CHECK(gives("7 -7", "%zu %td", (size_t)7, (ptrdiff_t)-7));
}

KTEST(printf, flags)
{
    CHECK(gives("    5|5    |00005", "%5d|%-5d|%05d", 5, 5, 5));
    CHECK(gives("   -5|-5   |-0005", "%5d|%-5d|%05d", -5, -5, -5));
    CHECK(gives("+5 + -5", "%+d + %+d", 5, -5));
    CHECK(gives(" 5 -5", "% d % d", 5, -5));
    CHECK(gives("0x1f 0X1F 037 0 0", "%#x %#X %#o %#x %#o", 31u, 31u, 31u, 0u, 0u));
    CHECK(gives("0x0000001f", "%#010x", 31u));
    CHECK(gives("  0x1f", "%#6x", 31u));
    CHECK(gives("00", "%02x", 0u));
    CHECK(gives("5    |", "%-05d|", 5));
}

KTEST(printf, precision)
{
    CHECK(gives("005|  005|005  |", "%.3d|%5.3d|%-5.3d|", 5, 5, 5));
    CHECK(gives("-005", "%.3d", -5));
    CHECK(gives("  005", "%05.3d", 5));
    CHECK(gives("||0", "%.0d|%.d|%#.0o", 0, 0, 0u));
    CHECK(gives("abc|  abc|abc  |", "%.3s|%5.3s|%-5.3s|", "abcdef", "abcdef", "abcdef"));
    CHECK(gives("|", "%.0s|", "abc"));
    CHECK(gives("    5|5    |", "%*d|%*d|", 5, 5, -5, 5));
    CHECK(gives("ab|abc", "%.*s|%.*s", 2, "abc", -1, "abc"));
    CHECK(gives("0000000000000000000000000000000000000007", "%.40d", 7));
}

KTEST(printf, text)
{
    CHECK(gives("", "%s", ""));
    CHECK(gives("100%", "%d%%", 100));
    CHECK(gives("xy|  z|z  |", "%cy|%3c|%-3c|", 'x', 'z', 'z'));
    CHECK(gives("0x1000", "%p", (void *)0x1000));
    CHECK(gives("    0x1000", "%10p", (void *)0x1000));
}

KTEST(printf, unknown_stands)
{
    const char *odd = "%y %", *longer = "a%lkb%";

    CHECK(gives("%y %", odd));
    CHECK(gives("a%lkb%", longer));
}

KTEST(printf, cut_to_size)
{
    char text[8];

    memset(text, '#', sizeof(text));
    CHECK_EQ(format_text(text, 4, "%d", 123456), 6);
    CHECK(memcmp(text, "123\0####", 8) == 0);
    CHECK_EQ(format_text(text, 1, "%s", "abc"), 3);
    CHECK_EQ(text[0], '\0');
    CHECK_EQ(format_text(NULL, 0, "%s %d", "abc", 10), 6);
    CHECK_EQ(format_text(text, sizeof(text), "1234567"), 7);
    CHECK(strcmp(text, "1234567") == 0);
}

/* ---- against the C library ---- */

struct random_format {
    char text[32];
    size_t used;
    unsigned stars;
    int star[2];
};

static void
append(struct random_format *format, const char *text)
{
    while (*text)
        format->text[format->used++] = *text++;
    format->text[format->used] = '\0';
}

/* A number of the format: nothing, digits, or a star with its argument. */
static void
append_number(struct random_format *format, uint32_t *state)
{
    char digits[8];
    int number = (int)(ktest_random(state) % 40);

    switch (ktest_random(state) % 3) {
    case 0:
        format_text(digits, sizeof(digits), "%d", number);
        append(format, digits);
        break;
    case 1:
        append(format, "*");
        format->star[format->stars++] = number - 10;
        break;
    default:
        break;
    }
}

static void
append_flags(struct random_format *format, uint32_t *state, const char *flags)
{
    for (; *flags; flags++) {
        char flag[2] = {*flags, '\0'};

        if (ktest_random(state) % 3 == 0)
            append(format, flag);
    }
}

/* Numbers near the ends of every size, and any others. */
static uint64_t
random_value(uint32_t *state)
{
    uint64_t value = (uint64_t)ktest_random(state) << 32 | ktest_random(state);
    unsigned shift = ktest_random(state) % 64;

    switch (ktest_random(state) % 4) {
    case 0:
        return value >> shift;
    case 1:
        return ((uint64_t)1 << shift) - ktest_random(state) % 2;
    case 2:
        return 0 - (value >> shift);
    default:
        return ktest_random(state) % 3;
    }
}

static bool
same_as_libc(size_t size, const char *format, ...)
{
    char ours[TEXT_SIZE], libcs[TEXT_SIZE];
    int our_length, libc_length;
    va_list args;

    memset(ours, '#', sizeof(ours));
    memset(libcs, '#', sizeof(libcs));
    va_start(args, format);
    our_length = format_text_v(ours, size, format, args);
    va_end(args);
    va_start(args, format);
    libc_length = libc_format(libcs, size, format, args);
    va_end(args);
    if (our_length == libc_length && memcmp(ours, libcs, sizeof(ours)) == 0)
        return true;
    ktest_fail(__FILE__, __LINE__, format);
    ours[TEXT_SIZE - 1] = '\0';
    ktest_fail(__FILE__, __LINE__, ours);
    return false;
}

/* Calls with as many stars as the format has. */
#define COMPARE(format, size, value)                                                               \
    ((format)->stars == 0 ? same_as_libc(size, (format)->text, value)                              \
     : (format)->stars == 1                                                                        \
         ? same_as_libc(size, (format)->text, (format)->star[0], value)                            \
         : same_as_libc(size, (format)->text, (format)->star[0], (format)->star[1], value))

static bool
compare_integer(struct random_format *format, uint32_t *state, size_t size)
{
    static const char *const sizes[] = {"", "h", "hh", "l", "ll", "z", "j", "t"};
    static const char *const conversions[] = {"d", "i", "u", "x", "X", "o"};
    unsigned which = ktest_random(state) % ARRAY_LENGTH(sizes);
    uint64_t value = random_value(state);

    append(format, sizes[which]);
    append(format, conversions[ktest_random(state) % ARRAY_LENGTH(conversions)]);
    append(format, ">");
    if (which < 3)
        return COMPARE(format, size, (int)value);
    if (which == 4 || which == 6)
        return COMPARE(format, size, (long long)value);
    return COMPARE(format, size, (long)value);
}

static bool
compare_text(struct random_format *format, uint32_t *state, size_t size)
{
    static const char *const texts[] = {"", "a", "memory", "a somewhat longer piece of text"};

    if (ktest_random(state) % 4 == 0) {
        append(format, "c>");
        return COMPARE(format, size, 'A' + (int)(ktest_random(state) % 26));
    }
    append(format, "s>");
    return COMPARE(format, size, texts[ktest_random(state) % ARRAY_LENGTH(texts)]);
}

KTEST(printf, same_as_the_c_library)
{
    uint32_t state = ktest_seed();

    if (!libc_format)
        SKIP("no C library here");
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct random_format format = {.used = 0};
        bool integer = ktest_random(&state) % 4 != 0;
        size_t size = ktest_random(&state) % 4 ? TEXT_SIZE : ktest_random(&state) % 12;

        append(&format, "<%");
        append_flags(&format, &state, integer ? "- 0+#" : "-");
        append_number(&format, &state);
        if (ktest_random(&state) % 2) {
            append(&format, ".");
            append_number(&format, &state);
        }
        CHECK(integer ? compare_integer(&format, &state, size)
                      : compare_text(&format, &state, size));
    }
}
