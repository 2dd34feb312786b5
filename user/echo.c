/* echo.c - prints its arguments. -n: without the newline. */
#include "runtime.h"

int
main(int argc, char **argv)
{
    bool newline = argc < 2 || strcmp(argv[1], "-n") != 0;

    for (int i = newline ? 1 : 2; i < argc; i++)
        print("%s%s", argv[i], argv[i + 1] ? " " : "");
    if (newline)
        print("\n");
    return 0;
}
