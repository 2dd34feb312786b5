/* test_memmap.c - the sanitiser against drawings, edges and a slow reference.
 *
 * A drawing is a map of CELLS cells. Each row is one entry: its digit (or letter) is the type, its
 * extent the range. Upper-case letters are owners. The expected map is two rows, types and owners.
 */
#include "ktest.h"
#include "captured.h"
#include "format.h"
#include "memmap.h"
#include "range.h"

#define CELLS       48
#define ENTRIES_MAX 24

static struct memmap_entry entries[ENTRIES_MAX];
static struct memmap_region regions[MEMMAP_REGIONS(ENTRIES_MAX)];
static uint32_t scratch[MEMMAP_SCRATCH(ENTRIES_MAX)];
static size_t entry_count;
static size_t region_count;

static void
begin(void)
{
    entry_count = 0;
}

static void
add(uint64_t base, uint64_t length, uint32_t type, uint32_t owner)
{
    entries[entry_count++] = (struct memmap_entry){base, length, type, owner};
}

static void
sanitise(void)
{
    region_count = memmap_sanitise(entries, entry_count, regions, scratch);
}

static uint64_t
frames(uint64_t start, uint64_t end)
{
    return memmap_ram_frames(regions, region_count, start, end);
}

static uint64_t
find(uint64_t size, uint64_t align, uint64_t floor, uint64_t ceiling)
{
    return memmap_find(regions, region_count, size, align, floor, ceiling);
}

static uint64_t
type_bytes(uint32_t type)
{
    return memmap_type_bytes(regions, region_count, type);
}

static uint64_t
owner_bytes(uint32_t owner)
{
    return memmap_owner_bytes(regions, region_count, owner);
}

static uint64_t
ram_above(uint64_t floor)
{
    return memmap_ram_above(regions, region_count, floor);
}

static bool
region_is(size_t i, uint64_t start, uint64_t end, uint32_t type, uint32_t owner)
{
    return i < region_count && regions[i].start == start && regions[i].end == end &&
           regions[i].type == type && regions[i].owner == owner;
}

/* ---- drawings ---- */

struct symbol {
    char drawn;
    uint32_t type;
    uint32_t owner;
};

static const struct symbol symbols[] = {
    {'0', 0, MEMMAP_FREE},
    {'1', MEMMAP_RAM, MEMMAP_FREE},
    {'2', MEMMAP_RESERVED, MEMMAP_FREE},
    {'3', MEMMAP_ACPI, MEMMAP_FREE},
    {'4', MEMMAP_NVS, MEMMAP_FREE},
    {'5', MEMMAP_BAD, MEMMAP_FREE},
    {'6', 6, MEMMAP_FREE},
    {'7', MEMMAP_PERSISTENT, MEMMAP_FREE},
    {'c', MEMMAP_PRAM, MEMMAP_FREE},
    {'f', 0xffffffff, MEMMAP_FREE},
    {'L', MEMMAP_RESERVED, MEMMAP_LOW},
    {'M', MEMMAP_BAD, MEMMAP_MODULE},
    {'K', MEMMAP_RAM, MEMMAP_KERNEL},
};

struct drawing {
    const char *rows[6];
    const char *types;
    const char *owners;
};

