/* memmap.c - the sanitiser of memory maps.
 *
 * Firmware lists memory in any order, with overlaps, empty entries, pieces smaller than a frame and
 * lengths that wrap. What comes out here is sorted, disjoint and joined:
 *
 *     1 usable     [########################)
 *     2 reserved            [#####)    [####)          the stricter type wins
 *     kernel             [####)                        an owner is noted beside the type
 *     ---------------------------------------------
 *     out          [1   )[1K)[2K)[2)[1)[2#####)
 *
 * The method is one sweep from the lowest start upwards with three heaps:
 *
 *     waiting   entries that have not begun, lowest start on top
 *     types     firmware entries that have begun, strictest type on top
 *     owners    entries with an owner that have begun, strongest owner on top
 *
 * Between two stops of the sweep the kind of memory is that of the two tops. The next stop is the
 * nearest of: the start on top of `waiting`, the end on top of `types`, the end on top of `owners`.
 * Entries that end below another's top are thrown out when they surface. Each entry enters two
 * heaps and leaves two, so the whole costs O(n log n), and each stop is a start or an end of some
 * entry: at most 2n stops, so at most 2n - 1 regions.
 *
 * Nothing here knows what the kernel keeps for itself (bootmem.c adds that as entries with owners).
 * The file is pure: no state, no locks, no allocation; any input is legal.
 */
#include "memmap.h"
#include "range.h"

#define FOUR_GIB ((uint64_t)1 << 32)

/* ---- strictness ---- */

static unsigned
type_rank(uint32_t type)
{
    switch (type) {
    case MEMMAP_RAM:
        return 0;
    case MEMMAP_ACPI:
        return 1;
    case MEMMAP_NVS:
        return 2;
    case MEMMAP_PERSISTENT:
        return 3;
    case MEMMAP_PRAM:
        return 4;
    case MEMMAP_RESERVED:
        return 5;
    case MEMMAP_BAD:
        return 7;
    default:
        return 6;
    }
}

static bool
starts_lower(const struct memmap_entry *a, const struct memmap_entry *b)
{
    return a->base < b->base;
}

static bool
type_stricter(const struct memmap_entry *a, const struct memmap_entry *b)
{
    unsigned rank_a = type_rank(a->type);
    unsigned rank_b = type_rank(b->type);

    return rank_a != rank_b ? rank_a > rank_b : a->type > b->type;
}

static bool
owner_stronger(const struct memmap_entry *a, const struct memmap_entry *b)
{
    return a->owner > b->owner;
}

/* ---- a binary heap of entry numbers ---- */

struct heap {
    const struct memmap_entry *entries;
    uint32_t *items;
    size_t count;
    bool (*above)(const struct memmap_entry *, const struct memmap_entry *);
};

static const struct memmap_entry *
heap_top(const struct heap *heap)
{
    return heap->count ? &heap->entries[heap->items[0]] : NULL;
}

static bool
heap_above(const struct heap *heap, size_t a, size_t b)
{
    return heap->above(&heap->entries[heap->items[a]], &heap->entries[heap->items[b]]);
}

static void
heap_swap(struct heap *heap, size_t a, size_t b)
{
    uint32_t item = heap->items[a];

    heap->items[a] = heap->items[b];
    heap->items[b] = item;
}

static void
heap_push(struct heap *heap, uint32_t item)
{
    size_t child = heap->count++;

    heap->items[child] = item;
    while (child && heap_above(heap, child, (child - 1) / 2)) {
        heap_swap(heap, child, (child - 1) / 2);
        child = (child - 1) / 2;
    }
}

static void
heap_pop(struct heap *heap)
{
    size_t parent = 0;
    size_t child;

    heap->items[0] = heap->items[--heap->count];
    while ((child = 2 * parent + 1) < heap->count) {
        if (child + 1 < heap->count && heap_above(heap, child + 1, child))
            child++;
        if (!heap_above(heap, child, parent))
            return;
        heap_swap(heap, child, parent);
        parent = child;
    }
}

/* ---- the sweep ---- */

struct sweep {
    struct heap waiting;
    struct heap types;
    struct heap owners;
    struct memmap_region *regions;
    size_t count;
};

static struct range
entry_range(const struct memmap_entry *entry)
{
    return range_of_length(entry->base, entry->length);
}

static struct range
region_range(const struct memmap_region *region)
{
    return range(region->start, region->end);
}

/* `waiting` gets the first half of the scratch; the other half is split between the two heaps of
 * entries that have begun, since each entry goes into one of them only. */
static void
sweep_init(struct sweep *sweep, const struct memmap_entry *entries, size_t count, uint32_t *scratch)
{
    size_t firmware = 0;

    for (size_t i = 0; i < count; i++)
        firmware += entries[i].owner == MEMMAP_FREE;
    sweep->waiting = (struct heap){entries, scratch, 0, starts_lower};
    sweep->types = (struct heap){entries, scratch + count, 0, type_stricter};
    sweep->owners = (struct heap){entries, scratch + count + firmware, 0, owner_stronger};
    sweep->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].length != 0)
            heap_push(&sweep->waiting, (uint32_t)i);
    }
}

