/* slabinfo.c - /proc/slabinfo, cache by cache; slabinfo(5). */
#include "runtime.h"

/* name active objects size per_slab pages_per_slab : tunables ... : slabdata active slabs ... */
static void
take_line(const char *line, struct slabinfo *cache)
{
    const char *at = strchr(line, ' ');
    unsigned long pages;

    format_text(cache->name, sizeof(cache->name), "%.*s", (int)(at - line), line);
    cache->active = next_number(&at);
    cache->objects = next_number(&at);
    cache->size = next_number(&at);
    next_number(&at);
    pages = next_number(&at);
    at = strstr(at, "slabdata");
    if (!at)
        at = "";
    next_number(&at);
    cache->slabs = next_number(&at);
    cache->pages = cache->slabs * pages;
}

bool
slabinfo_next(struct reader *reader, struct slabinfo *cache)
{
    char line[256];

    while (read_line(reader, line, sizeof(line))) {
        if (line[0] == '#' || strncmp(line, "slabinfo", 8) == 0 || !strchr(line, ' '))
            continue;
        take_line(line, cache);
        return true;
    }
    return false;
}
