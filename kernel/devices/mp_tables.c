/* mp_tables.c - Intel's tables of CPUs and interrupt controllers, older than ACPI's.
 *
 * Theory (MultiProcessor Specification 1.4, chapters 4 and 5): a floating pointer on a 16-byte
 * bound in the first KiB of the EBDA, else in the last KiB of base memory, else in the BIOS ROM:
 *
 *     "_MP_"  +4 address of the table, +8 length in 16 bytes, +10 checksum,
 *             +11 default configuration (0: there is a table), +12 bit 7: IMCR
 *     "PCMP"  +4 length, +7 checksum, +34 number of entries, +36 address of the local APICs, +44:
 *         0  CPU        20 bytes: +1 APIC id, +3 flags: bit 0 = may be used
 *         1  bus         8 bytes: +1 number, +2 name in 6 letters
 *         2  I/O APIC    8 bytes: +1 id, +3 flags: bit 0 = may be used, +4 address
 *         3  interrupt   8 bytes: +1 kind (0: of a device), +2 flags, +4 bus, +5 interrupt,
 *                                 +6 id of the I/O APIC, +7 input
 *         4  interrupt of a local APIC, 8 bytes
 *
 * The default configurations have two CPUs with the ids 0 and 1, and an I/O APIC with the id 2
 * whose inputs are the interrupts of the bus; the timer's is at input 2, or (in number 2) at none.
 */
#include <string.h>
#include "cpu_tables.h"

#define POINTER_SIZE 16
#define EBDA_POINTER 0x40E
#define BASE_KIB     0x413
#define ROM_START    0xF0000u
#define ROM_END      0x100000u
#define KIB          1024u

#define FEATURE_IMCR 0x80

#define HEAD_SIZE     44
#define DEFAULT_LOCAL 0xFEE00000u
#define DEFAULT_IO    0xFEC00000u
#define DEFAULT_MOST  7
#define DEFAULT_NO_TIMER 2

enum { ENTRY_CPU, ENTRY_BUS, ENTRY_IO_APIC, ENTRY_INTERRUPT, ENTRY_KINDS = 5 };
enum { CPU_SIZE = 20, OTHER_SIZE = 8 };

#define USABLE 1
#define BUSES  256

/* What is being read. */
struct reading {
    const struct acpi_memory *memory;
    struct cpu_tables *tables;
    uint32_t isa[BUSES / 32]; /* a bit for each bus that is one */
};

static unsigned
half_at(const uint8_t *bytes)
{
    return bytes[0] | (unsigned)bytes[1] << 8;
}

static uint32_t
word_at(const uint8_t *bytes)
{
    return half_at(bytes) | (uint32_t)half_at(bytes + 2) << 16;
}

static uint8_t
sum_of(const uint8_t *bytes, size_t size)
{
    uint8_t sum = 0;

    while (size-- > 0)
        sum = (uint8_t)(sum + *bytes++);
    return sum;
}

/* ---- the pointer ---- */

static bool
pointer_between(const struct acpi_memory *memory, uint32_t start, uint32_t end, uint8_t *pointer)
{
    for (uint32_t at = start; at + POINTER_SIZE <= end; at += POINTER_SIZE) {
        if (!memory->read(memory->arg, at, pointer, POINTER_SIZE))
            return false;
        if (memcmp(pointer, "_MP_", 4) == 0 && pointer[8] == 1 &&
            sum_of(pointer, POINTER_SIZE) == 0)
            return true;
    }
    return false;
}

static bool
find_pointer(const struct acpi_memory *memory, uint8_t *pointer)
{
    uint8_t half[2];
    uint32_t ebda = 0, base = 0;

    if (memory->read(memory->arg, EBDA_POINTER, half, sizeof(half)))
        ebda = half_at(half) << 4;
    if (memory->read(memory->arg, BASE_KIB, half, sizeof(half)))
        base = half_at(half) * KIB;
    return (ebda >= 0x80000 && ebda < 0xA0000 &&
            pointer_between(memory, ebda, ebda + KIB, pointer)) ||
           (base >= 0x20000 && base <= 0xA0000 &&
            pointer_between(memory, base - KIB, base, pointer)) ||
           pointer_between(memory, ROM_START, ROM_END, pointer);
}

/* ---- the table ---- */

