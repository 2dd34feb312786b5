/* test_slab.c - caches of equal objects: places, states, counts, and what misuse meets. */
#include <string.h>

#include "kmalloc.h"
#include "mm.h"
#include "mm_debug.h"
#include "slab.h"
#include "testing.h"
#include "../../mm/mm_private.h"
#include "../../mm/percpu.h"
#include "../../mm/slab_private.h"

#define MOST 300

static void *objects[MOST];
static uint16_t numbers[MOST];

static struct kmem_cache_stats
stats_of(struct kmem_cache *cache)
{
    struct kmem_cache_stats stats;
    kmem_cache_get_stats(cache, &stats);
    return stats;
}

/* Frees all objects in random order, and the cache, which must then be empty. */
static bool
end_cache(struct kmem_cache *cache, uint32_t count)
{
    uint32_t state = ktest_seed();
    for (uint32_t i = 0; i < count; i++)
        numbers[i] = (uint16_t)i;
    shuffle(&state, numbers, count);
    for (uint32_t i = 0; i < count; i++)
        kmem_cache_free(cache, objects[numbers[i]]);
    return stats_of(cache).objects_used == 0 && kmem_cache_destroy(cache);
}

/* Every byte of an object leads to it, and so do the bytes behind the last one. */
static void
check_around(const void *object)
{
    const struct slab *slab = slab_of(object);
    if (!slab)
        return;
    const char *first = slab->base;
    uint32_t stride = slab->cache->stride, last = slab->objects - 1;
    for (uint32_t i = 0; i <= last; i++) {
        CHECK_EQ(slab_index_around(slab, first + i * stride), i);
        CHECK_EQ(slab_index_around(slab, first + (i + 1) * stride - 1), i);
    }
    const char *end = first + ((size_t)PAGE_SIZE << slab->cache->order);
    CHECK_EQ(slab_index_around(slab, end - 1), last);
}

/* Objects of one geometry: aligned, apart, and what is written to one stays in it. There are just as
 * many slabs as those need that have no page to themselves. */
static void
try_geometry(size_t size, size_t align, unsigned flags)
{
    struct kmem_cache *cache = kmem_cache_create("test", size, align, flags, NULL);
    CHECK(cache);
    uint32_t count = 0;
    size_t bytes = 0;
    for (; count < MOST && bytes < 48 * 1024; count++, bytes += stats_of(cache).stride) {
        objects[count] = kmem_cache_alloc(cache);
        CHECK(objects[count]);
        CHECK_EQ((uintptr_t)objects[count] & ((align ? align : 16) - 1), 0);
        fill_pattern(objects[count], size, count);
    }
    check_around(objects[0]);
    struct kmem_cache_stats stats = stats_of(cache);
    CHECK_EQ(stats.objects_used, count);
    CHECK_EQ(stats.object_size, size);
    CHECK(stats.stride >= size);
    size_t in_slabs = count - cache->guarded;
    CHECK_EQ(stats.slabs, (in_slabs + stats.slab_objects - 1) / stats.slab_objects);
    size_t room = stats.slab_frames << PAGE_SHIFT, used = stats.slab_objects * stats.stride;
    CHECK(used <= room);
    CHECK(stats.slab_frames == 8 || (stats.slab_objects >= 8 && room - used <= room / 8));
    for (uint32_t i = 0; i < count; i++)
        CHECK(has_pattern(objects[i], size, i));
    CHECK(end_cache(cache, count));
}

KTEST(slab, sizes)
{
    static const uint16_t sizes[] = {1,    2,    7,    8,    15,   16,   17,   24,   33,
                                     48,   63,   64,   65,   100,  128,  129,  250,  448,
                                     512,  513,  700,  999,  1024, 1025, 1365, 2048, 2049,
                                     4095, 4096, 4097, 5000, 8191, 8192};
    mm_drain();
    unsigned long before = pmm_free_frames();
    for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
        if (!can_spare(40))
            SKIP("not enough memory");
        try_geometry(sizes[i], 0, 0);
    }
    mm_drain();
    CHECK_EQ(pmm_free_frames(), before);
}

