/* test_maps.c - what /proc tells of address spaces: areas, what is resident, page tables. */
#include <string.h>

#include "mm.h"
#include "object.h"
#include "space.h"
#include "listener.h"
#include "testing.h"

#define WHERE    0x10000000u
#define WRITABLE (PROT_READ | PROT_WRITE)

/* ---- what is printed ---- */

static bool
print_by(void (*print_space)(struct printer *, struct address_space *), struct address_space *space)
{
    print_space(fresh(), space);
    return used + 1 < sizeof(text);
}

static const char *
find(const char *from, const char *part)
{
    size_t length = strlen(part);

    for (; *from != '\0'; from++)
        if (!memcmp(from, part, length))
            return from;
    return NULL;
}

/* The number that stands in the smaps line `name` of the area that starts at `start`; -1: none. */
static long
smaps_says(uintptr_t start, const char *name)
{
    char head[16];
    const char *at;
    long number = 0;

    format_text(head, sizeof(head), "%08lx-", (unsigned long)start);
    at = find(text, head);
    at = at != NULL ? find(at, name) : NULL;
    if (at == NULL)
        return -1;
    for (at += strlen(name); *at == ' '; at++)
        ;
    for (; *at >= '0' && *at <= '9'; at++)
        number = number * 10 + *at - '0';
    return number;
}

/* ---- what is looked at ---- */

static int
fill_with_index(struct object *object, uint32_t index, void *page)
{
    (void)object;
    *(uint32_t *)page = index;
    return 0;
}

static const struct object_ops file_ops = {.fill = fill_with_index};
static const struct object_ops memory_ops = {.fill = NULL};
static struct object file, memory;

static long
map(struct address_space *space, uintptr_t start, unsigned pages, unsigned prot, unsigned flags,
    struct object *object, uint32_t index)
{
    long answer = space_mmap(space, start, pages * PAGE_SIZE, prot, flags | MAP_FIXED, object,
                             index, true);

    return answer == (long)start ? 0 : answer;
}

static const char *
name_of_file(const struct object *object)
{
    return object == &file ? "/the/file" : "";
}

