/* free.c - where the memory is, from /proc/meminfo, in KiB. */
#include "runtime.h"

static char text[4096];

static unsigned long
value(const char *name)
{
    return field_value(text, name);
}

int
main(int argc, char **argv)
{
    unsigned long total, free, cache, slab, tables, stacks;
    long error = read_text("/proc/meminfo", text, sizeof(text));

    (void)argv;
    if (argc > 1)
        die("usage: free");
    if (error < 0)
        die("/proc/meminfo: %s", error_text(error));
    total = value("MemTotal");
    free = value("MemFree");
    cache = value("Buffers") + value("Cached");
    slab = value("Slab");
    tables = value("PageTables");
    stacks = value("KernelStack");
    print("%-9s%10s%10s%10s%10s%10s%10s%10s\n", "KiB", "total", "used", "free", "cache", "slab",
          "tables", "available");
    print("%-9s%10lu%10lu%10lu%10lu%10lu%10lu%10lu\n", "memory", total, total - free - cache, free,
          cache, slab, tables + stacks, value("MemAvailable"));
    if (value("HighTotal")) {
        print("%-9s%10lu%10lu%10lu\n", "low", value("LowTotal"),
              value("LowTotal") - value("LowFree"), value("LowFree"));
        print("%-9s%10lu%10lu%10lu\n", "high", value("HighTotal"),
              value("HighTotal") - value("HighFree"), value("HighFree"));
    }
    return 0;
}
