/* fuzz_memmap.c - any bytes as a memory map: sorted, disjoint, joined, and no byte lost or
 * invented.
 *
 * Each entry is read from 8 bytes, so that few bytes already make overlaps: base and length are
 * small numbers of cells, counted from one of four places and with one of four cell sizes, or now
 * and then wild. The reference asks, for every point where some entry starts or ends, each entry in
 * turn.
 */
#include "memmap.h"
#include "range.h"

static void print_map(void);
#define EXPECT_TELL print_map
#include "target.h"

#define ENTRIES_MAX 300
#define ENTRY_BYTES 8
#define POINTS_MAX  (2 * ENTRIES_MAX + 1)

static struct memmap_entry entries[ENTRIES_MAX];
static struct memmap_region regions[MEMMAP_REGIONS(ENTRIES_MAX)];
static uint32_t scratch[MEMMAP_SCRATCH(ENTRIES_MAX)];
static uint64_t points[POINTS_MAX];
static size_t entry_count;
static size_t region_count;
static size_t point_count;

static void
print_map(void)
{
    for (size_t i = 0; i < entry_count; i++)
        fprintf(stderr, "entry  %016llx %016llx type %lu owner %lu\n",
                (unsigned long long)entries[i].base, (unsigned long long)entries[i].length,
                (unsigned long)entries[i].type, (unsigned long)entries[i].owner);
    for (size_t i = 0; i < region_count; i++)
        fprintf(stderr, "region %016llx %016llx type %lu owner %lu\n",
                (unsigned long long)regions[i].start, (unsigned long long)regions[i].end,
                (unsigned long)regions[i].type, (unsigned long)regions[i].owner);
}

static void
read_entry(const uint8_t *data)
{
    static const uint64_t origins[] = {0, 0xfff00000, 0xffffffffffff0000, 0xfffffffffffffff0};
    static const uint64_t cells[] = {1, 512, 4096, (uint64_t)1 << 30};
    static const uint32_t types[] = {1, 1, 1, 2, 3, 4, 5, 7, 12, 0, 6, 0xffffffff};
    uint64_t origin = origins[data[0] & 3];
    uint64_t cell = cells[data[0] >> 2 & 3];
    uint64_t length = data[2] * cell + (data[3] & 1);
    uint32_t owner = data[5] % 4 ? MEMMAP_FREE : data[5] / 4 % MEMMAP_OWNERS;

    if (data[6] > 0xf0)
        length = 0 - length;
    entries[entry_count++] = (struct memmap_entry){origin + data[1] * cell, length,
                                                   types[data[4] % ARRAY_LENGTH(types)], owner};
}

static int
compare_points(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Every start and every end but 2^64, and 0. */
static void
find_points(void)
{
    point_count = 0;
    points[point_count++] = 0;
    for (size_t i = 0; i < entry_count; i++) {
        points[point_count++] = entries[i].base;
        if (entries[i].base + entries[i].length >= entries[i].base)
            points[point_count++] = entries[i].base + entries[i].length;
    }
    qsort(points, point_count, sizeof(points[0]), compare_points);
}

static unsigned
strictness(uint32_t type)
{
    static const uint32_t order[] = {1, 3, 4, 7, 12, 2};

    for (unsigned i = 0; i < ARRAY_LENGTH(order); i++) {
        if (order[i] == type)
            return i;
    }
    return type == 5 ? 8 : 7;
}

/* What the map must say at `address`; false when it must say nothing. */
static bool
reference(uint64_t address, uint32_t *type, uint32_t *owner)
{
    bool listed = false;

    *owner = MEMMAP_FREE;
    for (size_t i = 0; i < entry_count; i++) {
        const struct memmap_entry *entry = &entries[i];

        if (address - entry->base >= entry->length || address < entry->base)
            continue;
        if (entry->owner > *owner)
            *owner = entry->owner;
        if (entry->owner != MEMMAP_FREE)
            continue;
        if (!listed || strictness(entry->type) > strictness(*type) ||
            (strictness(entry->type) == strictness(*type) && entry->type > *type))
            *type = entry->type;
        listed = true;
    }
    return listed;
}

static const struct memmap_region *
region_at(uint64_t address)
{
    for (size_t i = 0; i < region_count; i++) {
        if (range_contains(range(regions[i].start, regions[i].end), address))
            return &regions[i];
    }
    return NULL;
}

/* Between two points nothing changes, so the map is right everywhere when it is right at each point
 * and no region begins anywhere else. */
static void
check_points(void)
{
    for (size_t i = 0; i < point_count; i++) {
        const struct memmap_region *region = region_at(points[i]);
        uint32_t type = 0;
        uint32_t owner;
        bool listed = reference(points[i], &type, &owner);

        EXPECT((region != NULL) == listed);
        EXPECT(!listed || (region->type == type && region->owner == owner));
    }
    for (size_t i = 0; i < region_count; i++) {
        EXPECT(bsearch(&regions[i].start, points, point_count, sizeof(points[0]), compare_points));
        EXPECT(regions[i].end == 0 ||
               bsearch(&regions[i].end, points, point_count, sizeof(points[0]), compare_points));
    }
}

/* Bytes by type, counted once over the regions and once over the points. */
static void
check_sums(void)
{
    static const uint32_t types[] = {0, 1, 2, 3, 4, 5, 6, 7, 12, 0xffffffff};

    for (size_t t = 0; t < ARRAY_LENGTH(types); t++) {
        uint64_t bytes = 0;

        for (size_t i = 0; i < point_count; i++) {
            uint64_t end = i + 1 < point_count ? points[i + 1] : 0;
            uint32_t type = 0;
            uint32_t owner;

            if (points[i] != end && reference(points[i], &type, &owner) && type == types[t])
                bytes = range_add_saturated(bytes, range_size(range(points[i], end)));
        }
        EXPECT(memmap_type_bytes(regions, region_count, types[t]) == bytes);
    }
}

/* What memmap_find returns is RAM, unowned, aligned and in the window. */
static void
check_find(const uint8_t *data)
{
    uint64_t size = 1 + data[0] * (uint64_t)(1 + data[1]);
    uint64_t align = (uint64_t)1 << data[2] % 32;
    uint64_t found = memmap_find(regions, region_count, size, align, data[3], 0);
    const struct memmap_region *region = region_at(found);

    if (found == 0)
        return;
    EXPECT(region && region->type == MEMMAP_RAM && region->owner == MEMMAP_FREE);
    EXPECT(found >= data[3] && is_aligned(found, align));
    EXPECT(range_covers(range(region->start, region->end), range_of_length(found, size)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    entry_count = 0;
    for (size_t at = 0; at + ENTRY_BYTES <= size && entry_count < ENTRIES_MAX; at += ENTRY_BYTES)
        read_entry(data + at);
    region_count = memmap_sanitise(entries, entry_count, regions, scratch);
    find_points();
    EXPECT(region_count <= MEMMAP_REGIONS(entry_count));
    EXPECT(memmap_check(regions, region_count));
    check_points();
    check_sums();
    if (size >= 4)
        check_find(data);
    return 0;
}
