/* slab_cache.c - caches from creation to destruction, their geometry, and their invariants.
 *
 * How large a slab is, how many objects it holds and where they begin is decided here once for each
 * cache; slab.c works with the result. The smallest slab that holds eight is taken, which wastes
 * less than an eighth (for the heap of a large machine, from four frames on):
 *
 *     448 bytes: 4 KiB holds 9, 64 bytes left over            -> 1 frame
 *     1280 bytes: 4 KiB holds 3, 8 KiB 6, 16 KiB 12, 1 KiB over -> 4 frames
 *
 * Four caches serve the slabs themselves. Headers come from a cache whose own headers lie inside
 * its slabs, in the place of the first object, so that the chain ends.
 *
 * Locks: caches_lock for the list of caches, a cache's `lock` for its list of slabs.
 */
#include "bits.h"
#include "percpu.h"
#include "slab_private.h"
#include "trace.h"

struct kmem_cache *slab_caches;
unsigned long slab_ram_frames;
static struct spinlock caches_lock = SPINLOCK_INIT;
static uint16_t last_number;

/* The slabs' own caches: headers, caches and parts. */
static struct kmem_cache header_caches[SLAB_HEADER_KINDS], cache_cache, part_cache;

/* Headers of two sizes, by the bytes of states in them. */
#define SMALL_HEADER (64 * 3)
#define LARGE_HEADER (64 * 6)
#define SMALL_STATES (SMALL_HEADER - offsetof(struct slab, states))

/* Slabs of the heap are at least four frames on machines with 256 MiB: fewer headers are touched,
 * and what one CPU tells another of a slab is about more objects. */
#define LARGE_MACHINE 65536
#define WIDE_ORDER    2

/* ---- Geometry ---- */

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
    uint32_t index = count_objects(offset, slab->cache->stride);
    return index < slab->objects ? index : slab->objects - 1;
}

unsigned
slab_header_kind(const struct kmem_cache *cache)
{
    return cache->states > SMALL_STATES;
}

/* Where slabs begin: wide ones as large as their states are few, on a machine that has the
 * memory. */
static unsigned
least_order(uint32_t stride, bool wide)
{
    unsigned order = wide && slab_ram_frames >= LARGE_MACHINE ? WIDE_ORDER : 0;
    while (order && PAGE_SIZE << order > SLAB_MAX_OBJECTS * (size_t)stride)
        order--;
    return order;
}

/* The smallest slab that holds at least 8 objects, and so wastes less than an eighth; else the
 * largest. */
static void
choose_order(struct kmem_cache *cache, bool wide)
{
    unsigned order = least_order(cache->stride, wide);
    while (order < SLAB_MAX_ORDER && count_objects(PAGE_SIZE << order, cache->stride) < 8)
        order++;
    cache->order = (uint8_t)order;
    cache->objects = count_objects(PAGE_SIZE << order, cache->stride);
}

/* 2^w / stride, rounded up, w the bits of a word: by long division. */
static unsigned long
reciprocal(uint32_t stride)
{
    unsigned long quotient = 0, rest = 1;
    for (unsigned bit = 0; bit < SLAB_WORD_BITS; bit++) {
        rest *= 2;
        quotient = quotient * 2 + (rest >= stride);
        rest -= rest >= stride ? stride : 0;
    }
    return quotient + (rest != 0);
}

/* A state for every number that an address in a slab can have, in whole words. */
static void
count_states(struct kmem_cache *cache)
{
    unsigned long last;
    (void)divide_exactly((PAGE_SIZE << cache->order) - 1, &cache->reciprocal, &last);
    cache->states = (uint32_t)(last + sizeof(slab_word)) & ~((uint32_t)sizeof(slab_word) - 1);
}

