/* listener.h - keeps what is printed, for tests that look at it. Include once. */
#ifndef OCTAVO_TESTS_LISTENER_H
#define OCTAVO_TESTS_LISTENER_H

#include <string.h>

#include "format.h"
#include "printer.h"

/* What was printed since the last fresh(), as far as there is room; ends with a zero. */
static char text[4096];
static size_t used;

static void
take_text(struct printer *self, const char *format, va_list args)
{
    (void)self;
    used += (size_t)format_text_v(text + used, sizeof(text) - used, format, args);
    if (used >= sizeof(text))
        used = sizeof(text) - 1;
}

static struct printer text_printer = {take_text};

/* Forgets the text. What it returns adds to it. */
static inline struct printer *
fresh(void)
{
    used = 0;
    text[0] = '\0';
    return &text_printer;
}

static inline bool
says(const char *part)
{
    return strstr(text, part) != NULL;
}

#endif
