/* builtin.c - commands that the shell does itself, because they change the shell (cd, exit, set,
 * jobs...) or because a process would cost more than they do (echo, test, kill...). */
#include "shell.h"

static size_t
count_arguments(char **argv)
{
    size_t count = 0;

    while (argv[count])
        count++;
    return count;
}

/* ---- the shell itself ---- */

static int
do_cd(char **argv)
{
    const char *home = variable_get("HOME", 4);
    const char *path = argv[1] ? argv[1] : home ? home : "/";
    int error = chdir(path);

    if (error < 0)
        complain("cd: %s: %s", path, error_text(error));
    return error < 0;
}

static int
do_pwd(char **argv)
{
    char path[PATH_MAX];
    long length = getcwd(path, sizeof(path));

    (void)argv;
    if (length < 0)
        complain("pwd: %s", error_text(length));
    else
        print("%s\n", path);
    return length < 0;
}

static int
do_exit(char **argv)
{
    unsigned long status;

    shell.exiting = true;
    if (argv[1])
        return text_number(argv[1], &status) ? (int)(status & 0xFF) : 2;
    return shell.status;
}

/* Process 1 powers off when it gets SIGUSR2, or when the shell it started ends. */
static int
do_poweroff(char **argv)
{
    (void)argv;
    shell.exiting = true;
    if (shell.pid != 1 && system_call(NR_getppid) != 1)
        kill(1, SIGUSR2);
    return 0;
}

static int
do_exec(char **argv)
{
    if (!argv[1])
        return 0;
    shell.exiting = !shell.interactive;
    return become_program(argv + 1);
}

/* break and continue, out of argv[1] loops. */
static int
leave(char **argv, bool next_round)
{
    unsigned long count = 1;

    if (argv[1])
        text_number(argv[1], &count);
    shell.leave_loops = count < shell.loops ? (unsigned)count : shell.loops;
    shell.next_round = next_round;
    return 0;
}

static int
do_break(char **argv)
{
    return leave(argv, false);
}

static int
do_continue(char **argv)
{
    return leave(argv, true);
}

/* ---- variables ---- */

static int
do_export(char **argv)
{
    if (!argv[1])
        variables_print(true);
    for (argv++; *argv; argv++) {
        size_t length = name_length(*argv);

        if ((*argv)[length] == '=')
            variable_set(*argv, length, *argv + length + 1);
        if (length)
            variable_export(*argv, length);
    }
    return 0;
}

/* Without arguments prints variables; `set -- A B` makes them $1 and $2. */
static int
do_set(char **argv)
{
    if (!argv[1]) {
        variables_print(false);
        return 0;
    }
    argv += 1 + (strcmp(argv[1], "--") == 0);
    shell.argument_count = count_arguments(argv);
    shell.arguments = allocate((shell.argument_count + 1) * sizeof(char *));
    for (size_t i = 0; i < shell.argument_count; i++)
        shell.arguments[i] = copy_text(argv[i]);
    return 0;
}

static int
do_unset(char **argv)
{
    for (argv++; *argv; argv++)
        variable_unset(*argv);
    return 0;
}

static int
do_shift(char **argv)
{
    unsigned long count = 1;

    if (argv[1] && !text_number(argv[1], &count))
        return 1;
    if (count > shell.argument_count)
        return 1;
    shell.arguments += count;
    shell.argument_count -= count;
    return 0;
}

/* One line of standard input, byte by byte: the rest is for others to read. The last variable gets
 * all words that are left. */
static int
do_read(char **argv)
{
    struct text line = {0};
    char character, *at;

    text_add(&line, "", 0);
    while (read(0, &character, 1) == 1) {
        if (character == '\n')
            break;
        text_put(&line, character);
        character = '\0';
    }
    at = line.at;
    for (argv++; *argv; argv++) {
        char *end;

        at += *at == ' ';
        end = argv[1] ? strchr(at, ' ') : NULL;
        if (end)
            *end = '\0';
        variable_set(*argv, strlen(*argv), at);
        at = end ? end + 1 : strchr(at, '\0');
    }
    return character != '\n';
}

/* ---- jobs ---- */

static struct job *
wanted_job(char **argv)
{
    struct job *job = job_find(argv[1]);

    if (!job)
        complain("%s: no such job", argv[0]);
    return job;
}

static int
do_jobs(char **argv)
{
    (void)argv;
    jobs_print();
    return 0;
}

static int
do_fg(char **argv)
{
    struct job *job = wanted_job(argv);

    return job ? job_continue(job, true) : 1;
}

static int
do_bg(char **argv)
{
    struct job *job = wanted_job(argv);

    return job ? job_continue(job, false) : 1;
}

static int
do_wait(char **argv)
{
    int status = 0;

    if (!argv[1])
        return jobs_wait_all();
    for (; argv[1]; argv++) {
        struct job *job = job_find(argv[1]);

        status = job ? job_wait(job) : 127;
    }
    return status;
}

/* What kill's argument means: a process, or minus the group of a job. */
static bool
kill_target(const char *name, int *target)
{
    bool negative = name[0] == '-';
    unsigned long number;

    if (name[0] == '%') {
        struct job *job = job_find(name);

        *target = job ? -job_group(job) : 0;
        return job != NULL;
    }
    if (!text_number(name + negative, &number))
        return false;
    *target = negative ? -(int)number : (int)number;
    return true;
}

