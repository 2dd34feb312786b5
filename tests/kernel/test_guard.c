/* test_guard.c - guarded objects: where they lie, that nothing is behind them, that they are gone
 * when they are freed, and that slabs serve when there is no room. Needs debug=guard
 * (tests/boot/debug.t).
 */
#include "mm_debug.h"
#include "../mm/listener.h"
#include "../mm/testing.h"
#include "kmalloc.h"
#include "ktest.h"
#include "pagetable.h"
#include "slab.h"

static bool
is_mapped(const void *at)
{
    return pagetable_lookup((uintptr_t)at, NULL, NULL);
}

static void
free_it(void *object)
{
    kfree(object);
}

/* At the end of its page but for the alignment; nothing behind, nothing before its pages. */
static bool
lies_well(const uint8_t *object, size_t size)
{
    const uint8_t *end = object + ((size + 15) & ~(size_t)15);
    const uint8_t *page = (const uint8_t *)((uintptr_t)object & ~(uintptr_t)PAGE_MASK);

    return mm_debug_guards((uintptr_t)object) && ((uintptr_t)end & PAGE_MASK) == 0 &&
           is_mapped(object) && is_mapped(end - 1) && !is_mapped(end) && !is_mapped(page - 1) &&
           is_filled(object, size, 0x5a) && is_filled(object + size, (size_t)(end - object) - size,
                                                       0xbb);
}

KTEST(guard, every_size)
{
    if (!debug_on(DEBUG_GUARD))
        SKIP("debug=guard is off");
    for (size_t size = 1; size <= 8192; size += size < 100 ? 1 : 331) {
        uint8_t *object = kmalloc(size);

        CHECK(object != NULL);
        CHECK(lies_well(object, size));
        CHECK_EQ(kmalloc_usable_size(object), size);
        kfree(object);
        CHECK(!is_mapped(object));
    }
    CHECK(mm_check());
}

KTEST(guard, misuse)
{
    uint8_t *object = kmalloc(40);

    if (!debug_on(DEBUG_GUARD)) {
        kfree(object);
        SKIP("debug=guard is off");
    }
    CHECK(object != NULL);
    CHECK(ktest_panics(free_it, object + 8, "inside an object"));
    object[40] = 0;
    CHECK(!mm_check());
    CHECK(ktest_panics(free_it, object, "write behind an object"));
    object[40] = 0xbb;
    object[-1] = 0;
    CHECK(ktest_panics(free_it, object, "write before an object"));
    object[-1] = 0xbb;
    kfree(object);
    CHECK(ktest_panics(free_it, object, "double free"));
    CHECK(mm_debug_explain(fresh(), (uintptr_t)object + 3));
    CHECK(says("is byte 3 of the freed object"));
    CHECK(says("kmalloc-48, 40 bytes"));
    CHECK(says("allocated by ktest_guard_misuse"));
    CHECK(says("freed by ktest_guard_misuse"));
}

/* When guarded objects have their share, slabs serve; all frames come back. */
KTEST(guard, share_of_memory)
{
    static void *held[9000];
    unsigned long before = settled_frames();
    unsigned count = 0;
    bool from_slab = false;

    if (!debug_on(DEBUG_GUARD) || before > 16384)
        SKIP("debug=guard is off, or there is much memory");
    while (count < ARRAY_LENGTH(held) && !from_slab) {
        held[count] = kmalloc(64);
        CHECK(held[count] != NULL);
        from_slab = !mm_debug_guards((uintptr_t)held[count++]);
    }
    CHECK(from_slab);
    CHECK(pmm_free_frames() > before / 2);
    while (count > 0)
        kfree(held[--count]);
    unsigned long after = settled_frames();
    CHECK_EQ(after, before);
}

static void
build(void *object)
{
    memset(object, 0x33, 24);
}

KTEST(guard, constructed)
{
    struct kmem_cache *cache = kmem_cache_create("built", 24, 0, 0, build);
    struct kmem_cache *direct = kmem_cache_create("direct", 24, 0, KMEM_DIRECT, NULL);

    CHECK(cache != NULL && direct != NULL);
    void *object = kmem_cache_alloc(cache), *other = kmem_cache_alloc(direct);

    CHECK(object != NULL && other != NULL);
    CHECK(is_filled(object, 24, 0x33));
    CHECK(!debug_on(DEBUG_GUARD) || mm_debug_guards((uintptr_t)object));
    CHECK(!mm_debug_guards((uintptr_t)other));
    CHECK(!kmem_cache_destroy(cache));
    kmem_cache_free(cache, object);
    kmem_cache_free(direct, other);
    CHECK(kmem_cache_destroy(cache) && kmem_cache_destroy(direct));
}

/* Without a frame there is no guarded object, and nothing is left behind. */
KTEST(guard, shortage)
{
    unsigned long before = settled_frames();

    for (unsigned long n = 1; n < 8; n++) {
        mm_fail_nth(n);
        void *object = kmalloc(5000);

        mm_fail_nth(0);
        kfree(object);
        CHECK(mm_check());
    }
    CHECK_EQ(settled_frames(), before);
}
