/* memmap.h - from the firmware's list of memory to one that can be trusted.
 *
 * A map says two things of each byte: what the firmware calls it (type), and what it is in use for
 * (owner). Entries say one or the other: an entry without an owner is the firmware's word, an entry
 * with one claims its bytes whatever their type.
 */
#ifndef OCTAVO_MEMMAP_H
#define OCTAVO_MEMMAP_H

#include "types.h"
#include "printer.h"

/* E820 types that have names; every other value is kept as it came and is not RAM. */
enum {
    MEMMAP_RAM = 1,
    MEMMAP_RESERVED = 2,
    MEMMAP_ACPI = 3,
    MEMMAP_NVS = 4,
    MEMMAP_BAD = 5,
    MEMMAP_PERSISTENT = 7,
    MEMMAP_PRAM = 12,
};

/* What a piece of the map is in use for, from the weakest claim to the strongest: where claims
 * overlap the larger number wins. */
enum memmap_owner {
    MEMMAP_FREE = 0, /* nobody: the firmware's type alone decides */
    MEMMAP_LOW,      /* page 0, BIOS data, EBDA, video and ROM area: never RAM to us */
    MEMMAP_ABSENT,   /* RAM that cannot be used: beyond mem=, or above 4 GiB without PAE */
    MEMMAP_DEFECT,   /* RAM that badram= says is bad */
    MEMMAP_MODULE,   /* a boot module */
    MEMMAP_BOOTINFO, /* what the boot loader left for us to read */
    MEMMAP_METADATA, /* frame table, block table, page tables of the direct map */
    MEMMAP_EARLY,    /* the early heap */
    MEMMAP_KERNEL,   /* the kernel image */
    MEMMAP_OWNERS
};

/* One line of a map as it was reported. Zero length, wrap past 2^64 and overlap are all legal.
 * The type of an entry with an owner is not looked at. */
struct memmap_entry {
    uint64_t base;
    uint64_t length;
    uint32_t type;
    uint32_t owner; /* enum memmap_owner */
};

/* One piece of a sanitised map: [start, end), never empty. An end of 0 stands for 2^64. The type is
 * always the firmware's; bytes that it did not list are in no region, even when somebody owns them.
 */
struct memmap_region {
    uint64_t start;
    uint64_t end;
    uint32_t type;
    uint32_t owner;
};

/* The most regions that a list of n entries can turn into, and the words of scratch it takes. */
#define MEMMAP_REGIONS(n) (2 * (n) + 1)
#define MEMMAP_SCRATCH(n) (2 * (n))

/* Sorts, clamps at 2^64, resolves overlaps and joins touching pieces of one kind. The strictest
 * type wins (1 < 3 < 4 < 7 < 12 < 2 < any other < 5; equal strictness: the larger number), and
 * apart from it the strongest owner. Total: any input gives a list that is sorted, disjoint and
 * joined. `regions` has room for MEMMAP_REGIONS(count), `scratch` for MEMMAP_SCRATCH(count) words.
 * Returns the number of regions. O(n log n). */
size_t memmap_sanitise(const struct memmap_entry *entries, size_t count,
                       struct memmap_region *regions, uint32_t *scratch);

/* Whole frames in [start, end) of which every byte is RAM, owned or not. An end of 0 is 2^64. */
uint64_t memmap_ram_frames(const struct memmap_region *regions, size_t count, uint64_t start,
                           uint64_t end);

/* Bytes of a type, of an owner in RAM, and of RAM at or above an address. */
uint64_t memmap_type_bytes(const struct memmap_region *regions, size_t count, uint32_t type);
uint64_t memmap_owner_bytes(const struct memmap_region *regions, size_t count, uint32_t owner);
uint64_t memmap_ram_above(const struct memmap_region *regions, size_t count, uint64_t floor);

/* The highest `size` bytes of unowned RAM, aligned to `align` (a power of two), that lie wholly in
 * [floor, ceiling). A ceiling of 0 is 2^64. Returns 0 when there is no such piece (never address
 * 0). */
uint64_t memmap_find(const struct memmap_region *regions, size_t count, uint64_t size,
                     uint64_t align, uint64_t floor, uint64_t ceiling);

/* True when the regions are sorted, disjoint, joined and not empty. */
bool memmap_check(const struct memmap_region *regions, size_t count);

const char *memmap_type_name(uint32_t type);
const char *memmap_owner_name(uint32_t owner);

/* One line `mmap: base=0x... length=0x... type=N (name)` an entry. */
void memmap_print_entries(struct printer *out, const struct memmap_entry *entries, size_t count);
/* One line `memmap: [0x..., 0x...) N KiB name` a region, then the totals in MB (2^20 bytes): one
 * line a type, the RAM above 4 GiB, and one line an owner that holds RAM. An end of 2^64 is printed
 * with its 17 digits. */
void memmap_print_regions(struct printer *out, const struct memmap_region *regions, size_t count);

#endif
