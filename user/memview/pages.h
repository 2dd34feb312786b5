/* pages.h - the pages that only the program memview has. */
#ifndef OCTAVO_USER_MEMVIEW_PAGES_H
#define OCTAVO_USER_MEMVIEW_PAGES_H

#include "runtime.h"
#include "memview.h"

/* Processes, the areas of one, the pages of an area, and what is known of a page. */
extern const struct memview_page memview_processes;

/* How to read the others. */
extern const struct memview_page memview_help;

/* As much as can be read of a file from `at` on. */
size_t read_at(int fd, unsigned long at, void *to, size_t size);

#endif
