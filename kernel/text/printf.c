/* printf.c - text from values (C99, 7.19.6.1).
 *
 * A conversion becomes a field of four parts, any of which may be empty, in an order that depends
 * on the flags:
 *
 *     blanks | prefix (sign, 0x) | zeros | body (digits, text) | blanks
 *
 * Precision is the least number of digits of an integer, and the most characters of a string. The
 * compiler's runtime library is not linked, so 64-bit numbers are divided by 10 here, 16 bits at a
 * time: each step divides at most 9 * 2^16 + 65535, which fits 32 bits.
 */
#include "format.h"

/* 22 octal digits and the zero that # may add. */
#define DIGITS_MAX 24

struct output {
    void (*put)(void *arg, const char *text, size_t size);
    void *arg;
    size_t count;
};

/* In a struct, so that it can be passed on by pointer where va_list is an array. */
struct arguments {
    va_list list;
};

struct spec {
    bool left, zero, space, plus, alternate;
    bool has_precision;
    bool negative; /* of the value */
    bool upper;    /* digits above 9 */
    size_t width;
    size_t precision;
    size_t bytes; /* of the argument's type */
    char conversion;
};

static void
emit(struct output *out, const char *text, size_t size)
{
    if (size)
        out->put(out->arg, text, size);
    out->count += size;
}

static void
emit_repeated(struct output *out, char character, size_t count)
{
    char run[16];

    for (size_t i = 0; i < sizeof(run); i++)
        run[i] = character;
    while (count) {
        size_t piece = count < sizeof(run) ? count : sizeof(run);

        emit(out, run, piece);
        count -= piece;
    }
}

static size_t
text_length(const char *text, size_t limit)
{
    size_t length = 0;

    while (length < limit && text[length])
        length++;
    return length;
}

static void
emit_field(struct output *out, const struct spec *spec, const char *prefix, size_t zeros,
           const char *body, size_t length)
{
    size_t prefix_length = text_length(prefix, 2);
    size_t used = prefix_length + zeros + length;
    size_t blanks = spec->width > used ? spec->width - used : 0;

    if (!spec->left)
        emit_repeated(out, ' ', blanks);
    emit(out, prefix, prefix_length);
    emit_repeated(out, '0', zeros);
    emit(out, body, length);
    if (spec->left)
        emit_repeated(out, ' ', blanks);
}

/* ---- integers ---- */

/* Divides *value by 10 and returns the remainder. */
static unsigned
divide_by_10(uint64_t *value)
{
    uint32_t high = (uint32_t)(*value >> 32);
    uint32_t low = (uint32_t)*value;
    uint32_t quotient, rest;

    if (high == 0) {
        *value = low / 10;
        return low % 10;
    }
    quotient = high / 10;
    rest = (high % 10) << 16 | low >> 16;
    *value = (uint64_t)quotient << 32 | (uint64_t)(rest / 10) << 16;
    rest = (rest % 10) << 16 | (low & 0xFFFF);
    *value += rest / 10;
    return rest % 10;
}

static unsigned
next_digit(uint64_t *value, char conversion)
{
    unsigned shift = conversion == 'o' ? 3 : 4;
    unsigned digit;

    if (conversion == 'd' || conversion == 'i' || conversion == 'u')
        return divide_by_10(value);
    digit = (unsigned)*value & ((1u << shift) - 1);
    *value >>= shift;
    return digit;
}

/* The digits of `value` up to `end`; none for 0. Returns the first. */
static char *
write_digits(char *end, uint64_t value, const struct spec *spec)
{
    const char *digits = spec->upper ? "0123456789ABCDEF" : "0123456789abcdef";

    while (value)
        *--end = digits[next_digit(&value, spec->conversion)];
    return end;
}

static const char *
integer_prefix(const struct spec *spec, uint64_t value)
{
    if (spec->conversion == 'p')
        return "0x";
    if (spec->conversion == 'd' || spec->conversion == 'i')
        return spec->negative ? "-" : spec->plus ? "+" : spec->space ? " " : "";
    if ((spec->conversion == 'x' || spec->conversion == 'X') && spec->alternate && value)
        return spec->upper ? "0X" : "0x";
    return "";
}

static void
emit_integer(struct output *out, const struct spec *spec, uint64_t value)
{
    char digits[DIGITS_MAX];
    char *end = digits + sizeof(digits);
    char *start = write_digits(end, value, spec);
    const char *prefix = integer_prefix(spec, value);
    size_t length = (size_t)(end - start);
    size_t least = spec->has_precision ? spec->precision : 1;

    if (spec->conversion == 'o' && spec->alternate && least <= length)
        least = length + 1;
    if (spec->zero && !spec->left && !spec->has_precision) {
        size_t prefix_length = text_length(prefix, 2);

        if (spec->width > least + prefix_length)
            least = spec->width - prefix_length;
    }
    emit_field(out, spec, prefix, least > length ? least - length : 0, start, length);
}

static int64_t
signed_argument(struct arguments *args, size_t bytes)
{
    if (bytes == sizeof(int64_t))
        return va_arg(args->list, int64_t);
    if (bytes == sizeof(int))
        return va_arg(args->list, int);
    return bytes == 2 ? (short)va_arg(args->list, int) : (signed char)va_arg(args->list, int);
}

