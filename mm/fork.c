/* fork.c - a copy of an address space. The pages are not copied, nor are their tables (tables.inc):
 * the work is one area after the other. */
#include "space_private.h"
#include "slab.h"

static void
copy_numbers(struct address_space *child, const struct address_space *parent)
{
    child->code_start = parent->code_start;
    child->code_end = parent->code_end;
    child->data_start = parent->data_start;
    child->data_end = parent->data_end;
    child->brk_start = parent->brk_start;
    child->brk = parent->brk;
    child->stack_top = parent->stack_top;
    child->stacks = parent->stacks;
    child->read_adds = parent->read_adds;
    child->args_start = parent->args_start;
    child->args_end = parent->args_end;
    child->env_start = parent->env_start;
    child->env_end = parent->env_end;
    for (unsigned i = 0; i < SPACE_LIMITS; i++)
        child->limits[i] = parent->limits[i];
}

/* A copy of an area for the end of a list. NULL when out of memory. */
static struct area *
add_copy(struct address_space *child, const struct area *area, unsigned flags, struct area **end)
{
    struct area *copy = area_new(child);

    if (copy == NULL)
        return NULL;
    copy->start = area->start;
    copy->end = area->end;
    copy->flags = flags;
    copy->index = area->index;
    copy->object = area->object;
    copy->space = child;
    copy->next = NULL;
    child->odd_areas += (flags & AREA_WIPEONFORK) != 0;
    *end = copy;
    return copy;
}

/* Copies of the areas that a child gets, as a list, promised one by one as they were to the parent.
 * False when out of memory: *first has those that were made. */
static bool
copy_areas(struct address_space *child, const struct address_space *parent, struct area **first)
{
    struct area *last = NULL;

    *first = NULL;
    for (const struct area *area = parent->areas.first; area != NULL; area = area->next) {
        unsigned flags = area->flags & ~(unsigned)AREA_LOCKED;
        unsigned long pages = pages_of(area->start, area->end);

        if (area->flags & AREA_DONTFORK)
            continue;
        if (flags & AREA_CHARGED && !commit_charge(pages))
            return false;
        space_account(child, flags, (long)pages);
        if (last != NULL && last->end == area->start &&
            area_goes_on(last, flags, area->object, area->index)) {
            last->end = area->end; /* only locks told them apart */
            continue;
        }
        last = add_copy(child, area, flags, last != NULL ? &last->next : first);
        if (last == NULL)
            return false;
    }
    return true;
}

static void
discard_list(struct address_space *child, struct area *area)
{
    for (struct area *next; area != NULL; area = next) {
        next = area->next;
        area_discard(child, area);
    }
}

/* Empties what the child must not see: tables there become its own first. */
static bool
wipe(struct address_space *child, const struct address_space *parent)
{
    for (const struct area *area = parent->areas.first; area != NULL; area = area->next) {
        if (!(area->flags & (AREA_DONTFORK | AREA_WIPEONFORK)))
            continue;
        if (!tables_own(child, area->start, area->end))
            return false;
        tables_zap(child, area->start, area->end);
    }
    return true;
}

/* The parent is the caller's alone. */
static bool
fill(struct address_space *child, struct address_space *parent)
{
    struct area *areas;

    copy_numbers(child, parent);
    if (!copy_areas(child, parent, &areas)) {
        discard_list(child, areas);
        return false;
    }
    area_build(&child->areas, areas);
    for (struct area *area = areas; area != NULL; area = area->next)
        if (area->object != NULL)
            object_add_area(area->object, area);
    tables_share(child, parent);
    return parent->odd_areas == 0 || wipe(child, parent);
}

/* The child is locked too: other CPUs find it by the objects that its areas map. */
struct address_space *
space_fork(struct address_space *parent)
{
    struct address_space *child = space_create();
    bool filled;

    if (child == NULL)
        return NULL;
    rw_lock(&parent->lock);
    rw_lock(&child->lock);
    filled = fill(child, parent);
    rw_unlock(&child->lock);
    rw_unlock(&parent->lock);
    if (!filled) {
        space_put(child);
        return NULL;
    }
    vm_count(forks);
    return child;
}
