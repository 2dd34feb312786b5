/* slab_private.h - the parts of a cache of objects. Private to mm/. */
#ifndef OCTAVO_SLAB_PRIVATE_H
#define OCTAVO_SLAB_PRIVATE_H

#include <string.h>
#include "bits.h"
#include "frame.h"
#include "mm_debug.h"
#include "slab.h"
#include "pmm_private.h"

struct mm_cpu;
struct kmem_cache;

/* One bit an object, in the machine's own words. */
typedef unsigned long slab_word;
#define SLAB_WORD_BITS   (8 * sizeof(slab_word))
#define SLAB_MAX_OBJECTS 256
#define SLAB_WORDS       (SLAB_MAX_OBJECTS / SLAB_WORD_BITS)
#define SLAB_MAX_ORDER   3
#define SLAB_MAX_SIZE    8192

/* A run of frames cut into equal objects. The header lies apart from them, so that objects keep
 * their natural alignment and a write past an object cannot reach it. */
struct slab {
    /* The free path's line. */
    char *base;       /* first object */
    uint32_t inverse; /* see object_index() in slab.c */
    uint32_t shift;
    uint32_t objects;
    bool fast;               /* tagged for its CPU's short way to free */
    bool current;            /* its cache part allocates from it */
    bool listed;             /* in its part's partial list */
    bool idle;               /* listed, and all its objects are free */
    bool pending;            /* in its part's list of slabs with remote frees; the part's lock */
    struct cache_part *home; /* the CPU's part that owns the slab */
    struct kmem_cache *cache;
    struct slab *next; /* partial list of the part */
    struct slab *previous;
    struct slab *next_pending;
    struct slab *next_of_cache; /* all slabs of the cache; its lock */
    struct slab *previous_of_cache;
    slab_word free[SLAB_WORDS];   /* 1 = free */
    slab_word full[SLAB_WORDS];   /* what `free` is when all is free; 0 while the slab is current */
    slab_word remote[SLAB_WORDS]; /* freed by others, not yet in `free`; the part's lock */
};

/* What one CPU has of one cache. All but the last two fields are the CPU's alone. */
struct cache_part {
    slab_word *word; /* free bits of up to 32 or 64 objects ... */
    char *base;      /* ... and the address of the first of them */
    uint32_t stride;
    struct slab *slab;    /* the current one */
    struct slab *partial; /* others with free objects */
    struct mm_cpu *cpu;
    struct kmem_cache *cache;
    uint32_t idle; /* slabs in `partial` with nothing in use */
    struct spinlock lock;
    struct slab *pending; /* slabs of this part with remote frees */
};

struct kmem_cache {
    const char *name;
    uint32_t size; /* as asked for */
    uint32_t align;
    uint32_t stride;
    uint32_t inverse; /* modular inverse of stride's odd part */
    uint32_t shift;   /* stride's power of two */
    uint32_t objects; /* in a slab */
    uint32_t left;    /* red zone before the object when debugging */
    uint16_t number;  /* in the order of creation, from 1 on */
    uint8_t order;    /* frames in a slab: 1 << order */
    bool debug;
    bool watched;       /* the trace or a debugging aid hears of each object */
    bool guard; /* objects get pages of their own (x86/guard.c) */
    bool header_inside; /* the slab's header takes the place of its first objects */
    void (*constructor)(void *);
    struct cache_part *parts[CPU_MAX];
    struct kmem_cache *next; /* all caches; caches_lock in slab.c */
    struct spinlock lock;    /* the fields below */
    struct slab *slabs;
    size_t slab_count;
    size_t grown;
    size_t returned;
    size_t guarded; /* objects that are not in slabs, live */
    size_t kept; /* objects in quarantine; under the lock of that */
};

/* The word of a part that has nothing to give: always zero, never written. */
extern slab_word slab_nothing;

/* All caches, linked by `next`. Changes only by create and destroy. */
extern struct kmem_cache *slab_caches;

/* Prepares the caches that the slabs themselves need. */
void slab_init(void);

