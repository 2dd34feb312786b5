/* crash.h - planted bugs, the ways of crash_on_purpose (boot.h). */
#ifndef OCTAVO_CRASH_H
#define OCTAVO_CRASH_H

struct crash {
    const char *name; /* NULL ends a list */
    void (*run)(void);
};

/* In the use of objects and frames: kernel/crash_heap.c. */
extern const struct crash heap_crashes[];

/* In the use of locks: kernel/crash_locks.c. */
extern const struct crash lock_crashes[];

/* What only a build with KASAN or UBSAN sees, and only it has:
 * kernel/sanitize/planted/crash_checked.c. */
extern const struct crash checked_crashes[] __attribute__((weak));

/* In what programs share with the kernel: kernel/crash_spaces.c.
 *
 * A page goes back to the allocator while a program's page table still leads to it. */
void crash_entry_to_free_frame(void);

/* A fork takes a page for its child, and the child's end does not let it go. */
void crash_fork_leak(void);

/* A page is unmapped, and the CPU is not told. */
void crash_missing_flush(void);

#endif
