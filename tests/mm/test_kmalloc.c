/* test_kmalloc.c - the heap: any size, any alignment, and what happens to pointers that are none of
 * its own. The debug heap runs these tests too (tests/host/test_machines.c). */
#include <string.h>

#include "kmalloc.h"
#include "mm.h"
#include "testing.h"
#include "../../mm/paging.h"
#include "../../mm/percpu.h"
#include "../../mm/pmm_private.h"
#include "../../mm/slab_private.h"

KTEST(kmalloc, zero)
{
    CHECK(!kmalloc(0));
    CHECK(!kzalloc(0));
    CHECK(!kmalloc_flags(0, KM_DMA));
    CHECK(!kmalloc_aligned(0, 64));
    CHECK(!kalloc(0));
    CHECK(!krealloc(NULL, 0));
    kfree(NULL);
    CHECK_EQ(kmalloc_usable_size(NULL), 0);
}

/* More than there is, and so much that sums of it overflow. */
KTEST(kmalloc, too_much)
{
    static const uint8_t below[] = {0, 1, 15, 16, 31, 32, 33, 100};
    mm_drain(); /* what fails drains */
    unsigned long before = pmm_free_frames();
    for (unsigned i = 0; i < ARRAY_LENGTH(below); i++) {
        size_t size = SIZE_MAX - below[i];
        CHECK(!kmalloc(size));
        CHECK(!kzalloc(size));
        CHECK(!kmalloc_flags(size, KM_DMA));
        CHECK(!kalloc(size));
        CHECK(!kmalloc_aligned(size, 16));
        CHECK(!kmalloc_aligned(size, PAGE_SIZE));
        CHECK(!kmalloc_aligned(size, 2 * PAGE_SIZE));
    }
    CHECK(!kmalloc(SIZE_MAX - PAGE_SIZE));
    CHECK(!kmalloc_aligned(100, 8ul << 20));
    CHECK_EQ(pmm_free_frames(), before);
}

/* Fills all that may be used. Some are held at a time, so that neighbours would show. */
KTEST(kmalloc, every_size)
{
    static struct {
        uint8_t *memory;
        size_t usable;
    } held[8];
    for (size_t size = 1; size <= 9000 + ARRAY_LENGTH(held); size++) {
        unsigned i = size % ARRAY_LENGTH(held);
        if (held[i].memory)
            CHECK(has_pattern(held[i].memory, held[i].usable, i));
        kfree(held[i].memory);
        held[i].memory = size <= 9000 ? kmalloc(size) : NULL;
        if (size > 9000)
            continue;
        CHECK(held[i].memory);
        CHECK_EQ((uintptr_t)held[i].memory & 15, 0);
        held[i].usable = kmalloc_usable_size(held[i].memory);
        CHECK(held[i].usable >= size);
        CHECK(held[i].usable == size || !debug_on(DEBUG_HEAP));
        CHECK(held[i].usable <= size + size / 4 + 15 || size > 8192);
        fill_pattern(held[i].memory, held[i].usable, i);
    }
}

KTEST(kmalloc, around_powers_of_two)
{
    unsigned long before;
    mm_drain();
    before = pmm_free_frames();
    for (size_t power = 16; can_spare(power >> PAGE_SHIFT) && power <= 8ul << 20; power <<= 1) {
        for (int more = -1; more <= 1; more++) {
            size_t size = power + (size_t)more;
            uint8_t *memory = kmalloc(size);
            if (!memory && size > 64 * 1024)
                SKIP("memory is in pieces");
            CHECK(memory);
            CHECK(kmalloc_usable_size(memory) >= size);
            memory[0] = 1;
            memory[size / 2] = 2;
            memory[size - 1] = 3;
            kfree(memory);
        }
    }
    mm_drain();
    CHECK(pmm_free_frames() + 16 >= before); /* the first vmalloc makes tables that stay */
}

