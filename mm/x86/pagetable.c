/* pagetable.c - the kernel's page tables, two levels.
 *
 *   31        22 21        12 11         0
 *   [ directory ][   table   ][  offset  ]        1024 entries of 4 bytes each level
 *
 * One directory entry stands for 4 MiB: it leads to a table, or (PSE) to 4 MiB of memory at once.
 *
 *   directory    0    none after pagetable_init: a NULL pointer faults
 *              768    the first 4 MiB, in 4 KiB pages: low memory, the kernel image with its
 *                     protections and the holes under its stacks
 *         769..831    the rest of the direct map: 4 MiB pages where all of it is RAM and the CPU
 * has them, else tables whose entries are present where RAM is 832..1022    whatever pagetable_map
 * is asked for; their tables come when first needed and stay 1023    the fixmap
 *
 * The first, the last and the directory itself are static, part of the kernel image. Other tables
 * are frames below 256 MiB, so that they can be written at their address in the direct map. Only
 * while the direct map is being built they are reached through the fixmap.
 *
 * I1. A present directory entry without PT_LARGE leads to a table in the direct map.
 * I2. A table is never taken out of the directory.
 *
 * Lock: `lock` guards the installation of a table. It is a leaf lock.
 * Source: Intel SDM volume 3, 4.3 (32-bit paging).
 */
#include <string.h>
#include "bootmem.h"
#include "cpu.h"
#include "frame.h"
#include "pagetable.h"
#include "platform.h"
#include "pmm.h"
#include "range.h"

#define TABLE_ENTRIES 1024
#define TABLE_REACH   0x400000u /* bytes that one directory entry stands for */
#define FIXMAP_BASE   0xFFC00000u
#define ADDRESS_MASK  0xFFFFF000u
#define CHOSEN_FLAGS  (PT_WRITE | PT_USER | PT_WRITETHROUGH | PT_NOCACHE | PT_GLOBAL)
#define FOUR_GIB      ((uint64_t)1 << 32)

/* The first MiB as every PC has it. */
#define VIDEO_START 0xA0000u
#define ROM_START   0xC0000u
#define LOW_END     0x100000u

typedef uint32_t entry_t;

/* entry.asm */
extern entry_t page_directory[TABLE_ENTRIES];
extern entry_t low_page_table[TABLE_ENTRIES];
extern entry_t fixmap_page_table[TABLE_ENTRIES];
extern char boot_stack_guard[], fault_stack_guard[];

static struct spinlock lock = SPINLOCK_INIT;
static struct bootmem *boot_frames; /* where tables come from; NULL: from the PMM */
static entry_t global_flag;         /* PT_GLOBAL when the CPU has global pages */

/* Of the kernel's own directory: programs' have the same entries from KERNEL_BASE on. */
static entry_t *
directory_entry(uintptr_t va)
{
    return &page_directory[va / TABLE_REACH];
}

static bool
is_table(entry_t entry)
{
    return (entry & (PT_PRESENT | PT_LARGE)) == PT_PRESENT;
}

/* The entry for `va` in the table that a directory entry leads to. */
static entry_t *
table_entry(entry_t directory, uintptr_t va)
{
    entry_t *table = frame_to_ptr(paddr_to_pfn(directory & ADDRESS_MASK));

    return &table[va / PAGE_SIZE % TABLE_ENTRIES];
}

/* ---- tables ---- */

