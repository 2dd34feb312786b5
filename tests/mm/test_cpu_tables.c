/* test_cpu_tables.c - CPUs and interrupt controllers, out of tables made for the purpose. */
#include <string.h>
#include "ktest.h"
#include "cpu_tables.h"

/* Physical memory of the test: [BASE, BASE + SIZE) is here, and the two words of the BIOS that tell
 * where to look; the rest reads as zeros. */
#define BASE    0x9F000u
#define SIZE    0x1400u
#define EBDA    0x9FC00u
#define TABLE   0x9F100u /* MADT or PCMP */
#define LAST    0x9F800u /* the last KiB of base memory */
#define RSDP    0x9FC20u
#define RSDT    0x9FD00u

#define MADT_ENTRIES 44
#define MP_ENTRIES   44

static uint8_t bytes[SIZE];
static uint16_t ebda_segment, base_kib;

static uint8_t
byte_at(uint64_t physical)
{
    if (physical >= 0x40E && physical < 0x410)
        return (uint8_t)(ebda_segment >> 8 * (physical - 0x40E));
    if (physical >= 0x413 && physical < 0x415)
        return (uint8_t)(base_kib >> 8 * (physical - 0x413));
    return physical - BASE < SIZE ? bytes[physical - BASE] : 0;
}

static bool
read_bytes(void *arg, uint64_t physical, void *into, size_t size)
{
    uint8_t *to = into;

    (void)arg;
    for (size_t i = 0; i < size; i++)
        to[i] = byte_at(physical + i);
    return true;
}

static const struct acpi_memory memory = {read_bytes, NULL};

static uint8_t *
at(uint32_t physical)
{
    return bytes + (physical - BASE);
}

static void
put(uint32_t physical, const void *from, size_t size)
{
    memcpy(at(physical), from, size);
}

static void
put16(uint32_t physical, uint32_t value)
{
    at(physical)[0] = (uint8_t)value;
    at(physical)[1] = (uint8_t)(value >> 8);
}

static void
put32(uint32_t physical, uint32_t value)
{
    put16(physical, value);
    put16(physical + 2, value >> 16);
}

/* Makes the sum of [start, start + size) zero by the byte at `place`. */
static void
set_sum(uint32_t start, size_t size, uint32_t place)
{
    uint8_t sum = 0;

    *at(place) = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + at(start)[i]);
    *at(place) = (uint8_t)-sum;
}

static void
clear(void)
{
    memset(bytes, 0, sizeof(bytes));
    ebda_segment = EBDA >> 4;
    base_kib = EBDA >> 10;
}

/* ---- ACPI ---- */

static uint32_t madt_size;

static void
begin_madt(void)
{
    clear();
    put(RSDP, "RSD PTR ", 8);
    put32(RSDP + 16, RSDT);
    set_sum(RSDP, 20, RSDP + 8);
    put(RSDT, "RSDT", 4);
    put32(RSDT + 4, 36 + 4);
    put32(RSDT + 36, TABLE);
    put(TABLE, "APIC", 4);
    put32(TABLE + 36, 0xFEE00000);
    madt_size = MADT_ENTRIES;
}

static void
add(const void *entry, size_t size)
{
    put(TABLE + madt_size, entry, size);
    madt_size += (uint32_t)size;
}

#define ADD(...) add((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define ADD_CPU(id, flags) ADD(0, 8, 9, id, flags, 0, 0, 0)
#define ADD_IO_APIC(id, first) ADD(1, 12, id, 0, 0, 0, 0xC0, 0xFE, first, 0, 0, 0)
#define ADD_OVERRIDE(irq, number, flags) ADD(2, 10, 0, irq, number, 0, 0, 0, flags, 0)

static void
end_madt(void)
{
    put32(TABLE + 4, madt_size);
    set_sum(TABLE, madt_size, TABLE + 9);
}

/* Three CPUs, one of them off and one twice, and a number that means all CPUs; two I/O APICs; the timer at input 2, an interrupt that
 * is low and by level at the second. */
static void
make_madt(void)
{
    begin_madt();
    ADD_CPU(0, 1);
    ADD_CPU(4, 1);
    ADD_CPU(2, 0);
    ADD_CPU(4, 1);
    ADD_CPU(255, 1);
    ADD(42, 3, 0);
    ADD_IO_APIC(8, 0);
    ADD_IO_APIC(9, 24);
    ADD_OVERRIDE(0, 2, 0);
    ADD_OVERRIDE(9, 25, 0xF);
    ADD_OVERRIDE(200, 3, 0);
    end_madt();
}

