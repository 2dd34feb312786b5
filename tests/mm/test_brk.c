/* test_brk.c - the heap that cannot change, and where stacks stop. */
#include "commit.h"
#include "mm.h"
#include "reclaim.h"
#include "space.h"
#include "testing.h"

#define WRITABLE (PROT_READ | PROT_WRITE)

static long
map(struct address_space *space, uintptr_t start, unsigned prot, unsigned flags)
{
    long answer = space_mmap(space, start, PAGE_SIZE, prot,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, NULL, 0, true);

    return answer == (long)start ? 0 : answer;
}

/* A heap that a child shares needs a table of its own before it shrinks: without memory for that
 * the break stays. */
KTEST(brk, stays_without_memory)
{
    struct address_space *space = space_create(), *child;
    uintptr_t high = HEAP_START + 3 * PAGE_SIZE, down;
    uint32_t word = 7;

    CHECK(space);
    CHECK_EQ(space_brk(space, high), high);
    CHECK_EQ(space_write(space, high - 4, &word, 4), 4);
    child = space_fork(space);
    CHECK(child);
    reclaim_pools();
    mm_fail_nth(1);
    down = space_brk(space, HEAP_START + 1);
    mm_fail_nth(0);
    CHECK_EQ(down, high);
    CHECK_EQ(space->total_pages, 3);
    CHECK_EQ(space_read(space, high - 4, &word, 4), 4);
    CHECK_EQ(word, 7);
    CHECK_EQ(space_brk(space, HEAP_START + 1), HEAP_START + 1);
    CHECK_EQ(space_resident(space), 0);
    CHECK_EQ(space_resident(child), 1);
    CHECK(space_check_all());
    space_put(child);
    space_put(space);
}

/* The limit counts the program's data and the bytes of the heap, not its pages. */
KTEST(brk, limit_to_the_byte)
{
    struct address_space *space = space_create();

    CHECK(space);
    space->data_start = 0x01000000;
    space->data_end = space->data_start + 100;
    space->limits[SPACE_LIMIT_DATA] = 2 * PAGE_SIZE;
    CHECK_EQ(space_brk(space, HEAP_START + 2 * PAGE_SIZE - 99), HEAP_START);
    CHECK_EQ(space_brk(space, HEAP_START + 2 * PAGE_SIZE - 100), HEAP_START + 2 * PAGE_SIZE - 100);
    CHECK_EQ(space->total_pages, 2);
    space->limits[SPACE_LIMIT_DATA] = PAGE_SIZE;
    CHECK_EQ(space_brk(space, HEAP_START + PAGE_SIZE), HEAP_START + PAGE_SIZE);
    space_put(space);
}

/* Nobody is promised more than there is when all promises are kept. */
KTEST(brk, strict_promises)
{
    unsigned long charged = commit_charged(), room = commit_limit() - charged;
    enum commit_mode usual = commit_mode();
    struct address_space *space, *child;
    uintptr_t most = HEAP_START + (room << PAGE_SHIFT), got[3];

    if (room > (MMAP_TOP - HEAP_START) >> (PAGE_SHIFT + 1))
        SKIP("more memory than fits into a heap");
    space = space_create();
    CHECK(space);
    commit_set_mode(COMMIT_STRICT);
    got[0] = space_brk(space, most + 1);
    got[1] = space_brk(space, most);
    child = space_fork(space);
    got[2] = space_brk(space, HEAP_START + PAGE_SIZE);
    commit_set_mode(usual);
    CHECK(got[0] == HEAP_START && got[1] == most && child == NULL);
    CHECK_EQ(got[2], HEAP_START + PAGE_SIZE);
    CHECK_EQ(commit_charged(), charged + 1);
    space_put(space);
    CHECK_EQ(commit_charged(), charged);
}

/* A stack comes up to another stack or to what nobody can touch, and no nearer than its gap to
 * anything else; what is there already is left alone. */
KTEST(brk, stacks_meet)
{
    const uintptr_t top = 0x60000000;
    struct address_space *space = space_create();
    uint32_t word = 1;

    CHECK(space);
    CHECK_EQ(map(space, top - PAGE_SIZE, PROT_READ, 0), 0);
    CHECK_EQ(space_add_stack(space, top), -EEXIST);
    CHECK_EQ(space_munmap(space, top - PAGE_SIZE, PAGE_SIZE), 0);
    CHECK_EQ(space_add_stack(space, top), 0);
    CHECK_EQ(map(space, top - 4 * PAGE_SIZE, PROT_NONE, 0), 0);
    CHECK_EQ(space_write(space, top - 3 * PAGE_SIZE, &word, 4), 4);
    CHECK_EQ(space_write(space, top - 4 * PAGE_SIZE, &word, 4), 0);
    CHECK_EQ(space_munmap(space, top - 4 * PAGE_SIZE, 2 * PAGE_SIZE), 0);
    CHECK_EQ(map(space, top - 5 * PAGE_SIZE, WRITABLE, MAP_GROWSDOWN), 0);
    CHECK_EQ(space_write(space, top - 4 * PAGE_SIZE, &word, 4), 4);
    CHECK_EQ(space_write(space, top - 5 * PAGE_SIZE, &word, 4), 4);
    CHECK_EQ(map(space, top - 6 * PAGE_SIZE - STACK_GAP, PROT_READ, 0), 0);
    CHECK_EQ(space_write(space, top - 6 * PAGE_SIZE, &word, 4), 0);
    CHECK_EQ(space_munmap(space, top - 6 * PAGE_SIZE - STACK_GAP, PAGE_SIZE), 0);
    CHECK_EQ(space_write(space, top - 6 * PAGE_SIZE, &word, 4), 4);
    CHECK(space_check_all());
    space_put(space);
}
