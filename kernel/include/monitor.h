/* monitor.h - the command line inside the kernel.
 *
 *   MONITOR_COMMAND(frame, "PFN", "one frame's whole story", frame_command)
 *
 * in any file adds a command; the linker collects them in the section "monitor_command".
 */
#ifndef OCTAVO_MONITOR_H
#define OCTAVO_MONITOR_H

#include "types.h"
#include "printer.h"

struct monitor_command {
    const char *name;
    const char *arguments; /* as a usage line shows them; "" for none */
    const char *help;
    int (*run)(int argc, char **argv);
};

/* What a command returns. Its own name is argv[0]; argv[argc] is NULL. */
enum {
    MONITOR_DONE,
    MONITOR_USAGE, /* the arguments make no sense: the monitor prints the usage line */
    MONITOR_FAILED, /* it has said why */
    MONITOR_LEAVE,  /* back to the programs */
};

/* Ctrl-]: from the terminal into the monitor, and back. */
#define MONITOR_KEY 0x1D

#define MONITOR_COMMAND(word, usage, line, function)                                               \
    static const struct monitor_command monitor_command_##word                                     \
        __attribute__((used, section("monitor_command"), aligned(sizeof(void *)))) = {             \
            #word, usage, line, function}

/* Reads and runs commands for ever. */
_Noreturn void monitor_run(void);

/* Reads and runs commands until `go` or MONITOR_KEY, with everything else standing still. */
void monitor_visit(void);

/* Runs one line. `line` is taken apart. Returns what the command returned. */
int monitor_execute(char *line);

/* An address: a number (as cmdline_size reads it), the name of a symbol, or name+number. */
MUST_CHECK bool monitor_address(const char *text, uintptr_t *address);

#endif
