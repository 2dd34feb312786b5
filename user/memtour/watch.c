/* watch.c - what the kernel did, from /proc, as seen by the program it was done for.
 *
 *     /proc/self/statm   pages: mapped, in memory
 *     /proc/self/stat    page faults of this process that needed no disk
 *     /proc/vmstat       counters of the whole machine; those that a kernel does not keep are left
 *                        out of the story
 *
 * Reading these files costs page faults of its own: the buffers are touched before the first
 * reading, so that a difference shows only what happened in between.
 */
#include "tour.h"

static const struct counter {
    const char *name;    /* in /proc/vmstat */
    const char *meaning; /* printed before the difference */
} counters[] = {
    {"demand_zero", "pages filled with zeros"},
    {"zero_page", "reads that found the page of zeros"},
    {"cow_copy", "pages copied on write"},
    {"cow_reuse", "pages taken over on write"},
    {"file_mapped", "pages of files mapped"},
    {"fault_around", "pages of files mapped ahead"},
    {"tlb_shootdowns", "questions to other CPUs"},
    {"tlb_answers", "answers"},
    {"stack_grown", "growths of the stack"},
    {"tables_shared", "page tables shared"},
    {"tables_unshared", "page tables copied"},
    {"forks", "forks"},
};

struct reading {
    unsigned long mapped, resident, faults;
    unsigned long values[ARRAY_LENGTH(counters)];
};

#define LINE_WIDTH 79

static struct reading before;
static char text[8192];

/* How much of a text stands on one line of `width`: up to the last blank that is not too far out.
 */
static size_t
line_length(const char *line, size_t width)
{
    size_t length = strlen(line);

    if (length <= width)
        return length;
    for (length = width; length && line[length] != ' '; length--)
        continue;
    return length ? length : width;
}

void
say(const char *format, ...)
{
    const char *at;
    va_list args;
    char line[240];

    va_start(args, format);
    format_text_v(line, sizeof(line), format, args);
    va_end(args);
    for (at = line; *at; at += *at == ' ') {
        size_t length = line_length(at, LINE_WIDTH - 2);

        print("  %.*s\n", (int)length, at);
        at += length;
    }
    print_flush();
}

/* Page faults, from /proc/self/stat: the seventh number behind the bracket. */
static unsigned long
fault_count(void)
{
    const char *at = strrchr(text, ')');
    unsigned long number = 0;

    for (unsigned i = 0; at && i < 7; i++)
        number = next_number(&at);
    return number;
}

static void
take_reading(struct reading *reading)
{
    const char *at = text;

    memset(text, 0, sizeof(text));
    read_text("/proc/vmstat", text, sizeof(text));
    for (size_t i = 0; i < ARRAY_LENGTH(counters); i++)
        reading->values[i] = field_value(text, counters[i].name);
    read_text("/proc/self/statm", text, sizeof(text));
    reading->mapped = next_number(&at);
    reading->resident = next_number(&at);
    read_text("/proc/self/stat", text, sizeof(text));
    reading->faults = fault_count();
}

void
watch_begin(void)
{
    take_reading(&before);
    take_reading(&before);
}

/* Begins a line of counters; returns the column. */
static size_t
print_margin(size_t column)
{
    static const char margin[] = "          ";

    print("%s%s", column ? ",\n" : "", margin);
    return sizeof(margin) - 1;
}

/* The counters that changed, as many to a line as fit. */
static void
tell_counters(const struct reading *now)
{
    size_t column = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(counters); i++) {
        char part[48];
        size_t length;

        if (now->values[i] == before.values[i])
            continue;
        length = (size_t)format_text(part, sizeof(part), "%s: %lu", counters[i].meaning,
                                     now->values[i] - before.values[i]);
        if (column && column + length < LINE_WIDTH - 2)
            print(", ");
        else
            column = print_margin(column);
        print("%s", part);
        column += length + 2;
    }
    if (column)
        print("\n");
}

void
watch_tell(void)
{
    struct reading now;

    take_reading(&now);
    print("  kernel: %+ld pages mapped, %+ld in memory, %lu fault%s\n",
          now.mapped - before.mapped, now.resident - before.resident, now.faults - before.faults,
          now.faults - before.faults == 1 ? "" : "s");
    tell_counters(&now);
    print_flush();
    take_reading(&before);
}

/* The hex digits at *at, which moves behind them. */
static uintptr_t
take_address(const char **at)
{
    uintptr_t address = 0;

    for (; (**at >= '0' && **at <= '9') || (**at >= 'a' && **at <= 'f'); ++*at)
        address = address << 4 | (unsigned)(**at <= '9' ? **at - '0' : **at - 'a' + 10);
    return address;
}

/* Leaves one blank where there are several. */
static void
squeeze(char *line)
{
    char *to = line;

    for (const char *at = line; *at; at++) {
        if (*at != ' ' || (at[1] && at[1] != ' '))
            *to++ = *at;
    }
    *to = '\0';
}

void
show_areas(uintptr_t from, uintptr_t to)
{
    struct reader reader = {.fd = open("/proc/self/maps", O_RDONLY, 0)};
    char line[160];

    if (reader.fd < 0)
        return;
    while (read_line(&reader, line, sizeof(line))) {
        const char *at = line;
        uintptr_t start = take_address(&at), end;

        at++;
        end = take_address(&at);
        squeeze(line);
        if (start < to && from < end)
            print("  maps:   %s\n", line);
    }
    close(reader.fd);
    print_flush();
}

bool
expect(bool ok, const char *what)
{
    if (!ok)
        say("WRONG: expected that %s", what);
    return ok;
}

char *
map_pages(size_t pages, int protection, int flags)
{
    char *at = mmap(NULL, pages * PAGE_SIZE, protection, flags | MAP_ANONYMOUS, -1, 0);

    if (!mmap_failed(at))
        return at;
    say("WRONG: mmap says %s", error_text((long)at));
    return NULL;
}
