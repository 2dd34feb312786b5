/* oom.c - whose memory to take when there is no other way (oom_choice.h).
 *
 * A space's share is the sum over its pages of one part of as many as hold the page: entries of
 * page tables, times the spaces that share such a table since a fork. Ending one of ten children
 * that share everything frees next to nothing, and their shares say so; yet together they are as
 * large as what they share. Pages of files do not count: reclaim has been there, or they stay in
 * any case. Those of shared anonymous memory do, as do page tables and what describes the areas.
 *
 * Cost: a walk over the entries of every space, some ten instructions each.
 */
#include <string.h>

#include "oom_choice.h"
#include "mm.h"
#include "pmm.h"
#include "reclaim.h"
#include "space_private.h"

#define PART 64ul /* shares are counted in parts of a page */

/* What one space holds. */
struct holding {
    unsigned long resident, shared; /* pages; those that others hold too */
    unsigned long parts;
    const struct area *area; /* at hand */
    uint32_t sharers;        /* of the table at hand */
};

static void
count_entry(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    struct holding *holding = arg;
    const struct frame *frame = frame_of(page);

    bool cached = frame->owner == FRAME_CACHE;
    uint32_t holders = frame->count - cached; /* its object is none */

    (void)va;
    (void)flags;
    if (page.n == vm_zero_page.n)
        return;
    holding->resident++;
    holding->shared += holders > 1 || holding->sharers > 1;
    if (cached && !(holding->area->flags & AREA_ANONYMOUS))
        return;
    /* reclaim may just have taken the last holder away */
    if (holders - 1 < PART && holding->sharers <= PART)
        holding->parts += PART / (holders * holding->sharers);
}

static struct holding
hold(struct address_space *space)
{
    struct holding holding = {.resident = 0};

    rw_lock(&space->lock);
    for (const struct area *area = space->areas.first; area != NULL; area = area->next)
        for (uintptr_t va = area->start; va < area->end; va = table_end(va, area->end)) {
            bool own;
            pfn_t table = table_at(space, va, &own);

            if (table.n == 0)
                continue;
            holding.area = area;
            holding.sharers = frame_of(table)->count;
            tables_walk(space, va, table_end(va, area->end), count_entry, &holding);
        }
    holding.parts += PART * space_tables(space);
    holding.parts += PART * space->areas.count * sizeof(struct area) >> PAGE_SHIFT;
    rw_unlock(&space->lock);
    return holding;
}

/* ---- the choice ---- */

struct choice {
    bool (*may_end)(const struct address_space *space);
    struct address_space *best;
    unsigned long parts;
};

static void
consider(struct address_space *space, void *arg)
{
    struct choice *choice = arg;

    if (!choice->may_end(space))
        return;
    unsigned long parts = hold(space).parts;
    if (choice->best != NULL && parts <= choice->parts)
        return;
    if (choice->best != NULL)
        space_put(choice->best);
    space_get(space);
    choice->best = space;
    choice->parts = parts;
}

struct address_space *
oom_choose(bool (*may_end)(const struct address_space *space))
{
    struct choice choice = {.may_end = may_end};

    space_for_each(consider, &choice);
    return choice.best;
}

/* ---- the report ---- */

#define LISTED 10 /* spaces, those with the largest shares; the others are added up */

struct row {
    const struct address_space *space;
    unsigned long resident, shared, tables, promised; /* pages */
    unsigned long parts;
};

struct report {
    struct row rows[LISTED]; /* the largest share first */
    unsigned count;          /* rows in use */
    struct row others;       /* their sum */
    unsigned other_count;
};

static unsigned long
kib(unsigned long pages)
{
    return pages << (PAGE_SHIFT - 10);
}

static void
add_to_others(struct report *report, const struct row *row)
{
    report->other_count++;
    report->others.resident += row->resident;
    report->others.shared += row->shared;
    report->others.tables += row->tables;
    report->others.promised += row->promised;
    report->others.parts += row->parts;
}

static void
list_space(struct address_space *space, void *arg)
{
    struct report *report = arg;
    struct holding holding = hold(space);
    struct row row = {space, holding.resident, holding.shared, space_tables(space),
                      space->charged_pages, holding.parts};
    unsigned at = report->count;

    while (at > 0 && report->rows[at - 1].parts < row.parts)
        at--;
    if (at == LISTED) {
        add_to_others(report, &row);
        return;
    }
    if (report->count == LISTED)
        add_to_others(report, &report->rows[--report->count]);
    memmove(&report->rows[at + 1], &report->rows[at], (report->count++ - at) * sizeof(row));
    report->rows[at] = row;
}

static void
print_row(struct printer *out, char mark, const struct row *row)
{
    print(out, "oom: %c %9lu %9lu %9lu %9lu %9lu  ", mark, kib(row->resident), kib(row->shared),
          kib(row->tables), kib(row->promised), kib(row->parts / PART));
}

void
oom_print_report(struct printer *out, const struct address_space *chosen,
                 void (*print_name)(struct printer *out, const struct address_space *space))
{
    struct report report = {.count = 0};

    space_for_each(list_space, &report);
    print(out, "oom: out of memory; KiB of each program:\n");
    print(out, "oom:    resident    shared    tables  promised     share  program\n");
    for (unsigned i = 0; i < report.count; i++) {
        print_row(out, report.rows[i].space == chosen ? '*' : ' ', &report.rows[i]);
        print_name(out, report.rows[i].space);
        print(out, "\n");
    }
    if (report.other_count > 0) {
        print_row(out, ' ', &report.others);
        print(out, "%u others\n", report.other_count);
    }
    print(out, "oom: page cache %lu KiB, %lu of them can be had again\n",
          kib(object_cached_pages()), kib(reclaim_spare_pages()));
    print(out, "oom: free %lu KiB; reserve %lu, low %lu, high %lu; promised %lu of %lu KiB\n",
          kib(pmm_free_frames()), kib(reclaim_reserve()), kib(reclaim_low_mark()),
          kib(reclaim_high_mark()), kib(commit_charged()), kib(commit_limit()));
    mm_print_owners(out);
}
