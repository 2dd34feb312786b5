/* pagetable.c - the kernel's page tables, in two levels or in PAE's format.
 *
 *   two levels  31        22 21        12 11         0
 *               [ directory ][   table   ][  offset  ]      1024 entries of 4 bytes each level
 *   PAE         31 30 29  21 20        12 11         0
 *               [ ][directory][   table  ][  offset  ]      512 entries of 8 bytes each level
 *
 * PAE is taken where the CPU has it and it is of use: for memory above 4 GiB, or for pages from
 * which nothing is executed (NX). A directory entry leads to a table or (PSE, PAE) to all of its 4
 * or 2 MiB of memory at once. Of the directory the kernel has what stands for the last GiB:
 *
 *   0xC0000000  what the first entry reaches, in 4 KiB pages: low memory, the kernel image with its
 *               protections and the holes under its stacks
 *               the rest of the direct map: large pages where all of it is RAM and the CPU has
 *               them, else tables whose entries are present where RAM is
 *   0xD0000000  whatever pagetable_map is asked for; tables come when first needed and stay
 *   0xFFC00000  the fixmap
 *
 * The kernel starts on two levels (entry.asm); for PAE pagetable_init builds the other tables
 * beside them and changes over. The first tables and the directory of two levels are static, part
 * of the kernel image. All others are frames below 256 MiB, so that they can be written at their
 * address in the direct map. Only while the direct map is being built they are reached through the
 * fixmap.
 *
 * I1. A present directory entry without PT_LARGE leads to a table in the direct map.
 * I2. A table is never taken out of the directory.
 *
 * Lock: `install_lock` guards the installation of a table; spaces_lock is taken under it.
 * Source: Intel SDM volume 3, 4.3 (32-bit paging), 4.4 (PAE paging).
 */
#include <string.h>
#include "bootmem.h"
#include "frame.h"
#include "pagetable_private.h"
#include "pmm.h"
#include "range.h"
#include "space.h"

#define CHOSEN_FLAGS (PT_WRITE | PT_USER | PT_WRITETHROUGH | PT_NOCACHE | PT_GLOBAL)

struct ktables ktables = {.fixmap_table = fixmap_page_table};

static struct spinlock install_lock = SPINLOCK_INIT;

bool
pagetable_is_pae(void)
{
    return ktables.pae;
}

/* ---- entries ---- */

static bool
has_address(paddr_t table)
{
    return ktables.in_use || in_image(table);
}

void *
open_table(paddr_t table)
{
    return has_address(table) ? frame_to_ptr(paddr_to_pfn(table)) : fixmap_map(FIXMAP_TABLE, table);
}

void
close_table(paddr_t table)
{
    if (!has_address(table))
        fixmap_unmap(FIXMAP_TABLE);
}

entry_t
directory_entry(uintptr_t va)
{
    entry_t entry = read_entry(open_table(ktables.directory), directory_index(va));

    close_table(ktables.directory);
    return entry;
}

void
set_directory_entry(uintptr_t va, entry_t entry)
{
    write_entry(open_table(ktables.directory), directory_index(va), entry);
    close_table(ktables.directory);
}

/* The entry for `va` in the table that a directory entry leads to, and a new one. */
static entry_t
table_entry(entry_t of_directory, uintptr_t va)
{
    return read_entry(frame_to_ptr(paddr_to_pfn(of_directory & ADDRESS_MASK)), table_index(va));
}

static void
set_table_entry(entry_t of_directory, uintptr_t va, entry_t entry)
{
    write_entry(frame_to_ptr(paddr_to_pfn(of_directory & ADDRESS_MASK)), table_index(va), entry);
}

/* ---- tables ---- */

paddr_t
table_from_boot(void)
{
    paddr_t table =
        bootmem_take(ktables.boot_frames, PAGE_SIZE, PAGE_SIZE, DIRECT_MAP_MAX, MEMMAP_METADATA);

    if (table != 0) {
        memset(open_table(table), 0, PAGE_SIZE);
        close_table(table);
    }
    return table;
}

