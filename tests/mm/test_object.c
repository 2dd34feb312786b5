/* test_object.c - pages of files and shared memory: contents, cutting, failing, counting. */
#include <string.h>

#include "commit.h"
#include "mm.h"
#include "object.h"
#include "space.h"
#include "testing.h"
#include "uapi/errno.h"

/* ---- objects of the tests ---- */

static unsigned fills, releases;
static int fill_error;

static int
fill_with_number(struct object *object, uint32_t index, void *page)
{
    (void)object;
    fills++;
    if (fill_error)
        return fill_error;
    fill_pattern(page, PAGE_SIZE, index);
    return 0;
}

static void
count_release(struct object *object)
{
    (void)object;
    releases++;
}

static const struct object_ops file_ops = {fill_with_number, count_release};
static const struct object_ops memory_ops = {NULL, count_release};

static struct object object;

static void
begin(const struct object_ops *ops, uint64_t size)
{
    fills = releases = 0;
    fill_error = 0;
    object_init(&object, ops, size);
}

/* What object_page answers, without keeping the page. */
static int
touch(uint32_t index)
{
    pfn_t page;
    int error = object_page(&object, index, &page);

    if (!error)
        page_put(page);
    return error;
}

/* True when the page is there and all of it is right. */
static bool
page_holds(uint32_t index, size_t size, uint32_t seed)
{
    pfn_t page = object_find(&object, index);
    if (!page.n)
        return false;
    uint8_t *bytes = frame_map(page);
    bool good = has_pattern(bytes, size, seed) && is_filled(bytes + size, PAGE_SIZE - size, 0);
    frame_unmap(page, bytes);
    return good;
}

static void
write_page(uint32_t index, uint32_t seed)
{
    pfn_t page = object_find(&object, index);
    void *bytes = frame_map(page);

    fill_pattern(bytes, PAGE_SIZE, seed);
    frame_unmap(page, bytes);
}

/* ---- pages ---- */

KTEST(object, memory_starts_as_zeros)
{
    unsigned long before = pmm_free_frames();
    pfn_t first, again;

    begin(&memory_ops, 3 * PAGE_SIZE);
    CHECK_EQ(object_page(&object, 1, &first), 0);
    CHECK(page_holds(1, 0, 0));
    CHECK_EQ(frame_of(first)->count, 2);
    CHECK_EQ(object_page(&object, 1, &again), 0);
    CHECK_EQ(again.n, first.n);
    CHECK_EQ(frame_of(first)->count, 3);
    CHECK_EQ(object_find(&object, 1).n, first.n);
    CHECK_EQ(object_find(&object, 0).n, 0);
    CHECK_EQ(object.pages, 1);
    CHECK(mm_check());
    page_put(first);
    page_put(again);
    write_page(1, 6);
    CHECK_EQ(touch(1), 0);
    CHECK(page_holds(1, PAGE_SIZE, 6));
    object_put(&object);
    CHECK_EQ(releases, 1);
    mm_drain();
    CHECK(pmm_free_frames() + 1 >= before);
}

KTEST(object, files_are_filled_once)
{
    unsigned long cached = object_cached_pages(), clean = object_clean_pages();

    begin(&file_ops, 70 * PAGE_SIZE);
    for (unsigned round = 0; round < 2; round++)
        for (uint32_t i = 60; i < 70; i++) {
            CHECK_EQ(touch(i), 0);
            CHECK(page_holds(i, PAGE_SIZE, i));
        }
    CHECK_EQ(fills, 10);
    CHECK_EQ(object_cached_pages(), cached + 10);
    CHECK_EQ(object_clean_pages(), clean + 10);
    object_get(&object);
    object_put(&object);
    CHECK_EQ(releases, 0);
    object_put(&object);
    CHECK_EQ(releases, 1);
    CHECK_EQ(object_cached_pages(), cached);
    CHECK_EQ(object_clean_pages(), clean);
}

