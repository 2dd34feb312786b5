/* openers.c - two processes on two CPUs with the same file or folder: neither sees the other's
 * change half done, and what one says of a file takes nothing from the other. openers [ROUNDS] */
#include "threads.h"

enum { NR_rename = 38, NR_mkdir = 39, NR_rmdir = 40, CREATE = 0x40, BOTH = 2 };

static volatile u32 *shared; /* one page */
static u32 rounds;

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

int main(int argc, char **argv)
{
    rounds = argc > 1 ? (u32)parse_num(argv[1], 100) : 100;
    shared = (volatile u32 *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
    renamed();
    return done("openers");
}
