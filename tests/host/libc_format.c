/* libc_format.c - the C library's own formatting, which ours is compared with. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

int libc_format(char *text, size_t size, const char *format, va_list args);

int
libc_format(char *text, size_t size, const char *format, va_list args)
{
    return vsnprintf(text, size, format, args);
}
