/* test_locks.c - locks of files against a table of bytes, and with no memory. */
#include <string.h>
#include "file.h"
#include "ktest.h"
#include "locks.h"
#include "mm.h"

#define BYTES  24u
#define OWNERS 3u

/* What each owner holds of each byte: 0, 1 shared, 2 exclusive. */
static char held[OWNERS][BYTES];

static struct lock
lock_of(unsigned owner, unsigned start, unsigned end, bool exclusive)
{
    return (struct lock){.node = tree_root, .owner = held[owner], .kind = LOCK_FCNTL,
                         .exclusive = exclusive, .start = start, .end = end};
}

static bool
model_conflict(unsigned owner, unsigned start, unsigned end, bool exclusive)
{
    for (unsigned other = 0; other < OWNERS; other++) {
        for (unsigned at = start; other != owner && at < end; at++) {
            if (held[other][at] == 2 || (held[other][at] == 1 && exclusive))
                return true;
        }
    }
    return false;
}

static bool
in_the_way(const struct lock *wanted)
{
    struct lock found;

    return lock_conflict(wanted, &found);
}

/* Every byte of every owner as the others see it. */
static bool
same_as_model(void)
{
    for (unsigned at = 0; at < BYTES; at++) {
        for (unsigned owner = 0; owner < OWNERS; owner++) {
            struct lock shared = lock_of(owner, at, at + 1, false);
            struct lock exclusive = lock_of(owner, at, at + 1, true);

            if (in_the_way(&shared) != model_conflict(owner, at, at + 1, false) ||
                in_the_way(&exclusive) != model_conflict(owner, at, at + 1, true))
                return false;
        }
    }
    return true;
}

/* An owner's locks are apart, and those that touch are of different sorts. */
static bool
tidy(void)
{
    for (const struct lock *a = locks; a != NULL; a = a->next) {
        for (const struct lock *b = a->next; b != NULL; b = b->next) {
            if (a->owner == b->owner && a->start <= b->end && b->start <= a->end &&
                (a->exclusive == b->exclusive || (a->start < b->end && b->start < a->end)))
                return false;
        }
    }
    return true;
}

static void
forget_all(void)
{
    for (unsigned owner = 0; owner < OWNERS; owner++)
        lock_forget(held[owner], tree_root);
    memset(held, 0, sizeof(held));
}

KTEST(locks, are_as_the_model_says)
{
    uint32_t chance = ktest_seed();

    for (unsigned i = 0; i < 3000; i++) {
        unsigned owner = ktest_random(&chance) % OWNERS, sort = ktest_random(&chance) % 3;
        unsigned start = ktest_random(&chance) % BYTES;
        unsigned end = start + 1 + ktest_random(&chance) % (BYTES - start);
        struct lock lock = lock_of(owner, start, end, sort == 2);
        bool conflict = sort != 0 && model_conflict(owner, start, end, sort == 2);

        if (sort == 0)
            CHECK_EQ(lock_give(&lock), 0);
        else
            CHECK_EQ(lock_take(&lock, false), conflict ? -EAGAIN : 0);
        if (!conflict)
            memset(held[owner] + start, (char)sort, end - start);
        CHECK(tidy());
        CHECK(same_as_model());
        if (i % 500 == 499)
            forget_all();
    }
    forget_all();
    CHECK(locks == NULL);
}

KTEST(locks, without_memory_nothing_changes)
{
    struct lock lock = lock_of(0, 0, 20, true), hole = lock_of(0, 5, 10, true);
    struct lock other = lock_of(1, 7, 8, false), shared = lock_of(0, 5, 10, false);

    mm_fail_nth(1);
    CHECK_EQ(lock_take(&lock, false), -ENOLCK);
    CHECK(locks == NULL);
    CHECK_EQ(lock_take(&lock, false), 0);
    mm_fail_nth(1);
    CHECK_EQ(lock_give(&hole), -ENOLCK);
    CHECK(in_the_way(&other));
    for (unsigned n = 1; n <= 2; n++) {
        mm_fail_nth(n);
        CHECK_EQ(lock_take(&shared, false), -ENOLCK);
        CHECK(in_the_way(&other));
    }
    mm_fail_nth(0);
    CHECK_EQ(lock_give(&hole), 0);
    CHECK(!in_the_way(&other));
    mm_fail_nth(1);
    CHECK_EQ(lock_give(&lock), 0);
    CHECK_EQ(mm_fail_nth(0), 0);
    CHECK(locks == NULL);
    forget_all();
    CHECK(mm_check());
}
