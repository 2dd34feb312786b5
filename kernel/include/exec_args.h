/* exec_args.h - the arguments and the environment of a program about to start. */
#ifndef OCTAVO_EXEC_ARGS_H
#define OCTAVO_EXEC_ARGS_H

#include "script.h"

/* All strings one behind the other, each with its zero: first the arguments, then the environment.
 *
 *   text: "sh\0" "-c\0" "ls\0" "PATH=/bin\0"          size: bytes used of `room`
 *          '----- argc -----'  '-- envc --'
 */
struct exec_args {
    char *text;
    size_t size, room, limit; /* limit: of the strings and the pointers to them */
    unsigned argc, envc;
};

/* Empty ones; `stack_limit` is how large the stack may become, of which they may take a quarter.
 * 0 or -ENOMEM. */
MUST_CHECK int exec_args_init(struct exec_args *args, size_t stack_limit);
void exec_args_drop(struct exec_args *args);

/* Copies both lists, each ended by NULL; a NULL list is empty. Without arguments there is one,
 * empty. In the current program's memory, or
 * in the kernel's when `kernel` is set. 0, -EFAULT, -E2BIG or -ENOMEM. */
MUST_CHECK int exec_args_copy(struct exec_args *args, char *const argv[], char *const envp[],
                              bool kernel);

/* A script is run by its interpreter: the first argument becomes interpreter, its argument if
 * there is one, and the script's path. 0, -E2BIG or -ENOMEM. */
MUST_CHECK int exec_args_interpret(struct exec_args *args, const struct script *script,
                                   const char *path);

#endif