static paddr_t
table_from_pmm(void)
{
    paddr_t table = pmm_alloc_page_flags(PMM_DIRECT | PMM_ZERO);

    if (table != 0)
        frame_set_owner(paddr_to_pfn(table), FRAME_PAGE_TABLE);
    return table;
}

/* A frame full of zeros; 0 when there is none. */
static paddr_t
table_alloc(void)
{
    return ktables.boot_frames != NULL ? table_from_boot() : table_from_pmm();
}

/* Makes a directory entry what all say who know it, the kernel's own last: who finds it there uses
 * what it leads to, in whatever space. No space comes or goes meanwhile. */
static void
publish(uintptr_t va, entry_t entry)
{
    unsigned long flags = spin_lock(&spaces_lock);

    if (!ktables.pae)
        directories_set_kernel(directory_index(va), (uint32_t)entry);
    set_directory_entry(va, entry);
    spin_unlock(&spaces_lock, flags);
}

bool
add_table(uintptr_t va)
{
    paddr_t table = table_alloc();
    unsigned long flags;
    bool installed;

    if (table == 0)
        return false;
    flags = spin_lock(&install_lock);
    installed = !(directory_entry(va) & PT_PRESENT);
    if (installed) {
        publish(va, table | PT_PRESENT | PT_WRITE);
    }
    spin_unlock(&install_lock, flags);
    if (!installed)
        pmm_free_page(table);
    return true;
}

void
pagetable_copy_kernel(void *to)
{
    size_t user = KERNEL_BASE / table_reach() * sizeof(uint32_t);

    memcpy((char *)to + user, (char *)page_directory + user, PAGE_SIZE - user);
}

uint64_t
pagetable_kernel_pointer(void)
{
    return ktables.directory | PT_PRESENT;
}

paddr_t
kernel_directory(void)
{
    return ktables.pae ? image_to_paddr((char *)ktables.pointers) : ktables.directory;
}

void
pagetable_use_pmm(void)
{
    ktables.boot_frames = NULL;
}

/* ---- one page at a time ---- */

bool
pagetable_map(uintptr_t va, paddr_t pa, unsigned flags)
{
    entry_t of_directory;

    ASSERT(is_aligned(va, PAGE_SIZE) && is_aligned(pa, PAGE_SIZE) && pa < pagetable_memory_end());
    if (!(directory_entry(va) & PT_PRESENT) && !add_table(va))
        return false;
    if (flags & PT_USER)
        publish(va, directory_entry(va) | PT_USER);
    of_directory = directory_entry(va);
    ASSERT(is_table(of_directory) && !(table_entry(of_directory, va) & PT_PRESENT));
    if (ktables.global_flag == 0)
        flags &= ~(unsigned)PT_GLOBAL;
    set_table_entry(of_directory, va,
                    pa | (flags & CHOSEN_FLAGS) | PT_PRESENT |
                        (flags & PT_EXEC ? 0 : ktables.noexec_flag));
    return true;
}

bool
pagetable_fill(uintptr_t va, size_t pages, paddr_t pa, unsigned flags)
{
    entry_t entry = pa | (flags & (CHOSEN_FLAGS & ~PT_GLOBAL)) | (flags & ktables.global_flag) |
                    PT_PRESENT | ktables.noexec_flag;

    ASSERT(is_aligned(va, table_reach()));
    while (pages > 0) {
        size_t piece = pages < table_entries() ? pages : table_entries();
        void *table;

        if (!(directory_entry(va) & PT_PRESENT) && !add_table(va))
            return false;
        table = frame_to_ptr(paddr_to_pfn(directory_entry(va) & ADDRESS_MASK));
        for (unsigned i = 0; i < piece; i++)
            write_entry(table, i, entry);
        va += table_reach();
        pages -= piece;
    }
    return true;
}

