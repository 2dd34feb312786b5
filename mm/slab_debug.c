/* slab_debug.c - the debug heap: objects that tell what was done to them.
 *
 *   place                                                          place + stride
 *     | red zone (left) | object: `size` bytes asked for | red zone ... | record |
 *                       ^ what the caller gets            ^ exact to the byte
 *
 * A free object is filled with POISON_FREE and checked when it is handed out next, so a write after
 * free is found then, and by every mm_check in between. A new object is filled with POISON_NEW, so
 * that a read of memory nobody has set shows. An object of a cache with a constructor keeps its
 * contents: only its red zones are watched.
 *
 * The record holds who allocated and who freed. Whole frames (above 8 KiB, or aligned) have the
 * same record in their last bytes and a red zone before it.
 *
 * What is reported, each with the object, its size and both call sites: double free, free inside an
 * object, write before it, write behind it, write after free, damaged record. All end in a panic:
 * the heap cannot be trusted any more.
 */
#include <string.h>
#include "percpu.h"
#include "poison.h"
#include "kmalloc.h"
#include "slab_private.h"

#define RED_BYTES 16

enum { STATE_LIVE = 0x4c495645, STATE_FREE = 0x46524545 };

struct record {
    uint32_t state;
    uint32_t size; /* as asked for */
    const void *allocated_by;
    const void *freed_by;
    uint32_t number; /* of the allocation, counted from 1 */
};
_Static_assert(sizeof(struct record) <= DEBUG_RECORD_BYTES, "whole frames reserve room for one");

/* What is being looked at, in one shape for objects and whole frames. */
struct subject {
    const char *what; /* the cache's name, or "whole frames" */
    unsigned char *place;
    unsigned char *object;
    struct record *record;
};

bool debug_heap_on;
static uint32_t last_number;

uint32_t
debug_stride(size_t size, size_t align, uint32_t *left)
{
    size_t grain = align < RED_BYTES ? RED_BYTES : align;
    *left = (uint32_t)grain;
    return (uint32_t)((grain + size + RED_BYTES + DEBUG_RECORD_BYTES + grain - 1) & ~(grain - 1));
}

static struct subject
object_at(const struct kmem_cache *cache, void *place)
{
    unsigned char *bytes = place;
    return (struct subject){cache->name, bytes, bytes + cache->left,
                            (void *)(bytes + cache->stride - DEBUG_RECORD_BYTES)};
}

static struct subject
pages_at(void *memory, size_t bytes)
{
    unsigned char *start = memory;
    return (struct subject){"whole frames", start, start,
                            (void *)(start + bytes - DEBUG_RECORD_BYTES)};
}

/* ---- Reports ---- */

/* 16 bytes a line, from 16 before `at` on, as far as the subject goes; `>` marks the byte. */
static void
dump_around(const struct subject *subject, const unsigned char *at)
{
    const unsigned char *end = (const unsigned char *)subject->record;
    const unsigned char *line = at - ((uintptr_t)at & 15);
    if (line >= subject->place + 16)
        line -= 16;
    for (unsigned i = 0; i < 3 && line < end; i++, line += 16) {
        char text[16 * 3 + 1];
        for (unsigned j = 0; j < 16; j++) {
            static const char digits[] = "0123456789abcdef";
            text[3 * j] = line + j == at ? '>' : ' ';
            text[3 * j + 1] = digits[line[j] >> 4];
            text[3 * j + 2] = digits[line[j] & 15];
        }
        text[sizeof(text) - 1] = 0;
        klog("heap:   %p:%s\n", (const void *)line, text);
    }
}

static void
say_who(const char *did, const void *code)
{
    char who[80];
    if (!code)
        return;
    symbol_name(code, who, sizeof(who));
    klog("heap:   %s %s\n", did, who);
}

/* `at` = the byte that is wrong, or NULL; `caller` = who is at work now. */
static _Noreturn void
report(const struct subject *subject, const char *bug, const unsigned char *at, const void *caller)
{
    const struct record *record = subject->record;
    klog("heap: %s: object %p of %s, %u bytes, allocation #%u\n", bug, (void *)subject->object,
         subject->what, (unsigned)record->size, (unsigned)record->number);
    say_who("allocated by", record->allocated_by);
    say_who("freed by", record->freed_by);
    say_who("found in a call from", caller);
    if (at) {
        klog("heap:   byte %ld of the object is 0x%02x\n", (long)(at - subject->object), *at);
        dump_around(subject, at);
    }
    kpanic("heap: %s: object %p of %s", bug, (void *)subject->object, subject->what);
}

