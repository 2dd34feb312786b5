/* ls.c - lists folders, sorted by name. -l: kind and rights, links, size, name; -a: also names that
 * begin with a dot. On a terminal, names stand in columns. */
#include "runtime.h"

static bool long_lines, dots;
static bool listed; /* something stands above */

struct entry {
    struct stat64 status;
    const char *path; /* how to reach it */
    char name[];
};

/* ---- one entry ---- */

static void
write_mode(char text[11], uint32_t mode)
{
    static const char kinds[] = "?pc?d?b?-?l?s???";
    static const char rights[] = "rwxrwxrwx";

    text[0] = kinds[mode >> 12 & 15];
    for (unsigned i = 0; i < 9; i++)
        text[i + 1] = mode & 0400 >> i ? rights[i] : '-';
    text[10] = '\0';
}

static void
print_target(const char *path)
{
    char target[256];
    long length = system_call(NR_readlink, path, target, sizeof(target));

    if (length > 0)
        print(" -> %.*s", (int)length, target);
}

static void
print_long(const struct entry *entry)
{
    char mode[11];

    write_mode(mode, entry->status.mode);
    print("%s %3u %10lld %s", mode, entry->status.nlink, entry->status.size, entry->name);
    if (S_ISLNK(entry->status.mode))
        print_target(entry->path);
    print("\n");
}

static struct entry *
make_entry(const char *folder, const char *name)
{
    size_t size = strlen(name) + 1;
    struct entry *entry = allocate(sizeof(*entry) + size);
    char path[PATH_MAX];

    memcpy(entry->name, name, size);
    format_text(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", name);
    memset(&entry->status, 0, sizeof(entry->status));
    entry->path = long_lines ? copy_text(path) : NULL;
    if (long_lines)
        link_stat_of(path, &entry->status);
    return entry;
}

/* ---- many ---- */

static int
compare_names(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void
print_columns(struct entry *entries[], size_t count)
{
    size_t width = 0, columns, rows;

    for (size_t i = 0; i < count; i++) {
        if (strlen(entries[i]->name) > width)
            width = strlen(entries[i]->name);
    }
    columns = is_terminal(1) && width + 2 < 79 ? 79 / (width + 2) : 1;
    rows = (count + columns - 1) / columns;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < count; i += rows)
            print("%-*s", i + rows < count ? (int)width + 2 : 0, entries[i]->name);
        print("\n");
    }
}

static void
print_entries(struct entry *entries[], size_t count)
{
    sort_pointers((void **)entries, count, compare_names);
    if (!long_lines)
        print_columns(entries, count);
    for (size_t i = 0; long_lines && i < count; i++)
        print_long(entries[i]);
    for (size_t i = 0; i < count; i++) {
        release((char *)entries[i]->path);
        release(entries[i]);
    }
}

static long
list_folder(const char *path)
{
    struct folder folder;
    const struct dirent64 *record;
    struct entry **entries = NULL;
    size_t count = 0;
    int error = folder_open(&folder, path);

    if (error < 0)
        return error;
    while ((record = folder_next(&folder))) {
        if (record->name[0] == '.' && !dots)
            continue;
        entries = reallocate(entries, (count + 1) * sizeof(*entries));
        entries[count++] = make_entry(path, record->name);
    }
    print_entries(entries, count);
    release(entries);
    return 0;
}

static bool
list(const char *path, bool title)
{
    struct stat64 status;
    long error = stat_of(path, &status);

    if (error == 0 && !S_ISDIR(status.mode)) {
        struct entry *entry = make_entry("", path);

        print_entries(&entry, 1);
        return true;
    }
    if (error == 0 && title)
        print("%s%s:\n", listed ? "\n" : "", path);
    listed = true;
    if (error == 0)
        error = list_folder(path);
    if (error < 0)
        complain("%s: %s", path, error_text(error));
    return error >= 0;
}

int
main(int argc, char **argv)
{
    struct options options = {.argv = argv + 1};
    bool ok = true;
    int option;

    (void)argc;
    while ((option = next_option(&options, "la"))) {
        if (option == '?')
            return 2;
        long_lines |= option == 'l';
        dots |= option == 'a';
    }
    if (!options.argv[0])
        return list(".", false) ? 0 : 1;
    for (char **path = options.argv; *path; path++)
        ok &= list(*path, options.argv[1] != NULL);
    return ok ? 0 : 1;
}
