/* run.c - does what a tree says.
 *
 * A command of the shell's own, a loop, a group run in the shell itself; programs, subshells and
 * the parts of a pipeline in children. Redirections around what runs in the shell are undone after
 * it: the descriptors they replace are kept above 10 meanwhile.
 *
 *     a | b | c      three children in one group; the shell waits for all, the status is c's
 *     a && b &       one child, a shell of its own, that runs `a && b`
 */
#include "shell.h"

#define KEPT_FROM 10 /* descriptors below are a program's */

/* ---- redirections ---- */

struct kept {
    int fd, copy; /* copy < 0: fd was not open */
    struct kept *next;
};

static void
keep(struct kept **kept, int fd)
{
    struct kept *new = scratch(sizeof(*new));

    *new = (struct kept){fd, dup_above(fd, KEPT_FROM), *kept};
    *kept = new;
}

/* Undoes redirections, or makes them stay. */
static void
settle(struct kept *kept, bool undo)
{
    print_flush();
    for (; kept; kept = kept->next) {
        if (undo && kept->copy < 0)
            close(kept->fd);
        else if (undo)
            dup2(kept->copy, kept->fd);
        close(kept->copy);
    }
}

/* Opens what a redirection names. The descriptor or -errno. */
static int
open_target(const struct redirection *redirection, const char *target)
{
    unsigned long fd;

    switch (redirection->kind) {
    case REDIRECT_READ:
        return open(target, O_RDONLY, 0);
    case REDIRECT_WRITE:
        return open(target, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    case REDIRECT_APPEND:
        return open(target, O_WRONLY | O_CREAT | O_APPEND, 0666);
    case REDIRECT_COPY:
        return text_number(target, &fd) ? system_call(NR_dup, (int)fd) : -EBADF;
    }
    return -EINVAL;
}

/* Does redirections; with `kept`, remembers how to undo them. False, with a complaint, when one
 * cannot be done. */
static bool
redirect(const struct redirection *redirection, struct kept **kept)
{
    print_flush();
    for (; redirection; redirection = redirection->next) {
        const char *target = expand_text(redirection->target);
        int fd;

        if (kept) /* before the file opens, which may get that descriptor */
            keep(kept, redirection->fd);
        fd = open_target(redirection, target);
        if (fd < 0) {
            complain("%s: %s", target, error_text(fd));
            return false;
        }
        if (fd != redirection->fd) {
            dup2(fd, redirection->fd);
            close(fd);
        }
    }
    return true;
}

/* ---- programs ---- */

/* One that the kernel does not know how to run is a script for the shell. */
static int
try_program(const char *path, char **argv)
{
    char **environment_now = variables_environment();
    int error = execve(path, argv, environment_now);
    struct fields script = {0};

    if (error != -ENOEXEC)
        return error;
    fields_add(&script, (char *)"sh");
    fields_add(&script, (char *)path);
    for (argv++; *argv; argv++)
        fields_add(&script, *argv);
    return execve("/bin/sh", script.items, environment_now);
}

static int
search_path(char **argv)
{
    const char *path = variable_get("PATH", 4);
    int error = -ENOENT;

    for (path = path ? path : "/bin"; error == -ENOENT; path++) {
        const char *end = strchr(path, ':') ? strchr(path, ':') : strchr(path, '\0');
        struct text full = {0};

        text_add(&full, path, (size_t)(end - path));
        text_add(&full, "/", end != path);
        text_add(&full, argv[0], strlen(argv[0]));
        error = try_program(full.at, argv);
        path = end;
        if (*end == '\0')
            break;
    }
    return error;
}

int
become_program(char **argv)
{
    int error;

    print_flush();
    error = strchr(argv[0], '/') ? try_program(argv[0], argv) : search_path(argv);
    complain("%s: %s", argv[0], error == -ENOENT ? "not found" : error_text(error));
    return error == -ENOENT ? 127 : 126;
}

/* Sets the variables of NAME=value words at a command's start. */
static void
do_assignments(const struct word *word, bool export)
{
    for (; word && assignment_name(word); word = word->next) {
        size_t length = assignment_name(word);
        struct word value = {word->text + length + 1, word->length - length - 1, NULL};

        variable_set(word->text, length, expand_text(&value));
        if (export)
            variable_export(word->text, length);
    }
}

/* A command without a name. Its status is that of the last $(...) in it, if there is one; `before`
 * says how many there have been. */
static int
run_nameless(const struct node *node, unsigned before)
{
    struct kept *kept = NULL;

    do_assignments(node->words, false);
    if (shell.substitutions == before)
        shell.status = 0;
    if (!redirect(node->redirections, &kept))
        shell.status = 1;
    settle(kept, true);
    return shell.status;
}

static int
run_builtin(builtin function, char **argv, const struct node *node)
{
    struct kept *kept = NULL;
    int status = 1;

    if (redirect(node->redirections, &kept))
        status = function(argv);
    if (!print_check() && status == 0)
        status = 1;
    settle(kept, strcmp(argv[0], "exec") != 0);
    return status;
}

/* The command's words as arguments, without the variables before them. */
static struct fields
command_arguments(const struct node *node)
{
    const struct word *word = node->words;
    struct fields fields = {0};

    while (word && assignment_name(word))
        word = word->next;
    expand_words(word, &fields);
    return fields;
}

/* In a child. */
static _Noreturn void
exit_as_program(const struct node *node, char **argv)
{
    do_assignments(node->words, true);
    exit(redirect(node->redirections, NULL) ? become_program(argv) : 1);
}

static int
run_command(const struct node *node)
{
    unsigned before = shell.substitutions;
    struct fields fields = command_arguments(node);
    builtin function;
    struct job *job;

    if (shell.interrupted)
        return shell.status;
    if (fields.count == 0)
        return run_nameless(node, before);
    function = builtin_find(fields.items[0]);
    if (function) {
        do_assignments(node->words, false);
        return run_builtin(function, fields.items, node);
    }
    job = job_create(1, node->source, node->length);
    if (job_fork(job, true) != 0)
        return job_foreground(job);
    exit_as_program(node, fields.items);
}

_Noreturn void
run_child(const struct node *node)
{
    unsigned before = shell.substitutions;
    struct fields fields;
    builtin function;

    jobs_forget();
    if (node->kind == NODE_SUBSHELL && !node->redirections)
        node = node->left;
    if (node->kind != NODE_COMMAND)
        exit(run(node));
    fields = command_arguments(node);
    if (fields.count == 0)
        exit(run_nameless(node, before));
    function = builtin_find(fields.items[0]);
    if (!function)
        exit_as_program(node, fields.items);
    do_assignments(node->words, false);
    exit(run_builtin(function, fields.items, node));
}

/* ---- pipelines and children ---- */

/* In the child of one stage: standard input from `in`, output to ends[1] unless it is the last. */
static _Noreturn void
run_stage(const struct node *stage, int in, const int *ends)
{
    if (in >= 0) {
        dup2(in, 0);
        close(in);
    }
    if (ends) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
    }
    run_child(stage);
}

