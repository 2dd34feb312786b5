/* monitor.c - the command line inside the kernel: read a line, cut it into words, call a command.
 *
 * Words are cut as on the kernel's command line (cmdline.h), quotes included. Commands come from
 * the linker section that MONITOR_COMMAND fills, one entry each, in the order of the files. A
 * command gets argc and argv as a C program does, prints through console_printer, and returns what
 * became of it.
 *
 * Without programs the monitor is all there is. While they run, MONITOR_KEY on the terminal brings
 * it up (tty.c), and the command go, or the same key, leads back to them.
 */
#include "monitor.h"
#include "cmdline.h"
#include "console.h"
#include "format.h"
#include "line.h"
#include "platform.h"
#include "smp.h"
#include <string.h>
#include "symbols.h"

#define WORDS_MAX 16
#define NAME_SIZE 64

extern const struct monitor_command __start_monitor_command[];
extern const struct monitor_command __stop_monitor_command[];

static struct line_history history;
static struct line line;

static const struct monitor_command *
find_command(const char *name)
{
    const struct monitor_command *command = __start_monitor_command;

    while (command < __stop_monitor_command && strcmp(command->name, name) != 0)
        command++;
    return command < __stop_monitor_command ? command : NULL;
}

static const char *
command_name(size_t index)
{
    size_t count = (size_t)(__stop_monitor_command - __start_monitor_command);

    return index < count ? __start_monitor_command[index].name : NULL;
}

/* ---- what commands ask ---- */

bool
monitor_address(const char *text, uintptr_t *address)
{
    const char *plus = strchr(text, '+');
    size_t length = plus ? (size_t)(plus - text) : strlen(text);
    uint64_t value, offset = 0;
    char name[NAME_SIZE];

    if (cmdline_size(text, &value)) {
        *address = (uintptr_t)value;
        return value <= UINTPTR_MAX;
    }
    if (length >= sizeof(name) || (plus && !cmdline_size(plus + 1, &offset)))
        return false;
    memcpy(name, text, length);
    name[length] = '\0';
    *address = symbol_lookup(name);
    if (*address == 0 || offset > UINTPTR_MAX - *address)
        return false;
    *address += (uintptr_t)offset;
    return true;
}

/* ---- running a line ---- */

static int
run(int argc, char **argv)
{
    const struct monitor_command *command = find_command(argv[0]);
    int result;

    if (!command) {
        print(&console_printer, "There is no command '%s'; help lists them.\n", argv[0]);
        return MONITOR_FAILED;
    }
    result = command->run(argc, argv);
    if (console_in_line())
        print(&console_printer, "\n");
    if (result == MONITOR_USAGE)
        print(&console_printer, "usage: %s%s%s\n", command->name, *command->arguments ? " " : "",
              command->arguments);
    return result;
}

int
monitor_execute(char *text)
{
    struct cmdline words = cmdline_split(text);
    char *argv[WORDS_MAX + 1];
    int argc = 0;

    if (words.count == 0)
        return MONITOR_DONE;
    if (words.count > WORDS_MAX) {
        print(&console_printer, "More than %d words.\n", WORDS_MAX);
        return MONITOR_FAILED;
    }
    for (; argc < (int)words.count; argc++)
        argv[argc] = (char *)cmdline_word(&words, (size_t)argc);
    argv[argc] = NULL;
    return run(argc, argv);
}

/* False when it was the key that leaves the monitor. */
static bool
read_line(void)
{
    enum line_result result = LINE_MORE;

    line_begin(&line);
    while (result != LINE_DONE) {
        int key = console_read_key();

        if (key == MONITOR_KEY)
            return false;
        result = line_key(&line, key);
        if (result == LINE_CLEAR) {
            console_clear();
            line_show(&line);
        }
    }
    return true;
}

static void
prepare_line(void)
{
    line.prompt = "octavo> ";
    line.put = console_write;
    line.word = command_name;
    line.history = &history;
}

/* Reads a line and runs it. False when a visitor wants to leave. */
static bool
converse(void)
{
    if (!read_line())
        return false;
    line_remember(&history, line.text);
    return monitor_execute(line.text) != MONITOR_LEAVE;
}

void
monitor_run(void)
{
    prepare_line();
    print(&console_printer, "Octavo's monitor; help lists the commands.\n");
    for (;;)
        (void)converse();
}

void
monitor_visit(void)
{
    prepare_line();
    cpus_park();
    print(&console_printer, "\nOctavo's monitor; the programs stand still until you leave: go.\n");
    while (converse())
        continue;
    cpus_unpark();
    print(&console_printer, "\n");
}

/* ---- help ---- */

static void
print_help(const struct monitor_command *command)
{
    char usage[NAME_SIZE];

    format_text(usage, sizeof(usage), "%s %s", command->name, command->arguments);
    print(&console_printer, "  %-28s %s\n", usage, command->help);
}

/* The command that follows `after` in the alphabet (NULL: the first); NULL behind the last. */
static const struct monitor_command *
next_by_name(const struct monitor_command *after)
{
    const struct monitor_command *found = NULL;

    for (const struct monitor_command *c = __start_monitor_command; c < __stop_monitor_command;
         c++) {
        if (after && strcmp(c->name, after->name) <= 0)
            continue;
        if (!found || strcmp(c->name, found->name) < 0)
            found = c;
    }
    return found;
}

static int
help(int argc, char **argv)
{
    if (argc == 1) {
        for (const struct monitor_command *c = NULL; (c = next_by_name(c));)
            print_help(c);
        print(&console_printer, "ADDR is a number (0x for hex), a symbol, or symbol+number.\nKeys: "
                                "arrows, Tab, Ctrl-A/E/K/U/W/L, Shift-PgUp.\n");
        return MONITOR_DONE;
    }
    for (int i = 1; i < argc; i++) {
        const struct monitor_command *command = find_command(argv[i]);

        if (!command) {
            print(&console_printer, "There is no command '%s'.\n", argv[i]);
            return MONITOR_FAILED;
        }
        print_help(command);
    }
    return MONITOR_DONE;
}
MONITOR_COMMAND(help, "[COMMAND...]", "this list, or some lines of it", help);
