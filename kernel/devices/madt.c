/* madt.c - ACPI's table of CPUs and interrupt controllers.
 *
 * Theory (ACPI specification 6.5, 5.2.12): the table "APIC" has a head, the address of the local
 * APICs and flags, and then entries of a type and a length each:
 *
 *     +36 address of the local APICs, +40 flags, +44 entries
 *     0  CPU               +2 number, +3 APIC id, +4 flags: bit 0 = may be used
 *     1  I/O APIC          +2 id, +4 address, +8 number of its first input
 *     2  override          +2 bus (0: ISA), +3 interrupt, +4 number of the input, +8 flags
 *
 * Inputs are numbered through all I/O APICs. An interrupt of the ISA bus leads to the input of its
 * own number, active high and by edge, if no override says otherwise. CPUs whose id has more than 8
 * bits have entries of another type; they are not driven.
 */
#include <string.h>
#include "cpu_tables.h"

#define LOCAL_APIC 36
#define ENTRIES    44
#define ENTRY_HEAD 2
#define LONGEST    255u

enum { ENTRY_CPU = 0, ENTRY_IO_APIC = 1, ENTRY_OVERRIDE = 2 };
enum { CPU_SIZE = 8, IO_APIC_SIZE = 12, OVERRIDE_SIZE = 10 };

#define CPU_ENABLED 1

#define EVERY_CPU 255 /* as an id: a message to all of them */

static uint32_t
word_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Calls `take` for each entry of the table. */
static bool
each_entry(const struct acpi_memory *memory, const struct acpi_table *table,
           void (*take)(struct cpu_tables *tables, const uint8_t *entry), struct cpu_tables *tables)
{
    uint8_t entry[LONGEST];
    uint32_t size;

    for (uint32_t at = ENTRIES; at + ENTRY_HEAD <= table->length; at += size) {
        if (!memory->read(memory->arg, (uint64_t)table->address + at, entry, ENTRY_HEAD))
            return false;
        size = entry[1];
        if (size < ENTRY_HEAD || size > table->length - at)
            return false;
        memset(entry + ENTRY_HEAD, 0, sizeof(entry) - ENTRY_HEAD);
        if (!memory->read(memory->arg, (uint64_t)table->address + at, entry, size))
            return false;
        take(tables, entry);
    }
    return true;
}

static void
take_controller(struct cpu_tables *tables, const uint8_t *entry)
{
    if (entry[0] == ENTRY_CPU && entry[1] >= CPU_SIZE && entry[4] & CPU_ENABLED)
        cpu_tables_add_cpu(tables, entry[3]);
    if (entry[0] == ENTRY_IO_APIC && entry[1] >= IO_APIC_SIZE)
        cpu_tables_add_io_apic(tables, entry[2], word_at(entry + 4), word_at(entry + 8));
}

/* The I/O APIC with the input of that number: the one that begins last before it. */
static void
set_numbered_line(struct cpu_tables *tables, unsigned irq, uint32_t number, unsigned flags)
{
    size_t best = TABLE_IO_APICS;

    for (size_t i = 0; i < tables->io_apic_count; i++) {
        if (tables->io_apics[i].first <= number &&
            (best == TABLE_IO_APICS || tables->io_apics[i].first > tables->io_apics[best].first))
            best = i;
    }
    if (best != TABLE_IO_APICS)
        cpu_tables_set_line(tables, irq, best, number - tables->io_apics[best].first, flags);
}

static void
take_override(struct cpu_tables *tables, const uint8_t *entry)
{
    if (entry[0] == ENTRY_OVERRIDE && entry[1] >= OVERRIDE_SIZE && entry[2] == 0)
        set_numbered_line(tables, entry[3], word_at(entry + 4), entry[8]);
}

bool
madt_read(const struct acpi_memory *memory, struct cpu_tables *tables)
{
    struct acpi_table table;
    uint8_t address[4];

    memset(tables, 0, sizeof(*tables));
    if (!acpi_find_table(memory, "APIC", ENTRIES, &table) ||
        !memory->read(memory->arg, (uint64_t)table.address + LOCAL_APIC, address, sizeof(address)))
        return false;
    tables->source = "ACPI";
    tables->local_apic = word_at(address);
    if (!each_entry(memory, &table, take_controller, tables))
        return false;
    for (unsigned irq = 0; irq < ISA_LINES; irq++)
        set_numbered_line(tables, irq, irq, 0);
    return each_entry(memory, &table, take_override, tables) && tables->cpu_count != 0;
}

/* ---- what both tables have in common ---- */

/* Bits 0 and 1, and 2 and 3: 0 as the bus has it, 1 high or edge, 3 low or level. */
#define FLAG_LOW(flags)   (((flags) & 3) == 3)
#define FLAG_LEVEL(flags) (((flags) >> 2 & 3) == 3)

void
cpu_tables_add_cpu(struct cpu_tables *tables, uint8_t id)
{
    if (id == EVERY_CPU)
        return;
    for (unsigned i = 0; i < tables->cpu_count && i < TABLE_CPUS; i++) {
        if (tables->cpus[i] == id)
            return;
    }
    if (tables->cpu_count < TABLE_CPUS)
        tables->cpus[tables->cpu_count] = id;
    tables->cpu_count++;
}

void
cpu_tables_add_io_apic(struct cpu_tables *tables, uint8_t id, uint32_t address, uint32_t first)
{
    if (tables->io_apic_count < TABLE_IO_APICS)
        tables->io_apics[tables->io_apic_count++] = (struct io_apic_entry){id, address, first};
}

void
cpu_tables_set_line(struct cpu_tables *tables, unsigned irq, size_t io_apic, uint32_t input,
                    unsigned flags)
{
    if (irq < ISA_LINES && io_apic < tables->io_apic_count && input < UINT8_MAX)
        tables->lines[irq] = (struct irq_line){.known = true,
                                               .low = FLAG_LOW(flags),
                                               .level = FLAG_LEVEL(flags),
                                               .io_apic = (uint8_t)io_apic,
                                               .input = (uint8_t)input};
}
