/* space_check.c - address spaces held against what they stand on: areas against their counts, page
 * tables against areas, pages and promises against all who can hold them.
 *
 *   entries of all page tables   +   pages of objects   =   holders of all pages
 *   promises to areas            +   to objects         =   the commit account
 *
 * A table that several directories lead to is counted once. When the holders do not agree,
 * space_holders.c finds out which frame it is.
 */
#include "mm.h"
#include "mm_private.h"
#include "object_private.h"
#include "space_private.h"

/* ---- each space ---- */

/* What the areas of one space add up to. */
struct sums {
    unsigned long total, data, locked, charged, odd;
};

static struct sums
add_up(const struct address_space *space)
{
    struct sums sums = {0};

    for (const struct area *area = space->areas.first; area != NULL; area = area->next) {
        unsigned long pages = pages_of(area->start, area->end);

        sums.total += pages;
        sums.locked += area->flags & AREA_LOCKED ? pages : 0;
        sums.charged += area->flags & AREA_CHARGED ? pages : 0;
        sums.odd += (area->flags & (AREA_DONTFORK | AREA_WIPEONFORK)) != 0;
        sums.data += area_is_data(area->flags) ? pages : 0;
    }
    return sums;
}

/* One space under examination. */
struct check {
    const struct address_space *space;
    bool good;
};

void (*space_print_owner)(struct printer *out, const struct address_space *space);

void
space_print_entry(const struct address_space *space, uintptr_t va, pfn_t page)
{
    print(&klog_printer, "space: ");
    if (space_print_owner != NULL)
        space_print_owner(&klog_printer, space);
    print(&klog_printer, ": 0x%08lx leads to frame %#lx", (unsigned long)va, page.n);
}

static void
check_entry(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    const struct frame *frame = frame_of(page);
    struct check *check = arg;

    if (frame->owner != FRAME_USER && frame->owner != FRAME_CACHE) {
        space_print_entry(check->space, va, page);
        klog(", which is no page of a program but %s\n",
             frame->owner <= FRAME_CACHED ? "free" : frame_owner_name(frame->owner));
        mm_print_frame(&klog_printer, page);
        check->good = false;
    } else if (flags & PT_WRITE && !(flags & PTE_OBJECT) &&
               (frame->owner != FRAME_USER || frame->count != 1)) {
        space_print_entry(check->space, va, page);
        klog(", may write to it, and others hold it too\n");
        mm_print_frame(&klog_printer, page);
        check->good = false;
    }
}

static void
count_entry(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    (void)va;
    (void)page;
    (void)flags;
    ++*(unsigned *)arg;
}

/* Every table: own or shared, as many entries as it says. */
static bool
check_tables(const struct address_space *space)
{
    bool good = true;

    for (uintptr_t base = 0; base < USER_END; base += paging->reach) {
        unsigned live = 0;
        bool own;
        pfn_t table = table_at(space, base, &own);

        if (table.n == 0)
            continue;
        tables_walk(space, base, base + paging->reach, count_entry, &live);
        good &= live == frame_of(table)->live;
        good &= !own || frame_of(table)->count == 1;
    }
    return good;
}

static void
check_space(struct address_space *space, void *arg)
{
    struct sums sums = add_up(space);
    struct check check = {.space = space, .good = true};
    bool good = area_check(&space->areas) && check_tables(space);
    unsigned entries = 0, in_areas = 0;

    good &= sums.total == space->total_pages && sums.data == space->data_pages &&
            sums.locked == space->locked_pages && sums.charged == space->charged_pages &&
            sums.odd == space->odd_areas;
    for (const struct area *area = space->areas.first; area != NULL; area = area->next) {
        tables_walk(space, area->start, area->end, count_entry, &in_areas);
        tables_walk(space, area->start, area->end, check_entry, &check);
        good &= area->space == space;
    }
    tables_walk(space, 0, USER_END, count_entry, &entries);
    good &= check.good;
    if (!good || entries != in_areas) {
        klog("space: %p does not hold its invariants (%u entries, %u in areas)\n", (void *)space,
             entries, in_areas);
        *(bool *)arg = false;
    }
}

bool
space_check_all(void)
{
    bool good = true;

    space_for_each(check_space, &good);
    return good;
}

/* ---- all of them together ---- */

struct totals {
    unsigned long entries; /* of distinct tables, the zero page's left out */
    unsigned long leading; /* entries of directories */
    unsigned long leaders; /* what the tables say of that */
    unsigned long charged;
};

static void
add_entry(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    (void)va;
    (void)flags;
    *(unsigned long *)arg += page.n != vm_zero_page.n;
}

static void
add_table(struct address_space *space, uintptr_t base, pfn_t table, bool first, void *arg)
{
    struct totals *totals = arg;

    totals->leading++;
    if (!first)
        return;
    totals->leaders += frame_of(table)->count;
    tables_walk(space, base, base + paging->reach, add_entry, &totals->entries);
}

static void
add_promise(struct address_space *space, void *arg)
{
    ((struct totals *)arg)->charged += space->charged_pages;
}

static bool
agree(const char *what, unsigned long found, unsigned long counted)
{
    if (found != counted)
        klog("space: %s: %lu found, %lu counted\n", what, found, counted);
    return found == counted;
}

bool
space_check_sums(void)
{
    struct totals totals = {0};
    unsigned long pages = mm_count_holders(FRAME_USER) + mm_count_holders(FRAME_CACHE);
    bool good;

    space_for_each(add_promise, &totals);
    space_for_each_table(add_table, &totals);
    if (vm_zero_page.n != 0)
        pages -= frame_of(vm_zero_page)->count;
    good = agree("holders of pages", totals.entries + object_cached_pages(), pages);
    if (!good)
        space_name_holders();
    good &= agree("directories that lead to tables", totals.leading, totals.leaders);
    good &= agree("promises", totals.charged + object_promised_pages(), commit_charged());
    return good;
}

bool
space_check_everything(void)
{
    bool good = mm_check();

    good &= space_check_all();
    good &= space_check_sums();
    return good;
}
