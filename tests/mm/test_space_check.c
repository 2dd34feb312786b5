/* test_space_check.c - the checks of address spaces see what is wrong. */
#include "commit.h"
#include "object.h"
#include "space.h"
#include "testing.h"
#include "../../mm/paging.h"

#define WHERE    0x10000000u
#define WRITABLE (PROT_READ | PROT_WRITE)

static struct address_space *space, *child;

/* A program and its child, with pages of their own, of zeros, and shared ones. */
static bool
begin(void)
{
    uint32_t word = 1;

    space = space_create();
    if (space == NULL ||
        space_mmap(space, WHERE, 4 * PAGE_SIZE, WRITABLE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                   NULL, 0, true) != WHERE ||
        space_mmap(space, 2 * WHERE, 4 * PAGE_SIZE, WRITABLE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true) != 2 * WHERE)
        return false;
    for (unsigned i = 0; i < 2; i++)
        if (space_write(space, WHERE + i * PAGE_SIZE, &word, 4) != 4 ||
            space_write(space, 2 * WHERE + i * PAGE_SIZE, &word, 4) != 4)
            return false;
    child = space_fork(space);
    return child != NULL && space_read(child, WHERE + 3 * PAGE_SIZE, &word, 4) == 4 &&
           space_write(child, WHERE, &word, 4) == 4;
}

static void
end(void)
{
    space_put(child);
    space_put(space);
}

/* Holders, leaders and promises that nobody has. */
KTEST(space_check, sums_see_damage)
{
    bool lost_page, lost_cache, lost_table, own, promised, released;
    pfn_t table;

    CHECK(begin());
    CHECK(space_check_all() && space_check_sums());

    page_get(tables_look(space, WHERE + PAGE_SIZE));
    lost_page = !space_check_sums();
    page_put(tables_look(space, WHERE + PAGE_SIZE));

    page_get(tables_look(space, 2 * WHERE));
    lost_cache = !space_check_sums();
    page_put(tables_look(space, 2 * WHERE));

    table = table_at(space, 2 * WHERE, &own);
    page_get(table);
    lost_table = !space_check_sums();
    page_put(table);

    promised = commit_charge(1) && !space_check_sums();
    commit_release(2);
    released = !space_check_sums();
    commit_restore(1);

    CHECK(lost_page && lost_cache && lost_table && promised && released);
    CHECK(space_check_all() && space_check_sums());
    end();
}

/* Each count of a space, an area, a table and the rights of an entry. */
KTEST(space_check, each_space_sees_damage)
{
    struct frame *frame;
    bool seen = true, own;

    CHECK(begin());
    unsigned long *const counts[] = {&child->total_pages, &child->data_pages, &child->locked_pages,
                                     &child->charged_pages, &child->odd_areas};
    for (unsigned i = 0; i < ARRAY_LENGTH(counts); i++) {
        ++*counts[i];
        seen &= !space_check_all();
        --*counts[i];
    }
    child->areas.first->space = space;
    seen &= !space_check_all();
    child->areas.first->space = child;

    frame = frame_of(table_at(child, WHERE, &own));
    frame->live++;
    seen &= own && !space_check_all();
    frame->live--;
    frame->count++;
    seen &= !space_check_all();
    frame->count--;

    frame = frame_of(tables_look(child, WHERE)); /* may be written */
    frame->count++;
    seen &= !space_check_all();
    frame->count--;
    frame->owner = FRAME_STACK;
    seen &= !space_check_all();
    frame->owner = FRAME_USER;

    child->areas.first->end -= PAGE_SIZE; /* an entry lies in no area */
    child->areas.last->gap += PAGE_SIZE;
    child->total_pages--, child->data_pages--, child->charged_pages--;
    seen &= !space_check_all();
    child->total_pages++, child->data_pages++, child->charged_pages++;
    child->areas.last->gap -= PAGE_SIZE;
    child->areas.first->end += PAGE_SIZE;
    CHECK(seen);
    CHECK(space_check_all());
    end();
}
