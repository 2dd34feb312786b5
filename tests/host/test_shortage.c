/* test_shortage.c - machines whose memory is used up: what programs get, what the kernel keeps, and
 * what comes back. Each test starts a machine of its own. */
#include <string.h>

#include "commit.h"
#include "kmalloc.h"
#include "machine.h"
#include "mm.h"
#include "object.h"
#include "reclaim.h"
#include "slab.h"
#include "space.h"
#include "uapi/errno.h"
#include "../mm/numbered_file.h"
#include "../mm/testing.h"
#include "../../mm/slab_private.h"

#define FRAMES (MACHINE_BYTES >> PAGE_SHIFT)

static pfn_t taken[FRAMES];

static void
on(const struct machine *machine, void (*test)(void))
{
    machine_start(machine);
    test();
    CHECK(mm_check());
    machine_start_usual();
}

static const struct machine usual = {.base = 4096};
static const struct machine with_high = {.base = 4096, .high = FRAMES / 2};
static const struct machine small = {.base = 4096, .skipped = FRAMES - 700};

static unsigned
take(enum frame_owner owner)
{
    unsigned count = 0;

    while (count < FRAMES && (taken[count] = page_alloc(owner, 0)).n)
        count++;
    return count;
}

static void
give_back(unsigned count)
{
    while (count--)
        page_put(taken[count]);
}

static const struct object_ops memory_ops = {.fill = NULL};

/* ---- the reserve ---- */

/* Programs get all but the reserve, to the page; tables and the kernel get the rest. */
static void
reserve(void)
{
    unsigned long before = pmm_free_frames();
    unsigned count = take(FRAME_USER);

    CHECK_EQ(pmm_free_frames(), reclaim_reserve());
    CHECK_EQ(count, before - reclaim_reserve());
    CHECK(!page_alloc(FRAME_CACHE, 0).n);
    pfn_t table = page_alloc(FRAME_PAGE_TABLE, 0);
    paddr_t stack = pmm_alloc_page_flags(PMM_DIRECT);
    CHECK(table.n && stack);
    CHECK(!page_alloc(FRAME_USER, 0).n);
    page_put(taken[--count]);
    CHECK(!page_alloc(FRAME_USER, 0).n); /* the kernel's share comes first */
    page_put(table);
    pmm_free_page(stack);
    table = page_alloc(FRAME_USER, 0);
    CHECK(table.n);
    page_put(table);
    give_back(count);
    CHECK_EQ(pmm_free_frames(), before);
}

KTEST(shortage, reserve)
{
    on(&usual, reserve);
    on(&with_high, reserve);
    on(&small, reserve);
}

/* The kernel's own takes everything, to the last frame. */
static void
tables_take_all(void)
{
    unsigned long before = pmm_free_frames();
    unsigned count = take(FRAME_PAGE_TABLE);

    CHECK_EQ(count, before);
    CHECK_EQ(pmm_free_frames(), 0);
    give_back(count);
}

KTEST(shortage, tables_take_all)
{
    on(&usual, tables_take_all);
    on(&small, tables_take_all);
}

/* What the kernel takes between two looks at the free frames cannot empty the machine: programs go
 * at most a few frames into the reserve. */
static void
both_at_once(void)
{
    unsigned count = 0, kernel = 0;

    while (count + 1 < FRAMES && (taken[count] = page_alloc(FRAME_USER, 0)).n) {
        count++;
        pfn_t own = paddr_to_pfn(pmm_alloc_page());
        CHECK(own.n);
        frame_set_owner(own, FRAME_PAGE_TABLE);
        taken[count++] = own;
        kernel++;
    }
    CHECK(pmm_free_frames() + 10 >= reclaim_reserve());
    CHECK(kernel > 100);
    give_back(count);
}

/* What one CPU may still have without a look is not there any more when another one has taken all.
 */
static void
budgets(void)
{
    CHECK(mm_cpu_up(1));
    hosted_set_cpu(1);
    pfn_t first = page_alloc(FRAME_USER, 0);
    hosted_set_cpu(0);
    unsigned count = take(FRAME_USER);
    unsigned long left = pmm_free_frames();
    hosted_set_cpu(1);
    while (count < FRAMES && (taken[count] = page_alloc(FRAME_USER, 0)).n)
        count++;
    hosted_set_cpu(0);
    CHECK(first.n);
    CHECK_EQ(left, reclaim_reserve());
    CHECK_EQ(pmm_free_frames(), left);
    give_back(count);
    page_put(first);
}

KTEST(shortage, budgets)
{
    on(&usual, budgets);
    on(&small, budgets);
}

/* What cannot wait gets half of the kernel's reserve. */
static void
urgent_needs(void)
{
    unsigned count = take(FRAME_USER);

    page_urgent = true;
    while (count + 1 < FRAMES && (taken[count] = page_alloc(FRAME_USER, 0)).n)
        count++;
    page_urgent = false;
    CHECK(pmm_free_frames() + 2 >= reclaim_reserve() / 2);
    CHECK(pmm_free_frames() <= reclaim_reserve() / 2 + 2);
    CHECK_EQ(page_alloc(FRAME_USER, 0).n, 0);
    give_back(count);
}