KTEST(maps, areas)
{
    static const char wanted[] =
        "08000000-08001000 rw-p 00000000 00:00 0                          [heap]\n"
        "10000000-10002000 rw-p 00000000 00:00 0\n"
        "10002000-10003000 ---p 00000000 00:00 0\n"
        "20000000-20003000 r-xp 00002000 00:00 1                          /the/file\n"
        "20003000-20004000 r--s fff00000000 00:00 1                          /the/file\n"
        "30000000-30001000 -w-s 00000000 00:00 1                          /dev/zero (deleted)\n"
        "bffff000-c0000000 rw-p 00000000 00:00 0                          [stack]\n";
    struct address_space *space = space_create();
    object_namer usual = space_object_name;

    CHECK(space);
    object_init(&file, &file_ops, OBJECT_SIZE_MAX);
    CHECK_EQ(space_brk(space, HEAP_START + 5), HEAP_START + 5);
    CHECK_EQ(space_add_stack(space, USER_END), 0);
    CHECK_EQ(map(space, WHERE, 2, WRITABLE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), 0);
    CHECK_EQ(map(space, WHERE + 2 * PAGE_SIZE, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
             0);
    CHECK_EQ(map(space, 2 * WHERE, 3, PROT_READ | PROT_EXEC, MAP_PRIVATE, &file, 2), 0);
    CHECK_EQ(map(space, 2 * WHERE + 3 * PAGE_SIZE, 1, PROT_READ, MAP_SHARED, &file, 0xFFF00000u),
             0);
    CHECK_EQ(map(space, 3 * WHERE, 1, PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, NULL, 0), 0);
    space_object_name = name_of_file;
    CHECK(print_by(space_print_maps, space));
    space_object_name = usual;
    if (strcmp(text, wanted) != 0)
        klog("maps says\n%s", text);
    CHECK(!strcmp(text, wanted));
    space_put(space);
    object_put(&file);
}

/* One page of each kind: from a file, copied from it, of memory files, of one's own, of zeros; then
 * with a child, which shares the page tables. */
KTEST(maps, resident_pages)
{
    struct address_space *space = space_create(), *child;
    struct space_pages pages;
    uint32_t word;

    CHECK(space);
    object_init(&file, &file_ops, 4 * PAGE_SIZE);
    object_init(&memory, &memory_ops, 4 * PAGE_SIZE);
    CHECK_EQ(map(space, WHERE, 4, WRITABLE, MAP_PRIVATE, &file, 0), 0);
    CHECK_EQ(map(space, 2 * WHERE, 4, WRITABLE, MAP_SHARED, &memory, 0), 0);
    CHECK_EQ(map(space, 3 * WHERE, 4, WRITABLE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), 0);
    CHECK_EQ(space_write(space, WHERE, "copy", 4), 4);
    CHECK_EQ(space_read(space, WHERE + PAGE_SIZE, &word, 4), 4);
    CHECK_EQ(space_write(space, 2 * WHERE, "file", 4), 4);
    CHECK_EQ(space_write(space, 3 * WHERE, "own", 4), 4);
    CHECK_EQ(space_read(space, 3 * WHERE + PAGE_SIZE, &word, 4), 4);
    CHECK(print_by(space_print_smaps, space));
    CHECK_EQ(smaps_says(WHERE, "Rss:"), 8);
    CHECK_EQ(smaps_says(WHERE, "Private_Clean:"), 4);
    CHECK_EQ(smaps_says(WHERE, "Private_Dirty:"), 4);
    CHECK_EQ(smaps_says(WHERE, "Anonymous:"), 4);
    CHECK_EQ(smaps_says(2 * WHERE, "Private_Dirty:"), 4);
    CHECK_EQ(smaps_says(2 * WHERE, "Anonymous:"), 0);
    CHECK_EQ(smaps_says(3 * WHERE, "Size:"), 16);
    CHECK_EQ(smaps_says(3 * WHERE, "Rss:"), 4);
    CHECK_EQ(smaps_says(3 * WHERE, "Pss:"), 4);
    space_count_pages(space, &pages);
    CHECK(pages.anonymous == 2 && pages.file == 2 && pages.shared == 0 && pages.stack == 0);
    CHECK_EQ(space_resident(space), 4);

    child = space_fork(space);
    CHECK(child);
    CHECK(print_by(space_print_smaps, child));
    CHECK_EQ(smaps_says(WHERE, "Shared_Clean:"), 4);
    CHECK_EQ(smaps_says(WHERE, "Shared_Dirty:"), 4);
    CHECK_EQ(smaps_says(WHERE, "Pss:"), 4);
    CHECK_EQ(smaps_says(3 * WHERE, "Shared_Dirty:"), 4);
    CHECK_EQ(smaps_says(3 * WHERE, "Pss:"), 2);
    CHECK_EQ(space_write(child, 3 * WHERE, "OWN", 3), 3);
    CHECK(print_by(space_print_smaps, child));
    CHECK_EQ(smaps_says(3 * WHERE, "Private_Dirty:"), 4);
    CHECK_EQ(smaps_says(3 * WHERE, "Pss:"), 4);
    space_put(child);
    space_put(space);
    object_put(&file);
    object_put(&memory);
}

/* The same kinds in the words of pagemap, alone and with a child. */
KTEST(maps, pagemap)
{
    struct address_space *space = space_create(), *child;
    uint64_t words[4];
    uint32_t word;

    CHECK(space);
    object_init(&file, &file_ops, 4 * PAGE_SIZE);
    CHECK_EQ(map(space, WHERE, 2, WRITABLE, MAP_PRIVATE, &file, 0), 0);
    CHECK_EQ(map(space, WHERE + 2 * PAGE_SIZE, 2, WRITABLE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
             0);
    CHECK_EQ(space_read(space, WHERE, &word, 4), 4);
    CHECK_EQ(space_write(space, WHERE + PAGE_SIZE, "own", 4), 4);
    CHECK_EQ(space_read(space, WHERE + 2 * PAGE_SIZE, &word, 4), 4);
    space_fill_pagemap(space, WHERE, 4, words);
    CHECK_EQ(words[0] & ~PAGEMAP_FRAME, PAGEMAP_PRESENT | PAGEMAP_FILE | PAGEMAP_EXCLUSIVE);
    CHECK_EQ(words[1] & ~PAGEMAP_FRAME, PAGEMAP_PRESENT | PAGEMAP_EXCLUSIVE);
    CHECK_EQ(words[2] & ~PAGEMAP_FRAME, PAGEMAP_PRESENT | PAGEMAP_ZERO);
    CHECK_EQ(words[3], 0);
    CHECK_EQ(frame_of(pfn((unsigned long)(words[1] & PAGEMAP_FRAME)))->owner, FRAME_USER);

    child = space_fork(space);
    CHECK(child);
    space_fill_pagemap(space, WHERE, 4, words);
    CHECK_EQ(words[0] & ~PAGEMAP_FRAME, PAGEMAP_PRESENT | PAGEMAP_FILE);
    CHECK_EQ(words[1] & ~PAGEMAP_FRAME, PAGEMAP_PRESENT);
    CHECK_EQ(space_write(child, WHERE + PAGE_SIZE, "OWN", 4), 4);
    space_fill_pagemap(child, WHERE + PAGE_SIZE, 1, words);
    CHECK_EQ(words[0] & ~PAGEMAP_FRAME, PAGEMAP_PRESENT | PAGEMAP_EXCLUSIVE);
    space_put(child);
    space_put(space);
    object_put(&file);
}

/* Runs of entries with frames in a row and the same flags are one line; a page of zeros goes on. */
KTEST(maps, tables)
{
    struct address_space *space = space_create(), *child;
    uint32_t word;

    CHECK(space);
    CHECK(print_by(space_print_tables, space));
    CHECK_EQ(used, 0);
    CHECK_EQ(map(space, WHERE, 8, WRITABLE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), 0);
    CHECK_EQ(space_write(space, WHERE, "own", 4), 4);
    for (unsigned i = 2; i < 5; i++)
        CHECK_EQ(space_read(space, WHERE + i * PAGE_SIZE, &word, 4), 4);
    CHECK(print_by(space_print_tables, space));
    CHECK(find(text, "10000000 table at ") == text);
    CHECK(find(text, ", 4 entries, led to by 1, own\n"));
    CHECK(find(text, "  10000000-10001000 -> "));
    CHECK(find(text, "  10002000-10005000 -> "));
    CHECK(find(text, " zero-page\n"));
    child = space_fork(space);
    CHECK(child);
    CHECK(print_by(space_print_tables, child));
    CHECK(find(text, ", 4 entries, led to by 2, read-only\n"));
    space_put(child);
    space_put(space);
}
