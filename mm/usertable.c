/* usertable.c - the page tables of programs: made when first needed, shared by fork, taken down.
 *
 * Theory, words and invariants: usertable.h. Fork costs nothing for each page: child and parent lead
 * to the same tables, and neither may write through them. The first of the two that changes an
 * entry gets a copy of that one table, in which every page of its own is read-only on both sides;
 * then the page alone is copied, when it is written. Whoever is left with a table alone has it back
 * for writing without any copy:
 *
 *   before          fork                 child writes               child ends
 *   P ──W──► T      P ──► T (2) ◄── C    P ──► T (1)   C ──W──► T'  P ──W──► T
 *
 * Empty tables are kept in a small pool: they are full of zeros, which is what a new one has to be.
 *
 * Cost: a table of 4 KiB for each 4 MiB in use; a copy of a table about 1100 instructions and 12 for
 * each entry in use.
 */
#include "usertable.h"
#include <string.h>
#include "reclaim.h"

#define POOL_TABLES      8
#define POOL_DIRECTORIES 4
#define FLUSH_ALL        32 /* pages from which on forgetting everything is cheaper */
#define TABLE_ACCESS     (PT_PRESENT | PT_WRITE | PT_USER)

pfn_t vm_zero_page;
struct address_space *space_active;
struct vm_counters vm_counters;

/* Guarded by there being one CPU, as the spaces are. */
static pfn_t tables[POOL_TABLES];
static unsigned table_count;
static pfn_t directories[POOL_DIRECTORIES];
static unsigned directory_count;

/* ---- the pool ---- */

void
tables_init(void)
{
    table_count = directory_count = 0;
}

static pfn_t
table_new(void)
{
    if (LIKELY(table_count > 0))
        return tables[--table_count];
    return page_alloc(FRAME_PAGE_TABLE, PMM_DIRECT | PMM_ZERO);
}

/* An empty table of nobody. */
static void
table_free(pfn_t table)
{
    if (table_count < POOL_TABLES)
        tables[table_count++] = table;
    else
        page_put(table);
}

unsigned long
tables_drain(unsigned long frames)
{
    unsigned long freed = table_count + directory_count;

    (void)frames;
    while (table_count > 0)
        page_put(tables[--table_count]);
    while (directory_count > 0)
        page_put(directories[--directory_count]);
    return freed;
}

/* ---- directories ---- */

bool
directory_create(struct address_space *space)
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
    space->directory = frame_to_ptr(directory);
    space->directory_at = pfn_to_paddr(directory);
    return true;
}

void
directory_destroy(struct address_space *space)
{
    pfn_t directory = paddr_to_pfn(space->directory_at);

    if (directory_count < POOL_DIRECTORIES)
        directories[directory_count++] = directory;
    else
        page_put(directory);
}

static void
set_kernel_entry(struct address_space *space, void *arg)
{
    const struct kernel_entry *kernel = arg;

    ((pte_t *)space->directory)[kernel->index] = kernel->entry;
}

void
directories_set_kernel(unsigned index, uint32_t entry)
{
    struct kernel_entry kernel = {index, entry};

    space_for_each(set_kernel_entry, &kernel);
    for (unsigned i = 0; i < directory_count; i++)
        ((pte_t *)frame_to_ptr(directories[i]))[index] = entry;
}

/* ---- forgetting what the CPU remembers ---- */

static void
flush_all(const struct address_space *space)
{
    if (space != space_active)
        return;
    vm_counters.tlb_flush_all++;
    tlb_flush_all();
}

void
user_flush(const struct address_space *space, uintptr_t start, uintptr_t end)
{
    if (space != space_active)
        return;
    if (end - start > FLUSH_ALL * PAGE_SIZE) {
        flush_all(space);
        return;
    }
    vm_counters.tlb_flush_page += (end - start) / PAGE_SIZE;
    for (; start < end; start += PAGE_SIZE)
        tlb_flush_page(start);
}

/* ---- one table ---- */

static inline struct frame *
table_frame(pte_t directory)
{
    return frame_of(pte_frame(directory));
}

/* Lets the frame that an entry holds go. */
static inline void
drop(pte_t entry)
{
    if (pte_frame(entry).n != vm_zero_page.n)
        page_put(pte_frame(entry));
}

/* Empties the entries of [start, end), which one table has. True when there were any. */
static bool
zap_entries(pte_t directory, uintptr_t start, uintptr_t end)
{
    struct frame *frame = table_frame(directory);
    pte_t *entry = table_of(directory) + table_index(start);
    pte_t *last = entry + (end - start) / PAGE_SIZE;
    unsigned live = frame->live, before = live;

    for (; entry < last && live > 0; entry++) {
        pte_t old = *entry;

        if (old == 0)
            continue;
        *entry = 0;
        live--;
        drop(old);
    }
    frame->live = (uint16_t)live;
    return live != before;
}

/* The directory no longer leads to its table. */
static void
release(pte_t *directory)
{
    pfn_t table = pte_frame(*directory);

    *directory = 0;
    if (frame_of(table)->count > 1)
        page_put(table);
    else
        table_free(table);
}