bool
slab_cache_init(struct kmem_cache *cache, const char *name, size_t size, size_t align,
                unsigned flags, void (*constructor)(void *))
{
    if (align == 0)
        align = 16;
    if (size == 0 || size > SLAB_MAX_SIZE || align > PAGE_SIZE || align & (align - 1))
        return false;
    if (align < 16) /* so that the states stay few */
        align = 16;
    *cache = (struct kmem_cache){.name = name,
                                 .size = (uint32_t)size,
                                 .align = (uint32_t)align,
                                 .debug = flags & KMEM_DEBUG,
                                 .constructor = constructor,
                                 .lock = SPINLOCK_INIT};
    cache->watched = cache->debug || trace_on(TRACE_ALLOC);
    cache->guard = cache->debug && !(flags & KMEM_DIRECT) && guard_wanted(name);
    if (constructor && !cache->debug) {
        cache->mark_at = (uint32_t)((size + sizeof(void *) - 1) & ~(sizeof(void *) - 1));
        size = cache->mark_at + sizeof(struct free_object);
    }
    cache->stride = (uint32_t)((size + align - 1) & ~(align - 1));
    if (cache->debug)
        cache->stride = debug_stride(size, align, &cache->left);
    cache->reciprocal = reciprocal(cache->stride);
    choose_order(cache, flags & SLAB_WIDE);
    count_states(cache);
    slab_choose_way(cache);
    ASSERT(cache->states <= LARGE_HEADER - offsetof(struct slab, states));
    return cache->objects > 0;
}

void
slab_choose_way(struct kmem_cache *cache)
{
    cache->tag = cache->watched ? SLAB_NO_TAG : slab_tag(cache);
    if (cache->class)
        slab_classes[cache->class + CLASS_RECIPROCAL] = cache->watched ? 0 : cache->reciprocal;
}

void
slab_set_limit(struct cache_part *part)
{
    struct magazine *magazine = part->magazine;
    bool closed = !part->open || part->cpu->no_windows;
    magazine->limit = magazine->bottom + (closed ? 0 : part->places);
}

void
slab_use_slots(struct cache_part *part, struct free_object **slots, uint32_t places)
{
    slots[0] = &part->none;
    part->magazine->bottom = part->magazine->top = slots; /* alone: others may look at it */
    part->places = places;
    slab_set_limit(part);
}

void
slab_part_init(struct cache_part *part, struct magazine *magazine, struct kmem_cache *cache,
               struct mm_cpu *cpu, struct free_object **slots, uint32_t places)
{
    places = cache->debug ? 0 : places;
    *part = (struct cache_part){.magazine = magazine,
                                .own = slots,
                                .own_places = places,
                                .stride = cache->stride,
                                .keep = 1,
                                .cpu = cpu,
                                .cache = cache};
    *magazine = (struct magazine){.part = part};
    slab_use_slots(part, slots, places);
    cache->parts[cpu->id] = part;
}

/* The same in memory of its own. */
static bool
make_part(struct kmem_cache *cache, struct mm_cpu *cpu)
{
    struct part_with_magazine *memory = kmem_cache_alloc(&part_cache);
    if (!memory)
        return false;
    slab_part_init(&memory->part, &memory->magazine, cache, cpu, memory->slots, CACHE_PLACES);
    return true;
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
slab_init(unsigned long ram_frames)
{
    static const struct {
        struct kmem_cache *cache;
        const char *name;
        size_t size;
    } own[] = {{&header_caches[0], "slab-headers", SMALL_HEADER},
               {&header_caches[1], "slab-headers-large", LARGE_HEADER},
               {&cache_cache, "caches", sizeof(struct kmem_cache)},
               {&part_cache, "cache-parts", sizeof(struct part_with_magazine)}};
    slab_ram_frames = ram_frames;
    slab_caches = NULL;
    last_number = 0;
    for (unsigned i = 0; i < ARRAY_LENGTH(own); i++) {
        bool fits = slab_cache_init(own[i].cache, own[i].name, own[i].size, 64, 0, NULL);
        ASSERT(fits);
        own[i].cache->header_inside = i < SLAB_HEADER_KINDS;
        slab_cache_add(own[i].cache);
    }
}

/* Parts for all CPUs that are up. False when memory ran out: none is left behind. */
static bool
make_parts(struct kmem_cache *cache)
{
    for (unsigned i = 0; i < CPU_MAX; i++)
        if (mm_cpus[i] && !make_part(cache, mm_cpus[i]))
            return false;
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

/* One of them. */
static void
init_inside(struct part_with_magazine *own, struct kmem_cache *cache, struct mm_cpu *cpu)
{
    slab_part_init(&own->part, &own->magazine, cache, cpu, own->slots, 0);
}

bool
slab_cpu_up(struct mm_cpu *cpu)
{
    for (unsigned kind = 0; kind < SLAB_HEADER_KINDS; kind++)
        init_inside(&cpu->header_parts[kind], &header_caches[kind], cpu);
    init_inside(&cpu->cache_part, &cache_cache, cpu);
    init_inside(&cpu->part_part, &part_cache, cpu);
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        if (!cache->parts[cpu->id] && !make_part(cache, cpu))
            return false;
    return true;
}

/* Objects in one state. */
static uint32_t
count_state(const struct slab *slab, enum object_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < slab->objects; i++)
        count += state_of(slab, i) == state;
    return count;
}

/* Objects that have left the slab, handed out or in magazines. */
static uint32_t
count_left(const struct slab *slab)
{
    return count_state(slab, OBJECT_LIVE) + count_state(slab, OBJECT_OUT);
}

/* Those that magazines may have: more than they have where users write what looks like the mark. */
static uint32_t
count_marked(const struct slab *slab)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < slab->objects; i++)
        count += state_of(slab, i) == OBJECT_OUT && has_mark(slab_free_object(slab, i));
    return count;
}

