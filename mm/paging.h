/* paging.h - the page tables of programs, in whichever of two formats the machine uses. Private to
 * mm/.
 *
 *   directory            table                     An entry of a table is zero (nothing there), or
 *   [ user   ]──► count=1 [ entry ]──► frame       holds a frame: present, or not present but with
 *   [ kernel ]    count=2 [ entry ]                the frame's address kept (PROT_NONE).
 *
 *   format      entry    table              directory                    Intel SDM volume 3
 *   two-level   4 bytes  1024 for 4 MiB     1024 entries                 4.3
 *   PAE         8 bytes  512 for 2 MiB      4 of 512, led to by CR3      4.4
 *
 * Tables are shared between parent and child from fork on: their frame's `count` counts the
 * directories that lead to one, `live` the entries that hold a frame. The directory's entry of a
 * table that may be shared has no PT_WRITE, so that the CPU lets nobody write through it; before
 * anything in it changes, the space gets a table of its own.
 *
 * I1. A directory's entry with PT_WRITE leads to a table with count 1.
 * I2. An entry holds its frame: page->count counts entries, each once however many directories
 *     share the table. The zero page is not counted.
 * I3. An entry with PT_WRITE leads to a frame that nobody else holds, or to a page of an object and
 *     has PTE_OBJECT.
 * I4. Entries lie in areas: outside of them all are zero.
 *
 * What depends on the format is written once (tables.inc, faults.inc) and compiled twice
 * (paging_two.c, paging_pae.c): the choice falls once for a range or a fault, never for an entry.
 */
#ifndef OCTAVO_PAGING_H
#define OCTAVO_PAGING_H

#include "pagetable.h"
#include "space.h"

/* Of the bits that the CPU leaves to us: a shared mapping's page, not to be copied on a write. */
#define PTE_OBJECT 0x200u

/* Reads of memory that was never written lead here, read-only. */
extern pfn_t vm_zero_page;

/* Calls for each entry that is not zero, lowest first: `flags` are PT_ bits, PTE_OBJECT, PT_NOEXEC.
 */
typedef void entry_visitor(void *arg, uintptr_t va, pfn_t frame, unsigned flags);

/* A format. */
struct paging {
    const char *name;
    uintptr_t reach;           /* bytes that one table stands for */
    unsigned directory_frames; /* of a space's own */

    void (*start)(void); /* nothing is kept yet */
    bool (*directory_create)(struct address_space *space);
    void (*directory_destroy)(struct address_space *space);
    void (*join_kernel)(struct address_space *space);
    void (*set_kernel)(unsigned index, uint32_t entry);
    unsigned long (*drain)(void);

    bool (*own)(struct address_space *space, uintptr_t start, uintptr_t end, bool make);
    void (*zap)(struct address_space *space, uintptr_t start, uintptr_t end);
    void (*cut)(struct address_space *space, uintptr_t start, uintptr_t end);
    void (*empty)(struct address_space *space, uintptr_t start, uintptr_t end);
    void (*trim)(struct address_space *space, uintptr_t start, uintptr_t end);
    void (*protect)(struct address_space *space, uintptr_t start, uintptr_t end, unsigned flags);
    bool (*prepare_move)(struct address_space *space, uintptr_t from, uintptr_t to, size_t length);
    void (*move)(struct address_space *space, uintptr_t from, uintptr_t to, size_t length);
    void (*share)(struct address_space *child, struct address_space *parent);
    void (*destroy)(struct address_space *space);

    bool (*put)(struct address_space *space, uintptr_t va, pfn_t page, unsigned area_flags);
    pfn_t (*look)(const struct address_space *space, uintptr_t va);
    pfn_t (*table_at)(const struct address_space *space, uintptr_t va, bool *own);
    void (*walk)(const struct address_space *space, uintptr_t start, uintptr_t end,
                 entry_visitor *visit, void *arg);

    enum fault_result (*fault)(struct address_space *space, uintptr_t address,
                               enum fault_access access);
    pfn_t (*page_at)(struct address_space *space, uintptr_t va, enum fault_access access,
                     enum fault_result *result);
    bool (*unmap_old)(struct address_space *space, uintptr_t va, pfn_t page);
};

extern const struct paging paging_two, paging_pae;