/* Copies the entries of [start, end) for a second holder; returns how many there are. */
static unsigned
copy_entries(pte_t *from, pte_t *to, uintptr_t start, uintptr_t end)
{
    unsigned copied = 0;

    for (unsigned i = table_index(start), last = i + (end - start) / PAGE_SIZE; i < last; i++) {
        pte_t entry = from[i];

        if (entry == 0)
            continue;
        if (pte_frame(entry).n != vm_zero_page.n)
            page_get(pte_frame(entry));
        if (!(entry & PTE_OBJECT) && entry & PT_WRITE)
            from[i] = entry &= ~(pte_t)PT_WRITE;
        to[i] = entry;
        copied++;
    }
    return copied;
}

/* A table of our own in the place of a shared one. */
static bool
unshare(struct address_space *space, pte_t *directory, uintptr_t va)
{
    uintptr_t base = va & ~(uintptr_t)(TABLE_REACH - 1), end = base + TABLE_REACH;
    pfn_t copy = table_new();
    unsigned live = 0;

    if (copy.n == 0)
        return false;
    for (struct area *area = area_find(&space->areas, base); area != NULL && area->start < end;
         area = area->next) {
        uintptr_t from = area->start > base ? area->start : base;

        live += copy_entries(table_of(*directory), frame_to_ptr(copy), from,
                             area->end < end ? area->end : end);
    }
    page_put(pte_frame(*directory));
    frame_of(copy)->live = (uint16_t)live;
    *directory = (pte_t)pfn_to_paddr(copy) | TABLE_ACCESS;
    vm_counters.tables_unshared++;
    flush_all(space);
    return true;
}

pte_t *
user_entry_slow(struct address_space *space, uintptr_t va)
{
    pte_t *directory = directory_entry_of(space, va);

    if (*directory == 0) {
        pfn_t table = table_new();

        if (table.n == 0)
            return NULL;
        *directory = (pte_t)pfn_to_paddr(table) | TABLE_ACCESS;
    } else if (table_frame(*directory)->count == 1) {
        *directory |= PT_WRITE;
    } else if (!unshare(space, directory, va)) {
        return NULL;
    }
    return table_of(*directory) + table_index(va);
}

/* ---- ranges ---- */

static bool
own(struct address_space *space, uintptr_t start, uintptr_t end, bool make)
{
    for (uintptr_t va = start; va < end; va = table_end(va, end)) {
        pte_t directory = *directory_entry_of(space, va);

        if (directory & PT_WRITE || (directory == 0 && !make))
            continue;
        if (user_entry_slow(space, va) == NULL)
            return false;
    }
    return true;
}

bool
tables_own_range(struct address_space *space, uintptr_t start, uintptr_t end)
{
    return own(space, start, end, false);
}

bool
tables_make(struct address_space *space, uintptr_t start, uintptr_t end)
{
    return own(space, start, end, true);
}

void
tables_empty(struct address_space *space, uintptr_t start, uintptr_t end)
{
    bool any = false;

    for (uintptr_t va = start, next; va < end; va = next) {
        pte_t directory = *directory_entry_of(space, va);

        next = table_end(va, end);
        if (directory & PT_WRITE)
            any |= zap_entries(directory, va, next);
    }
    if (any)
        user_flush(space, start, end);
}

void
tables_trim(struct address_space *space, uintptr_t start, uintptr_t end)
{
    bool any = false;

    for (uintptr_t va = start; va < end; va = table_end(va, end)) {
        pte_t *directory = directory_entry_of(space, va);

        if (!(*directory & PT_WRITE) || table_frame(*directory)->live > 0)
            continue;
        release(directory);
        any = true;
    }
    if (any)
        user_flush(space, start, end);
}

void
tables_zap_range(struct address_space *space, uintptr_t start, uintptr_t end)
{
    bool any = false;

    for (uintptr_t va = start, next; va < end; va = next) {
        pte_t *directory = directory_entry_of(space, va);

        next = table_end(va, end);
        if (!(*directory & PT_WRITE))
            continue;
        any |= zap_entries(*directory, va, next);
        if (table_frame(*directory)->live == 0) {
            release(directory);
            any = true;
        }
    }
    if (any)
        user_flush(space, start, end);
}

void
tables_cut(struct address_space *space, uintptr_t start, uintptr_t end)
{
    bool any = false;

    for (uintptr_t va = start, next; va < end; va = next) {
        pte_t directory = *directory_entry_of(space, va);

        next = table_end(va, end);
        if (directory != 0)
            any |= zap_entries(directory, va, next);
    }
    if (any && space_active != NULL) /* it may be another of them */
        user_flush(space_active, start, end);
}

/* The entries may be read but not written from now on, or neither. */
static void
forbid_writing(pte_t *entry, pte_t *last, pte_t present)
{
    for (; entry < last; entry++) {
        pte_t value = *entry;

        if (value != 0)
            *entry = (value & ~(pte_t)(PT_PRESENT | PT_WRITE)) | present;
    }
}

