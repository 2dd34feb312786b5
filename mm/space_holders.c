/* space_holders.c - which page is held too often, or not often enough.
 *
 * The sums of space_check.c tell that holders and counts do not agree, not where. Here every holder
 * is counted again, this time in the descriptor of the page it leads to: `live` of a program's page
 * or a page of an object is nobody else's (frame.h). What then differs from `count` is told, with
 * everybody who leads to the page; the holder that nobody is was lost on the way, by a path that
 * took the page and did not let it go, or let it go twice.
 */
#include "mm.h"
#include "mm_private.h"
#include "object_private.h"
#include "space_private.h"

#define FRAMES_TOLD 8

/* Bit of `flags` of a page table's frame, while spaces are gone through. */
#define TABLE_SEEN 1

struct tables_visit {
    table_visitor *visit;
    void *arg;
};

static void
visit_tables(struct address_space *space, void *arg)
{
    const struct tables_visit *tables = arg;
    bool own;

    for (uintptr_t base = 0; base < USER_END; base += paging->reach) {
        pfn_t table = table_at(space, base, &own);
        bool first;

        if (table.n == 0)
            continue;
        first = !(frame_of(table)->flags & TABLE_SEEN);
        frame_of(table)->flags |= TABLE_SEEN;
        tables->visit(space, base, table, first, tables->arg);
    }
}

static void
clear_marks(struct address_space *space, void *arg)
{
    bool own;

    (void)arg;
    for (uintptr_t base = 0; base < USER_END; base += paging->reach) {
        pfn_t table = table_at(space, base, &own);

        if (table.n != 0)
            frame_of(table)->flags &= (uint8_t)~TABLE_SEEN;
    }
}

void
space_for_each_table(table_visitor *visit, void *arg)
{
    struct tables_visit tables = {visit, arg};

    space_for_each(visit_tables, &tables);
    space_for_each(clear_marks, NULL);
}

/* ---- counting ---- */

static bool
is_page(pfn_t page)
{
    const struct frame *frame = frame_of(page);

    return page.n != vm_zero_page.n && (frame->owner == FRAME_USER || frame->owner == FRAME_CACHE);
}

static void
count_entry(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    (void)arg;
    (void)va;
    (void)flags;
    if (is_page(page))
        frame_of(page)->live++;
}

static void
count_table(struct address_space *space, uintptr_t base, pfn_t table, bool first, void *arg)
{
    (void)table;
    (void)arg;
    if (first)
        tables_walk(space, base, base + paging->reach, count_entry, NULL);
}

/* ---- telling ---- */

struct told {
    pfn_t page;
    const struct address_space *space;
};

static void
tell_entry(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    const struct told *told = arg;

    (void)flags;
    if (page.n != told->page.n)
        return;
    space_print_entry(told->space, va, page);
    klog("\n");
}

static void
tell_table(struct address_space *space, uintptr_t base, pfn_t table, bool first, void *arg)
{
    struct told *told = arg;

    (void)table;
    (void)first;
    told->space = space;
    tables_walk(space, base, base + paging->reach, tell_entry, told);
}

static void
tell(pfn_t page)
{
    const struct frame *frame = frame_of(page);
    unsigned found = frame->live + (frame->owner == FRAME_CACHE);
    struct told told = {.page = page};

    klog("space: frame %#lx (%s) is held by %u, but %u found\n", page.n,
         frame_owner_name(frame->owner), (unsigned)frame->count, found);
    space_for_each_table(tell_table, &told);
    mm_print_frame(&klog_printer, page);
}

void
space_name_holders(void)
{
    unsigned told = 0;

    space_for_each_table(count_table, NULL);
    for (unsigned long i = 0; i < (unsigned long)mm_block_count << MAX_ORDER; i++) {
        pfn_t page = pfn(FRAME_BASE + i);
        struct frame *frame;

        if (!mm_blocks[i >> MAX_ORDER].open || !is_page(page))
            continue;
        frame = frame_of(page);
        if (frame->live + (frame->owner == FRAME_CACHE) != (uint16_t)frame->count &&
            told++ < FRAMES_TOLD)
            tell(page);
        frame->live = 0;
    }
}
