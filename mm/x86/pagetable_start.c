/* pagetable_start.c - builds the kernel's page tables (pagetable.c) and changes over to them.
 *
 *   entry.asm's two levels ──► choose the format ──► low table, direct map ──► change ──► in use
 *                              (PAE: new tables)     (by the fixmap)
 */
#include "bootmem.h"
#include "cmdline.h"
#include "cpu.h"
#include "kasan.h"
#include "pagetable_private.h"
#include "range.h"
#include "space.h"

#define FOUR_GIB        ((uint64_t)1 << 32)
#define PAE_TABLE_REACH 0x200000u

/* The first MiB as every PC has it. */
#define VIDEO_START 0xA0000u
#define ROM_START   0xC0000u
#define LOW_END     0x100000u

/* entry.asm */
extern char boot_stack_guard[], fault_stack_guard[];
void paging_change_to_pae(uint32_t pointers, bool noexec);

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

/* Of an entry for memory that is written but not executed. */
static entry_t
data_flags(void)
{
    return PT_PRESENT | PT_WRITE | ktables.global_flag | ktables.noexec_flag;
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
        write_entry(at, table_index(pa), pa | data_flags());
    close_table(table);
}

static void
map_large(uint32_t start)
{
    set_directory_entry(KERNEL_BASE + start,
                        start | PT_LARGE | data_flags());
}

static void
map_run(struct range run)
{
    uint64_t next;

    for (uint64_t at = run.start; at < run.end; at = next) {
        next = align_down(at, table_reach()) + table_reach();
        if (next > run.end)
            next = run.end;
        if ((cpu_features.pse || ktables.pae) && next - at == table_reach())
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
    entry_t entry = pa | PT_PRESENT | ktables.global_flag;

    if (pa >= VIDEO_START && pa < ROM_START)
        return entry | PT_WRITE | PT_NOCACHE | ktables.noexec_flag;
    if (pa >= ROM_START && pa < LOW_END)
        return entry | ktables.noexec_flag;
    if (pa < LOW_END)
        return entry | PT_WRITE | ktables.noexec_flag;
    if (pa == image_to_paddr(boot_stack_guard) || pa == image_to_paddr(fault_stack_guard))
        return 0;
    if (pa < image_to_paddr(rodata_start))
        return entry;
    return entry | ktables.noexec_flag | (pa < image_to_paddr(rodata_end) ? 0 : PT_WRITE);
}

/* What the first directory entry reaches, whatever the map says of it: what is there on every PC,
 * the first MiB, video memory uncached and ROM read-only; and the kernel itself, text and constants
 * read-only. */
static void
fill_low_table(void)
{
    void *table = open_table(ktables.low_table);

    for (uint32_t pa = 0; pa < table_reach(); pa += PAGE_SIZE)
        if (pa < LOW_END || in_image(pa))
            write_entry(table, table_index(pa), low_entry(pa));
    close_table(ktables.low_table);
}

/* entry.asm maps all of it; RAM that is there comes by map_usable. */
static void
clear_low_table(void)
{
    void *table = open_table(ktables.low_table);

    for (uint32_t pa = LOW_END; pa < table_reach(); pa += PAGE_SIZE)
        if (!in_image(pa))
            write_entry(table, table_index(pa), 0);
    close_table(ktables.low_table);
}

/* ---- the start ---- */

uint64_t
pagetable_memory_end(void)
{
    return ktables.pae ? (uint64_t)1 << cpu_features.address_bits : FOUR_GIB;
}

/* The first table has the whole image; builds that check everything may be larger than PAE's. */
static bool
fits_pae(void)
{
    return !KASAN_TWO_LEVELS && image_to_paddr(kernel_end) <= PAE_TABLE_REACH;
}

void
pagetable_choose(bool high_memory)
{
    bool useful = cpu_features.nx || (high_memory && cpu_features.address_bits > 32);

    ktables.pae = cpu_features.pae && useful && !cmdline_flag("nopae") && fits_pae();
    ktables.noexec_flag = ktables.pae && cpu_features.nx ? NOEXEC_BIT : 0;
    space_choose_format(ktables.pae, ktables.noexec_flag);
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

    if (!ktables.pae) {
        ktables.directory = image_to_paddr((char *)page_directory);
        ktables.low_table = image_to_paddr((char *)low_page_table);
        return image_to_paddr((char *)fixmap_page_table);
    }
    ktables.directory = boot_table();
    ktables.low_table = boot_table();
    fixmap = boot_table();
    set_directory_entry(KERNEL_BASE, ktables.low_table | PT_PRESENT | PT_WRITE);
    set_directory_entry(FIXMAP_BASE, fixmap | PT_PRESENT | PT_WRITE);
    return fixmap;
}

/* From here on the new tables are in use. Loading CR3 forgets every translation, as global ones are
 * not in use before. */
static void
use_tables(paddr_t fixmap)
{
    if (ktables.pae) {
        ktables.pointers[3] = ktables.directory | PT_PRESENT;
        ktables.pointers[0] = ktables.pointers[3]; /* low addresses, for the change alone */
        paging_change_to_pae(image_to_paddr((char *)ktables.pointers), ktables.noexec_flag != 0);
        ktables.pointers[0] = 0;
        ktables.fixmap_table = frame_to_ptr(paddr_to_pfn(fixmap));
        ktables.fixmap_pae = true;
    }
    ktables.in_use = true;
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

    ktables.boot_frames = boot;
    if (cpu_features.pse)
        write_cr4(read_cr4() | CR4_PSE);
    ktables.global_flag = cpu_features.pge ? PT_GLOBAL : 0;
    fixmap = make_directory();
    ASSERT(image_to_paddr(kernel_end) <= table_reach());
    clear_low_table();
    end = map_usable(boot);
    fill_low_table();
    direct_map_end = end;
    use_tables(fixmap);
    klog("pagetable: %s, direct map of %lu KiB in pages of %s4 KiB\n",
         ktables.pae ? "PAE" : "two levels", (unsigned long)direct_map_end / 1024,
         ktables.pae ? "2 MiB and " : cpu_features.pse ? "4 MiB and " : "");
    klog("pagetable: text and constants read-only%s\n",
         ktables.noexec_flag != 0 ? ", all else not executable" : "");
}

void
pagetable_fill_starter(void *page)
{
    if (ktables.pae) {
        uint64_t *pointers = page;

        pointers[0] = pointers[3] = pagetable_kernel_pointer();
    } else {
        uint32_t *directory = page;

        pagetable_copy_kernel(directory);
        directory[0] = directory[KERNEL_BASE / table_reach()];
    }
}
