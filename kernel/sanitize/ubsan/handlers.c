/* handlers.c - the functions that the compiler calls with -fsanitize=undefined: what the C standard
 * leaves undefined was about to be done.
 *
 *   ubsan: kernel/x.c:12:9: signed overflow: 2147483647 + 1 is no 'int'
 *   panic: the same, and who called
 *
 * Only the build made by `make UBSAN=1` has them. Each check that failed hands over where in the
 * source it stands, the types, and the values: a word each, or the address of what has more bits.
 */
#include "format.h"
#include "platform.h"

/* As the compiler lays them out. */
struct location {
    const char *file;
    uint32_t line, column;
};

struct type {
    uint16_t kind; /* 0: an integer */
    uint16_t info; /* of an integer: bit 0 signed, the rest log2 of the bits */
    char name[];   /* with quotes around it */
};

struct overflow {
    struct location location;
    const struct type *type;
};

struct shift {
    struct location location;
    const struct type *left, *right;
};

struct bounds {
    struct location location;
    const struct type *array, *index;
};

struct mismatch {
    struct location location;
    const struct type *type;
    uint8_t log_alignment, kind;
};

struct nonnull {
    struct location location, attribute;
    int argument;
};

#define TEXT_SIZE 32

/* ---- values in words ---- */

static unsigned
bits_of(const struct type *type)
{
    return 1u << (type->info >> 1);
}

static bool
is_negative(const struct type *type, uint32_t value)
{
    unsigned bits = bits_of(type);

    if (type->kind != 0 || !(type->info & 1))
        return false;
    if (bits > 32)
        return *(const int64_t *)value < 0;
    return value >> (bits - 1) & 1;
}

static uint64_t
value_of(const struct type *type, uint32_t value)
{
    unsigned bits = bits_of(type);

    if (bits > 32)
        return *(const uint64_t *)value;
    return bits < 32 ? value & ((1u << bits) - 1) : value;
}

/* Writes a value in decimal. */
static void
print_value(char *text, const struct type *type, uint32_t value)
{
    uint64_t number = value_of(type, value);
    bool negative = is_negative(type, value);

    if (negative)
        number = bits_of(type) > 32 ? -number : -number & (((uint64_t)1 << bits_of(type)) - 1);
    format_text(text, TEXT_SIZE, "%s%llu", negative ? "-" : "", (unsigned long long)number);
}

/* ---- the report ---- */

static _Noreturn void report(const struct location *location, const char *format, ...)
    PRINTF_LIKE(2, 3);

static _Noreturn void
report(const struct location *location, const char *format, ...)
{
    char text[160];
    va_list args;

    va_start(args, format);
    format_text_v(text, sizeof(text), format, args);
    va_end(args);
    kpanic("ubsan: %s:%lu:%lu: %s", location->file, (unsigned long)location->line,
           (unsigned long)location->column, text);
}

static _Noreturn void
report_overflow(const struct overflow *data, uint32_t left, const char *operator, uint32_t right)
{
    char a[TEXT_SIZE], b[TEXT_SIZE];

    print_value(a, data->type, left);
    print_value(b, data->type, right);
    report(&data->location, "%s overflow: %s %s %s is no %s",
           data->type->info & 1 ? "signed" : "unsigned", a, operator, b, data->type->name);
}

/* ---- computations ---- */

void __ubsan_handle_add_overflow(const struct overflow *data, uint32_t left, uint32_t right);
void __ubsan_handle_sub_overflow(const struct overflow *data, uint32_t left, uint32_t right);
void __ubsan_handle_mul_overflow(const struct overflow *data, uint32_t left, uint32_t right);
void __ubsan_handle_divrem_overflow(const struct overflow *data, uint32_t left, uint32_t right);
void __ubsan_handle_negate_overflow(const struct overflow *data, uint32_t value);
void __ubsan_handle_shift_out_of_bounds(const struct shift *data, uint32_t left, uint32_t right);
void __ubsan_handle_out_of_bounds(const struct bounds *data, uint32_t index);
void __ubsan_handle_load_invalid_value(const struct overflow *data, uint32_t value);
void __ubsan_handle_vla_bound_not_positive(const struct overflow *data, uint32_t bound);

