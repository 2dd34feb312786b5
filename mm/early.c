/* early.c - the early heap: a pointer that moves up, with a header before each object.
 *
 *     chunk, whole pages
 *     |                                                       |
 *     [ chunk |h| object |h| object |h| object |    unused    )
 *              |                                ^ used
 *              header: size, state, who asked for it
 *
 * A chunk is a piece of memory with its own administration at its head; a heap is a list of chunks
 * of which only the last serves. An object lies wholly in one chunk. Its header is 16 bytes and
 * sizes are rounded up to 16, so objects are aligned to 16 and the next header follows from the one
 * before: that is the walk on which everything else here is built.
 *
 * Invariants
 *   I1  chunks are whole pages and do not overlap
 *   I2  from the end of the chunk's own header to `used`, objects follow one another without a gap
 *   I3  each header's state is LIVE or FREED, and the last object before `used` is LIVE: freeing it
 *       moves `used` down to the end of the last live one
 *   I4  bytes of all chunks = live + freed + headers + unused, where headers includes the chunks'
 *   I5  the bytes of live objects were zero when they were handed out
 *
 * The hand-over goes over each chunk page by page. A page's live objects are those with any byte,
 * header included, on it; an object over three pages counts on each. Runs of pages without one are
 * given back, the others are kept, and both together are the chunk, to the byte:
 *
 *     page       0        1        2        3        4
 *            [C|h|AAA|h|bbb|h|ccccccccccc|h|DDDDDDDDD|     )     live in capitals
 *     live       1        1?       0        1        1
 *
 * `give_back` may overwrite at once what it gets, so a page's headers are all read before it is
 * given back. Afterwards no chunk and no list is left: an object on a kept page is found by its own
 * header, and the count of a page is kept by the page allocator, which has a descriptor for it.
 *
 * Cost: 16 bytes an object, 32 a chunk (16 at 32 bits); allocation is O(1) but for the zeroing.
 */
#include <string.h>

#include "early.h"
#include "platform.h"
#include "range.h"

#define EARLY_ALIGN 16u
#define STATE_LIVE  0x45764c45u
#define STATE_FREED 0x65766c65u
#define SYMBOL_MAX  80

struct early_header {
    uint32_t size;
    uint32_t state;
    const void *caller;
} __attribute__((aligned(16)));

struct early_chunk {
    struct early_chunk *next;
    size_t bytes; /* of the chunk, this included */
    size_t used;  /* from its start */
} __attribute__((aligned(16)));

_Static_assert(sizeof(struct early_header) == EARLY_ALIGN, "objects follow headers");

struct early_heap early_heap;

/* ---- chunks and headers ---- */

static struct early_header *
header_at(const struct early_chunk *chunk, size_t offset)
{
    return (struct early_header *)((uintptr_t)chunk + offset);
}

static struct early_header *
header_of(const void *object)
{
    return (struct early_header *)((uintptr_t)object - sizeof(struct early_header));
}

static size_t
header_span(const struct early_header *header)
{
    return sizeof(*header) + header->size;
}

/* Panics unless a whole object lies at the offset. */
static void
header_check(const struct early_chunk *chunk, size_t offset)
{
    const struct early_header *header = header_at(chunk, offset);

    if (header->state != STATE_LIVE && header->state != STATE_FREED)
        kpanic("early heap: object %p has a damaged header, state 0x%lx",
               (const void *)(header + 1), (unsigned long)header->state);
    if (header->size == 0 || header->size % EARLY_ALIGN != 0 ||
        header->size > chunk->used - offset - sizeof(*header))
        kpanic("early heap: object %p has a damaged header, size 0x%lx", (const void *)(header + 1),
               (unsigned long)header->size);
}

void
early_heap_init(struct early_heap *heap, void *arena, size_t bytes)
{
    *heap = (struct early_heap){0};
    early_heap_add(heap, arena, bytes);
}

