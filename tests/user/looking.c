/* looking.c - what /proc tells of memory is followed only as long as it is there. On two CPUs:
 * looking ROUNDS.
 *
 *   CPU 1   maps, cuts into areas, unmaps ──► all caches give back ──► fills what was theirs
 *   CPU 0   reads how the kernel keeps all that, in each round each of the files once
 *
 * What is read is of no interest: a pointer followed to where it led before ends the kernel.
 */
#include "signals.h"
#include "threads.h"

enum { AREA = 3000, FILLED = 1500 }; /* pages */

static const char *const files[] = {
    "/proc/2/areas",         "/proc/2/tables",          "/proc/2/owner/0x08048000",
    "/proc/2/smaps",         "/proc/octavo/slab/area",  "/proc/octavo/slab/kmalloc-64",
    "/proc/octavo/frame/4000", "/proc/octavo/frame/8000", "/proc/octavo/frames",
    "/proc/octavo/blocks",   "/proc/octavo/freelist",   "/proc/octavo/zones",
};

static void
cut_and_give_back(void)
{
    char *area = (char *)k_mmap(0, AREA * PG, P_RW, M_PRIVATE | M_ANON, -1, 0);

    for (u32 i = 0; i < AREA; i += 2)
        SC3(NR_mprotect, area + i * PG, PG, P_R);
    SC2(NR_munmap, area, AREA * PG);
    int file = (int)SC3(NR_open, "/proc/sys/vm/drop_caches", 1, 0);
    k_write(file, "3", 1);
    k_close(file);
}

/* With words that lead nowhere when they are taken for addresses. */
static void
fill(void)
{
    u32 *area = (u32 *)k_mmap(0, FILLED * PG, P_RW, M_PRIVATE | M_ANON, -1, 0);

    for (u32 i = 0; i < FILLED * PG / sizeof(u32); i++)
        area[i] = 0x41414141;
    SC2(NR_munmap, area, FILLED * PG);
}

static u32
read_all(const char *path)
{
    static char bytes[16384];
    u32 size = 0;
    int file = (int)SC3(NR_open, path, 0, 0);

    for (long got; (got = k_read(file, bytes, sizeof(bytes))) > 0;)
        size += (u32)got;
    k_close(file);
    return size;
}

int
main(int argc, char **argv)
{
    u32 rounds = (u32)parse_num(argc > 1 ? argv[1] : 0, 100), empty = 0;
    long child = k_fork();
    int status;

    pin(child == 0);
    while (child == 0) {
        cut_and_give_back();
        fill();
    }
    eq(child, 2, "the files are those of the child");
    for (u32 i = 0; i < rounds; i++)
        for (u32 k = 0; k < sizeof(files) / sizeof(files[0]); k++)
            empty += read_all(files[k]) == 0;
    eq(empty, 0, "each file said something each time");
    SC2(NR_kill, child, SIG_KILL);
    k_wait(child, &status);
    return done("looking");
}
