/* arithmetic.c - what stands in $((...)), with all $ in it expanded: integers of 32 bits, names of
 * variables, ( ) and
 *
 *     *  /  %      binds most
 *     +  -
 *     <  <=  >  >=
 *     ==  !=       binds least; comparisons give 1 or 0
 */
#include "shell.h"

struct sum {
    const char *at, *end;
    bool wrong;
};

static long parse_comparison(struct sum *sum);

static char
peek(struct sum *sum)
{
    while (sum->at < sum->end && (*sum->at == ' ' || *sum->at == '\n' || *sum->at == '\t'))
        sum->at++;
    return sum->at < sum->end ? *sum->at : '\0';
}

static bool
take(struct sum *sum, const char *sign)
{
    size_t length = strlen(sign);

    peek(sum);
    if ((size_t)(sum->end - sum->at) < length || strncmp(sum->at, sign, length))
        return false;
    sum->at += length;
    return true;
}

static long
variable_value(struct sum *sum)
{
    size_t length;
    const char *value;
    unsigned long number = 0;
    bool negative;

    length = name_length(sum->at);
    sum->wrong |= length == 0;
    value = variable_get(sum->at, length);
    sum->at += length;
    negative = value && *value == '-';
    value += negative;
    if (value)
        take_number(&value, &number);
    return negative ? -(long)number : (long)number;
}

static long
parse_value(struct sum *sum)
{
    unsigned long number;
    long value;

    if (take(sum, "-"))
        return -parse_value(sum);
    if (take(sum, "!"))
        return !parse_value(sum);
    if (take(sum, "(")) {
        value = parse_comparison(sum);
        sum->wrong |= !take(sum, ")");
        return value;
    }
    if (peek(sum) && take_number(&sum->at, &number))
        return (long)number;
    return peek(sum) ? variable_value(sum) : (sum->wrong = true);
}

static long
parse_product(struct sum *sum)
{
    long value = parse_value(sum), other;

    for (;;) {
        char sign = peek(sum);

        if (!sign || !strchr("*/%", sign))
            return value;
        sum->at++;
        other = parse_value(sum);
        if (sign == '*') {
            value *= other;
            continue;
        }
        sum->wrong |= other == 0;
        if (other == 0 || other == -1)
            value = sign == '/' ? -value : 0;
        else
            value = sign == '/' ? value / other : value % other;
    }
}

static long
parse_sum(struct sum *sum)
{
    long value = parse_product(sum);

    for (;;) {
        if (take(sum, "+"))
            value += parse_product(sum);
        else if (take(sum, "-"))
            value -= parse_product(sum);
        else
            return value;
    }
}

static long
parse_order(struct sum *sum)
{
    long value = parse_sum(sum);

    for (;;) {
        if (take(sum, "<="))
            value = value <= parse_sum(sum);
        else if (take(sum, ">="))
            value = value >= parse_sum(sum);
        else if (take(sum, "<"))
            value = value < parse_sum(sum);
        else if (take(sum, ">"))
            value = value > parse_sum(sum);
        else
            return value;
    }
}

static long
parse_comparison(struct sum *sum)
{
    long value = parse_order(sum);

    for (;;) {
        if (take(sum, "=="))
            value = value == parse_order(sum);
        else if (take(sum, "!="))
            value = value != parse_order(sum);
        else
            return value;
    }
}

bool
arithmetic(const char *text, size_t length, long *value)
{
    struct sum sum = {text, text + length, false};

    *value = parse_comparison(&sum);
    if (!sum.wrong && peek(&sum) == '\0')
        return true;
    complain("%.*s: not a sum", (int)length, text);
    shell.status = 2;
    shell.substitutions++;
    return false;
}
