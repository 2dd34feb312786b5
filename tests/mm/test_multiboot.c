/* test_multiboot.c - the boot information of every loader we know, and of loaders that lie.
 *
 * A machine of two kilobytes stands in for physical memory: bytes from BASE on can be read, others
 * cannot, but for ENDLESS, where every byte is an `x`. The tests write the loader's structures with
 * put32 and put_text at fixed places:
 *
 *   MBI 0x000   strings 0x100   modules 0x200   map 0x300   ELF headers 0x500
 */
#include <string.h>
#include "ktest.h"
#include "multiboot.h"

#define BASE    0x10000u
#define SIZE    2048u
#define ENDLESS 0x80000000u

#define MBI      BASE
#define STRINGS  (BASE + 0x100)
#define MODULES  (BASE + 0x200)
#define MAP      (BASE + 0x300)
#define SECTIONS (BASE + 0x500)

/* Flags, and offsets of the fields they stand for. */
enum { MEMORY = 0x1, CMDLINE = 0x4, MODULE = 0x8, ELF = 0x20, FULL_MAP = 0x40, LOADER = 0x200 };
enum {
    AT_LOWER = 4,
    AT_UPPER = 8,
    AT_CMDLINE = 16,
    AT_MODS = 20,
    AT_ELF = 28,
    AT_MAP = 44,
    AT_LOADER = 64
};

static uint8_t memory[SIZE];
static uint8_t pool[6 * 1024] __attribute__((aligned(16)));
static size_t pool_used;
static unsigned allocations_left;

static bool
fake_read(void *arg, uint64_t physical, void *into, size_t size)
{
    (void)arg;
    if (physical >= ENDLESS && physical + size <= 2ull * ENDLESS) {
        memset(into, 'x', size);
        return true;
    }
    if (physical < BASE || physical > BASE + SIZE || size > BASE + SIZE - physical)
        return false;
    memcpy(into, &memory[physical - BASE], size);
    return true;
}

static void *
fake_alloc(void *arg, size_t size)
{
    void *at = &pool[pool_used];

    (void)arg;
    if (allocations_left == 0 || size > sizeof(pool) - pool_used)
        return NULL;
    allocations_left--;
    pool_used += (size + 15) & ~(size_t)15;
    return at;
}

static const struct multiboot_source source = {fake_read, fake_alloc, NULL};

static void
put32(uint32_t at, uint32_t value)
{
    memcpy(&memory[at - BASE], &value, sizeof(value));
}

static uint32_t
put_text(uint32_t at, const char *text)
{
    memcpy(&memory[at - BASE], text, strlen(text) + 1);
    return at;
}

static void
put_field(unsigned offset, uint32_t value)
{
    put32(MBI + offset, value);
}

/* An empty machine with these flags. */
static void
begin(uint32_t flags)
{
    memset(memory, 0, sizeof(memory));
    put_field(0, flags);
}

static void
parse(struct boot_info *info)
{
    pool_used = 0;
    allocations_left = 1000;
    multiboot_read(&source, MBI, info);
}

/* Writes an entry of the map whose `size` field says `size`; returns where the next one begins. */
static uint32_t
put_entry(uint32_t at, uint32_t size, uint64_t base, uint64_t length, uint32_t type)
{
    put32(at, size);
    put32(at + 4, (uint32_t)base);
    put32(at + 8, (uint32_t)(base >> 32));
    put32(at + 12, (uint32_t)length);
    put32(at + 16, (uint32_t)(length >> 32));
    put32(at + 20, type);
    return at + size + 4;
}

/* Makes [MAP, end) the memory map. */
static void
put_map(uint32_t end)
{
    put_field(AT_MAP, end - MAP);
    put_field(AT_MAP + 4, MAP);
}

/* The usual two entries. */
static void
put_usual_map(void)
{
    uint32_t at = put_entry(MAP, 20, 0, 0x9fc00, MEMMAP_RAM);

    put_map(put_entry(at, 20, 0x100000, 0x1f00000, MEMMAP_RAM));
}

