/* acpi.c - finds the firmware's tables, and the ports that switch the machine off.
 *
 * Theory (Advanced Configuration and Power Interface specification 6.5, 5.2 and 16.1):
 *
 *     "RSD PTR "  on a 16-byte bound in the first KiB of the EBDA or in [E0000h, 100000h)
 *       +16: RSDT -> list of 32-bit addresses of tables, each with a signature and a length
 *                     "FACP" +40 DSDT, +48 SMI_CMD, +52 ACPI_ENABLE, +64 PM1a_CNT, +68 PM1b_CNT
 *     DSDT        byte code; the values for S5 stand in it as a constant package:
 *                     08 [5C] "_S5_" 12 length count element element ...
 *                 (an element is 0Ah and a byte, or 00h, or 01h), and can be found without running
 * it.
 *
 * All fields are read through the caller's reader and nothing is trusted: lengths are bounded, and
 * a damaged table means "not found".
 */
#include "acpi.h"

#define RSDP_SIZE    20
#define RSDP_RSDT    16
#define EBDA_POINTER 0x40E
#define ROM_START    0xE0000
#define ROM_END      0x100000

#define TABLE_LENGTH 4
#define TABLE_HEADER 36
#define TABLE_MAX    0x100000
#define TABLES_MAX   256

#define FADT_DSDT    40
#define FADT_COMMAND 48
#define FADT_ENABLE  52
#define FADT_PM1A    64
#define FADT_PM1B    68
#define FADT_USED    72

#define AML_NAME    0x08
#define AML_ROOT    0x5C
#define AML_PACKAGE 0x12
#define AML_BYTE    0x0A
#define WINDOW      128
#define S5_BYTES    16 /* the longest form that is understood */

static bool
read_at(const struct acpi_memory *memory, uint64_t physical, void *into, size_t size)
{
    return memory->read(memory->arg, physical, into, size);
}

static uint32_t
word_at(const uint8_t *bytes, size_t offset)
{
    return (uint32_t)bytes[offset] | (uint32_t)bytes[offset + 1] << 8 |
           (uint32_t)bytes[offset + 2] << 16 | (uint32_t)bytes[offset + 3] << 24;
}

static bool
starts_with(const uint8_t *bytes, const char *text)
{
    for (size_t i = 0; text[i]; i++) {
        if (bytes[i] != (uint8_t)text[i])
            return false;
    }
    return true;
}

/* ---- the tables ---- */

/* The address of the RSDT, from a root pointer in [start, end); 0 when there is none. */
static uint32_t
rsdt_between(const struct acpi_memory *memory, uint64_t start, uint64_t end)
{
    uint8_t rsdp[RSDP_SIZE];

    for (uint64_t at = start; at + RSDP_SIZE <= end; at += 16) {
        uint8_t sum = 0;

        if (!read_at(memory, at, rsdp, sizeof(rsdp)))
            return 0;
        if (!starts_with(rsdp, "RSD PTR "))
            continue;
        for (size_t i = 0; i < sizeof(rsdp); i++)
            sum = (uint8_t)(sum + rsdp[i]);
        if (sum == 0)
            return word_at(rsdp, RSDP_RSDT);
    }
    return 0;
}

static uint32_t
find_rsdt(const struct acpi_memory *memory)
{
    uint8_t pointer[2];
    uint32_t rsdt = 0;

    if (read_at(memory, EBDA_POINTER, pointer, sizeof(pointer))) {
        uint64_t ebda = (uint64_t)(pointer[0] | pointer[1] << 8) << 4;

        if (ebda >= 0x80000 && ebda < 0xA0000)
            rsdt = rsdt_between(memory, ebda, ebda + 1024);
    }
    return rsdt ? rsdt : rsdt_between(memory, ROM_START, ROM_END);
}

/* The length of the table at `at` when it has the signature; 0 when not. */
static uint32_t
table_length(const struct acpi_memory *memory, uint32_t at, const char *signature)
{
    uint8_t header[8];
    uint32_t length;

    if (at == 0 || !read_at(memory, at, header, sizeof(header)) || !starts_with(header, signature))
        return 0;
    length = word_at(header, TABLE_LENGTH);
    return length >= TABLE_HEADER && length <= TABLE_MAX ? length : 0;
}

