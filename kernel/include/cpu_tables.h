/* cpu_tables.h - what the firmware says about CPUs and interrupt controllers. */
#ifndef OCTAVO_CPU_TABLES_H
#define OCTAVO_CPU_TABLES_H

#include "acpi.h"
#include "types.h"

#define TABLE_CPUS     32
#define TABLE_IO_APICS 4
#define ISA_LINES      16

struct cpu_tables {
    const char *source;        /* "ACPI", "MP tables": for the log */
    uint32_t local_apic;       /* physical address */
    unsigned cpu_count;        /* those that may be started and the one that runs */
    uint8_t cpus[TABLE_CPUS];  /* APIC ids of the first of them, each once */
    unsigned io_apic_count;
    struct io_apic_entry {
        uint8_t id;
        uint32_t address;
        uint32_t first; /* the number that ACPI gives to its input 0 */
    } io_apics[TABLE_IO_APICS];
    struct irq_line {
        bool known;
        bool low, level;  /* else active high, by edge */
        uint8_t io_apic;  /* index of the one it leads to */
        uint8_t input;
    } lines[ISA_LINES];
    bool imcr; /* the 8259s are wired past the local APIC until port 22h is told otherwise */
};

/* Both read only what they need and trust nothing; false, with *tables undefined, when there are no
 * such tables or they make no sense. Total: the memory may hold anything. */

/* ACPI's Multiple APIC Description Table. */
MUST_CHECK bool madt_read(const struct acpi_memory *memory, struct cpu_tables *tables);

/* Intel's MultiProcessor Specification 1.4: a table, or one of its default configurations. */
MUST_CHECK bool mp_tables_read(const struct acpi_memory *memory, struct cpu_tables *tables);

/* For both: notes a CPU, an I/O APIC, where an interrupt of the ISA bus leads (flags as both
 * specifications have them: polarity in bits 0 and 1, trigger mode in bits 2 and 3). */
void cpu_tables_add_cpu(struct cpu_tables *tables, uint8_t id);
void cpu_tables_add_io_apic(struct cpu_tables *tables, uint8_t id, uint32_t address,
                            uint32_t first);
void cpu_tables_set_line(struct cpu_tables *tables, unsigned irq, size_t io_apic, uint32_t input,
                         unsigned flags);

#endif
