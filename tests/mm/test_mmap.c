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
    unsigned long tables = space ? space_tables(space) : 0;
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
        CHECK_EQ(space_tables(space), tables);
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

static int
fill_with_index(struct object *object, uint32_t index, void *page)
{
    (void)object;
    *(uint32_t *)page = index;
    return 0;
}

static const struct object_ops file_ops = {.fill = fill_with_index};

/* The pages of an object have 32-bit numbers, and no mapping may go on at 0 behind the last. */
KTEST(mmap, last_page_of_a_file)
{
    static struct object file;
    const uint32_t last = UINT32_MAX - 2; /* with a page behind it that has a number */
    struct address_space *space = space_create();
    uint32_t index = 0;
    long at;

    CHECK(space);
    object_init(&file, &file_ops, OBJECT_SIZE_MAX);
    at = space_mmap(space, 0, PAGE_SIZE, PROT_READ, MAP_SHARED, &file, last, false);
    CHECK(at > 0);
    CHECK_EQ(space_read(space, (uintptr_t)at, &index, 4), 4);
    CHECK_EQ(index, last);
    for (size_t pages = 2; pages <= 5; pages++) {
        CHECK_EQ(space_mremap(space, (uintptr_t)at, PAGE_SIZE, pages * PAGE_SIZE, MREMAP_MAYMOVE,
                              0),
                 -EINVAL);
        CHECK_EQ(space_mremap(space, (uintptr_t)at, 0, pages * PAGE_SIZE, MREMAP_MAYMOVE, 0),
                 -EINVAL);
    }
    space_put(space);
    object_put(&file);
}

/* A size that no program has room for is no memory, as for mmap; at a place it makes no sense. */
KTEST(mmap, grow_beyond_everything)
{
    static const size_t lengths[] = {USER_END - USER_START + 1, USER_END, 0xFFFFF000u};
    struct address_space *space = space_create();

    CHECK(space);
    CHECK_EQ(space_mmap(space, WHERE, PAGE_SIZE, WRITABLE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                        NULL, 0, true),
             WHERE);
    for (unsigned i = 0; i < ARRAY_LENGTH(lengths); i++) {
        CHECK_EQ(space_mremap(space, WHERE, PAGE_SIZE, lengths[i], MREMAP_MAYMOVE, 0), -ENOMEM);
        CHECK_EQ(space_mremap(space, WHERE, PAGE_SIZE, lengths[i], MREMAP_MAYMOVE | MREMAP_FIXED,
                              2 * WHERE),
                 -EINVAL);
        CHECK_EQ(space_mremap(space, 2 * WHERE, PAGE_SIZE, lengths[i], MREMAP_MAYMOVE, 0), -EFAULT);
    }
    CHECK_EQ(space_mremap(space, WHERE, PAGE_SIZE, 0xFFFFF001u, MREMAP_MAYMOVE, 0), -EINVAL);
    CHECK_EQ(space_mremap(space, WHERE, PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                          USER_END - PAGE_SIZE),
             -EINVAL);
    CHECK_EQ(space_mremap(space, WHERE, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, 0),
             -EPERM);
    CHECK_EQ(space->total_pages, 1);
    space_put(space);
}

/* A space with an area for each of `pages` pages from WHERE on; NULL when it cannot be had. */
static struct address_space *
space_in_pieces(size_t pages)
{
    struct address_space *space = space_create();

    if (space == NULL)
        return NULL;
    (void)space_mmap(space, WHERE, pages * PAGE_SIZE, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true);
    for (size_t i = 0; i < pages; i += 2)
        if (space_mprotect(space, WHERE + i * PAGE_SIZE, PAGE_SIZE, PROT_NONE) != 0)
            break;
    if (space->areas.count == pages)
        return space;
    space_put(space);
    return NULL;
}