/* Entries that start at `here` begin. */
static void
sweep_begin(struct sweep *sweep, uint64_t here)
{
    const struct memmap_entry *top;

    while ((top = heap_top(&sweep->waiting)) && top->base == here) {
        uint32_t item = sweep->waiting.items[0];

        heap_pop(&sweep->waiting);
        heap_push(top->owner == MEMMAP_FREE ? &sweep->types : &sweep->owners, item);
    }
}

/* Throws out what has ended at or before `here`, until the top is one that covers it. */
static void
heap_expire(struct heap *heap, uint64_t here)
{
    const struct memmap_entry *top;

    while ((top = heap_top(heap)) && !range_contains(entry_range(top), here))
        heap_pop(heap);
}

static bool
same_kind(const struct memmap_region *a, const struct memmap_region *b)
{
    return a->type == b->type && a->owner == b->owner;
}

/* True when b goes on where a ends and says the same: the two should be one region. */
static bool
joins(const struct memmap_region *a, const struct memmap_region *b)
{
    return same_kind(a, b) && range_meets(region_range(a), region_range(b));
}

/* Adds a piece to the list, or to its last region when the two join. */
static void
sweep_emit(struct sweep *sweep, struct memmap_region piece)
{
    if (sweep->count && joins(&sweep->regions[sweep->count - 1], &piece))
        sweep->regions[sweep->count - 1].end = piece.end;
    else
        sweep->regions[sweep->count++] = piece;
}

/* The last byte up to which nothing changes. */
static uint64_t
sweep_last(const struct sweep *sweep)
{
    const struct memmap_entry *next = heap_top(&sweep->waiting);
    const struct memmap_entry *type = heap_top(&sweep->types);
    const struct memmap_entry *owner = heap_top(&sweep->owners);
    uint64_t last = next ? next->base - 1 : UINT64_MAX;

    if (type && range_last(entry_range(type)) < last)
        last = range_last(entry_range(type));
    if (owner && range_last(entry_range(owner)) < last)
        last = range_last(entry_range(owner));
    return last;
}

/* Adds what covers [here, last] by now; nothing when the firmware lists none of it. */
static void
sweep_piece(struct sweep *sweep, uint64_t here, uint64_t last)
{
    const struct memmap_entry *type = heap_top(&sweep->types);
    const struct memmap_entry *owner = heap_top(&sweep->owners);

    if (type)
        sweep_emit(sweep, (struct memmap_region){here, last + 1, type->type,
                                                 owner ? owner->owner : MEMMAP_FREE});
}

size_t
memmap_sanitise(const struct memmap_entry *entries, size_t count, struct memmap_region *regions,
                uint32_t *scratch)
{
    struct sweep sweep = {.regions = regions};
    uint64_t here = 0;
    uint64_t last;

    sweep_init(&sweep, entries, count, scratch);
    do {
        sweep_begin(&sweep, here);
        heap_expire(&sweep.types, here);
        heap_expire(&sweep.owners, here);
        last = sweep_last(&sweep);
        sweep_piece(&sweep, here, last);
        here = last + 1;
    } while (here != 0);
    return sweep.count;
}

/* ---- questions about a sanitised map ---- */

/* Steps over the next run of RAM from regions[*next]: pieces that touch are one run, whoever owns
 * them. Empty at the end of the list. */
static struct range
next_ram_run(const struct memmap_region *regions, size_t count, size_t *next)
{
    struct range run = RANGE_EMPTY;

    for (; *next < count; (*next)++) {
        struct range piece = region_range(&regions[*next]);

        if (regions[*next].type != MEMMAP_RAM)
            continue;
        if (range_is_empty(run))
            run = piece;
        else if (range_meets(run, piece))
            run.end = piece.end;
        else
            break;
    }
    return run;
}

uint64_t
memmap_ram_frames(const struct memmap_region *regions, size_t count, uint64_t start, uint64_t end)
{
    uint64_t frames = 0;
    size_t next = 0;
    struct range run;

    while (!range_is_empty(run = next_ram_run(regions, count, &next))) {
        struct range whole = range_inward(range_intersect(run, range(start, end)), PAGE_SIZE);

        if (!range_is_empty(whole))
            frames += ((range_last(whole) - whole.start) >> PAGE_SHIFT) + 1;
    }
    return frames;
}

uint64_t
memmap_type_bytes(const struct memmap_region *regions, size_t count, uint32_t type)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if (regions[i].type == type)
            bytes = range_add_saturated(bytes, range_size(region_range(&regions[i])));
    }
    return bytes;
}

uint64_t
memmap_owner_bytes(const struct memmap_region *regions, size_t count, uint32_t owner)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if (regions[i].type == MEMMAP_RAM && regions[i].owner == owner)
            bytes = range_add_saturated(bytes, range_size(region_range(&regions[i])));
    }
    return bytes;
}

uint64_t
memmap_ram_above(const struct memmap_region *regions, size_t count, uint64_t floor)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        struct range above = range_intersect(region_range(&regions[i]), range(floor, 0));

        if (regions[i].type == MEMMAP_RAM)
            bytes = range_add_saturated(bytes, range_size(above));
    }
    return bytes;
}

