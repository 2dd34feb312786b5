/* usertable.h - the page tables of programs. Private to mm/.
 *
 *   directory            table                     An entry of a table is zero (nothing there), or
 *   [ 0..767 ]──► count=1 [ entry ]──► frame       holds a frame: present, or not present but with
 *   [ kernel ]    count=2 [ entry ]                the frame's address kept (PROT_NONE).
 *
 * Tables are shared between parent and child from fork on: their frame's `count` counts the
 * directories that lead to one, `live` the entries that hold a frame. The directory's entry of a
 * table that may be shared has no PT_WRITE, so that the CPU lets nobody write through it; before
 * anything in it changes, user_entry gives the space a table of its own.
 *
 * I1. A directory's entry with PT_WRITE leads to a table with count 1.
 * I2. An entry holds its frame: page->count counts entries, each once however many directories
 *     share the table. The zero page is not counted.
 * I3. An entry with PT_WRITE leads to a frame that nobody else holds, or to a page of an object and
 *     has PTE_OBJECT.
 * I4. Entries lie in areas: outside of them all are zero.
 *
 * Source: Intel SDM volume 3, 4.3 (32-bit paging), 4.10 (what the CPU may remember).
 */
#ifndef OCTAVO_USERTABLE_H
#define OCTAVO_USERTABLE_H

#include "pagetable.h"
#include "space.h"

/* An entry of the kernel's part of a directory. */
struct kernel_entry {
    unsigned index;
    uint32_t entry;
};

typedef uint32_t pte_t;

#define TABLE_ENTRIES  1024u
#define TABLE_REACH    0x400000u /* bytes that one entry of the directory stands for */
#define USER_DIRECTORY (USER_END / TABLE_REACH)
#define PTE_FRAME      0xFFFFF000u

/* Of the bits that the CPU leaves to us: a shared mapping's page, not to be copied on a write. */
#define PTE_OBJECT 0x200u

/* Reads of memory that was never written lead here, read-only. */
extern pfn_t vm_zero_page;

static inline pfn_t
pte_frame(pte_t entry)
{
    return pfn(entry >> PAGE_SHIFT);
}

static inline pte_t *
directory_entry_of(const struct address_space *space, uintptr_t va)
{
    return (pte_t *)space->directory + va / TABLE_REACH;
}

/* The table that a present entry of a directory leads to. */
static inline pte_t *
table_of(pte_t directory)
{
    return frame_to_ptr(pte_frame(directory));
}

static inline unsigned
table_index(uintptr_t va)
{
    return va / PAGE_SIZE % TABLE_ENTRIES;
}

/* The end of the piece of [va, end) that one table holds. */
static inline uintptr_t
table_end(uintptr_t va, uintptr_t end)
{
    uintptr_t next = (va & ~(uintptr_t)(TABLE_REACH - 1)) + TABLE_REACH;

    return next < end ? next : end;
}

/* A directory with the kernel's part in it. False when out of memory. */
MUST_CHECK bool directory_create(struct address_space *space);
/* All tables must be gone. */
void directory_destroy(struct address_space *space);

pte_t *user_entry_slow(struct address_space *space, uintptr_t va);

/* The entry for `va`, for changing: in a table of the space's own, made or copied now if need be.
 * NULL when out of memory. */
static inline pte_t *
user_entry(struct address_space *space, uintptr_t va)
{
    pte_t directory = *directory_entry_of(space, va);

    if (LIKELY(directory & PT_WRITE))
        return table_of(directory) + table_index(va);
    return user_entry_slow(space, va);
}

/* The same for looking: NULL when there is no table. */
static inline pte_t *
user_entry_look(const struct address_space *space, uintptr_t va)
{
    pte_t directory = *directory_entry_of(space, va);

    return directory ? table_of(directory) + table_index(va) : NULL;
}

/* Says that an entry of the table that holds it came into use. */
static inline void
table_add(struct address_space *space, uintptr_t va)
{
    frame_of(pte_frame(*directory_entry_of(space, va)))->live++;
}

