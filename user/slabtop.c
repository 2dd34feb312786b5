/* slabtop.c - the kernel's object caches by the memory they hold, from /proc/slabinfo. slabtop [N]:
 * the N largest, 20 by default. */
#include "runtime.h"

static int
compare_memory(const void *a, const void *b)
{
    const struct slabinfo *x = a, *y = b;

    return x->pages == y->pages ? strcmp(x->name, y->name) : x->pages < y->pages ? 1 : -1;
}

static unsigned long
kib_of(const struct slabinfo *cache)
{
    return cache->pages * (PAGE_SIZE / 1024);
}

static void
print_cache(const struct slabinfo *cache)
{
    print("%-24s%9lu%9lu%5lu%%%8lu%8lu%9lu\n", cache->name, cache->active, cache->objects,
          cache->objects ? cache->active * 100 / cache->objects : 100, cache->size, cache->slabs,
          kib_of(cache));
}

int
main(int argc, char **argv)
{
    struct reader reader = {.fd = open("/proc/slabinfo", O_RDONLY, 0)};
    struct slabinfo **caches = NULL, cache;
    unsigned long most = 20, total = 0;
    size_t count = 0;

    if (argc > 1 && !text_number(argv[1], &most))
        die("usage: slabtop [NUMBER]");
    if (reader.fd < 0)
        die("/proc/slabinfo: %s", error_text(reader.fd));
    while (slabinfo_next(&reader, &cache)) {
        caches = reallocate(caches, (count + 1) * sizeof(*caches));
        caches[count] = allocate(sizeof(cache));
        *caches[count++] = cache;
        total += kib_of(&cache);
    }
    sort_pointers((void **)caches, count, compare_memory);
    print("%zu caches hold %lu KiB\n", count, total);
    print("%-24s%9s%9s%6s%8s%8s%9s\n", "cache", "in use", "objects", "use", "bytes", "slabs", "KiB");
    for (size_t i = 0; i < count && i < most; i++)
        print_cache(caches[i]);
    return 0;
}
