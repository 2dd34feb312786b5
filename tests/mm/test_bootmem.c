/* test_bootmem.c - claims and pieces handed out: always RAM, never twice, nothing lost when memory
 * is short. */
#include "ktest.h"
#include "bootmem.h"
#include "early.h"
#include "platform.h"
#include "range.h"

#define ARENA 16384

static struct early_heap heap;
static struct bootmem boot;

/* A small PC: 640 KiB less the EBDA, a hole, 15 MiB, ACPI, and ROM below 4 GiB. */
static const struct memmap_entry small_pc[] = {
    {0x100000, 0xf00000, MEMMAP_RAM, 0},       {0, 0x9fc00, MEMMAP_RAM, 0},
    {0x9fc00, 0x400, MEMMAP_RESERVED, 0},      {0xff0000, 0x4000, MEMMAP_ACPI, 0},
    {0xfffc0000, 0x40000, MEMMAP_RESERVED, 0}, {0, 0, MEMMAP_RESERVED, 0},
};

static bool
begin(size_t arena_bytes)
{
    early_heap_init(&heap, ktest_scratch, arena_bytes);
    return bootmem_init_in(&boot, &heap, small_pc, ARRAY_LENGTH(small_pc));
}

static uint64_t
free_bytes(void)
{
    return memmap_owner_bytes(boot.regions, boot.region_count, MEMMAP_FREE);
}

static uint64_t
bytes_of(enum memmap_owner owner)
{
    return memmap_owner_bytes(boot.regions, boot.region_count, owner);
}

static bool
region_is(size_t i, uint64_t start, uint64_t end, uint32_t type, uint32_t owner)
{
    return i < boot.region_count && boot.regions[i].start == start && boot.regions[i].end == end &&
           boot.regions[i].type == type && boot.regions[i].owner == owner;
}

KTEST(bootmem, init)
{
    CHECK(begin(ARENA));
    CHECK_EQ(boot.region_count, 7);
    CHECK(region_is(0, 0, 0x1000, MEMMAP_RAM, MEMMAP_LOW));
    CHECK(region_is(1, 0x1000, 0x9fc00, MEMMAP_RAM, MEMMAP_FREE));
    CHECK(region_is(2, 0x9fc00, 0xa0000, MEMMAP_RESERVED, MEMMAP_FREE));
    CHECK(region_is(3, 0x100000, 0xff0000, MEMMAP_RAM, MEMMAP_FREE));
    CHECK(region_is(4, 0xff0000, 0xff4000, MEMMAP_ACPI, MEMMAP_FREE));
    CHECK(region_is(5, 0xff4000, 0x1000000, MEMMAP_RAM, MEMMAP_FREE));
    CHECK(region_is(6, 0xfffc0000, 0x100000000, MEMMAP_RESERVED, MEMMAP_FREE));
    bootmem_check(&boot);
}

/* The firmware's list stays as it came, through any number of claims. */
KTEST(bootmem, firmware_list_is_kept)
{
    CHECK(begin(ARENA));
    for (unsigned i = 0; i < 40; i++)
        bootmem_own(&boot, 0x200000 + i * 0x2000, 0x201000 + i * 0x2000, MEMMAP_MODULE);
    CHECK_EQ(boot.firmware_count, ARRAY_LENGTH(small_pc));
    for (size_t i = 0; i < ARRAY_LENGTH(small_pc); i++) {
        CHECK_EQ(boot.entries[i].base, small_pc[i].base);
        CHECK_EQ(boot.entries[i].length, small_pc[i].length);
        CHECK_EQ(boot.entries[i].type, small_pc[i].type);
    }
    CHECK_EQ(bytes_of(MEMMAP_MODULE), 40 * 0x1000);
    early_heap_check(&heap);
}

/* An owner that the firmware's list brings along means nothing. */
KTEST(bootmem, firmware_owns_nothing)
{
    struct memmap_entry entry = {0x100000, 0x100000, MEMMAP_RAM, MEMMAP_KERNEL};

    early_heap_init(&heap, ktest_scratch, ARENA);
    CHECK(bootmem_init_in(&boot, &heap, &entry, 1));
    CHECK_EQ(boot.region_count, 1);
    CHECK(region_is(0, 0x100000, 0x200000, MEMMAP_RAM, MEMMAP_FREE));
}

KTEST(bootmem, empty_map)
{
    early_heap_init(&heap, ktest_scratch, ARENA);
    CHECK(bootmem_init_in(&boot, &heap, NULL, 0));
    CHECK_EQ(boot.region_count, 0);
    CHECK_EQ(bootmem_take(&boot, PAGE_SIZE, PAGE_SIZE, 0, MEMMAP_METADATA), 0);
    bootmem_check(&boot);
}