static void
take_interrupt(struct reading *reading, const uint8_t *entry)
{
    struct cpu_tables *tables = reading->tables;
    unsigned bus = entry[4];

    if (entry[1] != 0 || !(reading->isa[bus / 32] >> bus % 32 & 1))
        return;
    for (size_t i = 0; i < tables->io_apic_count; i++) {
        if (tables->io_apics[i].id == entry[6])
            cpu_tables_set_line(tables, entry[5], i, entry[7], half_at(entry + 2));
    }
}

static void
take_entry(struct reading *reading, const uint8_t *entry)
{
    switch (entry[0]) {
    case ENTRY_CPU:
        if (entry[3] & USABLE)
            cpu_tables_add_cpu(reading->tables, entry[1]);
        break;
    case ENTRY_BUS:
        if (memcmp(entry + 2, "ISA   ", 6) == 0 || memcmp(entry + 2, "EISA  ", 6) == 0)
            reading->isa[entry[1] / 32] |= 1u << entry[1] % 32;
        break;
    case ENTRY_IO_APIC:
        if (entry[3] & USABLE)
            cpu_tables_add_io_apic(reading->tables, entry[1], word_at(entry + 4), 0);
        break;
    case ENTRY_INTERRUPT:
        take_interrupt(reading, entry);
        break;
    }
}

/* The entries are ordered by their kinds. */
static bool
read_entries(struct reading *reading, uint64_t table, unsigned length, unsigned count)
{
    uint8_t entry[CPU_SIZE];
    unsigned at = HEAD_SIZE;

    for (; count > 0; count--) {
        unsigned size;

        if (at >= length || !reading->memory->read(reading->memory->arg, table + at, entry, 1))
            return false;
        size = entry[0] == ENTRY_CPU ? CPU_SIZE : OTHER_SIZE;
        if (entry[0] >= ENTRY_KINDS || size > length - at ||
            !reading->memory->read(reading->memory->arg, table + at, entry, size))
            return false;
        take_entry(reading, entry);
        at += size;
    }
    return true;
}

static bool
sum_is_right(const struct acpi_memory *memory, uint64_t table, unsigned length)
{
    uint8_t byte, sum = 0;

    for (unsigned i = 0; i < length; i++) {
        if (!memory->read(memory->arg, table + i, &byte, 1))
            return false;
        sum = (uint8_t)(sum + byte);
    }
    return sum == 0;
}

static bool
read_table(const struct acpi_memory *memory, uint32_t table, struct cpu_tables *tables)
{
    struct reading reading = {memory, tables, {0}};
    uint8_t head[HEAD_SIZE];
    unsigned length;

    if (table == 0 || !memory->read(memory->arg, table, head, sizeof(head)) ||
        memcmp(head, "PCMP", 4) != 0)
        return false;
    length = half_at(head + 4);
    if (length < HEAD_SIZE || !sum_is_right(memory, table, length))
        return false;
    tables->source = "MP tables";
    tables->local_apic = word_at(head + 36);
    return read_entries(&reading, table, length, half_at(head + 34)) && tables->cpu_count != 0;
}

/* ---- the default configurations ---- */

static bool
take_default(unsigned number, struct cpu_tables *tables)
{
    if (number > DEFAULT_MOST)
        return false;
    tables->source = "a default configuration of the MP tables";
    tables->local_apic = DEFAULT_LOCAL;
    cpu_tables_add_cpu(tables, 0);
    cpu_tables_add_cpu(tables, 1);
    cpu_tables_add_io_apic(tables, 2, DEFAULT_IO, 0);
    for (unsigned irq = 1; irq < ISA_LINES; irq++)
        cpu_tables_set_line(tables, irq, 0, irq, 0);
    if (number != DEFAULT_NO_TIMER)
        cpu_tables_set_line(tables, 0, 0, 2, 0);
    return true;
}

bool
mp_tables_read(const struct acpi_memory *memory, struct cpu_tables *tables)
{
    uint8_t pointer[POINTER_SIZE];

    memset(tables, 0, sizeof(*tables));
    if (!find_pointer(memory, pointer))
        return false;
    tables->imcr = pointer[12] & FEATURE_IMCR;
    return pointer[11] != 0 ? take_default(pointer[11], tables)
                            : read_table(memory, word_at(pointer + 4), tables);
}
