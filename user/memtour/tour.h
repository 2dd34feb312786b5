/* tour.h - the parts of memtour: steps, and how they watch the kernel at work. */
#ifndef OCTAVO_MEMTOUR_TOUR_H
#define OCTAVO_MEMTOUR_TOUR_H

#include "runtime.h"

/* A step says what it does, does it, and says what the kernel did about it. It returns false when
 * memory did not hold what it should. */
struct step {
    const char *name;
    const char *title;
    bool (*run)(void);
};

/* memtour/{heap,mapping,sharing,cpus,guard}.c, in this order */
bool seed_step(void);
bool brk_step(void);
bool lazy_step(void);
bool zero_step(void);
bool protect_step(void);
bool discard_step(void);
bool unmap_step(void);
bool file_step(void);
bool cow_step(void);
bool shared_step(void);
bool cpus_step(void);
bool stack_step(void);
bool guard_step(void);

/* ---- memtour/watch.c ---- */

/* A sentence of the story, on as many lines as it needs. */
void say(const char *format, ...) PRINTF_LIKE(1, 2);
/* Remembers the counters of now. */
void watch_begin(void);
/* Prints what changed since, as "kernel: ...", and remembers the counters anew. */
void watch_tell(void);
/* Prints the lines of /proc/self/maps that touch [from, to). */
void show_areas(uintptr_t from, uintptr_t to);
/* True when `ok`; otherwise says what went wrong. */
bool expect(bool ok, const char *what);
/* Fresh anonymous memory; NULL and a complaint when there is none. */
char *map_pages(size_t pages, int protection, int flags);

#endif
