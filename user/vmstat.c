/* vmstat.c - what the memory manager has done, from /proc/vmstat.
 *
 *     vmstat             one line: since the machine started
 *     vmstat N [COUNT]   further lines, each what happened in N seconds
 *     vmstat -s          every counter by name
 *
 * A column adds up counters; those that a kernel does not keep count as 0, so that the same columns
 * serve Octavo and Linux.
 */
#include "runtime.h"

static const struct column {
    const char *title;
    const char *counters[3];
    bool level; /* an amount, not a number of events */
} columns[] = {
    {"free", {"nr_free_pages"}, true},
    {"cached", {"nr_file_pages"}, true},
    {"alloc", {"pgalloc", "pgalloc_normal", "pgalloc_dma32"}, false},
    {"freed", {"pgfree"}, false},
    {"faults", {"pgfault"}, false},
    {"major", {"pgmajfault"}, false},
    {"zeroed", {"demand_zero"}, false},
    {"copied", {"cow_copy"}, false},
    {"forks", {"forks"}, false},
    {"flush", {"tlb_flush_page", "tlb_flush_all"}, false},
    {"stolen", {"pgsteal", "pgsteal_kswapd", "pgsteal_direct"}, false},
};

static char text[8192];
static unsigned long last[ARRAY_LENGTH(columns)];

static void
read_counters(void)
{
    long error = read_text("/proc/vmstat", text, sizeof(text));

    if (error < 0)
        die("/proc/vmstat: %s", error_text(error));
}

static void
print_titles(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(columns); i++)
        print("%s%6s", i ? " " : "", columns[i].title);
    print("\n");
}

static void
print_values(void)
{
    read_counters();
    for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
        unsigned long now = 0;

        for (size_t j = 0; j < ARRAY_LENGTH(columns[i].counters) && columns[i].counters[j]; j++)
            now += field_value(text, columns[i].counters[j]);
        print("%s%6lu", i ? " " : "", columns[i].level ? now : now - last[i]);
        last[i] = now;
    }
    print("\n");
    print_flush();
}

static void
print_all(void)
{
    read_counters();
    for (const char *at = text; *at;) {
        const char *end = strchr(at, '\n'), *number = at;
        unsigned long value;

        while (*number > ' ')
            number++;
        value = next_number(&number);
        print("%12lu %.*s\n", value, (int)(strchr(at, ' ') - at), at);
        at = end ? end + 1 : strchr(at, '\0');
    }
}

int
main(int argc, char **argv)
{
    unsigned long interval = 0, count = 0;

    if (argc > 1 && strcmp(argv[1], "-s") == 0) {
        print_all();
        return 0;
    }
    if ((argc > 1 && (!text_number(argv[1], &interval) || interval == 0)) ||
        (argc > 2 && !text_number(argv[2], &count)))
        die("usage: vmstat [-s | SECONDS [COUNT]]");
    print_titles();
    print_values();
    for (unsigned long line = 1; interval && line != count; line++) {
        sleep_for(interval, 0);
        if (line % 20 == 0)
            print_titles();
        print_values();
    }
    return 0;
}