KTEST(bootmem, own_rounds_out)
{
    CHECK(begin(ARENA));
    bootmem_own(&boot, 0x200fff, 0x202001, MEMMAP_KERNEL);
    CHECK_EQ(bytes_of(MEMMAP_KERNEL), 0x3000);
    bootmem_own(&boot, 0x9fc00, 0xa0000, MEMMAP_LOW);
    CHECK_EQ(bytes_of(MEMMAP_LOW), 0x1000 + 0xc00);
    bootmem_check(&boot);
}

/* Claims of one owner that touch cost one entry; those of two owners stay two. */
KTEST(bootmem, claims_are_joined)
{
    size_t entries;

    CHECK(begin(ARENA));
    entries = boot.entry_count;
    for (unsigned i = 0; i < 40; i++)
        bootmem_own(&boot, 0x200000 + i * 0x1000, 0x200800 + i * 0x1000, MEMMAP_MODULE);
    CHECK_EQ(boot.entry_count, entries + 1);
    CHECK_EQ(bytes_of(MEMMAP_MODULE), 40 * 0x1000);
    bootmem_own(&boot, 0x200400, 0x200500, MEMMAP_MODULE);
    CHECK_EQ(boot.entry_count, entries + 1);
    bootmem_own(&boot, 0x228000, 0x229000, MEMMAP_KERNEL);
    CHECK_EQ(boot.entry_count, entries + 2);
    for (unsigned i = 0; i < 40; i++)
        CHECK_EQ(bootmem_take(&boot, PAGE_SIZE, PAGE_SIZE, 0xff0000, MEMMAP_METADATA),
                 0xfef000 - i * 0x1000);
    CHECK_EQ(boot.entry_count, entries + 3);
    CHECK_EQ(bytes_of(MEMMAP_METADATA), 40 * 0x1000);
    bootmem_check(&boot);
}

/* Another object behind the arrays: they move, and everything is as it was. */
KTEST(bootmem, arrays_move)
{
    const struct memmap_entry *before;

    CHECK(begin(ARENA));
    before = boot.entries;
    CHECK(early_heap_alloc(&heap, 1, NULL));
    for (unsigned i = 0; i < 40; i++)
        bootmem_own(&boot, 0x200000 + i * 0x2000, 0x201000 + i * 0x2000, MEMMAP_MODULE);
    CHECK(boot.entries != before);
    CHECK_EQ(bytes_of(MEMMAP_MODULE), 40 * 0x1000);
    bootmem_check(&boot);
    early_heap_check(&heap);
}

KTEST(bootmem, own_anything)
{
    uint64_t before;

    CHECK(begin(ARENA));
    before = free_bytes();
    bootmem_own(&boot, 0, 0, MEMMAP_MODULE);
    bootmem_own(&boot, 0x200000, 0x200000, MEMMAP_MODULE);
    bootmem_own(&boot, 0x300000, 0x200000, MEMMAP_MODULE);
    bootmem_own(&boot, 0x20000000, 0x30000000, MEMMAP_MODULE);
    bootmem_own(&boot, UINT64_MAX, 0, MEMMAP_MODULE);
    CHECK_EQ(free_bytes(), before);
    bootmem_own(&boot, 0x800000, 0, MEMMAP_ABSENT);
    CHECK_EQ(bytes_of(MEMMAP_ABSENT), 0x7fc000);
    CHECK_EQ(free_bytes(), before - 0x7fc000);
    bootmem_check(&boot);
}

KTEST(bootmem, low_end)
{
    CHECK_EQ(bootmem_low_end(639, 0x9fc0), 0x9fc00);
    CHECK_EQ(bootmem_low_end(640, 0x9fc0), 0x9fc00);   /* forgot to subtract the EBDA */
    CHECK_EQ(bootmem_low_end(637, 0x9fc0), 637 << 10); /* something sits below the EBDA */
    CHECK_EQ(bootmem_low_end(640, 0), 0xa0000);
    CHECK_EQ(bootmem_low_end(0, 0), 0xa0000);
    CHECK_EQ(bootmem_low_end(127, 0xffff), 0xa0000);
    CHECK_EQ(bootmem_low_end(128, 0x7fff), 0x20000);
    CHECK_EQ(bootmem_low_end(640, 0x8000), 0x80000);
    CHECK_EQ(bootmem_low_end(641, 0xa000), 0xa0000);
}

