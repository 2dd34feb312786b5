/* memtest.c - tests the memory that nobody uses: memtest [PASSES]. Bad frames are told on the
 * console and taken out of service. Exit status 1 when there were any. */
#include "runtime.h"

#define KIB_PER_FRAME 4

/* Where a pass is, as the device tells it. */
struct progress {
    unsigned long next, end; /* frames of the machine */
    unsigned long tested, bad;
};

static struct progress
read_progress(const char *line)
{
    struct progress now;

    now.next = next_number(&line);
    now.end = next_number(&line);
    now.tested = next_number(&line);
    now.bad = next_number(&line);
    return now;
}

static unsigned
percent(const struct progress *now)
{
    if (now->end < 1ul << 24)
        return now->end ? (unsigned)(now->next * 100 / now->end) : 0;
    return (unsigned)(now->next / (now->end / 100));
}

/* What ends in a return stays until it is written over: by the next one, or a bad frame's address.
 * A KiB a millisecond is a MB/s. */
static void
show(unsigned long pass, const struct progress *now, uint32_t start, char end)
{
    print("pass %lu: %3u %%, %lu KiB, %lu MB/s, %lu bad frames%c", pass, percent(now),
          now->tested * KIB_PER_FRAME,
          now->tested * KIB_PER_FRAME / (milliseconds_now() - start + 1), now->bad, end);
    print_flush();
}

/* One pass. Returns the number of bad frames. */
static unsigned long
run_pass(unsigned long pass)
{
    char line[80];
    struct progress now = {0};
    uint32_t start = milliseconds_now();
    int fd = open("/dev/memtest", O_RDONLY, 0);
    unsigned shown = 0;
    long size;

    if (fd < 0)
        die("/dev/memtest: %s", error_text(fd));
    while ((size = read(fd, line, sizeof(line) - 1)) > 0) {
        line[size] = '\0';
        now = read_progress(line);
        if (is_terminal(1) && percent(&now) > shown) {
            shown = percent(&now);
            show(pass, &now, start, '\r');
        }
    }
    close(fd);
    now.next = now.end; /* what lies behind the last step is in use */
    show(pass, &now, start, '\n');
    return now.bad;
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
