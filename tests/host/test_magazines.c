/* test_magazines.c - one thread plays two CPUs, step by step: what a slab's owner has not counted,
 * and an object that both have.
 *
 * Objects that another CPU freed may be handed out again before their frees are counted. The slab
 * then has more in use than it has objects: its excess. */
#include "kmalloc.h"
#include "ktest.h"
#include "machine.h"
#include "mm.h"
#include "slab.h"
#include "../../mm/percpu.h"
#include "../../mm/pmm_private.h"
#include "../../mm/slab_private.h"

#define SLAB   16 /* objects of 256 bytes in a frame */

static struct kmem_cache *cache;

/* Allocates until all of `objects` are there. */
static bool
take(void **objects, unsigned count)
{
    bool all = true;
    for (unsigned i = 0; i < count; i++)
        all &= (objects[i] = kmem_cache_alloc(cache)) != NULL;
    return all;
}

static void
give(void **objects, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        kmem_cache_free(cache, objects[i]);
}

KTEST(magazines, excess)
{
    void *first[SLAB], *second[SLAB], *again[SLAB];
    CHECK(mm_cpu_up(1));
    cache = kmem_cache_create("two", 256, 0, 0, NULL);
    CHECK(cache && cache->objects == SLAB);
    CHECK(take(first, SLAB) && take(second, CACHE_PLACES));
    struct slab *slab = slab_of(first[0]);
    for (unsigned i = 0; i < SLAB; i++)
        CHECK(slab_of(first[i]) == slab);
    CHECK(slab->full && slab->excess == 0);
    give(second, CACHE_PLACES); /* the magazine is full */
    give(first, 1);
    CHECK(slab->listed && slab->left == SLAB - 1);
    cache->parts[0]->overflowed = false; /* it shall not grow */

    hosted_set_cpu(1);
    give(&first[1], CACHE_PLACES);
    give(&first[1 + CACHE_PLACES], 3); /* past it: counted by this CPU for itself */
    CHECK_EQ(cache->parts[1]->batched + 1, 3);
    CHECK(slab->left == SLAB - 1 && slab->remote == -1);
    CHECK(mm_check());

    hosted_set_cpu(0);
    CHECK(take(second, SLAB) && slab_of(second[SLAB - 1]) != slab);
    CHECK(take(again, 4));
    for (unsigned i = 0; i < 4; i++)
        CHECK(slab_of(again[i]) == slab);
    CHECK_EQ(slab->left, SLAB_CURRENT + SLAB + 3);
    CHECK(take(&again[4], 1) && slab_of(again[4]) != slab);
    CHECK(slab->full && slab->excess == 3);
    CHECK(mm_check());

    /* Frees by the owner count it down one by one, the other CPU's when they are known. */
    give(second, CACHE_PLACES);
    give(&first[12], 1);
    CHECK(slab->full && slab->excess == 2 && slab->left == 1);
    hosted_set_cpu(1);
    give(&second[CACHE_PLACES], 1); /* of another slab: the three are told */
    CHECK_EQ(slab->remote + 1, 3);
    CHECK(mm_check());
    hosted_set_cpu(0);
    kmem_cache_reap(cache);
    CHECK(slab->listed && slab->remote == -1);
    CHECK(mm_check());

    give(&first[13], SLAB - 13);
    give(&second[CACHE_PLACES + 1], SLAB - CACHE_PLACES - 1);
    give(again, 5);
    CHECK(kmem_cache_destroy(cache));
    machine_start_usual();
}

static void
take_one(void *object)
{
    *(void **)object = kmem_cache_alloc(cache);
}

#define HEAP_SIZE 3584

static void
take_from_heap(void *object)
{
    *(void **)object = kmalloc(HEAP_SIZE);
}

/* Freed on two CPUs, it is handed out by one of them, whichever comes first. */
KTEST(magazines, double_free_on_two_cpus)
{
    CHECK(mm_cpu_up(1));
    for (unsigned first = 0; first < 2; first++) {
        void *object = kmalloc(HEAP_SIZE), *other = kmalloc(HEAP_SIZE), *taken = NULL;
        CHECK(object && other);
        kfree(object);
        hosted_set_cpu(1);
        void *opens = kmalloc(HEAP_SIZE); /* the magazine */
        CHECK(opens);
        kfree(object);
        CHECK(!mm_check());
        hosted_set_cpu(first);
        CHECK(kmalloc(HEAP_SIZE) == object);
        hosted_set_cpu(1 - first);
        CHECK(ktest_panics(take_from_heap, &taken, "double free"));
        CHECK(!taken);

        struct magazine *magazine = slab_of(object)->cache->parts[1 - first]->magazine;
        magazine->top--;
        kfree(object);
        kfree(other);
        kfree(opens);
        mm_drain_cpu(0);
        mm_drain_cpu(1);
        hosted_set_cpu(0);
        CHECK(mm_check());
    }
    machine_start_usual();
}

/* What another CPU is at work on is not seen in its magazine: then it is found there. */
KTEST(magazines, double_free_not_seen)
{
    void *objects[2], *taken = NULL;
    CHECK(mm_cpu_up(1));
    cache = kmem_cache_create("two", 256, 0, 0, NULL);
    CHECK(cache && take(objects, 2));
    give(objects, 1);
    CHECK(take(objects, 1)); /* it was in a magazine now */
    give(objects, 1);
    struct magazine *magazine = cache->parts[0]->magazine;
    magazine->top--; /* as if its only object were just being taken */
    hosted_set_cpu(1);
    give(objects, 1);
    hosted_set_cpu(0);
    magazine->top++;
    CHECK(ktest_panics(take_one, &taken, "double free"));
    CHECK(!taken);
    magazine->top--;
    give(&objects[1], 1);
    CHECK(kmem_cache_destroy(cache));
    CHECK(mm_check());
    machine_start_usual();
}

static unsigned asked;

static unsigned long
count_question(unsigned long frames)
{
    (void)frames;
    asked++;
    return 0;
}

/* Slots are a comfort: they are taken of what is there, and given back before memory is out. */
KTEST(magazines, slots_are_to_spare)
{
    static paddr_t frames[MACHINE_BYTES >> PAGE_SHIFT];
    void *objects[4 * SLAB], *last;
    unsigned count = 0;
    machine_start_usual();
    cache = kmem_cache_create("one", 256, 0, 0, NULL);
    CHECK(cache && take(objects, 4 * SLAB));
    const struct cache_part *part = cache->parts[0];
    while (count < ARRAY_LENGTH(frames) && (frames[count] = pmm_alloc_page()))
        count++;
    asked = 0;
    pmm_reclaim = count_question;
    give(objects, CACHE_PLACES + 1);
    CHECK(part->overflowed);
    CHECK(take(objects, CACHE_PLACES + 1));
    CHECK(!part->overflowed && part->places == CACHE_PLACES);
    CHECK(asked == 0); /* nobody gives anything up for them */

    pmm_free_page(frames[--count]);
    mm_drain_cpu(0); /* else the frame waits on a stack */
    give(objects, CACHE_PLACES + 1);
    CHECK(take(objects, CACHE_PLACES + 1));
    CHECK(part->places > CACHE_PLACES);
    CHECK((last = kmem_cache_alloc(cache)) != NULL); /* in that frame */
    CHECK(part->places == CACHE_PLACES && mm_check());

    give(&last, 1);
    give(objects, 4 * SLAB);
    while (count)
        pmm_free_page(frames[--count]);
    CHECK(kmem_cache_destroy(cache));
    CHECK(mm_check());
    machine_start_usual();
}
