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

/* The first process from a number on; returns where the next may be, 0: there is none. */
static int
print_process_from(struct printer *out, int pid)
{
    struct process *process = process_get_from(pid);
    struct address_space *space;

    if (process == NULL)
        return 0;
    pid = process->pid;
    space = process_get_space(process);
    process_put(process);
    if (space != NULL) {
        print(out, "# vmas %d\n", pid);
        space_print_areas(out, space);
        print(out, "# pt %d\n", pid);
        space_print_tables(out, space);
        space_put(space);
    }
    return pid + 1;
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
    for (int pid = 1; pid != 0;)
        pid = print_process_from(out, pid);
}
