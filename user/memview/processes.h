/* processes.h - the page of memview that shows the memory of programs. */
#ifndef OCTAVO_USER_MEMVIEW_PROCESSES_H
#define OCTAVO_USER_MEMVIEW_PROCESSES_H

#include "runtime.h"
#include "memview.h"

/* Processes, the areas of one, the pages of an area, and what is known of a page. */
extern const struct memview_page memview_processes;

/* As much as can be read of a file from `at` on. */
size_t read_at(int fd, unsigned long at, void *to, size_t size);

#endif
