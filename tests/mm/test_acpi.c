/* test_acpi.c - the way to the power-off ports, through tables made for the purpose. */
#include <string.h>
#include "ktest.h"
#include "acpi.h"

/* Physical memory of the test: [ROM, ROM + SIZE) is here, the rest reads as zeros. */
#define ROM  0xE0000u
#define SIZE 0x1000u
#define RSDP (ROM + 0x20)
#define RSDT (ROM + 0x100)
#define FADT (ROM + 0x200)
#define DSDT (ROM + 0x400)

static uint8_t rom[SIZE];

static bool
read_rom(void *arg, uint64_t physical, void *into, size_t size)
{
    uint8_t *to = into;

    (void)arg;
    for (size_t i = 0; i < size; i++) {
        uint64_t at = physical + i - ROM;

        to[i] = at < SIZE ? rom[at] : 0;
    }
    return true;
}

static const struct acpi_memory memory = {read_rom, NULL};

static void
put32(unsigned at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        rom[at - ROM + i] = (uint8_t)(value >> 8 * i);
}

static void
put_text(unsigned at, const char *text)
{
    memcpy(rom + (at - ROM), text, strlen(text));
}

static void
put_table(unsigned at, const char *signature, uint32_t length)
{
    put_text(at, signature);
    put32(at + 4, length);
}

static void
put_rsdp(unsigned at, uint32_t rsdt)
{
    uint8_t sum = 0;

    put_text(at, "RSD PTR ");
    put32(at + 16, rsdt);
    for (unsigned i = 0; i < 20; i++)
        sum = (uint8_t)(sum + rom[at - ROM + i]);
    rom[at - ROM + 8] = (uint8_t)-sum;
}

/* The package for S5 stands `depth` bytes into the byte code. */
static void
make_tables(const char *package, size_t package_size, unsigned depth)
{
    memset(rom, 0, sizeof(rom));
    put_rsdp(RSDP, RSDT);
    put_table(RSDT, "RSDT", 36 + 8);
    put32(RSDT + 36, DSDT); /* some other table first */
    put32(RSDT + 40, FADT);
    put_table(FADT, "FACP", 116);
    put32(FADT + 40, DSDT);
    put32(FADT + 48, 0xB2);
    rom[FADT + 52 - ROM] = 0xF1;
    put32(FADT + 64, 0x604);
    put32(FADT + 68, 0);
    put_table(DSDT, "DSDT", 36 + depth + (uint32_t)package_size);
    memcpy(rom + (DSDT + 36 + depth - ROM), package, package_size);
}

#define MAKE_TABLES(package, depth) make_tables(package, sizeof(package) - 1, depth)

KTEST(acpi, finds_ports_and_types)
{
    struct acpi_power power;

    for (unsigned depth = 0; depth < 300; depth++) {
        MAKE_TABLES("\x08_S5_\x12\x08\x04\x0A\x05\x0A\x07\x00\x00", depth);
        CHECK(acpi_find_power(&memory, &power));
        CHECK_EQ(power.control_a, 0x604);
        CHECK_EQ(power.control_b, 0);
        CHECK_EQ(power.type_a, 5);
        CHECK_EQ(power.type_b, 7);
        CHECK_EQ(power.command, 0xB2);
        CHECK_EQ(power.enable, 0xF1);
    }
}

KTEST(acpi, other_forms_of_the_package)
{
    struct acpi_power power;

    MAKE_TABLES("\x08\\_S5_\x12\x06\x04\x00\x01\x00\x00", 7);
    CHECK(acpi_find_power(&memory, &power));
    CHECK_EQ(power.type_a, 0);
    CHECK_EQ(power.type_b, 1);
    MAKE_TABLES("\x08_S5_\x12\x48\x00\x04\x01\x0A\x03\x00\x00", 7);
    CHECK(acpi_find_power(&memory, &power));
    CHECK_EQ(power.type_a, 1);
    CHECK_EQ(power.type_b, 3);
}

KTEST(acpi, missing_or_damaged)
{
    static const char package[] = "\x08_S5_\x12\x08\x04\x0A\x05\x0A\x05\x00\x00";
    struct acpi_power power;

    memset(rom, 0, sizeof(rom));
    CHECK(!acpi_find_power(&memory, &power));
    MAKE_TABLES(package, 0);
    rom[RSDP + 9 - ROM]++; /* the sum is wrong */
    CHECK(!acpi_find_power(&memory, &power));
    MAKE_TABLES(package, 0);
    put32(RSDT + 4, 20);
    CHECK(!acpi_find_power(&memory, &power));
    MAKE_TABLES(package, 0);
    put32(FADT + 4, 60);
    CHECK(!acpi_find_power(&memory, &power));
    MAKE_TABLES(package, 0);
    put32(DSDT + 4, 0xFFFFFFFF);
    CHECK(!acpi_find_power(&memory, &power));
    MAKE_TABLES("\x08_S4_\x12\x08\x04\x0A\x05\x0A\x05\x00\x00", 0);
    CHECK(!acpi_find_power(&memory, &power));
    MAKE_TABLES("\x08_S5_\x12\x08\x04\x0B\x05\x00\x0A\x05\x00", 0);
    CHECK(!acpi_find_power(&memory, &power));
}

/* Damaged in a few places: found or not, but never out of bounds and always to an end. */
KTEST(acpi, random_damage)
{
    uint32_t state = ktest_seed();
    struct acpi_power power;

    for (unsigned i = 0; i < 300; i++) {
        MAKE_TABLES("\x08_S5_\x12\x08\x04\x0A\x05\x0A\x07\x00\x00", ktest_random(&state) % 300);
        for (unsigned n = ktest_random(&state) % 8; n; n--)
            rom[0x100 + ktest_random(&state) % 0x480] = (uint8_t)ktest_random(&state);
        if (acpi_find_power(&memory, &power))
            CHECK(power.control_a != 0 && power.type_a < 8 && power.type_b < 8);
    }
}
