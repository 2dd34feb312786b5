/* early.h - the heap before there is a heap, and its hand-over to the page allocator.
 *
 * From the first lines of the kernel until the page allocator runs, memory comes from chunks: first
 * an array of the kernel's own, later perhaps pages taken from the map. Objects are never moved and
 * freed ones not used again (but for the last of a chunk). At the hand-over every page without a
 * live object goes to the page allocator; the others follow one by one as their last object is
 * freed.
 *
 * One CPU, no interrupts, until early_finish. After it any CPU calls early_free_object, two of them
 * at a time too; what a page has left is `leave`'s to count.
 */
#ifndef OCTAVO_EARLY_H
#define OCTAVO_EARLY_H

#include "types.h"
#include "printer.h"

struct early_chunk;

/* A heap. The kernel has one, early_heap; tests make their own. */
struct early_heap {
    struct early_chunk *first;
    struct early_chunk *last; /* objects come from here */
    bool finished;
    size_t given_back; /* bytes, by early_heap_finish */
    size_t kept;       /* bytes of the pages it kept */
};

/* Where every byte of a heap is: taken = live + freed + headers + unused. */
struct early_stats {
    size_t taken;   /* bytes of all chunks */
    size_t live;    /* in objects, rounded up to 16 */
    size_t freed;   /* in objects freed */
    size_t headers; /* before objects, and at the head of chunks */
    size_t unused;  /* never handed out */
    unsigned live_objects;
    unsigned freed_objects;
};

struct early_object {
    void *address;
    size_t size;        /* rounded up to 16 */
    const void *caller; /* who asked for it */
    bool live;
};

/* ---- the kernel's heap ---- */

extern struct early_heap early_heap;

/* Begins with an arena; both numbers are multiples of the page size. */
void early_init(void *arena, size_t bytes);

/* Adds memory, whole pages too, for when the arena is full. What is left of it stays unused. */
void early_add(void *start, size_t bytes);

/* `size` bytes of zeros, aligned to 16. NULL when size is 0, when there is no room, and (with a
 * line in the log) after early_finish. */
void *kmalloc_early(size_t size);

/* Frees an object of kmalloc_early before the hand-over; NULL is ignored. Panics when the object is
 * not one, or is free already. */
void kfree_early(void *object);

/* Hands the heap over: each run of whole pages without a live object goes to give_back, each page
 * with some to keep, with their number. All pages go to one or the other; the log shows the sums.
 */
void early_finish(void (*give_back)(void *start, size_t bytes),
                  void (*keep)(void *page, unsigned live_objects));

/* Frees an object on a kept page after the hand-over. Calls leave once for each page that the
 * object lies on, from the lowest up: the page has one live object less, and with none left it is
 * the caller's to give back. Panics as kfree_early does. */
void early_free_object(void *object, void (*leave)(void *page));

/* The size of a live object (rounded up to 16), for krealloc and the like. */
size_t early_object_size(const void *object);

/* Panics when a header is damaged or the sums do not add up. Nothing to check after early_finish.
 */
void early_check(void);

/* One line: the sums above, or after the hand-over what became of the memory. */
void early_print(struct printer *out);

/* ---- any heap ---- */

void early_heap_init(struct early_heap *heap, void *arena, size_t bytes);
void early_heap_add(struct early_heap *heap, void *start, size_t bytes);
void *early_heap_alloc(struct early_heap *heap, size_t size, const void *caller);
void early_heap_free(struct early_heap *heap, void *object);
/* Makes a live object larger where it is, with zeros; false when another lies behind it, or no
 * room. */
MUST_CHECK bool early_heap_extend(struct early_heap *heap, void *object, size_t size);
void early_heap_finish(struct early_heap *heap, void (*give_back)(void *start, size_t bytes),
                       void (*keep)(void *page, unsigned live_objects));
void early_heap_check(const struct early_heap *heap);
void early_heap_print(const struct early_heap *heap, struct printer *out);

/* Zeros after the hand-over. */
void early_heap_stats(const struct early_heap *heap, struct early_stats *stats);

/* Calls visit for every object, oldest chunk first, in order of address. */
void early_heap_walk(const struct early_heap *heap,
                     void (*visit)(const struct early_object *object, void *context),
                     void *context);

#endif