/* Slabs as the heap has them on large machines: all states of the smallest objects fit. */
KTEST(slab, wide)
{
    unsigned long ram = slab_ram_frames;
    for (size_t size = 16; size <= 512; size += 16) {
        if (!can_spare(40))
            SKIP("not enough memory");
        slab_ram_frames = 1ul << 18;
        try_geometry(size, 0, SLAB_WIDE);
        slab_ram_frames = ram;
        CHECK(mm_check());
    }
}

KTEST(slab, alignments)
{
    for (size_t align = 1; align <= 4096; align <<= 1) {
        if (!can_spare(80))
            SKIP("not enough memory");
        try_geometry(align + 1, align, 0);
        try_geometry(24, align, 0);
        try_geometry(align > 16 ? align - 8 : 16, align, align < 1024 ? KMEM_DEBUG : 0);
    }
}

/* Out of range: no cache, and nothing is freed that was not made. */
KTEST(slab, impossible_caches)
{
    for (unsigned i = 0; i < 3; i++) { /* leave parts in memory that is used again */
        struct kmem_cache *cache = kmem_cache_create("test", 40, 0, 0, NULL);
        CHECK(cache);
        CHECK(kmem_cache_destroy(cache));
        CHECK(!kmem_cache_create("zero", 0, 0, 0, NULL));
        CHECK(!kmem_cache_create("large", 8193, 0, 0, NULL));
        CHECK(!kmem_cache_create("huge", SIZE_MAX, 0, 0, NULL));
        CHECK(!kmem_cache_create("odd", 64, 24, 0, NULL));
        CHECK(!kmem_cache_create("wide", 64, 8192, 0, NULL));
        CHECK(mm_check());
    }
}

/* ---- constructors ---- */

static unsigned constructed;

static void
construct(void *object)
{
    constructed++;
    memset(object, 0xc5, 40);
}

static void
try_constructor(unsigned flags)
{
    struct kmem_cache *cache = kmem_cache_create("built", 40, 0, flags, construct);
    CHECK(cache);
    constructed = 0;
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < MOST; i++) {
            objects[i] = kmem_cache_alloc(cache);
            CHECK(objects[i]);
            CHECK(is_filled(objects[i], round ? 39 : 40, 0xc5));
            ((uint8_t *)objects[i])[39] = 0x11; /* the state that it is freed in */
        }
        for (uint32_t i = 0; i < MOST && round < 2; i++)
            kmem_cache_free(cache, objects[i]);
    }
    struct kmem_cache_stats stats = stats_of(cache);
    CHECK_EQ(constructed, stats.grown * stats.slab_objects);
    CHECK(end_cache(cache, MOST));
}

KTEST(slab, constructor_runs_once)
{
    if (debug_on(DEBUG_GUARD))
        SKIP("guarded objects are made anew each time");
    if (!can_spare(16))
        SKIP("not enough memory");
    try_constructor(0);
    try_constructor(KMEM_DEBUG);
}

/* An object that was constructed comes back in the state it was freed in. */
KTEST(slab, state_is_kept)
{
    if (debug_on(DEBUG_QUARANTINE | DEBUG_GUARD))
        SKIP("objects are not used again at once");
    struct kmem_cache *cache = kmem_cache_create("built", 40, 0, 0, construct);
    CHECK(cache);
    uint8_t *object = kmem_cache_alloc(cache);
    CHECK(object);
    object[3] = 0x77;
    kmem_cache_free(cache, object);
    uint8_t *again = kmem_cache_alloc(cache);
    CHECK(again == object);
    CHECK_EQ(again[3], 0x77);
    kmem_cache_free(cache, again);
    CHECK(kmem_cache_destroy(cache));
}

/* ---- magazines ---- */

/* Takes as many objects as a slab can have, one leading to the next, so that the slow way is taken:
 * as if the magazine, which is empty, had been full before. */
static void
use_up(struct kmem_cache *cache, void **chain)
{
    cache->parts[cpu_current()]->overflowed = true;
    for (unsigned i = 0; i < SLAB_MAX_OBJECTS; i++) {
        void **object = kmem_cache_alloc(cache);
        CHECK(object);
        *object = *chain;
        *chain = object;
    }
}

