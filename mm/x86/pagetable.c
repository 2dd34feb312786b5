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
 *               the rest of the direct map: large pages where all of it is RAM and the CPU has them,
 *               else tables whose entries are present where RAM is
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
 * Lock: `lock` guards the installation of a table. It is a leaf lock.
 * Source: Intel SDM volume 3, 4.3 (32-bit paging), 4.4 (PAE paging).
 */
#include <string.h>
#include "bootmem.h"
#include "cmdline.h"
#include "cpu.h"
#include "frame.h"
#include "pagetable.h"
#include "platform.h"
#include "pmm.h"
#include "range.h"
#include "space.h"

#define FIXMAP_BASE   0xFFC00000u
#define ADDRESS_MASK  0x000FFFFFFFFFF000ull
#define NOEXEC_BIT    ((entry_t)1 << 63)
#define CHOSEN_FLAGS  (PT_WRITE | PT_USER | PT_WRITETHROUGH | PT_NOCACHE | PT_GLOBAL)
#define FOUR_GIB      ((uint64_t)1 << 32)

/* The first MiB as every PC has it. */
#define VIDEO_START 0xA0000u
#define ROM_START   0xC0000u
#define LOW_END     0x100000u

/* An entry of either format. */
typedef uint64_t entry_t;

/* entry.asm */
extern uint32_t page_directory[], low_page_table[], fixmap_page_table[];
extern char boot_stack_guard[], fault_stack_guard[];
void paging_change_to_pae(uint32_t pointers, bool noexec);

static struct spinlock lock = SPINLOCK_INIT;
static struct bootmem *boot_frames; /* where tables come from; NULL: from the PMM */
static entry_t global_flag;         /* PT_GLOBAL when the CPU has global pages */
static entry_t noexec_flag;         /* NOEXEC_BIT when the CPU has it, and PAE */

/* The format, and the kernel's own tables in it. */
static bool pae;
static paddr_t directory, low_table;
static uint64_t pointers[4] __attribute__((aligned(32))); /* PAE: what CR3 leads to */

static bool in_use; /* from then on every table has its address in the direct map */

/* The fixmap serves while the tables of the other format are built. */
static bool fixmap_pae;
static void *fixmap_table = fixmap_page_table;

/* ---- entries ---- */

static inline unsigned
table_entries(void)
{
    return pae ? 512 : 1024;
}

/* Bytes that one directory entry stands for. */
static inline uint32_t
table_reach(void)
{
    return pae ? 0x200000 : 0x400000;
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
    return read_as(pae, table, index);
}

static inline void
write_entry(void *table, unsigned index, entry_t entry)
{
    write_as(pae, table, index, entry);
}

static bool
in_image(uint64_t pa)
{
    return pa >= image_to_paddr(kernel_start) && pa < image_to_paddr(kernel_end);
}

static bool
has_address(paddr_t table)
{
    return in_use || in_image(table);
}

/* Where a table can be read and written, until close_table. */
static void *
open_table(paddr_t table)
{
    return has_address(table) ? frame_to_ptr(paddr_to_pfn(table)) : fixmap_map(FIXMAP_TABLE, table);
}

static void
close_table(paddr_t table)
{
    if (!has_address(table))
        fixmap_unmap(FIXMAP_TABLE);
}

static unsigned
directory_index(uintptr_t va)
{
    return va / table_reach() % table_entries();
}

static unsigned
table_index(uintptr_t va)
{
    return va / PAGE_SIZE % table_entries();
}

static entry_t
directory_entry(uintptr_t va)
{
    entry_t entry = read_entry(open_table(directory), directory_index(va));

    close_table(directory);
    return entry;
}

static void
set_directory_entry(uintptr_t va, entry_t entry)
{
    write_entry(open_table(directory), directory_index(va), entry);
    close_table(directory);
}