/* clang-format off */
static const struct drawing drawings[] = {
    {{"1111111111111111                                "},
      "1111111111111111                                ",
      "................                                "},

    /* usable overlapped from the front, from inside, from the back */
    {{"    1111111111111111                            ",
      "  2222                                          ",
      "        333                                     ",
      "                 44444                          "},
      "  22221133311111144444                          ",
      "  ....................                          "},

    /* the order of the list does not matter; neither do duplicates */
    {{"                 44444                          ",
      "        333                                     ",
      "    1111111111111111                            ",
      "        333                                     ",
      "  2222                                          ",
      "    1111111111111111                            "},
      "  22221133311111144444                          ",
      "  ....................                          "},

    /* stricter and stricter: 1 < 3 < 4 < 7 < 12 < 2 */
    {{"111111111111111111111111                        ",
      "  3333333333333333333333                        ",
      "    44444444444444444                           ",
      "      777777777777                              ",
      "        cccccccc                                ",
      "          2222                                  "},
      "11334477cc2222cc77444333                        ",
      "........................                        "},

    /* ... 2 < any other (the larger number wins among them) < 5 */
    {{"222222222222222222222222                        ",
      "  00000000000000000000                          ",
      "    6666666666666666                            ",
      "      ffffffffffff                              ",
      "        55555555                                "},
      "220066ff55555555ff660022                        ",
      "........................                        "},

    /* touching pieces of one type are one piece, pieces with a gap between them are two */
    {{"1111                                            ",
      "    1111                                        ",
      "        2222                                    ",
      "            1111                                ",
      "                 111                            "},
      "1111111122221111 111                            ",
      "................ ...                            "},

    /* a stricter entry begins inside another, outlives it, and a third shows between them */
    {{"  22222222                                      ",
      "      5555555555                                ",
      "111111111111111111111111111                     ",
      "                      333333333333              "},
      "1122225555555555111111333333333333              ",
      "..................................              "},

    /* an owner is noted beside the type and changes none of it; the strongest wins */
    {{"11111111111111111111111111                      ",
      "    22222222                                    ",
      "LL                                              ",
      "         MMMMMMMMMM                             ",
      "               KKKKKKK                          "},
      "11112222222211111111111111                      ",
      "LL.......MMMMMMKKKKKKK....                      "},

    /* what the firmware does not list is in no region, even when somebody owns it */
    {{"1111                                            ",
      "        1111                                    ",
      "  KKKKKKKKK                                     ",
      "                   MMMM                         "},
      "1111    1111                                    ",
      "..KK    KKK.                                    "},

    /* one owner over two pieces that touch */
    {{"1111                                            ",
      "    1111                                        ",
      "KKKKKKKK                                        "},
      "11111111                                        ",
      "KKKKKKKK                                        "},
};
/* clang-format on */

static const struct symbol *
symbol_of(char drawn)
{
    for (size_t i = 0; i < ARRAY_LENGTH(symbols); i++) {
        if (symbols[i].drawn == drawn)
            return &symbols[i];
    }
    return NULL;
}

static char
drawn_type(uint32_t type)
{
    for (size_t i = 0; i < ARRAY_LENGTH(symbols); i++) {
        if (symbols[i].owner == MEMMAP_FREE && symbols[i].type == type)
            return symbols[i].drawn;
    }
    return '?';
}

static char
drawn_owner(uint32_t owner)
{
    for (size_t i = 0; i < ARRAY_LENGTH(symbols); i++) {
        if (symbols[i].owner == owner && owner != MEMMAP_FREE)
            return symbols[i].drawn;
    }
    return owner == MEMMAP_FREE ? '.' : '?';
}

/* Adds the entry that one row draws; each cell is `cell` bytes. */
static void
add_row(const char *row, uint64_t origin, uint64_t cell)
{
    const struct symbol *symbol;
    uint64_t first = 0;
    uint64_t cells = 0;

    while (row[first] == ' ')
        first++;
    while (row[first + cells] && row[first + cells] != ' ')
        cells++;
    symbol = symbol_of(row[first]);
    add(origin + first * cell, cells * cell, symbol->type, symbol->owner);
}

/* Draws the map from `origin` on into two rows. */
static void
draw(char *types, char *owners, uint64_t origin, uint64_t cell)
{
    for (size_t i = 0; i < CELLS; i++) {
        types[i] = owners[i] = ' ';
        for (size_t r = 0; r < region_count; r++) {
            if (!range_contains(range(regions[r].start, regions[r].end), origin + i * cell))
                continue;
            types[i] = drawn_type(regions[r].type);
            owners[i] = drawn_owner(regions[r].owner);
        }
    }
    types[CELLS] = owners[CELLS] = '\0';
}

static bool
equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* True when the map looks as drawn; else prints both. */
static bool
looks_like(const char *types, const char *owners, uint64_t origin, uint64_t cell)
{
    static char got_types[CELLS + 1];
    static char got_owners[CELLS + 1];

    draw(got_types, got_owners, origin, cell);
    if (equal(got_types, types) && equal(got_owners, owners))
        return true;
    print(ktest_out, "# got    |%s|\n#        |%s|\n", got_types, got_owners);
    print(ktest_out, "# wanted |%s|\n#        |%s|\n", types, owners);
    return false;
}

/* Every drawing at several places: cells of one byte, of a quarter frame and of a GiB; at 0, across
 * 4 GiB, and up to the last byte there is. */
