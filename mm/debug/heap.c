/* heap.c - the debug heap: objects that tell what was done to them.
 *
 *   place                                                          place + stride
 *     | red zone (left) | object: `size` bytes asked for | red zone ... | record |
 *                       ^ what the caller gets            ^ exact to the byte
 *
 * A free object is filled with POISON_FREE and checked when it is handed out next (quarantine.c
 * makes that later), so a write after free is found then, and by every mm_check in between. A new
 * object is filled with POISON_NEW, so that a read of memory nobody has set shows. An object of a
 * cache with a constructor keeps its contents: only its red zones are watched.
 *
 * The record holds who allocated and who freed. Whole frames (above 8 KiB, or aligned) have the
 * same record in their last bytes and a red zone before it.
 *
 * What is reported (report.c): double free, free inside an object, write before it, write behind
 * it, write after free, damaged record. All end in a panic: the heap cannot be trusted any more.
 *
 * Cost: an object grows by 64 bytes and what rounds it up to 16; a pair of kmalloc and kfree
 * writes and checks all of them (docs/design.md has the figures).
 */
#include <string.h>
#include "../slab_private.h"
#include "debug_private.h"
#include "kasan.h"

static uint32_t last_number;

uint32_t
debug_stride(size_t size, size_t align, uint32_t *left)
{
    size_t grain = align < 16 ? 16 : align;
    *left = (uint32_t)grain;
    return (uint32_t)((grain + size + 16 + DEBUG_RECORD_BYTES + grain - 1) & ~(grain - 1));
}

static struct subject
object_at(const struct kmem_cache *cache, void *place)
{
    unsigned char *start = place, *record = start + cache->stride - DEBUG_RECORD_BYTES;
    return (struct subject){.what = cache->name,
                            .cache = cache,
                            .place = start,
                            .object = start + cache->left,
                            .end = record,
                            .record = (void *)record};
}

static struct subject
pages_at(void *memory, size_t bytes)
{
    unsigned char *start = memory, *record = start + bytes - DEBUG_RECORD_BYTES;
    return (struct subject){.what = "whole frames",
                            .place = start,
                            .object = start,
                            .end = record,
                            .record = (void *)record};
}

static struct subject
object_number(const struct slab *slab, uint32_t index)
{
    return object_at(slab->cache, slab_object(slab, index));
}

/* ---- Checks ---- */

typedef uintptr_t __attribute__((may_alias)) word;

/* A word at a time while that goes. */
const unsigned char *
debug_first_other(const unsigned char *from, const unsigned char *to, unsigned char value)
{
    const word pattern = ~(word)0 / 255 * value;
    for (; from < to; from++) {
        while ((uintptr_t)from % sizeof(word) == 0 && (size_t)(to - from) >= sizeof(word) &&
               *(const word *)(const void *)from == pattern)
            from += sizeof(word);
        if (from < to && *from != value)
            return from;
    }
    return NULL;
}

const unsigned char *
debug_broken_red(const struct subject *subject)
{
    const unsigned char *at = debug_first_other(subject->place, subject->object, POISON_RED);
    if (at)
        return at;
    return debug_first_other(subject->object + subject->record->size, subject->end, POISON_RED);
}

static const char *
name_of_damage(const struct subject *subject, const unsigned char *at)
{
    return at < subject->object ? "write before an object" : "write behind an object";
}

bool
debug_record_sane(const struct subject *subject)
{
    const struct record *record = subject->record;
    return (record->state == STATE_LIVE || record->state == STATE_FREE ||
            record->state == STATE_KEPT) &&
           record->size <= (size_t)(subject->end - subject->object);
}

void
debug_check_live(const struct subject *subject, const void *caller)
{
    if (!debug_record_sane(subject))
        debug_report(subject, "damaged record behind an object", (unsigned char *)subject->record,
                     caller);
    if (subject->record->state != STATE_LIVE)
        debug_report(subject, "double free", NULL, caller);
    const unsigned char *at = debug_broken_red(subject);
    if (at)
        debug_report(subject, name_of_damage(subject, at), at, caller);
}