/* Fills in a cache in memory of the caller's, with no parts. False: bad size or alignment. */
bool slab_cache_init(struct kmem_cache *cache, const char *name, size_t size, size_t align,
                     unsigned flags, void (*constructor)(void *));

/* Puts a cache into the list of all. */
void slab_cache_add(struct kmem_cache *cache);

/* Gives a cache its part for one CPU. */
void slab_part_init(struct cache_part *part, struct kmem_cache *cache, struct mm_cpu *cpu);
/* The parts of the slabs' own caches, and of every cache made before the CPU came up. */
bool slab_cpu_up(struct mm_cpu *cpu);

/* Takes the CPU's parts away again after slab_cpu_up failed. */
void slab_cpu_down(struct mm_cpu *cpu);

/* The slow halves of alloc and free. `caller` is named in reports. */
void *slab_alloc_slow(struct cache_part *part, size_t size, const void *caller);
void slab_free_slow(struct slab *slab, void *object, const void *caller);
/* The end of a free: the object's raw place can be handed out again. */
void slab_put(struct slab *slab, void *object, const void *caller);
/* A pointer that is in no slab: early heap, whole frames, vmalloc, or a bug. */
void kfree_other(void *memory, const void *caller);

/* Takes one free bit of the part's current word. The caller has claimed the CPU's objects. NULL
 * when the word is used up. */
static inline void *
slab_take(struct cache_part *part)
{
    slab_word *word = part->word;
    slab_word bits = *word;
    if (UNLIKELY(!bits))
        return NULL;
    store_word(word, bits & (bits - 1));
    char *object = part->base + (uint32_t)__builtin_ctzl(bits) * part->stride;
    if (!object)
        __builtin_unreachable(); /* saves the caller a check */
    return object;
}

/* The bits of a word that stand for objects. */
static inline slab_word
slab_word_mask(uint32_t objects, unsigned word)
{
    uint32_t before = word * (uint32_t)SLAB_WORD_BITS;
    if (objects >= before + SLAB_WORD_BITS)
        return ~(slab_word)0;
    return objects > before ? ((slab_word)1 << (objects - before)) - 1 : 0;
}

static inline bool
slab_all_free(const struct slab *slab)
{
    for (unsigned w = 0; w < SLAB_WORDS; w++)
        if (slab->free[w] != slab_word_mask(slab->objects, w))
            return false;
    return true;
}

static inline bool
slab_any_free(const struct slab *slab)
{
    slab_word any = 0;
    for (unsigned w = 0; w < SLAB_WORDS; w++)
        any |= slab->free[w];
    return any != 0;
}

/* The descriptor of a slab's frame in one piece:
 *
 *     bits 0..7    FRAME_SLAB
 *          8..15   1 + the CPU that frees the slab's objects with no more ado, 0 = none
 *     the rest     address of the slab's header: 32 bits, or the 48 that matter on a 64-bit machine
 */
typedef uint64_t __attribute__((may_alias)) frame_word;
typedef uint16_t __attribute__((may_alias)) frame_tag;

#define SLAB_LINK_SHIFT  (sizeof(void *) == 8 ? 16 : 32)
#define SLAB_TAG(number) ((uint16_t)(FRAME_SLAB | (number) << 8))

/* Others may change the tag at the same time, never the link while an object is in use. */
static inline struct slab *
slab_header(const struct frame *frame)
{
    if (sizeof(void *) == 4)
        return (struct slab *)(uintptr_t)__atomic_load_n(&frame->count, __ATOMIC_RELAXED);
    uint64_t word = __atomic_load_n((const frame_word *)frame, __ATOMIC_RELAXED);
    return (struct slab *)(uintptr_t)(word >> SLAB_LINK_SHIFT);
}

/* The slab that an address lies in; NULL when it is no memory of a slab. Any address will do. */
static inline struct slab *
slab_of(const void *address)
{
    uintptr_t offset = (uintptr_t)address - DIRECT_BASE;
    if (offset >= mm_direct_bytes)
        return NULL;
    const struct frame *frame = &DIRECT_FRAMES[offset >> PAGE_SHIFT];
    return frame->owner == FRAME_SLAB ? slab_header(frame) : NULL;
}