/* ---- Checks ---- */

/* The first byte of [from, to) that is not `value`; NULL when all are. */
static const unsigned char *
first_other(const unsigned char *from, const unsigned char *to, unsigned char value)
{
    for (; from < to; from++)
        if (*from != value)
            return from;
    return NULL;
}

/* The byte that shows a write before or behind the object; `bug` names it. */
static const unsigned char *
broken_red_zone(const struct subject *subject, const char **bug)
{
    const unsigned char *end = (const unsigned char *)subject->record;
    const unsigned char *at = first_other(subject->place, subject->object, POISON_RED);
    *bug = "write before an object";
    if (at)
        return at;
    *bug = "write behind an object";
    return first_other(subject->object + subject->record->size, end, POISON_RED);
}

static bool
record_sane(const struct subject *subject)
{
    const struct record *record = subject->record;
    return (record->state == STATE_LIVE || record->state == STATE_FREE) &&
           record->size <= (size_t)((unsigned char *)record - subject->object);
}

/* Panics unless the subject is live and undamaged. */
static void
check_live(const struct subject *subject, const void *caller)
{
    const char *bug;
    if (!record_sane(subject))
        report(subject, "damaged record behind an object", (unsigned char *)subject->record,
               caller);
    if (subject->record->state != STATE_LIVE)
        report(subject, "double free", NULL, caller);
    const unsigned char *at = broken_red_zone(subject, &bug);
    if (at)
        report(subject, bug, at, caller);
}

/* The byte of a free object that was written to; NULL when it is as it was left. */
static const unsigned char *
broken_poison(const struct kmem_cache *cache, const struct subject *subject)
{
    const unsigned char *end = (const unsigned char *)subject->record;
    const unsigned char *at = first_other(subject->place, subject->object, POISON_RED);
    if (at)
        return at;
    if (cache->constructor)
        return first_other(subject->object + cache->size, end, POISON_RED);
    return first_other(subject->object, end, POISON_FREE);
}

/* ---- Life of an object ---- */

static void
poison(const struct kmem_cache *cache, const struct subject *subject)
{
    size_t room = (size_t)((unsigned char *)subject->record - subject->object);
    if (!cache->constructor)
        memset(subject->object, POISON_FREE, room);
    else
        memset(subject->object + cache->size, POISON_RED, room - cache->size);
}

static void
write_record(struct record *record, size_t size, const void *caller)
{
    *record = (struct record){
        .state = STATE_LIVE,
        .size = (uint32_t)size,
        .allocated_by = caller,
        .number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED),
    };
}

void
debug_slab_made(struct slab *slab)
{
    const struct kmem_cache *cache = slab->cache;
    for (uint32_t i = 0; i < slab->objects; i++) {
        struct subject subject = object_at(cache, slab->base + (size_t)i * cache->stride);
        memset(subject.place, POISON_RED, cache->left);
        poison(cache, &subject);
        *subject.record = (struct record){.state = STATE_FREE};
    }
}

void *
debug_alloc(struct kmem_cache *cache, void *place, size_t size, const void *caller)
{
    struct subject subject = object_at(cache, place);
    const unsigned char *at = broken_poison(cache, &subject);
    if (at)
        report(&subject, "write after free", at, caller);
    if (subject.record->state != STATE_FREE)
        report(&subject, "damaged record behind an object", NULL, caller);
    write_record(subject.record, size, caller);
    if (!cache->constructor) {
        size_t room = (size_t)((unsigned char *)subject.record - subject.object);
        memset(subject.object, POISON_NEW, size);
        memset(subject.object + size, POISON_RED, room - size);
    }
    return subject.object;
}

void *
debug_free(struct slab *slab, void *object, const void *caller)
{
    const struct kmem_cache *cache = slab->cache;
    char *place = (char *)object - cache->left;
    uint32_t index = slab_object_index(slab, place);
    if (index >= slab->objects) {
        index = slab_index_around(slab, object);
        struct subject around = object_at(cache, slab->base + (size_t)index * cache->stride);
        report(&around, "free of an address inside an object", NULL, caller);
    }
    struct subject subject = object_at(cache, place);
    check_live(&subject, caller);
    if (__atomic_exchange_n(&subject.record->state, STATE_FREE, __ATOMIC_ACQ_REL) != STATE_LIVE)
        report(&subject, "double free", NULL, caller);
    subject.record->freed_by = caller;
    poison(cache, &subject);
    return place;
}