void
early_heap_add(struct early_heap *heap, void *start, size_t bytes)
{
    struct early_chunk *chunk = start;

    ASSERT(!heap->finished);
    ASSERT(bytes != 0 && is_aligned((uintptr_t)start, PAGE_SIZE) && is_aligned(bytes, PAGE_SIZE));
    *chunk = (struct early_chunk){NULL, bytes, sizeof(*chunk)};
    if (heap->last)
        heap->last->next = chunk;
    else
        heap->first = chunk;
    heap->last = chunk;
}

/* ---- objects ---- */

static void
report_late(size_t size, const void *caller)
{
    char who[SYMBOL_MAX];

    symbol_name(caller, who, sizeof(who));
    klog("early: %lu bytes asked for by %s after the hand-over\n", (unsigned long)size, who);
}

void *
early_heap_alloc(struct early_heap *heap, size_t size, const void *caller)
{
    struct early_chunk *chunk = heap->last;
    struct early_header *header;
    size_t room;

    if (heap->finished) {
        report_late(size, caller);
        return NULL;
    }
    if (!chunk || size == 0)
        return NULL;
    room = chunk->bytes - chunk->used;
    if (room < sizeof(*header) || size > room - sizeof(*header) || size > UINT32_MAX / 2)
        return NULL;
    header = header_at(chunk, chunk->used);
    *header = (struct early_header){(uint32_t)align_up(size, EARLY_ALIGN), STATE_LIVE, caller};
    chunk->used += header_span(header);
    return memset(header + 1, 0, header->size);
}

static _Noreturn void
report_double_free(const void *object, const struct early_header *header)
{
    char who[SYMBOL_MAX];

    symbol_name(header->caller, who, sizeof(who));
    kpanic("early heap: double free of %p, %lu bytes, allocated by %s", object,
           (unsigned long)header->size, who);
}

/* Panics with the reason why `object` cannot be freed; returns its header when it can. */
static struct early_header *
live_header(const void *object)
{
    struct early_header *header = header_of(object);

    if (!is_aligned((uintptr_t)object, EARLY_ALIGN))
        kpanic("early heap: %p was not allocated here", object);
    if (header->state == STATE_FREED)
        report_double_free(object, header);
    if (header->state != STATE_LIVE)
        kpanic("early heap: %p was not allocated here", object);
    return header;
}

static struct early_chunk *
chunk_of(const struct early_heap *heap, const void *object)
{
    struct early_chunk *chunk = heap->first;

    while (chunk) {
        uintptr_t offset = (uintptr_t)object - (uintptr_t)chunk;

        if (offset >= sizeof(*chunk) + sizeof(struct early_header) && offset < chunk->bytes)
            return chunk;
        chunk = chunk->next;
    }
    return NULL;
}

/* True when the walk over the chunk comes by this very object. Linear in the objects of a boot, of
 * which there are some dozens. */
static bool
chunk_has(const struct early_chunk *chunk, const void *object)
{
    size_t offset = sizeof(*chunk);

    while (offset < chunk->used && (const void *)(header_at(chunk, offset) + 1) != object) {
        header_check(chunk, offset);
        offset += header_span(header_at(chunk, offset));
    }
    return offset < chunk->used;
}

/* Moves `used` down over the freed objects at the end of the chunk: they are unused again. */
static void
chunk_shrink(struct early_chunk *chunk)
{
    size_t end = sizeof(*chunk);

    for (size_t offset = end; offset < chunk->used;) {
        const struct early_header *header = header_at(chunk, offset);

        header_check(chunk, offset);
        offset += header_span(header);
        if (header->state == STATE_LIVE)
            end = offset;
    }
    chunk->used = end;
}

