/* test_debug_quarantine.c - freed objects stay away from their cache for a while. Needs
 * debug=quarantine, as test_debug_pages.c needs debug=poison. */
#include "listener.h"
#include "mm_debug.h"
#include "testing.h"
#include "kmalloc.h"
#include "slab.h"

#define SIZE 100

static void
free_it(void *object)
{
    kfree(object);
}

static void
drain(void *unused)
{
    (void)unused;
    mm_drain();
}

static void
free_another(void *unused)
{
    (void)unused;
    kfree(kmalloc(SIZE));
}

KTEST(debug_quarantine, not_handed_out_again)
{
    if (!debug_on(DEBUG_QUARANTINE) || debug_on(DEBUG_GUARD))
        SKIP("debug=quarantine is off, or nothing of a freed object is left");
    uint8_t *object = kmalloc(SIZE);
    CHECK(object);
    kfree(object);
    for (unsigned i = 0; i < 20; i++) {
        void *other = kmalloc(SIZE);
        CHECK(other && other != object);
        kfree(other);
    }
    CHECK(is_filled(object, SIZE, 0x6b));
    CHECK(ktest_panics(free_it, object, "double free"));
    mm_drain();
    CHECK(mm_check());
}

/* More than there is room for goes through, oldest first, and all comes back. */
KTEST(debug_quarantine, bounded)
{
    if (!debug_on(DEBUG_QUARANTINE) || !can_spare(600))
        SKIP("debug=quarantine is off, or there is little memory");
    unsigned long before = settled_frames();
    for (unsigned i = 0; i < 1500; i++) {
        void *object = kmalloc(i % 3 ? 2000 : 12000);
        CHECK(object);
        kfree(object);
    }
    CHECK(before - pmm_free_frames() < 300);
    CHECK_EQ(settled_frames(), before);
}

KTEST(debug_quarantine, checked_on_leaving)
{
    if (!debug_on(DEBUG_QUARANTINE) || debug_on(DEBUG_GUARD))
        SKIP("debug=quarantine is off, or nothing of a freed object is left");
    uint8_t *object = kmalloc(SIZE);
    CHECK(object);
    mm_drain();
    kfree(object);
    object[7] = 0;
    CHECK(!mm_check());
    CHECK(ktest_panics(drain, NULL, "write after free"));
    object[7] = 0x6b; /* and lost to its cache, whose slab stays */
    CHECK(mm_check());
}

/* A write so far behind the object that it reaches what the quarantine itself goes by. */
KTEST(debug_quarantine, damaged_record)
{
    uint8_t before[160]; /* to the end of its place */

    if (!debug_on(DEBUG_QUARANTINE) || debug_on(DEBUG_GUARD))
        SKIP("debug=quarantine is off, or nothing of a freed object is left");
    uint8_t *object = kmalloc(SIZE);
    CHECK(object);
    mm_drain();
    kfree(object);
    memcpy(before, object, sizeof(before));
    memset(object + SIZE, 0, sizeof(before) - SIZE);
    CHECK(ktest_panics(drain, NULL, "damaged record"));
    CHECK(ktest_panics(free_another, NULL, "damaged record"));
    memcpy(object, before, sizeof(before));
    mm_drain();
    CHECK(mm_check());
}

KTEST(debug_quarantine, whole_frames)
{
    if (!debug_on(DEBUG_QUARANTINE) || debug_on(DEBUG_GUARD))
        SKIP("debug=quarantine is off, or nothing of a freed object is left");
    uint8_t *memory = kmalloc(20000);
    CHECK(memory);
    kfree(memory);
    CHECK(is_filled(memory, 20000, 0x6b));
    CHECK(ktest_panics(free_it, memory, "double free"));
    mm_drain();
    CHECK(mm_check());
}

/* What is kept back does not make an allocation fail. */
KTEST(debug_quarantine, given_up_when_memory_is_short)
{
    if (!debug_on(DEBUG_QUARANTINE) || pmm_free_frames() > 20000)
        SKIP("debug=quarantine is off, or there is much memory");
    static void *held[20000];
    unsigned count = 0;
    kfree(kmalloc(20000));
    while (count < ARRAY_LENGTH(held) && (held[count] = kmalloc(4000)))
        count++;
    CHECK(count > 0);
    void *last = held[--count];
    kfree(last);
    last = kmalloc(4000);
    CHECK(last);
    kfree(last);
    while (count > 0)
        kfree(held[--count]);
    CHECK(mm_check());
}