static uint64_t
unsigned_argument(struct arguments *args, size_t bytes)
{
    if (bytes == sizeof(uint64_t))
        return va_arg(args->list, uint64_t);
    if (bytes == sizeof(unsigned))
        return va_arg(args->list, unsigned);
    return va_arg(args->list, unsigned) & (bytes == 2 ? 0xFFFFu : 0xFFu);
}

/* ---- one conversion ---- */

static void
emit_string(struct output *out, const struct spec *spec, const char *text)
{
    if (!text)
        text = "(null)";
    emit_field(out, spec, "", 0, text,
               text_length(text, spec->has_precision ? spec->precision : SIZE_MAX));
}

/* False when there is no such conversion. */
static bool
convert(struct output *out, struct spec *spec, struct arguments *args)
{
    int64_t number;
    char character;

    spec->upper = spec->conversion == 'X';
    switch (spec->conversion) {
    case 'd':
    case 'i':
        number = signed_argument(args, spec->bytes);
        spec->negative = number < 0;
        emit_integer(out, spec, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
        return true;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        emit_integer(out, spec, unsigned_argument(args, spec->bytes));
        return true;
    case 'p':
        emit_integer(out, spec, (uintptr_t)va_arg(args->list, void *));
        return true;
    case 'c':
        character = (char)va_arg(args->list, int);
        emit_field(out, spec, "", 0, &character, 1);
        return true;
    case 's':
        emit_string(out, spec, va_arg(args->list, const char *));
        return true;
    case '%':
        emit(out, "%", 1);
        return true;
    default:
        return false;
    }
}

static const char *
read_flags(const char *at, struct spec *spec)
{
    for (;; at++) {
        if (*at == '-')
            spec->left = true;
        else if (*at == '0')
            spec->zero = true;
        else if (*at == ' ')
            spec->space = true;
        else if (*at == '+')
            spec->plus = true;
        else if (*at == '#')
            spec->alternate = true;
        else
            return at;
    }
}

/* Digits, or * for the next argument. *negative is set when that one is below zero. */
static const char *
read_number(const char *at, struct arguments *args, size_t *number, bool *negative)
{
    *number = 0;
    if (*at == '*') {
        int value = va_arg(args->list, int);

        *negative = value < 0;
        *number = value < 0 ? 0u - (unsigned)value : (unsigned)value;
        return at + 1;
    }
    for (; *at >= '0' && *at <= '9'; at++)
        *number = *number * 10 + (size_t)(*at - '0');
    return at;
}

static const char *
read_size(const char *at, struct spec *spec)
{
    bool twice = at[0] && at[1] == at[0];

    spec->bytes = sizeof(int);
    switch (*at) {
    case 'h':
        spec->bytes = twice ? sizeof(char) : sizeof(short);
        return at + 1 + twice;
    case 'l':
        spec->bytes = twice ? sizeof(long long) : sizeof(long);
        return at + 1 + twice;
    case 'j':
        spec->bytes = sizeof(intmax_t);
        return at + 1;
    case 'z':
    case 't':
        spec->bytes = sizeof(size_t);
        return at + 1;
    default:
        return at;
    }
}

/* `at` stands behind the %. Returns what follows the conversion. */
static const char *
read_spec(const char *at, struct spec *spec, struct arguments *args)
{
    bool negative = false;

    at = read_flags(at, spec);
    at = read_number(at, args, &spec->width, &negative);
    spec->left |= negative;
    if (*at == '.') {
        negative = false;
        at = read_number(at + 1, args, &spec->precision, &negative);
        spec->has_precision = !negative;
    }
    at = read_size(at, spec);
    spec->conversion = *at;
    return *at ? at + 1 : at;
}

size_t
format_to(void (*put)(void *arg, const char *text, size_t size), void *arg, const char *format,
          va_list args)
{
    struct output out = {put, arg, 0};
    struct arguments arguments;

    va_copy(arguments.list, args);
    while (*format) {
        const char *start = format;

        while (*format && *format != '%')
            format++;
        emit(&out, start, (size_t)(format - start));
        if (*format == '%') {
            struct spec spec = {0};

            start = format;
            format = read_spec(format + 1, &spec, &arguments);
            if (!convert(&out, &spec, &arguments))
                emit(&out, start, (size_t)(format - start));
        }
    }
    va_end(arguments.list);
    return out.count;
}

/* ---- into a buffer ---- */

struct buffer {
    char *text;
    size_t size;
    size_t used; /* at most size - 1 */
};

static void
put_buffer(void *arg, const char *text, size_t size)
{
    struct buffer *buffer = arg;

    for (size_t i = 0; i < size && buffer->used + 1 < buffer->size; i++)
        buffer->text[buffer->used++] = text[i];
}

int
format_text_v(char *text, size_t size, const char *format, va_list args)
{
    struct buffer buffer = {text, size, 0};
    size_t length = format_to(put_buffer, &buffer, format, args);

    if (size)
        text[buffer.used] = '\0';
    return (int)length;
}

int
format_text(char *text, size_t size, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = format_text_v(text, size, format, args);
    va_end(args);
    return length;
}
