/* pagetable_private.h - entries of the kernel's page tables, in either format, and where its tables
 * are: what building them (pagetable_start.c) and using them (pagetable.c) share. Private to
 * mm/x86/.
 */
#ifndef OCTAVO_PAGETABLE_PRIVATE_H
#define OCTAVO_PAGETABLE_PRIVATE_H

#include "pagetable.h"
#include "platform.h"

struct bootmem;

#define FIXMAP_BASE  0xFFC00000u
#define ADDRESS_MASK 0x000FFFFFFFFFF000ull
#define NOEXEC_BIT   ((entry_t)1 << 63)

/* An entry of either format. */
typedef uint64_t entry_t;

/* entry.asm: the tables of two levels. */
extern uint32_t page_directory[], low_page_table[], fixmap_page_table[];

/* The format, and the kernel's own tables in it. Set by pagetable_init. */
struct ktables {
    bool pae;
    bool in_use; /* from then on every table has its address in the direct map */
    paddr_t directory, low_table;
    uint64_t pointers[4] __attribute__((aligned(32))); /* PAE: what CR3 leads to */

    bool fixmap_pae; /* the fixmap serves while the tables of the other format are built */
    void *fixmap_table;

    entry_t global_flag; /* PT_GLOBAL when the CPU has global pages */
    entry_t noexec_flag; /* NOEXEC_BIT when the CPU has it, and PAE */
    struct bootmem *boot_frames; /* where tables come from; NULL: from the PMM */
};
extern struct ktables ktables;

/* A frame full of zeros from the boot map; 0 when there is none. */
paddr_t table_from_boot(void);

/* Makes sure that there is a table for `va`. The frame is allocated before the lock is taken; who
 * comes second gives it back. */
bool add_table(uintptr_t va);

/* ---- entries ---- */

static inline unsigned
table_entries(void)
{
    return ktables.pae ? 512 : 1024;
}

/* Bytes that one directory entry stands for. */
static inline uint32_t
table_reach(void)
{
    return ktables.pae ? 0x200000 : 0x400000;
}

static inline entry_t
read_as(bool wide, const void *table, unsigned index)
{
    return wide ? ((const uint64_t *)table)[index] : ((const uint32_t *)table)[index];
}

/* Of PAE's two halves the one with PT_PRESENT goes first and comes last. */
static inline void
write_as(bool wide, void *table, unsigned index, entry_t entry)
{
    typedef volatile uint32_t __attribute__((may_alias)) half_entry;
    half_entry *half = (half_entry *)table + (wide ? 2 * index : index);

    if (wide) {
        half[0] = 0;
        half[1] = (uint32_t)(entry >> 32);
    }
    half[0] = (uint32_t)entry;
}

static inline entry_t
read_entry(const void *table, unsigned index)
{
    return read_as(ktables.pae, table, index);
}

static inline void
write_entry(void *table, unsigned index, entry_t entry)
{
    write_as(ktables.pae, table, index, entry);
}

static inline bool
in_image(uint64_t pa)
{
    return pa >= image_to_paddr(kernel_start) && pa < image_to_paddr(kernel_end);
}

/* Where a table can be read and written, until close_table. */
void *open_table(paddr_t table);
void close_table(paddr_t table);

static inline unsigned
directory_index(uintptr_t va)
{
    return va / table_reach() % table_entries();
}

static inline unsigned
table_index(uintptr_t va)
{
    return va / PAGE_SIZE % table_entries();
}

/* The directory's entry for `va`, and a new one. */
entry_t directory_entry(uintptr_t va);
void set_directory_entry(uintptr_t va, entry_t entry);

static inline bool
is_table(entry_t entry)
{
    return (entry & (PT_PRESENT | PT_LARGE)) == PT_PRESENT;
}

#endif
