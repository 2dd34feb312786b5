/* memtest.c - tests the memory that nobody uses: memtest [PASSES]. Bad frames are told on the console
 * and taken out of service. Exit status 1 when there were any. */
#include "runtime.h"

/* KiB a second as MB/s, KiB as MiB: both lose the same 2.4 %. */
static void
show(unsigned long pass, const char *line, uint32_t start, const char *end)
{
    unsigned long at = next_number(&line), all = next_number(&line), tested = next_number(&line),
                  bad = next_number(&line), milliseconds = milliseconds_now() - start + 1;

    print("%spass %lu: %3lu %%, %lu KiB tested, %lu MB/s, %lu bad frames%s",
          is_terminal(1) ? "\r" : "", pass, all >= 100 ? at / (all / 100) : 0, tested * 4,
          tested * 4 / milliseconds, bad, end);
}

/* One pass. Returns the number of bad frames. */
static unsigned long
run_pass(unsigned long pass)
{
    char line[80], last[80] = "";
    uint32_t start = milliseconds_now();
    int fd = open("/dev/memtest", O_RDONLY, 0);
    long size;
    const char *at = last;

    if (fd < 0)
        die("/dev/memtest: %s", error_text(fd));
    while ((size = read(fd, line, sizeof(line) - 1)) > 0) {
        line[size] = '\0';
        memcpy(last, line, sizeof(last));
        if (is_terminal(1))
            show(pass, line, start, "");
    }
    close(fd);
    show(pass, last, start, "\n");
    for (int i = 0; i < 3; i++)
        (void)next_number(&at);
    return next_number(&at);
}

int
main(int argc, char **argv)
{
    unsigned long passes = 1, bad = 0;

    if (argc > 2 || (argc == 2 && !text_number(argv[1], &passes)))
        die("usage: memtest [PASSES]");
    for (unsigned long pass = 1; pass <= passes; pass++)
        bad += run_pass(pass);
    return bad > 0;
}
