/* runtime.c - from the kernel's stack to main, and the names of errors and signals. */
#include "runtime.h"

_Noreturn void runtime_start(long *stack);

char **environment;
const char *program_name = "?";

/* `stack` as _start found it: argc, arguments, NULL, environment, NULL. */
_Noreturn void
runtime_start(long *stack)
{
    int argc = stack[0];
    char **argv = (char **)(stack + 1);

    environment = argv + argc + 1;
    if (argc > 0) {
        const char *slash = strrchr(argv[0], '/');

        program_name = slash ? slash + 1 : argv[0];
    }
    exit(main(argc, argv));
}

/* ---- names ---- */

static const struct {
    short error;
    const char *text;
} error_texts[] = {
    {EPERM, "not permitted"},
    {ENOENT, "no such file"},
    {ESRCH, "no such process"},
    {EINTR, "interrupted"},
    {EIO, "input or output failed"},
    {E2BIG, "arguments too long"},
    {ENOEXEC, "not a program"},
    {EBADF, "bad file descriptor"},
    {ECHILD, "no child"},
    {EAGAIN, "try again"},
    {ENOMEM, "out of memory"},
    {EACCES, "permission denied"},
    {EFAULT, "bad address"},
    {EBUSY, "busy"},
    {EEXIST, "exists"},
    {ENODEV, "no such device"},
    {ENOTDIR, "not a folder"},
    {EISDIR, "is a folder"},
    {EINVAL, "invalid argument"},
    {EMFILE, "too many open files"},
    {ENOTTY, "not a terminal"},
    {ENOSPC, "no space left"},
    {ESPIPE, "cannot seek"},
    {EROFS, "read-only"},
    {EPIPE, "broken pipe"},
    {ENAMETOOLONG, "name too long"},
    {ENOSYS, "no such system call"},
};

const char *
error_text(long error)
{
    static char number[24];

    if (error < 0)
        error = -error;
    for (size_t i = 0; i < ARRAY_LENGTH(error_texts); i++) {
        if (error_texts[i].error == error)
            return error_texts[i].text;
    }
    format_text(number, sizeof(number), "error %ld", error);
    return number;
}

const char *const signal_names[32] = {
    "0",    "HUP",  "INT",  "QUIT", "ILL",    "TRAP", "ABRT", "BUS",  "FPE",  "KILL", "USR1",
    "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",  "PWR",  "SYS",
};

int
signal_number(const char *name)
{
    unsigned long number;

    if (text_number(name, &number))
        return number <= SIGNALS ? (int)number : -1;
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (size_t i = 1; i < ARRAY_LENGTH(signal_names); i++) {
        if (strcmp(name, signal_names[i]) == 0)
            return (int)i;
    }
    return -1;
}
