/* input.c - text in: lines, small files, folders, numbers, options. */
#include "runtime.h"

/* ---- lines and files ---- */

static bool
refill(struct reader *reader)
{
    long size;

    do
        size = read(reader->fd, reader->buffer, sizeof(reader->buffer));
    while (size == -EINTR);
    reader->at = 0;
    reader->end = size > 0 ? (size_t)size : 0;
    return size > 0;
}

bool
read_line(struct reader *reader, char *line, size_t size)
{
    size_t used = 0;
    bool any = false;

    while (reader->at < reader->end || refill(reader)) {
        char character = reader->buffer[reader->at++];

        any = true;
        if (character == '\n')
            break;
        if (used + 1 < size)
            line[used++] = character;
    }
    line[used] = '\0';
    return any;
}

long
read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY, 0);
    size_t used = 0;
    long got;

    if (fd < 0)
        return fd;
    while ((got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    close(fd);
    return got < 0 ? got : (long)used;
}

/* ---- folders ---- */

int
folder_open(struct folder *folder, const char *path)
{
    folder->fd = open(path, O_RDONLY | O_DIRECTORY, 0);
    folder->at = folder->end = 0;
    return folder->fd < 0 ? folder->fd : 0;
}

const struct dirent64 *
folder_next(struct folder *folder)
{
    const struct dirent64 *record;

    if (folder->at == folder->end) {
        long size = system_call(NR_getdents64, folder->fd, folder->records,
                                sizeof(folder->records));

        folder->at = 0;
        folder->end = size > 0 ? (size_t)size : 0;
        if (size <= 0) {
            close(folder->fd);
            return NULL;
        }
    }
    record = (const struct dirent64 *)(folder->records + folder->at);
    folder->at += record->reclen;
    return record;
}

/* ---- numbers ---- */

static int
digit_value(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    character |= 0x20;
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : 16;
}

bool
take_number(const char **text, unsigned long *number)
{
    const char *at = *text;
    int base = 10;

    if (at[0] == '0' && (at[1] | 0x20) == 'x' && digit_value(at[2]) < 16) {
        base = 16;
        at += 2;
    }
    if (digit_value(*at) >= base)
        return false;
    for (*number = 0; digit_value(*at) < base; at++)
        *number = *number * (unsigned)base + (unsigned)digit_value(*at);
    *text = at;
    return true;
}

bool
text_number(const char *text, unsigned long *number)
{
    return take_number(&text, number) && *text == '\0';
}

unsigned long
next_number(const char **text)
{
    unsigned long number = 0;

    while (**text && (**text < '0' || **text > '9'))
        ++*text;
    take_number(text, &number);
    return number;
}

unsigned long
field_value(const char *text, const char *name)
{
    size_t length = strlen(name);
    unsigned long value = 0;

    for (; text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL) {
        if (strncmp(text, name, length) || !strchr(": \t", text[length]))
            continue;
        text += length;
        while (*text == ':' || *text == ' ' || *text == '\t')
            text++;
        take_number(&text, &value);
        return value;
    }
    return 0;
}

/* ---- options ---- */

/* Moves to the next argument's letters. False when it is no option. */
static bool
next_letters(struct options *options)
{
    const char *argument = *options->argv;

    if (!argument || argument[0] != '-' || argument[1] == '\0')
        return false;
    options->argv++;
    options->inside = argument + 1;
    return strcmp(argument, "--") != 0;
}

int
next_option(struct options *options, const char *known)
{
    const char *found;
    char letter;

    if (!options->inside || !*options->inside) {
        if (!next_letters(options))
            return 0;
    }
    letter = *options->inside++;
    found = letter == ':' ? NULL : strchr(known, letter);
    if (!found) {
        complain("unknown option -%c", letter);
        return '?';
    }
    if (found[1] != ':')
        return letter;
    options->value = *options->inside ? options->inside : *options->argv++;
    options->inside = NULL;
    if (!options->value) {
        complain("option -%c wants a value", letter);
        options->argv--;
        return '?';
    }
    return letter;
}