/* A program has so many areas and no more, however it asks for them; what fails changes nothing. */
KTEST(mmap, too_many_areas)
{
    const size_t pages = SPACE_AREAS / 2 * 2 - 2; /* an area each, but for two */
    struct address_space *space;
    uintptr_t last = WHERE + (pages - 1) * PAGE_SIZE;

    if (!can_spare(2 * SPACE_AREAS * sizeof(struct area) / PAGE_SIZE))
        SKIP("not enough memory");
    space = space_in_pieces(pages);
    CHECK(space);
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(space_mmap(space, last + 2 * i * PAGE_SIZE + 2 * PAGE_SIZE, 4 * PAGE_SIZE - i,
                            WRITABLE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true),
                 last + (2 + 2 * i) * PAGE_SIZE);
    CHECK_EQ(space->areas.count, pages + 1);
    CHECK_EQ(space_brk(space, HEAP_START + 1), HEAP_START + 1);
    CHECK_EQ(space->areas.count, SPACE_AREAS);
    CHECK_EQ(space_brk(space, HEAP_START + PAGE_SIZE + 1), HEAP_START + 1);
    CHECK_EQ(space_mmap(space, 0, PAGE_SIZE, WRITABLE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0, true),
             -ENOMEM);
    CHECK_EQ(vm_alloc_map(space, 4 * WHERE, PAGE_SIZE, WRITABLE), -ENOMEM);
    CHECK_EQ(space_munmap(space, last + 3 * PAGE_SIZE, PAGE_SIZE), -ENOMEM);
    CHECK_EQ(space_mprotect(space, last + 3 * PAGE_SIZE, PAGE_SIZE, PROT_READ), -ENOMEM);
    CHECK_EQ(space_madvise(space, last + 3 * PAGE_SIZE, PAGE_SIZE, MADV_DONTFORK), -EAGAIN);
    CHECK_EQ(space_mremap(space, WHERE, PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE, 0), -ENOMEM);
    CHECK_EQ(space->areas.count, SPACE_AREAS);
    CHECK(space_check_all());
    CHECK_EQ(space_munmap(space, WHERE, 3 * PAGE_SIZE), 0);
    CHECK_EQ(space_mprotect(space, last + 3 * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    space_put(space);
}

/* What makes no area more is not refused for their number: an area that loses an end or gets
 * longer. */
KTEST(mmap, as_many_areas_as_may_be)
{
    const size_t pages = SPACE_AREAS / 2 * 2 - 2;
    struct address_space *space;
    uintptr_t at = WHERE + (pages + 1) * PAGE_SIZE;

    if (!can_spare(2 * SPACE_AREAS * sizeof(struct area) / PAGE_SIZE))
        SKIP("not enough memory");
    space = space_in_pieces(pages);
    CHECK(space);
    CHECK_EQ(space_add_stack(space, USER_END), 0);
    CHECK_EQ(space_mmap(space, at, 8 * PAGE_SIZE, WRITABLE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true),
             at);
    CHECK_EQ(space->areas.count, SPACE_AREAS);
    CHECK_EQ(space_fault(space, USER_END - 5 * PAGE_SIZE, FAULT_WRITE_ACCESS), FAULT_DONE);
    CHECK_EQ(space_mremap(space, at, 8 * PAGE_SIZE, 10 * PAGE_SIZE, 0, 0), at);
    CHECK_EQ(space_mremap(space, at, 10 * PAGE_SIZE, 9 * PAGE_SIZE, 0, 0), at);
    CHECK_EQ(space_munmap(space, at, PAGE_SIZE), 0);
    CHECK_EQ(space_munmap(space, at + 8 * PAGE_SIZE, PAGE_SIZE), 0);
    CHECK_EQ(space_munmap(space, at + 7 * PAGE_SIZE, USER_END - 4 * PAGE_SIZE - at -
                          7 * PAGE_SIZE), 0); /* an end of two areas */
    CHECK_EQ(space->total_pages, pages + 6 + 4);
    CHECK_EQ(space->areas.count, SPACE_AREAS);
    CHECK_EQ(space_munmap(space, at + 3 * PAGE_SIZE, PAGE_SIZE), -ENOMEM);
    CHECK_EQ(space_munmap(space, WHERE, PAGE_SIZE), 0);
    CHECK_EQ(space_munmap(space, at + 3 * PAGE_SIZE, PAGE_SIZE), 0);
    CHECK_EQ(space->areas.count, SPACE_AREAS);
    CHECK(space_check_all());
    space_put(space);
}

/* ---- where ---- */

/* A mapping of `length` bytes, to be read, wherever there is room; its start, 0 when there is none.
 */
static uintptr_t
take_room(struct address_space *space, size_t length)
{
    long start = space_mmap(space, 0, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0,
                            true);

    return start == -ENOMEM ? 0 : (uintptr_t)start;
}

/* Above MMAP_TOP when there is nothing left below, up to where the stack may come; at last below
 * the heap. */
KTEST(mmap, room_runs_out)
{
    const uintptr_t highest = USER_END - USER_END / 4 - STACK_GAP;
    struct address_space *space = space_create();

    CHECK(space);
    space->limits[SPACE_LIMIT_STACK] = LIMIT_INFINITE;
    CHECK_EQ(take_room(space, highest - MMAP_TOP + PAGE_SIZE), 0);
    CHECK_EQ(take_room(space, highest - MMAP_TOP), MMAP_TOP);
    CHECK_EQ(take_room(space, MMAP_TOP - HEAP_START - PAGE_SIZE), HEAP_START + PAGE_SIZE);
    CHECK_EQ(take_room(space, PAGE_SIZE), HEAP_START - PAGE_SIZE);
    CHECK_EQ(take_room(space, HEAP_START - PAGE_SIZE - USER_START), USER_START);
    CHECK_EQ(take_room(space, PAGE_SIZE), 0);
    space->limits[SPACE_LIMIT_STACK] = STACK_LIMIT;
    CHECK_EQ(take_room(space, PAGE_SIZE), highest);
    CHECK(space_check_all());
    space_put(space);
}

static long
make_stack(struct address_space *space, uintptr_t start)
{
    return space_mmap(space, start, PAGE_SIZE, WRITABLE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, NULL, 0, true);
}

/* Stacks keep their gap, wherever room is looked for. */
KTEST(mmap, stacks_keep_their_gap)
{
    const uintptr_t first = MMAP_TOP - PAGE_SIZE, second = MMAP_TOP + 2 * STACK_GAP;
    struct address_space *space = space_create(), *child;
    char word[8] = "program";

    CHECK(space);
    CHECK_EQ(space_add_stack(space, USER_END), 0);
    CHECK_EQ(make_stack(space, first), first);
    CHECK_EQ(take_room(space, PAGE_SIZE), first - STACK_GAP - PAGE_SIZE);
    CHECK_EQ(space_munmap(space, first - STACK_GAP - PAGE_SIZE, PAGE_SIZE), 0);
    CHECK_EQ(make_stack(space, second), second);
    child = space_fork(space);
    CHECK(child);
    CHECK_EQ(take_room(child, PAGE_SIZE), first - STACK_GAP - PAGE_SIZE);
    space_put(child);
    CHECK_EQ(take_room(space, PAGE_SIZE), first - STACK_GAP - PAGE_SIZE);
    CHECK_EQ(space_write(space, first - PAGE_SIZE, word, 8), 0); /* it has no gap to lose */
    CHECK_EQ(take_room(space, first - STACK_GAP - PAGE_SIZE - HEAP_START - PAGE_SIZE),
             HEAP_START + PAGE_SIZE);
    CHECK_EQ(take_room(space, STACK_GAP), MMAP_TOP);
    CHECK_EQ(take_room(space, PAGE_SIZE), second + PAGE_SIZE);
    CHECK_EQ(space_mmap(space, second - PAGE_SIZE, PAGE_SIZE, PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0, true),
             second + 2 * PAGE_SIZE);
    CHECK(space_check_all());
    space_put(space);
}

/* Also the program's own, once it was moved to where others look for room. */
KTEST(mmap, moved_stack_keeps_its_gap)
{
    const uintptr_t to = MMAP_TOP - PAGE_SIZE;
    struct address_space *space = space_create();

    CHECK(space);
    CHECK_EQ(space_add_stack(space, USER_END), 0);
    CHECK_EQ(space_mremap(space, USER_END - PAGE_SIZE, PAGE_SIZE, PAGE_SIZE,
                          MREMAP_MAYMOVE | MREMAP_FIXED, to),
             to);
    CHECK_EQ(take_room(space, PAGE_SIZE), to - STACK_GAP - PAGE_SIZE);
    CHECK(space_check_all());
    space_put(space);
}

/* Only memory of one's own can grow down, and be protected down to where it begins. */
KTEST(mmap, what_grows_down)
{
    enum { DOWN = MAP_FIXED | MAP_GROWSDOWN };
    static struct object file;
    struct address_space *space = space_create();
    char word[8] = "program";

    CHECK(space);
    object_init(&file, &file_ops, 4 * PAGE_SIZE);
    CHECK_EQ(space_mmap(space, WHERE, PAGE_SIZE, PROT_READ, DOWN | MAP_PRIVATE, &file, 2, false),
             -EINVAL);
    CHECK_EQ(space_mmap(space, WHERE, PAGE_SIZE, PROT_READ, DOWN | MAP_SHARED, &file, 2, false),
             -EINVAL);
    CHECK_EQ(space_mmap(space, WHERE, PAGE_SIZE, PROT_READ, DOWN | MAP_SHARED | MAP_ANONYMOUS, NULL,
                        0, true),
             -EINVAL);
    CHECK_EQ(space_mmap(space, WHERE, PAGE_SIZE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, &file,
                        2, false),
             -EOPNOTSUPP);
    CHECK_EQ(make_stack(space, WHERE), WHERE);
    CHECK_EQ(space_write(space, WHERE - 4 * PAGE_SIZE, word, 8), 8);
    CHECK_EQ(space_mprotect(space, WHERE, PAGE_SIZE, PROT_READ | PROT_GROWSUP), -EINVAL);
    CHECK_EQ(space_mprotect(space, WHERE + PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_GROWSDOWN),
             -ENOMEM);
    CHECK_EQ(space_mprotect(space, WHERE - PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_GROWSDOWN), 0);
    CHECK_EQ(space->areas.count, 2);
    CHECK_EQ(space_write(space, WHERE - 4 * PAGE_SIZE, word, 8), 0);
    CHECK_EQ(space_write(space, WHERE, word, 8), 8);
    CHECK(take_room(space, PAGE_SIZE) > 0);
    CHECK_EQ(space_mprotect(space, MMAP_TOP - PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_GROWSDOWN),
             -EINVAL);
    CHECK(space_check_all());
    space_put(space);
    object_put(&file);
}

/* ---- promises ---- */

/* Whether private writable memory was mapped just there. */
static long
map_at(struct address_space *space, uintptr_t start, size_t length, unsigned flags)
{
    long answer = space_mmap(space, start, length, WRITABLE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, NULL, 0, true);

    return answer == (long)start ? 0 : answer;
}

/* What goes makes room for what comes: nobody has to be promised the same pages twice. */
KTEST(mmap, replace_what_was_promised)
{
    unsigned long charged = commit_charged(), room = commit_limit() - charged;
    enum commit_mode usual = commit_mode();
    size_t length = (room - room / 4) << PAGE_SHIFT;
    struct address_space *space;
    long first, again, moved, shorter, grown, kept;

    if (room > 0x10000000 >> PAGE_SHIFT)
        SKIP("more memory than fits twice between WHERE and the top");
    space = space_create();
    CHECK(space);
    commit_set_mode(COMMIT_STRICT);
    first = map_at(space, WHERE, length, 0);
    again = map_at(space, WHERE, length, 0);
    moved = space_mremap(space, WHERE, length, length, MREMAP_MAYMOVE | MREMAP_FIXED,
                         WHERE + 0x10000000);
    kept = space_mremap(space, WHERE + 0x10000000, length, length,
                        MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    shorter = space_mremap(space, WHERE + 0x10000000, length, PAGE_SIZE,
                           MREMAP_MAYMOVE | MREMAP_FIXED, WHERE);
    grown = space_mremap(space, WHERE, PAGE_SIZE, length + PAGE_SIZE,
                         MREMAP_MAYMOVE | MREMAP_FIXED, WHERE + 0x10000000);
    commit_set_mode(usual);
    CHECK_EQ(first, 0);
    CHECK_EQ(again, 0);
    CHECK_EQ(moved, WHERE + 0x10000000);
    CHECK_EQ(kept, -ENOMEM);
    CHECK_EQ(shorter, WHERE);
    CHECK_EQ(grown, WHERE + 0x10000000);
    CHECK_EQ(commit_charged(), charged + (length >> PAGE_SHIFT) + 1);
    CHECK(space_check_all());
    space_put(space);
    CHECK_EQ(commit_charged(), charged);
}

/* What was mapped without a promise is promised when it changes under strict accounting, and given
 * back when it ends. */
KTEST(mmap, promises_come_late)
{
    unsigned long charged = commit_charged();
    enum commit_mode usual = commit_mode();
    struct address_space *space = space_create();
    long answer;

    CHECK(space);
    commit_set_mode(COMMIT_HEURISTIC);
    CHECK_EQ(map_at(space, WHERE, 4 * PAGE_SIZE, MAP_NORESERVE), 0);
    CHECK_EQ(commit_charged(), charged);
    commit_set_mode(COMMIT_STRICT);
    answer = space_mprotect(space, WHERE, 2 * PAGE_SIZE, WRITABLE);
    commit_set_mode(usual);
    CHECK_EQ(answer, 0);
    CHECK_EQ(commit_charged(), charged + 2);
    CHECK(space_check_all());
    space_put(space);
    CHECK_EQ(commit_charged(), charged);
}

/* Shared memory without a promise may be larger than all there is; its pages count as they come. */
KTEST(mmap, shared_memory_without_a_promise)
{
    const unsigned flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;
    const size_t length = 0xA0000000u;
    unsigned long charged = commit_charged();
    enum commit_mode usual = commit_mode();
    struct address_space *space;
    char word[8] = "program";
    long strict;

    if (commit_limit() + commit_limit() / 4 >= length >> PAGE_SHIFT)
        SKIP("more memory than a program can map");
    space = space_create();
    CHECK(space);
    commit_set_mode(COMMIT_HEURISTIC);
    CHECK_EQ(space_mmap(space, WHERE, length, WRITABLE, flags, NULL, 0, true), -ENOMEM);
    CHECK_EQ(space_mmap(space, WHERE, length, WRITABLE, flags | MAP_NORESERVE, NULL, 0, true),
             WHERE);
    CHECK_EQ(commit_charged(), charged);
    CHECK_EQ(space_write(space, WHERE + 5 * PAGE_SIZE, word, 8), 8);
    CHECK_EQ(commit_charged(), charged + 1);
    CHECK_EQ(space_munmap(space, WHERE, length), 0);
    CHECK_EQ(commit_charged(), charged);
    commit_set_mode(COMMIT_STRICT);
    strict = space_mmap(space, WHERE, length, WRITABLE, flags | MAP_NORESERVE, NULL, 0, true);
    commit_set_mode(usual);
    CHECK_EQ(strict, -ENOMEM);
    space_put(space);
}

/* Each promise stands for itself, a child's as its parent's. */
KTEST(mmap, child_is_promised_the_same)
{
    unsigned long charged = commit_charged();
    size_t length = commit_limit() << PAGE_SHIFT;
    struct address_space *space, *child;

    if (commit_limit() > 0x40000000 >> PAGE_SHIFT)
        SKIP("more memory than fits twice into a program");
    space = space_create();
    CHECK(space);
    CHECK_EQ(map_at(space, WHERE, length, 0), 0);
    CHECK_EQ(map_at(space, WHERE + length + PAGE_SIZE, length, 0), 0);
    child = space_fork(space);
    CHECK(child);
    CHECK_EQ(commit_charged(), charged + 4 * commit_limit());
    space_put(child);
    space_put(space);
    CHECK_EQ(commit_charged(), charged);
}
