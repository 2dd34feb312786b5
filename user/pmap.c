/* pmap.c - the areas of a process, from /proc/PID/smaps: how much of each is mapped, in memory, its
 * share of what is shared, and changed. pmap PID..., or self without. */
#include "runtime.h"

struct area {
    unsigned long size, resident, share, dirty;
};

/* "08000000-08001000 rw-p 00000000 00:00 0   [heap]" */
static void
print_title(const char *line)
{
    const char *dash = strchr(line, '-');
    const char *rights = strchr(dash, ' ') + 1;
    const char *name = rights;

    for (unsigned blanks = 0; *name && blanks < 4; name++)
        blanks += *name == ' ';
    while (*name == ' ' || (*name >= '0' && *name <= '9'))
        name++;
    print("%.*s %.4s", (int)(dash - line), line, rights);
    print(" %-30.30s", *name ? name : "[anonymous]");
}

/* Adds the number when the line has that name. */
static void
take_field(const char *line, const char *name, unsigned long *value)
{
    size_t length = strlen(name);
    const char *at = line + length;

    if (strncmp(line, name, length) == 0)
        *value += next_number(&at);
}

static void
print_sizes(const struct area *area)
{
    print("%8lu%8lu%8lu%8lu\n", area->size, area->resident, area->share, area->dirty);
}

static void
add_sizes(struct area *total, const struct area *area)
{
    total->size += area->size;
    total->resident += area->resident;
    total->share += area->share;
    total->dirty += area->dirty;
}

static bool
is_title(const char *line)
{
    while ((*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f'))
        line++;
    return *line == '-';
}

static void
take_line(const char *line, struct area *area)
{
    take_field(line, "Size:", &area->size);
    take_field(line, "Rss:", &area->resident);
    take_field(line, "Pss:", &area->share);
    take_field(line, "Shared_Dirty:", &area->dirty);
    take_field(line, "Private_Dirty:", &area->dirty);
}

/* The lines of an area end with its VmFlags. */
static void
print_areas(struct reader *reader, struct area *total)
{
    struct area area = {0};
    char line[256];

    while (read_line(reader, line, sizeof(line))) {
        if (is_title(line)) {
            area = (struct area){0};
            print_title(line);
        } else if (strncmp(line, "VmFlags:", 8) == 0) {
            print_sizes(&area);
            add_sizes(total, &area);
        } else {
            take_line(line, &area);
        }
    }
}

static bool
print_map(const char *pid)
{
    struct reader reader = {0};
    struct area total = {0};
    char path[64];

    format_text(path, sizeof(path), "/proc/%s/smaps", pid);
    reader.fd = open(path, O_RDONLY, 0);
    if (reader.fd < 0) {
        complain("%s: %s", pid,
                 reader.fd == -ENOENT ? "no such process" : error_text(reader.fd));
        return false;
    }
    print("%s:\n%-8s %-4s %-30s%8s%8s%8s%8s\n", pid, "address", "may", "what", "KiB", "rss", "pss",
          "dirty");
    print_areas(&reader, &total);
    print("%-44s", "total");
    print_sizes(&total);
    close(reader.fd);
    return true;
}

int
main(int argc, char **argv)
{
    bool ok = true;

    if (argc < 2)
        return print_map("self") ? 0 : 1;
    for (char **pid = argv + 1; *pid; pid++)
        ok &= print_map(*pid);
    return ok ? 0 : 1;
}
