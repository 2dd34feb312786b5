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
    unsigned long status = (unsigned)shell.status;

    if (argv[1] && !text_number(argv[1], &status)) {
        complain("exit: %s is no number", argv[1]);
        return 2;
    }
    shell.exiting = true;
    return (int)(status & 0xFF);
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

/* The length of the name that a word begins with; 0, and a complaint, when it is none, or something
 * follows that is not `end`. */
static size_t
variable_name(const char *command, const char *word, char end)
{
    size_t length = name_length(word);

    if (length && (word[length] == '\0' || word[length] == end))
        return length;
    complain("%s: %s is no name of a variable", command, word);
    return 0;
}

static int
do_export(char **argv)
{
    bool ok = true;

    if (!argv[1])
        variables_print(true);
    for (argv++; *argv; argv++) {
        size_t length = variable_name("export", *argv, '=');

        if (length && (*argv)[length] == '=')
            variable_set(*argv, length, *argv + length + 1);
        if (length)
            variable_export(*argv, length);
        ok &= length != 0;
    }
    return !ok;
}

/* Without arguments prints variables; `set -- A B` makes them $1 and $2. */
static int
do_set(char **argv)
{
    if (!argv[1]) {
        variables_print(false);
        return 0;
    }
    if (argv[1][0] == '-' && strcmp(argv[1], "--") != 0) {
        complain("set: unknown option %s", argv[1]);
        return 2;
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
    bool ok = true;

    for (argv++; *argv; argv++) {
        if (variable_name("unset", *argv, '\0'))
            variable_unset(*argv);
        else
            ok = false;
    }
    return !ok;
}

static int
do_shift(char **argv)
{
    unsigned long count = 1;

    if ((argv[1] && !text_number(argv[1], &count)) || count > shell.argument_count) {
        complain("shift: there are %zu arguments", shell.argument_count);
        return 1;
    }
    shell.arguments += count;
    shell.argument_count -= count;
    return 0;
}

static bool
is_blank(char character)
{
    return character == ' ' || character == '\t';
}

/* Cuts a word off, or with `all` the rest without the blanks at its end. Returns what follows. */
static char *
cut_word(char *at, bool all)
{
    char *end = at;

    while (*end && (all || !is_blank(*end)))
        end++;
    if (*end) {
        *end = '\0';
        return end + 1;
    }
    for (char *last = end; last > at && is_blank(last[-1]);)
        *--last = '\0';
    return end;
}

/* One line of standard input, byte by byte: the rest is for others to read. The last variable gets
 * all words that are left. A backslash means itself, with -r or without. */
static int
do_read(char **argv)
{
    struct text line = {0};
    char character = '\0', *at;

    text_add(&line, "", 0);
    while (read(0, &character, 1) == 1) {
        if (character == '\n')
            break;
        text_put(&line, character);
        character = '\0';
    }
    at = line.at;
    argv += argv[1] && strcmp(argv[1], "-r") == 0;
    for (argv++; *argv; argv++) {
        char *word;

        while (is_blank(*at))
            at++;
        word = at;
        at = cut_word(at, !argv[1]);
        variable_set(*argv, strlen(*argv), word);
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

/* Minus the group of %JOB. */
static int
job_target(const char *name)
{
    const struct job *job = name[0] == '%' ? job_find(name) : NULL;

    return job ? -job_group(job) : 0;
}

static int
do_kill(char **argv)
{
    return kill_command(argv, job_target);
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

static bool
signed_number(const char *text, long *value)
{
    bool negative = *text == '-';
    unsigned long number = 0;
    bool whole = text_number(text + negative, &number);

    *value = negative ? -(long)number : (long)number;
    return whole;
}

/* test's answer when it does not know the operator. */
#define NO_TEST 2

static int
unknown_test(const char *operation)
{
    complain("test: %s is no test", operation);
    return NO_TEST;
}

/* test -X FILE or TEXT */
static int
test_one(const char *operation, const char *operand)
{
    struct stat64 status;
    long number;
    bool there;

    if (operation[0] != '-' || strlen(operation) != 2)
        return unknown_test(operation);
    if (strcmp(operation, "-n") == 0 || strcmp(operation, "-z") == 0)
        return (*operand != '\0') == (operation[1] == 'n');
    if (strcmp(operation, "-t") == 0)
        return signed_number(operand, &number) && is_terminal((int)number);
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
    case 'e':
        return there;
    default:
        return unknown_test(operation);
    }
}

/* Both sides of an operator that compares numbers. */
static int
test_numbers(const char *left, unsigned operation, const char *right)
{
    long a = 0, b = 0;
    bool left_is_one = signed_number(left, &a), right_is_one = signed_number(right, &b);
    bool answers[] = {a == b, a != b, a < b, a <= b, a > b, a >= b};

    if (left_is_one && right_is_one)
        return answers[operation];
    complain("test: %s: not a number", left_is_one ? right : left);
    return NO_TEST;
}

static int
test_two(const char *left, const char *operation, const char *right)
{
    static const char *const names[] = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"};

    for (unsigned i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcmp(operation, names[i]) == 0)
            return test_numbers(left, i, right);
    }
    if (strcmp(operation, "=") == 0 || strcmp(operation, "==") == 0)
        return strcmp(left, right) == 0;
    if (strcmp(operation, "!=") == 0)
        return strcmp(left, right) != 0;
    return unknown_test(operation);
}

/* test [!] A, -X A, A OP B; [ is the same with a ] at the end. */
static int
do_test(char **argv)
{
    size_t count = count_arguments(argv) - 1;
    int answer = false;
    bool not;

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
    else if (count > 3)
        answer = unknown_test(argv[3]);
    return answer == NO_TEST ? NO_TEST : answer == not;
}

/* ---- the table ---- */

static int do_help(char **argv);

struct help {
    const char *name, *usage, *help;
};

static const struct command {
    struct help help; /* help.help is NULL when another one's line says it */
    builtin function;
} commands[] = {
    {{":", NULL, NULL}, do_true},
    {{"[", NULL, NULL}, do_test},
    {{"bg", "[%JOB]", "let a stopped job go on in the background"}, do_bg},
    {{"break", "[N]", "leave a loop, or N"}, do_break},
    {{"cd", "[FOLDER]", "change the current folder"}, do_cd},
    {{"continue", "[N]", "go on with a loop's next round"}, do_continue},
    {{"echo", "[-n] TEXT...", "print"}, do_echo},
    {{"exec", "COMMAND", "become a program, or keep redirections"}, do_exec},
    {{"exit", "[STATUS]", "leave the shell; the first one powers off"}, do_exit},
    {{"export", "NAME[=VALUE]...", "let programs see variables"}, do_export},
    {{"false", NULL, NULL}, do_false},
    {{"fg", "[%JOB]", "bring a job to the foreground"}, do_fg},
    {{"help", "[programs]", "this list, or that of the programs"}, do_help},
    {{"jobs", "", "what runs in the background or is stopped"}, do_jobs},
    {{"kill", "[-SIGNAL] PID|%JOB...", "send a signal, TERM by default; kill -l: all"}, do_kill},
    {{"poweroff", "", "switch the machine off"}, do_poweroff},
    {{"pwd", "", "print the current folder"}, do_pwd},
    {{"read", "NAME...", "a line of input into variables"}, do_read},
    {{"set", "[-- TEXT...]", "print variables; set $1 $2..."}, do_set},
    {{"shift", "[N]", "drop $1"}, do_shift},
    {{"test", "A = B, [ A = B ]", "also != -eq -lt..., -n -z TEXT, -f -d... FILE"}, do_test},
    {{"true", "", "succeed; false: fail"}, do_true},
    {{"unset", "NAME...", "forget variables"}, do_unset},
    {{"wait", "[PID|%JOB...]", "until jobs have ended"}, do_wait},
};

/* What there is in /bin. */
static const struct help programs[] = {
    {"buddyinfo", "", "free memory by the size of its pieces"},
    {"cat", "[FILE...]", "print files, or what is typed"},
    {"echo", "[-n] TEXT...", "print"},
    {"free", "", "where the memory is"},
    {"hexdump", "[-s N] [-n N] [FILE]", "bytes in hex, from byte N, N of them"},
    {"kill", "[-SIGNAL] PID...", "send a signal"},
    {"ls", "[-la] [PATH...]", "list folders"},
    {"memtest", "[PASSES]", "test the memory that nobody uses"},
    {"memtour", "[-p] [STEP...]", "a tour of a program's memory; -p: step by step"},
    {"memview", "[-t [MIB]]", "all memory on the screen, live"},
    {"pmap", "[PID...]", "the areas of a process"},
    {"ps", "", "the processes"},
    {"sh", "[FILE | -c TEXT]", "this shell"},
    {"slabtop", "[N]", "the kernel's largest object caches"},
    {"sleep", "SECONDS", "wait"},
    {"stress", "[SECONDS|Nr [SEED]]", "storms of memory calls, every byte checked"},
    {"vmstat", "[-s | SECONDS [COUNT]]", "what the memory manager has done"},
};

static void
print_help(const struct help *help)
{
    if (help->help)
        print("%-9s %-22s %s\n", help->name, help->usage, help->help);
}

static int
do_help(char **argv)
{
    if (argv[1] && strcmp(argv[1], "programs") == 0) {
        for (size_t i = 0; i < ARRAY_LENGTH(programs); i++)
            print_help(&programs[i]);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        print_help(&commands[i].help);
    print("Also if while until for { } ( ) | && || ; & < > >> 2>&1 $X $? $(...) $((...))\n"
          "Keys: arrows, Tab, ^C, ^D, ^Z, Shift-PgUp; Ctrl-] for the kernel's monitor.\n");
    return 0;
}

builtin
builtin_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (strcmp(name, commands[i].help.name) == 0)
            return commands[i].function;
    }
    return NULL;
}

const char *
builtin_name(size_t index)
{
    return index < ARRAY_LENGTH(commands) ? commands[index].help.name : NULL;
}
