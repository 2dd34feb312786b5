/* test_usercopy.c - copies in and out of a program's memory: every edge gives -EFAULT, tells to the
 * byte how far it came, and never faults the kernel.
 *
 *   BASE         BASE + 1     BASE + 2     BASE + 3     BASE + 4
 *   | written    | untouched  | hole       | read-only  | hole
 */
#include <string.h>
#include "cpu.h"
#include "ktest.h"
#include "mm.h"
#include "sched.h"
#include "usercopy.h"

#define BASE      0x00400000u
#define PAGE(n)   ((char *)(BASE + (n) * PAGE_SIZE))
#define HALF      (PAGE_SIZE / 2)
#define UNTOUCHED 0x5A

static struct address_space *space;

static bool
map(unsigned page, unsigned pages, unsigned prot)
{
    return space_mmap(space, BASE + page * PAGE_SIZE, pages * PAGE_SIZE, prot,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true) > 0;
}

/* Makes the space above the active one, as if the idle task were a program. */
static bool
enter(void)
{
    space = space_create();
    if (space == NULL)
        return false;
    if (!map(0, 2, PROT_READ | PROT_WRITE) || !map(3, 1, PROT_READ)) {
        space_put(space);
        return false;
    }
    idle_task.space = space;
    space_activate(space);
    return true;
}

static void
leave(void)
{
    idle_task.space = NULL;
    space_activate(NULL);
    space_put(space);
}

/* Each case between enter and leave, so that a failed check does not leave the space active. */
#define USERCOPY_TEST(name)                                                                        \
    static void check_##name(void);                                                                \
    KTEST(usercopy, name)                                                                          \
    {                                                                                              \
        if (!enter())                                                                              \
            SKIP("not enough memory");                                                             \
        check_##name();                                                                            \
        leave();                                                                                   \
    }                                                                                              \
    static void check_##name(void)

USERCOPY_TEST(there_and_back)
{
    static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 63, 1000, HALF};
    char *out = (char *)ktest_scratch, *in = out + PAGE_SIZE;

    for (size_t i = 0; i < PAGE_SIZE; i++)
        out[i] = (char)(i * 7);
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        memset(in, UNTOUCHED, PAGE_SIZE);
        CHECK_EQ(copy_to_user(PAGE(1) - 3, out, sizes[i]), 0);
        CHECK_EQ(copy_from_user(in, PAGE(1) - 3, sizes[i]), 0);
        CHECK_EQ(memcmp(in, out, sizes[i]), 0);
        CHECK_EQ(in[sizes[i]], UNTOUCHED);
    }
}

USERCOPY_TEST(bad_addresses)
{
    static const uintptr_t bad[] = {0, 1, 0xFFC, BASE - 1, USER_END - 1, USER_END, 0xC0100000,
                                    0xE0000000, 0xFFFFF000, 0xFFFFFFFF};
    uint32_t word = 1;

    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        void *at = (void *)bad[i];

        CHECK_EQ(copy_to_user(at, &word, 4), -EFAULT);
        CHECK_EQ(copy_from_user(&word, at, 4), -EFAULT);
        CHECK_EQ(copy_to_user_partial(at, &word, 4), 4);
        CHECK_EQ(copy_from_user_partial(&word, at, 4), 4);
        CHECK_EQ(get_user_u32(&word, at), -EFAULT);
        CHECK_EQ(put_user_u32(0, at), -EFAULT);
        CHECK_EQ(clear_user(at, 4), -EFAULT);
        CHECK_EQ(copy_string_from_user((char *)&word, at, 4), -EFAULT);
    }
    CHECK_EQ(word, 1);
}

USERCOPY_TEST(sizes_that_wrap)
{
    char *scratch = (char *)ktest_scratch;

    CHECK_EQ(copy_from_user(scratch, PAGE(0), SIZE_MAX), -EFAULT);
    CHECK_EQ(copy_from_user(scratch, PAGE(0), SIZE_MAX - BASE), -EFAULT);
    CHECK_EQ(copy_from_user(scratch, (void *)(USER_END - 4), 8), -EFAULT);
    CHECK_EQ(copy_to_user((void *)0xFFFFFFF0, scratch, 0x20), -EFAULT);
    CHECK_EQ(clear_user(PAGE(0), USER_END), -EFAULT);
    CHECK_EQ(copy_to_user(PAGE(0), scratch, 0), 0);
    CHECK_EQ(copy_to_user((void *)USER_END, scratch, 0), 0);
}