static paddr_t
table_from_boot(void)
{
    paddr_t table =
        bootmem_take(boot_frames, PAGE_SIZE, PAGE_SIZE, DIRECT_MAP_MAX, MEMMAP_METADATA);

    if (table != 0) {
        memset(fixmap_map(FIXMAP_TABLE, table), 0, PAGE_SIZE);
        fixmap_unmap(FIXMAP_TABLE);
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

/* Makes sure that there is a table for `va`. The frame is allocated before the lock is taken; who
 * comes second gives it back. */
static bool
add_table(uintptr_t va)
{
    entry_t *directory = directory_entry(va);
    paddr_t table = table_alloc();
    unsigned long flags;
    bool installed;

    if (table == 0)
        return false;
    flags = spin_lock(&lock);
    installed = !(*directory & PT_PRESENT);
    if (installed) {
        *directory = (entry_t)table | PT_PRESENT | PT_WRITE;
        directories_set_kernel(va / TABLE_REACH, *directory);
    }
    spin_unlock(&lock, flags);
    if (!installed)
        pmm_free_page(table);
    return true;
}

void
pagetable_copy_kernel(void *directory)
{
    size_t user = KERNEL_BASE / TABLE_REACH * sizeof(entry_t);

    memcpy((char *)directory + user, (char *)page_directory + user, PAGE_SIZE - user);
}

uint64_t
pagetable_kernel_pointer(void)
{
    return 0;
}

paddr_t
kernel_directory(void)
{
    return image_to_paddr((char *)page_directory);
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
    entry_t *entry;

    ASSERT(is_aligned(va, PAGE_SIZE) && is_aligned(pa, PAGE_SIZE) && pa < FOUR_GIB);
    if (!(*directory_entry(va) & PT_PRESENT) && !add_table(va))
        return false;
    ASSERT(is_table(*directory_entry(va)));
    entry = table_entry(*directory_entry(va), va);
    ASSERT(!(*entry & PT_PRESENT));
    if (global_flag == 0)
        flags &= ~(unsigned)PT_GLOBAL;
    *entry = (entry_t)pa | (flags & CHOSEN_FLAGS) | PT_PRESENT;
    return true;
}

paddr_t
pagetable_unmap(uintptr_t va)
{
    entry_t directory = *directory_entry(va);
    entry_t *entry;
    paddr_t pa;

    ASSERT(is_aligned(va, PAGE_SIZE));
    if (!is_table(directory))
        return 0;
    entry = table_entry(directory, va);
    if (!(*entry & PT_PRESENT))
        return 0;
    pa = *entry & ADDRESS_MASK;
    *entry = 0;
    tlb_flush_page(va);
    return pa;
}

bool
pagetable_lookup(uintptr_t va, paddr_t *pa, unsigned *flags)
{
    entry_t entry = *directory_entry(va);
    uintptr_t reach = TABLE_REACH;

    if (is_table(entry)) {
        entry = *table_entry(entry, va);
        reach = PAGE_SIZE;
    }
    if (!(entry & PT_PRESENT))
        return false;
    if (pa != NULL)
        *pa = align_down(entry & ADDRESS_MASK, reach) + va % reach;
    if (flags != NULL)
        *flags = entry & ~ADDRESS_MASK;
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
    ASSERT(is_aligned(va, PAGE_SIZE) && note < 1u << 31);
    if (!(*directory_entry(va) & PT_PRESENT) && (note == 0 || !add_table(va)))
        return note == 0;
    entry_t *entry = table_entry(*directory_entry(va), va);
    ASSERT(!(*entry & PT_PRESENT));
    *entry = note << 1;
    return true;
}

uint32_t
pagetable_note(uintptr_t va)
{
    entry_t directory = *directory_entry(va);

    if (!is_table(directory))
        return 0;
    entry_t entry = *table_entry(directory, va);
    return entry & PT_PRESENT ? 0 : entry >> 1;
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

    ASSERT(pa < FOUR_GIB);
    ASSERT(!(fixmap_page_table[slot] & PT_PRESENT));
    fixmap_page_table[slot] = ((entry_t)pa & ADDRESS_MASK) | flags;
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

    ASSERT(fixmap_page_table[slot] & PT_PRESENT);
    fixmap_page_table[slot] = 0;
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
    entry_t *table;

    if (!(*directory_entry(va) & PT_PRESENT) && !add_table(va))
        kpanic("no memory for the page tables of the direct map");
    table = fixmap_map(FIXMAP_TABLE, *directory_entry(va) & ADDRESS_MASK);
    for (uint32_t pa = start; pa < end; pa += PAGE_SIZE)
        table[pa / PAGE_SIZE % TABLE_ENTRIES] = pa | PT_PRESENT | PT_WRITE | global_flag;
    fixmap_unmap(FIXMAP_TABLE);
}

static void
map_large(uint32_t start)
{
    page_directory[(KERNEL_BASE + start) / TABLE_REACH] =
        start | PT_PRESENT | PT_WRITE | PT_LARGE | global_flag;
}

static void
map_run(struct range run)
{
    uint64_t next;

    for (uint64_t at = run.start; at < run.end; at = next) {
        next = align_down(at, TABLE_REACH) + TABLE_REACH;
        if (next > run.end)
            next = run.end;
        if (cpu_features.pse && next - at == TABLE_REACH && at != 0)
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

static bool
in_image(uint32_t pa)
{
    return pa >= image_to_paddr(kernel_start) && pa < image_to_paddr(kernel_end);
}

/* Leaves of entry.asm's table what is there on every PC: the first MiB, video memory uncached and
 * ROM read-only, and the kernel itself, whatever the map says of its place. */
static void
trim_low_table(void)
{
    for (uint32_t pa = 0; pa < TABLE_REACH; pa += PAGE_SIZE) {
        entry_t flags = PT_PRESENT | PT_WRITE;

        if (pa >= VIDEO_START && pa < ROM_START)
            flags |= PT_NOCACHE;
        else if (pa >= ROM_START && pa < LOW_END)
            flags = PT_PRESENT;
        else if (pa >= LOW_END && !in_image(pa))
            flags = 0;
        low_page_table[pa / PAGE_SIZE] = flags != 0 ? pa | flags | global_flag : 0;
    }
}

static entry_t *
image_entry(const char *at)
{
    return &low_page_table[image_to_paddr(at) / PAGE_SIZE];
}

static void
protect_image(void)
{
    for (const char *page = kernel_start; page < rodata_end; page += PAGE_SIZE)
        *image_entry(page) &= ~(entry_t)PT_WRITE;
    *image_entry(boot_stack_guard) = 0;
    *image_entry(fault_stack_guard) = 0;
}

/* Loading CR3 forgets every translation, as global ones are not in use before. */
static void
use_new_tables(void)
{
    page_directory[0] = 0;
    write_cr3(read_cr3());
    if (cpu_features.pge)
        write_cr4(read_cr4() | CR4_PGE);
}

void
pagetable_init(struct bootmem *boot)
{
    ASSERT(image_to_paddr(kernel_end) <= TABLE_REACH);
    boot_frames = boot;
    if (cpu_features.pse)
        write_cr4(read_cr4() | CR4_PSE);
    global_flag = cpu_features.pge ? PT_GLOBAL : 0;
    trim_low_table();
    direct_map_end = map_usable(boot);
    protect_image();
    use_new_tables();
    klog("pagetable: direct map of %lu KiB in %s pages, text read-only\n",
         (unsigned long)direct_map_end / 1024, cpu_features.pse ? "4 MiB and 4 KiB" : "4 KiB");
}

/* ---- the walk in words ---- */

static void
print_entry(struct printer *out, const char *level, unsigned index, entry_t entry)
{
    static const struct {
        entry_t bit;
        const char *set, *clear;
    } words[] = {{PT_WRITE, "writable", "read-only"},    {PT_USER, "user", "kernel"},
                 {PT_WRITETHROUGH, "write-through", ""}, {PT_NOCACHE, "uncached", ""},
                 {PT_ACCESSED, "accessed", ""},          {PT_DIRTY, "dirty", ""},
                 {PT_LARGE, "4-MiB-page", ""},           {PT_GLOBAL, "global", ""}};

    print(out, "  %s[%u] = 0x%08lx", level, index, (unsigned long)entry);
    if (!(entry & PT_PRESENT)) {
        print(out, " not present\n");
        return;
    }
    print(out, " -> 0x%08lx", (unsigned long)(entry & ADDRESS_MASK));
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        const char *word = entry & words[i].bit ? words[i].set : words[i].clear;

        print(out, *word != '\0' ? " %s" : "%s", word);
    }
    print(out, "\n");
}

void
pagetable_print_walk(struct printer *out, uintptr_t va)
{
    entry_t directory = *directory_entry(va);
    paddr_t pa;

    print(out, "  walk of 0x%08lx\n", (unsigned long)va);
    print_entry(out, "directory", va / TABLE_REACH, directory);
    if (is_table(directory))
        print_entry(out, "table", va / PAGE_SIZE % TABLE_ENTRIES, *table_entry(directory, va));
    if (pagetable_lookup(va, &pa, NULL))
        print(out, "  physical 0x%08llx\n", (unsigned long long)pa);
}
