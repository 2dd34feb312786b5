/* numbered_file.h - a file whose pages tell their numbers: page i holds the pattern of i. */
#ifndef OCTAVO_TESTS_NUMBERED_FILE_H
#define OCTAVO_TESTS_NUMBERED_FILE_H

#include "object.h"
#include "testing.h"

static int
fill_with_number(struct object *object, uint32_t index, void *page)
{
    (void)object;
    fill_pattern(page, PAGE_SIZE, index);
    return 0;
}

static const struct object_ops numbered_file = {.fill = fill_with_number};

#endif
