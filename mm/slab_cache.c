/* slab_cache.c - caches from creation to destruction, their geometry, and their invariants.
 *
 * How large a slab is, how many objects it holds and where they begin is decided here once for each
 * cache; slab.c works with the result. The smallest slab that wastes at most an eighth is taken:
 *
 *     448 bytes: 4 KiB holds 9, 64 bytes left over            -> 1 frame
 *     1280 bytes: 4 KiB holds 3, 8 KiB 6, 16 KiB 12, 1 KiB over -> 4 frames
 *
 * Three caches serve the slabs themselves. Headers come from a cache whose own headers lie inside
 * its slabs, in the place of the first object, so that the chain ends.
 *
 * Locks: caches_lock for the list of caches, a cache's `lock` for its list of slabs.
 */
#include "bits.h"
#include "percpu.h"
#include "pmm.h"
#include "slab_private.h"
#include "trace.h"

struct kmem_cache *slab_caches;
static struct spinlock caches_lock = SPINLOCK_INIT;
static uint16_t last_number;

/* The slabs' own caches: headers, caches and parts. */
static struct kmem_cache header_cache, cache_cache, part_cache;

/* ---- Geometry ---- */

/* Newton's iteration: each step doubles the number of right bits (3 to start with). */
static uint32_t
odd_inverse(uint32_t odd)
{
    uint32_t inverse = odd;
    for (int i = 0; i < 4; i++)
        inverse *= 2 - odd * inverse;
    return inverse;
}

/* How many strides fit into bytes, without a division. */
static uint32_t
count_objects(size_t bytes, uint32_t stride)
{
    uint32_t count = 0;
    for (uint32_t step = SLAB_MAX_OBJECTS; step; step >>= 1)
        if ((size_t)(count + step) * stride <= bytes && count + step <= SLAB_MAX_OBJECTS)
            count += step;
    return count;
}

uint32_t
slab_index_around(const struct slab *slab, const void *address)
{
    uint32_t offset = (uint32_t)((const char *)address - slab->base);
    uint32_t index = count_objects(offset + 1, slab->cache->stride);
    uint32_t whole = index * slab->cache->stride;
    index -= whole == offset + 1;
    return index < slab->objects ? index : slab->objects - 1;
}

/* The smallest slab that holds at least 8 objects and wastes at most an eighth, or the largest. */
static void
choose_order(struct kmem_cache *cache)
{
    size_t bytes;
    for (unsigned order = 0;; order++) {
        bytes = PAGE_SIZE << order;
        cache->order = (uint8_t)order;
        cache->objects = count_objects(bytes, cache->stride);
        size_t waste = bytes - (size_t)cache->objects * cache->stride;
        if (order == SLAB_MAX_ORDER || (cache->objects >= 8 && waste <= bytes / 8))
            return;
    }
}

bool
slab_cache_init(struct kmem_cache *cache, const char *name, size_t size, size_t align,
                unsigned flags, void (*constructor)(void *))
{
    if (align == 0)
        align = 16;
    if (size == 0 || size > SLAB_MAX_SIZE || align > PAGE_SIZE || align & (align - 1))
        return false;
    if (align < sizeof(void *))
        align = sizeof(void *);
    *cache = (struct kmem_cache){.name = name,
                                 .size = (uint32_t)size,
                                 .align = (uint32_t)align,
                                 .debug = flags & KMEM_DEBUG,
                                 .constructor = constructor,
                                 .lock = SPINLOCK_INIT};
    cache->watched = cache->debug || trace_on(TRACE_ALLOC);
    cache->guard = cache->debug && !(flags & KMEM_DIRECT) && guard_wanted(name);
    cache->stride = (uint32_t)((size + align - 1) & ~(align - 1));
    if (cache->debug)
        cache->stride = debug_stride(size, align, &cache->left);
    cache->shift = (uint32_t)__builtin_ctz(cache->stride);
    cache->inverse = odd_inverse(cache->stride >> cache->shift);
    choose_order(cache);
    return cache->objects > 0;
}

