/* glob.c - file names that match a pattern.
 *
 * A pattern is taken apart at its slashes; each part is matched against one folder's names, and the
 * names that match are the folders in which the next part is looked for.
 */
#include "shell.h"

bool
is_pattern(const char *pattern)
{
    for (; *pattern; pattern++) {
        if (*pattern == '\\' && pattern[1])
            pattern++;
        else if (*pattern == '*' || *pattern == '?')
            return true;
    }
    return false;
}

/* Takes the escapes out, in place. */
char *
without_escapes(char *pattern)
{
    char *to = pattern;

    for (const char *from = pattern; *from; from++) {
        if (*from == '\\' && from[1])
            from++;
        *to++ = *from;
    }
    *to = '\0';
    return pattern;
}

/* One character of the name against the pattern's next. Returns what follows in the pattern, NULL:
 * no match. */
static const char *
match_one(const char *pattern, char character)
{
    if (*pattern == '?')
        return pattern + 1;
    pattern += *pattern == '\\' && pattern[1];
    return *pattern && *pattern == character ? pattern + 1 : NULL;
}

/* Where it does not match, goes back to the last * and lets it take one character more: the time is
 * at most the product of the lengths, whatever the pattern. */
static bool
matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL, *next;

    while (*name || *pattern == '*') {
        if (*pattern == '*') {
            star = ++pattern;
            resume = name;
            continue;
        }
        next = match_one(pattern, *name);
        if (next) {
            pattern = next;
            name++;
        } else if (star) {
            pattern = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    return *pattern == '\0';
}

/* ---- folders ---- */

static char *
joined(const char *a, const char *b)
{
    struct text text = {0};

    text_add(&text, a, strlen(a));
    text_add(&text, b, strlen(b));
    return text.at;
}

/* Names that begin with a dot must be asked for. */
static bool
is_wanted(const char *pattern, const char *name)
{
    return (name[0] != '.' || pattern[0] == '.') && matches(pattern, name);
}

void
glob_folder(const char *path, const char *pattern, const char *prefix, struct fields *fields)
{
    const struct dirent64 *record;
    struct folder folder;

    if (folder_open(&folder, path) < 0)
        return;
    while ((record = folder_next(&folder))) {
        if (is_wanted(pattern, record->name))
            fields_add(fields, joined(prefix, record->name));
    }
}

/* Adds what matches `pattern` below `prefix`, which is "" or ends in a slash. */
static void
glob_below(const char *prefix, const char *pattern, struct fields *fields)
{
    const char *slash = strchr(pattern, '/');
    struct fields found = {0};
    char *part;

    if (!slash) {
        glob_folder(*prefix ? prefix : ".", pattern, prefix, fields);
        return;
    }
    part = scratch((size_t)(slash - pattern) + 1);
    memcpy(part, pattern, (size_t)(slash - pattern));
    if (is_pattern(part))
        glob_folder(*prefix ? prefix : ".", part, prefix, &found);
    else
        fields_add(&found, joined(prefix, without_escapes(part)));
    for (size_t i = 0; i < found.count; i++)
        glob_below(joined(found.items[i], "/"), slash + 1, fields);
}

int
compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

bool
glob(const char *pattern, struct fields *fields)
{
    size_t before = fields->count;

    glob_below("", pattern, fields);
    sort_pointers((void **)fields->items + before, fields->count - before, compare_texts);
    return fields->count > before;
}
