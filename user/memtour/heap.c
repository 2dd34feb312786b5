/* heap.c - the two ways to ask for memory: moving the end of the heap, and mapping. */
#include "tour.h"

/* Writes `text` to `at` and reads it back. */
static bool
write_and_read(const char *name, char *at, const char *text)
{
    memcpy(at, text, strlen(text) + 1);
    print("%s at 0x%08lx: \"%s\"\n", name, (unsigned long)(uintptr_t)at, at);
    return strcmp(at, text) == 0;
}

/* The smallest demonstration: a page from brk, a page from mmap, a string in each. */
bool
seed_step(void)
{
    uintptr_t start = brk(0);
    char *mapped;
    bool ok;

    if (brk(start + PAGE_SIZE) != start + PAGE_SIZE)
        return expect(false, "brk grows by 4 KiB");
    ok = write_and_read("brk", (char *)start, "Hello from brk!");
    mapped = map_pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    return mapped && write_and_read("mmap", mapped, "Hello from mmap!") && ok;
}

bool
brk_step(void)
{
    uintptr_t start = brk(0), end = start + 16 * PAGE_SIZE;
    bool ok;

    say("The heap ends at 0x%08lx. brk moves that end up by 16 pages:", (unsigned long)start);
    watch_begin();
    ok = expect(brk(end) == end, "brk answers the new end");
    watch_tell();
    show_areas(start, end);
    say("An area exists, no page does. Writing to 3 of its pages:");
    for (unsigned i = 0; ok && i < 3; i++)
        ((char *)start)[i * 5 * PAGE_SIZE] = (char)i;
    watch_tell();
    say("Moving the end back to where it was gives everything back:");
    ok &= expect(brk(start) == start, "brk shrinks");
    watch_tell();
    return ok;
}
