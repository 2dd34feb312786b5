/* lock_stat.c - how often locks are taken, and how often one has to wait for them.
 *
 * A lock that is a variable of the kernel has a record under its own name. Locks that are parts of
 * objects come and go; what stands for them is the place that takes them.
 *
 *   lock or place ──► hash ──► record: taken, waited
 *
 * A record is claimed once, by exchanging its key for 0, and never given back; numbers are added to
 * by single instructions. So any CPU may count at any time, interrupts or not, without a lock. When
 * all records are in use the rest is counted together.
 *
 * Off, a spinlock asks one flag. A mutex asks nothing: those that are made while counting is on miss
 * RW_COUNTED in their word, so that no short way of mutex.h succeeds and all go through mutex.c.
 * Mutexes from before (the kernel's variables) are counted only when somebody waits.
 */
#include "lock_stat.h"
#include "kmalloc.h"
#include "platform.h"
#include "symbols.h"

#define RECORDS 256u

struct record {
    uint32_t key; /* address of the lock, or of the code; 0: free. The last one: all others */
    uint32_t taken, waited;
};

bool lock_stat_on;

static struct record *records;

void
lock_stat_start(void)
{
    records = kzalloc((RECORDS + 1) * sizeof(*records));
    if (records == NULL)
        klog("lockstat: no memory\n");
    lock_stat_on = records != NULL;
}

static struct record *
record_of(const void *lock, uint32_t code)
{
    uint32_t at = (uintptr_t)lock, key = at - (uintptr_t)data_start <
                                             (uintptr_t)kernel_end - (uintptr_t)data_start
                                         ? at
                                         : code;
    uint32_t first = (key >> 2 ^ key >> 10) % RECORDS;

    for (uint32_t i = 0; i < RECORDS; i++) {
        struct record *record = &records[(first + i) % RECORDS];
        uint32_t found = 0;

        if (__atomic_load_n(&record->key, __ATOMIC_RELAXED) == key ||
            __atomic_compare_exchange_n(&record->key, &found, key, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED) ||
            found == key)
            return record;
    }
    return &records[RECORDS];
}

void
lock_stat_taken(const void *lock, uint32_t code)
{
    (void)__atomic_fetch_add(&record_of(lock, code)->taken, 1, __ATOMIC_RELAXED);
}

void
lock_stat_spin(const struct spinlock *lock)
{
    struct record *record = record_of(lock, lock->code);

    (void)__atomic_fetch_add(&record->taken, 1, __ATOMIC_RELAXED);
    lock_order_taken(lock, (unsigned)(record - records));
}

void
lock_stat_waited(const void *lock, uint32_t code)
{
    (void)__atomic_fetch_add(&record_of(lock, code)->waited, 1, __ATOMIC_RELAXED);
}

static void
print_record(struct printer *out, const struct record *record)
{
    char name[80];

    if (record->key != 0)
        symbol_name((const void *)(uintptr_t)record->key, name, sizeof(name));
    print(out, "%10lu %10lu %s\n", (unsigned long)record->taken, (unsigned long)record->waited,
          record->key != 0 ? name : "all others");
}

/* What comes behind `last` in the order of the table; NULL: nothing. Ties go by place. */
static const struct record *
next_after(const struct record *last)
{
    const struct record *next = NULL;

    for (const struct record *record = records; record <= &records[RECORDS]; record++) {
        if (record->taken == 0 && record->waited == 0)
            continue;
        if (last != NULL && (record->waited > last->waited ||
                             (record->waited == last->waited && record <= last)))
            continue;
        if (next == NULL || record->waited > next->waited)
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
    print(out, "%10s %10s %s\n", "taken", "waited", "lock, or where one is taken");
    for (const struct record *record = next_after(NULL); record != NULL && lines <= RECORDS;
         record = next_after(record), lines++)
        print_record(out, record);
}
