/* test_mmap.c - mappings made, moved and taken away. */
#include "commit.h"
#include "mm.h"
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
