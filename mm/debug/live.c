/* live.c - what is in use, by who allocated it: the monitor's `heap`, and a search for what a piece
 * of work left behind.
 *
 * Every allocation has a number. Whoever takes the latest one before some work (debug_mark) and
 * asks afterwards for live objects with larger numbers gets those the work did not free, whether or
 * not anything still leads to them. leaks.c asks the other question.
 */
#include "../slab_private.h"
#include "debug_private.h"

/* The last entry takes what has no room. */
#define SITES 48

struct sites {
    unsigned long since;
    unsigned used;
    struct {
        const void *caller;
        size_t count;
        size_t bytes;
    } site[SITES];
};

static void
count_site(const struct subject *subject, void *arg)
{
    struct sites *sites = arg;
    const struct record *record = subject->record;
    unsigned i = 0;
    if (record->state != STATE_LIVE || record->number <= sites->since)
        return;
    while (i < sites->used && i < SITES - 1 && sites->site[i].caller != record->allocated_by)
        i++;
    if (i == sites->used)
        sites->site[sites->used++].caller = i < SITES - 1 ? record->allocated_by : NULL;
    sites->site[i].count++;
    sites->site[i].bytes += record->size;
}

size_t
debug_print_live(struct printer *out, unsigned long since)
{
    struct sites sites = {.since = since};
    size_t count = 0;
    debug_each(count_site, &sites);
    for (unsigned i = 0; i < sites.used; i++) {
        char who[80] = "other places";
        if (sites.site[i].caller)
            symbol_name(sites.site[i].caller, who, sizeof(who));
        print(out, "%8zu objects %10zu bytes  allocated by %s\n", sites.site[i].count,
              sites.site[i].bytes, who);
        count += sites.site[i].count;
    }
    return count;
}
