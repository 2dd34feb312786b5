/* address.c - an address followed to memory, in words: the entries on the way, and who has what is
 * there.
 *
 * The way is the CPU's: from what CR3 holds down the levels of the format in use, one entry each.
 * It is the same for the kernel's addresses and for a program's.
 *
 *   two levels   directory -> table -> memory              a large entry of the directory leads to
 *   PAE          pointer -> directory -> table -> memory   memory at once
 *
 * Source: Intel SDM volume 3, 4.3 (32-bit paging), 4.4 (PAE paging).
 */
#include "mm.h"
#include "mm_debug.h"
#include "pagetable_private.h"
#include "space.h"

struct level {
    const char *name;
    unsigned shift, bits; /* of the address: where its index is */
};

static const struct level two_levels[] = {{"directory", 22, 10}, {"table", 12, 10}};
static const struct level pae_levels[] = {{"pointer", 30, 2}, {"directory", 21, 9}, {"table", 12, 9}};

/* What CR3 holds, or must hold for a space. */
static paddr_t
top_table(const struct address_space *space)
{
    if (space != NULL)
        return space->directory_at;
    return ktables.pae ? image_to_paddr(ktables.pointers) : ktables.directory;
}

static void
print_flags(struct printer *out, entry_t entry)
{
    static const struct {
        unsigned bit;
        const char *set, *clear;
    } words[] = {{PT_WRITE, " writable", " read-only"},    {PT_USER, " user", " kernel"},
                 {PT_WRITETHROUGH, " write-through", ""}, {PT_NOCACHE, " uncached", ""},
                 {PT_ACCESSED, " accessed", ""},          {PT_DIRTY, " dirty", ""},
                 {PT_LARGE, " large", ""},                {PT_GLOBAL, " global", ""}};

    print(out, " -> 0x%08llx", (unsigned long long)(entry & ADDRESS_MASK));
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        print(out, "%s", entry & words[i].bit ? words[i].set : words[i].clear);
    print(out, entry & NOEXEC_BIT ? " no-execute" : "");
}

/* The three first pointers of PAE have no flags but that they are there. */
static void
print_entry(struct printer *out, const struct level *level, unsigned index, entry_t entry)
{
    print(out, "  %s[%u] = 0x%0*llx", level->name, index, ktables.pae ? 16 : 8,
          (unsigned long long)entry);
    if (!(entry & PT_PRESENT))
        print(out, " not present");
    else if (level != pae_levels)
        print_flags(out, entry);
    print(out, "\n");
}

/* Goes from `table` to the byte at `va`, whose physical address becomes *pa; prints the entries on
 * the way unless `out` is NULL. False when nothing is mapped there. */
static bool
follow(struct printer *out, paddr_t table, uintptr_t va, paddr_t *pa)
{
    const struct level *level = ktables.pae ? pae_levels : two_levels;

    for (;; level++) {
        unsigned index = va >> level->shift & ((1u << level->bits) - 1);
        const char *page = open_table(table & ~(paddr_t)PAGE_MASK);
        entry_t entry = read_entry(page + (table & PAGE_MASK), index);

        close_table(table & ~(paddr_t)PAGE_MASK);
        if (out != NULL)
            print_entry(out, level, index, entry);
        if (!(entry & PT_PRESENT))
            return false;
        table = entry & ADDRESS_MASK;
        if (level->shift == PAGE_SHIFT || (level != pae_levels && entry & PT_LARGE))
            break;
    }
    *pa = (table >> level->shift << level->shift) + (va & ((1u << level->shift) - 1));
    return true;
}

void
pagetable_print_walk_of(struct printer *out, const struct address_space *space, uintptr_t va)
{
    paddr_t pa;

    print(out, "  walk of 0x%08lx\n", (unsigned long)va);
    if (follow(out, top_table(space), va, &pa))
        print(out, "  physical 0x%08llx\n", (unsigned long long)pa);
}

void
pagetable_print_walk(struct printer *out, uintptr_t va)
{
    pagetable_print_walk_of(out, space_here(), va);
}

void
pagetable_print_owner(struct printer *out, const struct address_space *space, uintptr_t va)
{
    const struct area *area = NULL;
    pfn_t frame;
    paddr_t pa;

    if (space != NULL && va < USER_END)
        area = area_find(&space->areas, va);
    print(out, "address 0x%08lx", (unsigned long)va);
    if (follow(NULL, top_table(space), va, &pa))
        print(out, ": physical 0x%08llx\n", (unsigned long long)pa);
    else
        print(out, ": nothing is mapped there\n");
    if (area != NULL && area->start <= va)
        space_print_area(out, area);
    if (mm_debug)
        mm_debug_explain(out, va);
    if (!follow(NULL, top_table(space), va, &pa))
        return;
    frame = paddr_to_pfn(pa & ~(paddr_t)PAGE_MASK);
    mm_print_frame(out, frame);
    if (frame_to_ptr(frame) != NULL)
        mm_print_object(out, (char *)frame_to_ptr(frame) + (pa & PAGE_MASK));
}