KTEST(object, size_is_the_end)
{
    static const uint64_t sizes[] = {0,
                                     1,
                                     PAGE_SIZE - 1,
                                     PAGE_SIZE,
                                     PAGE_SIZE + 1,
                                     0xffffffff,
                                     (uint64_t)1 << 32,
                                     ((uint64_t)1 << 32) + 1,
                                     OBJECT_SIZE_MAX - PAGE_SIZE,
                                     OBJECT_SIZE_MAX - PAGE_SIZE + 1,
                                     OBJECT_SIZE_MAX};
    for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
        uint64_t pages = (sizes[i] + PAGE_MASK) >> PAGE_SHIFT;
        begin(&memory_ops, sizes[i]);
        CHECK(pages == 0 || touch((uint32_t)(pages - 1)) == 0);
        CHECK(pages > UINT32_MAX || touch((uint32_t)pages) == -ENXIO);
        CHECK_EQ(touch(0), pages ? 0 : -ENXIO);
        CHECK_EQ(touch(0xffffffff), pages > UINT32_MAX ? 0 : -ENXIO);
        CHECK(mm_check());
        object_set_size(&object, sizes[i] / 2);
        CHECK(mm_check());
        CHECK_EQ(object_find(&object, 0xffffffff).n, 0);
        CHECK(pages < 2 || object_find(&object, 0).n);
        object_put(&object);
    }
}

static void
make_too_large(void *unused)
{
    (void)unused;
    object_init(&object, &memory_ops, OBJECT_SIZE_MAX + 1);
}

KTEST(object, too_large)
{
    CHECK(ktest_panics(make_too_large, NULL, "assertion failed"));
}

/* ---- failures ---- */

KTEST(object, fill_fails)
{
    mm_drain();
    unsigned long before = pmm_free_frames();

    begin(&file_ops, 8 * PAGE_SIZE);
    fill_error = -EIO;
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(touch(i), -EIO);
    CHECK_EQ(object.pages, 0);
    CHECK_EQ(pmm_free_frames(), before);
    fill_error = 0;
    CHECK_EQ(touch(7), 0);
    fill_error = -EIO;
    CHECK_EQ(touch(7), 0); /* it is there */
    CHECK_EQ(touch(6), -EIO);
    CHECK_EQ(object.pages, 1);
    object_put(&object);
}

/* The file is cut while one of its pages is read. */
static int
fill_and_cut(struct object *cut, uint32_t index, void *page)
{
    fill_pattern(page, PAGE_SIZE, index);
    object_set_size(cut, index * PAGE_SIZE);
    return 0;
}

static const struct object_ops cut_ops = {.fill = fill_and_cut};

KTEST(object, cut_while_filled)
{
    begin(&cut_ops, 8 * PAGE_SIZE);
    CHECK_EQ(touch(5), -ENXIO);
    CHECK_EQ(object.pages, 0);
    CHECK(object_check());
    object_put(&object);
}

/* The limit of files is none for memory that is shared without one. */
KTEST(object, limit_of_files)
{
    struct object *shared = object_create_anonymous(2 * PAGE_SIZE, false);
    unsigned long before = object_counted_pages(), charged = commit_charged(), limit;
    int as_file, as_memory;
    pfn_t page;

    CHECK(shared);
    begin(&memory_ops, 2 * PAGE_SIZE);
    object.counted = true;
    limit = object_limit_counted(before + 1);
    CHECK_EQ(object_page(&object, 0, &page), 0);
    page_put(page);
    as_file = object_page(&object, 1, &page);
    as_memory = object_page(shared, 1, &page);
    object_limit_counted(limit);
    CHECK_EQ(as_file, -ENOSPC);
    CHECK_EQ(as_memory, 0);
    page_put(page);
    CHECK_EQ(object_counted_pages(), before + 1);
    CHECK_EQ(commit_charged(), charged + 2);
    CHECK(object_check());
    object_put(shared);
    object_put(&object);
    CHECK_EQ(object_counted_pages(), before);
    CHECK_EQ(commit_charged(), charged);
}