static bool
sum_is_zero(const struct acpi_memory *memory, const struct acpi_table *table)
{
    uint8_t byte, sum = 0;

    for (uint32_t i = 0; i < table->length; i++) {
        if (!read_at(memory, (uint64_t)table->address + i, &byte, 1))
            return false;
        sum = (uint8_t)(sum + byte);
    }
    return sum == 0;
}

/* The first table of that signature with at least `least` bytes; `summed`: whose sum is right. */
static bool
find_table(const struct acpi_memory *memory, const char *signature, uint32_t least, bool summed,
           struct acpi_table *table)
{
    uint32_t rsdt = find_rsdt(memory);
    uint32_t count = rsdt ? table_length(memory, rsdt, "RSDT") : 0;

    count = count ? (count - TABLE_HEADER) / 4 : 0;
    for (uint32_t i = 0; i < count && i < TABLES_MAX; i++) {
        uint8_t entry[4];

        if (!read_at(memory, (uint64_t)rsdt + TABLE_HEADER + 4 * i, entry, sizeof(entry)))
            return false;
        table->address = word_at(entry, 0);
        table->length = table_length(memory, table->address, signature);
        if (table->length >= least && (!summed || sum_is_zero(memory, table)))
            return true;
    }
    return false;
}

bool
acpi_find_table(const struct acpi_memory *memory, const char *signature, uint32_t least,
                struct acpi_table *table)
{
    return find_table(memory, signature, least, true, table);
}

/* ---- the package _S5_ ---- */

/* Reads an element of the package that is a small number. Returns what follows it, NULL when it is
 * something else. */
static const uint8_t *
read_element(const uint8_t *at, uint16_t *value)
{
    if (*at == AML_BYTE) {
        *value = at[1] & 7;
        return at + 2;
    }
    *value = *at;
    return *at <= 1 ? at + 1 : NULL;
}

/* `at` has S5_BYTES bytes. */
static bool
parse_s5(const uint8_t *at, struct acpi_power *power)
{
    if (*at++ != AML_NAME)
        return false;
    if (*at == AML_ROOT)
        at++;
    if (!starts_with(at, "_S5_") || at[4] != AML_PACKAGE)
        return false;
    at += 5;
    at += 1 + (*at >> 6); /* the length of the package, in 1 to 4 bytes */
    at += 1;              /* the number of elements */
    at = read_element(at, &power->type_a);
    return at && read_element(at, &power->type_b);
}

_Static_assert(1 + 1 + 4 + 1 + 4 + 1 + 2 + 2 <= S5_BYTES,
               "name, root, _S5_, package, two elements");

static bool
find_s5(const struct acpi_memory *memory, uint32_t dsdt, struct acpi_power *power)
{
    uint32_t length = table_length(memory, dsdt, "DSDT");
    uint8_t window[WINDOW + S5_BYTES];

    for (uint32_t at = TABLE_HEADER; at < length; at += WINDOW) {
        if (!read_at(memory, (uint64_t)dsdt + at, window, sizeof(window)))
            return false;
        for (uint32_t i = 0; i < WINDOW && at + i < length; i++) {
            if (parse_s5(window + i, power))
                return true;
        }
    }
    return false;
}

bool
acpi_find_power(const struct acpi_memory *memory, struct acpi_power *power)
{
    struct acpi_table fadt;
    uint8_t fields[FADT_USED];

    if (!find_table(memory, "FACP", FADT_USED, false, &fadt) ||
        !read_at(memory, fadt.address, fields, sizeof(fields)))
        return false;
    power->control_a = (uint16_t)word_at(fields, FADT_PM1A);
    power->control_b = (uint16_t)word_at(fields, FADT_PM1B);
    power->command = (uint16_t)word_at(fields, FADT_COMMAND);
    power->enable = fields[FADT_ENABLE];
    return power->control_a && find_s5(memory, word_at(fields, FADT_DSDT), power);
}