static void
put_module(unsigned index, uint32_t start, uint32_t end, uint32_t string)
{
    put32(MODULES + 16 * index, start);
    put32(MODULES + 16 * index + 4, end);
    put32(MODULES + 16 * index + 8, string);
}

static void
put_modules(uint32_t count)
{
    put_field(AT_MODS, count);
    put_field(AT_MODS + 4, MODULES);
}

static bool
noted(const struct boot_info *info, const char *part)
{
    for (size_t i = 0; i < info->note_count; i++) {
        if (strstr(info->notes[i], part) != NULL)
            return true;
    }
    return false;
}

static bool
owns(const struct boot_info *info, uint64_t start, uint64_t length, uint32_t owner)
{
    for (size_t i = 0; i < info->owned_count; i++) {
        const struct memmap_entry *owned = &info->owned[i];

        if (owned->base == start && owned->length == length && owned->owner == owner)
            return true;
    }
    return false;
}

/* What must hold whatever the loader said. */
static bool
is_valid(const struct boot_info *info)
{
    if ((info->map == BOOT_MAP_NONE) != (info->entry_count == 0))
        return false;
    if (strlen(info->cmdline) > MULTIBOOT_STRING_MAX || strlen(info->loader) > MULTIBOOT_STRING_MAX)
        return false;
    for (size_t i = 0; i < info->module_count; i++) {
        if (info->modules[i].end < info->modules[i].start || info->modules[i].string == NULL)
            return false;
    }
    for (size_t i = 0; i < info->owned_count; i++) {
        if (info->owned[i].length == 0 || info->owned[i].owner == MEMMAP_FREE)
            return false;
    }
    return info->note_count <= BOOT_NOTES_MAX;
}

KTEST(multiboot, all_of_it)
{
    struct boot_info info;

    begin(MEMORY | CMDLINE | MODULE | FULL_MAP | LOADER);
    put_field(AT_CMDLINE, put_text(STRINGS, "kernel.elf test"));
    put_field(AT_LOADER, put_text(STRINGS + 0x40, "Octavo 0.1 (E820)"));
    put_module(0, 0x200000, 0x201234, put_text(STRINGS + 0x60, "shell a b"));
    put_module(1, 0x202000, 0x203000, 0);
    put_modules(2);
    put_usual_map();
    parse(&info);
    CHECK(is_valid(&info));
    CHECK_EQ(info.note_count, 0);
    CHECK(strcmp(info.cmdline, "kernel.elf test") == 0);
    CHECK(strcmp(info.loader, "Octavo 0.1 (E820)") == 0);
    CHECK_EQ(info.module_count, 2);
    CHECK_EQ(info.modules[0].end, 0x201234);
    CHECK(strcmp(info.modules[0].string, "shell a b") == 0);
    CHECK(strcmp(info.modules[1].string, "") == 0);
    CHECK_EQ(info.map, BOOT_MAP_FULL);
    CHECK_EQ(info.entry_count, 2);
    CHECK_EQ(info.entries[1].base, 0x100000);
    CHECK_EQ(info.entries[1].length, 0x1f00000);
}

KTEST(multiboot, everything_named_is_owned)
{
    struct boot_info info;

    begin(CMDLINE | MODULE | FULL_MAP | LOADER);
    put_field(AT_CMDLINE, put_text(STRINGS, "test"));
    put_field(AT_LOADER, put_text(STRINGS + 0x40, "name"));
    put_module(0, 0x200000, 0x201234, put_text(STRINGS + 0x60, "shell"));
    put_modules(1);
    put_usual_map();
    parse(&info);
    CHECK(owns(&info, MBI, 120, MEMMAP_BOOTINFO));
    CHECK(owns(&info, STRINGS, 5, MEMMAP_BOOTINFO));
    CHECK(owns(&info, STRINGS + 0x40, 5, MEMMAP_BOOTINFO));
    CHECK(owns(&info, STRINGS + 0x60, 6, MEMMAP_BOOTINFO));
    CHECK(owns(&info, MODULES, 16, MEMMAP_BOOTINFO));
    CHECK(owns(&info, 0x200000, 0x1234, MEMMAP_MODULE));
    CHECK(owns(&info, MAP, 48, MEMMAP_BOOTINFO));
    CHECK_EQ(info.owned_count, 7);
}