/* Whatever is not to be had, nothing stays behind; later all goes well. */
KTEST(object, every_failure)
{
    static const uint32_t indexes[] = {0, 63, 64, 5000, 0x1000000, 0xffffffff};
    unsigned long charged = commit_charged();
    unsigned failures = 0, pages = 0;

    begin(&memory_ops, OBJECT_SIZE_MAX);
    object.counted = true;
    for (unsigned i = 0; i < ARRAY_LENGTH(indexes); i++) {
        int error = -1;
        for (unsigned long n = 1; error && n < 50; n++) {
            mm_drain();
            unsigned long free = pmm_free_frames();
            mm_fail_nth(n);
            error = touch(indexes[i]);
            mm_fail_nth(0);
            CHECK(error == 0 || error == -ENOMEM);
            mm_drain();
            CHECK(error == 0 || pmm_free_frames() == free);
            failures += error != 0;
            pages += error == 0;
            CHECK_EQ(object.pages, pages);
            CHECK_EQ(commit_charged(), charged + pages);
            CHECK(mm_check());
        }
        CHECK_EQ(error, 0);
    }
    CHECK(failures > 8);
    object_put(&object);
    CHECK_EQ(commit_charged(), charged);
}

KTEST(object, anonymous)
{
    unsigned long charged = commit_charged();
    pfn_t page;

    mm_drain();
    unsigned long before = pmm_free_frames();
    mm_fail_nth(1);
    struct object *shared = object_create_anonymous(5 * PAGE_SIZE, true);
    mm_fail_nth(0);
    CHECK(!shared);
    CHECK_EQ(commit_charged(), charged);
    CHECK(!object_create_anonymous(OBJECT_SIZE_MAX, true)); /* more than there is */
    CHECK_EQ(commit_charged(), charged);
    shared = object_create_anonymous(5 * PAGE_SIZE - 1, true);
    CHECK(shared);
    CHECK_EQ(commit_charged(), charged + 5);
    CHECK_EQ(object_page(shared, 4, &page), 0);
    page_put(page);
    CHECK_EQ(object_page(shared, 5, &page), -ENXIO);
    object_put(shared);
    mm_drain();
    CHECK_EQ(pmm_free_frames(), before);
    CHECK_EQ(commit_charged(), charged);
}

/* ---- cutting ---- */

KTEST(object, cut_to_odd_bytes)
{
    static const unsigned sizes[] = {1, 2, 511, 4095, 4096, 4097, 8191, 8192, 12287, 12288, 0};

    for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
        unsigned whole = sizes[i] >> PAGE_SHIFT, rest = sizes[i] & PAGE_MASK;
        begin(&memory_ops, 3 * PAGE_SIZE);
        for (uint32_t index = 0; index < 3; index++) {
            CHECK_EQ(touch(index), 0);
            write_page(index, index);
        }
        object_set_size(&object, sizes[i]);
        CHECK_EQ(object.pages, whole + !!rest);
        for (unsigned index = 0; index < whole; index++)
            CHECK(page_holds(index, PAGE_SIZE, index));
        CHECK(!rest || page_holds(whole, rest, whole));
        object_set_size(&object, 3 * PAGE_SIZE);
        for (unsigned index = whole + !!rest; index < 3; index++) {
            CHECK_EQ(object_find(&object, index).n, 0);
            CHECK_EQ(touch(index), 0);
            CHECK(page_holds(index, 0, 0));
        }
        object_put(&object);
    }
}

/* The last page there can be is cut in its middle: nothing else goes. */
KTEST(object, cut_the_last_page)
{
    begin(&memory_ops, OBJECT_SIZE_MAX);
    CHECK_EQ(touch(0), 0);
    CHECK_EQ(touch(0xffffffff), 0);
    write_page(0xffffffff, 4);
    object_set_size(&object, OBJECT_SIZE_MAX - 1000);
    CHECK_EQ(object.pages, 2);
    CHECK(page_holds(0xffffffff, PAGE_SIZE - 1000, 4));
    object_set_size(&object, OBJECT_SIZE_MAX - PAGE_SIZE);
    CHECK_EQ(object.pages, 1);
    object_put(&object);
}

/* What a shared mapping wrote behind the end is not there when the object grows over it. */
KTEST(object, growing_shows_zeros)
{
    begin(&memory_ops, 100);
    CHECK_EQ(touch(0), 0);
    write_page(0, 3);
    object_set_size(&object, 5000);
    CHECK(page_holds(0, 100, 3));
    object_put(&object);
}

