/* lock_stat.c - how often locks are taken, by how many CPUs, and how long one waits for them.
 *
 * A lock that is a variable of the kernel has a record under its own name. Locks that are parts of
 * objects come and go; what stands for them is the place that takes them. So that one can tell
 * whether CPUs share a lock or each takes one of its own, each lock has an entry as well, by its
 * address:
 *
 *   lock or place ──► hash ──► record: taken, waited, times
 *   lock          ──► hash ──► entry:  the CPU that took it last, where, when
 *
 * When the CPU is another one than last time, the record's `moved` counts it: a lock that each CPU
 * has for itself never moves. The memory of an object may become another object, with a lock at the
 * same place; then a move is counted too many, as it is for a lock that there is no entry for.
 *
 * Records and entries are claimed once, by exchanging their keys for 0, and never given back;
 * numbers are added to by single instructions. So any CPU may count at any time, interrupts or not,
 * without a lock. When all records are in use the rest is counted together.
 *
 * Off, this costs nothing: the short ways of locks fail when locks are counted. A spinlock's
 * compares its word with spin_short instead of 0; a mutex misses RW_COUNTED in its word (mutex.h).
 * Then all go the long way, which asks.
 *
 * How long a spinlock is held is known where spin_unlock gives it back. Most are given back in line,
 * by one instruction that nothing is added to: the table has no time for them, only what those know
 * who waited.
 */
#include "lock_stat.h"
#include "cpu.h"
#include "io.h"
#include "kmalloc.h"
#include "platform.h"
#include "symbols.h"
#include "timer.h"

#define RECORDS LOCK_KINDS
#define ENTRIES 4096u
#define LOOKS   32u /* from a lock's place on */

struct record {
    uint32_t key; /* address of the lock, or of the code; 0: free. The last one: all others */
    uint32_t taken, moved, waited;
    uint32_t waiting, longest; /* times */
    uint32_t behind;           /* the code that had it during the longest wait */
    uint32_t held;             /* the longest time, and 1; 0: nobody knows */
};

struct entry {
    const void *lock; /* NULL: free */
    uint32_t made;    /* the code that made it; 0: unknown */
    uint32_t code;    /* that took it last; 0: none has */
    uint32_t cpu, since;
};

bool lock_stat_on;

static struct record *records;
static struct entry *entries;

/* Mutexes that are variables, and zeros around them. */
static void
count_variables(void)
{
    extern int mutexes_start[], mutexes_end[];

    for (int *word = mutexes_start; word < mutexes_end; word++)
        if (*word == RW_FREE)
            *word -= RW_COUNTED;
}

void
lock_stat_start(void)
{
    records = kzalloc((RECORDS + 1) * sizeof(*records));
    entries = kzalloc(ENTRIES * sizeof(*entries));
    if (records == NULL || entries == NULL) {
        klog("lockstat: no memory\n");
        return;
    }
    count_variables();
    spin_short = 1; /* no stack is there */
    lock_stat_on = true;
}

uint32_t
lock_stat_now(void)
{
    return cpu_features.tsc ? (uint32_t)(read_tsc() >> 10) : timer_ticks();
}

/* ---- records and entries ---- */

static bool
claim(uint32_t *word, uint32_t key)
{
    uint32_t found = 0;

    return __atomic_load_n(word, __ATOMIC_RELAXED) == key ||
           __atomic_compare_exchange_n(word, &found, key, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED) ||
           found == key;
}

static struct record *
record_of(const void *lock, uint32_t code)
{
    uint32_t at = (uintptr_t)lock, key = at - (uintptr_t)data_start <
                                             (uintptr_t)kernel_end - (uintptr_t)data_start
                                         ? at
                                         : code;
    uint32_t first = key >> 2 ^ key >> 10;

    for (uint32_t i = 0; i < RECORDS; i++) {
        struct record *record = &records[(first + i) % RECORDS];

        if (claim(&record->key, key))
            return record;
    }
    return &records[RECORDS];
}

/* NULL: there is no room. */
static struct entry *
entry_of(const void *lock)
{
    uint32_t first = ((uintptr_t)lock >> 2) * 2654435761u >> 16;

    for (uint32_t i = 0; i < LOOKS; i++) {
        struct entry *entry = &entries[(first + i) % ENTRIES];

        if (claim((uint32_t *)&entry->lock, (uintptr_t)lock))
            return entry;
    }
    return NULL;
}

unsigned
lock_stat_kind(const void *lock, uint32_t code)
{
    const struct entry *entry = entry_of(lock);

    return (unsigned)(record_of(lock, entry != NULL && entry->made != 0 ? entry->made : code) -
                      records);
}

unsigned
lock_stat_cpu(const struct spinlock *lock)
{
    const struct entry *entry = entry_of(lock);

    return entry != NULL && entry->code != 0 ? entry->cpu : CPU_MAX;
}

/* ---- counting ---- */

static void
add(uint32_t *number, uint32_t more)
{
    (void)__atomic_fetch_add(number, more, __ATOMIC_RELAXED);
}