/* Multiplying by the inverse of an odd number modulo 2^32 divides exactly when there is no
 * remainder and gives a huge number else; the stride's power of two is rotated out of the way. So
 * one comparison tells an object's start from any other address. */
static inline uint32_t
slab_object_index(const struct slab *slab, const void *object)
{
    uint32_t product = (uint32_t)((const char *)object - slab->base) * slab->inverse;
    return product >> slab->shift | product << (-slab->shift & 31);
}

/* The number of the object that an address of the slab lies in or behind. */
uint32_t slab_index_around(const struct slab *slab, const void *address);

/* Gives the idle slabs of a part back; returns their frames. Its CPU has claimed its objects, or
 * nobody else is about. */
size_t slab_reap_part(struct cache_part *part);
/* Gives idle slabs of this CPU back to the frames' allocator; returns the number of frames. */
size_t slab_reap_cpu(void);
/* The same for all CPUs, which must not be in the allocator at the time. */
size_t slab_reap_all(void);
/* Takes this CPU's windows away, so that every allocation takes the slow path. While no_windows is
 * set they stay away. */
void slab_close_windows(struct mm_cpu *cpu);
/* Every allocation and free of an object takes the slow path, on all CPUs, where the trace hears of
 * it. They must not be in the allocator at the time. */
void slab_watch(bool on);

/* Objects of a slab that are handed out; exact when no CPU is in the allocator. */
uint32_t slab_used(const struct slab *slab);
/* Invariants of all caches; counts their frames. */
bool slab_check(unsigned long *frames);

/* mm/debug/heap.c: objects with red zones, poison and call sites. */

/* Bytes of a debug object around `size`, and where the object starts in them. */
uint32_t debug_stride(size_t size, size_t align, uint32_t *left);
/* A slab was made: all its objects are free. */
void debug_slab_made(struct slab *slab);
/* It ends: the last chance to find a write after free in it. */
void debug_slab_gone(const struct slab *slab);
/* Turns the raw place of a free object into one handed out; reports a write after free. */
void *debug_alloc(struct kmem_cache *cache, void *place, size_t size, const void *caller);
/* Checks an object that is being freed and poisons it; reports and panics on any damage, on a
 * double free and on a pointer inside an object. Returns its raw place; NULL when it stays in
 * quarantine. */
void *debug_free(struct slab *slab, void *object, const void *caller);
/* Tells the story of an object that is freed into the wrong cache; the caller panics. */
void debug_wrong_cache(const void *object, const void *caller);
/* The size that was asked for. */
size_t debug_size(const struct kmem_cache *cache, const void *object);
size_t debug_guarded_size(const void *object);
/* Live objects made since the mark, by call site; returns their number. */
size_t debug_print_live(struct printer *out, unsigned long since);
unsigned long debug_mark(void);
/* Checks every free object's poison and every live object's red zones. */
bool debug_check_slab(const struct slab *slab);

/* Whole frames with a record at their end. */
void debug_pages_alloc(void *memory, size_t bytes, size_t size, const void *caller);
/* False: they stay in quarantine. */
MUST_CHECK bool debug_pages_free(void *memory, size_t bytes, const void *caller);
size_t debug_pages_size(const void *memory, size_t bytes);

/* mm/x86/guard.c: objects with nothing behind them. */

/* True when objects of the cache are to be guarded (mm/debug/options.c). */
bool guard_wanted(const char *cache);
/* *object is NULL when there is no memory. False when there is no room, or no such thing in this
 * world: a slab serves instead. */
bool guard_alloc(struct kmem_cache *cache, size_t size, const void *caller, void **object);
/* Frees an object that has a guard_cache_of. */
void guard_free(void *object, const void *caller);
/* The cache of a guarded object, live or freed; NULL for all other addresses. */
struct kmem_cache *guard_cache_of(const void *object);
/* False after a report of a red zone that was written to. */
bool guard_check(void);

/* mm/debug/quarantine.c: everything that is kept back goes to the allocators. Before frames or
 * objects are short, and before a cache ends. */
void quarantine_flush(void);

#endif