/* Who is at work on a page that is cut away keeps it to himself. */
KTEST(object, cut_under_a_holder)
{
    pfn_t page;

    begin(&memory_ops, 2 * PAGE_SIZE);
    CHECK_EQ(object_page(&object, 1, &page), 0);
    object_set_size(&object, PAGE_SIZE);
    CHECK_EQ(object.pages, 0);
    CHECK_EQ(frame_of(page)->owner, FRAME_USER);
    CHECK_EQ(frame_of(page)->count, 1);
    CHECK(mm_check());
    page_put(page);
    object_put(&object);
}

/* What is cut away leaves the programs that map it, wherever in their area it lies. */
KTEST(object, cut_under_programs)
{
    const uintptr_t where = 0x10000000;
    struct address_space *space = space_create();
    char word[8] = "program";

    CHECK(space);
    begin(&memory_ops, 9 * PAGE_SIZE);
    for (unsigned i = 0; i < 3; i++) /* the whole, its middle, its end */
        CHECK_EQ(space_mmap(space, where + i * 0x100000, (9 - 2 * i) * PAGE_SIZE,
                            PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, &object, 2 * i, true),
                 where + i * 0x100000);
    for (uint32_t i = 0; i < 9; i++)
        CHECK_EQ(space_write(space, where + i * PAGE_SIZE + 100, word, 8), 8);
    CHECK_EQ(space_read(space, where + 0x100000 + 4 * PAGE_SIZE + 100, word, 8), 8);
    CHECK_EQ(space_read(space, where + 0x200000 + 2 * PAGE_SIZE + 100, word, 8), 8);
    CHECK_EQ(frame_of(object_find(&object, 6))->count, 4);
    object_set_size(&object, 6 * PAGE_SIZE + 104);
    CHECK_EQ(object.pages, 7);
    CHECK_EQ(space_read(space, where + 6 * PAGE_SIZE + 100, word, 8), 8);
    CHECK(!memcmp(word, "prog\0\0\0", 8));
    CHECK_EQ(frame_of(object_find(&object, 6))->count, 4);
    object_set_size(&object, 6 * PAGE_SIZE);
    CHECK_EQ(object.pages, 6);
    CHECK_EQ(space_resident(space), 6 + 4 + 2); /* neighbours came along */
    CHECK_EQ(space_read(space, where + 6 * PAGE_SIZE, word, 8), 0);
    CHECK(space_check_all() && mm_check());
    object_set_size(&object, 7 * PAGE_SIZE);
    CHECK_EQ(space_read(space, where + 6 * PAGE_SIZE + 100, word, 8), 8);
    CHECK(is_filled(word, 8, 0));
    space_put(space);
    CHECK_EQ(object.refs, 1);
    object_put(&object);
}

/* So do copies that programs made of it, also where a child shares the page table. */
KTEST(object, cut_under_copies)
{
    const uintptr_t where = 0x10000000;
    struct address_space *space = space_create(), *child;
    char word[8] = "program";

    CHECK(space);
    begin(&memory_ops, 4 * PAGE_SIZE);
    CHECK_EQ(space_mmap(space, where, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_FIXED, &object, 0, true),
             where);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(space_write(space, where + i * PAGE_SIZE, word, 8), 8);
    child = space_fork(space);
    CHECK(child);
    CHECK_EQ(space_write(child, where, word, 8), 8); /* a table of its own */
    space_activate(child);
    for (unsigned pages = 3; pages > 0; pages--) {
        struct address_space *another = space_fork(space);

        CHECK(another);
        object_set_size(&object, pages * PAGE_SIZE);
        CHECK_EQ(space_resident(space), pages);
        CHECK_EQ(space_resident(child), pages);
        CHECK_EQ(space_resident(another), pages);
        CHECK(space_check_all() && mm_check());
        CHECK_EQ(space_read(another, where + pages * PAGE_SIZE, word, 8), 0);
        CHECK_EQ(space_read(space, where, word, 8), 8);
        space_put(another);
    }
    object_set_size(&object, 4 * PAGE_SIZE);
    CHECK_EQ(space_read(child, where + PAGE_SIZE, word, 8), 8);
    CHECK(is_filled(word, 8, 0));
    CHECK_EQ(space_read(child, where, word, 8), 8);
    CHECK_EQ(word[0], 'p');
    space_activate(NULL);
    space_put(child);
    space_put(space);
    object_put(&object);
}