/* v86: no mem_*, no name; one module whose string is NULL. */
KTEST(multiboot, few_fields)
{
    struct boot_info info;

    begin(CMDLINE | MODULE | FULL_MAP);
    put_field(AT_CMDLINE, put_text(STRINGS, ""));
    put_module(0, 0x300000, 0x300001, 0);
    put_modules(1);
    put_usual_map();
    parse(&info);
    CHECK(is_valid(&info) && info.note_count == 0);
    CHECK_EQ(info.module_count, 1);
    CHECK(strcmp(info.loader, "") == 0 && strcmp(info.cmdline, "") == 0);
}

KTEST(multiboot, fields_without_their_flag)
{
    struct boot_info info;

    begin(MEMORY);
    put_field(AT_UPPER, 1024);
    put_field(AT_CMDLINE, put_text(STRINGS, "not there"));
    put_field(AT_LOADER, STRINGS);
    put_modules(3);
    put_usual_map();
    parse(&info);
    CHECK(is_valid(&info) && info.note_count == 0);
    CHECK(strcmp(info.cmdline, "") == 0 && strcmp(info.loader, "") == 0);
    CHECK_EQ(info.module_count, 0);
    CHECK_EQ(info.map, BOOT_MAP_SIZES);
    CHECK_EQ(info.owned_count, 1);
}

KTEST(multiboot, sizes_only)
{
    struct boot_info info;

    begin(MEMORY);
    put_field(AT_LOWER, 639);
    put_field(AT_UPPER, 0xffffffff);
    parse(&info);
    CHECK_EQ(info.map, BOOT_MAP_SIZES);
    CHECK_EQ(info.entry_count, 2);
    CHECK_EQ(info.entries[0].length, 639 * 1024);
    CHECK_EQ(info.entries[1].base, 0x100000);
    CHECK_EQ(info.entries[1].length, 0xffffffffull << 10);
    put_field(AT_LOWER, 641);
    parse(&info);
    CHECK_EQ(info.entries[0].length, 640 * 1024);
    CHECK(noted(&info, "mem_lower"));
}

KTEST(multiboot, no_memory_at_all)
{
    struct boot_info info;

    begin(0);
    parse(&info);
    CHECK(is_valid(&info) && info.map == BOOT_MAP_NONE);
    begin(MEMORY);
    parse(&info);
    CHECK(is_valid(&info) && info.map == BOOT_MAP_NONE);
}

KTEST(multiboot, unreadable_information)
{
    struct boot_info info;

    pool_used = 0;
    allocations_left = 1000;
    multiboot_read(&source, BASE - 4, &info);
    CHECK(is_valid(&info) && info.map == BOOT_MAP_NONE);
    CHECK(noted(&info, "cannot be read"));
    multiboot_read(&source, UINT64_MAX - 8, &info);
    CHECK(is_valid(&info) && info.map == BOOT_MAP_NONE);
    /* Only its beginning is there. */
    begin(0);
    memset(&memory[SIZE - 16], 0xff, 16);
    multiboot_read(&source, BASE + SIZE - 16, &info);
    CHECK(is_valid(&info));
}

KTEST(multiboot, map_with_longer_entries)
{
    struct boot_info info;
    uint32_t at;

    begin(FULL_MAP);
    at = put_entry(MAP, 24, 0, 0x1000, MEMMAP_RAM);
    at = put_entry(at, 40, 0x100000000, 0xffffffffffffffff, 0xabcdef);
    put_map(put_entry(at, 20, 0, 0, 0));
    parse(&info);
    CHECK(is_valid(&info) && info.note_count == 0);
    CHECK_EQ(info.entry_count, 3);
    CHECK_EQ(info.entries[1].base, 0x100000000);
    CHECK_EQ(info.entries[1].length, 0xffffffffffffffff);
    CHECK_EQ(info.entries[1].type, 0xabcdef);
    CHECK_EQ(info.entries[2].length, 0);
}

