/* quarantine.c - freed objects are not used again for a while.
 *
 *   free ──► | newest | ... | ... | oldest | ──► the allocator     at most `limit` bytes in all
 *              linked by their records           checked on leaving
 *
 * Without it a freed object is the first to be handed out again, and whoever still uses it harms
 * its next owner. In quarantine it is nobody's: a write to it is found when it leaves, and by every
 * mm_check until then, and names those who freed it; a second free is a double free for as long.
 *
 * The link lies in the object's record, so nothing is allocated. Whoever runs out of memory lets
 * all of them go first (quarantine_flush).
 *
 * Cost: 1/64 of the memory at most, up to 512 KiB.
 *
 * Lock: quarantine.lock, for all but `limit`, which stays once CPUs run; objects leave and are
 * checked outside of it.
 */
#include <string.h>
#include "../percpu.h"
#include "../slab_private.h"
#include "debug_private.h"

#define LIMIT_MAX (512u << 10)

static struct {
    struct spinlock lock;
    void *oldest; /* raw places of objects, or first bytes of whole frames */
    void *newest;
    size_t bytes;
    size_t limit; /* 0: off */
    size_t count;
} quarantine;

void
quarantine_start(uint64_t ram_bytes)
{
    memset(&quarantine, 0, sizeof(quarantine));
    if (!debug_on(DEBUG_QUARANTINE))
        return;
    quarantine.limit = ram_bytes / 64 < LIMIT_MAX ? (size_t)(ram_bytes / 64) : LIMIT_MAX;
}

/* An object that is kept; false when its record says something else: somebody wrote to it. */
static bool
find_kept(void *place, struct subject *subject)
{
    subject->record = NULL;
    return debug_subject_at((uintptr_t)place, subject) && subject->record->state == STATE_KEPT;
}

static _Noreturn void
report_record(const void *place, struct subject *subject, const void *caller)
{
    if (!subject->record)
        kpanic("heap: quarantine: the record before leads to %p, where no object is", place);
    debug_report(subject, "damaged record behind an object", (unsigned char *)subject->record,
                 caller);
}

static size_t
bytes_of(const struct subject *subject)
{
    return (size_t)(subject->end - subject->place) + DEBUG_RECORD_BYTES;
}

/* One more or fewer; locked. */
static void
count(const struct subject *subject, size_t by)
{
    quarantine.bytes += by * bytes_of(subject);
    quarantine.count += by;
    if (subject->cache)
        ((struct kmem_cache *)(uintptr_t)subject->cache)->kept += by;
}

/* Takes the oldest object out. NULL when those that are left may stay. */
static void *
take_oldest(size_t limit, const void *caller)
{
    unsigned long flags = spin_lock(&quarantine.lock);
    void *place = quarantine.bytes > limit ? quarantine.oldest : NULL;
    struct subject subject;
    bool sane = !place || find_kept(place, &subject);
    if (place && sane) {
        quarantine.oldest = subject.record->next;
        count(&subject, (size_t)-1);
        subject.record->next = NULL;
        subject.record->state = STATE_FREE;
    }
    spin_unlock(&quarantine.lock, flags);
    if (!sane)
        report_record(place, &subject, caller);
    return place;
}

static void
let_go(void *place, const void *caller)
{
    struct subject subject;
    struct slab *slab = slab_of(place);
    subject.record = NULL;
    if (!debug_subject_at((uintptr_t)place, &subject))
        report_record(place, &subject, caller);
    const unsigned char *at = debug_broken_poison(&subject);
    if (at)
        debug_report(&subject, "write after free", at, caller);
    if (slab)
        slab_put(slab, place, caller);
    else
        kmalloc_put_frames(place);
}

static void
shrink_to(size_t limit, const void *caller)
{
    for (void *place; (place = take_oldest(limit, caller));)
        let_go(place, caller);
}

bool
quarantine_keep(const struct subject *subject, const void *caller)
{
    if (bytes_of(subject) > quarantine.limit)
        return false;
    unsigned long flags = spin_lock(&quarantine.lock);
    struct subject newest;
    bool sane = !quarantine.bytes || find_kept(quarantine.newest, &newest);
    if (sane) {
        subject->record->state = STATE_KEPT;
        subject->record->next = NULL;
        if (quarantine.bytes)
            newest.record->next = subject->place;
        else
            quarantine.oldest = subject->place;
        quarantine.newest = subject->place;
        count(subject, 1);
    }
    spin_unlock(&quarantine.lock, flags);
    if (!sane)
        report_record(quarantine.newest, &newest, caller);
    shrink_to(quarantine.limit, caller);
    return true;
}

void
quarantine_flush(void)
{
    if (quarantine.limit)
        shrink_to(0, __builtin_return_address(0));
}

void
quarantine_print_use(struct printer *out)
{
    unsigned long flags = spin_lock(&quarantine.lock);
    size_t count = quarantine.count, bytes = quarantine.bytes;
    spin_unlock(&quarantine.lock, flags);
    if (quarantine.limit)
        print(out, "quarantine: %zu objects in %zu of %zu KiB\n", count, bytes >> 10,
              quarantine.limit >> 10);
}