/* A magazine that was full and then empty gets more slots, until it is reaped. */
KTEST(slab, magazine_grows)
{
    if (debug_on(DEBUG_HEAP) || mm_this_cpu()->no_windows)
        SKIP("objects that are watched are in no magazine");
    if (!can_spare(40))
        SKIP("not enough memory");
    unsigned long before = settled_frames();
    struct kmem_cache *cache = kmem_cache_create("test", 16, 0, 0, NULL);
    CHECK(cache);
    struct cache_part *part = cache->parts[cpu_current()];
    const struct magazine *magazine = part->magazine;
    unsigned long first = part->places, places = first;
    void *chain = NULL;
    mm_fail_nth(1000000); /* a part that is watched does not grow: it is full all the time */
    use_up(cache, &chain);
    mm_fail_nth(0);
    CHECK_EQ(part->places, first);
    for (unsigned turn = 0; turn < 4; turn++) {
        for (unsigned i = 0; i < MOST; i++) {
            objects[i] = kmem_cache_alloc(cache);
            CHECK(objects[i]);
        }
        CHECK(part->places >= (turn == 0 ? first : 2 * first));
        CHECK(part->places >= places && magazine->top == magazine->bottom);
        places = part->places;
        for (unsigned i = 0; i < MOST; i++)
            kmem_cache_free(cache, objects[i]);
        size_t held = magazine_holds(magazine);
        CHECK_EQ(held, places < MOST ? places : MOST);
        CHECK(mm_check());
    }
    CHECK(places >= MOST || !can_spare(4096));
    for (unsigned i = 0; i < MOST; i++)
        CHECK((objects[i] = kmem_cache_alloc(cache)) != NULL);
    use_up(cache, &chain); /* there are no more to be had than it has now */
    struct free_object *const *slots = magazine->bottom;
    use_up(cache, &chain);
    CHECK(magazine->bottom == slots); /* they are not exchanged for their like */
    for (void *next; chain; chain = next) {
        next = *(void **)chain;
        kmem_cache_free(cache, chain);
    }
    for (unsigned i = 0; i < MOST; i++)
        kmem_cache_free(cache, objects[i]);
    kmem_cache_reap(cache);
    CHECK(part->places == first && magazine->top == magazine->bottom);
    part->own++; /* as if its slots had not been given back */
    CHECK(!mm_check());
    part->own--;
    CHECK(kmem_cache_destroy(cache));
    CHECK_EQ(settled_frames(), before);
}

/* ---- giving back ---- */

KTEST(slab, reap)
{
    if (debug_on(DEBUG_QUARANTINE | DEBUG_GUARD))
        SKIP("objects are not used again at once");
    if (!can_spare(40))
        SKIP("not enough memory");
    struct kmem_cache *cache = kmem_cache_create("test", 512, 0, 0, NULL);
    CHECK(cache);
    for (unsigned i = 0; i < 128; i++) {
        objects[i] = kmem_cache_alloc(cache);
        CHECK(objects[i]);
    }
    CHECK_EQ(kmem_cache_reap(cache), 0);
    struct kmem_cache_stats full = stats_of(cache);
    for (unsigned i = 0; i < 128; i++)
        if (i != 77)
            kmem_cache_free(cache, objects[i]);
    CHECK_EQ(stats_of(cache).objects_used, 1);
    CHECK(stats_of(cache).slabs <= 5); /* the object's, the current one, one idle, the magazine's */
    kmem_cache_reap(cache);
    struct kmem_cache_stats empty = stats_of(cache);
    CHECK_EQ(empty.slabs, 1);
    CHECK_EQ(empty.grown, full.grown);
    CHECK_EQ(empty.grown - empty.returned, empty.slabs);
    kmem_cache_free(cache, objects[77]);
    CHECK_EQ(kmem_cache_reap(cache), empty.slab_frames);
    CHECK_EQ(stats_of(cache).slabs, 0);
    objects[0] = kmem_cache_alloc(cache);
    CHECK(objects[0]);
    CHECK(end_cache(cache, 1));
}

/* A cache that goes up and down keeps ever more idle slabs, until it makes no more of them; a reap
 * begins anew. Objects that are watched are in no magazine. */
