/* ps.c - the processes, from /proc/PID/stat and cmdline: memory mapped and in use, page faults,
 * time on the CPU. */
#include "runtime.h"

#define MILLISECONDS_PER_TICK (1000 / CLOCK_TICKS_PER_SECOND)

#define COMMAND_COLUMNS 25 /* that are left on a screen of 80 */

static char text[1024];

struct process {
    char state;
    unsigned long parent, group, faults, ticks, mapped, resident; /* sizes in KiB */
};

/* pid (name) state parent group session tty tpgid flags minflt cminflt majflt cmajflt utime stime
 * cutime cstime priority nice threads itrealvalue start vsize rss ... */
static void
read_fields(struct process *process)
{
    const char *at = strrchr(text, ')');
    unsigned long numbers[21];

    if (!at)
        at = "";
    process->state = *at ? at[2] : '?';
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        numbers[i] = next_number(&at);
    process->parent = numbers[0];
    process->group = numbers[1];
    process->faults = numbers[6] + numbers[8];
    process->ticks = numbers[10] + numbers[11];
    process->mapped = numbers[19] / 1024;
    process->resident = numbers[20] * (PAGE_SIZE / 1024);
}

/* Leaves in `text` what the process is called: its arguments, or its name in brackets when it has
 * none. */
static void
read_command(const char *pid)
{
    char path[32], *start = strchr(text, '('), *end = strrchr(text, ')');
    char name[20] = "?";
    long size;

    if (start && end)
        format_text(name, sizeof(name), "%.*s", (int)(end - start - 1), start + 1);
    format_text(path, sizeof(path), "/proc/%s/cmdline", pid);
    size = read_text(path, text, sizeof(text));
    for (long i = 0; i + 1 < size; i++)
        text[i] = text[i] ? text[i] : ' ';
    if (size <= 0)
        format_text(text, sizeof(text), "[%s]", name);
}

static void
print_process(const char *pid)
{
    struct process process;
    unsigned long milliseconds;
    char path[32];

    format_text(path, sizeof(path), "/proc/%s/stat", pid);
    if (read_text(path, text, sizeof(text)) <= 0)
        return; /* gone meanwhile */
    read_fields(&process);
    read_command(pid);
    milliseconds = process.ticks * MILLISECONDS_PER_TICK;
    print("%5s %5lu %5lu %c %8lu %7lu %8lu %4lu.%02lu %.*s\n", pid, process.parent, process.group,
          process.state, process.mapped, process.resident, process.faults, milliseconds / 1000,
          milliseconds % 1000 / 10, is_terminal(1) ? COMMAND_COLUMNS : (int)sizeof(text), text);
}

int
main(int argc, char **argv)
{
    struct folder folder;
    const struct dirent64 *record;
    int error = folder_open(&folder, "/proc");

    (void)argv;
    if (argc > 1)
        die("usage: ps");
    if (error < 0)
        die("/proc: %s", error_text(error));
    print("  PID  PPID  PGRP S  MAP KiB RSS KiB   FAULTS    TIME COMMAND\n");
    while ((record = folder_next(&folder))) {
        if (record->name[0] >= '0' && record->name[0] <= '9')
            print_process(record->name);
    }
    return 0;
}