static bool
is_table(entry_t entry)
{
    return (entry & (PT_PRESENT | PT_LARGE)) == PT_PRESENT;
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

static paddr_t
table_from_boot(void)
{
    paddr_t table =
        bootmem_take(boot_frames, PAGE_SIZE, PAGE_SIZE, DIRECT_MAP_MAX, MEMMAP_METADATA);

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
    return boot_frames != NULL ? table_from_boot() : table_from_pmm();
}

/* Makes a directory entry what all say who know it. */
static void
publish(uintptr_t va, entry_t entry)
{
    set_directory_entry(va, entry);
    if (!pae)
        directories_set_kernel(directory_index(va), (uint32_t)entry);
}

/* Makes sure that there is a table for `va`. The frame is allocated before the lock is taken; who
 * comes second gives it back. */
static bool
add_table(uintptr_t va)
{
    paddr_t table = table_alloc();
    unsigned long flags;
    bool installed;

    if (table == 0)
        return false;
    flags = spin_lock(&lock);
    installed = !(directory_entry(va) & PT_PRESENT);
    if (installed) {
        publish(va, table | PT_PRESENT | PT_WRITE);
    }
    spin_unlock(&lock, flags);
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
    return directory | PT_PRESENT;
}

paddr_t
kernel_directory(void)
{
    return pae ? image_to_paddr((char *)pointers) : directory;
}

void
pagetable_use_pmm(void)
{
    boot_frames = NULL;
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
    if (global_flag == 0)
        flags &= ~(unsigned)PT_GLOBAL;
    set_table_entry(of_directory, va,
                    pa | (flags & CHOSEN_FLAGS) | PT_PRESENT | (flags & PT_EXEC ? 0 : noexec_flag));
    return true;
}

bool
pagetable_fill(uintptr_t va, size_t pages, paddr_t pa, unsigned flags)
{
    entry_t entry = pa | (flags & (CHOSEN_FLAGS & ~PT_GLOBAL)) | (flags & global_flag) |
                    PT_PRESENT | noexec_flag;

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
    entry_t entry = pae && va < KERNEL_BASE ? 0 : directory_entry(va);
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
    ASSERT(!(read_as(fixmap_pae, fixmap_table, slot) & PT_PRESENT));
    write_as(fixmap_pae, fixmap_table, slot,
             (pa & ADDRESS_MASK) | flags | (fixmap_pae ? noexec_flag : 0));
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

    ASSERT(read_as(fixmap_pae, fixmap_table, slot) & PT_PRESENT);
    write_as(fixmap_pae, fixmap_table, slot, 0);
    tlb_flush_page(va);
}

/* ---- the direct map ---- */

/* Memory that has an address in the direct map whoever owns it. */
static bool
is_usable(const struct memmap_region *region)
{
    return region->type == MEMMAP_RAM && region->owner != MEMMAP_ABSENT &&
           region->owner != MEMMAP_LOW;
}

/* The first run of usable memory that reaches beyond `from`, as whole pages in [from,
 * DIRECT_MAP_MAX); empty when there is none. Regions that touch are one run. Asked anew for each
 * run, because taking a frame changes the list. */
static struct range
next_run(const struct bootmem *boot, uint64_t from)
{
    struct range window = range(from, DIRECT_MAP_MAX), run = RANGE_EMPTY;

    for (size_t i = 0; i < boot->region_count; i++) {
        const struct memmap_region *region = &boot->regions[i];
        struct range piece = range_intersect(range(region->start, region->end), window);

        if (!is_usable(region) || range_is_empty(piece))
            continue;
        if (range_meets(run, piece)) {
            run.end = piece.end;
            continue;
        }
        if (!range_is_empty(range_inward(run, PAGE_SIZE)))
            break;
        run = piece;
    }
    return range_inward(run, PAGE_SIZE);
}

/* Maps the pages of [start, end), which one table holds, by 4 KiB each. */
static void
map_small(uint32_t start, uint32_t end)
{
    uintptr_t va = KERNEL_BASE + start;
    paddr_t table;
    void *at;

    if (!(directory_entry(va) & PT_PRESENT) && !add_table(va))
        kpanic("no memory for the page tables of the direct map");
    table = directory_entry(va) & ADDRESS_MASK;
    at = open_table(table);
    for (uint32_t pa = start; pa < end; pa += PAGE_SIZE)
        write_entry(at, table_index(pa), pa | PT_PRESENT | PT_WRITE | global_flag | noexec_flag);
    close_table(table);
}

static void
map_large(uint32_t start)
{
    set_directory_entry(KERNEL_BASE + start,
                        start | PT_PRESENT | PT_WRITE | PT_LARGE | global_flag | noexec_flag);
}

static void
map_run(struct range run)
{
    uint64_t next;

    for (uint64_t at = run.start; at < run.end; at = next) {
        next = align_down(at, table_reach()) + table_reach();
        if (next > run.end)
            next = run.end;
        if ((cpu_features.pse || pae) && next - at == table_reach())
            map_large((uint32_t)at);
        else
            map_small((uint32_t)at, (uint32_t)next);
    }
}

/* Maps all usable memory from 1 MiB on. Returns its end. */
static uint32_t
map_usable(const struct bootmem *boot)
{
    uint64_t end = LOW_END;
    struct range run;

    while (!range_is_empty(run = next_run(boot, end))) {
        map_run(run);
        end = run.end;
    }
    return (uint32_t)end;
}

static entry_t
low_entry(uint32_t pa)
{
    entry_t entry = pa | PT_PRESENT | global_flag;

    if (pa >= VIDEO_START && pa < ROM_START)
        return entry | PT_WRITE | PT_NOCACHE | noexec_flag;
    if (pa >= ROM_START && pa < LOW_END)
        return entry | noexec_flag;
    if (pa < LOW_END)
        return entry | PT_WRITE | noexec_flag;
    if (pa == image_to_paddr(boot_stack_guard) || pa == image_to_paddr(fault_stack_guard))
        return 0;
    if (pa < image_to_paddr(rodata_start))
        return entry;
    return entry | noexec_flag | (pa < image_to_paddr(rodata_end) ? 0 : PT_WRITE);
}

/* What the first directory entry reaches, whatever the map says of it: what is there on every PC,
 * the first MiB, video memory uncached and ROM read-only; and the kernel itself, text and constants
 * read-only. */
static void
fill_low_table(void)
{
    void *table = open_table(low_table);

    for (uint32_t pa = 0; pa < table_reach(); pa += PAGE_SIZE)
        if (pa < LOW_END || in_image(pa))
            write_entry(table, table_index(pa), low_entry(pa));
    close_table(low_table);
}

/* entry.asm maps all of it; RAM that is there comes by map_usable. */
static void
clear_low_table(void)
{
    void *table = open_table(low_table);

    for (uint32_t pa = LOW_END; pa < table_reach(); pa += PAGE_SIZE)
        if (!in_image(pa))
            write_entry(table, table_index(pa), 0);
    close_table(low_table);
}

/* ---- the start ---- */

bool
pagetable_is_pae(void)
{
    return pae;
}

uint64_t
pagetable_memory_end(void)
{
    return pae ? (uint64_t)1 << cpu_features.address_bits : FOUR_GIB;
}

void
pagetable_choose(bool high_memory)
{
    bool useful = cpu_features.nx || (high_memory && cpu_features.address_bits > 32);

    pae = cpu_features.pae && useful && !cmdline_flag("nopae");
    noexec_flag = pae && cpu_features.nx ? NOEXEC_BIT : 0;
    space_choose_format(pae, noexec_flag);
}

static paddr_t
boot_table(void)
{
    paddr_t table = table_from_boot();

    if (table == 0)
        kpanic("no memory for the kernel's page tables");
    return table;
}

/* The directory with its first and last table. Those of two levels are there from entry.asm. */
static paddr_t
make_directory(void)
{
    paddr_t fixmap;

    if (!pae) {
        directory = image_to_paddr((char *)page_directory);
        low_table = image_to_paddr((char *)low_page_table);
        return image_to_paddr((char *)fixmap_page_table);
    }
    directory = boot_table();
    low_table = boot_table();
    fixmap = boot_table();
    set_directory_entry(KERNEL_BASE, low_table | PT_PRESENT | PT_WRITE);
    set_directory_entry(FIXMAP_BASE, fixmap | PT_PRESENT | PT_WRITE);
    return fixmap;
}

/* From here on the new tables are in use. Loading CR3 forgets every translation, as global ones are
 * not in use before. */
static void
use_tables(paddr_t fixmap)
{
    if (pae) {
        pointers[0] = pointers[3] = directory | PT_PRESENT; /* low addresses for the change alone */
        paging_change_to_pae(image_to_paddr((char *)pointers), noexec_flag != 0);
        pointers[0] = 0;
        fixmap_table = frame_to_ptr(paddr_to_pfn(fixmap));
        fixmap_pae = true;
    }
    in_use = true;
    page_directory[0] = 0;
    cpu_set_directory((uint32_t)kernel_directory());
    if (cpu_features.pge)
        write_cr4(read_cr4() | CR4_PGE);
}

void
pagetable_init(struct bootmem *boot)
{
    paddr_t fixmap;
    uint32_t end;

    boot_frames = boot;
    if (cpu_features.pse)
        write_cr4(read_cr4() | CR4_PSE);
    global_flag = cpu_features.pge ? PT_GLOBAL : 0;
    fixmap = make_directory();
    ASSERT(image_to_paddr(kernel_end) <= table_reach());
    clear_low_table();
    end = map_usable(boot);
    fill_low_table();
    direct_map_end = end;
    use_tables(fixmap);
    klog("pagetable: %s, direct map of %lu KiB in pages of %s4 KiB\n",
         pae ? "PAE" : "two levels", (unsigned long)direct_map_end / 1024,
         pae ? "2 MiB and " : cpu_features.pse ? "4 MiB and " : "");
    klog("pagetable: text and constants read-only%s\n",
         noexec_flag != 0 ? ", all else not executable" : "");
}

/* ---- the walk in words ---- */

static void
print_entry(struct printer *out, const char *level, unsigned index, entry_t entry)
{
    static const struct {
        unsigned bit;
        const char *set, *clear;
    } words[] = {{PT_WRITE, "writable", "read-only"},    {PT_USER, "user", "kernel"},
                 {PT_WRITETHROUGH, "write-through", ""}, {PT_NOCACHE, "uncached", ""},
                 {PT_ACCESSED, "accessed", ""},          {PT_DIRTY, "dirty", ""},
                 {PT_LARGE, "large", ""},                {PT_GLOBAL, "global", ""},
                 {PT_NOEXEC, "no-execute", ""}};
    int digits = pae ? 16 : 8;

    print(out, "  %s[%u] = 0x%0*llx", level, index, digits, (unsigned long long)entry);
    if (!(entry & PT_PRESENT)) {
        print(out, " not present\n");
        return;
    }
    print(out, " -> 0x%08llx", (unsigned long long)(entry & ADDRESS_MASK));
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        const char *word = flags_of(entry) & words[i].bit ? words[i].set : words[i].clear;

        print(out, *word != '\0' ? " %s" : "%s", word);
    }
    print(out, "\n");
}

void
pagetable_print_walk(struct printer *out, uintptr_t va)
{
    entry_t of_directory;
    paddr_t pa;

    print(out, "  walk of 0x%08lx\n", (unsigned long)va);
    if (pae) {
        print(out, "  pointer[%u] = 0x%016llx%s\n", (unsigned)(va >> 30),
              (unsigned long long)pointers[va >> 30], pointers[va >> 30] ? "" : " not present");
        if (pointers[va >> 30] == 0)
            return;
    }
    of_directory = directory_entry(va);
    print_entry(out, "directory", directory_index(va), of_directory);
    if (is_table(of_directory))
        print_entry(out, "table", table_index(va), table_entry(of_directory, va));
    if (pagetable_lookup(va, &pa, NULL))
        print(out, "  physical 0x%08llx\n", (unsigned long long)pa);
}
