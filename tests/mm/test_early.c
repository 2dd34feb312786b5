/* test_early.c - the early heap: where its bytes are, and that all of them come back. */
#include <string.h>

#include "ktest.h"
#include "captured.h"
#include "format.h"
#include "early.h"
#include "platform.h"
#include "range.h"

#define PAGES (KTEST_SCRATCH_BYTES / 4096)

static uint8_t *const arena = ktest_scratch;
static struct early_heap heap;

/* A heap of its own over the first pages of the arena, which hold rubbish before. */
static void
begin(size_t pages)
{
    memset(arena, 0xaa, KTEST_SCRATCH_BYTES);
    early_heap_init(&heap, arena, pages * PAGE_SIZE);
}

static void *
take(size_t size)
{
    return early_heap_alloc(&heap, size, arena);
}

static struct early_stats
stats(void)
{
    struct early_stats now;

    early_heap_stats(&heap, &now);
    return now;
}

static bool
is_zero(const uint8_t *bytes, size_t size)
{
    while (size-- > 0) {
        if (*bytes++ != 0)
            return false;
    }
    return true;
}

KTEST(early, alloc)
{
    uint8_t *a;
    uint8_t *b;

    begin(1);
    a = take(1);
    b = take(17);
    CHECK(a && b);
    CHECK(is_aligned((uintptr_t)a, 16) && is_aligned((uintptr_t)b, 16));
    CHECK(is_zero(a, 16) && is_zero(b, 32));
    CHECK_EQ(b - a, 16 + 16);
    CHECK_EQ(stats().live, 16 + 32);
    CHECK_EQ(stats().live_objects, 2);
    CHECK_EQ(early_object_size(b), 32);
    early_heap_check(&heap);
}

KTEST(early, nothing_and_too_much)
{
    size_t room;

    begin(1);
    room = stats().unused;
    CHECK(!take(0));
    CHECK(!take(SIZE_MAX));
    CHECK(!take(SIZE_MAX - 15));
    CHECK(!take(room));
    CHECK(!take(room - 15));
    CHECK_EQ(stats().unused, room);
    CHECK(take(room - 16));
    CHECK_EQ(stats().unused, 0);
    CHECK(!take(1));
    early_heap_free(&heap, NULL);
    early_heap_check(&heap);
}

/* With every size of rest from 0 to two objects, the last allocation fits or changes nothing. */
KTEST(early, fill_to_the_byte)
{
    for (size_t size = 1; size < 200; size++) {
        struct early_stats full;
        size_t count = 0;

        begin(1);
        while (take(size))
            count++;
        full = stats();
        CHECK_EQ(full.taken, PAGE_SIZE);
        CHECK_EQ(full.live, count * align_up(size, 16));
        CHECK_EQ(full.taken, full.live + full.headers + full.unused);
        CHECK(full.unused < 16 + align_up(size, 16));
    }
}

/*     a    b    c        free b: a hole; free c: unused again, and b with it      */
KTEST(early, free_last_is_unused_again)
{
    size_t before;
    void *a;
    void *b;
    void *c;

    begin(1);
    a = take(100);
    before = stats().unused;
    b = take(200);
    c = take(300);
    early_heap_free(&heap, b);
    CHECK_EQ(stats().freed, 208);
    CHECK_EQ(stats().freed_objects, 1);
    early_heap_check(&heap);
    early_heap_free(&heap, c);
    CHECK_EQ(stats().freed, 0);
    CHECK_EQ(stats().unused, before);
    CHECK(take(200) == b);
    CHECK(is_zero(b, 208));
    early_heap_free(&heap, a);
    CHECK_EQ(stats().freed, 112);
    early_heap_check(&heap);
}