/* The copy begins `before` bytes before a hole: so many arrive, whatever the alignment. */
USERCOPY_TEST(stops_at_a_hole)
{
    char *scratch = (char *)ktest_scratch;

    memset(scratch, 1, HALF);
    for (size_t before = 0; before < 9; before++) {
        for (size_t size = before + 1; size < before + 9; size++) {
            char *at = PAGE(2) - before;

            CHECK_EQ(copy_to_user_partial(at, scratch, size), size - before);
            CHECK_EQ(copy_from_user_partial(scratch + HALF, at, size), size - before);
            CHECK_EQ(clear_user(at, size), -EFAULT);
        }
    }
    CHECK_EQ(copy_to_user_partial(PAGE(2) - HALF, scratch, PAGE_SIZE), HALF);
    CHECK_EQ(copy_from_user(scratch, PAGE(2) - HALF, PAGE_SIZE), -EFAULT);
}

USERCOPY_TEST(read_only_page)
{
    uint32_t word = 7;

    CHECK_EQ(get_user_u32(&word, PAGE(3)), 0);
    CHECK_EQ(word, 0);
    CHECK_EQ(put_user_u32(1, PAGE(3)), -EFAULT);
    CHECK_EQ(copy_to_user(PAGE(3) + 8, &word, 4), -EFAULT);
    CHECK_EQ(clear_user(PAGE(3), 4), -EFAULT);
    CHECK_EQ(get_user_u32(&word, PAGE(3)), 0);
    CHECK_EQ(word, 0);
}

/* What was a page of zeros, or shared with a child, becomes a page of one's own. */
USERCOPY_TEST(breaks_copy_on_write)
{
    struct address_space *child;
    uint32_t word = 0;

    CHECK_EQ(get_user_u32(&word, PAGE(0)), 0);
    CHECK_EQ(put_user_u32(11, PAGE(0)), 0);
    child = space_fork(space);
    CHECK(child != NULL);
    CHECK_EQ(put_user_u32(22, PAGE(0)), 0);
    CHECK_EQ(space_read(child, BASE, &word, sizeof(word)), sizeof(word));
    space_put(child);
    CHECK_EQ(word, 11);
    CHECK_EQ(get_user_u32(&word, PAGE(0)), 0);
    CHECK_EQ(word, 22);
}

USERCOPY_TEST(words_across_pages)
{
    uint32_t word = 0;

    CHECK_EQ(put_user_u32(0x11223344, PAGE(1) - 2), 0);
    CHECK_EQ(get_user_u32(&word, PAGE(1) - 2), 0);
    CHECK_EQ(word, 0x11223344);
    CHECK_EQ(get_user_u32(&word, PAGE(2) - 3), -EFAULT);
    CHECK_EQ(put_user_u32(1, PAGE(2) - 1), -EFAULT);
}

/* Strings of each length at each alignment, the buffer too small, just right, too large. */
USERCOPY_TEST(strings)
{
    static const char text[] = "a string of some length, to be cut";
    char *buffer = (char *)ktest_scratch;

    for (size_t offset = 0; offset < 4; offset++) {
        for (size_t length = 0; length < sizeof(text) - 1; length++) {
            char *at = PAGE(0) + offset;

            CHECK_EQ(copy_to_user(at, text, length), 0);
            CHECK_EQ(clear_user(at + length, 1), 0);
            memset(buffer, UNTOUCHED, 64);
            CHECK_EQ(copy_string_from_user(buffer, at, length + 1), length);
            CHECK(memcmp(buffer, text, length) == 0 && buffer[length] == '\0');
            CHECK_EQ(buffer[length + 1], UNTOUCHED);
            CHECK_EQ(copy_string_from_user(buffer, at, length), -ENAMETOOLONG);
            CHECK_EQ(copy_string_from_user(buffer, at, 64), length);
        }
    }
}

USERCOPY_TEST(string_at_the_end_of_memory)
{
    char *buffer = (char *)ktest_scratch, *at = PAGE(2) - 5;

    CHECK_EQ(copy_to_user(at, "four", 5), 0);
    CHECK_EQ(copy_string_from_user(buffer, at, 64), 4);
    CHECK_EQ(copy_to_user(at, "fives", 5), 0);
    CHECK_EQ(copy_string_from_user(buffer, at, 64), -EFAULT);
    CHECK_EQ(copy_string_from_user(buffer, at, 5), -ENAMETOOLONG);
    CHECK_EQ(copy_string_from_user(buffer, PAGE(2), 64), -EFAULT);
}

/* A page that cannot be had is a fault like any other, and the next try is a new one. */
USERCOPY_TEST(no_memory)
{
    CHECK_EQ(put_user_u32(1, PAGE(0)), 0); /* there is a page table */
    mm_fail_nth(1);
    CHECK_EQ(put_user_u32(1, PAGE(1)), -EFAULT);
    mm_fail_nth(0);
    CHECK_EQ(put_user_u32(1, PAGE(1)), 0);
}

KTEST(usercopy, no_space)
{
    uint32_t word;

    CHECK_EQ(get_user_u32(&word, (void *)BASE), -EFAULT);
    CHECK_EQ(put_user_u32(1, (void *)BASE), -EFAULT);
}