/* Objects that are handed out, all magazines being empty. Other CPUs may give slabs back
 * meanwhile. */
static size_t
count_used(struct kmem_cache *cache)
{
    unsigned long flags = spin_lock(&cache->lock);
    size_t used = cache->guarded;
    for (const struct slab *slab = cache->slabs; slab; slab = slab->next_of_cache)
        used += count_left(slab);
    spin_unlock(&cache->lock, flags);
    return used;
}

bool
kmem_cache_destroy(struct kmem_cache *cache)
{
    slab_ask_all(slab_reap_part_of, cache);
    size_t used = count_used(cache);
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
    slab_ask_all(slab_reap_part_of, cache); /* a CPU that was going through the list is through */
    free_parts(cache);
    kmem_cache_free(&cache_cache, cache);
    return true;
}

/* ---- Looking ---- */

bool
slab_in_use(const struct slab *slab, unsigned long number)
{
    enum object_state state = state_of(slab, number);
    return state == OBJECT_LIVE ||
           (state == OBJECT_OUT && !has_mark(slab_free_object(slab, number)));
}

uint32_t
slab_used(const struct slab *slab)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < slab->objects; i++)
        used += slab_in_use(slab, i);
    return used;
}

void
kmem_cache_get_stats(struct kmem_cache *cache, struct kmem_cache_stats *stats)
{
    size_t out = 0, held = 0;
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
        out += count_left(slab);
    for (unsigned i = 0; i < CPU_MAX; i++)
        held += cache->parts[i] ? magazine_holds(cache->parts[i]->magazine) : 0;
    stats->objects_used = (out > held ? out - held : 0) + cache->guarded - cache->kept;
    spin_unlock(&cache->lock, flags);
}

/* I4. */
static bool
check_window(const struct cache_part *part)
{
    if (part->cache->debug && (part->bits || part->magazine->top != part->magazine->bottom))
        return false;
    for (uint32_t i = 0; i < SLAB_WORD_BITS && part->bits; i++)
        if (part->bits >> i & 1 && part->states[i] != OBJECT_FREE)
            return false;
    return !part->bits || (part->slab && part->states >= part->slab->states &&
                           part->states < part->slab->states + part->slab->objects);
}