void
__ubsan_handle_add_overflow(const struct overflow *data, uint32_t left, uint32_t right)
{
    report_overflow(data, left, "+", right);
}

void
__ubsan_handle_sub_overflow(const struct overflow *data, uint32_t left, uint32_t right)
{
    report_overflow(data, left, "-", right);
}

void
__ubsan_handle_mul_overflow(const struct overflow *data, uint32_t left, uint32_t right)
{
    report_overflow(data, left, "*", right);
}

void
__ubsan_handle_divrem_overflow(const struct overflow *data, uint32_t left, uint32_t right)
{
    report_overflow(data, left, "/", right);
}

void
__ubsan_handle_negate_overflow(const struct overflow *data, uint32_t value)
{
    char text[TEXT_SIZE];

    print_value(text, data->type, value);
    report(&data->location, "signed overflow: -(%s) is no %s", text, data->type->name);
}

void
__ubsan_handle_shift_out_of_bounds(const struct shift *data, uint32_t left, uint32_t right)
{
    char value[TEXT_SIZE], by[TEXT_SIZE];

    print_value(value, data->left, left);
    print_value(by, data->right, right);
    report(&data->location, "shift of %s, a %s, by %s", value, data->left->name, by);
}

void
__ubsan_handle_out_of_bounds(const struct bounds *data, uint32_t index)
{
    char text[TEXT_SIZE];

    print_value(text, data->index, index);
    report(&data->location, "index %s is out of a %s", text, data->array->name);
}

void
__ubsan_handle_load_invalid_value(const struct overflow *data, uint32_t value)
{
    char text[TEXT_SIZE];

    print_value(text, data->type, value);
    report(&data->location, "%s is no value of a %s", text, data->type->name);
}

void
__ubsan_handle_vla_bound_not_positive(const struct overflow *data, uint32_t bound)
{
    char text[TEXT_SIZE];

    print_value(text, data->type, bound);
    report(&data->location, "an array of %s elements", text);
}

/* ---- pointers ---- */

void __ubsan_handle_type_mismatch_v1(const struct mismatch *data, uint32_t pointer);
void __ubsan_handle_pointer_overflow(const struct location *location, uint32_t base,
                                     uint32_t result);
void __ubsan_handle_nonnull_arg(const struct nonnull *data);
void __ubsan_handle_nonnull_return_v1(const void *data, const struct location *location);
void __ubsan_handle_builtin_unreachable(const struct location *location);
void __ubsan_handle_missing_return(const struct location *location);
void __ubsan_handle_invalid_builtin(const struct location *location);

void
__ubsan_handle_type_mismatch_v1(const struct mismatch *data, uint32_t pointer)
{
    static const char *const uses[] = {
        "load from", "store to", "reference to", "member of", "call on", "constructor of",
        "downcast of", "downcast of", "upcast of", "cast of", "_Nonnull", "dynamic use of"};
    const char *use = data->kind < ARRAY_LENGTH(uses) ? uses[data->kind] : "use of";

    if (pointer == 0)
        report(&data->location, "%s a NULL pointer to %s", use, data->type->name);
    if (pointer & ((1u << data->log_alignment) - 1))
        report(&data->location, "%s 0x%08lx, which is not aligned for %s", use,
               (unsigned long)pointer, data->type->name);
    report(&data->location, "%s 0x%08lx, where there is no room for %s", use,
           (unsigned long)pointer, data->type->name);
}

void
__ubsan_handle_pointer_overflow(const struct location *location, uint32_t base, uint32_t result)
{
    report(location, "pointer 0x%08lx wraps round to 0x%08lx", (unsigned long)base,
           (unsigned long)result);
}

void
__ubsan_handle_nonnull_arg(const struct nonnull *data)
{
    report(&data->location, "argument %d must not be NULL", data->argument);
}

void
__ubsan_handle_nonnull_return_v1(const void *data, const struct location *location)
{
    (void)data;
    report(location, "the result must not be NULL");
}

void
__ubsan_handle_builtin_unreachable(const struct location *location)
{
    report(location, "a place was reached that cannot be");
}

void
__ubsan_handle_missing_return(const struct location *location)
{
    report(location, "a function ends without the value it promises");
}

void
__ubsan_handle_invalid_builtin(const struct location *location)
{
    report(location, "a count of bits of zero");
}
