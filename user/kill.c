/* kill.c - sends a signal to processes: kill [-SIGNAL] PID..., kill -l. The shell has its own, which
 * also knows jobs. */
#include "runtime.h"

static int
list_signals(void)
{
    for (size_t i = 1; i < ARRAY_LENGTH(signal_names); i++)
        print("%2zu %-7s%s", i, signal_names[i], i % 8 ? "" : "\n");
    print("\n");
    return 0;
}

static bool
send(const char *name, int signal)
{
    bool group = name[0] == '-';
    unsigned long number;
    int error = -EINVAL;

    if (text_number(name + group, &number))
        error = kill(group ? -(int)number : (int)number, signal);
    if (error < 0)
        complain("%s: %s", name, error_text(error));
    return error == 0;
}

int
main(int argc, char **argv)
{
    int signal = SIGTERM;
    bool ok = true;

    if (argc > 1 && strcmp(argv[1], "-l") == 0)
        return list_signals();
    if (argc > 1 && argv[1][0] == '-') {
        signal = signal_number(argv[1] + 1);
        argv++;
    }
    if (signal < 0 || !argv[1])
        die("usage: kill [-SIGNAL] PID...; kill -l lists signals");
    for (argv++; *argv; argv++)
        ok &= send(*argv, signal);
    return ok ? 0 : 1;
}