KTEST(shortage, urgent_needs)
{
    on(&usual, urgent_needs);
    on(&small, urgent_needs);
}

KTEST(shortage, both_at_once)
{
    on(&usual, both_at_once);
    on(&small, both_at_once);
}

/* ---- pages of files make room ---- */

static void
file_larger_than_memory(void)
{
    static struct object file;

    object_init(&file, &numbered_file, (uint64_t)3 * FRAMES * PAGE_SIZE);
    for (uint32_t i = 0; i < 2 * FRAMES; i++) {
        pfn_t page;
        CHECK_EQ(object_page(&file, i, &page), 0);
        uint8_t *bytes = frame_map(page);
        CHECK(has_pattern(bytes, 32, i));
        frame_unmap(page, bytes);
        page_put(page);
        CHECK(pmm_free_frames() >= reclaim_reserve());
    }
    CHECK(object_clean_pages() + reclaim_high_mark() + 100 > pmm_managed_frames() / 2);
    CHECK(mm_check());
    object_put(&file);
    CHECK_EQ(object_clean_pages(), 0);
}

KTEST(shortage, file_larger_than_memory)
{
    on(&usual, file_larger_than_memory);
    on(&with_high, file_larger_than_memory);
    on(&small, file_larger_than_memory);
}

/* A program that needs all of memory gets the page cache's, but for what programs run from; there
 * one page of a file makes room for another. */
static void
cache_makes_room(void)
{
    static struct object file;
    pfn_t page;
    unsigned long before = pmm_free_frames();

    object_init(&file, &numbered_file, (uint64_t)FRAMES * PAGE_SIZE);
    for (uint32_t i = 0; i < before / 2; i++) {
        CHECK_EQ(object_page(&file, i, &page), 0);
        page_put(page);
    }
    unsigned count = take(FRAME_USER);
    CHECK(count + 4 >= before - 2 * reclaim_reserve());
    CHECK_EQ(object_clean_pages(), reclaim_reserve());
    for (uint32_t i = 0; i < before / 2; i++) {
        CHECK_EQ(object_page(&file, i, &page), 0);
        page_put(page);
        CHECK(object_clean_pages() + 1 >= reclaim_reserve());
    }
    CHECK(mm_check());
    give_back(count);
    CHECK_EQ(object_page(&file, 0, &page), 0);
    page_put(page);
    object_put(&file);
}

KTEST(shortage, cache_makes_room)
{
    on(&usual, cache_makes_room);
    on(&with_high, cache_makes_room);
    on(&small, cache_makes_room);
}

/* So does the kernel: objects, and frames with an address while there is high memory too. */
static void
cache_makes_room_for_the_kernel(void)
{
    static struct object file;
    pfn_t page;
    void *last = NULL;
    size_t count = 0;

    object_init(&file, &numbered_file, (uint64_t)FRAMES * PAGE_SIZE);
    for (uint32_t i = 0; i < pmm_managed_frames() * 3 / 4; i++) {
        CHECK_EQ(object_page(&file, i, &page), 0);
        page_put(page);
    }
    for (void **more; (more = kmalloc(8192)); count++) {
        *more = last;
        last = more;
    }
    CHECK(count * 2 + 64 >= pmm_managed_frames() - reclaim_high_mark());
    CHECK(mm_check());
    while (last) {
        void *next = *(void **)last;
        kfree(last);
        last = next;
    }
    object_put(&file);
}

KTEST(shortage, cache_makes_room_for_the_kernel)
{
    on(&usual, cache_makes_room_for_the_kernel);
    on(&small, cache_makes_room_for_the_kernel);
}

/* ---- a page stays while it is at work on ---- */

#define WHERE 0x10000000u

/* Reads a page of a file, writes to it and lets the copy go. *gone counts when the page was taken
 * from the program just as it was to be copied: the copy holds it, so never. */
static void
copy_under_shortage(struct address_space *space, unsigned *gone)
{
    unsigned long stolen;
    uint8_t byte = 0;

    CHECK_EQ(space_read(space, WHERE + 7, &byte, 1), 1);
    CHECK_EQ(byte, 7);
    stolen = vm_counted(pgsteal);
    CHECK_EQ(space_fault(space, WHERE, FAULT_WRITE_ACCESS), FAULT_DONE);
    *gone += vm_counted(pgsteal) != stolen && space_resident(space) == 0;
    CHECK_EQ(space_write(space, WHERE, &byte, 1), 1);
    CHECK_EQ(space_read(space, WHERE + 9, &byte, 1), 1);
    CHECK_EQ(byte, 9);
    CHECK(space_check_all() && object_check());
    CHECK_EQ(space_madvise(space, WHERE, PAGE_SIZE, MADV_DONTNEED), 0);
}

