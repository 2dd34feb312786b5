/* dump.c - all tables of memory in one text, from the firmware's list to the programs' page tables.
 */
#include "boot.h"
#include "dump.h"
#include "mm.h"
#include "task.h"
#include "zone.h"

void
dump_print_mmap(struct printer *out)
{
    bootmem_print_firmware(out, &boot_memory);
    bootmem_print(out, &boot_memory);
}

void
dump_print_freelist(struct printer *out)
{
    mm_print_freelist(out, 0, MAX_ORDER);
}

void
dump_print(struct printer *out)
{
    static const struct {
        const char *name;
        void (*print)(struct printer *out);
    } tables[] = {
        {"mmap", dump_print_mmap},         {"zones", mm_print_zones},
        {"buddyinfo", mm_print_buddyinfo}, {"freelist", dump_print_freelist},
        {"owners", mm_print_owners},       {"slabinfo", mm_print_slabinfo},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
        print(out, "# %s\n", tables[i].name);
        tables[i].print(out);
    }
    for (const struct process *process = process_from(1); process != NULL;
         process = process_from(process->pid + 1)) {
        if (process->space == NULL)
            continue;
        print(out, "# vmas %d\n", process->pid);
        space_print_areas(out, process->space);
        print(out, "# pt %d\n", process->pid);
        space_print_tables(out, process->space);
    }
}
