/* memmap.c - memmap FILE: what Octavo's sanitiser makes of a firmware memory map.
 *
 * Reads one entry a line, `base_hex length_hex type_decimal` (`#` starts a comment), from FILE or,
 * for `-`, from standard input. Prints the whole frames of RAM in total, below 4 GiB and below
 * 1 MiB, then the sanitised list, one `start_hex end_hex type_decimal` a line (end exclusive, 17
 * digits where it is 2^64). With -l it prints what the kernel's boot log would show instead. It is
 * compiled from the very file that the kernel runs, mm/memmap.c.
 *
 * Exit status: 0; 1 for a file that cannot be read or a malformed line; 2 for wrong usage.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memmap.h"

struct list {
    struct memmap_entry *entries;
    size_t count;
    size_t capacity;
};

static void
stdout_vprint(struct printer *self, const char *format, va_list args)
{
    (void)self;
    vprintf(format, args);
}

static struct printer stdout_printer = {stdout_vprint};

static void *
grow(void *old, size_t bytes)
{
    void *new = realloc(old, bytes ? bytes : 1);

    if (!new) {
        fprintf(stderr, "memmap: out of memory\n");
        exit(1);
    }
    return new;
}

static void
list_add(struct list *list, struct memmap_entry entry)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->entries = grow(list->entries, list->capacity * sizeof(*list->entries));
    }
    list->entries[list->count++] = entry;
}

/* Reads one number that ends at a blank or at the end of the text. NULL on success, else what is
 * wrong with it. */
static const char *
read_number(char **text, int base, unsigned long long limit, unsigned long long *value)
{
    char *end;

    *text += strspn(*text, " \t");
    if (**text == '\0')
        return "a field is missing";
    if (base == 16 ? !isxdigit((unsigned char)**text) : !isdigit((unsigned char)**text))
        return "not a number";
    errno = 0;
    *value = strtoull(*text, &end, base);
    if (*end != '\0' && !strchr(" \t", *end))
        return "not a number";
    if (errno == ERANGE || *value > limit)
        return "number too large";
    *text = end;
    return NULL;
}

/* Parses one line without its newline; NULL on success. A blank line adds nothing. */
static const char *
read_line(struct list *list, char *text)
{
    unsigned long long base;
    unsigned long long length;
    unsigned long long type;
    const char *error;

    text[strcspn(text, "#\r\n")] = '\0';
    if (text[strspn(text, " \t")] == '\0')
        return NULL;
    if ((error = read_number(&text, 16, UINT64_MAX, &base)) ||
        (error = read_number(&text, 16, UINT64_MAX, &length)) ||
        (error = read_number(&text, 10, UINT32_MAX, &type)))
        return error;
    if (text[strspn(text, " \t")] != '\0')
        return "more than three fields";
    list_add(list, (struct memmap_entry){base, length, (uint32_t)type, MEMMAP_FREE});
    return NULL;
}

static bool
read_list(struct list *list, FILE *file, const char *name)
{
    char *line = NULL;
    size_t size = 0;
    unsigned number = 0;
    const char *error = NULL;
    ssize_t length;

    while (!error && (length = getline(&line, &size, file)) >= 0) {
        number++;
        error = strlen(line) == (size_t)length ? read_line(list, line) : "a byte of value 0";
    }
    if (error)
        fprintf(stderr, "memmap: %s:%u: %s; want: base_hex length_hex type_decimal\n", name, number,
                error);
    else if (ferror(file))
        fprintf(stderr, "memmap: %s: %s\n", name, strerror(errno));
    free(line);
    return !error && !ferror(file);
}

static void
print_result(const struct memmap_region *regions, size_t count)
{
    printf("usable_frames_total %llu\n",
           (unsigned long long)memmap_ram_frames(regions, count, 0, 0));
    printf("usable_frames_below_4g %llu\n",
           (unsigned long long)memmap_ram_frames(regions, count, 0, 1ULL << 32));
    printf("usable_frames_below_1m %llu\n",
           (unsigned long long)memmap_ram_frames(regions, count, 0, 1ULL << 20));
    for (size_t i = 0; i < count; i++)
        printf("%016llx %s%016llx %lu\n", (unsigned long long)regions[i].start,
               regions[i].end ? "" : "1", (unsigned long long)regions[i].end,
               (unsigned long)regions[i].type);
}

static void
sanitise_and_print(const struct list *list, bool as_log)
{
    struct memmap_region *regions = grow(NULL, MEMMAP_REGIONS(list->count) * sizeof(*regions));
    uint32_t *scratch = grow(NULL, MEMMAP_SCRATCH(list->count) * sizeof(*scratch));
    size_t count = memmap_sanitise(list->entries, list->count, regions, scratch);

    if (as_log) {
        memmap_print_entries(&stdout_printer, list->entries, list->count);
        memmap_print_regions(&stdout_printer, regions, count);
    } else {
        print_result(regions, count);
    }
    free(scratch);
    free(regions);
}

int
main(int argc, char **argv)
{
    bool as_log = argc == 3 && strcmp(argv[1], "-l") == 0;
    const char *name = argv[argc - 1];
    struct list list = {NULL, 0, 0};
    FILE *file;
    bool good;

    if (argc != 2 && !as_log) {
        fprintf(stderr, "usage: memmap [-l] FILE    (- is standard input)\n");
        return 2;
    }
    file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
    if (!file) {
        fprintf(stderr, "memmap: %s: %s\n", name, strerror(errno));
        return 1;
    }
    good = read_list(&list, file, name);
    if (good)
        sanitise_and_print(&list, as_log);
    if (file != stdin)
        fclose(file);
    free(list.entries);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "memmap: cannot write the result\n");
        good = false;
    }
    return good ? 0 : 1;
}