KTEST(slab, idle_slabs_follow_the_use)
{
    if (debug_on(DEBUG_QUARANTINE | DEBUG_GUARD))
        SKIP("objects are not used again at once");
    if (!can_spare(40) || mm_ram_frames < 2048)
        SKIP("not enough memory");
    struct kmem_cache *cache = kmem_cache_create("tide", 100, 0, KMEM_DEBUG, NULL);
    CHECK(cache);
    size_t count = 4 * stats_of(cache).slab_objects, grown = 0;
    CHECK(count <= MOST && stats_of(cache).slab_frames == 1);
    for (unsigned turn = 0; turn < 5; turn++) {
        for (size_t i = 0; i < count; i++)
            CHECK((objects[i] = kmem_cache_alloc(cache)) != NULL);
        CHECK(turn < 4 || stats_of(cache).grown == grown);
        grown = stats_of(cache).grown;
        for (size_t i = 0; i < count; i++)
            kmem_cache_free(cache, objects[i]);
        CHECK(turn > 0 || stats_of(cache).slabs < 4);
    }
    CHECK_EQ(stats_of(cache).slabs, 4);
    CHECK_EQ(kmem_cache_reap(cache), 4);
    CHECK_EQ(cache->parts[cpu_current()]->keep, 1);
    CHECK(kmem_cache_destroy(cache));
}

/* An allocation that is to fail finds nothing at hand, not even what was freed a moment ago. */
KTEST(slab, failures_pass_the_magazine)
{
    if (debug_on(DEBUG_GUARD))
        SKIP("guarded objects take frames, too");
    struct kmem_cache *cache = kmem_cache_create("failing", 64, 0, 0, NULL);
    CHECK(cache);
    kmem_cache_free(cache, kmem_cache_alloc(cache));
    kfree(kmalloc(64));
    mm_fail_nth(2);
    kmem_cache_free(cache, kmem_cache_alloc(cache));
    objects[0] = kmem_cache_alloc(cache);
    mm_fail_nth(2);
    kfree(kmalloc(64));
    objects[1] = kmalloc(64);
    CHECK_EQ(mm_fail_nth(0), 2);
    CHECK(!objects[0] && !objects[1]);
    CHECK(kmem_cache_destroy(cache));
}

/* Where each window is closed at once, the next one opens where it was. */
KTEST(slab, closed_windows_open_again)
{
    if (debug_on(DEBUG_GUARD))
        SKIP("objects are in no slab");
    struct kmem_cache *cache = kmem_cache_create("small", 16, 0, 0, NULL);
    CHECK(cache);
    size_t stride = stats_of(cache).stride, count = stats_of(cache).slab_objects;
    mm_fail_nth(~0ul);
    for (size_t i = 0; i < count; i++)
        CHECK((objects[i] = kmem_cache_alloc(cache)) != NULL);
    mm_fail_nth(0);
    for (size_t i = 1; i < count; i++)
        CHECK_EQ((uintptr_t)objects[i] - (uintptr_t)objects[i - 1], stride);
    CHECK(end_cache(cache, (uint32_t)count));
}

/* Each of the invariants I1 to I6, broken while the others hold. */
KTEST(slab, check_sees_damage)
{
    if (debug_on(DEBUG_HEAP) || mm_this_cpu()->no_windows)
        SKIP("objects that are watched are in no magazine");
    struct kmem_cache *cache = kmem_cache_create("damaged", 64, 0, 0, NULL);
    CHECK(cache);
    for (unsigned i = 0; i < 4; i++)
        CHECK((objects[i] = kmem_cache_alloc(cache)) != NULL);
    struct cache_part *part = cache->parts[cpu_current()];
    struct slab *slab = slab_of(objects[0]);
    kmem_cache_free(cache, objects[3]);
    CHECK(slab == part->slab && part->states == slab->states && mm_check());

    slab->listed = true;
    CHECK(!mm_check());
    slab->listed = false;
    slab->states[0] = OBJECT_FREE;
    CHECK(!mm_check());
    slab->states[0] = OBJECT_LIVE;
    slab->states[3] = OBJECT_LIVE; /* in a magazine */
    CHECK(!mm_check());
    slab->states[3] = OBJECT_OUT;
    struct magazine *magazine = part->magazine;
    struct free_object *top = *magazine->top;
    top->mark++;
    CHECK(!mm_check());
    top->mark--;
    *magazine->top = objects[0];
    CHECK(!mm_check());
    *magazine->top = top;
    *magazine->bottom = top;
    CHECK(!mm_check());
    *magazine->bottom = &part->none;
    part->none.mark = (unsigned long)OBJECT_MARK;
    CHECK(!mm_check());
    part->none.mark = 0;
    magazine->limit++;
    CHECK(!mm_check());
    magazine->limit = magazine->bottom;
    CHECK(!mm_check());
    magazine->limit = magazine->bottom + part->places;
    slab->left++;
    CHECK(!mm_check());
    slab->left -= 2;
    slab->remote--; /* frees that nobody made */
    CHECK(!mm_check());
    slab->left++;
    slab->remote++;
    part->bits |= 1; /* an object in use */
    slab->left++;
    CHECK(!mm_check());
    part->bits &= ~1ul;
    slab->left--;
    part->idle++;
    CHECK(!mm_check());
    part->idle--;
    cache->slab_count++;
    CHECK(!mm_check());
    cache->slab_count--;
    CHECK(mm_check());
    CHECK(end_cache(cache, 3));
}

