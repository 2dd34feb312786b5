/* monitor_memory.c - commands that show the machine's memory and who has it. */
#include "cmdline.h"
#include "console.h"
#include "dump.h"
#include "kmalloc.h"
#include "mm.h"
#include "mm_debug.h"
#include "memtest.h"
#include "monitor.h"
#include "pagetable.h"
#include "pmm.h"
#include "smp.h"
#include "space.h"
#include "vmalloc.h"

/* A command without arguments that prints one table, of one moment. */
#define TABLE_COMMAND(word, line, printing)                                                        \
    static int word##_command(int argc, char **argv)                                               \
    {                                                                                              \
        (void)argv;                                                                                \
        if (argc != 1)                                                                             \
            return MONITOR_USAGE;                                                                  \
        cpus_park();                                                                               \
        printing(&console_printer);                                                                \
        cpus_unpark();                                                                             \
        return MONITOR_DONE;                                                                       \
    }                                                                                              \
    MONITOR_COMMAND(word, "", line, word##_command)

static void
print_leaks(struct printer *out)
{
    (void)mm_debug_leaks(out);
}

TABLE_COMMAND(mmap, "the firmware's memory map and what became of it", dump_print_mmap);
TABLE_COMMAND(meminfo, "how much memory there is and what it is used for", mm_print_meminfo);
TABLE_COMMAND(zones, "the zones: where they lie, what is free", mm_print_zones);
TABLE_COMMAND(buddyinfo, "free chunks of each order in each zone", mm_print_buddyinfo);
TABLE_COMMAND(slabinfo, "caches of small objects", mm_print_slabinfo);
TABLE_COMMAND(heap, "use of kmalloc; by call site with debug=heap", kmalloc_print_stats);
TABLE_COMMAND(debug, "debugging aids that are on (boot option debug=)", mm_debug_print);
TABLE_COMMAND(leaks, "objects nothing leads to (option debug=leaks)", print_leaks);
TABLE_COMMAND(vmalloc, "consecutive addresses over scattered frames", vmalloc_print);
TABLE_COMMAND(dump, "all tables of memory in one", dump_print);
TABLE_COMMAND(owners, "who owns each frame; the sums are the machine's", mm_print_owners);

static int
check(int argc, char **argv)
{
    bool good;

    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    cpus_park();
    good = space_check_everything();
    cpus_unpark();
    if (!good)
        return MONITOR_FAILED;
    print(&console_printer, "Every frame has exactly one owner, and all sums agree.\n");
    return MONITOR_DONE;
}
MONITOR_COMMAND(check, "", "prove that no frame is lost or owned twice", check);

static int
frame(int argc, char **argv)
{
    uint64_t number;

    if (argc != 2 || !cmdline_size(argv[1], &number))
        return MONITOR_USAGE;
    if (number >= pagetable_memory_end() >> PAGE_SHIFT) {
        print(&console_printer, "Frames are numbered 0 to 0x%llx.\n",
              (unsigned long long)(pagetable_memory_end() >> PAGE_SHIFT) - 1);
        return MONITOR_FAILED;
    }
    mm_print_frame(&console_printer, pfn((unsigned long)number));
    return MONITOR_DONE;
}
MONITOR_COMMAND(frame, "PFN", "one frame's whole story; PFN is address / 4096", frame);

static int
freelist(int argc, char **argv)
{
    uint64_t order = 0;
    bool all = argc == 1;

    if (argc > 2 || (!all && (!cmdline_size(argv[1], &order) || order > MAX_ORDER)))
        return MONITOR_USAGE;
    mm_print_freelist(&console_printer, (unsigned)order, all ? MAX_ORDER : (unsigned)order);
    return MONITOR_DONE;
}
MONITOR_COMMAND(freelist, "[ORDER]", "the free chunks themselves, of one order or all", freelist);

static int
slab(int argc, char **argv)
{
    if (argc != 2)
        return MONITOR_USAGE;
    if (mm_print_slab(&console_printer, argv[1]))
        return MONITOR_DONE;
    print(&console_printer, "There is no cache %s.\n", argv[1]);
    return MONITOR_FAILED;
}
MONITOR_COMMAND(slab, "NAME", "the slabs of a cache and their objects in use", slab);