KTEST(cpu_tables, acpi)
{
    struct cpu_tables tables;

    make_madt();
    CHECK(madt_read(&memory, &tables));
    CHECK_EQ(tables.local_apic, 0xFEE00000);
    CHECK_EQ(tables.cpu_count, 2);
    CHECK_EQ(tables.cpus[0], 0);
    CHECK_EQ(tables.cpus[1], 4);
    CHECK_EQ(tables.io_apic_count, 2);
    CHECK_EQ(tables.io_apics[1].address, 0xFEC00000);
    CHECK(tables.lines[0].known && tables.lines[0].input == 2 && tables.lines[0].io_apic == 0);
    CHECK(tables.lines[4].known && tables.lines[4].input == 4 && !tables.lines[4].level);
    CHECK(tables.lines[9].io_apic == 1 && tables.lines[9].input == 1);
    CHECK(tables.lines[9].low && tables.lines[9].level && !tables.imcr);
}

KTEST(cpu_tables, acpi_damaged)
{
    struct cpu_tables tables;

    make_madt();
    at(TABLE)[MADT_ENTRIES + 3]++; /* the sum is wrong */
    CHECK(!madt_read(&memory, &tables));
    make_madt();
    at(TABLE)[MADT_ENTRIES + 1] = 0; /* an entry without length */
    end_madt();
    CHECK(!madt_read(&memory, &tables));
    make_madt();
    ADD(0, 200); /* one that goes beyond the end */
    end_madt();
    CHECK(!madt_read(&memory, &tables));
    begin_madt();
    ADD_IO_APIC(8, 0);
    end_madt();
    CHECK(!madt_read(&memory, &tables)); /* no CPU */
    begin_madt();
    ADD(0, 4, 1, 1);
    ADD_CPU(7, 1);
    end_madt();
    CHECK(madt_read(&memory, &tables)); /* the first is too short to be one */
    CHECK_EQ(tables.cpu_count, 1);
    CHECK(!tables.lines[0].known);
    clear();
    CHECK(!madt_read(&memory, &tables));
}

KTEST(cpu_tables, more_cpus_than_room)
{
    struct cpu_tables tables;

    begin_madt();
    for (unsigned id = 0; id < 100; id++)
        ADD_CPU((uint8_t)id, 1);
    end_madt();
    CHECK(madt_read(&memory, &tables));
    CHECK_EQ(tables.cpu_count, 100);
    CHECK_EQ(tables.cpus[TABLE_CPUS - 1], TABLE_CPUS - 1);
}

/* ---- Intel's tables ---- */

static void
make_pointer(uint32_t where, unsigned configuration, unsigned features)
{
    put(where, "_MP_", 4);
    put32(where + 4, TABLE);
    at(where)[8] = 1;
    at(where)[11] = (uint8_t)configuration;
    at(where)[12] = (uint8_t)features;
    set_sum(where, 16, where + 10);
}

static const uint8_t mp_entries[] = {
    0, 3, 0x14, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 6, 0x14, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 7, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 0, 'P', 'C', 'I', ' ', ' ', ' ',
    1, 1, 'I', 'S', 'A', ' ', ' ', ' ',
    2, 8, 0x11, 1, 0, 0, 0xC0, 0xFE,
    2, 9, 0x11, 0, 0, 0, 0xC1, 0xFE,
    3, 0, 0, 0, 1, 0, 8, 2,
    3, 0, 0x0F, 0, 1, 4, 8, 5,
    3, 0, 0, 0, 0, 6, 8, 6,  /* of the PCI bus */
    3, 3, 0, 0, 1, 7, 8, 0,  /* the 8259s */
    3, 0, 0, 0, 1, 8, 9, 8,  /* at an I/O APIC that is not there */
    4, 3, 0, 0, 1, 0, 0xFF, 0,
};
#define MP_COUNT 13

static void
make_mp_table(unsigned entries)
{
    put(TABLE, "PCMP", 4);
    put16(TABLE + 4, MP_ENTRIES + sizeof(mp_entries));
    put16(TABLE + 34, entries);
    put32(TABLE + 36, 0xFEE01000);
    put(TABLE + MP_ENTRIES, mp_entries, sizeof(mp_entries));
    set_sum(TABLE, MP_ENTRIES + sizeof(mp_entries), TABLE + 7);
}

