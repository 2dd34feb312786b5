/* paging_pae.c - page tables of programs with entries of 64 bits: memory above 4 GiB, and pages
 * from which nothing is executed.
 *
 *   31 30 29        21 20        12 11         0
 *   [ ][ directory    ][   table   ][  offset  ]        512 entries of 8 bytes each level
 *    |
 *    4 pointers, in the space itself, lead to three directories of the program and the kernel's
 *
 * The CPU reads the pointers when CR3 is loaded and only then; they never change while a space
 * lives. The kernel's directory is one for all spaces.
 *
 * Source: Intel SDM volume 3, 4.4 (PAE paging), 4.4.1 (the pointers), 4.6 (no-execute).
 */
#include "paging.h"

typedef uint64_t pte_t;

#define TABLE_ENTRIES    512u
#define TABLE_REACH      0x200000u
#define PTE_NOEXEC       paging_noexec
#define USER_DIRECTORIES 3
#define POINTER_REACH    0x40000000u /* bytes that one directory stands for */
#define POOL_DIRECTORIES (4 * USER_DIRECTORIES)

static inline pte_t *
directory_entry_of(const struct address_space *space, uintptr_t va)
{
    return (pte_t *)space->directories[va / POINTER_REACH] + va % POINTER_REACH / TABLE_REACH;
}

static inline pfn_t
pte_frame(pte_t entry)
{
    return pfn((unsigned long)((entry & ~((pte_t)1 << 63)) >> PAGE_SHIFT));
}

typedef uint32_t __attribute__((may_alias)) half_entry;

/* Both halves of one entry. While one is being set the lower half is 0. */
static inline pte_t
read_entry(const pte_t *at)
{
    const half_entry *half = (const half_entry *)at;
    uint32_t high, low;

    do {
        high = __atomic_load_n(&half[1], __ATOMIC_ACQUIRE);
        low = __atomic_load_n(&half[0], __ATOMIC_ACQUIRE);
    } while (UNLIKELY(__atomic_load_n(&half[1], __ATOMIC_ACQUIRE) != high));
    return (pte_t)high << 32 | low;
}

/* The half with PT_PRESENT goes first and comes last: the CPU walks the table at any time. */
static inline void
set_entry(pte_t *at, pte_t entry)
{
    half_entry *half = (half_entry *)at;

    __atomic_store_n(&half[0], 0, __ATOMIC_RELEASE);
    __atomic_store_n(&half[1], (uint32_t)(entry >> 32), __ATOMIC_RELEASE);
    __atomic_store_n(&half[0], (uint32_t)entry, __ATOMIC_RELEASE);
}

/* The same behind all that was written before, as each half is anyway. */
static inline void
publish_entry(pte_t *at, pte_t entry)
{
    set_entry(at, entry);
}

#include "tables.inc"
#include "faults.inc"

static void
destroy_directory(struct address_space *space)
{
    for (unsigned i = 0; i < USER_DIRECTORIES && space->pointers[i] != 0; i++)
        directory_free(pte_frame(space->pointers[i]));
}

static paddr_t
address_of_pointers(const struct address_space *space)
{
    pfn_t frame;
    bool direct = ptr_to_frame(space, &frame);

    ASSERT(direct);
    return pfn_to_paddr(frame) + ((uintptr_t)space->pointers & PAGE_MASK);
}

static bool
create(struct address_space *space)
{
    for (unsigned i = 0; i < USER_DIRECTORIES; i++) {
        pfn_t directory = directory_new();

        if (directory.n == 0) {
            destroy_directory(space);
            return false;
        }
        space->directories[i] = frame_to_ptr(directory);
        space->pointers[i] = pfn_to_paddr(directory) | PT_PRESENT;
    }
    space->pointers[USER_DIRECTORIES] = pagetable_kernel_pointer();
    space->directory_at = address_of_pointers(space);
    return true;
}

/* There is one kernel part, and all see it. */
static void
join_kernel(struct address_space *space)
{
    (void)space;
}

static void
set_kernel(unsigned index, uint32_t entry)
{
    (void)index;
    (void)entry;
}

const struct paging paging_pae = PAGING("PAE", USER_DIRECTORIES);
