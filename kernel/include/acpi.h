/* acpi.h - the little of ACPI that finding tables and switching a PC off takes. */
#ifndef OCTAVO_ACPI_H
#define OCTAVO_ACPI_H

#include "types.h"

/* Reads physical memory; false when it cannot be read. */
struct acpi_memory {
    bool (*read)(void *arg, uint64_t physical, void *into, size_t size);
    void *arg;
};

/* A table whose length makes sense. */
struct acpi_table {
    uint32_t address, length;
};

/* Finds the first table of that signature that has at least `least` bytes, and a sum of zero.
 * Total: the memory may hold anything. */
MUST_CHECK bool acpi_find_table(const struct acpi_memory *memory, const char *signature,
                                uint32_t least, struct acpi_table *table);

/* How to enter the soft-off state S5. */
struct acpi_power {
    uint16_t control_a, control_b; /* ports of PM1a_CNT and PM1b_CNT; 0 = there is none */
    uint16_t type_a, type_b;       /* SLP_TYP for each */
    uint16_t command; /* port that takes `enable` to switch ACPI on; 0 = it always is */
    uint8_t enable;
};

/* Finds the tables and reads them. False when there are none, or they do not make sense. Total: the
 * memory may hold anything. */
bool acpi_find_power(const struct acpi_memory *memory, struct acpi_power *power);

#endif
