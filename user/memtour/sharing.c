/* sharing.c - two processes and the same memory: copied when written to, or really shared. */
#include "tour.h"

enum { PAGES = 32, WRITABLE = PROT_READ | PROT_WRITE };

/* Waits for a child; true when it ended with status 0. */
static bool
child_ok(int pid)
{
    int status = -1;

    return wait4(pid, &status, 0) == pid && status == 0;
}

/* The child of cow_step: sees the parent's bytes, writes over three of them. */
static _Noreturn void
copy_in_child(char *at)
{
    bool ok = true;

    for (size_t i = 0; i < PAGES; i++)
        ok &= at[i * PAGE_SIZE] == 'p';
    for (size_t i = 0; i < 3; i++)
        at[i * PAGE_SIZE] = 'c';
    exit_now(ok ? 0 : 1);
}

bool
cow_step(void)
{
    char *at = map_pages(PAGES, WRITABLE, MAP_PRIVATE);
    bool ok = true;
    int pid;

    if (!at)
        return false;
    for (size_t i = 0; i < PAGES; i++)
        at[i * PAGE_SIZE] = 'p';
    say("%u pages are written; then fork. The child reads all of them and writes 3:", PAGES);
    watch_begin();
    pid = fork();
    if (pid < 0)
        return expect(false, "fork works");
    if (pid == 0)
        copy_in_child(at);
    ok &= expect(child_ok(pid), "the child sees what the parent wrote");
    watch_tell();
    say("Only pages that somebody wrote to were copied (stacks count too).");
    for (size_t i = 0; i < PAGES; i++)
        ok &= at[i * PAGE_SIZE] == 'p';
    expect(ok, "the parent keeps its bytes");
    say("The child is gone, nobody shares the pages: writing takes them as they are.");
    for (size_t i = 0; i < PAGES; i++)
        at[i * PAGE_SIZE] = 'q';
    watch_tell();
    munmap(at, PAGES * PAGE_SIZE);
    return ok;
}

bool
shared_step(void)
{
    static const char text[] = "Hello from the child!";
    char *at = map_pages(PAGES, WRITABLE, MAP_SHARED);
    bool ok;
    int pid;

    if (!at)
        return false;
    say("%u shared pages, untouched. The process forks, and the child writes:", PAGES);
    watch_begin();
    pid = fork();
    if (pid < 0)
        return expect(false, "fork works");
    if (pid == 0) {
        memcpy(at + 5 * PAGE_SIZE, text, sizeof(text));
        exit_now(0);
    }
    ok = child_ok(pid);
    say("the parent reads \"%s\"", at + 5 * PAGE_SIZE);
    ok &= expect(strcmp(at + 5 * PAGE_SIZE, text) == 0, "the parent sees what the child wrote");
    watch_tell();
    munmap(at, PAGES * PAGE_SIZE);
    return ok;
}
