/* edit.c - a line from the terminal, by the kernel's own line editor (line.h) with the terminal in
 * raw mode: each key comes as it is pressed, and nothing echoes but what the editor sends.
 *
 * Tab completes the word before the cursor: the first of a command from the shell's own commands
 * and the folders of PATH, all others from files.
 */
#include "shell.h"
#include "keys.h"
#include "line.h"

static struct line_history history;
static struct line line;
static struct fields candidates;
static volatile bool screen_changed;

/* ---- completion ---- */

static void
add_commands(const char *pattern)
{
    const char *path = variable_get("PATH", 4), *name;

    for (size_t i = 0; (name = builtin_name(i)); i++)
        fields_add(&candidates, (char *)name);
    for (path = path ? path : "/bin"; *path;) {
        const char *end = strchr(path, ':') ? strchr(path, ':') : strchr(path, '\0');
        struct text folder = {0};

        text_add(&folder, path, (size_t)(end - path));
        glob_folder(folder.at, pattern, "", &candidates);
        path = end + (*end == ':');
    }
}

/* `word` may hold folders before the name that is to be completed. */
static void
add_files(const char *word, const char *name, const char *pattern)
{
    struct text folder = {0};
    size_t first = candidates.count;

    text_add(&folder, word, (size_t)(name - word));
    glob_folder(folder.used ? folder.at : ".", pattern, folder.at, &candidates);
    for (size_t i = first; i < candidates.count; i++) {
        struct stat64 status;
        struct text path = {0};

        if (stat_of(candidates.items[i], &status) < 0 || !S_ISDIR(status.mode))
            continue;
        text_add(&path, candidates.items[i], strlen(candidates.items[i]));
        text_put(&path, '/');
        candidates.items[i] = path.at;
    }
}

/* Sorts them; what is there twice (echo is a command of the shell and a program) stays once. */
static void
sort_candidates(void)
{
    size_t kept = 0;

    sort_pointers((void **)candidates.items, candidates.count, compare_texts);
    for (size_t i = 0; i < candidates.count; i++) {
        if (kept == 0 || strcmp(candidates.items[i], candidates.items[kept - 1]) != 0)
            candidates.items[kept++] = candidates.items[i];
    }
    candidates.count = kept;
}

/* True when a command's name stands at `start` of the line. */
static bool
is_command(size_t start)
{
    while (start && line.text[start - 1] == ' ')
        start--;
    return start == 0 || strchr("|&;(", line.text[start - 1]);
}

/* Where the word before the cursor begins; collects what it may become. */
static size_t
collect_candidates(const struct line *edited)
{
    size_t start = edited->cursor, slash;
    struct text word = {0}, pattern = {0};

    while (start && !strchr(" \t|&;<>(", edited->text[start - 1]))
        start--;
    text_add(&word, edited->text + start, edited->cursor - start);
    for (slash = word.used; slash && word.at[slash - 1] != '/'; slash--)
        continue;
    text_add(&pattern, word.at + slash, word.used - slash);
    text_put(&pattern, '*');
    candidates = (struct fields){0};
    if (is_command(start) && slash == 0)
        add_commands(pattern.at);
    else
        add_files(word.at, word.at + slash, pattern.at);
    sort_candidates();
    return start;
}

static const char *
candidate(size_t index)
{
    return index < candidates.count ? candidates.items[index] : NULL;
}

/* ---- keys ---- */

static void
put(const char *text, size_t size)
{
    print_bytes(text, size);
}

/* The screen was somebody else's, or has another size: the line is shown anew. */
static void
note_screen(int signal, struct siginfo *info, void *context)
{
    (void)signal, (void)info, (void)context;
    screen_changed = true;
}

/* The next key; -1 when there are no more. */
static int
read_key(void)
{
    static struct terminal_state state;
    uint8_t byte;
    int key = KEY_NONE;

    while (key == KEY_NONE) {
        long got;

        print_flush();
        got = read(shell.terminal, &byte, 1);
        if (got != 1 && got != -EINTR)
            return -1;
        if (got == 1)
            key = terminal_key(&state, byte);
        if (screen_changed)
            line_show(&line);
        screen_changed = false;
    }
    return key;
}

/* False at the end of the input. */
static bool
edit(bool *dropped)
{
    enum line_result result = LINE_MORE;

    line_begin(&line);
    while (result != LINE_DONE) {
        int key = read_key();

        if (key == -1 || (key == CTRL('D') && line.length == 0)) {
            print("\n");
            return false;
        }
        if (key == CTRL('C') && dropped) {
            print("^C\n");
            *dropped = true;
            return true;
        }
        result = line_key(&line, key);
        if (result == LINE_CLEAR) {
            print("\033[H\033[J");
            line_show(&line);
        }
    }
    line_remember(&history, line.text);
    return true;
}

const char *
edit_line(const char *prompt, bool *dropped)
{
    struct scratch_mark mark = scratch_mark();
    struct termios cooked, raw;
    bool more;

    line.prompt = prompt;
    line.put = put;
    line.word = candidate;
    line.word_start = collect_candidates;
    line.history = &history;
    signal_action(SIGWINCH, note_screen, 0);
    ioctl(shell.terminal, TCGETS, &cooked);
    raw = cooked;
    raw.iflag &= ~(uint32_t)(ICRNL | IXON);
    raw.lflag &= ~(uint32_t)(ICANON | ECHO | ISIG | IEXTEN);
    raw.cc[VMIN] = 1;
    raw.cc[VTIME] = 0;
    ioctl(shell.terminal, TCSETSW, &raw);
    more = edit(dropped);
    print_flush();
    ioctl(shell.terminal, TCSETSW, &cooked);
    scratch_forget(mark);
    return more ? line.text : NULL;
}
