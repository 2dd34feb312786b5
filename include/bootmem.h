/* bootmem.h - the machine's memory between the firmware's list and the page allocator.
 *
 * Holds the firmware's list as it was, adds who holds what (kernel, modules, low memory), and hands
 * out memory that nobody holds, for the few tables that the page allocator itself stands on. All of
 * it is one sanitised map at any time:
 *
 *     for (size_t i = 0; i < boot->region_count; i++)
 *         look at boot->regions[i]
 *
 * One CPU, no locks: it ends when mm_init has taken the map over (bootmem_close).
 */
#ifndef OCTAVO_BOOTMEM_H
#define OCTAVO_BOOTMEM_H

#include "types.h"
#include "memmap.h"
#include "printer.h"

struct early_heap;

struct bootmem {
    const struct memmap_region *regions; /* sorted, disjoint, joined */
    size_t region_count;
    const struct memmap_entry *entries; /* the firmware's, as they came, then the claims */
    size_t firmware_count;
    size_t entry_count;
    size_t capacity;         /* entries there is room for */
    struct early_heap *heap; /* where the arrays are */
    bool closed;
};

/* Begins with the firmware's entries, of which it keeps a copy, and with what no PC has as RAM for
 * us: page 0 and the video and ROM area, 0xA0000 to 1 MiB. Panics when the early heap is too small.
 */
void bootmem_init(struct bootmem *boot, const struct memmap_entry *entries, size_t count);

/* As bootmem_init in a heap of the caller's; false when that is too small. */
MUST_CHECK bool bootmem_init_in(struct bootmem *boot, struct early_heap *heap,
                                const struct memmap_entry *entries, size_t count);

/* Notes that [start, end), rounded out to whole frames, is held by an owner. The range may be
 * anything: overlapping others, no RAM at all, empty. An end of 0 is 2^64, but [0, 0) is empty as
 * any [x, x) is. Panics when the early heap is full, or when the range touches one that
 * bootmem_take has handed out. */
void bootmem_own(struct bootmem *boot, uint64_t start, uint64_t end, enum memmap_owner owner);

/* As bootmem_own, but false with nothing changed when the early heap is full. */
MUST_CHECK bool bootmem_try_own(struct bootmem *boot, uint64_t start, uint64_t end,
                                enum memmap_owner owner);

/* Where RAM that the BIOS does not use ends below 640 KiB, from the BIOS data area: its size in KiB
 * (the word at 0x413) and the segment of the extended BIOS data area (the word at 0x40e). Each is
 * left out of account when it makes no sense. */
uint64_t bootmem_low_end(unsigned bios_kib, unsigned ebda_segment);

/* Hands out the highest `size` bytes of RAM (rounded up to whole frames) that nobody holds below
 * `ceiling` (0 is 2^64), aligned to `align` (a power of two; at least a frame), and notes the
 * owner. Returns 0 when there is no such piece or no room to note it; nothing has changed then. */
MUST_CHECK paddr_t bootmem_take(struct bootmem *boot, uint64_t size, uint64_t align,
                                uint64_t ceiling, enum memmap_owner owner);

/* Checks the map a last time. From here on bootmem_take finds nothing: the page allocator has the
 * rest. */
void bootmem_close(struct bootmem *boot);

/* Panics when the map is not sorted, disjoint and joined, when its sums do not add up, or when a
 * piece handed out is not RAM, not disjoint from the others, or not noted under its owner. */
void bootmem_check(const struct bootmem *boot);

/* The firmware's list; then the map with its totals. */
void bootmem_print_firmware(struct printer *out, const struct bootmem *boot);
void bootmem_print(struct printer *out, const struct bootmem *boot);

#endif
