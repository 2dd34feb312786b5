/* monitor_alloc.c - allocating and freeing by hand.
 *
 * What was allocated stands in a table with a number, so that it can be given back. The table is
 * ours and static: watching the allocators does not change them.
 */
#include "cmdline.h"
#include "console.h"
#include "kmalloc.h"
#include "monitor.h"
#include "pmm.h"
#include <string.h>
#include "vmalloc.h"

#define HELD_MAX 64

enum kind { NOTHING, PAGES, HEAP };

static struct held {
    enum kind kind;
    uint64_t address; /* physical of pages, virtual of heap */
    size_t size;      /* in pages or bytes */
} held[HELD_MAX];

static struct held *
free_place(void)
{
    for (size_t i = 0; i < HELD_MAX; i++) {
        if (held[i].kind == NOTHING)
            return &held[i];
    }
    return NULL;
}

static void
print_owner(pfn_t at)
{
    print(&console_printer, "frame 0x%lx, owner %s", at.n, frame_owner_name(frame_of(at)->owner));
}

static void
print_pages(const struct held *entry)
{
    pfn_t first = paddr_to_pfn(entry->address);
    void *direct = frame_to_ptr(first);

    print(&console_printer, "%zu page%s at physical 0x%08llx, ", entry->size,
          entry->size == 1 ? "" : "s", (unsigned long long)entry->address);
    print_owner(first);
    if (direct)
        print(&console_printer, ", address %p", direct);
    else
        print(&console_printer, ", high memory: no address");
}

static void
print_heap(const struct held *entry)
{
    void *memory = (void *)(uintptr_t)entry->address;
    pfn_t first;

    print(&console_printer, "%zu bytes at %p (%zu usable), ", entry->size, memory,
          kmalloc_usable_size(memory));
    if (ptr_to_frame(memory, &first))
        print_owner(first);
    else
        print(&console_printer, "by vmalloc");
}

static void
print_held(const struct held *entry)
{
    print(&console_printer, "  #%d: ", (int)(entry - held) + 1);
    if (entry->kind == PAGES)
        print_pages(entry);
    else
        print_heap(entry);
    print(&console_printer, "\n");
}

/* Reads what to allocate; the address is not set. */
static bool
parse(int argc, char **argv, struct held *wanted)
{
    uint64_t size = 1;

    if (argc == 2 && strcmp(argv[1], "page") == 0) {
        *wanted = (struct held){PAGES, 0, 1};
        return true;
    }
    if (argc != 3 || !cmdline_size(argv[2], &size) || size == 0)
        return false;
    wanted->size = size < SIZE_MAX ? (size_t)size : SIZE_MAX;
    wanted->kind = strcmp(argv[1], "pages") == 0  ? PAGES
                   : strcmp(argv[1], "heap") == 0 ? HEAP
                                                  : NOTHING;
    return wanted->kind != NOTHING;
}

static int
alloc(int argc, char **argv)
{
    struct held *entry = free_place();
    struct held wanted = {NOTHING, 0, 0};

    if (!parse(argc, argv, &wanted))
        return MONITOR_USAGE;
    if (!entry) {
        print(&console_printer, "%d pieces are held already; free one first.\n", HELD_MAX);
        return MONITOR_FAILED;
    }
    if (wanted.kind == PAGES)
        wanted.address = wanted.size == 1 ? pmm_alloc_page() : pmm_alloc_pages(wanted.size);
    else
        wanted.address = (uintptr_t)kmalloc(wanted.size);
    if (wanted.address == 0) {
        print(&console_printer, "There is no such piece of memory.\n");
        return MONITOR_FAILED;
    }
    *entry = wanted;
    print_held(entry);
    return MONITOR_DONE;
}
MONITOR_COMMAND(alloc, "page|pages N|heap SIZE", "allocate by hand", alloc);

static int
free_held(int argc, char **argv)
{
    uint64_t number;
    struct held *entry;

    if (argc != 2 || !cmdline_size(argv[1][0] == '#' ? argv[1] + 1 : argv[1], &number))
        return MONITOR_USAGE;
    entry = number >= 1 && number <= HELD_MAX ? &held[number - 1] : NULL;
    if (!entry || entry->kind == NOTHING) {
        print(&console_printer, "Nothing is held under number %llu; see allocs.\n",
              (unsigned long long)number);
        return MONITOR_FAILED;
    }
    if (entry->kind == HEAP)
        kfree((void *)(uintptr_t)entry->address);
    else if (entry->size == 1)
        pmm_free_page(entry->address);
    else
        pmm_free_pages(entry->address, entry->size);
    entry->kind = NOTHING;
    return MONITOR_DONE;
}
MONITOR_COMMAND(free, "N", "give back what alloc numbered N", free_held);

static int
allocs(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    for (size_t i = 0; i < HELD_MAX; i++) {
        if (held[i].kind != NOTHING)
            print_held(&held[i]);
    }
    return MONITOR_DONE;
}
MONITOR_COMMAND(allocs, "", "what alloc holds", allocs);
