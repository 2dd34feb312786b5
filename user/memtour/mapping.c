/* mapping.c - memory that is promised, then filled a page at a time; its rights; giving it back. */
#include "tour.h"

enum { PAGES = 256, WRITABLE = PROT_READ | PROT_WRITE };

/* Writes a byte of its own to each of some pages. */
static void
write_pages(char *at, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        at[i * PAGE_SIZE] = (char)(i + 1);
}

static bool
pages_hold(const char *at, size_t first, size_t end, bool written)
{
    for (size_t i = first; i < end; i++) {
        if (at[i * PAGE_SIZE] != (written ? (char)(i + 1) : 0))
            return expect(false, written ? "pages keep what is written" : "pages are zero");
    }
    return true;
}

bool
lazy_step(void)
{
    char *at;
    bool ok;

    say("mmap of %u pages, readable and writable:", PAGES);
    watch_begin();
    at = map_pages(PAGES, WRITABLE, MAP_PRIVATE);
    if (!at)
        return false;
    watch_tell();
    show_areas((uintptr_t)at, (uintptr_t)at + PAGE_SIZE);
    say("One area, and no memory yet. Writing to 10 pages: 10 faults, 10 pages.");
    write_pages(at, 0, 10);
    watch_tell();
    say("Writing to them again costs nothing.");
    write_pages(at, 0, 10);
    watch_tell();
    ok = pages_hold(at, 0, 10, true) && pages_hold(at, 10, PAGES, false);
    munmap(at, PAGES * PAGE_SIZE);
    return ok;
}

bool
zero_step(void)
{
    char *at;
    bool ok;

    at = map_pages(32, WRITABLE, MAP_PRIVATE);
    if (!at)
        return false;
    say("Reading 32 pages that were never written. All show the same page of zeros:");
    watch_begin();
    ok = pages_hold(at, 0, 32, false);
    watch_tell();
    say("Writing to 4 of them: now those need pages of their own.");
    write_pages(at, 0, 4);
    watch_tell();
    ok &= pages_hold(at, 0, 4, true) && pages_hold(at, 4, 32, false);
    munmap(at, 32 * PAGE_SIZE);
    return ok;
}

bool
protect_step(void)
{
    char *at = map_pages(9, WRITABLE, MAP_PRIVATE);
    uintptr_t start = (uintptr_t)at, end = start + 9 * PAGE_SIZE;
    bool ok;

    if (!at)
        return false;
    write_pages(at, 0, 9);
    say("9 pages, one area. mprotect makes the 3 in the middle read-only:");
    watch_begin();
    ok = expect(mprotect(at + 3 * PAGE_SIZE, 3 * PAGE_SIZE, PROT_READ) == 0, "mprotect works");
    show_areas(start, end);
    say("An area has one set of rights: it was cut in three. No page has moved:");
    ok &= pages_hold(at, 0, 9, true);
    watch_tell();
    say("Writable again, the three become one:");
    ok &= expect(mprotect(at + 3 * PAGE_SIZE, 3 * PAGE_SIZE, WRITABLE) == 0, "mprotect works");
    show_areas(start, end);
    write_pages(at, 0, 9);
    munmap(at, 9 * PAGE_SIZE);
    return ok;
}

bool
discard_step(void)
{
    char *at = map_pages(64, WRITABLE, MAP_PRIVATE);
    bool ok;

    if (!at)
        return false;
    write_pages(at, 0, 64);
    say("64 pages are written. madvise(MADV_DONTNEED) on 60: area stays, pages go.");
    watch_begin();
    ok = expect(madvise(at, 60 * PAGE_SIZE, MADV_DONTNEED) == 0, "madvise works");
    watch_tell();
    say("Reading finds zeros in those, and the old bytes in the last 4:");
    ok &= pages_hold(at, 0, 60, false) && pages_hold(at, 60, 64, true);
    watch_tell();
    munmap(at, 64 * PAGE_SIZE);
    return ok;
}

bool
unmap_step(void)
{
    char *at = map_pages(9, WRITABLE, MAP_PRIVATE);
    uintptr_t start = (uintptr_t)at, end = start + 9 * PAGE_SIZE;
    bool ok;

    if (!at)
        return false;
    write_pages(at, 0, 9);
    say("9 pages are written. munmap of the 3 in the middle:");
    watch_begin();
    ok = expect(munmap(at + 3 * PAGE_SIZE, 3 * PAGE_SIZE) == 0, "munmap works");
    watch_tell();
    show_areas(start, end);
    say("Two areas are left, with their bytes. munmap over all 9, hole and all:");
    ok &= pages_hold(at, 0, 3, true) && pages_hold(at, 6, 9, true);
    ok &= expect(munmap(at, 9 * PAGE_SIZE) == 0, "munmap works over a hole");
    watch_tell();
    return ok;
}

/* ---- files ---- */

static bool
private_file(int fd)
{
    char bytes[64], *at = mmap(NULL, PAGE_SIZE, WRITABLE, MAP_PRIVATE, fd, 0);
    bool ok;

    if (mmap_failed(at))
        return expect(false, "a file can be mapped");
    say("This program's own file, mapped private and writable. Reading it:");
    watch_begin();
    read(fd, bytes, sizeof(bytes));
    ok = expect(memcmp(at, bytes, sizeof(bytes)) == 0, "memory shows what read(2) reads");
    watch_tell();
    show_areas((uintptr_t)at, (uintptr_t)at + PAGE_SIZE);
    say("It is the page that the file's cache holds, no copy. Writing makes one:");
    at[0] = 'X';
    watch_tell();
    lseek(fd, 0, SEEK_SET);
    read(fd, bytes, sizeof(bytes));
    ok &= expect(bytes[0] == 0x7F && at[0] == 'X', "the file stays as it was");
    munmap(at, PAGE_SIZE);
    return ok;
}

static bool
shared_file(int fd)
{
    static const char text[] = "written to memory, read from the file";
    char bytes[sizeof(text)] = "", *at;
    bool ok;

    system_call(NR_ftruncate, fd, PAGE_SIZE);
    at = mmap(NULL, PAGE_SIZE, WRITABLE, MAP_SHARED, fd, 0);
    if (mmap_failed(at))
        return expect(false, "a file can be mapped shared");
    say("A file in /tmp, mapped shared. What memory is given, the file has at once:");
    memcpy(at, text, sizeof(text));
    read(fd, bytes, sizeof(bytes));
    say("read(2) says \"%s\"", bytes);
    ok = expect(memcmp(bytes, text, sizeof(text)) == 0, "both are the same");
    munmap(at, PAGE_SIZE);
    return ok;
}

bool
file_step(void)
{
    static const char path[] = "/tmp/memtour.txt";
    int fd = open("/proc/self/exe", O_RDONLY, 0);
    bool ok;

    if (fd < 0)
        return expect(false, "/proc/self/exe opens");
    ok = private_file(fd);
    close(fd);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return expect(false, "a file in /tmp can be made");
    ok &= shared_file(fd);
    close(fd);
    unlink(path);
    return ok;
}
