/* buddyinfo.c - the free memory of each zone by the size of its pieces, from /proc/buddyinfo: how
 * many there are, and what share of the free memory is in pieces at least that large. */
#include "runtime.h"

#define ORDERS 20

static char text[2048];

static void
print_piece_sizes(unsigned orders)
{
    print("%-10s", "pieces of");
    for (unsigned order = 0; order < orders; order++) {
        unsigned long kib = (unsigned long)(PAGE_SIZE / 1024) << order;

        print(" %3lu%c", kib < 1024 ? kib : kib / 1024, kib < 1024 ? 'K' : 'M');
    }
    print("%10s\n", "free KiB");
}

static unsigned
count_numbers(const char *at, unsigned long counts[ORDERS])
{
    unsigned count = 0;

    while (count < ORDERS) {
        while (*at == ' ')
            at++;
        if (*at < '0' || *at > '9')
            break;
        counts[count++] = next_number(&at);
    }
    return count;
}

static void
print_zone(const char *name, const unsigned long counts[], unsigned orders)
{
    unsigned long free = 0, above;

    print("%-10s", name);
    for (unsigned order = 0; order < orders; order++) {
        print(" %4lu", counts[order]);
        free += counts[order] << order;
    }
    print("%10lu\n%-10s", free * (PAGE_SIZE / 1024), "  share");
    above = free;
    for (unsigned order = 0; order < orders; order++) {
        /* 100 * above / free without leaving 32 bits, for up to 16 TiB */
        print("%4lu%%", free < 1ul << 24 ? free ? above * 100 / free : 0 : above / (free / 100));
        above -= counts[order] << order;
    }
    print("\n");
}

int
main(int argc, char **argv)
{
    long error = read_text("/proc/buddyinfo", text, sizeof(text));
    bool titled = false;

    (void)argv;
    if (argc > 1)
        die("usage: buddyinfo");
    if (error < 0)
        die("/proc/buddyinfo: %s", error_text(error));
    for (const char *at = strstr(text, "zone "); at; at = strstr(at, "zone ")) {
        unsigned long counts[ORDERS];
        char name[10] = "";
        unsigned orders;

        for (at += 5; *at == ' '; at++)
            continue;
        for (size_t i = 0; i + 1 < sizeof(name) && *at > ' '; i++)
            name[i] = *at++;
        orders = count_numbers(at, counts);
        if (!titled)
            print_piece_sizes(orders);
        titled = true;
        print_zone(name, counts, orders);
    }
    return 0;
}