KTEST(slab, destroy_refuses_while_in_use)
{
    struct kmem_cache *cache = kmem_cache_create("held", 100, 0, 0, NULL);
    CHECK(cache);
    objects[0] = kmem_cache_alloc(cache);
    objects[1] = kmem_cache_alloc(cache);
    CHECK(objects[0] && objects[1]);
    fill_pattern(objects[1], 100, 9);
    CHECK(!kmem_cache_destroy(cache));
    kmem_cache_free(cache, objects[0]);
    CHECK(!kmem_cache_destroy(cache));
    CHECK(has_pattern(objects[1], 100, 9));
    objects[0] = kmem_cache_alloc(cache); /* it goes on as before */
    CHECK(objects[0] && objects[0] != objects[1]);
    CHECK(end_cache(cache, 2));
}

/* A free that has begun on another CPU, and was interrupted there: in no magazine yet. */
KTEST(slab, destroy_refuses_amid_a_free)
{
    struct kmem_cache *cache = kmem_cache_create("leaving", 100, 0, 0, NULL);
    CHECK(cache);
    if (cache->guard)
        SKIP("objects are in no slab");
    objects[0] = kmem_cache_alloc(cache);
    CHECK(objects[0]);
    struct slab *slab = slab_of(objects[0]);
    uint32_t number = slab_index_around(slab, objects[0]);
    state_out(slab, number);
    bool destroyed = kmem_cache_destroy(cache);
    CHECK(!destroyed);
    slab->states[number] = OBJECT_LIVE;
    CHECK(end_cache(cache, 1));
}

/* ---- misuse ---- */

struct misuse {
    struct kmem_cache *cache;
    void *object;
};

static void
free_it(void *argument)
{
    struct misuse *misuse = argument;
    kmem_cache_free(misuse->cache, misuse->object);
}

static void
free_to_heap(void *argument)
{
    kfree(((struct misuse *)argument)->object);
}

static bool
free_panics(struct kmem_cache *cache, void *object, const char *text)
{
    struct misuse misuse = {cache, object};
    return ktest_panics(free_it, &misuse, text);
}

/* Every free object of a slab is known to be free: the only one, the first, the last, in a full
 * slab's place, and long after. */
KTEST(slab, double_free)
{
    struct kmem_cache *cache = kmem_cache_create("test", 64, 0, 0, NULL);
    CHECK(cache);
    objects[0] = kmem_cache_alloc(cache);
    CHECK(objects[0]);
    kmem_cache_free(cache, objects[0]);
    CHECK(free_panics(cache, objects[0], "double free"));
    CHECK_EQ(stats_of(cache).objects_used, 0);
    for (unsigned i = 0; i < 200; i++) {
        objects[i] = kmem_cache_alloc(cache);
        CHECK(objects[i]);
    }
    for (unsigned i = 0; i < 200; i += 7) {
        kmem_cache_free(cache, objects[i]);
        CHECK(free_panics(cache, objects[i], "double free"));
    }
    for (unsigned i = 0; i < 200; i += 7)
        CHECK(free_panics(cache, objects[i], "double free"));
    CHECK_EQ(stats_of(cache).objects_used, 200 - 29);
    for (unsigned i = 0; i < 200; i++)
        if (i % 7)
            kmem_cache_free(cache, objects[i]);
    CHECK(kmem_cache_destroy(cache));
}

/* ---- double frees to the heap, which does not look at objects ---- */

#define HEAP_SIZE 3584 /* of few objects, and nobody else's */

