/* test_leaks.c - the search for leaks in the kernel: variables, objects and stacks lead to objects;
 * what nothing leads to is reported with the stack that made it. Needs debug=leaks
 * (tests/boot/debug.t).
 *
 * A pointer that the test keeps in disguise is none to the search.
 */
#include "mm_debug.h"
#include "../mm/listener.h"
#include "../mm/testing.h"
#include "kmalloc.h"
#include "ktest.h"

static void *root;

static __attribute__((noinline)) uintptr_t
make(size_t size)
{
    void *object = kzalloc(size);

    return object != NULL ? ~(uintptr_t)object : 0;
}

static __attribute__((noinline)) void
end(uintptr_t disguised)
{
    kfree((void *)~disguised);
}

/* Makes one object, or with 0 the root, lead to another. */
static __attribute__((noinline)) void
lead(uintptr_t from, uintptr_t to)
{
    void **place = from != 0 ? (void **)~from + 3 : &root;

    *place = (void *)~to;
}

/* Writes over what calls have left on the stack. */
static __attribute__((noinline)) void
scrub(void)
{
    volatile char bytes[2048];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = 0;
}

static size_t
leaks(void)
{
    scrub();
    return mm_debug_leaks(fresh());
}

KTEST(leaks, nothing_leads_to_it)
{
    if (!debug_on(DEBUG_LEAKS))
        SKIP("debug=leaks is off");
    size_t before = leaks();
    uintptr_t object = make(40);

    CHECK(object != 0);
    CHECK_EQ(leaks(), before + 1);
    CHECK(says("leak: 1 object of kmalloc-48, 40 bytes; the first is 0x"));
    CHECK(says("allocated by make+"));
    CHECK(says("called by ktest_leaks_nothing_leads_to_it+"));
    end(object);
    CHECK_EQ(leaks(), before);
}

KTEST(leaks, a_variable_leads_to_it)
{
    if (!debug_on(DEBUG_LEAKS))
        SKIP("debug=leaks is off");
    size_t before = leaks();
    uintptr_t object = make(9000);

    CHECK(object != 0);
    CHECK_EQ(leaks(), before + 1);
    lead(0, object - 5000); /* any part of it */
    CHECK_EQ(leaks(), before);
    lead(0, object - 9000); /* one byte too far */
    CHECK_EQ(leaks(), before + 1);
    root = NULL;
    end(object);
}

/* root -> 1 -> 2 -> 3 -> 1 */
KTEST(leaks, objects_lead_to_objects)
{
    uintptr_t object[3];

    if (!debug_on(DEBUG_LEAKS))
        SKIP("debug=leaks is off");
    size_t before = leaks();

    for (unsigned i = 0; i < 3; i++) {
        object[i] = make(32);
        CHECK(object[i] != 0);
    }
    for (unsigned i = 0; i < 3; i++)
        lead(object[i], object[(i + 1) % 3]);
    CHECK_EQ(leaks(), before + 3);
    CHECK(says("leak: 3 objects of kmalloc-32, 96 bytes"));
    lead(0, object[1]);
    CHECK_EQ(leaks(), before);
    root = NULL;
    CHECK_EQ(leaks(), before + 3);
    for (unsigned i = 0; i < 3; i++)
        end(object[i]);
    CHECK_EQ(leaks(), before);
}

KTEST(leaks, a_stack_leads_to_it)
{
    if (!debug_on(DEBUG_LEAKS))
        SKIP("debug=leaks is off");
    size_t before = leaks();
    uintptr_t object = make(40);
    void *volatile kept = (void *)~object;

    CHECK(object != 0);
    CHECK_EQ(leaks(), before);
    kept = NULL;
    CHECK_EQ(leaks(), before + 1);
    CHECK(kept == NULL);
    end(object);
}
