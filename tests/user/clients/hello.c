/* hello.c - the smallest client of a C library. */
#include <stdio.h>

int
main(void)
{
    puts("hello from a C library");
    return 0;
}