static int
do_kill(char **argv)
{
    int signal = SIGTERM, target, status = argv[1] ? 0 : 2;

    if (argv[1] && argv[1][0] == '-') {
        signal = signal_number(argv[1] + 1);
        argv++;
    }
    if (signal < 0) {
        complain("kill: no such signal");
        return 2;
    }
    for (argv++; status != 2 && *argv; argv++) {
        int error = kill_target(*argv, &target) ? kill(target, signal) : -ESRCH;

        if (error < 0)
            complain("kill: %s: %s", *argv, error_text(error));
        status |= error < 0;
    }
    return status;
}

/* ---- small programs ---- */

static int
do_echo(char **argv)
{
    bool newline = !argv[1] || strcmp(argv[1], "-n") != 0;

    for (argv += newline ? 1 : 2; *argv; argv++)
        print("%s%s", *argv, argv[1] ? " " : "");
    if (newline)
        print("\n");
    return 0;
}

static int
do_true(char **argv)
{
    (void)argv;
    return 0;
}

static int
do_false(char **argv)
{
    (void)argv;
    return 1;
}

static long
signed_number(const char *text)
{
    bool negative = *text == '-';
    unsigned long number = 0;

    text += negative;
    take_number(&text, &number);
    return negative ? -(long)number : (long)number;
}

/* test -X FILE or TEXT */
static bool
test_one(const char *operation, const char *operand)
{
    struct stat64 status;
    bool there;

    if (strcmp(operation, "-n") == 0 || strcmp(operation, "-z") == 0)
        return (*operand != '\0') == (operation[1] == 'n');
    if (strcmp(operation, "-t") == 0)
        return is_terminal((int)signed_number(operand));
    there = stat_of(operand, &status) == 0;
    switch (operation[1]) {
    case 'f':
        return there && S_ISREG(status.mode);
    case 'd':
        return there && S_ISDIR(status.mode);
    case 's':
        return there && status.size > 0;
    case 'r':
    case 'w':
    case 'x':
        return system_call(NR_access, operand,
                           operation[1] == 'r' ? R_OK : operation[1] == 'w' ? W_OK : X_OK) == 0;
    default:
        return there;
    }
}

static bool
test_two(const char *left, const char *operation, const char *right)
{
    static const char *const names[] = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"};
    long a = signed_number(left), b = signed_number(right);
    bool answers[] = {a == b, a != b, a < b, a <= b, a > b, a >= b};

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcmp(operation, names[i]) == 0)
            return answers[i];
    }
    return (strcmp(left, right) == 0) == (operation[0] == '=');
}

/* test [!] A, -X A, A OP B; [ is the same with a ] at the end. */
static int
do_test(char **argv)
{
    size_t count = count_arguments(argv) - 1;
    bool not, answer = false;

    if (strcmp(argv[0], "[") == 0 && (count == 0 || strcmp(argv[count--], "]") != 0)) {
        complain("[: no ]");
        return 2;
    }
    argv++;
    not = count > 1 && strcmp(argv[0], "!") == 0;
    argv += not;
    count -= not;
    if (count == 1)
        answer = *argv[0] != '\0';
    else if (count == 2)
        answer = test_one(argv[0], argv[1]);
    else if (count == 3)
        answer = test_two(argv[0], argv[1], argv[2]);
    return answer == not;
}

/* ---- the table ---- */

static int do_help(char **argv);

static const struct command {
    const char *name;
    builtin function;
    const char *usage, *help;
} commands[] = {
    {"[", do_test, "A = B ]", "test"},
    {"bg", do_bg, "[%JOB]", "let a stopped job go on in the background"},
    {"break", do_break, "[N]", "leave a loop, or N"},
    {"cd", do_cd, "[FOLDER]", "change the current folder"},
    {"continue", do_continue, "[N]", "go on with a loop's next round"},
    {"echo", do_echo, "[-n] TEXT...", "print"},
    {"exec", do_exec, "COMMAND", "become a program, or keep redirections"},
    {"exit", do_exit, "[STATUS]", "leave the shell"},
    {"export", do_export, "NAME[=VALUE]...", "let programs see variables"},
    {"false", do_false, "", "fail"},
    {"fg", do_fg, "[%JOB]", "bring a job to the foreground"},
    {"help", do_help, "", "this list"},
    {"jobs", do_jobs, "", "what runs in the background or is stopped"},
    {"kill", do_kill, "[-SIGNAL] PID|%JOB...", "send a signal, TERM by default"},
    {"poweroff", do_poweroff, "", "switch the machine off"},
    {"pwd", do_pwd, "", "print the current folder"},
    {"read", do_read, "NAME...", "a line of input into variables"},
    {"set", do_set, "[-- TEXT...]", "print variables; set $1 $2..."},
    {"shift", do_shift, "[N]", "drop $1"},
    {"test", do_test, "A = B", "also != -eq -lt..., -f -d -e -s -r -x FILE, -n -z TEXT"},
    {"true", do_true, "", "succeed"},
    {"unset", do_unset, "NAME...", "forget variables"},
    {"wait", do_wait, "[PID|%JOB...]", "until jobs have ended"},
};

static int
do_help(char **argv)
{
    (void)argv;
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        print("%-9s %-22s %s\n", commands[i].name, commands[i].usage, commands[i].help);
    print("Also if, while, until, for, { }, ( ), | && || ; & < > >> 2>&1 $NAME $? $(...) $((...))\n"
          "and the programs in /bin.\n");
    return 0;
}

builtin
builtin_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].function;
    }
    return NULL;
}

const char *
builtin_name(size_t index)
{
    return index < ARRAY_LENGTH(commands) ? commands[index].name : NULL;
}
