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

static struct subject
subject_at(void *place)
{
    struct subject subject;
    bool found = debug_subject_at((uintptr_t)place, &subject);
    ASSERT(found && subject.record->state == STATE_KEPT);
    return subject;
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
take_oldest(size_t limit)
{
    unsigned long flags = spin_lock(&quarantine.lock);
    void *place = quarantine.bytes > limit ? quarantine.oldest : NULL;
    if (place) {
        struct subject subject = subject_at(place);
        quarantine.oldest = subject.record->next;
        count(&subject, (size_t)-1);
        subject.record->next = NULL;
        subject.record->state = STATE_FREE;
    }
    spin_unlock(&quarantine.lock, flags);
    return place;
}

static void
let_go(void *place, const void *caller)
{
    struct subject subject;
    struct slab *slab = slab_of(place);
    bool found = debug_subject_at((uintptr_t)place, &subject);
    const unsigned char *at = found ? debug_broken_poison(&subject) : NULL;
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
    for (void *place; (place = take_oldest(limit));)
        let_go(place, caller);
}

bool
quarantine_keep(const struct subject *subject, const void *caller)
{
    if (bytes_of(subject) > quarantine.limit)
        return false;
    unsigned long flags = spin_lock(&quarantine.lock);
    subject->record->state = STATE_KEPT;
    subject->record->next = NULL;
    if (quarantine.bytes)
        subject_at(quarantine.newest).record->next = subject->place;
    else
        quarantine.oldest = subject->place;
    quarantine.newest = subject->place;
    count(subject, 1);
    spin_unlock(&quarantine.lock, flags);
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
