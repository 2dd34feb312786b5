/* sh.c - the shell: commands from a terminal, a file, standard input or an argument.
 *
 *     sh                    a prompt on a terminal; else commands from standard input
 *     sh FILE [ARGUMENT...] a script
 *     sh -c TEXT [NAME [ARGUMENT...]]
 *
 * Text is parsed as soon as a line is complete; when a quote, a loop or an if is still open, the
 * next line is added to it. The parts are in user/sh/, and sh/shell.h tells how they fit together.
 */
#include "sh/shell.h"

struct shell shell = {.terminal = -1};

/* ---- where lines come from ---- */

/* A line of standard input, byte by byte: what is behind it is for the commands to read. False: at
 * the end. */
static bool
read_input_line(struct text *text)
{
    char character = '\0';

    while (character != '\n' && read(0, &character, 1) == 1)
        text_put(text, character);
    return character == '\n' || text->used;
}

/* ^C in a further line drops all of them. */
static bool
next_line(struct text *text, bool first)
{
    const char *line;
    bool dropped = false;

    if (!shell.interactive)
        return read_input_line(text);
    if (first)
        jobs_notice();
    line = edit_line(first ? "$ " : "> ", first ? NULL : &dropped);
    if (!line)
        return false;
    if (dropped) {
        *text = (struct text){0};
        line = "";
        shell.status = 128 + SIGINT;
    }
    text_add(text, line, strlen(line));
    text_put(text, '\n');
    return true;
}

/* The last line ends in a backslash that no other makes plain: the next one belongs to it. */
static bool
is_joined(const struct text *text)
{
    size_t at = text->used - 1, count = 0;

    while (at && text->at[at - 1] == '\\')
        at--, count++;
    return count % 2 == 1;
}

/* One complete command into *text, or what there is of it where the input ends. False at the end of
 * the input. */
static bool
read_command(struct text *text)
{
    struct node *node;
    bool first = true;

    for (;; first = false) {
        const char *start;
        size_t before = text->used;

        if (!next_line(text, first))
            return !first;
        start = text->at;
        if (text->used > before && is_joined(text))
            continue;
        if (text->used == before || parse(&start, &node) != PARSE_MORE)
            return true;
    }
}

static void
run_input(void)
{
    struct scratch_mark mark = scratch_mark();
    struct text text = {0};

    while (!shell.exiting && read_command(&text)) {
        shell.interrupted = false;
        run_text(text.at);
        if (shell.interrupted)
            print("\n");
        print_flush();
        scratch_forget(mark);
        text = (struct text){0};
    }
}

/* ---- scripts ---- */

static char *
read_script(const char *path)
{
    int fd = open(path, O_RDONLY, 0);
    struct text text = {0};
    char buffer[512];
    long size = fd;

    if (fd < 0)
        die("%s: %s", path, error_text(fd));
    text_add(&text, "", 0);
    while ((size = read(fd, buffer, sizeof(buffer))) > 0)
        text_add(&text, buffer, (size_t)size);
    if (size < 0)
        die("%s: %s", path, error_text(size));
    close(fd);
    return text.at;
}

static void
take_arguments(char **argv)
{
    shell.name = argv[0];
    shell.arguments = argv + 1;
    while (shell.arguments[shell.argument_count])
        shell.argument_count++;
}

int
main(int argc, char **argv)
{
    const char *text = NULL;

    shell.pid = getpid();
    shell.name = argv[0];
    shell.arguments = argv + argc;
    variables_begin();
    if (argc > 2 && strcmp(argv[1], "-c") == 0) {
        text = argv[2];
        if (argc > 3)
            take_arguments(argv + 3);
    } else if (argc == 2 && strcmp(argv[1], "-c") == 0) {
        die("usage: sh [FILE [ARGUMENT...]] | sh -c TEXT [NAME [ARGUMENT...]]");
    } else if (argc > 1) {
        text = read_script(argv[1]);
        take_arguments(argv + 1);
    }
    shell.interactive = !text && is_terminal(0);
    jobs_begin();
    if (text)
        run_text(text);
    else
        run_input();
    return shell.status;
}