static int
run_pipeline(const struct node *node)
{
    size_t stages = 1;
    const struct node *at = node;
    struct job *job;
    int in = -1, error = 0;

    for (; at->kind == NODE_PIPE; at = at->right)
        stages++;
    job = job_create(stages, node->source, node->length);
    for (at = node;; at = at->right) {
        bool last = at->kind != NODE_PIPE;
        int ends[2] = {-1, -1};

        if (!last && (error = pipe(ends)) < 0)
            break;
        if (job_fork(job, true) == 0)
            run_stage(last ? at : at->left, in, last ? NULL : ends);
        if (in >= 0)
            close(in);
        if (last)
            break;
        close(ends[1]);
        in = ends[0];
    }
    if (error < 0) { /* who writes into the last one hears that nobody reads */
        complain("pipe: %s", error_text(error));
        close(in);
    }
    return job_foreground(job);
}

static int
run_background(const struct node *node)
{
    struct job *job = job_create(1, node->source, node->length);

    if (job_fork(job, false) == 0)
        run_child(node->left);
    job_background(job);
    return 0;
}

static int
run_subshell(const struct node *node)
{
    struct job *job = job_create(1, node->source ? node->source : "(...)",
                                 node->source ? node->length : 5);

    if (job_fork(job, true) == 0)
        run_child(node->left);
    return job_foreground(job);
}