/* Those of this CPU; NULL when objects are watched, and in none. */
static struct magazine *
heap_magazine(void)
{
    if (debug_on(DEBUG_HEAP | DEBUG_GUARD) || mm_this_cpu()->no_windows)
        return NULL;
    void *object = kmalloc(HEAP_SIZE);
    if (!object)
        return NULL;
    struct magazine *magazine = slab_of(object)->cache->parts[cpu_current()]->magazine;
    kfree(object);
    slab_reap_cpu();
    return magazine;
}

static void
take_from_heap(void *object)
{
    *(void **)object = kmalloc(HEAP_SIZE);
}

static void
reap(void *unused)
{
    (void)unused;
    slab_reap_cpu();
}

/* An object that is in a magazine twice is handed out once, and what checks or empties the
 * magazine finds it, too. */
KTEST(slab, double_free_to_the_heap)
{
    struct magazine *magazine = heap_magazine(), before;
    if (!magazine)
        SKIP("objects that are watched are in no magazine");
    for (unsigned i = 0; i < 3; i++)
        CHECK((objects[i] = kmalloc(HEAP_SIZE)) != NULL);
    void *object = objects[0], *taken = NULL;
    kfree(object); /* this opens the magazine */
    kfree(objects[1]);
    CHECK(kmalloc(HEAP_SIZE) == objects[1]);
    before = *magazine;
    for (unsigned between = 0; between < 2; between++) {
        kfree(objects[1]);
        if (between)
            kfree(objects[2]);
        kfree(objects[1]); /* nobody looks */
        CHECK(!mm_check());
        CHECK(kmalloc(HEAP_SIZE) == objects[1]);
        CHECK(!between || kmalloc(HEAP_SIZE) == objects[2]);
        for (unsigned i = 0; i < 2; i++) /* again and again */
            CHECK(ktest_panics(take_from_heap, &taken, "double free"));
        CHECK(ktest_panics(reap, NULL, "double free"));
        CHECK(!taken);
        *magazine = before;
        CHECK(mm_check());
    }
    kfree(objects[1]);
    kfree(objects[2]);
    slab_reap_cpu();
    CHECK(mm_check());
}

/* The second free goes past the magazine, which is full, to the slab. */
KTEST(slab, double_free_past_a_magazine)
{
    struct magazine *magazine = heap_magazine();
    if (!magazine)
        SKIP("objects that are watched are in no magazine");
    unsigned count = 0, taken = 0;
    do
        CHECK(count < MOST && (objects[count++] = kmalloc(HEAP_SIZE)) != NULL);
    while (count < 2 || count < (unsigned long)(magazine->limit - magazine->bottom) + 2);
    while (count)
        kfree(objects[--count]);
    CHECK(magazine->top != magazine->bottom && magazine->top == magazine->limit);
    struct free_object **slot = magazine->top;
    while (!slab_of(*slot)->current)
        CHECK(--slot != magazine->bottom);
    struct free_object *twice = *slot;
    struct slab *slab = slab_of(twice);
    kfree(twice);
    CHECK(!mm_check());
    while (magazine->top != slot)
        CHECK((objects[taken++] = kmalloc(HEAP_SIZE)) != NULL);
    CHECK(ktest_panics(take_from_heap, &objects[taken], "double free"));
    struct misuse misuse = {NULL, twice};
    CHECK(ktest_panics(free_to_heap, &misuse, "double free")); /* its state tells */

    slab->left++;
    slab->states[slab_index_around(slab, twice)] = OBJECT_OUT;
    twice->mark = (unsigned long)OBJECT_MARK;
    while (taken)
        kfree(objects[--taken]);
    slab_reap_cpu();
    CHECK(mm_check());
}

KTEST(slab, write_to_a_freed_object)
{
    struct magazine *magazine = heap_magazine();
    if (!magazine)
        SKIP("objects that are watched are in no magazine");
    void *taken = NULL;
    for (unsigned i = 0; i < 2; i++)
        CHECK((objects[i] = kmalloc(HEAP_SIZE)) != NULL);
    kfree(objects[0]);
    kfree(objects[1]);
    struct free_object *top = *magazine->top;
    CHECK(top == objects[1]);
    memset(objects[1], 0, 1);
    unsigned long written = top->mark;
    CHECK(ktest_panics(take_from_heap, &taken, "a write to it after it was freed"));
    CHECK(*magazine->top == top && top->mark == written && !taken);
    top->mark = (unsigned long)OBJECT_MARK;
    slab_reap_cpu();
    CHECK(mm_check());
}

