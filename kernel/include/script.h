/* script.h - the first line of a script: `#!interpreter [argument]`. execve(2). */
#ifndef OCTAVO_SCRIPT_H
#define OCTAVO_SCRIPT_H

#include "types.h"

#define SCRIPT_LINE_MAX 256 /* with the end mark */

struct script {
    const char *interpreter; /* both point into `line` */
    const char *argument;    /* all of the rest, blanks within included; NULL: none */
    char line[SCRIPT_LINE_MAX];
};

/* True when the file that begins with `bytes` is a script at all. */
static inline bool
is_script(const char *bytes, size_t size)
{
    return size >= 2 && bytes[0] == '#' && bytes[1] == '!';
}

/* Takes the first line apart. 0, or -ENOEXEC when no interpreter is named or the line is too long
 * to tell its name. */
MUST_CHECK int script_parse(const char *bytes, size_t size, struct script *script);

#endif
