/* hexdump.c - bytes of files, or of standard input, in hex and as characters; runs of equal lines
 * become one *. -s OFFSET: from there on, -n SIZE: so many bytes. */
#include "runtime.h"

#define ROW 16

struct dump {
    unsigned long offset, left;
    uint8_t row[ROW], last[ROW];
    size_t used;
    bool has_last, starred;
};

static void
print_row(struct dump *dump)
{
    if (dump->has_last && dump->used == ROW && memcmp(dump->row, dump->last, ROW) == 0) {
        if (!dump->starred)
            print("*\n");
        dump->starred = true;
        return;
    }
    print("%08lx ", dump->offset);
    for (size_t i = 0; i < ROW; i++) {
        if (i < dump->used)
            print("%s%02x", i == ROW / 2 ? "  " : " ", dump->row[i]);
        else
            print(i == ROW / 2 ? "    " : "   ");
    }
    print("  |");
    for (size_t i = 0; i < dump->used; i++)
        print("%c", dump->row[i] >= ' ' && dump->row[i] < 0x7F ? dump->row[i] : '.');
    print("|\n");
    dump->starred = false;
}

static void
end_row(struct dump *dump)
{
    if (dump->used)
        print_row(dump);
    memcpy(dump->last, dump->row, ROW);
    dump->has_last = true;
    dump->offset += dump->used;
    dump->used = 0;
}

static long
dump_file(struct dump *dump, int fd)
{
    static uint8_t buffer[2048];
    long size;

    do {
        size = read(fd, buffer, dump->left < sizeof(buffer) ? dump->left : sizeof(buffer));
        for (long i = 0; i < size; i++) {
            dump->row[dump->used++] = buffer[i];
            if (dump->used == ROW)
                end_row(dump);
        }
        dump->left -= size > 0 ? (unsigned long)size : 0;
    } while (size > 0);
    end_row(dump);
    print("%08lx\n", dump->offset);
    return size;
}

/* Addresses of memory (/proc/PID/mem) reach further than lseek does. */
static long
seek(int fd, unsigned long offset)
{
    uint64_t position;

    return system_call(NR__llseek, fd, 0, offset, &position, SEEK_SET);
}

static bool
dump_path(const char *path, unsigned long offset, unsigned long size)
{
    struct dump dump = {.offset = offset, .left = size};
    int fd = path ? open(path, O_RDONLY, 0) : 0;
    long error = fd;

    if (error >= 0 && offset)
        error = seek(fd, offset);
    if (error >= 0)
        error = dump_file(&dump, fd);
    if (error < 0)
        complain("%s: %s", path ? path : "standard input", error_text(error));
    if (path && fd >= 0)
        close(fd);
    return error >= 0;
}

int
main(int argc, char **argv)
{
    struct options options = {.argv = argv + 1};
    unsigned long offset = 0, size = ~0ul;
    bool ok = true;
    int option;

    (void)argc;
    while ((option = next_option(&options, "s:n:"))) {
        if (option == '?' || !text_number(options.value, option == 's' ? &offset : &size))
            die("usage: hexdump [-s OFFSET] [-n SIZE] [FILE...]");
    }
    if (!options.argv[0])
        return dump_path(NULL, offset, size) ? 0 : 1;
    for (char **path = options.argv; *path; path++)
        ok &= dump_path(*path, offset, size);
    return ok ? 0 : 1;
}
