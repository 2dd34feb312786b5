/* cmdline.c - the words after the kernel's name.
 *
 * The text is cut in place: quotes vanish, the blanks between words become one zero each. Looking
 * an option up walks the words from the start; there are few, and it happens a few times.
 *
 * The table below is the one list of what the kernel understands. Asking for an option that is not
 * in it is a bug of the asker, so the list cannot fall behind.
 */
#include <string.h>
#include "cmdline.h"
#include "early.h"
#include "platform.h"

#define HELP_WIDTH 63 /* columns of a line that are left behind the name */

static const struct option {
    const char *name;
    const char *help; /* no word longer than that */
} options[] = {
    {"badram", "frames that are bad: badram=ADDRESS[,MASK][,ADDRESS...]"},
    {"bench", "measure the allocators, then power off"},
    {"break", "where Bochs stops, and who calls is logged: break=FUNCTION,... of the kernel, four"},
    {"console", "which of vga,com1,e9 to use; all by default"},
    {"crash", "fail on purpose: null-read, double-free, stack-overflow...; crash=? lists the ways"},
    {"debug", "aids against bugs of memory: debug=heap,stacks,pages,poison,... or all"},
    {"faults", "what is told of a fault that ends a program: full (the default), short, off"},
    {"guard", "give objects of these caches pages of their own: guard=area,kmalloc-48 or guard=all"},
    {"init", "the first program, for instance init=/init, which is the default when it is there"},
    {"ipi_delay", "for tests of many CPUs: who is asked to forget translations hears it at his next tick"},
    {"lockorder", "check that locks are always taken in the same order, and given back"},
    {"lockstat", "count how often locks are taken, and how long one waits: /proc/lockstat"},
    {"maxcpus", "use at most so many CPUs, maxcpus=1: the first alone"},
    {"mem", "use only RAM below this address, mem=64M; or say what is there, mem=SIZE@BASE!TYPE"},
    {"memtest", "test all free memory before anything else is started"},
    {"memtest_fault", "for tests of memtest: a bit of the word at this address reads as 1"},
    {"monitor", "start no program"},
    {"nopae", "two-level page tables, also where the CPU has PAE"},
    {"overcommit", "promise programs memory: 0 within reason, 1 always, 2 only what is there"},
    {"run", "run a program and power off with its status: run=\"PROGRAM ARGS\""},
    {"seed", "start the random tests from this number"},
    {"slab_debug", "the same as debug=heap"},
    {"test", "run the tests whose name matches, all without a value, then power off"},
    {"trace", "record events: trace=alloc,page,fault,... or all (docs/tracing.md)"},
    {"trace_buffer", "memory for events, 64K if nothing is said"},
    {"trace_to", "a port that takes events at once: e9, com1 or com2; the console keeps off it"},
};

static struct cmdline kernel_line;

static bool
is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

/* Moves one word from *from to `to` without its quotes and ends it. Returns the place after its
 * end; *from is then at the blank or the zero behind the word. The copy never overtakes its source.
 */
static char *
cut_word(char *to, const char **from)
{
    bool quoted = false;
    const char *at = *from;

    for (; *at != '\0' && (quoted || !is_blank(*at)); at++) {
        if (*at == '"')
            quoted = !quoted;
        else
            *to++ = *at;
    }
    *from = *at != '\0' ? at + 1 : at;
    *to = '\0';
    return to + 1;
}

struct cmdline
cmdline_split(char *text)
{
    struct cmdline line = {text, 0};
    const char *from = text;
    char *to = text;

    for (;;) {
        while (is_blank(*from))
            from++;
        if (*from == '\0')
            return line;
        to = cut_word(to, &from);
        line.count++;
    }
}

const char *
cmdline_word(const struct cmdline *line, size_t index)
{
    const char *word = line->words;

    ASSERT(index < line->count);
    while (index-- > 0)
        word += strlen(word) + 1;
    return word;
}

