/* test_object_threads.c - an object that one thread asks for pages while another changes its size.
 *
 * The size is two words where addresses are 32 bits. The two sizes of the first test have no word
 * in common, and what is made of a word of each is 0: then page 0 would not exist.
 *
 *   0x0'ffff'f000 ◄──► 0x1'0000'0000
 *
 * In the others a page is cut off that another thread touches, or moves elsewhere, at that moment:
 * once the cut is over no mapping has it.
 */
#include <pthread.h>

#include "ktest.h"
#include "machine.h"
#include "mm.h"
#include "object.h"
#include "space.h"
#include "uapi/errno.h"
#include "uapi/mman.h"

#define LARGE (1ull << 32)
#define SMALL (LARGE - PAGE_SIZE)
#define TURNS 20000

static unsigned stop;

/* No page ever comes into the cache, so each is asked for anew. */
static int
fill(struct object *object, uint32_t index, void *page)
{
    (void)object, (void)index, (void)page;
    return -EIO;
}

static void *
change_size(void *argument)
{
    hosted_set_cpu(1);
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        object_set_size(argument, SMALL);
        object_set_size(argument, LARGE);
    }
    return NULL;
}

KTEST(object_threads, size_in_one_piece)
{
    static const struct object_ops ops = {.fill = fill};
    struct object object;
    pthread_t thread;
    unsigned wrong = 0;
    CHECK(mm_cpu_up(1));
    object_init(&object, &ops, LARGE);
    stop = 0;
    CHECK_EQ(pthread_create(&thread, NULL, change_size, &object), 0);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        pfn_t page;
        wrong += object_page(&object, 0, &page) != -EIO;
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    object_put(&object);
    machine_start_usual();
    CHECK_EQ(wrong, 0);
}

/* ---- a page that is cut off ---- */

#define HERE  0x20000000u
#define THERE 0x21000000u
#define CUTS  400

static struct address_space *space;
static unsigned wanted, rests; /* the other thread is to rest; it does */

static void
touch(void)
{
    (void)space_fault(space, HERE + PAGE_SIZE, FAULT_WRITE_ACCESS);
}

static void
move_to_and_fro(void)
{
    const unsigned flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    (void)space_mremap(space, HERE, 2 * PAGE_SIZE, 2 * PAGE_SIZE, flags, THERE);
    (void)space_mremap(space, THERE, 2 * PAGE_SIZE, 2 * PAGE_SIZE, flags, HERE);
}

static void *
go_on(void *step)
{
    hosted_set_cpu(1);
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&rests, __atomic_load_n(&wanted, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
        if (!rests)
            (*(void (**)(void))step)();
        else
            spin_relax();
    }
    return NULL;
}

static void
rest(unsigned on)
{
    __atomic_store_n(&wanted, on, __ATOMIC_RELEASE);
    for (unsigned spins = 1; __atomic_load_n(&rests, __ATOMIC_ACQUIRE) != on; spins++)
        if (spins % 1000 == 0)
            spin_relax();
}

/* True when a mapping has the second page; it has it no more then. */
static bool
second_page_is_mapped(uintptr_t start)
{
    uint8_t there = 0;
    (void)space_mincore(space, start + PAGE_SIZE, 1, &there);
    (void)space_madvise(space, start, 2 * PAGE_SIZE, MADV_DONTNEED);
    return there & 1;
}

static void
cut_beside(void (*step)(void))
{
    static const struct object_ops ops = {.fill = NULL};
    struct object object;
    pthread_t thread;
    unsigned wrong = 0;
    CHECK(mm_cpu_up(1));
    space = space_create();
    space_get(space); /* for the other thread */
    object_init(&object, &ops, 2 * PAGE_SIZE);
    CHECK_EQ(space_mmap(space, HERE, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                        &object, 0, true), HERE);
    stop = wanted = rests = 0;
    CHECK_EQ(pthread_create(&thread, NULL, go_on, &step), 0);
    for (unsigned i = 0; i < CUTS; i++) {
        object_set_size(&object, 2 * PAGE_SIZE);
        touch();
        for (volatile unsigned wait = i % 500; wait; wait--)
            continue;
        object_set_size(&object, PAGE_SIZE);
        rest(1);
        wrong += second_page_is_mapped(HERE) | second_page_is_mapped(THERE);
        rest(0);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    space_put(space);
    space_put(space);
    object_put(&object);
    machine_start_usual();
    CHECK_EQ(wrong, 0);
}

KTEST(object_threads, cut_while_touched)
{
    cut_beside(touch);
}

KTEST(object_threads, cut_while_moved)
{
    cut_beside(move_to_and_fro);
}

/* ---- bytes that a growing object gets ---- */

#define BEFORE 100
#define AFTER  4000
#define OFFSET 200 /* beyond the one size, below the other */

static unsigned turn_begun, turn_stored;
static char *bytes;

/* Stores a byte in each turn as soon as the object's size covers it. */
static void *
store_when_large(void *object)
{
    hosted_set_cpu(1);
    for (unsigned turn = 1; turn <= TURNS; turn++) {
        while (__atomic_load_n(&turn_begun, __ATOMIC_ACQUIRE) != turn)
            spin_relax();
        while (object_size(object) != AFTER)
            continue;
        bytes[OFFSET] = 1;
        __atomic_store_n(&turn_stored, turn, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* Who sees the new size owns what is below it: nothing is cleared there any more. */
KTEST(object_threads, stored_while_growing)
{
    static const struct object_ops ops = {.fill = NULL};
    struct object object;
    pthread_t thread;
    unsigned lost = 0;
    pfn_t page;
    CHECK(mm_cpu_up(1));
    object_init(&object, &ops, BEFORE);
    CHECK_EQ(object_page(&object, 0, &page), 0);
    bytes = frame_map(page);
    turn_begun = turn_stored = 0;
    CHECK_EQ(pthread_create(&thread, NULL, store_when_large, &object), 0);
    for (unsigned turn = 1; turn <= TURNS; turn++) {
        object_set_size(&object, BEFORE);
        __atomic_store_n(&turn_begun, turn, __ATOMIC_RELEASE);
        for (volatile unsigned wait = turn % 500; wait; wait--)
            continue;
        object_set_size(&object, AFTER);
        while (__atomic_load_n(&turn_stored, __ATOMIC_ACQUIRE) != turn)
            spin_relax();
        lost += bytes[OFFSET] != 1;
    }
    pthread_join(thread, NULL);
    frame_unmap(page, bytes);
    page_put(page);
    object_put(&object);
    machine_start_usual();
    CHECK_EQ(lost, 0);
}