/* The bit of PAE's entries that forbids to execute; 0 when the CPU has none. */
extern uint64_t paging_noexec;

/* The one in use; chosen before space_init and never changed while there are spaces. */
extern const struct paging *paging;

/* ---- one table's lock ---- */

/* In `flags` of a page table's frame. Faults that share a space change entries under it, and so
 * does whoever changes a table that several spaces share. Never held across sleeping. */
#define TABLE_LOCKED 2
_Static_assert(TABLE_LOCKED < 4, "kfree takes larger flags for a slab's (frame.h)");

static inline bool
table_try_lock(struct frame *table)
{
    return __atomic_exchange_n(&table->flags, TABLE_LOCKED, __ATOMIC_ACQUIRE) == 0;
}

void table_wait(struct frame *table);

static inline void
table_lock(struct frame *table)
{
    if (UNLIKELY(!table_try_lock(table)))
        table_wait(table);
    lock_note(table);
}

static inline void
table_unlock(struct frame *table)
{
    __atomic_store_n(&table->flags, 0, __ATOMIC_RELEASE);
}

/* ---- directories ---- */

/* A directory with the kernel's part in it. False when out of memory. */
static inline MUST_CHECK bool
directory_create(struct address_space *space)
{
    return paging->directory_create(space);
}

/* All tables must be gone. */
static inline void
directory_destroy(struct address_space *space)
{
    paging->directory_destroy(space);
}

/* Frees the tables and directories that are kept for the next need; a shrinker (reclaim.h). */
unsigned long tables_drain(unsigned long frames);

/* ---- ranges of a space: page aligned addresses, `end` exclusive ---- */

/* True when the table that has all of [start, end) in a two-level directory is the space's own, or
 * there is none: the most common case of what follows, found without a call. */
static inline bool
two_level_own(const struct address_space *space, uintptr_t start, uintptr_t end,
              uint32_t *directory)
{
    if (paging != &paging_two || (start ^ (end - 1)) >> 22 != 0)
        return false;
    *directory = ((const uint32_t *)space->directories[0])[start >> 22];
    return *directory == 0 || *directory & PT_WRITE;
}

/* Gives the space its own tables wherever [start, end) has shared ones, so that no step after it
 * needs memory. False when out of memory: what was done does no harm. */
static inline MUST_CHECK bool
tables_own(struct address_space *space, uintptr_t start, uintptr_t end)
{
    uint32_t directory;

    return two_level_own(space, start, end, &directory) || paging->own(space, start, end, false);
}

/* The same, with tables where there are none. */
static inline MUST_CHECK bool
tables_make(struct address_space *space, uintptr_t start, uintptr_t end)
{
    return paging->own(space, start, end, true);
}

/* True when there is nothing to let go in [start, end), no empty table either: no table at all, or
 * one page of an own table in use in which it has no entry. The most common case of what comes
 * next, found without a call; false says nothing. */
static inline bool
tables_blank(const struct address_space *space, uintptr_t start, uintptr_t end)
{
    const uint32_t *entries;
    uint32_t directory;
    pfn_t table;

    if (!two_level_own(space, start, end, &directory))
        return false;
    if (directory == 0)
        return true;
    if (end - start != PAGE_SIZE)
        return false;
    table = pfn(directory >> PAGE_SHIFT);
    entries = frame_to_ptr(table);
    return entries[start >> PAGE_SHIFT & 1023] == 0 && frame_of(table)->live != 0;
}

/* Lets the frames in [start, end) go, and tables that are empty then. Tables that have entries
 * there must be the space's own (tables_own). */
static inline void
tables_zap(struct address_space *space, uintptr_t start, uintptr_t end)
{
    if (!tables_blank(space, start, end))
        paging->zap(space, start, end);
}

/* The same for all who share such a table: of those that lead to it each maps the same there. The
 * tables stay. */
static inline void
tables_cut(struct address_space *space, uintptr_t start, uintptr_t end)
{
    paging->cut(space, start, end);
}

/* The two halves of it: lets the frames go and keeps the tables; gives empty tables back. */
static inline void
tables_empty(struct address_space *space, uintptr_t start, uintptr_t end)
{
    paging->empty(space, start, end);
}

