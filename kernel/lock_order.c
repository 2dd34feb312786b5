/* lock_order.c - locks must always be taken in the same order: the boot option lockorder.
 *
 * Two CPUs that take the same two locks in different orders wait for each other for ever, but only
 * when they do it at the same moment. This finds the two orders whenever each was seen once, by any
 * CPU. A lock is known by its kind (lock_stat_kind): a variable is its own, a mutex of an object is
 * one with all that are made by the same code, any other is known by the place that takes it.
 *
 *   A is held ──► B is taken   ──► edge A → B, with the place        is there an edge B → A: a bug
 *
 * Two of a kind have an order that is not looked at here (by address, parent before child). Who
 * only tries to have a lock waits for nobody; what he takes after that has to be in order again.
 *
 * Spinlocks. Nobody tells when one is given back: what a CPU holds is looked at when it takes
 * another one, and a lock is no longer held when its word is not what it was, or another CPU has
 * taken it since: a task that has moved has the same stack there. Between that one's two steps it
 * may seem to be held here, so before an order is noted or reported one looks for a while. One that
 * is had by trying is held as any other, but is not taken behind those that are: nobody waits for
 * it.
 *
 * Mutexes. What a task holds, shared or not, stands at the lower end of its stack, which no sane
 * call reaches. More is wrong with a mutex than an order:
 *
 * M1. It is taken while the CPU holds a spinlock: the task may have to sleep.
 * M2. It is taken by a task that has it, shared too: one who wants it alone may come in between.
 * M3. It is given back by a task that has it not, or is still held when the task is back in ring 3,
 *     or ends.
 *
 * One more mistake is found on the way: giving up the CPU with a spinlock held (with several CPUs).
 *
 * Edges are claimed like the records of lock_stat.c; what a CPU holds is its own, interrupts off;
 * what a task holds only that task looks at.
 */
#include <string.h>
#include "kmalloc.h"
#include "lock_stat.h"
#include "platform.h"
#include "symbols.h"
#include "task.h"

#define HELD  8u
#define EDGES 1024u
#define LOOKS 1000u

struct held {
    const void *lock; /* NULL: none */
    uint32_t holder;  /* of a spinlock: its word while it is held; of a mutex: 0 */
    uint32_t code;    /* that took it */
    unsigned kind;
};

struct edge {
    uint32_t kinds; /* first | second << 16; 0: free */
    uint32_t code;  /* that took the second */
};

static struct held (*held)[HELD]; /* spinlocks of each CPU, and mutexes of the first idle task */
static struct edge *edges;

void
lock_order_start(void)
{
    held = kzalloc((CPU_MAX + 1) * sizeof(*held));
    edges = kzalloc(EDGES * sizeof(*edges));
    if (held == NULL || edges == NULL)
        klog("lockorder: no memory\n");
    else
        lock_stat_start();
}

/* ---- what to say ---- */

struct names {
    char text[4][60];
};

static const char *
name(struct names *names, unsigned number, const void *at)
{
    symbol_name(at, names->text[number], sizeof(names->text[number]));
    return names->text[number];
}

static const char *
place(struct names *names, unsigned number, uint32_t code)
{
    return name(names, number, (const void *)(uintptr_t)code);
}

/* From now on nothing is checked: the report takes locks too. */
static void
stop(void)
{
    edges = NULL;
}

static _Noreturn void
report_order(const struct held *first, const void *second, uint32_t code, uint32_t before)
{
    struct names names;

    stop();
    kpanic("lock order: %p (%s) is taken by %s while %p (%s) is held; they were taken the other way "
           "round by %s", second, name(&names, 0, second), place(&names, 1, code), first->lock,
           name(&names, 2, first->lock), place(&names, 3, before));
}

/* `what` happens at `code` although `lock` is held. */
static _Noreturn void
report_held(const char *what, uint32_t code, const struct held *lock)
{
    struct names names;

    stop();
    kpanic("lock order: %s%s with lock %p (%s) held since %s", what,
           code != 0 ? place(&names, 0, code) : "", lock->lock, name(&names, 1, lock->lock),
           place(&names, 2, lock->code));
}

/* ---- spinlocks that are held ---- */

static bool
is_held(const struct held *entry)
{
    const struct spinlock *lock = entry->lock;

    return lock != NULL && __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) == entry->holder &&
           lock_stat_cpu(lock) == cpu_current();
}

static bool
stays_held(const struct held *entry)
{
    for (unsigned i = 0; i < LOOKS; i++) {
        if (!is_held(entry))
            return false;
        cpu_pause();
    }
    return true;
}

/* ---- edges ---- */

