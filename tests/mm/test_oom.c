/* test_oom.c - who is chosen when memory is out, and what the report says. */
#include <string.h>

#include "object.h"
#include "oom_choice.h"
#include "listener.h"
#include "testing.h"

#define WHERE 0x10000000u

static const struct address_space *protected_space;
static struct address_space *ours[3];

/* Spaces of others (when programs run) are left alone. */
static bool
may_end(const struct address_space *space)
{
    bool known = false;

    for (unsigned i = 0; i < ARRAY_LENGTH(ours); i++)
        known |= space == ours[i];
    return known && space != protected_space;
}

static bool
none(const struct address_space *space)
{
    (void)space;
    return false;
}

/* The choice, without the reference that comes with it. */
static const struct address_space *
chosen(bool (*allowed)(const struct address_space *space))
{
    struct address_space *space = oom_choose(allowed);

    if (space)
        space_put(space);
    return space;
}

/* A space with `pages` pages of its own. */
static struct address_space *
make(unsigned pages)
{
    struct address_space *space = space_create();

    if (space && vm_alloc_map(space, WHERE, pages * PAGE_SIZE, PROT_READ | PROT_WRITE) != 0) {
        space_put(space);
        return NULL;
    }
    return space;
}

static void
end(void)
{
    for (unsigned i = 0; i < ARRAY_LENGTH(ours); i++) {
        CHECK(!ours[i] || ours[i]->refs == 1);
        if (ours[i])
            space_put(ours[i]);
        ours[i] = NULL;
    }
    protected_space = NULL;
}

KTEST(oom, the_largest_that_may_end)
{
    if (!can_spare(40))
        SKIP("not enough memory");
    ours[0] = make(3);
    ours[1] = make(9);
    ours[2] = make(6);
    CHECK(ours[0] && ours[1] && ours[2]);
    CHECK(chosen(none) == NULL);
    CHECK(chosen(may_end) == ours[1]);
    protected_space = ours[1];
    CHECK(chosen(may_end) == ours[2]);
    protected_space = ours[2];
    CHECK_EQ(space_munmap(ours[1], WHERE, 8 * PAGE_SIZE), 0);
    CHECK(chosen(may_end) == ours[0]);
    end();
}

/* Two that share all they have are each as large as half of it. */
KTEST(oom, shared_memory_counts_in_parts)
{
    if (!can_spare(60))
        SKIP("not enough memory");
    ours[0] = make(16);
    CHECK(ours[0]);
    ours[1] = space_fork(ours[0]);
    ours[2] = make(10);
    CHECK(ours[1] && ours[2]);
    CHECK(chosen(may_end) == ours[2]);
    char word[8] = "program";
    for (unsigned i = 0; i < 8; i++) /* one gets copies: 8 of its own and 8 halves */
        CHECK_EQ(space_write(ours[1], WHERE + i * PAGE_SIZE, word, 8), 8);
    CHECK(chosen(may_end) != ours[2]);
    end();
}

/* Shared memory goes with its last user, and only the user's memory describes so many areas. */
KTEST(oom, what_counts)
{
    const unsigned many = (6 * PAGE_SIZE / sizeof(struct area)) & ~1u;
    static const struct object_ops memory_ops = {.fill = NULL};
    static struct object file;
    uint32_t word = 1;

    if (!can_spare(80))
        SKIP("not enough memory");
    ours[0] = make(6);
    ours[1] = make(1);
    ours[2] = make(1);
    CHECK(ours[0] && ours[1] && ours[2]);
    object_init(&file, &memory_ops, 12 * PAGE_SIZE);
    CHECK_EQ(space_mmap(ours[2], 2 * WHERE, 12 * PAGE_SIZE, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_FIXED | MAP_POPULATE, &file, 0, true),
             2 * WHERE);
    CHECK_EQ(space_resident(ours[2]), 13);
    CHECK(chosen(may_end) == ours[0]); /* the file stays */
    CHECK_EQ(space_munmap(ours[2], 2 * WHERE, 12 * PAGE_SIZE), 0);
    object_put(&file);
    CHECK_EQ(space_mmap(ours[1], 2 * WHERE, 10 * PAGE_SIZE, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, NULL, 0, true),
             2 * WHERE);
    CHECK(chosen(may_end) == ours[1]);
    CHECK_EQ(space_munmap(ours[1], 2 * WHERE, 10 * PAGE_SIZE), 0);
    CHECK(chosen(may_end) == ours[0]);
    CHECK_EQ(space_mmap(ours[2], 2 * WHERE, many * PAGE_SIZE, PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true),
             2 * WHERE);
    for (unsigned i = 0; i < many; i += 2)
        CHECK_EQ(space_mprotect(ours[2], 2 * WHERE + i * PAGE_SIZE, PAGE_SIZE, PROT_NONE), 0);
    CHECK_EQ(space_write(ours[0], WHERE, &word, 4), 4);
    CHECK(chosen(may_end) == ours[2]);
    end();
}

/* ---- the report ---- */

static void
print_number(struct printer *out, const struct address_space *space)
{
    for (unsigned i = 0; i < ARRAY_LENGTH(ours); i++)
        if (space == ours[i])
            print(out, "number %u", i);
}

/* Eleven spaces beside ours[0], which is the smallest: it is not listed, but counted. */
KTEST(oom, report_of_many)
{
    struct printer printer = {take_text};
    struct address_space *more[11];
    bool made = true;

    if (!can_spare(100))
        SKIP("not enough memory");
    used = 0;
    ours[0] = make(1);
    for (unsigned i = 0; i < ARRAY_LENGTH(more); i++) {
        more[i] = make(i % 4 + 2);
        made &= more[i] != NULL;
    }
    ours[1] = make(9);
    CHECK(made && ours[0] && ours[1]);
    oom_print_report(&printer, ours[1], print_number);
    CHECK(says("number 1\n") && !says("number 0\n"));
    CHECK(says(" others\n"));
    for (unsigned i = 0; i < ARRAY_LENGTH(more); i++)
        space_put(more[i]);
    end();
}

KTEST(oom, report)
{
    struct printer printer = {take_text};
    bool pae; /* a directory of three frames */

    if (!can_spare(40))
        SKIP("not enough memory");
    used = 0;
    ours[0] = make(3);
    ours[1] = make(9);
    CHECK(ours[0] && ours[1]);
    oom_print_report(&printer, ours[1], print_number);
    pae = space_tables(ours[0]) == 4;
    CHECK(says(pae ? "oom: *        36         0        16"
                   : "oom: *        36         0         8"));
    CHECK(says(pae ? "oom:          12         0        16"
                   : "oom:          12         0         8"));
    CHECK(says("number 0\n") && says("number 1\n"));
    CHECK(says("oom: page cache "));
    CHECK(says("oom: free "));
    CHECK(says("= all RAM of the firmware's map"));
    end();
}
