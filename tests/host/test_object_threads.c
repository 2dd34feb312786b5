/* test_object_threads.c - an object that one thread asks for pages while another changes its size.
 *
 * The size is two words where addresses are 32 bits. The two sizes here have no word in common, and
 * what is made of a word of each is 0: then page 0 would not exist.
 *
 *   0x0'ffff'f000 ◄──► 0x1'0000'0000
 */
#include <pthread.h>

#include "ktest.h"
#include "machine.h"
#include "mm.h"
#include "object.h"
#include "uapi/errno.h"

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