void
early_heap_free(struct early_heap *heap, void *object)
{
    struct early_chunk *chunk;
    struct early_header *header;

    if (!object)
        return;
    ASSERT(!heap->finished);
    chunk = chunk_of(heap, object);
    if (!chunk)
        kpanic("early heap: %p was not allocated here", object);
    header = live_header(object);
    if (!chunk_has(chunk, object))
        kpanic("early heap: %p was not allocated here", object);
    header->state = STATE_FREED;
    chunk_shrink(chunk);
}

bool
early_heap_extend(struct early_heap *heap, void *object, size_t size)
{
    struct early_chunk *chunk = heap->finished ? NULL : chunk_of(heap, object);
    struct early_header *header;
    size_t start;

    if (!chunk)
        return false;
    header = live_header(object);
    start = (uintptr_t)object - (uintptr_t)chunk;
    if (size <= header->size)
        return true;
    if (start + header->size != chunk->used || size > chunk->bytes - start)
        return false;
    chunk->used = start + (size_t)align_up(size, EARLY_ALIGN);
    memset((uint8_t *)object + header->size, 0, chunk->used - start - header->size);
    header->size = (uint32_t)(chunk->used - start);
    return true;
}

size_t
early_object_size(const void *object)
{
    return live_header(object)->size;
}

/* ---- walking ---- */

void
early_heap_walk(const struct early_heap *heap,
                void (*visit)(const struct early_object *object, void *context), void *context)
{
    for (struct early_chunk *chunk = heap->first; chunk; chunk = chunk->next) {
        for (size_t offset = sizeof(*chunk); offset < chunk->used;) {
            struct early_header *header = header_at(chunk, offset);
            struct early_object object = {header + 1, header->size, header->caller,
                                          header->state == STATE_LIVE};

            header_check(chunk, offset);
            visit(&object, context);
            offset += header_span(header);
        }
    }
}

static void
count_object(const struct early_object *object, void *context)
{
    struct early_stats *stats = context;

    stats->headers += sizeof(struct early_header);
    if (object->live) {
        stats->live += object->size;
        stats->live_objects++;
    } else {
        stats->freed += object->size;
        stats->freed_objects++;
    }
}

void
early_heap_stats(const struct early_heap *heap, struct early_stats *stats)
{
    *stats = (struct early_stats){0};
    for (const struct early_chunk *chunk = heap->first; chunk; chunk = chunk->next) {
        stats->taken += chunk->bytes;
        stats->headers += sizeof(*chunk);
        stats->unused += chunk->bytes - chunk->used;
    }
    early_heap_walk(heap, count_object, stats);
}

void
early_heap_check(const struct early_heap *heap)
{
    struct early_stats stats;

    for (const struct early_chunk *chunk = heap->first; chunk; chunk = chunk->next) {
        ASSERT(is_aligned((uintptr_t)chunk, PAGE_SIZE) && is_aligned(chunk->bytes, PAGE_SIZE));
        ASSERT(chunk->used >= sizeof(*chunk) && chunk->used <= chunk->bytes);
        ASSERT(is_aligned(chunk->used, EARLY_ALIGN));
        ASSERT((chunk->next == NULL) == (chunk == heap->last));
    }
    early_heap_stats(heap, &stats);
    ASSERT(stats.taken == stats.live + stats.freed + stats.headers + stats.unused);
}

/* ---- the hand-over ---- */

/* The walk over a chunk that is being handed over, page by page. */
struct handover {
    struct early_heap *heap;
    void (*give_back)(void *start, size_t bytes);
    void (*keep)(void *page, unsigned live_objects);
    uintptr_t start; /* of the chunk */
    size_t used;     /* what its header said */
    size_t next;     /* offset of the first header not read yet */
    size_t live_end; /* end of the last live object read so far */
};

/* Counts the live objects on the page at `page`: one that reaches into it from below, and those
 * whose headers begin on it. Reads every header that begins on the page. */
static unsigned
handover_count(struct handover *walk, size_t page)
{
    unsigned live = walk->live_end > page;

    while (walk->next < walk->used && walk->next < page + PAGE_SIZE) {
        const struct early_header *header = (void *)(walk->start + walk->next);

        walk->next += header_span(header);
        if (header->state != STATE_LIVE)
            continue;
        live++;
        walk->live_end = walk->next;
    }
    return live;
}

