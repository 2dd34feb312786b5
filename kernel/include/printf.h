/* printf.h - the C library's names for format.h, for kernel files. */
#ifndef OCTAVO_PRINTF_H
#define OCTAVO_PRINTF_H

#include "format.h"

#define snprintf  format_text
#define vsnprintf format_text_v

#endif
