/* test_reclaim.c - what goes when memory is short, and what stays.
 *
 * The tests ask for frames as an allocation would that finds none; memory itself is not used up
 * here (tests/host/test_shortage.c does that).
 */
#include "mm.h"
#include "object.h"
#include "reclaim.h"
#include "space.h"
#include "testing.h"

#define PAGES 16

static unsigned fills;

static int
fill_with_number(struct object *object, uint32_t index, void *page)
{
    (void)object;
    fills++;
    fill_pattern(page, PAGE_SIZE, index);
    return 0;
}

static const struct object_ops file_ops = {.fill = fill_with_number};
static const struct object_ops memory_ops = {.fill = NULL};

static struct object file, other;

static bool
touch(struct object *object, uint32_t first, uint32_t end)
{
    for (; first < end; first++) {
        pfn_t page;
        if (object_page(object, first, &page))
            return false;
        page_put(page);
    }
    return true;
}

static bool
are_there(struct object *object, uint32_t first, uint32_t end)
{
    for (; first < end; first++)
        if (!object_find(object, first).n)
            return false;
    return true;
}

static bool
are_gone(struct object *object, uint32_t first, uint32_t end)
{
    for (; first < end; first++)
        if (object_find(object, first).n)
            return false;
    return true;
}

/* Empties the page cache as far as it can be, then makes a file of PAGES pages, all in memory.
 * False when other pages stay: the hand would pass those too. */
static bool
begin(void)
{
    reclaim_frames(object_clean_pages());
    object_init(&file, &file_ops, PAGES * PAGE_SIZE);
    object_init(&other, &file_ops, PAGES * PAGE_SIZE);
    fills = 0;
    return object_clean_pages() == 0 && touch(&file, 0, PAGES);
}

static void
end(void)
{
    object_put(&file);
    object_put(&other);
}

#define BEGIN()                                                                                    \
    do {                                                                                           \
        if (!begin())                                                                              \
            SKIP("pages of others stay in the cache");                                             \
    } while (0)

KTEST(reclaim, marks)
{
    CHECK(reclaim_reserve() >= 8 && reclaim_reserve() <= 1024);
    CHECK(reclaim_reserve() < reclaim_low_mark() && reclaim_low_mark() < reclaim_high_mark());
    CHECK(reclaim_high_mark() < pmm_managed_frames() / 16 || pmm_managed_frames() < 512);
}

KTEST(reclaim, takes_what_is_asked_for)
{
    BEGIN();
    unsigned long steals = vm_counted(pgsteal), scans = vm_counted(pgscan);
    CHECK_EQ(reclaim_frames(6), 6);
    CHECK_EQ(file.pages, PAGES - 6);
    CHECK(are_gone(&file, 0, 6) && are_there(&file, 6, PAGES));
    CHECK_EQ(vm_counted(pgsteal), steals + 6);
    CHECK_EQ(vm_counted(pgscan), scans + PAGES + 6); /* a turn for the marks */
    CHECK(mm_check());
    CHECK(touch(&file, 0, PAGES));
    CHECK_EQ(fills, PAGES + 6);
    CHECK(reclaim_frames(1000) >= PAGES);
    CHECK_EQ(file.pages, 0);
    CHECK_EQ(object_clean_pages(), 0);
    end();
}

/* What was touched since the hand last came by is passed over, whoever stands before it. */
KTEST(reclaim, used_pages_get_a_second_chance)
{
    BEGIN();
    CHECK_EQ(reclaim_frames(1), 1);
    CHECK(touch(&file, 5, 10));
    CHECK_EQ(reclaim_frames(PAGES - 6), PAGES - 6);
    CHECK(are_there(&file, 5, 10));
    CHECK_EQ(file.pages, 5);
    CHECK_EQ(reclaim_frames(5), 5); /* not touched again: not a third */
    CHECK_EQ(file.pages, 0);
    end();
}