KTEST(early, extend)
{
    size_t room;
    uint8_t *a;
    uint8_t *b;

    begin(1);
    a = take(16);
    b = take(20);
    memset(b, 7, 32);
    room = stats().unused;
    CHECK(early_heap_extend(&heap, a, 3));
    CHECK(!early_heap_extend(&heap, a, 17));
    CHECK(early_heap_extend(&heap, b, 100));
    CHECK_EQ(early_object_size(b), 112);
    CHECK(b[31] == 7 && is_zero(b + 32, 80));
    CHECK_EQ(stats().unused, room - 80);
    CHECK(!early_heap_extend(&heap, b, room + 33));
    CHECK(!early_heap_extend(&heap, b, SIZE_MAX));
    CHECK(!early_heap_extend(&heap, arena + PAGE_SIZE, 1));
    CHECK(early_heap_extend(&heap, b, room + 32));
    CHECK_EQ(stats().unused, 0);
    early_heap_check(&heap);
}

KTEST(early, second_chunk)
{
    begin(1);
    CHECK(take(4000));
    CHECK(!take(100));
    early_heap_add(&heap, arena + 2 * PAGE_SIZE, 2 * PAGE_SIZE);
    CHECK(take(5000) > (void *)(arena + 2 * PAGE_SIZE));
    CHECK_EQ(stats().taken, 3 * PAGE_SIZE);
    CHECK_EQ(stats().live_objects, 2);
    early_heap_check(&heap);
}

struct seen {
    unsigned count;
    size_t bytes;
    const void *last;
    bool in_order;
    bool caller_known;
};

static void
see(const struct early_object *object, void *context)
{
    struct seen *seen = context;

    seen->in_order = seen->in_order && object->address > seen->last;
    seen->caller_known = seen->caller_known && object->caller == arena;
    seen->last = object->address;
    seen->bytes += object->size;
    seen->count++;
}

KTEST(early, walk)
{
    struct seen seen = {0, 0, NULL, true, true};
    void *last = NULL;

    begin(2);
    for (size_t size = 1; size <= 64; size++)
        CHECK((last = take(size)) != NULL);
    early_heap_walk(&heap, see, &seen);
    CHECK(seen.last == last);
    CHECK_EQ(seen.count, 64);
    CHECK_EQ(seen.bytes, 16 * (16 + 32 + 48 + 64));
    CHECK(seen.in_order && seen.caller_known);
}

KTEST(early, print)
{
    unsigned long headers = 3 * 16 + sizeof(void *) * 4;
    char wanted[160];
    void *a;

    begin(2);
    a = take(10);
    CHECK(take(30) && take(100));
    early_heap_free(&heap, a);
    printed_length = 0;
    early_heap_print(&heap, &captured);
    format_text(wanted, sizeof(wanted),
                "early: 8192 bytes = 144 in 2 live + 16 in 1 freed + %lu headers + %lu rest\n",
                headers, 8192 - 144 - 16 - headers);
    CHECK(strcmp(printed, wanted) == 0);
}

/* ---- misuse ---- */

static void
free_object(void *object)
{
    early_heap_free(&heap, object);
}

static void
check_heap(void *unused)
{
    (void)unused;
    early_heap_check(&heap);
}

KTEST(early, misuse_panics)
{
    uint8_t *a;
    uint8_t *b;
    uint8_t *c;

    begin(1);
    a = take(64);
    b = take(64);
    c = take(64);
    early_heap_free(&heap, a);
    CHECK(ktest_panics(free_object, a, "double free"));
    CHECK(ktest_panics(free_object, b + 16, "not allocated here"));
    CHECK(ktest_panics(free_object, b + 1, "not allocated here"));
    CHECK(ktest_panics(free_object, arena, "not allocated here"));
    CHECK(ktest_panics(free_object, &heap, "not allocated here"));
    CHECK(ktest_panics(free_object, arena + PAGE_SIZE, "not allocated here"));
    memcpy(b + 16, b - 16, 16); /* looks like a header, and is none */
    CHECK(ktest_panics(free_object, b + 32, "not allocated here"));
    early_heap_free(&heap, c);
    CHECK(ktest_panics(free_object, c, "double free"));
    early_heap_check(&heap);
}