KTEST(cpu_tables, mp_table)
{
    static const uint32_t places[] = {EBDA, EBDA + 0x3F0, LAST, LAST + 0x3F0};
    struct cpu_tables tables;

    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        clear();
        if (places[i] < EBDA)
            ebda_segment = 0;
        make_pointer(places[i], 0, i == 0 ? 0x80 : 0);
        make_mp_table(MP_COUNT);
        CHECK(mp_tables_read(&memory, &tables));
        CHECK_EQ(tables.local_apic, 0xFEE01000);
        CHECK_EQ(tables.cpu_count, 2);
        CHECK(tables.cpus[0] == 3 && tables.cpus[1] == 6);
        CHECK_EQ(tables.io_apic_count, 1);
        CHECK(tables.lines[0].known && tables.lines[0].input == 2 && !tables.lines[0].low);
        CHECK(tables.lines[4].input == 5 && tables.lines[4].low && tables.lines[4].level);
        CHECK(!tables.lines[6].known && !tables.lines[7].known && !tables.lines[8].known);
        CHECK_EQ(tables.imcr, i == 0);
    }
}

KTEST(cpu_tables, mp_defaults)
{
    struct cpu_tables tables;

    for (unsigned number = 1; number <= 8; number++) {
        clear();
        make_pointer(LAST, number, 0);
        CHECK_EQ(mp_tables_read(&memory, &tables), number <= 7);
        if (number > 7)
            break;
        CHECK_EQ(tables.cpu_count, 2);
        CHECK_EQ(tables.local_apic, 0xFEE00000);
        CHECK_EQ(tables.lines[0].known, number != 2);
        CHECK(tables.lines[1].known && tables.lines[1].input == 1);
    }
}

KTEST(cpu_tables, mp_damaged)
{
    struct cpu_tables tables;

    clear();
    CHECK(!mp_tables_read(&memory, &tables));
    make_pointer(LAST, 0, 0);
    CHECK(!mp_tables_read(&memory, &tables)); /* there is no table */
    make_mp_table(MP_COUNT + 1);
    CHECK(!mp_tables_read(&memory, &tables)); /* more entries than there is room */
    make_mp_table(MP_COUNT);
    CHECK(mp_tables_read(&memory, &tables));
    at(TABLE)[50]++;
    CHECK(!mp_tables_read(&memory, &tables)); /* the sum is wrong */
    make_mp_table(MP_COUNT);
    at(TABLE)[MP_ENTRIES + 60] = 77; /* no such kind */
    set_sum(TABLE, MP_ENTRIES + sizeof(mp_entries), TABLE + 7);
    CHECK(!mp_tables_read(&memory, &tables));
    make_mp_table(1);
    put16(TABLE + 4, MP_ENTRIES + 8); /* the only entry goes beyond the end */
    set_sum(TABLE, MP_ENTRIES + 8, TABLE + 7);
    CHECK(!mp_tables_read(&memory, &tables));
    make_mp_table(MP_COUNT);
    at(LAST)[4]++;
    CHECK(!mp_tables_read(&memory, &tables)); /* the pointer's sum is wrong */
}

/* What the BIOS says of where its memory ends may be nonsense: nobody looks in video memory. */
KTEST(cpu_tables, mp_pointer_elsewhere)
{
    struct cpu_tables tables;

    clear();
    ebda_segment = 0;
    base_kib = 641;
    make_pointer(0xA0000, 1, 0);
    CHECK(!mp_tables_read(&memory, &tables));
    ebda_segment = 0xA000;
    base_kib = 0;
    CHECK(!mp_tables_read(&memory, &tables));
}

/* ---- anything ---- */

/* What holds for all that is found, whatever it was read from. */
static void
check_sane(const struct cpu_tables *tables)
{
    CHECK(tables->cpu_count != 0 && tables->io_apic_count <= TABLE_IO_APICS);
    for (unsigned irq = 0; irq < ISA_LINES; irq++)
        CHECK(!tables->lines[irq].known || tables->lines[irq].io_apic < tables->io_apic_count);
    for (unsigned i = 0; i < tables->cpu_count && i < TABLE_CPUS; i++)
        CHECK(tables->cpus[i] != 255);
}

/* Damaged in a few places, with the sums put right again: found or not, but never out of bounds and
 * always to an end. */
KTEST(cpu_tables, random_damage)
{
    uint32_t state = ktest_seed();
    struct cpu_tables tables;

    for (unsigned i = 0; i < 2000; i++) {
        bool acpi = i % 2;

        make_madt();
        if (!acpi) {
            make_pointer(LAST, 0, 0);
            make_mp_table(MP_COUNT);
        }
        for (unsigned n = ktest_random(&state) % 6; n != 0; n--)
            at(TABLE)[4 + ktest_random(&state) % 200] = (uint8_t)ktest_random(&state);
        if (acpi)
            set_sum(TABLE, madt_size, TABLE + 9);
        else
            set_sum(TABLE, MP_ENTRIES + sizeof(mp_entries), TABLE + 7);
        if (acpi ? madt_read(&memory, &tables) : mp_tables_read(&memory, &tables))
            check_sane(&tables);
    }
}
