/* bootmem.c - the boot map: the firmware's word, who holds what, and what is still to be had.
 *
 * There is one list of entries and one map made of it:
 *
 *     entries   [ firmware 0 .. firmware_count )[ claims .. entry_count )     room .. capacity
 *     regions   what memmap_sanitise makes of all of them
 *
 * The firmware's entries are never touched again, so they can be printed at any time as they came.
 * A claim is an entry with an owner; its type says whether it was made by bootmem_own (somebody
 * told us) or by bootmem_take (we chose it). After each claim the map is made anew: n log n over
 * some dozens of entries, some dozens of times in a boot.
 *
 * Entries, regions and scratch are one block of the early heap. Claims of one kind that touch are
 * joined, so modules in a row or page tables taken one by one cost one entry. A claim that does not
 * fit makes the block longer, or moves to another, first; only when that is done anything changes.
 *
 * Claims are whole frames: a frame that is held in part cannot be given to anybody else. The types
 * keep their bytes.
 *
 * Invariants (bootmem_check)
 *   B1  the map passes memmap_check, and the owners' bytes of RAM add up to all RAM
 *   B2  every piece taken is RAM, whole frames, above frame 0, in the map under its owner
 *   B3  pieces taken do not overlap one another
 */
#include <string.h>

#include "bootmem.h"
#include "early.h"
#include "platform.h"
#include "range.h"

/* The types of claims; the sanitiser does not look at them. */
#define CLAIM_TOLD  0
#define CLAIM_TAKEN 1

/* Room for claims that a new block has beyond the entries it is made for. */
#define SPARE_ENTRIES 16

#define LOW_END 0xa0000u
#define ONE_MIB 0x100000u

static struct range
entry_range(const struct memmap_entry *entry)
{
    return range_of_length(entry->base, entry->length);
}

/* ---- the block that holds the three arrays ---- */

static size_t
block_bytes(size_t capacity)
{
    return capacity * sizeof(struct memmap_entry) +
           MEMMAP_REGIONS(capacity) * sizeof(struct memmap_region) +
           MEMMAP_SCRATCH(capacity) * sizeof(uint32_t);
}

static struct memmap_entry *
block_entries(const struct bootmem *boot)
{
    return (struct memmap_entry *)boot->entries;
}

static struct memmap_region *
block_regions(const struct bootmem *boot)
{
    return (struct memmap_region *)(block_entries(boot) + boot->capacity);
}

static uint32_t *
block_scratch(const struct bootmem *boot)
{
    return (uint32_t *)(block_regions(boot) + MEMMAP_REGIONS(boot->capacity));
}

/* Makes room for `capacity` entries, where the block is or in another; false with nothing changed
 * when there is no memory. The regions are to be made anew. */
static MUST_CHECK bool
make_room(struct bootmem *boot, size_t capacity, const void *caller)
{
    struct memmap_entry *old = block_entries(boot);
    void *block = old;

    if (capacity > SIZE_MAX / 8 / sizeof(struct memmap_entry))
        return false;
    if (!old || !early_heap_extend(boot->heap, old, block_bytes(capacity)))
        block = early_heap_alloc(boot->heap, block_bytes(capacity), caller);
    if (!block)
        return false;
    if (old && block != old) {
        memcpy(block, old, boot->entry_count * sizeof(*old));
        early_heap_free(boot->heap, old);
    }
    boot->entries = block;
    boot->capacity = capacity;
    boot->regions = block_regions(boot);
    return true;
}

static void
make_map(struct bootmem *boot)
{
    boot->region_count =
        memmap_sanitise(boot->entries, boot->entry_count, block_regions(boot), block_scratch(boot));
}

/* The claim that a new one of the same kind continues or overlaps, NULL when there is none. */
static struct memmap_entry *
neighbour(const struct bootmem *boot, struct range held, enum memmap_owner owner, uint32_t how)
{
    for (size_t i = boot->firmware_count; i < boot->entry_count; i++) {
        struct memmap_entry *entry = &block_entries(boot)[i];
        struct range other = entry_range(entry);

        if (entry->owner == owner && entry->type == how &&
            (range_overlaps(other, held) || range_meets(other, held) || range_meets(held, other)))
            return entry;
    }
    return NULL;
}

/* Adds a claim and makes the map anew; false with nothing changed when there is no memory. */
static MUST_CHECK bool
claim(struct bootmem *boot, struct range held, enum memmap_owner owner, uint32_t how)
{
    struct memmap_entry *entry = neighbour(boot, held, owner, how);

    if (entry) {
        held = range_union(entry_range(entry), held);
    } else {
        if (boot->entry_count == boot->capacity &&
            !make_room(boot, boot->capacity + SPARE_ENTRIES, __builtin_return_address(0)))
            return false;
        entry = &block_entries(boot)[boot->entry_count++];
    }
    *entry = (struct memmap_entry){held.start, range_size(held), how, owner};
    make_map(boot);
    return true;
}

/* ---- start ---- */

bool
bootmem_init_in(struct bootmem *boot, struct early_heap *heap, const struct memmap_entry *entries,
                size_t count)
{
    *boot = (struct bootmem){.heap = heap};
    if (count > SIZE_MAX - SPARE_ENTRIES ||
        !make_room(boot, count + SPARE_ENTRIES, __builtin_return_address(0)))
        return false;
    for (size_t i = 0; i < count; i++) {
        block_entries(boot)[i] = entries[i];
        block_entries(boot)[i].owner = MEMMAP_FREE;
    }
    boot->firmware_count = count;
    boot->entry_count = count;
    return bootmem_try_own(boot, 0, PAGE_SIZE, MEMMAP_LOW) &&
           bootmem_try_own(boot, LOW_END, ONE_MIB, MEMMAP_LOW);
}