KTEST(kmalloc, zeroed)
{
    static const uint32_t sizes[] = {1, 16, 100, 4096, 8192, 8193, 20000};
    for (unsigned i = 0; i < 3 * ARRAY_LENGTH(sizes); i++) {
        size_t size = sizes[i % ARRAY_LENGTH(sizes)];
        void *memory = i & 1 ? kzalloc(size) : kmalloc_flags(size, KM_ZERO);
        CHECK(memory);
        CHECK(is_filled(memory, size, 0));
        memset(memory, 0xff, size);
        kfree(memory);
    }
}

/* ---- alignment ---- */

static void
try_aligned(size_t size, size_t align)
{
    mm_drain();
    unsigned long before = pmm_free_frames();
    uint8_t *memory = kmalloc_aligned(size, align);
    uint8_t *second = size < 5000 && align <= 4096 ? kmalloc_aligned(size, align) : NULL;
    CHECK_EQ((uintptr_t)second & (align - 1), 0); /* the first of a slab always is */
    kfree(second);
    if (!memory && (align > 64 * 1024 || size > 64 * 1024) && !can_spare(8192))
        return;
    CHECK(memory);
    CHECK_EQ((uintptr_t)memory & (align - 1), 0);
    size_t usable = kmalloc_usable_size(memory);
    CHECK(usable >= size);
    CHECK(before - pmm_free_frames() <= (usable >> PAGE_SHIFT) + 10);
    fill_pattern(memory, usable, 5);
    CHECK(has_pattern(memory, usable, 5));
    kfree(memory);
}

KTEST(kmalloc, aligned)
{
    static const uint32_t sizes[] = {1, 24, 100, 1000, 4096, 5000, 8192, 9000, 40000};
    for (size_t align = 1; align <= 4ul << 20; align <<= 1) {
        if (!can_spare(align >> PAGE_SHIFT))
            SKIP("not enough memory");
        for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++)
            if (can_spare(sizes[i] >> PAGE_SHIFT))
                try_aligned(sizes[i], align);
    }
}

KTEST(kmalloc, natural_alignment)
{
    for (size_t size = 1; size <= 9ul << 20; size += 1 + size / 3) {
        if (!can_spare((size >> PAGE_SHIFT) + 1))
            SKIP("not enough memory");
        size_t align = 1;
        while (align < size && align < 4ul << 20)
            align <<= 1;
        uint8_t *memory = kalloc(size);
        CHECK(memory);
        CHECK_EQ((uintptr_t)memory & (align - 1), 0);
        memory[size - 1] = 1;
        kfree(memory);
    }
}

/* Exactly a block, and more than one with an alignment. */
KTEST(kmalloc, blocks)
{
    if (!can_spare(3 * BLOCK_FRAMES))
        SKIP("not enough memory");
    mm_drain();
    unsigned long before = pmm_free_frames();
    void *memory[] = {kmalloc(BLOCK_BYTES), kalloc(BLOCK_BYTES), kalloc(BLOCK_BYTES - 8),
                      kmalloc_aligned(BLOCK_BYTES, 1 << 20),
                      kmalloc_aligned(BLOCK_BYTES + 1, 64 << 10)};
    for (unsigned i = 0; i < ARRAY_LENGTH(memory); i++) {
        CHECK(memory[i]);
        CHECK(kmalloc_usable_size(memory[i]) >= BLOCK_BYTES - 8);
        CHECK_EQ((uintptr_t)memory[i] & (i == 0 ? 15 : i == 4 ? 65535 : (1u << 20) - 1), 0);
        fill_pattern(memory[i], BLOCK_BYTES - 8, i);
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(memory); i++) {
        CHECK(has_pattern(memory[i], BLOCK_BYTES - 8, i));
        kfree(memory[i]);
    }
    CHECK_EQ(pmm_free_frames(), before);
}