/* Or two programs would take each other's text away, again and again. */
KTEST(reclaim, programs_leave_what_they_run_from)
{
    static struct object large;
    uint32_t pages = (uint32_t)reclaim_reserve() + 10;

    if (!can_spare(pages + 20))
        SKIP("not enough memory");
    BEGIN();
    object_init(&large, &file_ops, (uint64_t)pages * PAGE_SIZE);
    CHECK(touch(&large, 0, pages - PAGES));
    CHECK_EQ(reclaim_spare_pages(), 10);
    CHECK(reclaim_for_program(3) >= 3);
    CHECK_EQ(reclaim_spare_pages(), 7);
    reclaim_for_program(1000);
    CHECK_EQ(reclaim_spare_pages(), 0);
    CHECK_EQ(object_clean_pages(), reclaim_reserve());
    CHECK(reclaim_frames(1000 + pages) >= reclaim_reserve());
    CHECK_EQ(object_clean_pages(), 0);
    object_put(&large);
    end();
}

KTEST(reclaim, held_pages_stay)
{
    pfn_t held;

    BEGIN();
    CHECK_EQ(object_page(&file, 3, &held), 0);
    CHECK(reclaim_frames(1000) >= PAGES - 1);
    CHECK_EQ(file.pages, 1);
    CHECK_EQ(object_find(&file, 3).n, held.n);
    page_put(held);
    CHECK(reclaim_frames(1) >= 1);
    CHECK_EQ(file.pages, 0);
    end();
}

KTEST(reclaim, memory_without_a_file_stays)
{
    struct object memory;

    BEGIN();
    object_init(&memory, &memory_ops, PAGES * PAGE_SIZE);
    CHECK(touch(&memory, 0, PAGES));
    CHECK(reclaim_frames(1000) >= PAGES);
    CHECK_EQ(memory.pages, PAGES);
    CHECK_EQ(object_clean_pages(), 0);
    object_put(&memory);
    end();
}

/* The hand goes through one file, then the next; one that ends takes nothing with it. */
KTEST(reclaim, several_files)
{
    BEGIN();
    CHECK(touch(&other, 0, PAGES));
    CHECK_EQ(reclaim_frames(1), 1); /* the marks are gone */
    CHECK_EQ(reclaim_frames(PAGES + 3), PAGES + 3);
    CHECK_EQ(file.pages, 0);
    CHECK_EQ(other.pages, PAGES - 4);
    CHECK(touch(&file, 0, 4));
    object_set_size(&other, 0);
    CHECK(mm_check());
    CHECK_EQ(reclaim_frames(4), 4);
    CHECK_EQ(file.pages, 0);
    end();
}

/* The last page that there can be, and one before it: the hand comes around. */
KTEST(reclaim, last_index)
{
    BEGIN();
    object_set_size(&file, OBJECT_SIZE_MAX);
    CHECK(touch(&file, 0xfffffffe, 0xffffffff));
    pfn_t last;
    CHECK_EQ(object_page(&file, 0xffffffff, &last), 0);
    CHECK(reclaim_frames(1000) >= PAGES + 1);
    CHECK_EQ(file.pages, 1);
    CHECK(touch(&other, 0, 2));
    CHECK_EQ(reclaim_frames(2), 2); /* the held one does not keep the hand */
    CHECK_EQ(other.pages, 0);
    page_put(last);
    CHECK(reclaim_frames(1) >= 1);
    CHECK_EQ(file.pages, 0);
    end();
}