KTEST(early, overrun_is_found)
{
    uint8_t *a;

    begin(1);
    a = take(32);
    CHECK(take(32));
    a[32 + 4] ^= 1;
    CHECK(ktest_panics(check_heap, NULL, "damaged header, state"));
    a[32 + 4] ^= 1;
    a[32 + 2] ^= 1;
    CHECK(ktest_panics(check_heap, NULL, "damaged header, size"));
    a[32 + 2] ^= 1;
    a[32] ^= 1;
    CHECK(ktest_panics(check_heap, NULL, "damaged header, size"));
    a[32] = 0;
    CHECK(ktest_panics(check_heap, NULL, "damaged header, size"));
}

static void
init_at(void *start)
{
    early_heap_init(&heap, start, PAGE_SIZE);
}

static void
init_of(void *bytes)
{
    early_heap_init(&heap, arena, *(size_t *)bytes);
}

KTEST(early, arena_is_whole_pages)
{
    size_t none = 0;
    size_t half = 2048;

    CHECK(ktest_panics(init_at, arena + 16, "assertion failed"));
    CHECK(ktest_panics(init_of, &none, "assertion failed"));
    CHECK(ktest_panics(init_of, &half, "assertion failed"));
}

/* ---- the hand-over ---- */

static void
finish_again(void *unused)
{
    (void)unused;
    early_heap_finish(&heap, NULL, NULL);
}

/* What became of each page of the arena. */
static struct {
    unsigned live[PAGES];
    unsigned given[PAGES];
    unsigned kept[PAGES];
    size_t bytes_given;
    size_t bytes_kept;
} handed;

static size_t
page_of(const void *address)
{
    return ((uintptr_t)address - (uintptr_t)arena) / 4096;
}

/* Overwrites what it gets, as a page allocator does. */
static void
give_back(void *start, size_t bytes)
{
    for (size_t i = 0; i < bytes / 4096; i++)
        handed.given[page_of(start) + i]++;
    handed.bytes_given += bytes;
    memset(start, 0x55, bytes);
}

static void
keep(void *page, unsigned live_objects)
{
    handed.kept[page_of(page)]++;
    handed.live[page_of(page)] = live_objects;
    handed.bytes_kept += PAGE_SIZE;
}

static void
leave(void *page)
{
    handed.live[page_of(page)]--;
}

/* Each of the first `pages` pages went one way, once, and the bytes add up. */
static bool
handed_over(size_t pages)
{
    for (size_t i = 0; i < pages; i++) {
        if (handed.given[i] + handed.kept[i] != 1)
            return false;
    }
    return handed.bytes_given + handed.bytes_kept == pages * PAGE_SIZE &&
           handed.bytes_given == heap.given_back && handed.bytes_kept == heap.kept;
}

static void
finish(void)
{
    memset(&handed, 0, sizeof(handed));
    early_heap_finish(&heap, give_back, keep);
}

KTEST(early, finish_empty)
{
    begin(3);
    finish();
    CHECK(handed_over(3));
    CHECK_EQ(handed.bytes_given, 3 * PAGE_SIZE);
    CHECK(heap.finished);
    CHECK(!take(1));
    CHECK_EQ(stats().taken, 0);
    CHECK(ktest_panics(finish_again, NULL, "assertion failed"));
}

KTEST(early, finish_all_freed)
{
    void *objects[20];

    begin(3);
    for (size_t i = 0; i < 20; i++)
        CHECK((objects[i] = take(500)) != NULL);
    for (size_t i = 0; i < 20; i++)
        early_heap_free(&heap, objects[i]);
    finish();
    CHECK(handed_over(3));
    CHECK_EQ(handed.bytes_given, 3 * PAGE_SIZE);
}

/*     page      0         1         2         3         4         5
 *          [ A | bbbbbbbbbbbbbbbbb | C      C      C | d |    unused     )
 *     live      1         0         1         1         1?                         */