KTEST(memmap, drawings)
{
    static const struct {
        uint64_t origin;
        uint64_t cell;
    } places[] = {
        {0, 1},
        {0, 1024},
        {0xffffa000, 1024},
        {0, 1 << 30},
        {UINT64_MAX - (CELLS - 1), 1},
        {0 - ((uint64_t)CELLS << 30), 1 << 30},
    };

    for (size_t place = 0; place < ARRAY_LENGTH(places); place++) {
        uint64_t origin = places[place].origin;
        uint64_t cell = places[place].cell;

        for (size_t i = 0; i < ARRAY_LENGTH(drawings); i++) {
            begin();
            for (size_t row = 0; row < 6 && drawings[i].rows[row]; row++)
                add_row(drawings[i].rows[row], origin, cell);
            sanitise();
            CHECK(looks_like(drawings[i].types, drawings[i].owners, origin, cell));
            CHECK(memmap_check(regions, region_count));
        }
    }
}

/* ---- edges ---- */

KTEST(memmap, nothing)
{
    begin();
    sanitise();
    CHECK_EQ(region_count, 0);
    CHECK(memmap_check(regions, 0));
    CHECK_EQ(frames(0, 0), 0);
    CHECK_EQ(find(1, 1, 0, 0), 0);
}

KTEST(memmap, zero_length)
{
    begin();
    add(0, 0, MEMMAP_RAM, 0);
    add(0x1000, 0, MEMMAP_BAD, 0);
    add(0x1000, 0x1000, MEMMAP_RAM, 0);
    add(0x1800, 0, MEMMAP_BAD, 0);
    add(UINT64_MAX, 0, MEMMAP_BAD, 0);
    sanitise();
    CHECK_EQ(region_count, 1);
    CHECK(region_is(0, 0x1000, 0x2000, MEMMAP_RAM, 0));
}

KTEST(memmap, wrap_is_cut)
{
    begin();
    add(0xfffffffffffff000, 0x2000, MEMMAP_RAM, 0);
    add(0x1000, UINT64_MAX, MEMMAP_RESERVED, 0);
    add(0, 0x1800, MEMMAP_RAM, 0);
    sanitise();
    CHECK_EQ(region_count, 2);
    CHECK(region_is(0, 0, 0x1000, MEMMAP_RAM, 0));
    CHECK(region_is(1, 0x1000, 0, MEMMAP_RESERVED, 0));
}

KTEST(memmap, everything)
{
    begin();
    add(0, UINT64_MAX, MEMMAP_RAM, 0);
    add(1, UINT64_MAX, MEMMAP_RAM, 0);
    sanitise();
    CHECK_EQ(region_count, 1);
    CHECK(region_is(0, 0, 0, MEMMAP_RAM, 0));
    CHECK_EQ(frames(0, 0), (uint64_t)1 << 52);
    CHECK_EQ(type_bytes(MEMMAP_RAM), UINT64_MAX);
    CHECK_EQ(ram_above(0xfffffffffffff000), 0x1000);
    CHECK_EQ(ram_above(1), UINT64_MAX);
    CHECK_EQ(find(0x1000, 0x1000, 0, 0), 0xfffffffffffff000);
}

KTEST(memmap, last_byte)
{
    begin();
    add(UINT64_MAX, 1, MEMMAP_RAM, 0);
    add(0, UINT64_MAX, MEMMAP_RESERVED, 0);
    sanitise();
    CHECK_EQ(region_count, 2);
    CHECK(region_is(0, 0, UINT64_MAX, MEMMAP_RESERVED, 0));
    CHECK(region_is(1, UINT64_MAX, 0, MEMMAP_RAM, 0));
    CHECK_EQ(frames(0, 0), 0);
}

/* An owner number that this kernel does not know is a strong owner like any other. */
KTEST(memmap, unknown_owner)
{
    begin();
    add(0, 0x3000, MEMMAP_RAM, 0);
    add(0x1000, 0x1000, MEMMAP_RAM, 1000);
    add(0x1000, 0x1000, MEMMAP_RAM, MEMMAP_KERNEL);
    sanitise();
    CHECK_EQ(region_count, 3);
    CHECK(region_is(1, 0x1000, 0x2000, MEMMAP_RAM, 1000));
    CHECK(equal(memmap_owner_name(1000), "unknown"));
    CHECK(equal(memmap_owner_name(MEMMAP_OWNERS), "unknown"));
    CHECK(equal(memmap_type_name(1000), "unknown"));
}