/* The value when `word` is the option `name`, "" when it has none; else NULL. */
static const char *
match(const char *word, const char *name)
{
    size_t length = strlen(name);

    if (strncmp(word, name, length) != 0)
        return NULL;
    if (word[length] == '=')
        return word + length + 1;
    return word[length] == '\0' ? word + length : NULL;
}

bool
cmdline_known(const char *word)
{
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
        if (match(word, options[i].name) != NULL)
            return true;
    }
    return false;
}

bool
cmdline_starts_with_file(const struct cmdline *line)
{
    return line->count > 0 && strchr(line->words, '=') == NULL && !cmdline_known(line->words);
}

const char *
cmdline_get(const struct cmdline *line, const char *name)
{
    const char *word = line->words, *found = NULL;

    for (size_t i = 0; i < line->count; i++, word += strlen(word) + 1) {
        const char *value = match(word, name);

        if (value != NULL && !(i == 0 && cmdline_starts_with_file(line)))
            found = value;
    }
    return found;
}

/* ---- sizes ---- */

/* The value of a digit of any base up to 16; 16 when it is none. */
static unsigned
digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return (unsigned)(digit - '0');
    if (digit >= 'a' && digit <= 'f')
        return (unsigned)(digit - 'a') + 10;
    if (digit >= 'A' && digit <= 'F')
        return (unsigned)(digit - 'A') + 10;
    return 16;
}

/* How far a suffix shifts; -1 when it is none. */
static int
suffix_shift(const char *suffix)
{
    static const char suffixes[] = "kmg";
    const char *found;

    if (*suffix == '\0')
        return 0;
    found = memchr(suffixes, *suffix | 0x20, sizeof(suffixes) - 1);
    return found != NULL && suffix[1] == '\0' ? 10 * (int)(found - suffixes + 1) : -1;
}

bool
cmdline_size(const char *text, uint64_t *bytes)
{
    unsigned base = text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10;
    const char *at = base == 16 ? text + 2 : text;
    const char *first = at;
    uint64_t value = 0;
    int shift;

    for (; digit_value(*at) < base; at++) {
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit_value(*at), &value))
            return false;
    }
    shift = suffix_shift(at);
    if (at == first || shift < 0 || value > UINT64_MAX >> shift)
        return false;
    *bytes = value << shift;
    return true;
}

/* ---- the kernel's own ---- */

static void
report_unknown(const struct cmdline *line)
{
    for (size_t i = cmdline_starts_with_file(line); i < line->count; i++) {
        const char *word = cmdline_word(line, i);

        if (!cmdline_known(word))
            klog("cmdline: unknown option '%s'\n", word);
    }
}

void
cmdline_parse(const char *text)
{
    char *copy = kmalloc_early(strlen(text) + 1);

    if (copy == NULL) {
        klog("cmdline: no memory for the command line; it is ignored\n");
        return;
    }
    memcpy(copy, text, strlen(text) + 1);
    kernel_line = cmdline_split(copy);
    report_unknown(&kernel_line);
}

const char *
cmdline_value(const char *name)
{
    ASSERT(cmdline_known(name));
    return cmdline_get(&kernel_line, name);
}

bool
cmdline_flag(const char *name)
{
    return cmdline_value(name) != NULL;
}

bool
cmdline_number(const char *name, uint64_t *number)
{
    const char *text = cmdline_value(name);

    if (text == NULL)
        return false;
    if (cmdline_size(text, number))
        return true;
    klog("cmdline: %s=%s is no number and is ignored\n", name, text);
    return false;
}

/* The end of a line: what has no room in its 79 columns goes on below. */
static void
print_help(struct printer *out, const char *help)
{
    while (strlen(help) > HELP_WIDTH) {
        int length = HELP_WIDTH;

        while (help[length] != ' ')
            length--;
        print(out, "%.*s\n%*s", length, help, 79 - HELP_WIDTH, "");
        help += length + 1;
    }
    print(out, "%s\n", help);
}

void
cmdline_print_options(struct printer *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
        print(out, "  %-13s ", options[i].name);
        print_help(out, options[i].help);
    }
}