paddr_t
pagetable_unmap(uintptr_t va)
{
    entry_t of_directory = directory_entry(va), entry;

    ASSERT(is_aligned(va, PAGE_SIZE));
    if (!is_table(of_directory))
        return 0;
    entry = table_entry(of_directory, va);
    if (!(entry & PT_PRESENT))
        return 0;
    set_table_entry(of_directory, va, 0);
    tlb_flush_page(va);
    return entry & ADDRESS_MASK;
}

static unsigned
flags_of(entry_t entry)
{
    return (unsigned)(entry & PAGE_MASK) | (entry & NOEXEC_BIT ? PT_NOEXEC : 0);
}

bool
pagetable_lookup(uintptr_t va, paddr_t *pa, unsigned *flags)
{
    entry_t entry = ktables.pae && va < KERNEL_BASE ? 0 : directory_entry(va);
    uintptr_t reach = table_reach();

    if (is_table(entry)) {
        entry = table_entry(entry, va);
        reach = PAGE_SIZE;
    }
    if (!(entry & PT_PRESENT))
        return false;
    if (pa != NULL)
        *pa = align_down(entry & ADDRESS_MASK, reach) + va % reach;
    if (flags != NULL)
        *flags = flags_of(entry);
    return true;
}

bool
kernel_read_ok(const void *at, size_t size)
{
    uintptr_t first = (uintptr_t)at, last = first + size - 1;

    if (size == 0)
        return true;
    if (last < first)
        return false;
    for (uintptr_t page = align_down(first, PAGE_SIZE);; page += PAGE_SIZE) {
        if (!pagetable_lookup(page, NULL, NULL))
            return false;
        if (last - page < PAGE_SIZE)
            return true;
    }
}

/* The CPU looks at nothing but the present bit of an entry that is not present. */
bool
pagetable_set_note(uintptr_t va, uint32_t note)
{
    entry_t of_directory;

    ASSERT(is_aligned(va, PAGE_SIZE) && note < 1u << 31);
    if (!(directory_entry(va) & PT_PRESENT) && (note == 0 || !add_table(va)))
        return note == 0;
    of_directory = directory_entry(va);
    ASSERT(!(table_entry(of_directory, va) & PT_PRESENT));
    set_table_entry(of_directory, va, (uint32_t)(note << 1));
    return true;
}

uint32_t
pagetable_note(uintptr_t va)
{
    entry_t of_directory = directory_entry(va), entry;

    if (!is_table(of_directory))
        return 0;
    entry = table_entry(of_directory, va);
    return entry & PT_PRESENT ? 0 : (uint32_t)entry >> 1;
}

/* ---- fixmap ---- */

static uintptr_t
fixmap_address(unsigned slot)
{
    ASSERT(slot < FIXMAP_SLOTS);
    return FIXMAP_BASE + slot * PAGE_SIZE;
}

static void *
fixmap_set(unsigned slot, paddr_t pa, entry_t flags)
{
    uintptr_t va = fixmap_address(slot);

    ASSERT(pa < pagetable_memory_end());
    ASSERT(!(read_as(ktables.fixmap_pae, ktables.fixmap_table, slot) & PT_PRESENT));
    write_as(ktables.fixmap_pae, ktables.fixmap_table, slot,
             (pa & ADDRESS_MASK) | flags | (ktables.fixmap_pae ? ktables.noexec_flag : 0));
    return (void *)(va + (uintptr_t)pa % PAGE_SIZE);
}

void *
fixmap_map(unsigned slot, paddr_t pa)
{
    return fixmap_set(slot, pa, PT_PRESENT | PT_WRITE);
}

void *
fixmap_map_uncached(unsigned slot, paddr_t pa)
{
    return fixmap_set(slot, pa, PT_PRESENT | PT_WRITE | PT_NOCACHE | PT_WRITETHROUGH);
}

void
fixmap_unmap(unsigned slot)
{
    uintptr_t va = fixmap_address(slot);

    ASSERT(read_as(ktables.fixmap_pae, ktables.fixmap_table, slot) & PT_PRESENT);
    write_as(ktables.fixmap_pae, ktables.fixmap_table, slot, 0);
    tlb_flush_page(va);
}