KTEST(bootmem, take)
{
    uint64_t before;

    CHECK(begin(ARENA));
    before = free_bytes();
    CHECK_EQ(bootmem_take(&boot, 0x1000, 0x1000, 0, MEMMAP_METADATA), 0xfff000);
    CHECK_EQ(bootmem_take(&boot, 1, 1, 0, MEMMAP_EARLY), 0xffe000);
    CHECK_EQ(bootmem_take(&boot, 0xa001, 0x1000, 0, MEMMAP_METADATA), 0xfe5000);
    CHECK_EQ(bootmem_take(&boot, 0x2000, 0x400000, 0, MEMMAP_METADATA), 0xc00000);
    CHECK_EQ(bootmem_take(&boot, 0x1000, 0x1000, 0x200000, MEMMAP_METADATA), 0x1ff000);
    CHECK_EQ(bytes_of(MEMMAP_METADATA), 0x1000 + 0xb000 + 0x2000 + 0x1000);
    CHECK_EQ(bytes_of(MEMMAP_EARLY), 0x1000);
    CHECK_EQ(free_bytes(), before - 0x10000);
    bootmem_check(&boot);
}

KTEST(bootmem, take_nothing)
{
    uint64_t before;
    size_t entries;

    CHECK(begin(ARENA));
    before = free_bytes();
    entries = boot.entry_count;
    CHECK_EQ(bootmem_take(&boot, 0, 0x1000, 0, MEMMAP_METADATA), 0);
    CHECK_EQ(bootmem_take(&boot, 0x1000000, 0x1000, 0, MEMMAP_METADATA), 0);
    CHECK_EQ(bootmem_take(&boot, UINT64_MAX, 0x1000, 0, MEMMAP_METADATA), 0);
    CHECK_EQ(bootmem_take(&boot, 0x1000, 0x1000, 0x1000, MEMMAP_METADATA), 0);
    CHECK_EQ(bootmem_take(&boot, 0x1000, (uint64_t)1 << 63, 0, MEMMAP_METADATA), 0);
    bootmem_close(&boot);
    CHECK_EQ(bootmem_take(&boot, 0x1000, 0x1000, 0, MEMMAP_METADATA), 0);
    CHECK_EQ(free_bytes(), before);
    CHECK_EQ(boot.entry_count, entries);
}

/* The last frame is found, page 0 never. */
KTEST(bootmem, take_all)
{
    unsigned frames = 0;

    early_heap_init(&heap, ktest_scratch, ARENA);
    CHECK(bootmem_init_in(&boot, &heap, &(struct memmap_entry){0, 0x20000, MEMMAP_RAM, 0}, 1));
    while (bootmem_take(&boot, PAGE_SIZE, PAGE_SIZE, 0, MEMMAP_METADATA))
        frames++;
    CHECK_EQ(frames, 31);
    CHECK_EQ(free_bytes(), 0);
    bootmem_check(&boot);
}

static void
own_taken(void *unused)
{
    (void)unused;
    bootmem_own(&boot, 0xfff800, 0xfff801, MEMMAP_MODULE);
}

static void
own_as(void *owner)
{
    bootmem_own(&boot, 0x300000, 0x301000, *(enum memmap_owner *)owner);
}

static void
take_as(void *owner)
{
    if (bootmem_take(&boot, PAGE_SIZE, PAGE_SIZE, 0, *(enum memmap_owner *)owner))
        klog("bootmem: a page was handed out\n");
}

KTEST(bootmem, owners_have_names)
{
    enum memmap_owner nobody = MEMMAP_FREE;
    enum memmap_owner unknown = MEMMAP_OWNERS;

    CHECK(begin(ARENA));
    CHECK(ktest_panics(own_as, &nobody, "assertion failed"));
    CHECK(ktest_panics(own_as, &unknown, "assertion failed"));
    CHECK(ktest_panics(take_as, &nobody, "assertion failed"));
    CHECK(ktest_panics(take_as, &unknown, "assertion failed"));
}

static void
check_boot(void *unused)
{
    (void)unused;
    bootmem_check(&boot);
}

