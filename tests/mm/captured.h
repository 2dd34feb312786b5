/* captured.h - a printer whose text can be compared with the one wanted. */
#ifndef OCTAVO_CAPTURED_H
#define OCTAVO_CAPTURED_H

#include "format.h"
#include "printer.h"

static char printed[1536];
static size_t printed_length; /* 0: the next text stands alone */

static void
capture(struct printer *self, const char *format, va_list args)
{
    (void)self;
    printed_length += (size_t)format_text_v(printed + printed_length,
                                            sizeof(printed) - printed_length, format, args);
}

static struct printer captured = {capture};

#endif