/* Many files and pages in any state: the counts stay right, and what comes back is the same. */
KTEST(reclaim, random)
{
    static struct object files[8];
    static pfn_t held[24];
    uint32_t state = ktest_seed();

    BEGIN();
    for (unsigned i = 0; i < ARRAY_LENGTH(files); i++)
        object_init(&files[i], &file_ops, 100 * PAGE_SIZE);
    for (unsigned step = 0; step < 1500; step++) {
        struct object *object = &files[random_below(&state, ARRAY_LENGTH(files))];
        pfn_t *page = &held[random_below(&state, ARRAY_LENGTH(held))];
        uint32_t index = random_below(&state, can_spare(2000) ? 100 : 10);
        if (page->n)
            page_put(*page);
        *page = pfn(0);
        if (ktest_random(&state) % 8 == 0)
            reclaim_frames(random_below(&state, 60));
        if (ktest_random(&state) % 64 == 0)
            object_set_size(object, (uint64_t)index * PAGE_SIZE);
        if (object_page(object, index, page)) {
            object_set_size(object, 100 * PAGE_SIZE);
            CHECK_EQ(object_page(object, index, page), 0);
        }
        uint8_t *bytes = frame_map(*page);
        CHECK(has_pattern(bytes, 64, index));
        frame_unmap(*page, bytes);
        CHECK(step % 100 || mm_check());
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(held); i++) {
        if (held[i].n)
            page_put(held[i]);
        held[i] = pfn(0);
    }
    CHECK(reclaim_frames(object_clean_pages()) > 0);
    CHECK_EQ(object_clean_pages(), 0);
    for (unsigned i = 0; i < ARRAY_LENGTH(files); i++)
        object_put(&files[i]);
    end();
}

/* ---- pages that programs map ---- */

#define WHERE 0x10000000u

/* A space with the file at WHERE; NULL when it cannot be had. */
static struct address_space *
map_file(unsigned type)
{
    struct address_space *space = space_create();

    if (space && space_mmap(space, WHERE, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                            type | MAP_FIXED, &file, 0, true) != WHERE) {
        space_put(space);
        return NULL;
    }
    return space;
}

/* The program reads page `index`: it is the file's. */
static bool
program_reads(struct address_space *space, uint32_t index)
{
    uint8_t bytes[64];

    return space_read(space, WHERE + index * PAGE_SIZE, bytes, sizeof(bytes)) == sizeof(bytes) &&
           has_pattern(bytes, sizeof(bytes), index);
}

/* The hand unmaps what the CPU did not mark, and leaves what it did for one turn more. */
KTEST(reclaim, mapped_pages)
{
    BEGIN();
    struct address_space *space = map_file(MAP_SHARED);
    CHECK(space);
    CHECK(program_reads(space, 5)); /* its neighbours come along */
    CHECK_EQ(space_resident(space), PAGES);
    CHECK_EQ(frame_of(object_find(&file, 3))->count, 2);
    CHECK_EQ(reclaim_frames(4), 4);
    CHECK(are_gone(&file, 0, 4) && are_there(&file, 4, PAGES));
    CHECK_EQ(space_resident(space), 1);
    CHECK_EQ(frame_of(object_find(&file, 5))->count, 2);
    CHECK(space_check_all() && mm_check());
    CHECK(reclaim_frames(1000) >= PAGES - 4);
    CHECK_EQ(file.pages, 0);
    CHECK_EQ(space_resident(space), 0);
    for (uint32_t i = 0; i < PAGES; i++)
        CHECK(program_reads(space, i));
    CHECK(space_check_all() && mm_check());
    space_put(space);
    CHECK_EQ(file.refs, 1);
    end();
}

/* Parent and child share tables: a page leaves both at once. */
KTEST(reclaim, mapped_by_many)
{
    BEGIN();
    struct address_space *space = map_file(MAP_PRIVATE), *second = map_file(MAP_SHARED);
    CHECK(space && second);
    CHECK(program_reads(space, 0) && program_reads(second, 15));
    struct address_space *child = space_fork(space);
    CHECK(child);
    uint8_t own[64];
    fill_pattern(own, sizeof(own), 77);
    CHECK_EQ(space_write(child, WHERE + 9 * PAGE_SIZE, own, sizeof(own)), sizeof(own));
    CHECK(space_check_all());
    CHECK(reclaim_frames(1000) >= PAGES);
    CHECK_EQ(file.pages, 0);
    CHECK_EQ(space_resident(space) + space_resident(second), 0);
    CHECK_EQ(space_resident(child), 1); /* its copy */
    CHECK(space_check_all() && mm_check());
    CHECK(program_reads(space, 9) && program_reads(second, 9) && !program_reads(child, 9));
    space_put(child);
    space_put(space);
    space_put(second);
    end();
}

