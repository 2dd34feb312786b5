/* format.h - text from values: what C99's printf family does, without floating point.
 *
 * Conversions d i u x X o c s p %, flags - 0 space + #, width and precision (both also *), sizes hh
 * h l ll z t j. Anything else is copied as it stands. %p is 0x and the address in hex.
 */
#ifndef OCTAVO_FORMAT_H
#define OCTAVO_FORMAT_H

#include <stdarg.h>
#include "types.h"

/* Hands the text over in pieces, in order. Returns the number of characters. */
size_t format_to(void (*put)(void *arg, const char *text, size_t size), void *arg,
                 const char *format, va_list args);

/* Writes at most `size` bytes to `text`, the end mark included (nothing when size is 0). Returns
 * the length that the whole text has, which may be more. */
int format_text(char *text, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
int format_text_v(char *text, size_t size, const char *format, va_list args);

#endif
