/* expand.c - from words as written to the arguments of a command.
 *
 * A word is read once from left to right. What it stands for grows as a *pattern*: characters that
 * were quoted and would mean something in a pattern have a \ before them, so that in the end
 *
 *     "a*"b*   ──►   a\*b*   ──►   the files that match, or without any: a*b*
 *
 * Values of unquoted $NAME and $(...) are split at blanks; quoted ones are not. A part in quotes
 * makes a field even if it is empty.
 */
#include "shell.h"

struct expansion {
    struct fields *fields; /* NULL: everything becomes one text */
    struct text text;      /* of the field at hand */
    bool begun;            /* there is a field, empty or not */
    bool quoted;
};

/* ---- fields ---- */

static void
end_field(struct expansion *expansion)
{
    struct text *text = &expansion->text;

    if (!expansion->begun)
        return;
    expansion->begun = false;
    if (!text->at)
        text_add(text, "", 0);
    if (!is_pattern(text->at) || !glob(text->at, expansion->fields))
        fields_add(expansion->fields, without_escapes(text->at));
    *text = (struct text){0};
}

/* A character that means itself. */
static void
put_plain(struct expansion *expansion, char character)
{
    expansion->begun = true;
    if (expansion->fields && strchr("*?\\", character))
        text_put(&expansion->text, '\\');
    text_put(&expansion->text, character);
}

/* A value: in quotes as it is, else split, and its * and ? are a pattern's. */
static void
put_value(struct expansion *expansion, const char *value)
{
    for (; *value; value++) {
        if (expansion->quoted || !expansion->fields || *value == '\\') {
            put_plain(expansion, *value);
        } else if (strchr(" \t\n", *value)) {
            end_field(expansion);
        } else {
            text_put(&expansion->text, *value);
            expansion->begun = true;
        }
    }
}

/* ---- what stands behind a $ ---- */

static void
put_number(struct expansion *expansion, long number)
{
    char digits[16];

    format_text(digits, sizeof(digits), "%ld", number);
    put_value(expansion, digits);
}

/* $@ and $*: every argument; "$@" each as a field of its own. */
static void
put_arguments(struct expansion *expansion, bool apart)
{
    for (size_t i = 0; i < shell.argument_count; i++) {
        if (i && expansion->quoted && apart && expansion->fields)
            end_field(expansion);
        else if (i)
            put_value(expansion, " ");
        put_value(expansion, shell.arguments[i]);
        expansion->begun |= expansion->quoted;
    }
}

/* $0, or an argument; NULL: there is none. */
static const char *
argument(unsigned long number)
{
    if (number == 0)
        return shell.name;
    return number <= shell.argument_count ? shell.arguments[number - 1] : NULL;
}

static void
put_known(struct expansion *expansion, const char *value)
{
    if (value)
        put_value(expansion, value);
}

/* One of the names that are one character long. */
static void
put_special(struct expansion *expansion, char name)
{
    if (name == '?')
        put_number(expansion, shell.status);
    else if (name == '$')
        put_number(expansion, shell.pid);
    else if (name == '#')
        put_number(expansion, (long)shell.argument_count);
    else if (name == '!' && shell.background)
        put_number(expansion, shell.background);
    else if (name == '@' || name == '*')
        put_arguments(expansion, name == '@');
    else if (name >= '0' && name <= '9')
        put_known(expansion, argument((unsigned long)(name - '0')));
}

/* The value of a variable or, by its number, of an argument; *length is that of what names it, 0
 * when it is neither. */
static const char *
value_of(const char *name, size_t *length)
{
    const char *end = name;
    unsigned long number = 0;

    *length = name_length(name);
    if (*length)
        return variable_get(name, *length);
    for (; *end >= '0' && *end <= '9'; end++)
        number = number * 10 + (unsigned)(*end - '0');
    *length = (size_t)(end - name);
    return *length ? argument(number) : NULL;
}

static void
refuse_braces(const char *name, size_t size)
{
    complain("${%.*s}: not known", (int)size, name);
    shell.status = 2;
    shell.substitutions++;
}