/* Areas of the same file that do not show the page, one below it and one above, are left alone. */
KTEST(reclaim, other_parts_of_the_file)
{
    static const uint32_t indexes[] = {0, 0x80000000, 0xffff0000};
    BEGIN();
    struct address_space *space = space_create();
    CHECK(space);
    object_set_size(&other, OBJECT_SIZE_MAX);
    for (uint32_t i = 0; i < ARRAY_LENGTH(indexes); i++) {
        uintptr_t at = WHERE + 2 * i * PAGE_SIZE;
        CHECK_EQ(space_mmap(space, at, PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, &other,
                            indexes[i], false), (long)at);
        CHECK_EQ(space_fault(space, at, FAULT_READ), FAULT_DONE);
    }
    CHECK_EQ(space_resident(space), 3);
    CHECK(reclaim_frames(1000) >= PAGES + 3);
    CHECK_EQ(other.pages, 0);
    CHECK_EQ(space_resident(space), 0);
    space_put(space);
    end();
}

KTEST(reclaim, locked_pages_stay)
{
    BEGIN();
    struct address_space *space = map_file(MAP_SHARED);
    CHECK(space);
    CHECK_EQ(space_mlock(space, WHERE, 4 * PAGE_SIZE, true, false), 0);
    CHECK(reclaim_frames(1000) >= PAGES - 4);
    CHECK_EQ(file.pages, 4);
    CHECK_EQ(space_resident(space), 4);
    CHECK_EQ(space_mlock(space, WHERE, 4 * PAGE_SIZE, false, false), 0);
    CHECK(reclaim_frames(1000) >= 4);
    CHECK_EQ(file.pages, 0);
    space_put(space);
    end();
}

/* What a program locked its child has not, though it may share the table that leads there. */
KTEST(reclaim, locked_pages_stay_beside_a_child)
{
    BEGIN();
    struct address_space *space = map_file(MAP_SHARED);
    CHECK(space);
    CHECK_EQ(space_mlock(space, WHERE, 4 * PAGE_SIZE, true, false), 0);
    struct address_space *child = space_fork(space);
    CHECK(child);
    CHECK(reclaim_frames(1000) >= PAGES - 4);
    CHECK(reclaim_frames(1000) < 4);
    CHECK_EQ(file.pages, 4);
    CHECK_EQ(space_resident(space), 4);
    CHECK(space_check_all() && mm_check());
    space_put(child);
    space_put(space);
    end();
}

/* ---- shrinkers ---- */

static unsigned long wanted_of_pool, in_pool;

static unsigned long
shrink_pool(unsigned long frames)
{
    unsigned long freed = frames < in_pool ? frames : in_pool;

    wanted_of_pool = frames;
    in_pool -= freed;
    return freed;
}

/* Pools are asked for what the page cache did not bring. */
KTEST(reclaim, shrinker)
{
    static struct shrinker pool = {.shrink = shrink_pool};

    BEGIN();
    in_pool = 5;
    wanted_of_pool = 0;
    shrinker_register(&pool);
    bool pages_first = reclaim_frames(PAGES) == PAGES && wanted_of_pool == 0 && in_pool == 5;
    bool then_pool = touch(&file, 0, PAGES) && reclaim_frames(PAGES + 2) >= PAGES + 2 &&
                     wanted_of_pool == 2 && in_pool == 3;
    shrinker_unregister(&pool);
    CHECK(pages_first);
    CHECK(then_pool);
    wanted_of_pool = 0;
    reclaim_frames(3);
    CHECK_EQ(wanted_of_pool, 0);
    end();
}

/* An object may go, and pages be had, while frames are being reclaimed for it: never twice at a
 * time. */
static unsigned long
shrink_by_reclaim(unsigned long frames)
{
    return reclaim_frames(frames) == 0 ? 1 : 0;
}

KTEST(reclaim, not_within_itself)
{
    static struct shrinker pool = {.shrink = shrink_by_reclaim};

    BEGIN();
    shrinker_register(&pool);
    unsigned long got = reclaim_frames(PAGES + 1);
    shrinker_unregister(&pool);
    CHECK_EQ(got, PAGES + 1);
    end();
}
