/* printer.h - where a table goes.
 *
 * Each subsystem prints its tables through a printer, so that one text serves the boot log, the
 * monitor, /proc and the tests.
 */
#ifndef OCTAVO_PRINTER_H
#define OCTAVO_PRINTER_H

#include <stdarg.h>
#include "types.h"

struct printer {
    void (*vprint)(struct printer *self, const char *format, va_list args);
};

/* Prints to klog. */
extern struct printer klog_printer;

void print(struct printer *out, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