KTEST(object, counted)
{
    unsigned long charged = commit_charged();
    enum commit_mode usual = commit_mode();

    begin(&memory_ops, 8 * PAGE_SIZE);
    object.counted = true;
    CHECK_EQ(touch(0), 0);
    CHECK_EQ(touch(0), 0);
    CHECK_EQ(touch(5), 0);
    CHECK_EQ(touch(9), -ENXIO);
    CHECK_EQ(commit_charged(), charged + 2);
    commit_set_mode(COMMIT_STRICT);
    bool full = commit_charge(commit_limit() - commit_charged());
    int error = touch(1), there = touch(5);
    commit_release(commit_limit() - charged - 2);
    commit_set_mode(usual);
    CHECK(full);
    CHECK_EQ(error, -ENOSPC);
    CHECK_EQ(there, 0);
    CHECK_EQ(object.pages, 2);
    object_set_size(&object, PAGE_SIZE);
    CHECK_EQ(commit_charged(), charged + 1);
    object_put(&object);
    CHECK_EQ(commit_charged(), charged);
}

/* ---- against a model: the bytes themselves ---- */

#define MODEL_BYTES KTEST_SCRATCH_BYTES

static bool
agrees(uint64_t size)
{
    for (uint32_t at = 0; at < MODEL_BYTES; at += PAGE_SIZE) {
        pfn_t page = object_find(&object, at >> PAGE_SHIFT);
        if (!page.n && is_filled(ktest_scratch + at, PAGE_SIZE, 0))
            continue;
        if (!page.n || at >= size)
            return false;
        void *bytes = frame_map(page);
        bool same = !memcmp(bytes, ktest_scratch + at, PAGE_SIZE);
        frame_unmap(page, bytes);
        if (!same)
            return false;
    }
    return true;
}

/* Writes a byte as a program would: anywhere in a page of the object, behind its end too. */
static bool
write_byte(uint32_t at, uint8_t value)
{
    pfn_t page;

    if (object_page(&object, at >> PAGE_SHIFT, &page))
        return false;
    uint8_t *bytes = frame_map(page);
    bytes[at & PAGE_MASK] = ktest_scratch[at] = value;
    frame_unmap(page, bytes);
    page_put(page);
    return true;
}

KTEST(object, random)
{
    uint32_t state = ktest_seed(), size = MODEL_BYTES;

    memset(ktest_scratch, 0, MODEL_BYTES);
    begin(&memory_ops, size);
    for (unsigned step = 0; step < 600; step++) {
        uint32_t at = random_below(&state, MODEL_BYTES);
        if (ktest_random(&state) % 3) {
            bool exists = at >> PAGE_SHIFT < (size + PAGE_MASK) >> PAGE_SHIFT;
            CHECK_EQ(write_byte(at, (uint8_t)step), exists);
        } else {
            uint32_t from = at < size ? at : size;
            object_set_size(&object, at);
            memset(ktest_scratch + from, 0, MODEL_BYTES - from);
            size = at;
        }
        CHECK(agrees(size));
        CHECK(step % 50 || mm_check());
    }
    object_put(&object);
    CHECK_EQ(releases, 1);
}

/* ---- the check ---- */

KTEST(object, check_sees_damage)
{
    pfn_t page;

    begin(&file_ops, 2 * PAGE_SIZE);
    CHECK_EQ(object_page(&object, 1, &page), 0);
    page_put(page);
    CHECK(mm_check());
    object.pages++;
    CHECK(!object_check());
    object.pages--;
    object.size = PAGE_SIZE;
    CHECK(!object_check());
    object.size = 2 * PAGE_SIZE;
    object.ops = &memory_ops; /* in the wrong list */
    CHECK(!object_check());
    object.ops = &file_ops;
    frame_of(page)->owner = FRAME_USER;
    CHECK(!object_check());
    frame_of(page)->owner = FRAME_CACHE;
    CHECK(object_check());
    pfn_t stray = page_alloc(FRAME_CACHE, 0); /* in no object */
    CHECK(stray.n);
    CHECK(!mm_check());
    page_put(stray);
    CHECK(mm_check());
    object_put(&object);
}