/* Entries whose size leads nowhere, backwards, or beyond the end. */
KTEST(multiboot, map_with_impossible_sizes)
{
    static const uint32_t sizes[] = {0, 1, 19, 21, 0x7fffffff, 0xfffffffb, 0xfffffffc, 0xffffffff};
    struct boot_info info;

    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        uint32_t at;

        begin(FULL_MAP);
        at = put_entry(MAP, 20, 0, 0x1000, MEMMAP_RAM);
        put_entry(at, sizes[i], 0x100000, 0x1000, MEMMAP_RAM);
        put_map(at + 24);
        parse(&info);
        CHECK(is_valid(&info));
        CHECK_EQ(info.entry_count, 1);
        CHECK(noted(&info, "impossible size"));
    }
}

KTEST(multiboot, map_that_cannot_be_read)
{
    struct boot_info info;

    begin(FULL_MAP | MEMORY);
    put_field(AT_UPPER, 4096);
    put_field(AT_MAP, 0x1000);
    put_field(AT_MAP + 4, 0xfffff000);
    parse(&info);
    CHECK(is_valid(&info));
    put_field(AT_MAP + 4, BASE + SIZE - 8);
    parse(&info);
    CHECK_EQ(info.map, BOOT_MAP_SIZES);
    CHECK(noted(&info, "cannot be read to its end"));
}

KTEST(multiboot, map_of_four_gib)
{
    struct boot_info info;

    begin(FULL_MAP);
    put_usual_map();
    put_field(AT_MAP, 0xffffffff);
    parse(&info);
    CHECK(is_valid(&info));
    CHECK(noted(&info, "1 MiB"));
    CHECK_EQ(info.entry_count, 2);
    CHECK(owns(&info, MAP, 1 << 20, MEMMAP_BOOTINFO));
}

KTEST(multiboot, map_without_ram)
{
    struct boot_info info;

    begin(FULL_MAP | MEMORY);
    put_field(AT_UPPER, 4096);
    put_map(put_entry(MAP, 20, 0, 0x1000, MEMMAP_RESERVED));
    parse(&info);
    CHECK(noted(&info, "no RAM"));
    CHECK_EQ(info.map, BOOT_MAP_SIZES);
    CHECK_EQ(info.entry_count, 2);
}

KTEST(multiboot, modules_that_lie)
{
    struct boot_info info;

    begin(MODULE);
    put_module(0, 0x300000, 0x2fffff, 0);
    put_module(1, 0x300000, 0x300000, BASE + SIZE - 1);
    put_module(2, 0xfffff000, 0xffffffff, 0xffffffff);
    memory[SIZE - 1] = 'm';
    put_modules(3);
    parse(&info);
    CHECK(is_valid(&info));
    CHECK_EQ(info.module_count, 2);
    CHECK(noted(&info, "before it starts") && noted(&info, "to its end"));
    CHECK(strcmp(info.modules[0].string, "m") == 0);
}

KTEST(multiboot, too_many_modules)
{
    static const uint32_t counts[] = {1025, 0x10000000, 0x10000001, 0xffffffff};
    struct boot_info info;

    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        begin(MODULE);
        put_modules(counts[i]);
        parse(&info);
        CHECK(is_valid(&info) && info.module_count == 0);
        CHECK(noted(&info, "not believed"));
    }
    begin(MODULE);
    put_modules(20);
    put_field(AT_MODS + 4, BASE + SIZE - 40);
    parse(&info);
    CHECK(is_valid(&info));
    CHECK(noted(&info, "list of modules"));
}