void
bootmem_init(struct bootmem *boot, const struct memmap_entry *entries, size_t count)
{
    if (!bootmem_init_in(boot, &early_heap, entries, count))
        kpanic("bootmem: the early heap has no room for %lu entries of the memory map",
               (unsigned long)count);
}

/* Linux and others distrust the same limits: less than 128 KiB or more than 640 KiB of memory, and
 * an extended data area that is not in the 128 KiB below 640 KiB. */
uint64_t
bootmem_low_end(unsigned bios_kib, unsigned ebda_segment)
{
    uint64_t end = LOW_END;

    if (bios_kib >= 128 && bios_kib <= 640)
        end = (uint64_t)bios_kib << 10;
    if (ebda_segment >= 0x8000 && ebda_segment < 0xa000 && (uint64_t)ebda_segment << 4 < end)
        end = (uint64_t)ebda_segment << 4;
    return end;
}

/* ---- claims ---- */

static bool
touches_taken(const struct bootmem *boot, struct range held)
{
    for (size_t i = boot->firmware_count; i < boot->entry_count; i++) {
        if (boot->entries[i].type == CLAIM_TAKEN &&
            range_overlaps(entry_range(&boot->entries[i]), held))
            return true;
    }
    return false;
}

bool
bootmem_try_own(struct bootmem *boot, uint64_t start, uint64_t end, enum memmap_owner owner)
{
    struct range held = range_outward(range(start, end), PAGE_SIZE);

    ASSERT(owner > MEMMAP_FREE && owner < MEMMAP_OWNERS);
    if (start == end || range_is_empty(held))
        return true;
    if (touches_taken(boot, held))
        kpanic("bootmem: [0x%llx, 0x%llx) claimed as %s is in use already",
               (unsigned long long)start, (unsigned long long)end, memmap_owner_name(owner));
    return claim(boot, held, owner, CLAIM_TOLD);
}

void
bootmem_own(struct bootmem *boot, uint64_t start, uint64_t end, enum memmap_owner owner)
{
    if (!bootmem_try_own(boot, start, end, owner))
        kpanic("bootmem: the early heap has no room to note [0x%llx, 0x%llx) as %s",
               (unsigned long long)start, (unsigned long long)end, memmap_owner_name(owner));
}

paddr_t
bootmem_take(struct bootmem *boot, uint64_t size, uint64_t align, uint64_t ceiling,
             enum memmap_owner owner)
{
    uint64_t bytes = align_up(size, PAGE_SIZE);
    uint64_t start;

    ASSERT(owner > MEMMAP_FREE && owner < MEMMAP_OWNERS && is_power_of_two(align));
    if (boot->closed)
        return 0;
    start = memmap_find(boot->regions, boot->region_count, bytes,
                        align > PAGE_SIZE ? align : PAGE_SIZE, 0, ceiling);
    if (start == 0 || !claim(boot, range_of_length(start, bytes), owner, CLAIM_TAKEN))
        return 0;
    return start;
}

void
bootmem_close(struct bootmem *boot)
{
    bootmem_check(boot);
    boot->closed = true;
}

/* ---- checking and printing ---- */

/* True when all RAM in the range is noted under exactly this owner. */
static bool
held_by(const struct bootmem *boot, struct range held, enum memmap_owner owner)
{
    for (size_t i = 0; i < boot->region_count; i++) {
        const struct memmap_region *region = &boot->regions[i];

        if (range_overlaps(range(region->start, region->end), held) && region->owner != owner)
            return false;
    }
    return true;
}

static void
check_taken(const struct bootmem *boot, size_t index)
{
    const struct memmap_entry *entry = &boot->entries[index];
    struct range held = entry_range(entry);

    ASSERT(is_aligned(held.start, PAGE_SIZE) && is_aligned(held.end, PAGE_SIZE) && held.start != 0);
    ASSERT(memmap_ram_frames(boot->regions, boot->region_count, held.start, held.end) ==
           entry->length >> PAGE_SHIFT);
    ASSERT(held_by(boot, held, entry->owner));
    for (size_t i = index + 1; i < boot->entry_count; i++)
        ASSERT(boot->entries[i].type != CLAIM_TAKEN ||
               !range_overlaps(held, entry_range(&boot->entries[i])));
}

void
bootmem_check(const struct bootmem *boot)
{
    uint64_t ram = memmap_type_bytes(boot->regions, boot->region_count, MEMMAP_RAM);
    uint64_t held = 0;

    ASSERT(boot->firmware_count <= boot->entry_count && boot->entry_count <= boot->capacity);
    ASSERT(memmap_check(boot->regions, boot->region_count));
    for (uint32_t owner = 0; owner < MEMMAP_OWNERS; owner++)
        held =
            range_add_saturated(held, memmap_owner_bytes(boot->regions, boot->region_count, owner));
    ASSERT(held == ram);
    for (size_t i = boot->firmware_count; i < boot->entry_count; i++) {
        if (boot->entries[i].type == CLAIM_TAKEN)
            check_taken(boot, i);
    }
}

void
bootmem_print_firmware(struct printer *out, const struct bootmem *boot)
{
    memmap_print_entries(out, boot->entries, boot->firmware_count);
}

void
bootmem_print(struct printer *out, const struct bootmem *boot)
{
    memmap_print_regions(out, boot->regions, boot->region_count);
}
