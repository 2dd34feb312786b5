/* test_advise.c - what programs say and ask about their pages. */
#include "mm.h"
#include "object.h"
#include "space.h"
#include "testing.h"

#define WHERE    0x10000000u
#define WRITABLE (PROT_READ | PROT_WRITE)

/* Maps pages at `page` of WHERE; 0 or -errno. */
static long
map(struct address_space *space, unsigned page, unsigned pages, unsigned prot, unsigned flags)
{
    uintptr_t start = WHERE + page * PAGE_SIZE;
    long answer = space_mmap(space, start, pages * PAGE_SIZE, prot,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, NULL, 0, true);

    return answer == (long)start ? 0 : answer;
}

static long
advise(struct address_space *space, unsigned page, unsigned pages, int advice)
{
    return space_madvise(space, WHERE + page * PAGE_SIZE, pages * PAGE_SIZE, advice);
}

/* ---- bringing in ---- */

KTEST(advise, populate)
{
    struct address_space *space = space_create();
    unsigned long zero_pages = vm_counted(zero_page);

    CHECK(space);
    CHECK_EQ(map(space, 0, 4, WRITABLE, 0), 0);
    CHECK_EQ(map(space, 4, 2, PROT_READ, 0), 0);
    CHECK_EQ(map(space, 6, 2, PROT_NONE, 0), 0);
    CHECK_EQ(advise(space, 0, 2, MADV_POPULATE_WRITE), 0);
    CHECK_EQ(space_resident(space), 2);
    CHECK_EQ(advise(space, 2, 4, MADV_POPULATE_READ), 0);
    CHECK_EQ(space_resident(space), 2);
    CHECK_EQ(vm_counted(zero_page), zero_pages + 4);
    CHECK_EQ(advise(space, 3, 3, MADV_POPULATE_WRITE), -EINVAL);
    CHECK_EQ(space_resident(space), 3); /* as far as it went */
    CHECK_EQ(advise(space, 6, 1, MADV_POPULATE_READ), -EINVAL);
    CHECK_EQ(advise(space, 7, 2, MADV_POPULATE_WRITE), -EINVAL);
    CHECK_EQ(advise(space, 8, 1, MADV_POPULATE_READ), -ENOMEM);
    CHECK_EQ(map(space, 9, 1, WRITABLE, 0), 0);
    CHECK_EQ(advise(space, 8, 2, MADV_POPULATE_WRITE), -ENOMEM);
    CHECK_EQ(map(space, 10, 1, PROT_WRITE | PROT_EXEC, 0), 0);
    CHECK_EQ(advise(space, 10, 1, MADV_POPULATE_READ), -EINVAL);
    CHECK_EQ(space_resident(space), 3);
    mm_fail_nth(1);
    CHECK_EQ(advise(space, 2, 1, MADV_POPULATE_WRITE), -ENOMEM);
    mm_fail_nth(0);
    CHECK_EQ(map(space, 11, 1, WRITABLE, MAP_POPULATE), 0);
    CHECK_EQ(map(space, 12, 1, WRITABLE, MAP_POPULATE | MAP_NONBLOCK), 0);
    CHECK_EQ(space_resident(space), 4);
    space_put(space);
}

/* Beyond the end of a program's half there is nothing; beyond that of all addresses, no range. */
KTEST(advise, ends)
{
    struct address_space *space = space_create();

    CHECK(space);
    CHECK_EQ(map(space, 0, 2, WRITABLE, 0), 0);
    CHECK_EQ(map(space, 3, 1, WRITABLE, 0), 0);
    CHECK_EQ(advise(space, 0, 2, MADV_POPULATE_WRITE), 0);
    CHECK_EQ(advise(space, 3, 1, MADV_POPULATE_WRITE), 0);
    CHECK_EQ(advise(space, 0, 0, MADV_DONTNEED), 0);
    CHECK_EQ(space_madvise(space, WHERE, 0xFFFFFFFF, MADV_DONTNEED), -EINVAL);
    CHECK_EQ(space_madvise(space, WHERE, 0u - WHERE, MADV_DONTNEED), -EINVAL);
    CHECK_EQ(space_resident(space), 3);
    CHECK_EQ(space_madvise(space, WHERE + PAGE_SIZE, 0u - WHERE - 2 * PAGE_SIZE, MADV_DONTNEED),
             -ENOMEM);
    CHECK_EQ(space_resident(space), 1);
    space_put(space);
}

