/* test_debug_heap.c - what a debugging cache finds: each kind of damage, when, and in which words.
 *
 *   place | red zone (left) | object | red zone | record (32 bytes) |
 *         |<------------------------ stride ---------------------->|
 */
#include "listener.h"
#include "mm_debug.h"
#include "testing.h"
#include "kmalloc.h"
#include "slab.h"

#define SIZE 50
#define RECORD_BYTES (sizeof(void *) == 8 ? 48 : 32)

static struct kmem_cache *cache;

static bool
begin(void (*constructor)(void *))
{
    cache = kmem_cache_create("watched", SIZE, 0, KMEM_DEBUG | KMEM_DIRECT, constructor);
    return cache != NULL;
}

static void
free_it(void *object)
{
    kmem_cache_free(cache, object);
}

static void
alloc_it(void *unused)
{
    (void)unused;
    if (debug_on(DEBUG_QUARANTINE))
        mm_drain(); /* out of quarantine */
    free_it(kmem_cache_alloc(cache));
}

KTEST(debug_heap, new_and_freed_memory_shows)
{
    CHECK(begin(NULL));
    uint8_t *object = kmem_cache_alloc(cache);
    CHECK(object);
    CHECK_EQ((uintptr_t)object & 15, 0);
    CHECK(is_filled(object, SIZE, 0x5a));
    kmem_cache_free(cache, object);
    CHECK(is_filled(object, SIZE, 0x6b));
    CHECK(kmem_cache_destroy(cache));
}

/* One byte too far, on either side, is found when the object is freed, and by mm_check before. */
KTEST(debug_heap, one_byte_too_far)
{
    static const int8_t offsets[] = {-16, -1, SIZE, SIZE + 1, SIZE + 13, SIZE + 14, SIZE + 15};
    CHECK(begin(NULL));
    uint8_t *object = kmem_cache_alloc(cache);
    CHECK(object);
    for (unsigned i = 0; i < ARRAY_LENGTH(offsets); i++) {
        uint8_t *byte = object + offsets[i], before = *byte;
        CHECK(mm_check());
        *byte = 0;
        CHECK(!mm_check());
        CHECK(ktest_panics(free_it, object,
                           offsets[i] < 0 ? "write before an object" : "write behind an object"));
        *byte = before;
    }
    kmem_cache_free(cache, object);
    CHECK(kmem_cache_destroy(cache));
}

/* The record behind the object belongs to the heap as well. */
KTEST(debug_heap, damaged_record)
{
    struct kmem_cache_stats stats;
    CHECK(begin(NULL));
    kmem_cache_get_stats(cache, &stats);
    uint8_t *object = kmem_cache_alloc(cache);
    CHECK(object);
    uint32_t *state = (void *)(object - 16 + stats.stride - RECORD_BYTES), before = *state;
    *state = 0x12345678;
    CHECK(!mm_check());
    CHECK(ktest_panics(free_it, object, "damaged record"));
    *state = before;
    state[1] += 1000; /* the size */
    CHECK(!mm_check());
    CHECK(ktest_panics(free_it, object, "damaged record"));
    state[1] -= 1000;
    kmem_cache_free(cache, object);
    CHECK(kmem_cache_destroy(cache));
}

KTEST(debug_heap, write_after_free)
{
    CHECK(begin(NULL));
    uint8_t *object = kmem_cache_alloc(cache);
    CHECK(object);
    kmem_cache_free(cache, object);
    for (unsigned i = 0; i < SIZE + 14; i += 9) {
        object[i] ^= 1;
        CHECK(!mm_check());
        object[i] ^= 1;
        CHECK(mm_check());
    }
    CHECK(kmem_cache_destroy(cache));
}

/* The next one who gets the object is told. The object is then lost to the cache: the test gives it
 * the marks of a live one to get it back. */