/* The entry of the directory for all of [start, end) when one table is enough for it; else
 * PT_PRESENT, which stands for "look". */
static inline pte_t
single_directory_entry(const struct address_space *space, uintptr_t start, uintptr_t end)
{
    return start / TABLE_REACH == (end - 1) / TABLE_REACH ? *directory_entry_of(space, start)
                                                          : PT_PRESENT;
}

/* Gives the space its own tables wherever [start, end) has shared ones, so that no step after it
 * needs memory. False when out of memory: what was done does no harm. */
MUST_CHECK bool tables_own_range(struct address_space *space, uintptr_t start, uintptr_t end);
static inline MUST_CHECK bool
tables_own(struct address_space *space, uintptr_t start, uintptr_t end)
{
    pte_t directory = single_directory_entry(space, start, end);

    return directory == 0 || directory & PT_WRITE || tables_own_range(space, start, end);
}

/* The same, with tables where there are none. */
MUST_CHECK bool tables_make(struct address_space *space, uintptr_t start, uintptr_t end);

/* Lets the frames in [start, end) go, and tables that are empty then. Tables that have entries there
 * must be the space's own (tables_own). */
void tables_zap_range(struct address_space *space, uintptr_t start, uintptr_t end);
static inline void
tables_zap(struct address_space *space, uintptr_t start, uintptr_t end)
{
    pte_t directory = single_directory_entry(space, start, end);

    if (directory == 0 || (end - start == PAGE_SIZE && table_of(directory)[table_index(start)] == 0 &&
                           frame_of(pte_frame(directory))->live != 0))
        return;
    tables_zap_range(space, start, end);
}

/* The same for all who share such a table: of those that lead to it each maps the same there. The
 * tables stay. */
void tables_cut(struct address_space *space, uintptr_t start, uintptr_t end);

/* The two halves of it: lets the frames go and keeps the tables; gives empty tables back. */
void tables_empty(struct address_space *space, uintptr_t start, uintptr_t end);
void tables_trim(struct address_space *space, uintptr_t start, uintptr_t end);

/* Sets the entries of [start, end) to what an area with `flags` allows. Tables must be own. */
void tables_protect(struct address_space *space, uintptr_t start, uintptr_t end, unsigned flags);

/* Makes ready for tables_move: what it needs of both sides. False when out of memory. */
MUST_CHECK bool tables_prepare_move(struct address_space *space, uintptr_t from, uintptr_t to,
                                    size_t length);
/* Moves entries to where there are none. */
void tables_move(struct address_space *space, uintptr_t from, uintptr_t to, size_t length);

/* Nothing is kept yet. */
void tables_init(void);

/* Frees the tables and directories that are kept for the next need; a shrinker (reclaim.h). */
unsigned long tables_drain(unsigned long frames);

/* Lets the child share the parent's tables wherever it has areas. */
void tables_share(struct address_space *child, struct address_space *parent);

/* Takes down all tables of a space that is not in use any more. */
void tables_destroy(struct address_space *space);

/* The flags of an entry of an area for a frame that may be written if the area may. */
static inline pte_t
pte_flags(unsigned area_flags)
{
    pte_t bits = PT_USER | PT_ACCESSED;

    if (area_flags & AREA_PROT)
        bits |= PT_PRESENT;
    if (area_flags & AREA_WRITE)
        bits |= PT_WRITE;
    return bits;
}

/* What the CPU remembers of [start, end), or of one page, is forgotten if the space is in use. */
void user_flush(const struct address_space *space, uintptr_t start, uintptr_t end);
static inline void
user_flush_page(const struct address_space *space, uintptr_t va)
{
    if (space == space_active) {
        vm_counters.tlb_flush_page++;
        tlb_flush_page(va);
    }
}

/* For maps.c and checks: calls `visit` for each entry that is not zero, lowest first. */
void tables_walk(const struct address_space *space, uintptr_t start, uintptr_t end,
                 void (*visit)(void *arg, uintptr_t va, pte_t entry), void *arg);

#endif