/* All that a descriptor has, without newlines at the end. */
static char *
read_all(int fd)
{
    struct text text = {0};
    char buffer[256];
    long size;

    text_add(&text, "", 0);
    while ((size = read(fd, buffer, sizeof(buffer))) > 0 || size == -EINTR) {
        if (size > 0)
            text_add(&text, buffer, (size_t)size);
    }
    while (text.used && text.at[text.used - 1] == '\n')
        text.at[--text.used] = '\0';
    return text.at;
}

char *
run_for_output(const char *commands, size_t length)
{
    struct text copy = {0};
    int ends[2];
    struct job *job;
    char *output;

    text_add(&copy, commands, length);
    if (pipe(ends) < 0)
        return copy_text("");
    job = job_create(1, commands, length);
    if (job_fork(job, true) == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        if (shell.interactive) /* stopped, it would leave the shell waiting for its output */
            signal_action(SIGTSTP, SIGNAL_IGNORE, 0);
        jobs_forget();
        exit(run_text(copy.at));
    }
    close(ends[1]);
    output = read_all(ends[0]);
    close(ends[0]);
    shell.status = job_foreground(job);
    shell.substitutions++;
    return output;
}

/* ---- the rest of the tree ---- */

static bool
stopping(void)
{
    return shell.exiting || shell.interrupted || shell.leave_loops;
}

/* After a round of a loop: false when it was the last. */
static bool
goes_on(void)
{
    if (shell.leave_loops) {
        shell.leave_loops--;
        if (shell.leave_loops || !shell.next_round)
            return false;
        shell.next_round = false;
    }
    return !shell.exiting && !shell.interrupted;
}

static int
run_while(const struct node *node)
{
    int status = 0;

    shell.loops++;
    while (!stopping() && (run(node->left) == 0) == (node->kind == NODE_WHILE)) {
        if (!stopping())
            status = run(node->right);
        if (!goes_on())
            break;
    }
    shell.loops--;
    return status;
}

static int
run_for(const struct node *node)
{
    struct fields fields = {shell.arguments, shell.argument_count, 0};
    int status = 0;

    if (node->in) {
        fields = (struct fields){0};
        expand_words(node->words->next, &fields);
    }
    shell.loops++;
    for (size_t i = 0; i < fields.count && !shell.interrupted; i++) {
        variable_set(node->words->text, node->words->length, fields.items[i]);
        status = run(node->right);
        if (!goes_on())
            break;
    }
    shell.loops--;
    return status;
}

static int
run_if(const struct node *node)
{
    if (run(node->left) == 0)
        return stopping() ? shell.status : run(node->right);
    if (stopping() || !node->other)
        return 0;
    return run(node->other);
}

static int
run_kind(const struct node *node)
{
    switch (node->kind) {
    case NODE_COMMAND:
        return run_command(node);
    case NODE_PIPE:
        return run_pipeline(node);
    case NODE_NOT:
        return !run(node->left);
    case NODE_AND:
        return run(node->left) == 0 && !stopping() ? run(node->right) : shell.status;
    case NODE_OR:
        return run(node->left) != 0 && !stopping() ? run(node->right) : shell.status;
    case NODE_SEQUENCE:
        run(node->left);
        return stopping() ? shell.status : run(node->right);
    case NODE_BACKGROUND:
        return run_background(node);
    case NODE_IF:
        return run_if(node);
    case NODE_WHILE:
    case NODE_UNTIL:
        return run_while(node);
    case NODE_FOR:
        return run_for(node);
    case NODE_GROUP:
        return run(node->left);
    case NODE_SUBSHELL:
        return run_subshell(node);
    }
    return 0;
}

int
run(const struct node *node)
{
    struct scratch_mark mark = scratch_mark();
    struct kept *kept = NULL;
    bool around = node->redirections && node->kind != NODE_COMMAND;

    if (around && !redirect(node->redirections, &kept))
        shell.status = 1;
    else
        shell.status = run_kind(node);
    if (around)
        settle(kept, true);
    scratch_forget(mark);
    return shell.status;
}

int
run_text(const char *text)
{
    while (*text && !shell.exiting && !shell.interrupted) {
        struct scratch_mark mark = scratch_mark();
        struct node *node;

        if (parse(&text, &node) != PARSE_OK) {
            complain("syntax error");
            shell.status = 2;
            return 2;
        }
        if (node)
            run(node);
        scratch_forget(mark);
    }
    return shell.status;
}
