/* test_vmalloc.c - consecutive addresses: whole pages, given back to the last one. */
#include "mm.h"
#include "testing.h"
#include "vmalloc.h"

/* The first call may make tables that stay; the tests count after it. */
static bool
warm_up(void)
{
    void *memory = vmalloc(1);
    if (memory)
        vfree(memory);
    mm_drain();
    return memory != NULL;
}

KTEST(vmalloc, sizes)
{
    CHECK(warm_up());
    unsigned long before = pmm_free_frames();
    for (size_t size = 1; can_spare(size >> PAGE_SHIFT) && size < 6u << 20; size += 1 + size / 2) {
        uint8_t *memory = vmalloc(size);
        CHECK(memory);
        CHECK_EQ((uintptr_t)memory & PAGE_MASK, 0);
        CHECK_EQ(vmalloc_size(memory), (size + PAGE_MASK) & ~(size_t)PAGE_MASK);
        CHECK_EQ(vmalloc_size(memory + 1), 0);
        fill_pattern(memory, vmalloc_size(memory), 4);
        CHECK(has_pattern(memory, vmalloc_size(memory), 4));
        vfree(memory);
        CHECK(pmm_free_frames() + 3 >= before); /* the tables of addresses not used before */
    }
    CHECK(vmalloc_check());
}

KTEST(vmalloc, too_much)
{
    CHECK(warm_up());
    unsigned long before = pmm_free_frames();
    CHECK(!vmalloc(0));
    CHECK(!vmalloc(SIZE_MAX));
    CHECK(!vmalloc(SIZE_MAX - PAGE_SIZE));
    CHECK(!vmalloc(SIZE_MAX / 2));
    CHECK_EQ(vmalloc_size(NULL), 0);
    CHECK_EQ(pmm_free_frames(), before);
}

KTEST(vmalloc, several)
{
    static uint8_t *areas[12];
    uint32_t state = ktest_seed();
    CHECK(warm_up());
    if (!can_spare(100))
        SKIP("not enough memory");
    unsigned long before = pmm_free_frames();
    for (unsigned round = 0; round < 300; round++) {
        uint32_t i = random_below(&state, ARRAY_LENGTH(areas));
        if (areas[i]) {
            CHECK(has_pattern(areas[i], vmalloc_size(areas[i]), i));
            vfree(areas[i]);
            areas[i] = NULL;
            continue;
        }
        areas[i] = vmalloc(1 + random_below(&state, 8 * PAGE_SIZE));
        CHECK(areas[i]);
        fill_pattern(areas[i], vmalloc_size(areas[i]), i);
        CHECK(vmalloc_check());
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(areas); i++)
        if (areas[i])
            vfree(areas[i]);
    for (unsigned i = 0; i < ARRAY_LENGTH(areas); i++)
        areas[i] = NULL;
    CHECK(pmm_free_frames() + 3 >= before);
}

static void
free_it(void *memory)
{
    vfree(memory);
}

KTEST(vmalloc, misuse)
{
    static char in_data[64];
    uint8_t *memory = vmalloc(3 * PAGE_SIZE);
    CHECK(memory);
    CHECK(ktest_panics(free_it, memory + 1, "no area begins there"));
    CHECK(ktest_panics(free_it, memory + PAGE_SIZE, "no area begins there"));
    CHECK(ktest_panics(free_it, in_data, "no area begins there"));
    vfree(memory);
    CHECK(ktest_panics(free_it, memory, "no area begins there"));
}

/* Whichever of its allocations fails, nothing is left behind. */
KTEST(vmalloc, every_failure)
{
    CHECK(warm_up());
    unsigned long before = pmm_free_frames();
    void *memory = NULL;
    for (unsigned n = 1; !memory; n++) {
        CHECK(n < 40);
        mm_fail_nth(n);
        memory = vmalloc(5 * PAGE_SIZE);
        mm_fail_nth(0);
        CHECK(memory || pmm_free_frames() == before);
        CHECK(mm_check());
    }
    vfree(memory);
    CHECK_EQ(pmm_free_frames(), before);
}