static void
put_length(struct expansion *expansion, const char *name)
{
    size_t length;
    const char *value = value_of(name, &length);

    put_number(expansion, value ? (long)strlen(value) : 0);
}

/* ${NAME}, ${#NAME}, and ${NAME-WORD}, ${NAME:-WORD}: WORD when NAME is not set (or empty). */
static void
put_braces(struct expansion *expansion, const char *name, size_t size)
{
    size_t length;
    const char *value = value_of(name, &length), *rest = name + length;
    bool colon = *rest == ':';

    rest += colon;
    if (length == 0 && size == 1)
        put_special(expansion, *name);
    else if (*name == '#' && size > 1)
        put_length(expansion, name + 1);
    else if (length == 0 || (*rest != '-' && *rest != '}'))
        refuse_braces(name, size);
    else if (*rest == '-' && (!value || (colon && !*value)))
        put_value(expansion, expand_text(&(struct word){.text = rest + 1,
                                         .length = size - (size_t)(rest + 1 - name)}));
    else
        put_known(expansion, value);
}

static void
put_substitution(struct expansion *expansion, const char *text, size_t length)
{
    const char *sum;
    long value;

    if (*text != '(' || text[length - 1] != ')') {
        put_value(expansion, run_for_output(text, length));
        return;
    }
    sum = expand_text(&(struct word){.text = text + 1, .length = length - 2});
    if (arithmetic(sum, strlen(sum), &value))
        put_number(expansion, value);
}

/* `at` stands on the $. Returns what follows. */
static const char *
put_dollar(struct expansion *expansion, const char *at)
{
    const char *end = skip_dollar(at);
    size_t length = name_length(at + 1);

    if (at[1] == '(') {
        put_substitution(expansion, at + 2, (size_t)(end - at - 3));
    } else if (at[1] == '{') {
        put_braces(expansion, at + 2, (size_t)(end - at - 3));
    } else if (length) {
        put_known(expansion, variable_get(at + 1, length));
        end = at + 1 + length;
    } else if (at[1] && strchr("?$#!@*0123456789", at[1])) {
        put_special(expansion, at[1]);
        end = at + 2;
    } else {
        put_plain(expansion, '$');
    }
    return end;
}

/* ---- words ---- */

/* A backslash and what is behind it: in double quotes it makes plain only what would not be. */
static const char *
put_escape(struct expansion *expansion, const char *at)
{
    if (expansion->quoted && !strchr("$\"\\\n", at[1]))
        put_plain(expansion, '\\');
    if (at[1] != '\n')
        put_plain(expansion, at[1]);
    return at + 2;
}

static const char *
put_part(struct expansion *expansion, const char *at)
{
    switch (*at) {
    case '\\':
        return put_escape(expansion, at);
    case '$':
        return put_dollar(expansion, at);
    case '"':
        /* "$@" without arguments is no field at all. */
        expansion->begun |= !expansion->quoted && strncmp(at, "\"$@\"", 4) != 0;
        expansion->quoted = !expansion->quoted;
        return at + 1;
    case '\'':
        if (expansion->quoted)
            break;
        expansion->begun = true;
        for (at++; *at != '\''; at++)
            put_plain(expansion, *at);
        return at + 1;
    }
    if (expansion->quoted) {
        put_plain(expansion, *at);
    } else {
        expansion->begun = true;
        text_put(&expansion->text, *at);
    }
    return at + 1;
}

static void
expand(struct expansion *expansion, const struct word *word)
{
    const char *at = word->text, *end = at + word->length;

    while (at < end)
        at = put_part(expansion, at);
}

void
expand_words(const struct word *words, struct fields *fields)
{
    for (; words; words = words->next) {
        struct expansion expansion = {.fields = fields};

        expand(&expansion, words);
        end_field(&expansion);
    }
}

char *
expand_text(const struct word *word)
{
    struct expansion expansion = {0};

    text_add(&expansion.text, "", 0);
    expand(&expansion, word);
    return expansion.text.at;
}

size_t
assignment_name(const struct word *word)
{
    size_t length = name_length(word->text);

    return length < word->length && word->text[length] == '=' ? length : 0;
}
