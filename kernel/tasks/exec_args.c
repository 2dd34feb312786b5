/* exec_args.c - arguments and environment on their way from one program to the next.
 *
 * The strings must leave the old space before the new one can take them, so they wait in kernel
 * memory: one block that doubles as they come. Whoever passes too much gets -E2BIG before anything
 * has changed.
 */
#include <string.h>
#include "exec_args.h"
#include "kmalloc.h"
#include "usercopy.h"

#define FIRST_ROOM  1024u
#define LIMIT_FLOOR 0x20000u  /* POSIX programs count on 128 KiB */
#define LIMIT_TOP   0x100000u
#define STRING_MAX  0x20000u  /* with its zero */

int
exec_args_init(struct exec_args *args, size_t stack_limit)
{
    size_t quarter = stack_limit / 4;

    *args = (struct exec_args){.room = FIRST_ROOM, .text = kmalloc(FIRST_ROOM)};
    args->limit = quarter > LIMIT_TOP ? LIMIT_TOP : quarter < LIMIT_FLOOR ? LIMIT_FLOOR : quarter;
    return args->text != NULL ? 0 : -ENOMEM;
}

void
exec_args_drop(struct exec_args *args)
{
    kfree(args->text);
}

/* Bytes that the strings may still take. */
static size_t
left(const struct exec_args *args)
{
    size_t used = args->size + (args->argc + args->envc + 1) * sizeof(char *);

    return used < args->limit ? args->limit - used : 0;
}

/* Makes room for more than there is now. */
static int
grow(struct exec_args *args)
{
    char *text;

    if (args->room >= args->limit)
        return -E2BIG;
    text = krealloc(args->text, 2 * args->room);
    if (text == NULL)
        return -ENOMEM;
    args->text = text;
    args->room *= 2;
    return 0;
}

static long
copy_string(char *to, const char *from, size_t size, bool kernel)
{
    size_t length;

    if (!kernel)
        return copy_string_from_user(to, from, size);
    length = strnlen(from, size);
    if (length == size)
        return -ENAMETOOLONG;
    memcpy(to, from, length + 1);
    return (long)length;
}

static int
add_string(struct exec_args *args, const char *string, bool kernel)
{
    for (;;) {
        long length = copy_string(args->text + args->size, string, args->room - args->size, kernel);
        int error;

        if (length >= 0) {
            if ((size_t)length >= left(args) || (size_t)length >= STRING_MAX)
                return -E2BIG;
            args->size += (size_t)length + 1;
            return 0;
        }
        error = length == -ENAMETOOLONG ? grow(args) : (int)length;
        if (error != 0)
            return error;
    }
}

/* Adds a list of strings, counting them as they come. */
static int
add_list(struct exec_args *args, char *const list[], unsigned *count, bool kernel)
{
    if (list == NULL)
        return 0;
    for (;; (*count)++) {
        uint32_t string = 0;
        int error = 0;

        if (kernel)
            string = (uintptr_t)list[*count];
        else
            error = get_user_u32(&string, &list[*count]);
        if (error == 0 && string == 0)
            return 0;
        if (error == 0)
            error = add_string(args, (const char *)string, kernel);
        if (error != 0)
            return error;
    }
}

int
exec_args_copy(struct exec_args *args, char *const argv[], char *const envp[], bool kernel)
{
    int error = add_list(args, argv, &args->argc, kernel);

    if (error == 0 && args->argc == 0) {
        error = add_string(args, "", true); /* programs count on an argv[0], as Linux does */
        args->argc = 1;
    }
    return error != 0 ? error : add_list(args, envp, &args->envc, kernel);
}

int
exec_args_interpret(struct exec_args *args, const struct script *script, const char *path)
{
    const char *words[] = {script->interpreter, script->argument, path};
    size_t old = args->argc > 0 ? strlen(args->text) + 1 : 0, added = 0;
    char *to;

    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        added += words[i] != NULL ? strlen(words[i]) + 1 : 0;
    if (added > left(args) + old)
        return -E2BIG;
    while (args->size + added > args->room) {
        int error = grow(args);

        if (error != 0)
            return error;
    }
    memmove(args->text + added, args->text + old, args->size - old);
    args->size += added - old;
    args->argc -= old != 0;
    to = args->text;
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (words[i] == NULL)
            continue;
        memcpy(to, words[i], strlen(words[i]) + 1);
        to += strlen(words[i]) + 1;
        args->argc++;
    }
    return 0;
}
