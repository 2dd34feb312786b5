/* kill.c - kill [-SIGNAL] PID..., kill -l: for the program of that name, and for the shell, which
 * knows jobs as well. */
#include "runtime.h"

static int
list_signals(void)
{
    for (size_t i = 1; i < ARRAY_LENGTH(signal_names); i++)
        print("%2zu %-7s%s", i, signal_names[i], i % 7 ? "" : "\n");
    print("\n");
    return 0;
}

/* A process, or minus a group. */
static int
process_named(const char *name)
{
    bool group = name[0] == '-';
    unsigned long number;

    if (!text_number(name + group, &number) || number > INT32_MAX)
        return 0;
    return group ? -(int)number : (int)number;
}

static bool
send(const char *name, int signal, target_namer job)
{
    int target = job ? job(name) : 0, error;

    if (target == 0)
        target = process_named(name);
    error = target ? kill(target, signal) : -EINVAL;
    if (target == 0)
        print_error("kill: %s: no number of a process%s\n", name, job ? ", and no job" : "");
    else if (error < 0)
        print_error("kill: %s: %s\n", name, error_text(error));
    return error == 0;
}

int
kill_command(char **argv, target_namer job)
{
    int signal = SIGTERM;
    bool ok = true;

    argv++;
    if (*argv && strcmp(*argv, "-l") == 0)
        return list_signals();
    if (*argv && **argv == '-')
        signal = signal_number(*argv++ + 1);
    if (signal < 0 || !*argv) {
        print_error("usage: kill [-SIGNAL] PID...; kill -l lists signals\n");
        return 2;
    }
    for (; *argv; argv++)
        ok &= send(*argv, signal, job);
    return ok ? 0 : 1;
}