KTEST(early, finish_keeps_what_lives)
{
    uint8_t *a;
    uint8_t *b;
    uint8_t *c;
    uint8_t *d;

    begin(6);
    a = take(1000);
    b = take(2 * PAGE_SIZE + 500);
    c = take(PAGE_SIZE + 3000);
    d = take(100);
    CHECK(a && b && c && d);
    memset(a, 1, 1000);
    memset(c, 3, PAGE_SIZE + 3000);
    early_heap_free(&heap, b);
    CHECK_EQ(page_of(c), 2);
    CHECK_EQ(page_of(c + PAGE_SIZE + 2999), 4);
    finish();
    CHECK(handed_over(6));
    CHECK(handed.kept[0] && handed.given[1] && handed.kept[2] && handed.kept[3] && handed.kept[4] &&
          handed.given[5]);
    CHECK_EQ(handed.live[0], 1);
    CHECK_EQ(handed.live[2], 1);
    CHECK_EQ(handed.live[3], 1);
    CHECK_EQ(handed.live[4], 2);
    CHECK(a[0] == 1 && a[999] == 1 && c[0] == 3 && c[PAGE_SIZE + 2999] == 3);
    early_free_object(c, leave);
    CHECK_EQ(handed.live[2], 0);
    CHECK_EQ(handed.live[3], 0);
    CHECK_EQ(handed.live[4], 1);
    early_free_object(d, leave);
    early_free_object(a, leave);
    CHECK_EQ(handed.live[4], 0);
    CHECK_EQ(handed.live[0], 0);
}

/* An object of which only the header lies on a page keeps that page. */
KTEST(early, finish_keeps_the_header)
{
    uint8_t *first;
    uint8_t *object;

    begin(3);
    first = take(stats().unused - 2 * PAGE_SIZE - 2 * 16);
    CHECK(first);
    object = take(PAGE_SIZE);
    CHECK(is_aligned((uintptr_t)object, PAGE_SIZE));
    early_heap_free(&heap, first);
    finish();
    CHECK(handed_over(3));
    CHECK_EQ(handed.live[0], 1);
    CHECK_EQ(handed.live[1], 1);
    CHECK(handed.given[2]);
    early_free_object(object, leave);
    CHECK_EQ(handed.live[0], 0);
    CHECK_EQ(handed.live[1], 0);
}

static void
free_late(void *object)
{
    early_free_object(object, leave);
}

KTEST(early, finish_then_double_free)
{
    uint8_t *a;
    uint8_t *b;

    begin(1);
    a = take(64);
    b = take(64);
    finish();
    CHECK_EQ(handed.live[0], 2);
    early_free_object(a, leave);
    CHECK(ktest_panics(free_late, a, "double free"));
    CHECK(ktest_panics(free_late, b + 32, "not allocated here"));
    CHECK_EQ(handed.live[0], 1);
}

/* Random histories over two chunks: the sums hold at every step, the hand-over gives each page one
 * way and counts what is on it, and freeing the rest empties every kept page. */
KTEST(early, random_history)
{
    uint32_t random = ktest_seed();

    for (unsigned round = 0; round < 200; round++) {
        uint8_t *live[64];
        size_t count = 0;

        begin(3);
        for (unsigned step = 0; step < 60; step++) {
            if (step == 30)
                early_heap_add(&heap, arena + 3 * PAGE_SIZE, 3 * PAGE_SIZE);
            if (count && ktest_random(&random) % 3 == 0) {
                size_t i = ktest_random(&random) % count;

                early_heap_free(&heap, live[i]);
                live[i] = live[--count];
            } else if ((live[count] = take(1 + ktest_random(&random) % 1500)) != NULL) {
                count++;
            }
            CHECK_EQ(stats().live_objects, count);
            early_heap_check(&heap);
        }
        finish();
        CHECK(handed_over(6));
        while (count-- > 0)
            early_free_object(live[count], leave);
        for (size_t i = 0; i < PAGES; i++)
            CHECK_EQ(handed.live[i], 0);
    }
}