uint64_t
memmap_find(const struct memmap_region *regions, size_t count, uint64_t size, uint64_t align,
            uint64_t floor, uint64_t ceiling)
{
    while (count-- > 0) {
        const struct memmap_region *region = &regions[count];
        struct range room = range_intersect(region_range(region), range(floor, ceiling));
        uint64_t start;

        if (region->type != MEMMAP_RAM || region->owner != MEMMAP_FREE || range_is_empty(room))
            continue;
        if (size == 0 || range_size(room) < size)
            continue;
        start = align_down(range_last(room) - (size - 1), align);
        if (start >= room.start && start != 0)
            return start;
    }
    return 0;
}

bool
memmap_check(const struct memmap_region *regions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (range_is_empty(region_range(&regions[i])))
            return false;
    }
    for (size_t i = 1; i < count; i++) {
        const struct memmap_region *before = &regions[i - 1];

        if (range_last(region_range(before)) >= regions[i].start || joins(before, &regions[i]))
            return false;
    }
    return true;
}

/* ---- printing ---- */

const char *
memmap_type_name(uint32_t type)
{
    static const char *const names[] = {
        [MEMMAP_RAM] = "usable",    [MEMMAP_RESERVED] = "reserved",
        [MEMMAP_ACPI] = "ACPI data", [MEMMAP_NVS] = "ACPI NVS",
        [MEMMAP_BAD] = "bad memory", [MEMMAP_PERSISTENT] = "persistent",
        [MEMMAP_PRAM] = "legacy persistent",
    };

    return type < ARRAY_LENGTH(names) && names[type] != NULL ? names[type] : "unknown";
}

const char *
memmap_owner_name(uint32_t owner)
{
    static const char *const names[MEMMAP_OWNERS] = {
        [MEMMAP_FREE] = "free",           [MEMMAP_LOW] = "low memory",
        [MEMMAP_ABSENT] = "out of reach", [MEMMAP_DEFECT] = "bad memory",
        [MEMMAP_MODULE] = "boot module",  [MEMMAP_BOOTINFO] = "boot info",
        [MEMMAP_METADATA] = "metadata",   [MEMMAP_EARLY] = "early heap",
        [MEMMAP_KERNEL] = "kernel image",
    };

    return owner < MEMMAP_OWNERS ? names[owner] : "unknown";
}

void
memmap_print_entries(struct printer *out, const struct memmap_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print(out, "mmap: base=0x%016llx length=0x%016llx type=%u (%s)\n",
              (unsigned long long)entries[i].base, (unsigned long long)entries[i].length,
              (unsigned)entries[i].type, memmap_type_name(entries[i].type));
}

static void
print_region(struct printer *out, const struct memmap_region *region)
{
    print(out, "memmap: [0x%016llx, 0x%s%016llx) %llu KiB ", (unsigned long long)region->start,
          region->end ? "" : "1", (unsigned long long)region->end,
          (unsigned long long)(range_size(region_range(region)) >> 10));
    print(out, "%s", memmap_type_name(region->type));
    if (type_rank(region->type) == type_rank(0))
        print(out, " %u", (unsigned)region->type);
    if (region->owner != MEMMAP_FREE)
        print(out, ", %s", memmap_owner_name(region->owner));
    print(out, "\n");
}

/* In MB with one decimal, cut and not rounded: no total ever looks larger than it is. */
static void
print_total(struct printer *out, uint64_t bytes, const char *what)
{
    print(out, "memmap: total %llu.%u MB (%llu KiB) %s", (unsigned long long)(bytes >> 20),
          (unsigned)(((bytes & 0xfffff) * 10) >> 20), (unsigned long long)(bytes >> 10), what);
}

static bool
type_seen_before(const struct memmap_region *regions, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (regions[i].type == regions[index].type)
            return true;
    }
    return false;
}

static void
print_type_totals(struct printer *out, const struct memmap_region *regions, size_t count)
{
    print_total(out, memmap_type_bytes(regions, count, MEMMAP_RAM), "usable\n");
    print_total(out, memmap_ram_above(regions, count, FOUR_GIB), "usable above 4 GiB\n");
    for (size_t i = 0; i < count; i++) {
        uint32_t type = regions[i].type;

        if (type == MEMMAP_RAM || type_seen_before(regions, i))
            continue;
        print_total(out, memmap_type_bytes(regions, count, type), memmap_type_name(type));
        print(out, " (type %u)\n", (unsigned)type);
    }
}

void
memmap_print_regions(struct printer *out, const struct memmap_region *regions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_region(out, &regions[i]);
    print_type_totals(out, regions, count);
    for (uint32_t owner = MEMMAP_FREE + 1; owner < MEMMAP_OWNERS; owner++) {
        uint64_t bytes = memmap_owner_bytes(regions, count, owner);

        if (bytes == 0)
            continue;
        print_total(out, bytes, "usable, ");
        print(out, "%s\n", memmap_owner_name(owner));
    }
}