/* The edge from one kind to another; NULL when it was not seen, or new and there is no room. */
static struct edge *
find_edge(unsigned first, unsigned second, bool add)
{
    uint32_t kinds = (first + 1) | (second + 1) << 16;

    for (uint32_t i = 0; i < EDGES; i++) {
        struct edge *edge = &edges[(first * 31 + second + i) % EDGES];
        uint32_t found = __atomic_load_n(&edge->kinds, __ATOMIC_RELAXED);

        if (found == 0 && add &&
            __atomic_compare_exchange_n(&edge->kinds, &found, kinds, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return edge;
        if (found == kinds || found == 0)
            return found == kinds ? edge : NULL;
    }
    return NULL;
}

static void
follow(const struct held *first, const void *second, unsigned kind, uint32_t code)
{
    const struct edge *back;
    struct edge *edge;

    if (first->kind == kind || first->kind == LOCK_KINDS || kind == LOCK_KINDS)
        return;
    edge = find_edge(first->kind, kind, false);
    back = find_edge(kind, first->kind, false);
    if ((edge == NULL || back != NULL) && first->holder != 0 && !stays_held(first))
        return;
    if (back != NULL && back->code != 0)
        report_order(first, second, code, back->code);
    if (edge == NULL)
        edge = find_edge(first->kind, kind, true);
    if (edge != NULL)
        edge->code = code;
}

/* ---- spinlocks: what is taken ---- */

void
lock_order_spin(const struct spinlock *lock, uint32_t code, bool tried)
{
    unsigned long flags = interrupts_disable();
    struct held *mine = held != NULL ? held[cpu_current()] : NULL, *room = NULL;
    unsigned kind = lock_stat_kind(lock, code);

    for (unsigned i = 0; edges != NULL && i < HELD; i++) {
        if (mine[i].lock == lock || !is_held(&mine[i]))
            room = &mine[i];
        else if (!tried)
            follow(&mine[i], lock, kind, code);
    }
    if (room != NULL)
        *room = (struct held){.lock = lock, .holder = lock->holder, .code = code, .kind = kind};
    interrupts_restore(flags);
}

/* A spinlock that this CPU holds, other than `but`; NULL: none. */
static const struct held *
spinning(const struct spinlock *but)
{
    const struct held *mine = held[cpu_current()];

    for (unsigned i = 0; i < HELD; i++)
        if (mine[i].lock != but && stays_held(&mine[i]))
            return &mine[i];
    return NULL;
}

void
lock_order_sleep(const struct spinlock *but)
{
    const struct held *found = edges != NULL ? spinning(but) : NULL;

    if (found != NULL)
        report_held("the CPU is given up", 0, found);
}

/* ---- mutexes ---- */

static struct held *
held_by_me(void)
{
    struct held *at = task_current()->stack;

    return at != NULL ? at : held[CPU_MAX];
}

/* Where the current task has this mutex, or, NULL, has room; NULL: nowhere. */
static struct held *
find_mine(const struct rw_mutex *lock)
{
    struct held *mine = held_by_me();

    for (unsigned i = 0; i < HELD; i++)
        if (mine[i].lock == lock)
            return &mine[i];
    return NULL;
}

void
lock_order_stack(void *stack)
{
    memset(stack, 0, sizeof(*held));
}

void
lock_order_before(const struct rw_mutex *lock, uint32_t code)
{
    unsigned long flags = interrupts_disable();
    const struct held *mine, *found;

    if (edges == NULL) {
        interrupts_restore(flags);
        return;
    }
    mine = held_by_me();
    found = spinning(NULL);
    for (unsigned i = 0; found == NULL && i < HELD; i++) {
        if (mine[i].lock == lock)
            found = &mine[i];
        else if (mine[i].lock != NULL)
            follow(&mine[i], lock, lock_stat_kind(lock, code), code);
    }
    if (found != NULL)
        report_held("a mutex is taken by ", code, found);
    interrupts_restore(flags);
}

void
lock_order_taken(const struct rw_mutex *lock, uint32_t code)
{
    struct held *at;

    if (edges == NULL)
        return;
    at = find_mine(NULL);
    if (at == NULL)
        kpanic("lock order: a task holds more than %u mutexes", HELD);
    *at = (struct held){.lock = lock, .code = code, .kind = lock_stat_kind(lock, code)};
    task_mark(task_current(), TASK_WORK_LOCKS);
}

void
lock_order_given(const struct rw_mutex *lock)
{
    struct held *at;

    lock_stat_given(lock);
    if (edges == NULL)
        return;
    at = find_mine(lock);
    if (at == NULL)
        kpanic("lock order: mutex %p is given back by task %d, which has it not", (const void *)lock,
               task_current()->tid);
    at->lock = NULL;
}

void
lock_order_leave(void)
{
    const struct held *mine = edges != NULL ? held_by_me() : NULL;

    task_unmark(task_current(), TASK_WORK_LOCKS);
    for (unsigned i = 0; mine != NULL && i < HELD; i++)
        if (mine[i].lock != NULL)
            report_held("a task goes back to ring 3, or ends,", 0, &mine[i]);
}