void
slab_part_init(struct cache_part *part, struct kmem_cache *cache, struct mm_cpu *cpu)
{
    *part = (struct cache_part){.word = &slab_nothing,
                                .stride = cache->stride,
                                .cpu = cpu,
                                .cache = cache,
                                .lock = SPINLOCK_INIT};
    cache->parts[cpu->id] = part;
}

/* ---- Creation and destruction of caches ---- */

void
slab_cache_add(struct kmem_cache *cache)
{
    unsigned long flags = spin_lock(&caches_lock);
    struct kmem_cache **end = &slab_caches;
    while (*end)
        end = &(*end)->next;
    *end = cache;
    cache->number = ++last_number;
    spin_unlock(&caches_lock, flags);
    if (trace_on(TRACE_ALLOC) || trace_on(TRACE_SLAB_GROW))
        trace_record(TRACE_CACHE, (uintptr_t)cache->name, cache->size, cache->number, NULL);
}

void
slab_init(void)
{
    static const struct {
        struct kmem_cache *cache;
        const char *name;
        size_t size;
    } own[] = {{&header_cache, "slab-headers", sizeof(struct slab)},
               {&cache_cache, "caches", sizeof(struct kmem_cache)},
               {&part_cache, "cache-parts", sizeof(struct cache_part)}};
    slab_caches = NULL;
    last_number = 0;
    for (unsigned i = 0; i < ARRAY_LENGTH(own); i++) {
        bool fits = slab_cache_init(own[i].cache, own[i].name, own[i].size, 64, 0, NULL);
        ASSERT(fits);
        own[i].cache->header_inside = own[i].cache == &header_cache;
        slab_cache_add(own[i].cache);
    }
}

/* Parts for all CPUs that are up. False when memory ran out: none is left behind. */
static bool
make_parts(struct kmem_cache *cache)
{
    for (unsigned i = 0; i < CPU_MAX; i++) {
        if (!mm_cpus[i])
            continue;
        struct cache_part *part = kmem_cache_alloc(&part_cache);
        if (!part)
            return false;
        slab_part_init(part, cache, mm_cpus[i]);
    }
    return true;
}

static void
free_parts(struct kmem_cache *cache)
{
    for (unsigned i = 0; i < CPU_MAX; i++)
        kmem_cache_free(&part_cache, cache->parts[i]);
}

struct kmem_cache *
kmem_cache_create(const char *name, size_t size, size_t align, unsigned flags,
                  void (*constructor)(void *))
{
    struct kmem_cache *cache = kmem_cache_alloc(&cache_cache);
    if (!cache)
        return NULL;
    *cache = (struct kmem_cache){.name = name}; /* no parts yet, whatever its memory held before */
    if (debug_on(DEBUG_HEAP))
        flags |= KMEM_DEBUG;
    if (!slab_cache_init(cache, name, size, align, flags, constructor) || !make_parts(cache)) {
        free_parts(cache);
        kmem_cache_free(&cache_cache, cache);
        return NULL;
    }
    slab_cache_add(cache);
    return cache;
}

/* True for the parts that lie inside struct mm_cpu. */
static bool
part_inside(const struct mm_cpu *cpu, const struct cache_part *part)
{
    return (uintptr_t)part - (uintptr_t)cpu < sizeof(*cpu);
}

void
slab_cpu_down(struct mm_cpu *cpu)
{
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next) {
        if (cache->parts[cpu->id] && !part_inside(cpu, cache->parts[cpu->id]))
            kmem_cache_free(&part_cache, cache->parts[cpu->id]);
        cache->parts[cpu->id] = NULL;
    }
}

bool
slab_cpu_up(struct mm_cpu *cpu)
{
    slab_part_init(&cpu->header_part, &header_cache, cpu);
    slab_part_init(&cpu->cache_part, &cache_cache, cpu);
    slab_part_init(&cpu->part_part, &part_cache, cpu);
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next) {
        if (cache->parts[cpu->id])
            continue;
        struct cache_part *part = kmem_cache_alloc(&part_cache);
        if (!part)
            return false;
        slab_part_init(part, cache, cpu);
    }
    return true;
}

