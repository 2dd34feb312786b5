/* program_symbols.h - names of functions in programs, and who called whom there. */
#ifndef OCTAVO_PROGRAM_SYMBOLS_H
#define OCTAVO_PROGRAM_SYMBOLS_H

#include "printer.h"
#include "task.h"

#define PROGRAM_NAME_SIZE 64

struct program_symbol {
    uintptr_t start;              /* address of the function in the process */
    char name[PROGRAM_NAME_SIZE]; /* cut when it is longer */
};

/* The function of the process's program that `address` lies in, from the symbol table of its file.
 * False when the file has none, or the address is no code of it. May bring pages of the file in. */
MUST_CHECK bool program_symbol_find(const struct process *process, uintptr_t address,
                                    struct program_symbol *symbol);

/* The calls that led to `frame`, a trap of the process from ring 3: one line each, innermost first,
 * nothing when none is found. */
void program_print_calls(struct printer *out, const struct process *process,
                         const struct trap_frame *frame);

#endif