/* I2: the objects in a part's magazine. */
static bool
check_magazine(const struct cache_part *part, size_t *held)
{
    const struct magazine *magazine = part->magazine;
    size_t count = (size_t)(magazine->top - magazine->bottom);
    size_t most = (size_t)(magazine->limit - magazine->bottom);
    if (magazine->part != part || count > most || (most && most != part->places) ||
        *magazine->bottom != &part->none || has_mark(&part->none))
        return false;
    *held += count;
    for (; count; count--) {
        const struct free_object *freed = magazine->bottom[count];
        const void *object = (const char *)freed - part->cache->mark_at;
        const struct slab *slab = slab_of(object);
        unsigned long number;
        if (!slab || slab->cache != part->cache || !slab_number(slab, object, &number) ||
            state_of(slab, number) != OBJECT_OUT || !has_mark(freed))
            return false;
    }
    return true;
}

/* I1, I3. */
static bool
check_place(const struct slab *slab)
{
    const struct cache_part *part = slab->home;
    int32_t used = (int32_t)count_left(slab) + slab->remote + 1;
    for (unsigned i = 0; i < CPU_MAX; i++)
        if (slab->cache->parts[i] && slab->cache->parts[i]->batch == slab)
            used += slab->cache->parts[i]->batched + 1;
    if (slab->current + slab->listed + slab->full != 1 || (slab->idle && !slab->listed))
        return false;
    if (slab->full)
        return slab->left == 1 && slab->excess >= 0 &&
               used == (int32_t)slab_valid(slab) + slab->excess;
    if (slab->listed)
        return slab->left == used && slab->idle == (used == 0);
    return part->slab == slab &&
           slab->left == SLAB_CURRENT + used + (int32_t)count_bits(part->bits);
}

static bool
check_slab(const struct slab *slab)
{
    pfn_t first;
    if (!ptr_to_frame(slab->base, &first) || slab->remote < -1)
        return false;
    for (uint32_t i = 0; i < 1u << slab->cache->order; i++) {
        const struct frame *frame = frame_of(pfn(first.n + i));
        if (frame->owner != FRAME_SLAB || slab_header(frame) != slab)
            return false; /* I6 */
    }
    uint32_t known = count_left(slab) + count_state(slab, OBJECT_FREE);
    if (known != slab_valid(slab) || !check_place(slab))
        return false;
    return !slab->cache->debug || debug_check_slab(slab);
}

/* I7. */
static bool
check_closed(const struct cache_part *part)
{
    const struct magazine *magazine = part->magazine;
    return part->open ||
           (!part->slab && !part->idle && !part->batch && !part->noted &&
            magazine->bottom == part->own && magazine->limit == magazine->bottom &&
            (!part->pending || part->cpu->came));
}

/* What the CPUs have of one cache; counts what is in their magazines. */
static bool
check_parts(const struct kmem_cache *cache, size_t *held)
{
    for (unsigned i = 0; i < CPU_MAX; i++) {
        const struct cache_part *part = cache->parts[i];
        uint32_t idle = 0;
        for (const struct slab *slab = part ? part->partial : NULL; slab; slab = slab->next)
            idle += slab->idle;
        if (part && (!check_window(part) || !check_magazine(part, held) || !check_closed(part) ||
                     idle != part->idle || idle > part->keep))
            return false;
    }
    return true;
}

static bool
check_cache(const struct kmem_cache *cache)
{
    size_t count = 0, marked = 0, held = 0;
    for (const struct slab *slab = cache->slabs; slab; slab = slab->next_of_cache, count++) {
        marked += count_marked(slab);
        if (slab->cache == cache && check_slab(slab))
            continue;
        klog("slab: %s: the slab at %p does not hold its invariants\n", cache->name,
             (const void *)slab->base);
        return false;
    }
    if (!check_parts(cache, &held) || held > marked) {
        klog("slab: %s: what CPUs have of it does not hold its invariants (%zu held, %zu marked)\n",
             cache->name, held, marked);
        return false;
    }
    if (count != cache->slab_count)
        klog("slab: %s: %zu slabs listed, %zu counted\n", cache->name, count, cache->slab_count);
    return count == cache->slab_count;
}

bool
slab_check(unsigned long *frames)
{
    *frames = 0;
    for (const struct kmem_cache *cache = slab_caches; cache; cache = cache->next) {
        if (!check_cache(cache))
            return false;
        *frames += cache->slab_count << cache->order;
    }
    return true;
}
