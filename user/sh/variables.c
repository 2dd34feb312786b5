/* variables.c - the shell's variables, and which of them programs get to see. */
#include "shell.h"

struct variable {
    struct variable *next;
    char *value; /* NULL: exported, not set */
    bool exported;
    char name[];
};

static struct variable *variables;

static struct variable **
find(const char *name, size_t length)
{
    struct variable **at = &variables;

    while (*at && (strncmp((*at)->name, name, length) || (*at)->name[length]))
        at = &(*at)->next;
    return at;
}

static struct variable *
find_or_add(const char *name, size_t length)
{
    struct variable **at = find(name, length);

    if (!*at) {
        *at = allocate(sizeof(**at) + length + 1);
        (*at)->next = NULL;
        (*at)->value = NULL;
        (*at)->exported = false;
        memcpy((*at)->name, name, length);
        (*at)->name[length] = '\0';
    }
    return *at;
}

void
variables_begin(void)
{
    for (char **at = environment; *at; at++) {
        size_t length = name_length(*at);

        if (length && (*at)[length] == '=') {
            variable_set(*at, length, *at + length + 1);
            variable_export(*at, length);
        }
    }
}

const char *
variable_get(const char *name, size_t length)
{
    struct variable *variable = *find(name, length);

    return variable ? variable->value : NULL;
}

void
variable_set(const char *name, size_t length, const char *value)
{
    struct variable *variable = find_or_add(name, length);
    char *old = variable->value;

    variable->value = copy_text(value);
    release(old);
}

void
variable_export(const char *name, size_t length)
{
    find_or_add(name, length)->exported = true;
}

void
variable_unset(const char *name)
{
    struct variable **at = find(name, strlen(name)), *variable = *at;

    if (!variable)
        return;
    *at = variable->next;
    release(variable->value);
    release(variable);
}

void
variables_print(bool exported_only)
{
    for (const struct variable *at = variables; at; at = at->next) {
        if (at->value && (at->exported || !exported_only))
            print("%s%s='%s'\n", exported_only ? "export " : "", at->name, at->value);
    }
}

char **
variables_environment(void)
{
    struct fields list = {0};

    for (const struct variable *at = variables; at; at = at->next) {
        struct text text = {0};

        if (!at->exported || !at->value)
            continue;
        text_add(&text, at->name, strlen(at->name));
        text_put(&text, '=');
        text_add(&text, at->value, strlen(at->value));
        fields_add(&list, text.at);
    }
    return list.count ? list.items : scratch(sizeof(char *));
}