KTEST(memmap, check_finds_faults)
{
    struct memmap_region bad[2] = {{0, 0x1000, 1, 0}, {0x1000, 0x2000, 2, 0}};

    CHECK(memmap_check(bad, 2));
    bad[1].type = 1;
    CHECK(!memmap_check(bad, 2)); /* not joined */
    bad[1].owner = MEMMAP_KERNEL;
    CHECK(memmap_check(bad, 2));
    bad[1].start = 0xfff;
    CHECK(!memmap_check(bad, 2)); /* overlap */
    bad[1].start = bad[1].end;
    CHECK(!memmap_check(bad, 2)); /* empty */
    bad[1] = bad[0];
    bad[0] = (struct memmap_region){0x1000, 0, 2, 0};
    CHECK(!memmap_check(bad, 2)); /* out of order, behind the end of everything */
}

/* ---- frames ---- */

/* Quarter frames: four columns to a frame. */
/* clang-format off */
static const struct {
    const char *rows[6];
    unsigned frames;
} quarters[] = {
    {{"1111                                            "}, 1},
    {{" 111                                            "}, 0},
    {{" 11111111                                       "}, 1},
    {{"1                                               ",
      " 11                                             ",
      "   1                                            "}, 1},
    {{"111                                             ",
      "    1111                                        "}, 1},
    {{"11111111111111111111111111111111111111111111111 "}, 11},
    {{"111111111111111111111111111111111111111111111111"}, 12},
    {{"111111111111111111111111111111111111111111111111",
      "     3                                          ",
      "                              22                "}, 10},
    /* an owner takes nothing away from what is RAM */
    {{"1111111111111111                                ",
      "  KKKK                                          "}, 4},
};
/* clang-format on */

KTEST(memmap, whole_frames)
{
    for (size_t i = 0; i < ARRAY_LENGTH(quarters); i++) {
        begin();
        for (size_t row = 0; row < 6 && quarters[i].rows[row]; row++)
            add_row(quarters[i].rows[row], 0xfffff000, 1024);
        sanitise();
        CHECK_EQ(frames(0, 0), quarters[i].frames);
    }
}

KTEST(memmap, frames_in_a_window)
{
    begin();
    add(0x1000, 0x8000, MEMMAP_RAM, 0);
    sanitise();
    CHECK_EQ(frames(0, 0), 8);
    CHECK_EQ(frames(0x3000, 0x5000), 2);
    CHECK_EQ(frames(0x2fff, 0x5001), 2);
    CHECK_EQ(frames(0x3001, 0x5000), 1);
    CHECK_EQ(frames(0x9000, 0), 0);
    CHECK_EQ(frames(0x5000, 0x3000), 0);
}

KTEST(memmap, sums_of_bytes)
{
    begin();
    add(0, 0x1001, MEMMAP_RAM, 0);
    add(0x1001, 0x20, MEMMAP_ACPI, 0);
    add(0x2000, 0x3000, MEMMAP_RAM, 0);
    add(0, 0x800, 0, MEMMAP_LOW);
    add(0x1000, 0x2000, 0, MEMMAP_MODULE);
    sanitise();
    CHECK_EQ(type_bytes(MEMMAP_RAM), 0x4001);
    CHECK_EQ(type_bytes(MEMMAP_ACPI), 0x20);
    CHECK_EQ(type_bytes(MEMMAP_BAD), 0);
    CHECK_EQ(owner_bytes(MEMMAP_LOW), 0x800);
    CHECK_EQ(owner_bytes(MEMMAP_MODULE), 0x1001);
    CHECK_EQ(owner_bytes(MEMMAP_FREE), 0x800 + 0x2000);
    CHECK_EQ(ram_above(0), 0x4001);
    CHECK_EQ(ram_above(0x1000), 0x3001);
    CHECK_EQ(ram_above(0x4fff), 1);
    CHECK_EQ(ram_above(0x5000), 0);
}

/* ---- finding room ---- */