size_t
debug_size(const struct kmem_cache *cache, const void *object)
{
    char *place = (char *)(uintptr_t)object - cache->left;
    return object_at(cache, place).record->size;
}

/* ---- Whole frames ---- */

void
debug_pages_alloc(void *memory, size_t bytes, size_t size, const void *caller)
{
    struct subject subject = pages_at(memory, bytes);
    memset(memory, POISON_NEW, size);
    memset(subject.object + size, POISON_RED, bytes - DEBUG_RECORD_BYTES - size);
    write_record(subject.record, size, caller);
}

void
debug_pages_free(void *memory, size_t bytes, const void *caller)
{
    struct subject subject = pages_at(memory, bytes);
    check_live(&subject, caller);
    subject.record->state = STATE_FREE;
    subject.record->freed_by = caller;
    memset(memory, POISON_FREE, bytes - DEBUG_RECORD_BYTES);
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
    const struct kmem_cache *cache = slab->cache;
    for (uint32_t i = 0; i < slab->objects; i++) {
        struct subject subject = object_at(cache, slab->base + (size_t)i * cache->stride);
        const char *bug = "write after free";
        const unsigned char *at;
        if (!record_sane(&subject))
            at = (const unsigned char *)subject.record;
        else if (subject.record->state == STATE_LIVE)
            at = broken_red_zone(&subject, &bug);
        else
            at = broken_poison(cache, &subject);
        if (!at)
            continue;
        klog("heap: %s: object %p of %s, allocation #%u\n", bug, (void *)subject.object,
             subject.what, (unsigned)subject.record->number);
        dump_around(&subject, at);
        return false;
    }
    return true;
}

/* Live allocations gathered by call site; the last entry takes what has no room. */
#define SITES 48
struct sites {
    struct {
        const void *caller;
        size_t count;
        size_t bytes;
    } site[SITES];
    unsigned used;
};

static void
count_site(struct sites *sites, const struct record *record, unsigned long since)
{
    if (record->state != STATE_LIVE || record->number <= since)
        return;
    unsigned i = 0;
    while (i < sites->used && i < SITES - 1 && sites->site[i].caller != record->allocated_by)
        i++;
    if (i == sites->used)
        sites->site[sites->used++].caller = i < SITES - 1 ? record->allocated_by : NULL;
    sites->site[i].count++;
    sites->site[i].bytes += record->size;
}

static void
count_frames(struct sites *sites, unsigned long since)
{
    for (uint32_t b = 0; b < mm_block_count; b++) {
        struct frame *frames = &FRAME_TABLE[(size_t)b << MAX_ORDER];
        for (unsigned long i = 0; mm_blocks[b].open && i < BLOCK_FRAMES; i++) {
            if (frames[i].owner != FRAME_HEAP)
                continue;
            void *memory = frame_to_ptr(pfn(((unsigned long)b << MAX_ORDER) + i + FRAME_BASE));
            count_site(sites, pages_at(memory, (size_t)frames[i].count << PAGE_SHIFT).record,
                       since);
        }
    }
}

size_t
debug_print_live(struct printer *out, unsigned long since)
{
    struct sites sites = {.used = 0};
    size_t count = 0;
    for (const struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        for (const struct slab *slab = cache->slabs; cache->debug && slab;
             slab = slab->next_of_cache)
            for (uint32_t i = 0; i < slab->objects; i++)
                count_site(&sites, object_at(cache, slab->base + (size_t)i * cache->stride).record,
                           since);
    if (debug_heap_on)
        count_frames(&sites, since);
    for (unsigned i = 0; i < sites.used; i++) {
        char who[80] = "other places";
        if (sites.site[i].caller)
            symbol_name(sites.site[i].caller, who, sizeof(who));
        print(out, "%8zu objects %10zu bytes  allocated by %s\n", sites.site[i].count,
              sites.site[i].bytes, who);
        count += sites.site[i].count;
    }
    return count;
}

unsigned long
debug_mark(void)
{
    return __atomic_load_n(&last_number, __ATOMIC_RELAXED);
}