KTEST(kmalloc, dma)
{
    static const uint32_t sizes[] = {1, 512, 4096, 20000};
    for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
        pfn_t frame;
        void *memory = kmalloc_flags(sizes[i], KM_DMA | KM_ZERO);
        if (!memory && !mm_zones[ZONE_DMA].managed)
            SKIP("no memory below 16 MiB");
        CHECK(memory && is_filled(memory, sizes[i], 0));
        CHECK(ptr_to_frame(memory, &frame));
        CHECK(pfn_to_paddr(frame) + sizes[i] <= 16u << 20);
        memset(memory, 0xff, sizes[i]);
        kfree(memory);
    }
    CHECK(!kmalloc_flags(5u << 20, KM_DMA));
}

/* ---- krealloc ---- */

KTEST(kmalloc, grow_and_shrink)
{
    static const uint32_t sizes[] = {1,    10,   100,   1000,  999, 5000, 8192, 8193, 30000,
                                     9000, 4096, 70000, 50000, 300, 17,   16,   1,    200000};
    uint8_t *memory = krealloc(NULL, 3);
    size_t size = 3;
    CHECK(memory);
    for (unsigned i = 0; i < ARRAY_LENGTH(sizes) && can_spare(sizes[i] >> (PAGE_SHIFT - 1)); i++) {
        fill_pattern(memory, size, i);
        memory = krealloc(memory, sizes[i]);
        CHECK(memory);
        CHECK(has_pattern(memory, size < sizes[i] ? size : sizes[i], i));
        CHECK(kmalloc_usable_size(memory) >= sizes[i]);
        size = sizes[i];
    }
    CHECK(!krealloc(memory, 0));
}

/* Growing beyond what consecutive frames can give, and back. */
KTEST(kmalloc, grow_beyond_a_block)
{
    if (!can_spare(3 * BLOCK_FRAMES))
        SKIP("not enough memory");
    uint8_t *memory = kmalloc(100000);
    CHECK(memory);
    fill_pattern(memory, 100000, 1);
    memory = krealloc(memory, 9 << 20);
    CHECK(memory && has_pattern(memory, 100000, 1));
    memory = krealloc(memory, 200);
    CHECK(memory && has_pattern(memory, 200, 1));
    kfree(memory);
}

/* A krealloc that fails leaves the memory as it was. */
KTEST(kmalloc, failed_growth)
{
    static const uint32_t sizes[] = {40, 3000, 9000};
    for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
        uint8_t *memory = kmalloc(sizes[i]);
        CHECK(memory);
        fill_pattern(memory, sizes[i], 3);
        CHECK(!krealloc(memory, SIZE_MAX / 2));
        mm_fail_nth(1);
        void *moved = krealloc(memory, 3 * sizes[i]);
        CHECK(mm_fail_nth(0) >= 1);
        CHECK(!moved);
        CHECK(has_pattern(memory, sizes[i], 3));
        kfree(memory);
    }
}

/* ---- misuse ---- */

static void
free_it(void *memory)
{
    kfree(memory);
}

static void
grow_it(void *memory)
{
    kfree(krealloc(memory, 100));
}

static void
keep_it(void *memory)
{
    if (krealloc(memory, 100))
        klog("it has grown\n");
}

/* Also when nothing would have to be moved. */
KTEST(kmalloc, growing_what_is_not_in_use)
{
    char *memory = kmalloc(100);
    CHECK(memory);
    if (!debug_on(DEBUG_HEAP))
        CHECK(ktest_panics(keep_it, memory + 16, "inside an object"));
    kfree(memory);
    if (!debug_on(DEBUG_HEAP))
        CHECK(ktest_panics(keep_it, memory, "double free"));
}

/* One that is in a CPU's magazine is found later: tests/mm/test_slab.c. */
KTEST(kmalloc, double_free)
{
    static const uint32_t sizes[] = {1, 100, 5000, 8192, 8193, 20000, 100000};
    for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
        void *memory = kmalloc(sizes[i]), *beside = kmalloc(sizes[i]);
        CHECK(memory && beside);
        kfree(memory);
        if (sizes[i] > KMALLOC_LARGEST || debug_on(DEBUG_HEAP))
            CHECK(ktest_panics(free_it, memory, "double free"));
        mm_drain_cpu(cpu_current());
        CHECK(ktest_panics(free_it, memory, "double free"));
        kfree(beside);
        pmm_drain_cpu();
        CHECK(ktest_panics(free_it, memory, "double free"));
    }
}