static void
count_taken(const void *lock, uint32_t code)
{
    struct record *record = record_of(lock, code);
    struct entry *entry = entry_of(lock);

    add(&record->taken, 1);
    if (entry == NULL || (entry->code != 0 && entry->cpu != cpu_current()))
        add(&record->moved, 1);
    if (entry == NULL)
        return;
    entry->cpu = cpu_current();
    entry->code = code;
    entry->since = lock_stat_now();
}

static void
count_wait(const void *lock, uint32_t code, uint32_t since, uint32_t behind)
{
    struct record *record = record_of(lock, code);
    uint32_t time = lock_stat_now() - since;

    add(&record->waited, 1);
    add(&record->waiting, time);
    if (time < record->longest)
        return;
    record->longest = time;
    record->behind = behind;
}

void
lock_stat_given(const void *lock)
{
    const struct entry *entry = entry_of(lock);
    struct record *record;
    uint32_t time;

    if (entry == NULL || entry->code == 0)
        return;
    time = lock_stat_now() - entry->since + 1;
    record = record_of(lock, entry->code);
    if (time > record->held)
        record->held = time;
}

void
lock_stat_note(const void *lock)
{
    count_taken(lock, (uintptr_t)__builtin_return_address(0));
}

/* ---- spinlocks ---- */

void
lock_stat_spin_tried(struct spinlock *lock, uint32_t code)
{
    count_taken(lock, code);
    lock_order_spin(lock, code, true);
}

void
lock_stat_spin(struct spinlock *lock, uint32_t code)
{
    if (!word_claim(&lock->holder)) {
        uint32_t since = lock_stat_now(), behind = lock->code;

        spin_until_free(lock);
        count_wait(lock, code, since, behind);
    }
    lock->code = code;
    count_taken(lock, code);
    lock_order_spin(lock, code, false);
}

/* ---- mutexes ---- */

/* Whatever was at the place before is gone. */
void
lock_stat_made(struct rw_mutex *lock, uint32_t code)
{
    struct entry *entry = entry_of(lock);

    lock->count -= RW_COUNTED;
    if (entry != NULL)
        *entry = (struct entry){.lock = lock, .made = code};
}

void
lock_stat_mutex(const struct rw_mutex *lock, uint32_t code)
{
    count_taken(lock, code);
    lock_order_taken(lock, code);
}

void
lock_stat_waited(const struct rw_mutex *lock, uint32_t code, uint32_t since)
{
    const struct entry *entry = entry_of(lock);

    count_wait(lock, code, since, entry != NULL ? entry->code : 0);
}

/* ---- the table ---- */

static void
name_of(uint32_t address, char *name, size_t size)
{
    symbol_name((const void *)(uintptr_t)address, name, size);
}

static void
print_record(struct printer *out, const struct record *record)
{
    char name[60] = "all others";

    if (record->key != 0)
        name_of(record->key, name, sizeof(name));
    print(out, "%9lu %8lu %7lu %8lu %7lu ", (unsigned long)record->taken,
          (unsigned long)record->moved, (unsigned long)record->waited,
          (unsigned long)record->waiting, (unsigned long)record->longest);
    if (record->held != 0)
        print(out, "%6lu %s\n", (unsigned long)record->held - 1, name);
    else
        print(out, "%6s %s\n", "-", name);
    if (record->waited == 0)
        return;
    name_of(record->behind, name, sizeof(name));
    print(out, "%47s behind %s\n", "", name);
}

static int
compare(uint32_t one, uint32_t other)
{
    return (one > other) - (one < other);
}

/* Above 0: `one` comes first. */
static int
order(const struct record *one, const struct record *other)
{
    int result = compare(one->waiting, other->waiting);

    if (result == 0)
        result = compare(one->moved, other->moved);
    if (result == 0)
        result = compare(one->taken, other->taken);
    return result != 0 ? result : compare((uintptr_t)other, (uintptr_t)one);
}

/* What comes behind `last` in the order of the table; NULL: nothing. */
static const struct record *
next_after(const struct record *last)
{
    const struct record *next = NULL;

    for (const struct record *record = records; record <= &records[RECORDS]; record++) {
        if (record->taken == 0 || (last != NULL && order(record, last) >= 0))
            continue;
        if (next == NULL || order(record, next) > 0)
            next = record;
    }
    return next;
}

void
lock_stat_print(struct printer *out)
{
    unsigned lines = 0;

    if (!lock_stat_on) {
        print(out, "nothing was counted: start with the boot option lockstat\n");
        return;
    }
    print(out, "times in %s\n", cpu_features.tsc ? "units of 1024 cycles" : "ticks");
    print(out, "%9s %8s %7s %8s %7s %6s %s\n", "taken", "moved", "waited", "time", "longest", "held",
          "lock, or where one is taken");
    for (const struct record *record = next_after(NULL); record != NULL && lines <= RECORDS;
         record = next_after(record), lines++)
        print_record(out, record);
}
