/* script.c - the first line of a script.
 *
 *     #!  /bin/sh   -e -u
 *         ^interpreter
 *                   ^argument: one word for the interpreter, whatever blanks are in it
 *
 * The line ends at a newline, at a zero or at the file's end. One that is longer than
 * SCRIPT_LINE_MAX is cut as long as the interpreter's name is whole.
 */
#include <string.h>
#include "script.h"
#include "uapi/errno.h"

static bool
is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static char *
skip_blanks(char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

static char *
skip_word(char *at)
{
    while (*at != '\0' && !is_blank(*at))
        at++;
    return at;
}

static void
cut_blanks(char *text)
{
    size_t length = strlen(text);

    while (length > 0 && is_blank(text[length - 1]))
        text[--length] = '\0';
}

int
script_parse(const char *bytes, size_t size, struct script *script)
{
    size_t room = size < SCRIPT_LINE_MAX ? size : SCRIPT_LINE_MAX - 1;
    const char *newline = memchr(bytes, '\n', room);
    bool cut = newline == NULL && size >= SCRIPT_LINE_MAX;
    size_t length = newline != NULL ? (size_t)(newline - bytes) : room;
    char *end;

    if (!is_script(bytes, length))
        return -ENOEXEC;
    memcpy(script->line, bytes, length);
    script->line[length] = '\0';
    cut_blanks(script->line + 2);
    script->interpreter = skip_blanks(script->line + 2);
    end = skip_word((char *)script->interpreter);
    if (end == script->interpreter || (cut && *end == '\0'))
        return -ENOEXEC;
    script->argument = NULL;
    if (*end != '\0') {
        *end = '\0';
        script->argument = skip_blanks(end + 1);
    }
    return 0;
}