KTEST(memmap, find)
{
    begin();
    add(0x1000, 0xf000, MEMMAP_RAM, 0);
    add(0x20000, 0x2800, MEMMAP_RAM, 0);
    add(0x21000, 0x100, MEMMAP_RAM, MEMMAP_MODULE);
    sanitise();
    CHECK_EQ(find(0x1000, 0x1000, 0, 0), 0x20000);
    CHECK_EQ(find(0x1700, 1, 0, 0), 0x21100);
    CHECK_EQ(find(0x1701, 1, 0, 0), 0x10000 - 0x1701);
    CHECK_EQ(find(0x1701, 0x1000, 0, 0), 0xe000);
    CHECK_EQ(find(0x1000, 0x1000, 0, 0x20fff), 0xf000);
    CHECK_EQ(find(0x1000, 0x1000, 0x20001, 0), 0);
    CHECK_EQ(find(0xf000, 0x1000, 0, 0), 0x1000);
    CHECK_EQ(find(0xf000, 0x2000, 0, 0), 0);
    CHECK_EQ(find(0xf001, 1, 0, 0), 0);
    CHECK_EQ(find(UINT64_MAX, 1, 0, 0), 0);
    CHECK_EQ(find(0, 1, 0, 0), 0);
    CHECK_EQ(find(1, (uint64_t)1 << 63, 0, 0), 0);
}

/* Address 0 means "none" and is never the answer. */
KTEST(memmap, find_never_zero)
{
    begin();
    add(0, 0x1000, MEMMAP_RAM, 0);
    sanitise();
    CHECK_EQ(find(0x1000, 1, 0, 0), 0);
    CHECK_EQ(find(0xfff, 1, 0, 0), 1);
}

/* ---- printing ---- */

static bool
printed_is(const char *text)
{
    bool same = equal(printed, text);

    if (!same)
        print(ktest_out, "# printed:\n%s# wanted:\n%s", printed, text);
    printed_length = 0;
    return same;
}

KTEST(memmap, print)
{
    begin();
    add(0, 0xa0000, MEMMAP_RAM, 0);
    add(0x100000, 0x1ff00000, MEMMAP_RAM, 0);
    add(0x1fff0000, 0x10000, MEMMAP_ACPI, 0);
    add(0x100000000, 0x40000000, MEMMAP_RAM, 0);
    add(0xffffffffffff0000, 0x10000, 20, 0);
    add(0xfffffffffffe0000, 0x8000, 3, 0);
    memmap_print_entries(&captured, entries, entry_count);
    CHECK(
        printed_is("mmap: base=0x0000000000000000 length=0x00000000000a0000 type=1 (usable)\n"
                   "mmap: base=0x0000000000100000 length=0x000000001ff00000 type=1 (usable)\n"
                   "mmap: base=0x000000001fff0000 length=0x0000000000010000 type=3 (ACPI data)\n"
                   "mmap: base=0x0000000100000000 length=0x0000000040000000 type=1 (usable)\n"
                   "mmap: base=0xffffffffffff0000 length=0x0000000000010000 type=20 (unknown)\n"
                   "mmap: base=0xfffffffffffe0000 length=0x0000000000008000 type=3 (ACPI data)\n"));
    add(0, 0x1000, 0, MEMMAP_LOW);
    add(0x100000, 0x180000, 0, MEMMAP_KERNEL);
    sanitise();
    memmap_print_regions(&captured, regions, region_count);
    CHECK(printed_is(
        "memmap: [0x0000000000000000, 0x0000000000001000) 4 KiB usable, low memory\n"
        "memmap: [0x0000000000001000, 0x00000000000a0000) 636 KiB usable\n"
        "memmap: [0x0000000000100000, 0x0000000000280000) 1536 KiB usable, kernel image\n"
        "memmap: [0x0000000000280000, 0x000000001fff0000) 521664 KiB usable\n"
        "memmap: [0x000000001fff0000, 0x0000000020000000) 64 KiB ACPI data\n"
        "memmap: [0x0000000100000000, 0x0000000140000000) 1048576 KiB usable\n"
        "memmap: [0xfffffffffffe0000, 0xfffffffffffe8000) 32 KiB ACPI data\n"
        "memmap: [0xffffffffffff0000, 0x10000000000000000) 64 KiB unknown 20\n"
        "memmap: total 1535.5 MB (1572416 KiB) usable\n"
        "memmap: total 1024.0 MB (1048576 KiB) usable above 4 GiB\n"
        "memmap: total 0.0 MB (96 KiB) ACPI data (type 3)\n"
        "memmap: total 0.0 MB (64 KiB) unknown (type 20)\n"
        "memmap: total 0.0 MB (4 KiB) usable, low memory\n"
        "memmap: total 1.5 MB (1536 KiB) usable, kernel image\n"));
}

