/* cat.c - copies files, or standard input, to standard output. */
#include "runtime.h"

static char buffer[4096];

static long
copy(int fd)
{
    long size;

    while ((size = read(fd, buffer, sizeof(buffer))) > 0) {
        print_bytes(buffer, (size_t)size);
        if (!print_check()) /* at once: a person at a terminal waits for each line */
            exit_now(1);
    }
    return size;
}

static bool
copy_file(const char *path)
{
    int fd = strcmp(path, "-") == 0 ? 0 : open(path, O_RDONLY, 0);
    long error = fd < 0 ? fd : copy(fd);

    if (fd > 0)
        close(fd);
    if (error < 0)
        complain("%s: %s", path, error_text(error));
    return error >= 0;
}

int
main(int argc, char **argv)
{
    bool ok = true;

    if (argc < 2)
        return copy_file("-") ? 0 : 1;
    for (char **path = argv + 1; *path; path++)
        ok &= copy_file(*path);
    return ok ? 0 : 1;
}
