/* books.c - what the kernel says about memory while other CPUs change it: each table is of one
 * moment and adds up. In between all caches are emptied, and the trace is switched on and off.
 *
 *   books [TIMES [PROCESSES]]
 */
#include "text.h"
#include "witness.h"

#define PAGES 64ul

/* Pages, page tables, processes and objects come and go. */
static void
churn(void)
{
    for (;;) {
        volatile char *at = (char *)k_anon(PAGES * PG, P_RW);
        long pid;

        for (ulong i = 0; i < PAGES; i++)
            at[i * PG] = 1;
        pid = k_fork();
        if (pid == 0) {
            for (ulong i = 0; i < PAGES; i += 3)
                at[i * PG] = 2;
            k_exit(0);
        }
        k_wait(pid, 0);
        k_munmap((char *)at, PAGES * PG);
    }
}

static int
meminfo_adds_up(void)
{
    static const char *const parts[] = {"MemFree:",     "Cached:",     "AnonPages:",   "Slab:",
                                        "KernelStack:", "PageTables:", "VmallocUsed:", "KernelHeap:"};
    ulong sum = 0, total;

    read_text("/proc/meminfo");
    total = number_of("MemTotal:");
    for (u32 i = 0; i < sizeof parts / sizeof *parts; i++)
        sum += number_of(parts[i]);
    if (sum != total)
        note("meminfo: the parts are %lu KiB, the total is %lu", sum, total);
    return sum == total;
}

static int
owners_add_up(void)
{
    if (find_text(read_text("/proc/owners"), "= all RAM"))
        return 1;
    note("owners: %s", memory_text);
    return 0;
}

static void
write_text(const char *path, const char *text, ulong size)
{
    long fd = SC3(NR_open, path, 1, 0);

    k_write((int)fd, text, size);
    k_close((int)fd);
}

int
main(int argc, char **argv)
{
    u32 times = (u32)parse_num(argc > 1 ? argv[1] : 0, 40);
    u32 processes = (u32)parse_num(argc > 2 ? argv[2] : 0, 6);
    u32 right = 0, right_owners = 0;
    long pids[32];

    for (u32 i = 0; i < processes && i < 32; i++) {
        pids[i] = k_fork();
        if (pids[i] == 0)
            churn();
    }
    for (u32 i = 0; i < times; i++) {
        right += (u32)meminfo_adds_up();
        right_owners += (u32)owners_add_up();
        read_text("/proc/slabinfo");
        if (i % 4 == 1)
            drop_caches();
        if (i % 4 == 2) {
            write_text("/proc/octavo/trace", "alloc,page", 10);
            write_text("/proc/octavo/trace", "off", 3);
        }
    }
    for (u32 i = 0; i < processes && i < 32; i++) {
        SC2(NR_kill, pids[i], SIG_KILL);
        k_wait(pids[i], 0);
    }
    ok(right == times, "meminfo adds up %u times of %u", right, times);
    ok(right_owners == times, "so do the owners: %u times", right_owners);
    return done("books");
}
