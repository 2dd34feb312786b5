/* slabtop.c - the kernel's object caches by the memory they hold, from /proc/slabinfo. slabtop [N]:
 * the N largest, 20 by default. */
#include "runtime.h"

struct cache {
    char name[24];
    unsigned long active, objects, size, slabs, kib;
};

static int
compare_memory(const void *a, const void *b)
{
    const struct cache *x = a, *y = b;

    return x->kib == y->kib ? strcmp(x->name, y->name) : x->kib < y->kib ? 1 : -1;
}

/* name active objects size per_slab pages_per_slab : tunables ... : slabdata active slabs ... */
static struct cache *
read_cache(const char *line)
{
    struct cache *cache = allocate(sizeof(*cache));
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
    cache->kib = cache->slabs * pages * (PAGE_SIZE / 1024);
    return cache;
}

static void
print_cache(const struct cache *cache)
{
    print("%-24s%9lu%9lu%5lu%%%8lu%8lu%9lu\n", cache->name, cache->active, cache->objects,
          cache->objects ? cache->active * 100 / cache->objects : 100, cache->size, cache->slabs,
          cache->kib);
}

int
main(int argc, char **argv)
{
    struct reader reader = {.fd = open("/proc/slabinfo", O_RDONLY, 0)};
    struct cache **caches = NULL;
    unsigned long most = 20, total = 0;
    size_t count = 0;
    char line[256];

    if (argc > 1 && !text_number(argv[1], &most))
        die("usage: slabtop [NUMBER]");
    if (reader.fd < 0)
        die("/proc/slabinfo: %s", error_text(reader.fd));
    while (read_line(&reader, line, sizeof(line))) {
        if (line[0] == '#' || strncmp(line, "slabinfo", 8) == 0 || !strchr(line, ' '))
            continue;
        caches = reallocate(caches, (count + 1) * sizeof(*caches));
        caches[count] = read_cache(line);
        total += caches[count++]->kib;
    }
    sort_pointers((void **)caches, count, compare_memory);
    print("%zu caches hold %lu KiB\n", count, total);
    print("%-24s%9s%9s%6s%8s%8s%9s\n", "cache", "in use", "objects", "use", "bytes", "slabs", "KiB");
    for (size_t i = 0; i < count && i < most; i++)
        print_cache(caches[i]);
    return 0;
}
