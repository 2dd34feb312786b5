/* exec_stack.h - the first stack of a program. */
#ifndef OCTAVO_EXEC_STACK_H
#define OCTAVO_EXEC_STACK_H

#include "elf.h"
#include "exec_args.h"
#include "space.h"

/* Writes arguments, environment and auxiliary vector onto the stack of a space that nobody runs
 * yet: of the program at `path`, whose addresses count from `base`. *stack becomes the first ESP.
 * 0 or -ENOMEM. */
MUST_CHECK long exec_write_stack(struct address_space *space, const struct exec_args *args,
                                 const struct elf_program *program, uint32_t base,
                                 const char *path, uint32_t *stack);

#endif