/* The entries may be written from now on, where no copy is needed for that. */
static void
allow_writing(pte_t *entry, pte_t *last)
{
    for (; entry < last; entry++) {
        pte_t value = *entry;
        const struct frame *frame;

        if (value == 0)
            continue;
        frame = frame_of(pte_frame(value));
        if ((frame->count == 1 && frame->owner == FRAME_USER) || value & PTE_OBJECT)
            *entry = value | PT_PRESENT | PT_WRITE;
        else
            *entry = value | PT_PRESENT;
    }
}

void
tables_protect(struct address_space *space, uintptr_t start, uintptr_t end, unsigned flags)
{
    bool any = false;

    for (uintptr_t va = start, next; va < end; va = next) {
        pte_t directory = *directory_entry_of(space, va), *entry, *last;

        next = table_end(va, end);
        if (directory == 0 || table_frame(directory)->live == 0)
            continue;
        entry = table_of(directory) + table_index(va);
        last = entry + (next - va) / PAGE_SIZE;
        if (flags & AREA_WRITE)
            allow_writing(entry, last);
        else
            forbid_writing(entry, last, flags & AREA_PROT ? PT_PRESENT : 0);
        any = true;
    }
    if (any)
        user_flush(space, start, end);
}

static void
move_piece(struct address_space *space, uintptr_t from, uintptr_t to, size_t length)
{
    pte_t *source = directory_entry_of(space, from), *target = directory_entry_of(space, to);
    pte_t *old = table_of(*source) + table_index(from), *new = table_of(*target) + table_index(to);
    unsigned moved = 0;

    for (size_t i = 0; i < length / PAGE_SIZE; i++) {
        if (old[i] == 0)
            continue;
        new[i] = old[i];
        old[i] = 0;
        moved++;
    }
    table_frame(*target)->live += (uint16_t)moved;
    table_frame(*source)->live -= (uint16_t)moved;
}

bool
tables_prepare_move(struct address_space *space, uintptr_t from, uintptr_t to, size_t length)
{
    size_t piece;

    if (!tables_own(space, from, from + length))
        return false;
    for (size_t done = 0; done < length; done += piece) {
        piece = table_end(from + done, from + length) - (from + done);
        if (*directory_entry_of(space, from + done) != 0 &&
            !tables_make(space, to + done, to + done + piece))
            return false;
    }
    return true;
}

void
tables_move(struct address_space *space, uintptr_t from, uintptr_t to, size_t length)
{
    size_t piece;

    for (size_t done = 0; done < length; done += piece) {
        uintptr_t start = from + done, end = table_end(start, from + length);
        uintptr_t target = to + done, target_end = table_end(target, to + length);

        piece = end - start < target_end - target ? end - start : target_end - target;
        if (*directory_entry_of(space, start) != 0)
            move_piece(space, start, target, piece);
    }
    tables_trim(space, from, from + length); /* now: a table may be left first and entered later */
    user_flush(space, from, from + length);
}

/* ---- whole spaces ---- */

void
tables_share(struct address_space *child, struct address_space *parent)
{
    uintptr_t done = 0; /* below this, tables are shared already */

    for (struct area *area = child->areas.first; area != NULL; area = area->next) {
        for (uintptr_t va = area->start > done ? area->start : done, next; va < area->end;
             va = next) {
            pte_t *directory = directory_entry_of(parent, va);

            next = done = (va & ~(uintptr_t)(TABLE_REACH - 1)) + TABLE_REACH;
            if (*directory == 0)
                continue;
            *directory &= ~(pte_t)PT_WRITE;
            *directory_entry_of(child, va) = *directory;
            table_frame(*directory)->count++;
            vm_counters.tables_shared++;
        }
    }
    flush_all(parent);
}

/* True when no area behind `area` has pages in the table that ends its piece at `end`. */
static bool
ends_table(const struct area *area, uintptr_t end)
{
    return end % TABLE_REACH == 0 ||
           (end == area->end && (area->next == NULL ||
                                 area->next->start / TABLE_REACH != (end - 1) / TABLE_REACH));
}

void
tables_destroy(struct address_space *space)
{
    for (struct area *area = space->areas.first; area != NULL; area = area->next) {
        for (uintptr_t va = area->start, next; va < area->end; va = next) {
            pte_t *directory = directory_entry_of(space, va);

            next = table_end(va, area->end);
            if (*directory == 0)
                continue;
            if (table_frame(*directory)->count == 1)
                zap_entries(*directory, va, next);
            if (ends_table(area, next))
                release(directory);
        }
    }
}

void
tables_walk(const struct address_space *space, uintptr_t start, uintptr_t end,
            void (*visit)(void *arg, uintptr_t va, pte_t entry), void *arg)
{
    for (uintptr_t va = start, next; va < end; va = next) {
        const pte_t *entry = user_entry_look(space, va);

        next = table_end(va, end);
        for (uintptr_t page = va; entry != NULL && page < next; page += PAGE_SIZE, entry++)
            if (*entry != 0)
                visit(arg, page, *entry);
    }
}