static void
handover_give_back(struct handover *walk, size_t from, size_t to)
{
    if (from == to)
        return;
    walk->heap->given_back += to - from;
    walk->give_back((void *)(walk->start + from), to - from);
}

static void
handover_chunk(struct handover *walk, struct early_chunk *chunk)
{
    size_t bytes = chunk->bytes;
    size_t free_from = 0;

    walk->start = (uintptr_t)chunk;
    walk->used = chunk->used;
    walk->next = sizeof(*chunk);
    walk->live_end = 0;
    for (size_t page = 0; page < bytes; page += PAGE_SIZE) {
        unsigned live = handover_count(walk, page);

        if (live == 0)
            continue;
        handover_give_back(walk, free_from, page);
        free_from = page + PAGE_SIZE;
        walk->heap->kept += PAGE_SIZE;
        walk->keep((void *)(walk->start + page), live);
    }
    handover_give_back(walk, free_from, bytes);
}

void
early_heap_finish(struct early_heap *heap, void (*give_back)(void *start, size_t bytes),
                  void (*keep)(void *page, unsigned live_objects))
{
    struct handover walk = {.heap = heap, .give_back = give_back, .keep = keep};
    struct early_chunk *chunk = heap->first;
    struct early_stats stats;

    early_heap_check(heap);
    early_heap_stats(heap, &stats);
    ASSERT(!heap->finished);
    heap->finished = true;
    heap->first = NULL;
    heap->last = NULL;
    while (chunk) {
        struct early_chunk *next = chunk->next;

        handover_chunk(&walk, chunk);
        chunk = next;
    }
    ASSERT(heap->given_back + heap->kept == stats.taken);
}

void
early_free_object(void *object, void (*leave)(void *page))
{
    struct early_header *header = live_header(object);
    struct range pages =
        range_outward(range_of_length((uintptr_t)header, header_span(header)), PAGE_SIZE);

    header->state = STATE_FREED;
    for (uintptr_t page = (uintptr_t)pages.start; page != (uintptr_t)pages.end; page += PAGE_SIZE)
        leave((void *)page);
}

void
early_heap_print(const struct early_heap *heap, struct printer *out)
{
    struct early_stats stats;

    if (heap->finished) {
        print(out, "early: %lu bytes given back, %lu kept until their objects are freed\n",
              (unsigned long)heap->given_back, (unsigned long)heap->kept);
        return;
    }
    early_heap_stats(heap, &stats);
    print(out, "early: %lu bytes = %lu in %u live + %lu in %u freed + ",
          (unsigned long)stats.taken, (unsigned long)stats.live, stats.live_objects,
          (unsigned long)stats.freed, stats.freed_objects);
    print(out, "%lu headers + %lu rest\n", (unsigned long)stats.headers,
          (unsigned long)stats.unused);
}

/* ---- the kernel's heap ---- */

void
early_init(void *arena, size_t bytes)
{
    early_heap_init(&early_heap, arena, bytes);
}

void
early_add(void *start, size_t bytes)
{
    early_heap_add(&early_heap, start, bytes);
}

void *
kmalloc_early(size_t size)
{
    return early_heap_alloc(&early_heap, size, __builtin_return_address(0));
}

void
kfree_early(void *object)
{
    early_heap_free(&early_heap, object);
}

void
early_finish(void (*give_back)(void *start, size_t bytes),
             void (*keep)(void *page, unsigned live_objects))
{
    early_print(&klog_printer);
    early_heap_finish(&early_heap, give_back, keep);
    early_print(&klog_printer);
}

void
early_check(void)
{
    early_heap_check(&early_heap);
}

void
early_print(struct printer *out)
{
    early_heap_print(&early_heap, out);
}
