/* string.c - the C library's memory and string functions.
 *
 * The compiler may call the first four on its own. They are string instructions: on a 486 the best
 * there is, on later CPUs good enough, and the compiler cannot turn them into calls of themselves.
 */
#include <string.h>
#include "types.h"

void *
memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *at = to;
    size_t words = size / 4;

    __asm__ volatile("rep movsl\n\t"
                     "mov %3, %%ecx\n\t"
                     "rep movsb"
                     : "+D"(at), "+S"(from), "+c"(words)
                     : "r"(size & 3)
                     : "memory");
    return to;
}

/* Copies from the last byte down, for when `to` lies inside [from, from + size). */
static void
copy_backward(void *to, const void *from, size_t size)
{
    char *last_to = (char *)to + size - 1;
    const char *last_from = (const char *)from + size - 1;

    __asm__ volatile("std; rep movsb; cld"
                     : "+D"(last_to), "+S"(last_from), "+c"(size)
                     :
                     : "memory");
}

void *
memmove(void *to, const void *from, size_t size)
{
    if ((uintptr_t)to - (uintptr_t)from < size)
        copy_backward(to, from, size);
    else
        memcpy(to, from, size);
    return to;
}

void *
memset(void *at, int byte, size_t size)
{
    void *here = at;
    size_t words = size / 4;

    __asm__ volatile("rep stosl\n\t"
                     "mov %3, %%ecx\n\t"
                     "rep stosb"
                     : "+D"(here), "+c"(words)
                     : "a"((byte & 0xFF) * 0x01010101u), "r"(size & 3)
                     : "memory");
    return at;
}

int
memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a, *y = b;

    for (size_t i = 0; i < size; i++) {
        if (x[i] != y[i])
            return x[i] - y[i];
    }
    return 0;
}

void *
memchr(const void *at, int byte, size_t size)
{
    const unsigned char *bytes = at;

    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == (unsigned char)byte)
            return (void *)&bytes[i];
    }
    return NULL;
}

size_t
strlen(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length;
}

size_t
strnlen(const char *text, size_t size)
{
    size_t length = 0;

    while (length < size && text[length] != '\0')
        length++;
    return length;
}

int
strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b)
        a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

int
strncmp(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i] || a[i] == '\0')
            return (unsigned char)a[i] - (unsigned char)b[i];
    }
    return 0;
}

char *
strchr(const char *text, int character)
{
    for (;; text++) {
        if (*text == (char)character)
            return (char *)text;
        if (*text == '\0')
            return NULL;
    }
}

char *
strrchr(const char *text, int character)
{
    const char *found = NULL;

    for (;; text++) {
        if (*text == (char)character)
            found = text;
        if (*text == '\0')
            return (char *)found;
    }
}

char *
strstr(const char *text, const char *part)
{
    size_t length = strlen(part);

    for (; *text != '\0'; text++) {
        if (strncmp(text, part, length) == 0)
            return (char *)text;
    }
    return length == 0 ? (char *)text : NULL;
}
