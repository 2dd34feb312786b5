/* paging_two.c - page tables of programs in two levels: every 32-bit CPU's format.
 *
 *   31        22 21        12 11         0
 *   [ directory ][   table   ][  offset  ]        1024 entries of 4 bytes each level
 *
 * The directory is one frame; its last quarter is the kernel's and the same in all of them.
 *
 * Source: Intel SDM volume 3, 4.3 (32-bit paging).
 */
#include "paging.h"

typedef uint32_t pte_t;

#define TABLE_ENTRIES    1024u
#define TABLE_REACH      0x400000u
#define PTE_NOEXEC       0u
#define POOL_DIRECTORIES 4

static inline pte_t *
directory_entry_of(const struct address_space *space, uintptr_t va)
{
    return (pte_t *)space->directories[0] + va / TABLE_REACH;
}

static inline pfn_t
pte_frame(pte_t entry)
{
    return pfn(entry >> PAGE_SHIFT);
}

static inline void
set_entry(pte_t *at, pte_t entry)
{
    *at = entry;
}

#include "tables.inc"
#include "faults.inc"

static bool
create(struct address_space *space)
{
    pfn_t directory;

    if (directory_count > 0) {
        directory = directories[--directory_count];
    } else {
        directory = page_alloc(FRAME_PAGE_TABLE, PMM_DIRECT | PMM_ZERO);
        if (directory.n == 0)
            return false;
        pagetable_copy_kernel(frame_to_ptr(directory));
    }
    space->directories[0] = frame_to_ptr(directory);
    space->directory_at = pfn_to_paddr(directory);
    return true;
}

static void
destroy_directory(struct address_space *space)
{
    directory_free(paddr_to_pfn(space->directory_at));
}

static void
set_kernel(unsigned index, uint32_t entry)
{
    for (const struct address_space *space = space_first; space != NULL; space = space->next)
        ((pte_t *)space->directories[0])[index] = entry;
    for (unsigned i = 0; i < directory_count; i++)
        ((pte_t *)frame_to_ptr(directories[i]))[index] = entry;
}

const struct paging paging_two = PAGING("two levels", 1);