const unsigned char *
debug_broken_poison(const struct subject *subject)
{
    const struct kmem_cache *cache = subject->cache;
    const unsigned char *at = debug_first_other(subject->place, subject->object, POISON_RED);
    if (at)
        return at;
    if (cache && cache->constructor)
        return debug_first_other(subject->object + cache->size, subject->end, POISON_RED);
    return debug_first_other(subject->object, subject->end, POISON_FREE);
}

/* ---- Life of an object ---- */

static void
poison(const struct subject *subject)
{
    const struct kmem_cache *cache = subject->cache;
    size_t room = (size_t)(subject->end - subject->object);
    if (!cache || !cache->constructor)
        memset(subject->object, POISON_FREE, room);
    else
        memset(subject->object + cache->size, POISON_RED, room - cache->size);
    kasan_forbid_object(subject->place, (size_t)(subject->end - subject->place));
}

void
debug_fill_new(const struct subject *subject, size_t size, const void *caller)
{
    *subject->record = (struct record){
        .state = STATE_LIVE,
        .size = (uint32_t)size,
        .number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED),
        .allocated_by = caller,
        .allocated = debug_on(DEBUG_STACKS) ? stack_save(caller) : 0,
    };
    kasan_allow_object(subject->place, subject->object, size, subject->end + DEBUG_RECORD_BYTES);
    if (subject->cache && subject->cache->constructor)
        return;
    memset(subject->object, POISON_NEW, size);
    memset(subject->object + size, POISON_RED, (size_t)(subject->end - subject->object) - size);
}

void
debug_end_life(const struct subject *subject, const void *caller)
{
    struct record *record = subject->record;
    debug_check_live(subject, caller);
    if (__atomic_exchange_n(&record->state, STATE_FREE, __ATOMIC_ACQ_REL) != STATE_LIVE)
        debug_report(subject, "double free", NULL, caller);
    record->freed_by = caller;
    record->freed = debug_on(DEBUG_STACKS) ? stack_save(caller) : 0;
    poison(subject);
}

void
debug_slab_made(struct slab *slab)
{
    for (uint32_t i = 0; i < slab->objects; i++) {
        struct subject subject = object_number(slab, i);
        memset(subject.place, POISON_RED, slab->cache->left);
        poison(&subject);
        *subject.record = (struct record){.state = STATE_FREE};
        if (slab->cache->constructor)
            kasan_allow(subject.place, slab->cache->stride);
    }
}

void
debug_slab_gone(const struct slab *slab)
{
    for (uint32_t i = 0; i < slab->objects; i++) {
        struct subject subject = object_number(slab, i);
        const unsigned char *at = debug_broken_poison(&subject);
        if (at)
            debug_report(&subject, "write after free", at, __builtin_return_address(0));
    }
}

void *
debug_alloc(struct kmem_cache *cache, void *place, size_t size, const void *caller)
{
    struct subject subject = object_at(cache, place);
    const unsigned char *at = debug_broken_poison(&subject);
    if (at)
        debug_report(&subject, "write after free", at, caller);
    if (subject.record->state != STATE_FREE)
        debug_report(&subject, "damaged record behind an object", (unsigned char *)subject.record,
                     caller);
    debug_fill_new(&subject, size, caller);
    return subject.object;
}

void *
debug_free(struct slab *slab, void *object, const void *caller)
{
    char *place = (char *)object - slab->cache->left;
    unsigned long index;
    bool exact = slab_number(slab, place, &index) && index < slab->objects;
    struct subject subject = object_number(slab, exact ? (uint32_t)index : slab_index_around(slab, object));
    if (!exact)
        debug_inside(&subject, object, caller);
    debug_end_life(&subject, caller);
    return quarantine_keep(&subject, caller) ? NULL : place;
}

void
debug_wrong_cache(const void *object, const void *caller)
{
    struct subject subject;
    if (!debug_subject_at((uintptr_t)object, &subject))
        return;
    debug_tell(&subject, "free into the wrong cache", NULL);
    debug_print_who(&klog_printer, "found by", caller);
    debug_say_how(NULL, caller);
}

