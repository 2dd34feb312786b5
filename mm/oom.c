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
    if (holders <= PART && holding->sharers <= PART)
        holding->parts += PART / (holders * holding->sharers);
}

static struct holding
hold(const struct address_space *space)
{
    struct holding holding = {.resident = 0};

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

struct report {
    struct printer *out;
    const struct address_space *chosen;
    void (*print_name)(struct printer *out, const struct address_space *space);
};

static unsigned long
kib(unsigned long pages)
{
    return pages << (PAGE_SHIFT - 10);
}

static void
print_space(struct address_space *space, void *arg)
{
    const struct report *report = arg;
    struct holding holding = hold(space);

    print(report->out, "oom: %c %9lu %9lu %9lu %9lu %9lu  ", space == report->chosen ? '*' : ' ',
          kib(holding.resident), kib(holding.shared), kib(space_tables(space)),
          kib(space->charged_pages), kib(holding.parts / PART));
    report->print_name(report->out, space);
    print(report->out, "\n");
}

void
oom_print_report(struct printer *out, const struct address_space *chosen,
                 void (*print_name)(struct printer *out, const struct address_space *space))
{
    struct report report = {out, chosen, print_name};

    print(out, "oom: out of memory; KiB of each program:\n");
    print(out, "oom:    resident    shared    tables  promised     share  program\n");
    space_for_each(print_space, &report);
    print(out, "oom: page cache %lu KiB, %lu of them can be had again\n",
          kib(object_cached_pages()), kib(object_clean_pages()));
    print(out, "oom: free %lu KiB; reserve %lu, low %lu, high %lu; promised %lu of %lu KiB\n",
          kib(pmm_free_frames()), kib(reclaim_reserve()), kib(reclaim_low_mark()),
          kib(reclaim_high_mark()), kib(commit_charged()), kib(commit_limit()));
    mm_print_owners(out);
}
