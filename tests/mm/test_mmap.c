/* test_mmap.c - mappings made, moved and taken away. */
#include "commit.h"
#include "mm.h"
#include "object.h"
#include "space.h"
#include "testing.h"

#define WHERE 0x10000000u
#define WRITABLE (PROT_READ | PROT_WRITE)

/* Moves three pages to `to` and checks that they are there, and alone. */
static void
move(uintptr_t to, unsigned flags)
{
    unsigned long charged = commit_charged();
    struct address_space *space = space_create();
    char word[8] = "program";

    CHECK(space);
    CHECK_EQ(space_mmap(space, WHERE, 3 * PAGE_SIZE, WRITABLE, MAP_ANONYMOUS | MAP_FIXED | flags,
                        NULL, 0, true),
             WHERE);
    CHECK_EQ(space_write(space, WHERE + PAGE_SIZE, word, 8), 8);
    CHECK_EQ(space_mremap(space, WHERE, 3 * PAGE_SIZE, 3 * PAGE_SIZE,
                          MREMAP_MAYMOVE | MREMAP_FIXED, to),
             to);
    CHECK(space_check_all());
    word[0] = 'x';
    CHECK_EQ(space_read(space, to + PAGE_SIZE, word, 8), 8);
    CHECK_EQ(word[0], 'p');
    CHECK_EQ(space_read(space, WHERE + PAGE_SIZE, word, 8), 0);
    CHECK_EQ(space->total_pages, 3);
    space_put(space);
    CHECK_EQ(commit_charged(), charged);
}

/* A mapping that moves to beside its old place is alike in all: it must not join what goes. */
KTEST(mmap, move_beside_itself)
{
    static const unsigned types[] = {MAP_PRIVATE, MAP_SHARED};

    for (unsigned i = 0; i < ARRAY_LENGTH(types); i++) {
        move(WHERE - 3 * PAGE_SIZE, types[i]);
        move(WHERE + 3 * PAGE_SIZE, types[i]);
        move(WHERE + 0x1000000, types[i]);
    }
}

/* Down by its own length, which is a table's: the first table of the old place takes the second
 * one's entries, when it has lost its own. */
KTEST(mmap, move_by_a_table)
{
    const uintptr_t from = WHERE + 0x500000, to = WHERE + 0x100000;
    const size_t length = 0x400000;
    struct address_space *space = space_create();
    char word[8] = "program";

    CHECK(space);
    for (unsigned i = 0; i < 4; i++) { /* with something in both tables, in one, in none */
        CHECK_EQ(space_mmap(space, from, length, WRITABLE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, NULL, 0, true),
                 from);
        CHECK(!(i & 1) || space_write(space, from + PAGE_SIZE, word, 8) == 8);
        CHECK(!(i & 2) || space_write(space, from + length - PAGE_SIZE, word, 8) == 8);
        CHECK_EQ(space_mremap(space, from, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
        CHECK(space_check_all());
        CHECK_EQ(space_resident(space), (i & 1) + (i >> 1));
        CHECK(!(i & 1) || space_read(space, to + PAGE_SIZE, word, 8) == 8);
        CHECK(!(i & 2) || space_read(space, to + length - PAGE_SIZE, word, 8) == 8);
        CHECK_EQ(word[0], 'p');
        CHECK_EQ(space_munmap(space, to, length), 0);
        CHECK_EQ(space_tables(space), 1);
    }
    space_put(space);
}

/* An old size of 0 asks for the same shared pages a second time. They stay what they are, also when
 * the second mapping comes in the place of the first. */
KTEST(mmap, double_shared_memory)
{
    unsigned long charged = commit_charged();

    for (unsigned i = 0; i < 3; i++) { /* over all of it, over half of it, beside it */
        struct address_space *space = space_create();
        uintptr_t to = WHERE + i * PAGE_SIZE;
        char word[8] = "program";

        CHECK(space);
        CHECK_EQ(space_mmap(space, WHERE, 2 * PAGE_SIZE, WRITABLE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true),
                 WHERE);
        CHECK_EQ(space_write(space, WHERE + PAGE_SIZE, word, 8), 8);
        CHECK_EQ(space_mremap(space, WHERE, 0, 2 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to),
                 to);
        word[0] = 'x';
        CHECK_EQ(space_read(space, to + PAGE_SIZE, word, 8), 8);
        CHECK_EQ(word[0], 'p');
        CHECK(space_check_all() && object_check());
        for (const struct area *area = space->areas.first; area != NULL; area = area->next)
            CHECK(area->flags & AREA_ANONYMOUS);
        space_put(space);
        CHECK_EQ(commit_charged(), charged);
    }
}