/* Damage that no call can do. */
KTEST(bootmem, check_finds_faults)
{
    struct memmap_region *regions;
    struct memmap_entry *entries;
    struct memmap_entry saved;

    CHECK(begin(ARENA));
    CHECK_EQ(bootmem_take(&boot, 0x1000, 0x1000, 0, MEMMAP_METADATA), 0xfff000);
    CHECK_EQ(bootmem_take(&boot, 0x1000, 0x1000, 0x800000, MEMMAP_METADATA), 0x7ff000);
    bootmem_check(&boot);
    regions = (struct memmap_region *)boot.regions;
    entries = (struct memmap_entry *)boot.entries;
    for (size_t i = 0; i < boot.region_count; i++) {
        if (regions[i].owner != MEMMAP_METADATA)
            continue;
        regions[i].owner = MEMMAP_EARLY;
        CHECK(ktest_panics(check_boot, NULL, "assertion failed"));
        regions[i].owner = MEMMAP_METADATA;
        regions[i].type = MEMMAP_RESERVED;
        CHECK(ktest_panics(check_boot, NULL, "assertion failed"));
        regions[i].type = MEMMAP_RAM;
    }
    saved = entries[boot.entry_count - 1];
    entries[boot.entry_count - 1] = entries[boot.entry_count - 2];
    CHECK(ktest_panics(check_boot, NULL, "assertion failed"));
    entries[boot.entry_count - 1] = saved;
    entries[boot.entry_count - 1].base += 16;
    CHECK(ktest_panics(check_boot, NULL, "assertion failed"));
    entries[boot.entry_count - 1] = saved;
    bootmem_check(&boot);
}

KTEST(bootmem, own_what_is_taken_panics)
{
    CHECK(begin(ARENA));
    CHECK_EQ(bootmem_take(&boot, 0x1000, 0x1000, 0, MEMMAP_METADATA), 0xfff000);
    CHECK(ktest_panics(own_taken, NULL, "in use already"));
    bootmem_check(&boot);
}

static void
own_page(void *unused)
{
    (void)unused;
    bootmem_own(&boot, 0x300000, 0x301000, MEMMAP_MODULE);
}

/* Claims until the heap is full; then nothing has changed and nothing more can be claimed. */
static void
claim_until_full(unsigned *failures)
{
    unsigned done = 0;
    uint64_t before;

    while (done < 60 && bootmem_try_own(&boot, 0x200000 + done * 0x2000, 0x201000 + done * 0x2000,
                                        MEMMAP_MODULE))
        done++;
    CHECK_EQ(bytes_of(MEMMAP_MODULE), done * 0x1000);
    bootmem_check(&boot);
    early_heap_check(&heap);
    if (done == 60)
        return;
    ++*failures;
    before = free_bytes();
    CHECK_EQ(bootmem_take(&boot, 0x1000, 0x1000, 0, MEMMAP_METADATA), 0);
    CHECK(ktest_panics(own_page, NULL, "no room to note"));
    CHECK_EQ(free_bytes(), before);
    bootmem_check(&boot);
}

/* With every size of early heap, from one that is too small for anything: each allocation is the
 * one that fails for some size, whether the arrays grow where they are or have to move. */
KTEST(bootmem, every_allocation_fails_once)
{
    unsigned failures = 0;

    for (size_t left = 64; left < ARENA - 64; left += 64) {
        early_heap_init(&heap, ktest_scratch, ARENA);
        CHECK(early_heap_alloc(&heap, ARENA - 64 - left, NULL));
        if (!bootmem_init_in(&boot, &heap, small_pc, ARRAY_LENGTH(small_pc))) {
            failures++;
            continue;
        }
        if (left / 64 % 2)
            early_heap_alloc(&heap, 1, NULL);
        claim_until_full(&failures);
    }
    CHECK(failures > 30);
}

/* Random maps, claims and takes: every invariant after every step. */
KTEST(bootmem, random_history)
{
    uint32_t random = ktest_seed();

    for (unsigned round = 0; round < 100; round++) {
        struct memmap_entry entries[8];

        for (size_t i = 0; i < ARRAY_LENGTH(entries); i++)
            entries[i] =
                (struct memmap_entry){(uint64_t)ktest_random(&random) << ktest_random(&random) % 8,
                                      (uint64_t)ktest_random(&random) << ktest_random(&random) % 8,
                                      1 + ktest_random(&random) % 6 / 4, 0};
        early_heap_init(&heap, ktest_scratch, ARENA);
        CHECK(bootmem_init_in(&boot, &heap, entries, ARRAY_LENGTH(entries)));
        for (unsigned i = 0; i < 6; i++) {
            uint64_t start = (uint64_t)ktest_random(&random) << 4;

            bootmem_own(&boot, start, start + ktest_random(&random), 1 + i % 4);
            bootmem_check(&boot);
        }
        for (unsigned i = 0; i < 12; i++) {
            uint64_t before = free_bytes();
            uint64_t size = ktest_random(&random) >> ktest_random(&random) % 24;
            paddr_t taken = bootmem_take(&boot, size, (uint64_t)1 << ktest_random(&random) % 28, 0,
                                         MEMMAP_METADATA);

            bootmem_check(&boot);
            CHECK_EQ(before - free_bytes(), taken ? align_up(size, PAGE_SIZE) : 0);
        }
    }
}
