/* openers.c - two processes on two CPUs with the same file or folder: neither sees the other's
 * change half done, and what one says of a file takes nothing from the other. openers [ROUNDS] */
#include "threads.h"

enum {
    NR_rename = 38, NR_mkdir = 39, NR_rmdir = 40, NR_fallocate = 324,
    WRITES = 1, BOTH = 2, CREATE = 0x40, CUT = 0x200, APPENDS = 0x400,
    LONG_WRITE = 1 << 20, HALF = 16,
};

struct piece {
    const void *base;
    u32 size;
};

static volatile u32 *shared; /* one page */
static u32 rounds;
static char bytes[LONG_WRITE];

static int open_at(const char *path, int flags)
{
    return (int)SC3(NR_open, path, flags, 0644);
}

/* A child on CPU 1 that calls run until shared[0] is set. The caller goes to CPU 0. */
static long start_other(void (*run)(void))
{
    long pid;

    shared[0] = 0;
    pid = k_fork();
    if (pid == 0) {
        pin(1);
        while (!shared[0])
            run();
        k_exit(0);
    }
    pin(0);
    return pid;
}

static void end_other(long pid)
{
    int status;

    shared[0] = 1;
    k_wait(pid, &status);
}

/* ---- names ---- */

static void rename_both(void)
{
    SC2(NR_rename, "/tmp/folder", "/tmp/moved");
    SC2(NR_rename, "/tmp/moved", "/tmp/folder");
    SC2(NR_rename, "/tmp/file", "/tmp/other");
    SC2(NR_rename, "/tmp/other", "/tmp/file");
}

/* What is renamed has a name at any time. */
static void renamed(void)
{
    static char list[512];
    u32 none = 0, gone = 0, status[24];
    int folder, file = open_at("/tmp/file", CREATE | BOTH);
    long other;

    SC2(NR_mkdir, "/tmp/folder", 0755);
    folder = open_at("/tmp/folder", 0);
    other = start_other(rename_both);
    for (u32 i = 0; i < rounds * 500; i++) {
        SC2(NR_fstat64, file, status);
        none += status[5] == 0;
        SC3(NR_lseek, folder, 0, 0);
        gone += SC3(NR_getdents64, folder, list, sizeof list) <= 0;
    }
    end_other(other);
    eq((long)none, 0, "a file that is renamed has one name all the time");
    eq((long)gone, 0, "a folder that is renamed can be listed all the time");
    SC1(NR_unlink, "/tmp/file");
    SC1(NR_rmdir, "/tmp/folder");
}

/* ---- bytes ---- */

static u32 size_of(int file)
{
    u32 status[24] = {0};

    SC2(NR_fstat64, file, status);
    return status[11];
}

/* A long write; half as much is asked for as soon as it has begun. The file's size in the end. */
static u32 allocate_during_write(void)
{
    int status, file = open_at("/tmp/file", CREATE | CUT | BOTH);
    long writer = k_fork();
    u32 size;

    if (writer == 0) {
        pin(1);
        k_exit(k_write(file, bytes, LONG_WRITE) != LONG_WRITE);
    }
    pin(0);
    for (u32 looks = 0; size_of(file) == 0 && looks < 1000000; looks++)
        continue;
    SC6(NR_fallocate, file, 0, 0, 0, LONG_WRITE / 2, 0);
    k_wait(writer, &status);
    size = size_of(file);
    k_close(file);
    SC1(NR_unlink, "/tmp/file");
    return size;
}

/* fallocate only makes files larger. */
static void allocated(void)
{
    u32 cut = 0;

    for (u32 i = 0; i < rounds / 4; i++)
        cut += allocate_during_write() != LONG_WRITE;
    eq((long)cut, 0, "fallocate never cuts off what is being written");
}

/* Lines of one letter, each in two halves. */
static void append_lines(char letter)
{
    int file = open_at("/tmp/lines", WRITES | APPENDS);
    char half[HALF];
    struct piece line[2] = {{half, HALF}, {half, HALF}};

    set_all(half, (u8)letter, HALF);
    for (u32 i = 0; i < rounds * 30; i++)
        SC3(NR_writev, file, line, 2);
    k_close(file);
}

static u32 lines, torn;

/* The second half is somebody else's. */
static void look_at_lines(void)
{
    int file = open_at("/tmp/lines", 0);
    char line[2 * HALF];

    for (; k_read(file, line, sizeof line) == sizeof line; lines++)
        torn += line[0] != line[HALF];
    k_close(file);
}

/* A writev adds its pieces to a file together. */
static void appended(void)
{
    long other;
    int status;

    k_close(open_at("/tmp/lines", CREATE | CUT | BOTH));
    other = k_fork();
    pin(other == 0);
    append_lines(other == 0 ? 'a' : 'b');
    if (other == 0)
        k_exit(0);
    k_wait(other, &status);
    look_at_lines();
    eq((long)lines, (long)rounds * 60, "lines of two halves that two append");
    eq((long)torn, 0, "each is whole");
    SC1(NR_unlink, "/tmp/lines");
}

int main(int argc, char **argv)
{
    rounds = argc > 1 ? (u32)parse_num(argv[1], 100) : 100;
    shared = (volatile u32 *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
    renamed();
    allocated();
    appended();
    return done("openers");
}
