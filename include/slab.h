/* slab.h - caches of equal objects. */
#ifndef OCTAVO_SLAB_H
#define OCTAVO_SLAB_H

#include "platform.h"
#include "printer.h"

struct kmem_cache;

enum {
    KMEM_DEBUG = 1,  /* red zones, poison and call sites, whatever mm_debug.h says */
    KMEM_DIRECT = 2, /* objects lie in the direct map: whoever has one may ask for its frame */
};

/* A cache of objects of `size` bytes (1 .. 8192) aligned to `align` (a power of two up to 4096; 0 =
 * 16). `constructor`, when not NULL, is run once on each object when its slab is made: an object
 * must be freed in that state. `name` must stay valid. NULL when out of memory or out of range. */
MUST_CHECK struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
                                                unsigned flags, void (*constructor)(void *));

/* One object, or NULL when there is no memory. From any context. */
MUST_CHECK void *kmem_cache_alloc(struct kmem_cache *cache);

/* Gives an object of this cache back; NULL is ignored. Panics, saying what and who, on an object
 * that is free already, of another cache, or no object at all. From any context and CPU. */
void kmem_cache_free(struct kmem_cache *cache, void *object);

/* Gives empty slabs, and what a large magazine needs, back to the frames' allocator. Returns the
 * number of frames. */
size_t kmem_cache_reap(struct kmem_cache *cache);

/* Ends the cache. False, with a report of what is still allocated, when it has live objects: it
 * stays as it was. Nobody allocates of it or prints tables of caches at the time; other CPUs are
 * asked as by mm_drain (mm.h). */
bool kmem_cache_destroy(struct kmem_cache *cache);

struct kmem_cache_stats {
    const char *name;
    size_t object_size; /* as asked for */
    size_t stride;      /* bytes from one object to the next */
    size_t slab_frames;
    size_t slab_objects;
    size_t slabs;        /* now */
    size_t objects_used; /* handed out now */
    size_t grown;        /* slabs made so far */
    size_t returned;     /* slabs given back so far */
};
void kmem_cache_get_stats(struct kmem_cache *cache, struct kmem_cache_stats *stats);

#endif