KTEST(debug_heap, write_after_free_at_next_alloc)
{
    struct kmem_cache_stats stats;
    CHECK(begin(NULL));
    kmem_cache_get_stats(cache, &stats);
    uint8_t *object = kmem_cache_alloc(cache);
    CHECK(object);
    kmem_cache_free(cache, object);
    object[SIZE - 1] = 0;
    CHECK(ktest_panics(alloc_it, NULL, "write after free"));

    uint8_t *record = object - 16 + stats.stride - RECORD_BYTES;
    memset(object + SIZE, 0xbb, (size_t)(record - object) - SIZE);
    memcpy(record, "VL", 2); /* STATE_LIVE */
    kmem_cache_free(cache, object);
    CHECK(kmem_cache_destroy(cache));
}

/* ---- reports ---- */

KTEST(debug_heap, double_free)
{
    CHECK(begin(NULL));
    void *object = kmem_cache_alloc(cache);
    CHECK(object);
    kmem_cache_free(cache, object);
    CHECK(ktest_panics(free_it, object, "double free"));
    void *other = kmem_cache_alloc(cache);
    CHECK(other);
    kmem_cache_free(cache, other);
    CHECK(ktest_panics(free_it, other, "double free"));
    CHECK(kmem_cache_destroy(cache));
}

KTEST(debug_heap, inside_an_object)
{
    CHECK(begin(NULL));
    uint8_t *object = kmem_cache_alloc(cache);
    CHECK(object);
    for (int offset = -16; offset < SIZE + 32; offset += 3)
        CHECK(offset == 0 || ktest_panics(free_it, object + offset, "inside an object"));
    kmem_cache_free(cache, object);
    CHECK(kmem_cache_destroy(cache));
}

KTEST(debug_heap, leaks_since_a_mark)
{
    CHECK(begin(NULL));
    void *old = kmem_cache_alloc(cache);
    unsigned long mark = kmalloc_leak_mark();
    void *leaked = kmem_cache_alloc(cache), *freed = kmem_cache_alloc(cache);
    CHECK(old && leaked && freed);
    kmem_cache_free(cache, freed);
    CHECK_EQ(kmalloc_print_leaks(fresh(), mark), 1);
    CHECK(says("1 objects         50 bytes  allocated by "));
    kmem_cache_free(cache, leaked);
    CHECK_EQ(kmalloc_print_leaks(fresh(), mark), 0);
    CHECK(kmalloc_print_leaks(fresh(), 0) >= 1);
    kmem_cache_free(cache, old);
    CHECK(kmem_cache_destroy(cache));
}

/* ---- constructors: contents are the owner's, red zones are watched ---- */

static void
construct(void *object)
{
    memset(object, 0x33, SIZE);
}

KTEST(debug_heap, constructed)
{
    CHECK(begin(construct));
    uint8_t *object = kmem_cache_alloc(cache);
    CHECK(object && is_filled(object, SIZE, 0x33));
    object[SIZE] ^= 1;
    CHECK(ktest_panics(free_it, object, "write behind an object"));
    object[SIZE] ^= 1;
    kmem_cache_free(cache, object);
    CHECK(is_filled(object, SIZE, 0x33));
    object[-1] ^= 1;
    CHECK(!mm_check());
    object[-1] ^= 1;
    object[SIZE + 3] ^= 1;
    CHECK(!mm_check());
    object[SIZE + 3] ^= 1;
    CHECK(kmem_cache_destroy(cache));
}

KTEST(debug_heap, random)
{
    static void *held[40];
    uint32_t state = ktest_seed();
    CHECK(begin(NULL));
    for (unsigned step = 0; step < 3000; step++) {
        uint32_t i = random_below(&state, ARRAY_LENGTH(held));
        if (held[i]) {
            CHECK(has_pattern(held[i], SIZE, i));
            kmem_cache_free(cache, held[i]);
            held[i] = NULL;
        } else if ((held[i] = kmem_cache_alloc(cache))) {
            fill_pattern(held[i], SIZE, i);
        }
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(held); i++) {
        kmem_cache_free(cache, held[i]);
        held[i] = NULL;
    }
    CHECK(kmem_cache_destroy(cache));
}
