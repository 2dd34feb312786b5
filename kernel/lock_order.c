/* lock_order.c - spinlocks must always be taken in the same order: the boot option lockorder.
 *
 * Two CPUs that take the same two locks in different orders wait for each other for ever, but only
 * when they do it at the same moment. This finds the two orders whenever each was seen once, by any
 * CPU. A lock is known as lock_stat.c counts it: by its name, or by the place that takes it.
 *
 *   this CPU holds A ──► takes B   ──► edge A → B, with the place    is there an edge B → A: a bug
 *
 * Nobody tells when a lock is given back: what a CPU holds is looked at when it takes another one,
 * and a lock is no longer held when its word is not what it was.
 *
 * One more mistake is found on the way: giving up the CPU with a lock held (with several CPUs).
 *
 * Edges are claimed like the records of lock_stat.c; what a CPU holds is its own, interrupts off.
 */
#include "kmalloc.h"
#include "lock_stat.h"
#include "platform.h"
#include "symbols.h"

#define HELD  8u
#define EDGES 512u

struct held {
    const struct spinlock *lock; /* NULL: none */
    uint32_t holder;             /* its word while it is held */
    unsigned class;
};

struct edge {
    uint32_t classes; /* first | second << 16; 0: free */
    uint32_t code;    /* that took the second */
};

static struct held (*held)[HELD];
static struct edge *edges;

void
lock_order_start(void)
{
    held = kzalloc(CPU_MAX * sizeof(*held));
    edges = kzalloc(EDGES * sizeof(*edges));
    if (held == NULL || edges == NULL)
        klog("lockorder: no memory\n");
    else
        lock_stat_start();
}

/* The edge from one class to another; NULL when it was not seen, or new and there is no room. */
static struct edge *
find_edge(unsigned first, unsigned second, bool add)
{
    uint32_t classes = (first + 1) | (second + 1) << 16;

    for (uint32_t i = 0; i < EDGES; i++) {
        struct edge *edge = &edges[(first * 31 + second + i) % EDGES];
        uint32_t found = __atomic_load_n(&edge->classes, __ATOMIC_RELAXED);

        if (found == 0 && add &&
            __atomic_compare_exchange_n(&edge->classes, &found, classes, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return edge;
        if (found == classes || found == 0)
            return found == classes ? edge : NULL;
    }
    return NULL;
}

static _Noreturn void
report(const struct held *first, const struct spinlock *second, uint32_t before)
{
    char names[2][80], places[2][80];

    edges = NULL; /* the report takes locks too */
    symbol_name(first->lock, names[0], sizeof(names[0]));
    symbol_name(second, names[1], sizeof(names[1]));
    symbol_name((const void *)(uintptr_t)second->code, places[0], sizeof(places[0]));
    symbol_name((const void *)(uintptr_t)before, places[1], sizeof(places[1]));
    kpanic("lock order: %p (%s) is taken by %s while %p (%s) is held; they were taken the other way "
           "round by %s", (const void *)second, names[1], places[0], (const void *)first->lock,
           names[0], places[1]);
}

static void
follow(const struct held *first, const struct spinlock *second, unsigned class)
{
    const struct edge *back;
    struct edge *edge;

    if (first->class == class)
        return;
    back = find_edge(class, first->class, false);
    if (back != NULL && back->code != 0)
        report(first, second, back->code);
    edge = find_edge(first->class, class, true);
    if (edge != NULL)
        edge->code = second->code;
}

static bool
is_held(const struct held *entry)
{
    return entry->lock != NULL &&
           __atomic_load_n(&entry->lock->holder, __ATOMIC_RELAXED) == entry->holder;
}

void
lock_order_taken(const struct spinlock *lock, unsigned class)
{
    unsigned long flags = interrupts_disable();
    struct held *mine = held != NULL ? held[cpu_current()] : NULL, *room = NULL;

    for (unsigned i = 0; edges != NULL && i < HELD; i++) {
        if (mine[i].lock != lock && is_held(&mine[i]))
            follow(&mine[i], lock, class);
        else
            room = &mine[i];
    }
    if (room != NULL)
        *room = (struct held){.lock = lock, .holder = lock->holder, .class = class};
    interrupts_restore(flags);
}

void
lock_order_sleep(const struct spinlock *but)
{
    const struct held *mine = edges != NULL ? held[cpu_current()] : NULL;
    char name[80], place[80];

    for (unsigned i = 0; mine != NULL && i < HELD; i++) {
        if (mine[i].lock == but || !is_held(&mine[i]))
            continue;
        edges = NULL;
        symbol_name(mine[i].lock, name, sizeof(name));
        symbol_name((const void *)(uintptr_t)mine[i].lock->code, place, sizeof(place));
        kpanic("the CPU is given up with lock %p (%s) held since %s", (const void *)mine[i].lock,
               name, place);
    }
}
