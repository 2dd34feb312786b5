/* pagetable.h - the kernel's page tables.
 *
 *   0xC0000000  direct map: RAM below 256 MiB, and the first MiB whole
 *   0xD0000000  anything that pagetable_map puts there
 *   0xFFC00000  fixmap: slots for one page each, usable before everything else
 *
 * Addresses are of pages: the low twelve bits must be zero except where said otherwise. All
 * functions may be called from any context; changes of one page by two callers at a time are the
 * callers' bug.
 */
#ifndef OCTAVO_PAGETABLE_H
#define OCTAVO_PAGETABLE_H

#include "types.h"
#include "printer.h"

struct address_space;
struct bootmem;

/* Bits of an entry that the caller of pagetable_map chooses. */
enum {
    PT_WRITE = 0x002,
    PT_USER = 0x004,
    PT_WRITETHROUGH = 0x008,
    PT_NOCACHE = 0x010,
    PT_GLOBAL = 0x100, /* dropped when the CPU has no global pages */
    PT_EXEC = 0x2000,  /* may be executed, also where the CPU can forbid it */
};
/* Bits that pagetable_lookup reports besides. */
enum {
    PT_PRESENT = 0x001,
    PT_ACCESSED = 0x020,
    PT_DIRTY = 0x040,
    PT_LARGE = 0x080,   /* one entry of the directory maps 4 MiB, PAE: 2 MiB */
    PT_NOEXEC = 0x1000, /* nothing is executed from there (PAE) */
};

/* The direct map ends here at the latest. */
#define DIRECT_MAP_MAX 0x10000000u

enum fixmap_slot {
    FIXMAP_BOOT,  /* reading what the boot loader left */
    FIXMAP_TABLE, /* filling a page table that has no other address yet */
    FIXMAP_PEEK,  /* looking at any frame: monitor */
    FIXMAP_LOCAL_APIC,
    FIXMAP_IO_APICS, /* the first of 4 */
    FIXMAP_WINDOWS = FIXMAP_IO_APICS + 4, /* the first of FRAME_WINDOWS for each CPU (page.h) */
    FIXMAP_SLOTS = 512
};

/* Chooses PAE where the CPU has it, it is of use and the boot option nopae is not given.
 * `high_memory`: there is RAM above 4 GiB. Before pagetable_init. */
void pagetable_choose(bool high_memory);
bool pagetable_is_pae(void);

/* The first physical address that page tables cannot name. */
uint64_t pagetable_memory_end(void);

/* Builds the direct map of the RAM in `boot`, takes the write permission from text and constants,
 * opens the guard pages of the stacks and drops the identity mapping. Panics when there is no
 * memory for the tables. Called once, interrupts off. */
void pagetable_init(struct bootmem *boot);

/* Fills a page, full of zeros, of the direct map with tables that have the kernel at its physical
 * addresses too: for CR3 of a CPU that turns paging on. What it maps stays the kernel's. */
void pagetable_fill_starter(void *page);

/* From here on tables come from pmm_alloc_page_flags, no more from the boot map. */
void pagetable_use_pmm(void);

/* Maps the page at `va` to the frame at `pa`. False, with nothing changed, when there is no memory
 * for a table. The page must not be mapped; `pa` must be below pagetable_memory_end. */
MUST_CHECK bool pagetable_map(uintptr_t va, paddr_t pa, unsigned flags);

/* Maps `pages` pages from `va` on, where a new table begins and nothing is mapped, all to the frame
 * at `pa`. False when there is no memory for a table. */
MUST_CHECK bool pagetable_fill(uintptr_t va, size_t pages, paddr_t pa, unsigned flags);

/* Takes the page's mapping away, in the TLB too. Returns the frame it had, 0 when it had none. */
paddr_t pagetable_unmap(uintptr_t va);

/* Keeps a number below 2^31 in the entry of a page that is not mapped; 0 takes it away. False when
 * there is no memory for a table. */
MUST_CHECK bool pagetable_set_note(uintptr_t va, uint32_t note);

/* The number kept for an unmapped page; 0 when there is none. */
uint32_t pagetable_note(uintptr_t va);

/* Copies the kernel's part into the directory of a program. Later changes of it come by
 * directories_set_kernel (mm/paging.c). Both with spaces_lock held. */
void pagetable_copy_kernel(void *directory);
void directories_set_kernel(unsigned index, uint32_t entry);

/* PAE: what the last of a space's four pointers must be. */
uint64_t pagetable_kernel_pointer(void);

/* Where `va` (any address) leads: *pa is the physical address of that very byte, *flags PT_ bits.
 * Either may be NULL. False when nothing is mapped there. */
bool pagetable_lookup(uintptr_t va, paddr_t *pa, unsigned *flags);

/* The steps the CPU takes from `va` to memory, one line each, flags in words: in the space in use,
 * and in another one (NULL: the kernel's tables alone). */
void pagetable_print_walk(struct printer *out, uintptr_t va);
void pagetable_print_walk_of(struct printer *out, const struct address_space *space, uintptr_t va);

/* Who has what is at `va` in a space (NULL: the kernel's tables alone): its area, the frame's whole
 * story, the object of a slab. */
void pagetable_print_owner(struct printer *out, const struct address_space *space, uintptr_t va);

/* Maps the frame that holds byte `pa` (below pagetable_memory_end) and returns the byte's address,
 * good to the end of the page. A slot is free again after fixmap_unmap. */
void *fixmap_map(unsigned slot, paddr_t pa);
/* The same past the caches: what is read is what the memory or the device answers. */
void *fixmap_map_uncached(unsigned slot, paddr_t pa);
void fixmap_unmap(unsigned slot);

/* True when the kernel can read every byte of [at, at + size) without a fault. */
bool kernel_read_ok(const void *at, size_t size);

#endif