KTEST(multiboot, string_without_end)
{
    struct boot_info info;

    begin(CMDLINE | LOADER);
    put_field(AT_CMDLINE, ENDLESS);
    put_field(AT_LOADER, 0xffffffff);
    parse(&info);
    CHECK(is_valid(&info));
    CHECK_EQ(strlen(info.cmdline), MULTIBOOT_STRING_MAX);
    CHECK(noted(&info, "4095"));
    CHECK_EQ(strlen(info.loader), 1);
}

/* One ELF section header. */
static void
put_section(unsigned index, uint32_t flags, uint32_t address, uint32_t size)
{
    uint32_t at = SECTIONS + 40 * index;

    put32(at + 8, flags);
    put32(at + 12, address);
    put32(at + 20, size);
}

static void
put_elf(uint32_t count, uint32_t size, uint32_t address)
{
    put_field(AT_ELF, count);
    put_field(AT_ELF + 4, size);
    put_field(AT_ELF + 8, address);
    put_field(AT_ELF + 12, 0);
}

/* Sections of the image have virtual addresses, which are no memory to protect. */
KTEST(multiboot, sections)
{
    struct boot_info info;

    begin(ELF);
    put_section(1, 2, 0xc0100000, 0x1000);
    put_section(2, 0, 0x180000, 0x800);
    put_section(3, 0, 0, 0x800);
    put_elf(4, 40, SECTIONS);
    parse(&info);
    CHECK(is_valid(&info) && info.note_count == 0);
    CHECK_EQ(info.elf.count, 4);
    CHECK_EQ(info.elf.address, SECTIONS);
    CHECK(owns(&info, SECTIONS, 160, MEMMAP_BOOTINFO));
    CHECK(owns(&info, 0x180000, 0x800, MEMMAP_BOOTINFO));
    CHECK_EQ(info.owned_count, 3);
}

KTEST(multiboot, sections_that_make_no_sense)
{
    static const uint32_t wrong[][3] = {{4, 39, SECTIONS},          {4, 0, SECTIONS},
                                        {0xffffffff, 40, SECTIONS}, {4, 0xffffffff, SECTIONS},
                                        {4, 40, 0xfffffff0},        {20, 1024, BASE}};
    struct boot_info info;

    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        begin(ELF);
        put_elf(wrong[i][0], wrong[i][1], wrong[i][2]);
        parse(&info);
        CHECK(is_valid(&info));
        CHECK_EQ(info.elf.count, 0);
        CHECK(noted(&info, "no symbols"));
    }
}

/* Fails the 1st, 2nd, 3rd ... allocation, until none is left to fail. */
KTEST(multiboot, out_of_memory)
{
    struct boot_info info;

    begin(MEMORY | CMDLINE | MODULE | FULL_MAP | LOADER);
    put_field(AT_CMDLINE, put_text(STRINGS, "test"));
    put_field(AT_LOADER, STRINGS);
    put_module(0, 0x200000, 0x201234, STRINGS);
    put_modules(1);
    put_usual_map();
    for (unsigned allowed = 0; allowed < 16; allowed++) {
        pool_used = 0;
        allocations_left = allowed;
        multiboot_read(&source, MBI, &info);
        CHECK(is_valid(&info));
        CHECK(info.module_count == 0 || owns(&info, 0x200000, 0x1234, MEMMAP_MODULE));
        CHECK(allocations_left != 0 || noted(&info, "no memory") || info.note_count == 0);
    }
    CHECK_EQ(info.note_count, 0);
}

/* Rubbish with plausible addresses. */
KTEST(multiboot, random)
{
    uint32_t seed = ktest_seed();
    struct boot_info info;

    for (unsigned round = 0; round < 500; round++) {
        for (unsigned i = 0; i < SIZE; i += 4) {
            uint32_t value = ktest_random(&seed);

            if (value % 4 == 0)
                value = BASE + value % (SIZE + 64);
            else if (value % 4 == 1)
                value %= 64;
            put32(BASE + i, value);
        }
        parse(&info);
        CHECK(is_valid(&info));
    }
}