KTEST(kmalloc, foreign_pointers)
{
    static char in_data[64];
    char on_stack[64];
    CHECK(ktest_panics(free_it, in_data + 16, "foreign pointer"));
    CHECK(ktest_panics(free_it, (void *)((uintptr_t)on_stack & ~(uintptr_t)15), "foreign pointer"));
    CHECK(ktest_panics(free_it, (void *)64, "foreign pointer"));
    CHECK(ktest_panics(free_it, (void *)~(uintptr_t)15, "foreign pointer"));
    CHECK(ktest_panics(grow_it, in_data + 16, "foreign pointer"));

    paddr_t frame = pmm_alloc_page_flags(PMM_DIRECT);
    CHECK(frame);
    void *page = frame_to_ptr(paddr_to_pfn(frame));
    CHECK(
        ktest_panics(free_it, page, "foreign pointer")); /* a frame of the pmm's, not the heap's */
    pmm_free_page(frame);
    CHECK(ktest_panics(free_it, page, "double free"));
}

/* A page table that somebody works on: its mark stands where a slab's frames have their class. */
KTEST(kmalloc, locked_page_table)
{
    paddr_t frames = pmm_alloc_pages_flags(8, PMM_DIRECT); /* aligned as any object could be */
    CHECK(frames);
    struct frame *table = frame_of(paddr_to_pfn(frames));
    table->owner = FRAME_PAGE_TABLE;
    table_lock(table);
    bool panics = ktest_panics(free_it, frame_to_ptr(paddr_to_pfn(frames)), "foreign pointer");
    table_unlock(table);
    table->owner = FRAME_ALLOCATED;
    pmm_free_pages(frames, 8);
    CHECK(panics);
}

KTEST(kmalloc, middle_of_an_allocation)
{
    uint8_t *small = kmalloc(100), *large = kmalloc(3 * PAGE_SIZE);
    CHECK(small && large);
    CHECK(ktest_panics(free_it, small + 16, "inside an object"));
    CHECK(ktest_panics(free_it, small + 1, "inside an object"));
    CHECK(ktest_panics(free_it, large + 16, "foreign pointer"));
    CHECK(ktest_panics(free_it, large + PAGE_SIZE, "inside an allocation"));
    CHECK(ktest_panics(free_it, large + 2 * PAGE_SIZE + 48, "inside an allocation"));
    CHECK_EQ(kmalloc_usable_size(large + PAGE_SIZE), 0);
    kfree(small);
    kfree(large);
}

/* ---- all together ---- */

struct held {
    uint8_t *memory;
    uint32_t size;
};

static bool
change(struct held *held, uint32_t seed, uint32_t size)
{
    uint8_t *moved = krealloc(held->memory, size);
    if (!moved)
        return size > 4096;
    held->memory = moved;
    bool kept = has_pattern(moved, size < held->size ? size : held->size, seed);
    held->size = size;
    fill_pattern(moved, size, seed);
    return kept;
}

KTEST(kmalloc, random)
{
    static struct held held[32];
    uint32_t state = ktest_seed(), most = can_spare(512) ? 20000 : 1500;
    mm_drain();
    unsigned long before = pmm_free_frames();
    for (unsigned step = 0; step < 5000; step++) {
        uint32_t i = random_below(&state, ARRAY_LENGTH(held));
        uint32_t size = 1 + random_below(&state, 1 + random_below(&state, most));
        if (!held[i].memory || ktest_random(&state) % 4 == 0) {
            CHECK(change(&held[i], i, size));
        } else {
            CHECK(has_pattern(held[i].memory, held[i].size, i));
            kfree(held[i].memory);
            held[i] = (struct held){0};
        }
        if (step % 1024 == 0)
            CHECK(mm_check());
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(held); i++) {
        kfree(held[i].memory);
        held[i] = (struct held){0};
    }
    mm_drain();
    CHECK_EQ(pmm_free_frames(), before);
}