bool
kmem_cache_destroy(struct kmem_cache *cache)
{
    size_t used = 0;
    for (unsigned i = 0; i < CPU_MAX; i++)
        if (cache->parts[i])
            slab_reap_part(cache->parts[i]);
    for (const struct slab *slab = cache->slabs; slab; slab = slab->next_of_cache)
        used += slab_used(slab);
    used += cache->guarded;
    if (used) {
        klog("heap: cache %s is not destroyed: %zu objects are in use\n", cache->name, used);
        return false;
    }
    unsigned long flags = spin_lock(&caches_lock);
    struct kmem_cache **link = &slab_caches;
    while (*link != cache)
        link = &(*link)->next;
    *link = cache->next;
    spin_unlock(&caches_lock, flags);
    free_parts(cache);
    kmem_cache_free(&cache_cache, cache);
    return true;
}

/* ---- Looking ---- */

uint32_t
slab_used(const struct slab *slab)
{
    uint32_t free = 0;
    for (unsigned w = 0; w < SLAB_WORDS; w++)
        free += count_bits(slab->free[w] | slab->remote[w]);
    return slab->objects - free;
}

void
kmem_cache_get_stats(struct kmem_cache *cache, struct kmem_cache_stats *stats)
{
    unsigned long flags = spin_lock(&cache->lock);
    *stats =
        (struct kmem_cache_stats){.name = cache->name,
                                  .object_size = cache->size,
                                  .stride = cache->stride,
                                  .slab_frames = (size_t)1 << cache->order,
                                  .slab_objects = cache->objects - (cache->header_inside ? 1 : 0),
                                  .slabs = cache->slab_count,
                                  .grown = cache->grown,
                                  .returned = cache->returned};
    for (const struct slab *slab = cache->slabs; slab; slab = slab->next_of_cache)
        stats->objects_used += slab_used(slab);
    stats->objects_used += cache->guarded - cache->kept;
    spin_unlock(&cache->lock, flags);
}

static bool
check_slab(const struct slab *slab)
{
    pfn_t first;
    if (!ptr_to_frame(slab->base, &first))
        return false;
    for (unsigned w = 0; w < SLAB_WORDS; w++) {
        slab_word mask = slab_word_mask(slab->objects, w);
        if (slab->free[w] & ~mask || slab->remote[w] & ~mask || slab->free[w] & slab->remote[w] ||
            slab->full[w] != (slab->current ? 0 : mask))
            return false;
    }
    for (uint32_t i = 0; i < 1u << slab->cache->order; i++) {
        const struct frame *frame = frame_of(pfn(first.n + i));
        if (frame->owner != FRAME_SLAB || slab_header(frame) != slab ||
            frame->flags != (slab->fast ? slab->home->cpu->id + 1 : 0))
            return false; /* I4, I6 */
    }
    if (slab->current + slab->listed > 1 || (slab->idle && !slab->listed) ||
        (!slab->current && slab->listed != slab_any_free(slab)) ||
        (slab->idle && !slab_all_free(slab)) || (slab->current && slab->home->slab != slab))
        return false;
    if (slab->fast != (!slab->cache->debug && (slab->current || slab->listed)))
        return false; /* I4 */
    return !slab->cache->debug || debug_check_slab(slab);
}

bool
slab_check(unsigned long *frames)
{
    *frames = 0;
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next) {
        size_t count = 0;
        for (const struct slab *slab = cache->slabs; slab; slab = slab->next_of_cache, count++)
            if (slab->cache != cache || !check_slab(slab)) {
                klog("slab: %s: the slab at %p does not hold its invariants\n", cache->name,
                     (const void *)slab->base);
                return false;
            }
        if (count != cache->slab_count) {
            klog("slab: %s: %zu slabs listed, %zu counted\n", cache->name, count,
                 cache->slab_count);
            return false;
        }
        *frames += count << cache->order;
    }
    return true;
}