static void
copies_under_shortage(void)
{
    static struct object file, text;
    struct address_space *space = space_create();
    unsigned count, gone = 0;

    CHECK(space);
    object_init(&file, &numbered_file, PAGE_SIZE);
    CHECK_EQ(space_mmap(space, WHERE, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
                        &file, 0, true),
             WHERE);
    object_init(&text, &numbered_file, reclaim_reserve() * PAGE_SIZE);
    count = take(FRAME_USER);
    for (unsigned i = 0; i < reclaim_reserve() + 6; i++)
        page_put(taken[--count]);
    for (uint32_t i = 0; i < reclaim_reserve(); i++) { /* held: only the file's page can go */
        pfn_t page;
        CHECK_EQ(object_page(&text, i, &page), 0);
    }
    for (unsigned i = 0; i < 50; i++)
        copy_under_shortage(space, &gone);
    CHECK_EQ(gone, 0);
    give_back(count);
    for (uint32_t i = 0; i < reclaim_reserve(); i++)
        page_put(object_find(&text, i));
    space_put(space);
    object_put(&file);
    object_put(&text);
}

KTEST(shortage, copies)
{
    on(&usual, copies_under_shortage);
    on(&with_high, copies_under_shortage);
    on(&small, copies_under_shortage);
}

/* ---- getting a tree's nodes takes pages, and nodes, out of that very tree ---- */

static struct kmem_cache_stats
node_stats(void)
{
    struct kmem_cache_stats stats = {.objects_used = 0};

    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        if (!strcmp(cache->name, "radix-nodes"))
            kmem_cache_get_stats(cache, &stats);
    return stats;
}

static struct radix other_tree;

/* Uses up all memory, the nodes of slabs included, but for `nodes` of them. Returns how many frames
 * it took. */
static unsigned
leave_only(unsigned nodes)
{
    unsigned count = take(FRAME_PAGE_TABLE);
    uint32_t index = 0;

    while (radix_insert(&other_tree, index, pfn(1)))
        index += 64;
    while (nodes--)
        radix_remove(&other_tree, index -= 64);
    return count;
}

static void
clear_other_tree(void)
{
    uint32_t index = 0;

    while (radix_next(&other_tree, &index).n)
        radix_remove(&other_tree, index);
}

/* A file's one page, `old` far up in a deep tree, goes while `new` is inserted with only `nodes`
 * nodes to be had without reclaim. */
static void
insert_under_shortage(uint32_t old, uint32_t new, unsigned nodes)
{
    static struct object file;
    unsigned long frames = 0;
    pfn_t page;

    object_init(&file, &numbered_file, OBJECT_SIZE_MAX);
    CHECK_EQ(object_page(&file, old, &page), 0);
    unsigned count = leave_only(nodes);
    CHECK(!radix_insert(&file.tree, new, pfn(7))); /* the page is held */
    CHECK(radix_check(&file.tree, &frames) && frames == 1);
    page_put(page);
    CHECK(radix_insert(&file.tree, new, pfn(7)));
    CHECK(radix_check(&file.tree, &frames) && frames == 2);
    CHECK_EQ(file.pages, 0);
    CHECK_EQ(radix_remove(&file.tree, new).n, 7);
    clear_other_tree();
    give_back(count);
    object_put(&file);
    CHECK_EQ(node_stats().objects_used, 0);
}

static void
nodes_under_shortage(void)
{
    insert_under_shortage(0x1000000, 0x1000000 + 64, 0); /* one node is missing, then all five */
    insert_under_shortage(0x1000000, 5, 2);              /* four, then one: two are too many */
    insert_under_shortage(5, 0x1000000, 3);
}

KTEST(shortage, nodes)
{
    if (node_stats().slab_frames > 1)
        SKIP("one page is not enough for nodes as large as here");
    on(&usual, nodes_under_shortage);
    on(&small, nodes_under_shortage);
}

/* ---- promises ---- */

/* Under strict accounting whatever was promised can be had, tables and nodes too. */
static void
promises_are_kept(void)
{
    static struct object memory, file;
    pfn_t page;

    object_init(&file, &numbered_file, (uint64_t)FRAMES * PAGE_SIZE);
    object_init(&memory, &memory_ops, OBJECT_SIZE_MAX);
    memory.counted = true;
    commit_set_mode(COMMIT_STRICT);
    unsigned long promised = commit_limit() / 2;
    CHECK(commit_charge(promised));
    for (uint32_t i = 0; i < FRAMES; i++) {
        CHECK_EQ(object_page(&file, i, &page), 0); /* in everybody's way */
        page_put(page);
        if (object_page(&memory, i * 64, &page)) /* a node each: the worst case */
            break;
        page_put(page);
    }
    CHECK_EQ(commit_charged(), commit_limit());
    for (unsigned long i = 0; i < promised; i++) {
        taken[i] = page_alloc(FRAME_USER, 0);
        CHECK(taken[i].n);
    }
    give_back((unsigned)promised);
    commit_release(promised);
    commit_set_mode(COMMIT_HEURISTIC);
    object_put(&memory);
    object_put(&file);
}

KTEST(shortage, promises_are_kept)
{
    on(&usual, promises_are_kept);
    on(&with_high, promises_are_kept);
    on(&small, promises_are_kept);
}
