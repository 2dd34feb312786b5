/* debugging.h - what the tests of mm/debug/ share: a printer that keeps what is printed. */
#ifndef OCTAVO_TESTS_DEBUGGING_H
#define OCTAVO_TESTS_DEBUGGING_H

#include <string.h>
#include "format.h"
#include "mm_debug.h"
#include "testing.h"

static char told[2048];
static size_t told_used;

static inline void
told_take(struct printer *self, const char *format, va_list args)
{
    (void)self;
    int length = format_text_v(told + told_used, sizeof(told) - told_used, format, args);
    told_used += (size_t)length;
    if (told_used >= sizeof(told))
        told_used = sizeof(told) - 1;
}

static struct printer told_printer = {told_take};

static inline struct printer *
told_begin(void)
{
    told_used = 0;
    told[0] = 0;
    return &told_printer;
}

static inline bool
told_has(const char *text)
{
    return strstr(told, text) != NULL;
}

#endif
