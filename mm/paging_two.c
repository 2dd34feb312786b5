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

/* Other faults, and the CPU, read and write entries at any time. */
static inline pte_t
read_entry(const pte_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static inline void
set_entry(pte_t *at, pte_t entry)
{
    __atomic_store_n(at, entry, __ATOMIC_RELAXED);
}

/* The same behind all that was written before. */
static inline void
publish_entry(pte_t *at, pte_t entry)
{
    __atomic_store_n(at, entry, __ATOMIC_RELEASE);
}

#include "tables.inc"
#include "faults.inc"

/* How often the kernel's part changed; a directory knows in `live` which one it has. New
 * directories have none. Guarded by spaces_lock. */
static uint16_t kernel_part = 1;

static bool
create(struct address_space *space)
{
    pfn_t directory = directory_new();

    if (directory.n == 0)
        return false;
    space->directories[0] = frame_to_ptr(directory);
    space->directory_at = pfn_to_paddr(directory);
    return true;
}

static void
destroy_directory(struct address_space *space)
{
    directory_free(paddr_to_pfn(space->directory_at));
}

/* From now on set_kernel finds the space; what came before is copied. */
static void
join_kernel(struct address_space *space)
{
    struct frame *frame = frame_of(paddr_to_pfn(space->directory_at));

    if (frame->live == kernel_part)
        return;
    pagetable_copy_kernel(space->directories[0]);
    frame->live = kernel_part;
}

/* The spaces that there are; directories in the pool will find out that theirs is old. */
static void
set_kernel(unsigned index, uint32_t entry)
{
    uint16_t old = kernel_part++;

    for (struct address_space *space = space_first; space != NULL; space = space->next) {
        struct frame *frame = frame_of(paddr_to_pfn(space->directory_at));

        ((pte_t *)space->directories[0])[index] = entry;
        if (frame->live == old)
            frame->live = kernel_part;
    }
}

const struct paging paging_two = PAGING("two levels", 1);