static inline void
tables_trim(struct address_space *space, uintptr_t start, uintptr_t end)
{
    paging->trim(space, start, end);
}

/* Sets the entries of [start, end) to what an area with `flags` allows. Tables must be own. */
static inline void
tables_protect(struct address_space *space, uintptr_t start, uintptr_t end, unsigned flags)
{
    paging->protect(space, start, end, flags);
}

/* Makes ready for tables_move: what it needs of both sides. False when out of memory. */
static inline MUST_CHECK bool
tables_prepare_move(struct address_space *space, uintptr_t from, uintptr_t to, size_t length)
{
    return paging->prepare_move(space, from, to, length);
}

/* Moves entries to where there are none. */
static inline void
tables_move(struct address_space *space, uintptr_t from, uintptr_t to, size_t length)
{
    paging->move(space, from, to, length);
}

/* ---- whole spaces ---- */

/* Lets the child share the parent's tables wherever it has areas. */
static inline void
tables_share(struct address_space *child, struct address_space *parent)
{
    paging->share(child, parent);
}

/* Takes down all tables of a space that is not in use any more. */
static inline void
tables_destroy(struct address_space *space)
{
    paging->destroy(space);
}

/* ---- single entries ---- */

/* Puts a frame where nothing is, with what an area with these flags allows; takes the caller's hold
 * over. False when out of memory for a table. */
static inline MUST_CHECK bool
tables_put(struct address_space *space, uintptr_t va, pfn_t page, unsigned area_flags)
{
    return paging->put(space, va, page, area_flags);
}

/* The frame that the entry for `va` holds; frame 0: none. */
static inline pfn_t
tables_look(const struct address_space *space, uintptr_t va)
{
    return paging->look(space, va);
}

/* The table for `va`, frame 0 when there is none; *own: the space may write to it. */
static inline pfn_t
table_at(const struct address_space *space, uintptr_t va, bool *own)
{
    return paging->table_at(space, va, own);
}

/* The end of the piece of [va, end) that one table holds. */
static inline uintptr_t
table_end(uintptr_t va, uintptr_t end)
{
    uintptr_t next = (va & ~(paging->reach - 1)) + paging->reach;

    return next < end ? next : end;
}

/* For maps.c and checks: visits what [start, end) has. */
static inline void
tables_walk(const struct address_space *space, uintptr_t start, uintptr_t end, entry_visitor *visit,
            void *arg)
{
    paging->walk(space, start, end, visit, arg);
}

/* ---- forgetting what CPUs remember (tlb.h) ---- */

/* True when this CPU walks the space's tables. */
static inline bool
space_is_here(const struct address_space *space)
{
    return (__atomic_load_n(&space->cpus, __ATOMIC_RELAXED) & cpu_bit()) != 0;
}

/* True when other CPUs walk the space's tables, as they are after what was written before. */
static inline bool
space_is_elsewhere(struct address_space *space)
{
    return tlb_others(space) != 0;
}

/* True when other CPUs walk the tables of the caller's own space, or can begin to at any time. A
 * single bit in the mask is the caller's. */
static inline bool
space_has_others(const struct address_space *space)
{
    uint32_t cpus = __atomic_load_n(&space->cpus, __ATOMIC_RELAXED);

    return __atomic_load_n(&space->refs, __ATOMIC_RELAXED) != 1 || (cpus & (cpus - 1)) != 0;
}

/* On this CPU. */
void user_flush_range_here(const struct address_space *space, uintptr_t start, uintptr_t end);
static inline void
user_flush_page_here(const struct address_space *space, uintptr_t va)
{
    if (space_is_here(space)) {
        vm_count(tlb_flush_page);
        tlb_flush_page(va);
    }
}

static inline void
user_flush_here(const struct address_space *space, uintptr_t start, uintptr_t end)
{
    if (end - start == PAGE_SIZE)
        user_flush_page_here(space, start);
    else
        user_flush_range_here(space, start, end);
}

/* On every CPU that has the space: all of it, or [start, end). Returns when all did. */
void user_flush_all(struct address_space *space);
static inline void
user_flush(struct address_space *space, uintptr_t start, uintptr_t end)
{
    user_flush_here(space, start, end);
    if (UNLIKELY(space_is_elsewhere(space)))
        tlb_shoot(space, start, end, false);
}

#endif