/* Users may write what looks like the mark. */
KTEST(slab, mark_of_a_user)
{
    struct kmem_cache *cache = kmem_cache_create("test", 64, 0, 0, NULL);
    CHECK(cache);
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < 40; i++) {
            struct free_object *object = objects[i] = kmem_cache_alloc(cache);
            CHECK(object);
            object->mark = (unsigned long)OBJECT_MARK;
        }
        CHECK_EQ(stats_of(cache).objects_used, 40);
        CHECK(mm_check());
        for (unsigned i = 0; i < 40; i++)
            kmem_cache_free(cache, objects[i]);
        CHECK_EQ(stats_of(cache).objects_used, 0);
    }
    CHECK(kmem_cache_destroy(cache));
}

KTEST(slab, wrong_cache)
{
    struct kmem_cache *one = kmem_cache_create("one", 64, 0, 0, NULL);
    struct kmem_cache *two = kmem_cache_create("two", 64, 0, 0, NULL);
    CHECK(one && two);
    objects[0] = kmem_cache_alloc(one);
    CHECK(objects[0]);
    CHECK(free_panics(two, objects[0], "an object of one"));
    CHECK(free_panics(two, &one, "no object"));
    CHECK(free_panics(two, numbers, "no object"));
    paddr_t frame = pmm_alloc_page_flags(PMM_DIRECT);
    CHECK(frame);
    CHECK(free_panics(two, frame_to_ptr(paddr_to_pfn(frame)), "no object"));
    pmm_free_page(frame);
    kmem_cache_free(one, NULL);
    CHECK_EQ(stats_of(one).objects_used, 1);
    CHECK(kmem_cache_destroy(two));
    CHECK(end_cache(one, 1));
}

/* No address but an object's first byte is taken for one. */
KTEST(slab, inside_an_object)
{
    static const uint16_t sizes[] = {16, 24, 48, 96, 100, 448, 700};
    for (unsigned s = 0; s < ARRAY_LENGTH(sizes); s++) {
        struct kmem_cache *cache = kmem_cache_create("test", sizes[s], 0, 0, NULL);
        CHECK(cache);
        for (unsigned i = 0; i < 3; i++)
            objects[i] = kmem_cache_alloc(cache);
        CHECK(objects[2]);
        for (unsigned offset = 1; offset < sizes[s]; offset += 1 + offset / 3)
            CHECK(free_panics(cache, (char *)objects[1] + offset, "inside an object"));
        char *page = (char *)((uintptr_t)objects[0] & ~(uintptr_t)PAGE_MASK);
        struct kmem_cache_stats stats = stats_of(cache);
        size_t bytes = stats.slab_frames << PAGE_SHIFT, used = stats.slab_objects * stats.stride;
        if (used < bytes && !cache->guarded) /* the waste behind the last object */
            CHECK(free_panics(cache, page + used, "inside an object"));
        CHECK_EQ(stats.objects_used, 3);
        CHECK(end_cache(cache, 3));
    }
}

/* ---- all together ---- */

KTEST(slab, random)
{
    static void *held[64];
    uint32_t state = ktest_seed(), live = 0;
    struct kmem_cache *cache = kmem_cache_create("test", 88, 8, 0, NULL);
    CHECK(cache);
    for (unsigned step = 0; step < 8000; step++) {
        uint32_t i = random_below(&state, ARRAY_LENGTH(held));
        if (held[i]) {
            CHECK(has_pattern(held[i], 88, i));
            kmem_cache_free(cache, held[i]);
            held[i] = NULL;
            live--;
        } else if ((held[i] = kmem_cache_alloc(cache))) {
            fill_pattern(held[i], 88, i);
            live++;
        }
        if (step % 512 == 0) {
            CHECK_EQ(stats_of(cache).objects_used, live);
            kmem_cache_reap(cache);
            CHECK(mm_check());
        }
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(held); i++) {
        kmem_cache_free(cache, held[i]);
        held[i] = NULL;
    }
    CHECK(kmem_cache_destroy(cache));
}