size_t
debug_size(const struct kmem_cache *cache, const void *object)
{
    char *place = (char *)(uintptr_t)object - cache->left;
    return object_at(cache, place).record->size;
}

size_t
debug_guarded_size(const void *object)
{
    struct subject subject;
    return debug_subject_at((uintptr_t)object, &subject) ? subject.record->size : 0;
}

/* ---- Whole frames ---- */

void
debug_pages_alloc(void *memory, size_t bytes, size_t size, const void *caller)
{
    struct subject subject = pages_at(memory, bytes);
    debug_fill_new(&subject, size, caller);
}

bool
debug_pages_free(void *memory, size_t bytes, const void *caller)
{
    struct subject subject = pages_at(memory, bytes);
    debug_end_life(&subject, caller);
    return !quarantine_keep(&subject, caller);
}

size_t
debug_pages_size(const void *memory, size_t bytes)
{
    return pages_at((void *)(uintptr_t)memory, bytes).record->size;
}

/* ---- Looking ---- */

bool
debug_check_slab(const struct slab *slab)
{
    for (uint32_t i = 0; i < slab->objects; i++) {
        struct subject subject = object_number(slab, i);
        const char *bug = "write after free";
        const unsigned char *at;
        if (!debug_record_sane(&subject)) {
            at = (const unsigned char *)subject.record;
            bug = "damaged record behind an object";
        } else if (subject.record->state == STATE_LIVE) {
            at = debug_broken_red(&subject);
            bug = at ? name_of_damage(&subject, at) : bug;
        } else {
            at = debug_broken_poison(&subject);
        }
        if (!at)
            continue;
        debug_tell(&subject, bug, at);
        return false;
    }
    return true;
}

/* The whole frames of kmalloc that a frame belongs to. What mm/ itself has of FRAME_HEAP bears no
 * record. */
static bool
pages_around(pfn_t frame, struct subject *found)
{
    unsigned long head = frame.n;
    if (!debug_on(DEBUG_HEAP) || !pmm_frame_known(frame))
        return false;
    while (frame_of(pfn(head))->owner == FRAME_NONE && head & (BLOCK_FRAMES - 1))
        head--;
    const struct frame *first = frame_of(pfn(head));
    if (first->owner != FRAME_HEAP || frame.n - head >= first->count)
        return false;
    *found = pages_at(frame_to_ptr(pfn(head)), (size_t)first->count << PAGE_SHIFT);
    return debug_record_sane(found);
}

bool
debug_subject_at(uintptr_t address, struct subject *found)
{
    pfn_t frame;
    const void *at = (const void *)address;
    const struct slab *slab = slab_of(at);
    if (guard_subject_at(address, found))
        return true;
    if (!slab)
        return ptr_to_frame(at, &frame) && pages_around(frame, found);
    if (!slab->cache->debug || (const char *)at < slab->base)
        return false;
    *found = object_number(slab, slab_index_around(slab, at));
    return debug_record_sane(found);
}

static void
each_of_frames(void (*visit)(const struct subject *subject, void *arg), void *arg)
{
    struct subject subject;
    for (uint32_t b = 0; b < mm_block_count; b++)
        for (unsigned long i = 0; mm_blocks[b].open && i < BLOCK_FRAMES; i++) {
            pfn_t frame = pfn(FRAME_BASE + ((unsigned long)b << MAX_ORDER) + i);
            if (frame_of(frame)->owner == FRAME_HEAP && pages_around(frame, &subject))
                visit(&subject, arg);
        }
}

void
debug_each(void (*visit)(const struct subject *subject, void *arg), void *arg)
{
    for (const struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        for (const struct slab *slab = cache->slabs; cache->debug && slab;
             slab = slab->next_of_cache)
            for (uint32_t i = 0; i < slab->objects; i++) {
                struct subject subject = object_number(slab, i);
                visit(&subject, arg);
            }
    if (debug_on(DEBUG_HEAP))
        each_of_frames(visit, arg);
    guard_each(visit, arg);
}

unsigned long
debug_mark(void)
{
    return __atomic_load_n(&last_number, __ATOMIC_RELAXED);
}