/* ---- random maps ---- */

/* From the weakest to the strictest; the numbers that the drawings know. */
static const uint32_t strictness[] = {1, 3, 4, 7, 12, 2, 0, 6, 0xffffffff, 5};

static size_t
strictness_of(uint32_t type)
{
    size_t i = 0;

    while (strictness[i] != type)
        i++;
    return i;
}

/* What the map must say of one cell, found by looking at every entry. */
static void
slow_cell(uint64_t address, char *type, char *owner)
{
    bool listed = false;
    size_t strictest = 0;
    uint32_t strongest = MEMMAP_FREE;

    for (size_t i = 0; i < entry_count; i++) {
        const struct memmap_entry *entry = &entries[i];

        if (address < entry->base || address - entry->base >= entry->length)
            continue;
        if (entry->owner > strongest)
            strongest = entry->owner;
        if (entry->owner != MEMMAP_FREE)
            continue;
        if (strictness_of(entry->type) > strictest)
            strictest = strictness_of(entry->type);
        listed = true;
    }
    *type = listed ? drawn_type(strictness[strictest]) : ' ';
    *owner = listed ? drawn_owner(strongest) : ' ';
}

static void
add_random(uint32_t *random, uint64_t origin, bool to_the_top)
{
    static const uint32_t owners[] = {MEMMAP_LOW, MEMMAP_MODULE, MEMMAP_KERNEL};
    uint64_t base = origin + ktest_random(random) % CELLS;
    uint64_t length = ktest_random(random) % (CELLS / 2);

    if (to_the_top && ktest_random(random) % 4 == 0)
        length += UINT64_MAX - CELLS;
    add(base, length, strictness[ktest_random(random) % ARRAY_LENGTH(strictness)],
        ktest_random(random) % 4 ? MEMMAP_FREE : owners[ktest_random(random) % 3]);
}

KTEST(memmap, random_against_every_cell)
{
    static char types[CELLS + 1];
    static char owners[CELLS + 1];
    uint32_t random = ktest_seed();

    for (unsigned round = 0; round < 2000; round++) {
        bool to_the_top = round % 2;
        uint64_t origin = to_the_top ? UINT64_MAX - (CELLS - 1) : (uint64_t)round << 28;
        size_t count = ktest_random(&random) % (ENTRIES_MAX + 1);

        begin();
        while (count-- > 0)
            add_random(&random, origin, to_the_top);
        sanitise();
        for (size_t i = 0; i < CELLS; i++)
            slow_cell(origin + i, &types[i], &owners[i]);
        CHECK(looks_like(types, owners, origin, 1));
        CHECK(memmap_check(regions, region_count));
        CHECK(region_count <= MEMMAP_REGIONS(entry_count));
    }
}

/* True when every byte of [start, start + size) is unowned RAM. */
static bool
slow_free(uint64_t start, uint64_t size)
{
    for (uint64_t at = start; at < start + size; at++) {
        char type;
        char owner;

        slow_cell(at, &type, &owner);
        if (type != '1' || owner != '.')
            return false;
    }
    return true;
}

static uint64_t
slow_find(uint64_t size, uint64_t align, uint64_t floor, uint64_t ceiling)
{
    for (uint64_t start = ceiling - size; start >= floor && start != 0; start--) {
        if (is_aligned(start, align) && slow_free(start, size))
            return start;
    }
    return 0;
}

KTEST(memmap, random_find)
{
    uint32_t random = ktest_seed();

    for (unsigned round = 0; round < 500; round++) {
        uint64_t size = 1 + ktest_random(&random) % 12;
        uint64_t align = (uint64_t)1 << ktest_random(&random) % 4;
        uint64_t floor = ktest_random(&random) % 16;
        uint64_t ceiling = 16 + ktest_random(&random) % (CELLS - 16);

        begin();
        add(0, CELLS, MEMMAP_RAM, 0);
        for (unsigned i = 0; i < 3; i++)
            add(ktest_random(&random) % CELLS, ktest_random(&random) % 8, MEMMAP_RESERVED,
                ktest_random(&random) % 2 ? MEMMAP_FREE : MEMMAP_MODULE);
        sanitise();
        CHECK_EQ(find(size, align, floor, ceiling), slow_find(size, align, floor, ceiling));
    }
}