static int
fill_with_index(struct object *object, uint32_t index, void *page)
{
    (void)object;
    *(uint32_t *)page = index;
    return 0;
}

static const struct object_ops file_ops = {.fill = fill_with_index};

/* Pages of a file are there when the cache has them, wherever they are mapped. */
KTEST(advise, pages_of_a_file)
{
    static struct object file;
    struct address_space *space = space_create();
    uint8_t there[4];
    pfn_t page;

    CHECK(space);
    object_init(&file, &file_ops, 3 * PAGE_SIZE);
    CHECK_EQ(space_mmap(space, WHERE, 4 * PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, &file, 0,
                        false),
             WHERE);
    CHECK_EQ(object_page(&file, 1, &page), 0);
    page_put(page);
    CHECK_EQ(space_mincore(space, WHERE, 4, there), 0);
    CHECK(!there[0] && there[1] && !there[2] && !there[3]);
    CHECK_EQ(space_resident(space), 0);
    CHECK_EQ(advise(space, 0, 4, MADV_WILLNEED), 0);
    CHECK_EQ(space_mincore(space, WHERE, 4, there), 0);
    CHECK(there[0] && there[1] && there[2] && !there[3]);
    CHECK_EQ(space_resident(space), 3);
    CHECK_EQ(advise(space, 3, 1, MADV_POPULATE_READ), -EFAULT); /* past the end */
    CHECK_EQ(advise(space, 0, 4, MADV_DONTNEED), 0);
    CHECK_EQ(space_resident(space), 0);
    CHECK_EQ(space_mincore(space, WHERE, 1, there), 0);
    CHECK(there[0]);
    space_put(space);
    object_put(&file);
}

/* Memory that has no file behind it is not made for a hint. */
KTEST(advise, no_file_to_read)
{
    struct address_space *space = space_create();
    uint8_t there[4];

    CHECK(space);
    CHECK_EQ(space_mmap(space, WHERE, 4 * PAGE_SIZE, WRITABLE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true),
             WHERE);
    CHECK_EQ(space_write(space, WHERE + PAGE_SIZE, "x", 1), 1);
    CHECK_EQ(advise(space, 0, 4, MADV_WILLNEED), 0);
    CHECK_EQ(space_mincore(space, WHERE, 4, there), 0);
    CHECK(!there[0] && there[1] && !there[2] && !there[3]);
    space_put(space);
}

/* ---- locks ---- */

static long
lock(struct address_space *space, unsigned page, unsigned pages)
{
    return space_mlock(space, WHERE + page * PAGE_SIZE, pages * PAGE_SIZE, true, false);
}

/* What is locked already does not count twice. */
KTEST(advise, lock_again)
{
    struct address_space *space = space_create();

    CHECK(space);
    CHECK_EQ(map(space, 0, 8, WRITABLE, 0), 0);
    space->limits[SPACE_LIMIT_MEMLOCK] = 4 * PAGE_SIZE;
    CHECK_EQ(lock(space, 1, 3), 0);
    CHECK_EQ(lock(space, 0, 4), 0);
    CHECK_EQ(lock(space, 0, 4), 0);
    CHECK_EQ(lock(space, 0, 5), -ENOMEM);
    CHECK_EQ(lock(space, 3, 2), -ENOMEM);
    CHECK_EQ(space->locked_pages, 4);
    CHECK_EQ(space_resident(space), 4);
    CHECK_EQ(space_mlock(space, WHERE, 0, true, false), 0);
    CHECK_EQ(lock(space, 7, 2), -ENOMEM);
    CHECK(space_check_all());
    space_put(space);
}

/* All there is now, and all that comes. */
KTEST(advise, lock_all)
{
    struct address_space *space = space_create();

    CHECK(space);
    CHECK_EQ(map(space, 0, 2, WRITABLE, 0), 0);
    CHECK_EQ(map(space, 2, 2, PROT_NONE, 0), 0);
    CHECK_EQ(map(space, 4, 2, PROT_READ, 0), 0);
    CHECK_EQ(space_mlockall(space, MCL_CURRENT), 0);
    CHECK_EQ(space->locked_pages, 6);
    CHECK_EQ(space_resident(space), 2); /* but for pages of zeros */
    CHECK_EQ(map(space, 8, 2, WRITABLE, 0), 0);
    CHECK_EQ(space->locked_pages, 6);
    CHECK_EQ(space_mlockall(space, MCL_FUTURE), 0);
    CHECK_EQ(map(space, 10, 2, WRITABLE, 0), 0);
    CHECK_EQ(space_brk(space, HEAP_START + 1), HEAP_START + 1);
    CHECK_EQ(space->locked_pages, 9);
    CHECK_EQ(space_resident(space), 5);
    CHECK_EQ(space_mlockall(space, MCL_FUTURE | MCL_ONFAULT), 0);
    CHECK_EQ(map(space, 16, 2, WRITABLE, 0), 0);
    CHECK_EQ(space_brk(space, HEAP_START + PAGE_SIZE + 1), HEAP_START + PAGE_SIZE + 1);
    CHECK_EQ(space->locked_pages, 12);
    CHECK_EQ(space_resident(space), 5);
    CHECK_EQ(space_munlockall(space), 0);
    CHECK_EQ(map(space, 20, 1, WRITABLE, 0), 0);
    CHECK_EQ(space->locked_pages, 0);
    CHECK(space_check_all());
    space_put(space);
}

/* However locked memory grows, it is counted, and brought in. */
KTEST(advise, locked_memory_grows)
{
    struct address_space *space = space_create();
    uint32_t word = 1;

    CHECK(space);
    CHECK_EQ(map(space, 0, 2, WRITABLE, MAP_LOCKED), 0);
    CHECK_EQ(space_add_stack(space, USER_END), 0);
    CHECK_EQ(space_mlock(space, USER_END - PAGE_SIZE, PAGE_SIZE, true, false), 0);
    space->limits[SPACE_LIMIT_MEMLOCK] = 4 * PAGE_SIZE;
    CHECK_EQ(space_mremap(space, WHERE, 2 * PAGE_SIZE, 4 * PAGE_SIZE, MREMAP_MAYMOVE, 0), -EAGAIN);
    CHECK_EQ(space_write(space, USER_END - 3 * PAGE_SIZE, &word, 4), 0);
    CHECK_EQ(space_write(space, USER_END - 2 * PAGE_SIZE, &word, 4), 4);
    CHECK_EQ(space->locked_pages, 4);
    space->limits[SPACE_LIMIT_MEMLOCK] = 6 * PAGE_SIZE;
    CHECK_EQ(space_mremap(space, WHERE, 2 * PAGE_SIZE, 3 * PAGE_SIZE, 0, 0), WHERE);
    CHECK_EQ(space_mremap(space, WHERE, 3 * PAGE_SIZE, 4 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                          2 * WHERE),
             2 * WHERE);
    CHECK_EQ(space_resident(space), 6);
    CHECK_EQ(space_mlockall(space, MCL_FUTURE), 0);
    CHECK_EQ(space_brk(space, HEAP_START + 1), HEAP_START);
    CHECK_EQ(map(space, 8, 1, WRITABLE, 0), -EAGAIN);
    space->limits[SPACE_LIMIT_MEMLOCK] = 7 * PAGE_SIZE;
    CHECK_EQ(space_brk(space, HEAP_START + 1), HEAP_START + 1);
    CHECK_EQ(space->locked_pages, 7);
    CHECK(space_check_all());
    space_put(space);
}
