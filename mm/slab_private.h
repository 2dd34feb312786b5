/* slab_private.h - the parts of a cache of objects. Private to mm/. */
#ifndef OCTAVO_SLAB_PRIVATE_H
#define OCTAVO_SLAB_PRIVATE_H

#include <string.h>
#include "bits.h"
#include "frame.h"
#include "mm_debug.h"
#include "poison.h"
#include "slab.h"
#include "pmm_private.h"

struct mm_cpu;
struct kmem_cache;

/* The objects of a window, one bit each, in the machine's own words. */
typedef unsigned long slab_word;
#define SLAB_WORD_BITS   (8 * sizeof(slab_word))
#define SLAB_MAX_OBJECTS 256
#define SLAB_MAX_ORDER   3
#define SLAB_MAX_SIZE    8192

/* Where an object is now: a byte each, in the header. */
enum object_state {
    OBJECT_LIVE = 1, /* handed out by its slab, and not freed since */
    OBJECT_FREE = 2, /* in its slab; a bit that no other state has: gather_word in slab.c */
    OBJECT_OUT = 4,  /* freed since: in a CPU's magazine, or handed out again from there */
    OBJECT_NONE = 8, /* never one: a header inside, and what rounds the states up to words */
};

/* What stands in an object, `mark_at` bytes from its start: OBJECT_MARK while it is in a magazine, 0
 * from when it is taken out until its user writes to it. */
struct free_object {
    unsigned long mark;
} __attribute__((may_alias));

/* As a pointer it leads nowhere. */
enum object_mark { OBJECT_MARK = (int)(POISON_MARK * 0x01010101u) };

/* A run of frames cut into equal objects, at a multiple of its size. The header lies apart from
 * them, so that objects keep their natural alignment and a write past an object cannot reach it.
 * What a free needs of it lies together, at the start of the second line. */
struct slab {
    struct kmem_cache *cache;
    struct slab *next_of_cache; /* all slabs of the cache; its lock */
    struct slab *previous_of_cache;
    struct slab *next;     /* partial list of the part */
    struct slab *previous;
    struct slab *next_pending; /* list of the part; valid while remote >= 0 */
    char *base;            /* first object */
    int32_t remote;        /* frees by others that the owner has not counted, less one; atomic */
    int32_t excess;        /* of a full slab: used - all its objects (I3) */
    struct cache_part *home __attribute__((aligned(64))); /* the CPU's part that owns the slab */
    uint32_t objects;
    int32_t left;          /* frees by the owner until it must look: I3 */
    bool full;             /* not in the list, since nothing is free */
    bool current;          /* its part allocates from it */
    bool listed;           /* in its part's partial list */
    bool idle;             /* listed, and all its objects are free */
    uint8_t states[] __attribute__((aligned(sizeof(slab_word)))); /* enum object_state */
};

/* The objects that a CPU freed last. Those of the heap's classes lie where the CPU reaches them in
 * one instruction (cpu_quick in platform.h), the others behind their parts. */
struct magazine {
    struct free_object **top;    /* the object freed last ... */
    struct free_object **limit;  /* ... may go up to here ... */
    struct free_object **bottom; /* ... from the slot behind this one on, which leads to `none` */
    struct cache_part *part;     /* whose it is */
};

/* What one CPU has of one cache. All but the last field are the CPU's alone. */
struct cache_part {
    struct free_object none;    /* below the magazine's objects; it has no mark */
    struct magazine *magazine;
    slab_word bits;             /* the window: free objects of the current slab ... */
    uint8_t *states;            /* ... the state of the first of them ... */
    char *base;                 /* ... and its address */
    uint32_t stride;
    uint32_t group;             /* the number of the window in its slab */
    struct mm_cpu *cpu;
    struct kmem_cache *cache;
    struct slab *slab;          /* the current one */
    struct slab *partial;       /* others with free objects */
    struct slab *noted;         /* taken off `pending`, to be counted one at a time */
    uint32_t idle;              /* slabs in `partial` with nothing in use */
    uint32_t keep;              /* of them are kept */
    struct slab *batch;         /* another CPU's slab that objects were freed of ... */
    int32_t batched;            /* ... so many less one, not counted in its `remote` yet */
    struct free_object **own;   /* the slots that the part was made with, for so many objects ... */
    uint32_t own_places;
    uint32_t places;            /* ... and for how many there are slots now */
    bool overflowed;            /* the magazine was full since it was last empty */
    bool dropped;               /* a slab was given back since the last one was made */
    bool open;                  /* in its CPU's list of open parts ... */
    struct cache_part *next_open; /* ... in which this one follows */
    struct slab *pending __attribute__((aligned(64))); /* slabs with remote frees; atomic */
};

/* Objects in the magazine of a cache that is no class of the heap. */
#define CACHE_PLACES 8

/* What there is of such a cache. */
struct part_with_magazine {
    struct cache_part part;
    struct magazine magazine;
    struct free_object *slots[CACHE_PLACES + 1];
};

struct kmem_cache {
    const char *name;
    uint32_t size; /* as asked for */
    uint32_t align;
    uint32_t stride;
    unsigned long reciprocal; /* of the stride: divide_exactly() */
    uint32_t objects; /* in a slab */
    uint32_t states;  /* bytes for their states: whole words, more than an address can name */
    uint32_t class; /* of the heap, its code: slab_classes; else 0 */
    uint32_t left;    /* red zone before the object when debugging */
    uint32_t mark_at; /* of a free object: 0, or behind one that stays constructed */
    uint16_t tag;     /* of the frames whose objects kmem_cache_free frees by its short way */
    uint16_t number;  /* in the order of creation, from 1 on */
    uint8_t order;    /* frames in a slab: 1 << order */
    bool debug;
    bool watched;       /* the trace or a debugging aid hears of each object */
    bool guard; /* objects get pages of their own (x86/guard.c) */
    bool header_inside; /* the slab's header takes the place of its first object */
    void (*constructor)(void *);
    struct cache_part *parts[CPU_MAX];
    struct kmem_cache *next; /* all caches; caches_lock in slab_cache.c */
    struct spinlock lock;    /* the fields below */
    struct slab *slabs;
    size_t slab_count;
    size_t grown;
    size_t returned;
    size_t guarded; /* objects that are not in slabs, live */
    size_t kept; /* objects in quarantine; under the lock of that */
};

/* All caches, linked by `next`. Changes only by create and destroy. */
extern struct kmem_cache *slab_caches;

/* Prepares the caches that the slabs themselves need, on a machine of so many frames: what CPUs
 * keep for themselves is in proportion. */
void slab_init(unsigned long ram_frames);
extern unsigned long slab_ram_frames;

/* Besides those of slab.h, a flag: slabs may be large. */
#define SLAB_WIDE 4

/* Fills in a cache in memory of the caller's, with no parts. False: bad size or alignment. */
bool slab_cache_init(struct kmem_cache *cache, const char *name, size_t size, size_t align,
                     unsigned flags, void (*constructor)(void *));

/* Puts a cache into the list of all. */
void slab_cache_add(struct kmem_cache *cache);

/* Gives a cache its part for one CPU, with room for a magazine of `places` objects: one slot more
 * than that. Objects that are watched never go there. */
void slab_part_init(struct cache_part *part, struct magazine *magazine, struct kmem_cache *cache,
                    struct mm_cpu *cpu, struct free_object **slots, uint32_t places);

/* The part's magazine, empty, gets other slots. */
void slab_use_slots(struct cache_part *part, struct free_object **slots, uint32_t places);
/* Lets the magazine hold what it has slots for; nothing while the part is not open, or the CPU's
 * no_windows is set. */
void slab_set_limit(struct cache_part *part);
/* Opens or closes the short way of freeing objects of a cache, by its `watched`. */
void slab_choose_way(struct kmem_cache *cache);
/* The parts of the slabs' own caches, and of every cache made before the CPU came up. */
bool slab_cpu_up(struct mm_cpu *cpu);

/* Takes the CPU's parts away again after slab_cpu_up failed. */
void slab_cpu_down(struct mm_cpu *cpu);

/* Slabs' headers are of two sizes, each with a cache of its own: which one a cache's slabs have. */
#define SLAB_HEADER_KINDS 2
unsigned slab_header_kind(const struct kmem_cache *cache);

/* Added to `left` while a slab is current: it never becomes 0 then. */
#define SLAB_CURRENT (1 << 20)

/* ---- Between slab.c, slab_grow.c and slab_calls.c; the CPU's objects are claimed ---- */

/* A new slab of the part's, in no list of it, all objects free. NULL when there is no memory. The
 * place to stop at to see a cache grow. */
struct slab *slab_grow(struct cache_part *part);
/* Gives an idle slab that is in no list of its part back to the frames' allocator. */
void slab_drop(struct slab *slab);
/* An object by all means but the magazine. Of the part, only what the frames' allocator does is not
 * the CPU's own. NULL when there is no memory. */
void *slab_take_slow(struct cache_part *part);
/* An object that nobody holds goes back to its slab. `part` is this CPU's, of the same cache. */
void slab_put_back(struct cache_part *part, struct slab *slab, uint8_t *state);
/* The same where this CPU owns the slab. */
void slab_put_local(struct slab *slab, uint8_t *state);
/* What the owner's free does when `left` became 0: the slab was full, or is idle now. */
SLOW_PATH void slab_settle(struct slab *slab);
/* The first free of a batch. */
SLOW_PATH void slab_start_batch(struct cache_part *part, struct slab *slab);
/* R2 and R3: `count` objects of another CPU's slab were freed. Needs no claim. */
void slab_count_remote(struct slab *slab, int32_t count);

/* The slow halves of alloc and free. `caller` is named in reports. */
void *slab_alloc_slow(struct cache_part *part, size_t size, const void *caller);
void slab_free_slow(struct slab *slab, void *object, const void *caller);
/* The end of a free: the object's raw place can be handed out again. */
void slab_put(struct slab *slab, void *object, const void *caller);
/* A pointer that is in no slab: early heap, whole frames, vmalloc, or a bug. */
void kfree_other(void *memory, const void *caller);

/* Objects in a magazine; about right while its CPU is at work on it, 0 when that is changing slots. */
static inline size_t
magazine_holds(const struct magazine *magazine)
{
    size_t held = (size_t)(magazine->top - magazine->bottom);
    return held <= magazine->part->places ? held : 0;
}

/* take_mark found that the top of this magazine, an object, has no mark: it was freed twice and is
 * handed out already, or was written to. Claimed. */
_Noreturn void slab_bad_mark(const struct magazine *magazine, const struct free_object *object);

/* ---- States and marks (others may look at them at the same time) ---- */

static inline uint8_t
state_of(const struct slab *slab, unsigned long number)
{
    return __atomic_load_n(&slab->states[number], __ATOMIC_RELAXED);
}

/* (Comparisons in memory are in assembly: the compiler loads first.) */
static inline bool
state_is(const struct slab *slab, unsigned long number, enum object_state state)
{
    bool same;
    __asm__ volatile("cmpb %2, %1"
                     : "=@cce"(same)
                     : "m"(slab->states[number]), "qi"((uint8_t)state));
    return same;
}

/* It is freed to a magazine, the first time since its slab handed it out. */
static inline void
state_out(struct slab *slab, unsigned long number)
{
    __atomic_store_n(&slab->states[number], OBJECT_OUT, __ATOMIC_RELAXED);
}

/* An object that will be written to: where there is such an instruction, its line comes in the
 * sooner. */
static inline void
fetch_to_write(const void *object)
{
    if (sizeof(void *) == 8)
        __asm__ volatile("prefetchw (%0)" : : "r"(object));
}

static inline struct free_object *
free_object_at(const void *object, uint32_t mark_at)
{
    return (struct free_object *)((uintptr_t)object + mark_at);
}

static inline bool
has_mark(const struct free_object *object)
{
    bool has;
    __asm__ volatile("cmp" WORD_SUFFIX " %2, %1"
                     : "=@cce"(has)
                     : "m"(object->mark), "i"(OBJECT_MARK));
    return has;
}

/* Takes the mark away; false when there is none. */
static inline bool
take_mark(struct free_object *object)
{
    if (UNLIKELY(!has_mark(object)))
        return false;
    object->mark = 0;
    return true;
}

/* ---- Allocation by the short ways. The caller has claimed the CPU's objects ---- */

/* Moves the top of a magazine, in one instruction: the compiler takes two. */
static inline void
move_top(struct magazine *magazine, int slots)
{
    __asm__("add" WORD_SUFFIX " %1, %0"
            : "+m"(magazine->top)
            : "er"((long)slots * (long)sizeof(struct free_object *)));
}

/* The object that was freed last, by its mark. NULL when there is none: then the next way
 * (slab_take_next). */
static inline struct free_object *
slab_pop(struct magazine *magazine)
{
    struct free_object *top = *magazine->top;
    if (UNLIKELY(!take_mark(top)))
        return NULL;
    move_top(magazine, -1);
    if (!top)
        __builtin_unreachable(); /* saves the caller a check */
    return top;
}

/* ---- The same for a class of the heap, named by its code, on this CPU ---- */

#define QUICK(member)                                                                              \
    "i"(CPU_QUICK_AT + offsetof(struct magazine, member)), "i"(sizeof(unsigned long))

/* The guess of kfree, a byte: where the limit of class 0 would be, of which no object is. */
#define CLASS_GUESS "i"(CPU_QUICK_AT + offsetof(struct magazine, limit))

static inline struct free_object **
class_top(unsigned long class)
{
    struct free_object **top;
    __asm__ volatile("mov " CPU_QUICK "%c2(,%1,%c3), %0"
                     : "=r"(top)
                     : "r"(class), QUICK(top)
                     : "memory");
    return top;
}

static inline bool
class_is_full(unsigned long class, struct free_object *const *top)
{
    bool full;
    __asm__ volatile("cmp " CPU_QUICK "%c3(,%2,%c4), %1"
                     : "=@cce"(full)
                     : "r"(top), "r"(class), QUICK(limit));
    return full;
}

static inline void
class_move_top(unsigned long class, int slots)
{
    __asm__ volatile("add" WORD_SUFFIX " %1, " CPU_QUICK "%c2(,%0,%c3)"
                     :
                     : "r"(class), "er"((long)slots * (long)sizeof(struct free_object *)),
                       QUICK(top)
                     : "memory");
}

static inline struct cache_part *
class_part(unsigned long class)
{
    struct cache_part *part;
    __asm__ volatile("mov " CPU_QUICK "%c2(,%1,%c3), %0"
                     : "=r"(part)
                     : "r"(class), QUICK(part));
    return part;
}

static inline void *
class_pop(unsigned long class)
{
    struct free_object *top = *class_top(class);
    if (UNLIKELY(!take_mark(top)))
        return NULL;
    class_move_top(class, -1);
    if (!top)
        __builtin_unreachable();
    return top;
}

/* The first object of the window, or NULL. The acquire pairs with the release of whoever freed the
 * object on another CPU. */
static inline void *
slab_take(struct cache_part *part)
{
    slab_word bits = part->bits;
    if (UNLIKELY(!bits))
        return NULL;
    unsigned long i = lowest_bit(bits);
    uint8_t *state = &part->states[i];
    if (UNLIKELY(__atomic_load_n(state, __ATOMIC_ACQUIRE) != OBJECT_FREE))
        return NULL;
    part->bits = bits & (bits - 1);
    __atomic_store_n(state, OBJECT_LIVE, __ATOMIC_RELAXED);
    char *object = part->base + (uint32_t)i * part->stride;
    if (!object)
        __builtin_unreachable(); /* saves the caller a check */
    return object;
}

/* The same when the magazine gave none; `top` is its top. NULL, too, when that is not what lies below
 * the objects: the slow way tells what it is. */
static inline void *
slab_take_next(struct cache_part *part, const struct free_object *top)
{
    return LIKELY(top == &part->none) ? slab_take(part) : NULL;
}

/* Objects of a slab: all but the one whose place the header takes. */
static inline uint32_t
slab_valid(const struct slab *slab)
{
    return slab->objects - slab->cache->header_inside;
}

/* The descriptor of a slab's frame in one piece:
 *
 *     bits 0..7    FRAME_SLAB
 *          8..15   which function knows a short way to free the slab's objects: SLAB_WATCHED, none;
 *                  SLAB_CACHE, kmem_cache_free; else the code of a class: kfree
 *     the rest     address of the slab's header: 32 bits, or the 48 that matter on a 64-bit machine
 */
typedef uint64_t __attribute__((may_alias)) frame_word;
typedef volatile unsigned long __attribute__((may_alias)) frame_start; /* its first word */

#define SLAB_WATCHED 0
#define SLAB_CACHE   1

#define SLAB_LINK_SHIFT (sizeof(void *) == 8 ? 16 : 32)
#define SLAB_TAG(way)   ((uint16_t)(FRAME_SLAB | (way) << 8))

#define SLAB_NO_TAG     0xFFFF /* no frame has it */

/* The tag of a cache's frames. */
static inline uint16_t
slab_tag(const struct kmem_cache *cache)
{
    return SLAB_TAG(cache->debug ? SLAB_WATCHED : cache->class ? cache->class : SLAB_CACHE);
}

/* What kfree must know of the classes, by their codes: 4 for the first, 8 for the next. Of a class
 * that is watched, and of what stands in the same byte of descriptors of other frames (0 to 3), the
 * reciprocal is 0: nothing can be divided by that. */
enum {
    CLASS_RECIPROCAL, /* see divide_exactly() */
    CLASS_MASK,       /* bytes of a slab, less one */
    CLASS_WORDS = 4,
};
extern unsigned long slab_classes[];

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
    const struct frame *frame = &FRAME_TABLE[offset >> PAGE_SHIFT];
    return frame->owner == FRAME_SLAB ? slab_header(frame) : NULL;
}

/* The raw place of an object. */
static inline void *
slab_object(const struct slab *slab, unsigned long number)
{
    return slab->base + (size_t)number * slab->cache->stride;
}

static inline struct free_object *
slab_free_object(const struct slab *slab, unsigned long number)
{
    return free_object_at(slab_object(slab, number), slab->cache->mark_at);
}

/* Divides an offset into a slab by the stride; true when nothing remains.
 *
 * `reciprocal` is 2^w / stride, rounded up, w the bits of a word. For offsets below 2^15 and
 * strides from 16 to 2^15 the product's upper word is then exactly the quotient q, and its lower
 * word is below `reciprocal` exactly when nothing remains: with offset = q * stride + r it is
 * r * reciprocal + q * e, and the rounding e < stride adds no more than an offset. (In assembly,
 * since the compiler spills the product.) */
static inline bool
divide_exactly(unsigned long offset, const unsigned long *reciprocal, unsigned long *quotient)
{
    unsigned long low;
    __asm__("mul" WORD_SUFFIX " %3"
            : "=a"(low), "=d"(*quotient)
            : "0"(offset), "m"(*reciprocal)
            : "cc");
    return low < *reciprocal;
}

/* The number of the object that starts at an address of the slab's memory; false when none does.
 * The memory behind the last object has a number, too: its state is OBJECT_NONE. */
static inline bool
slab_number(const struct slab *slab, const void *object, unsigned long *number)
{
    return divide_exactly((unsigned long)((const char *)object - slab->base),
                          &slab->cache->reciprocal, number);
}

/* The number of the object that an address of the slab lies in or behind. */
uint32_t slab_index_around(const struct slab *slab, const void *address);

/* Steps for cpu_ask, false while the CPU is at work on its objects. The first gives idle slabs of
 * all caches back and adds their number of frames to a size_t; the second those of one cache. */
bool slab_reap_of(struct mm_cpu *cpu, void *frames);
bool slab_reap_part_of(struct mm_cpu *cpu, void *cache);
/* Such a step on all CPUs, until it is done, and what quarantine keeps goes too: mm_drain
 * (drain.c). */
void slab_ask_all(bool (*step)(struct mm_cpu *, void *arg), void *arg);
/* Gives idle slabs of this CPU back to the frames' allocator; returns the number of frames. */
size_t slab_reap_cpu(void);
/* The same by the other CPUs, as far as they can at once, and of what they give back to this one's
 * slabs: before memory is out. */
size_t slab_reap_others(void);
/* Empties the CPU's magazines and windows and, while no_windows is set, keeps them so: every
 * allocation takes the slow path. */
void slab_close_windows(struct mm_cpu *cpu);
/* Every allocation and free of an object takes the slow path, on all CPUs, where the trace hears of
 * it. They must not be in the allocator at the time. */
void slab_watch(bool on);

/* For looking at a slab: whether an object is handed out, and how many are, by states and marks
 * (users may write what looks like a mark). */
bool slab_in_use(const struct slab *slab, unsigned long number);
uint32_t slab_used(const struct slab *slab);
/* For deciding: true for an object that is free, in its slab or in a magazine. May miss one that
 * another CPU has in a magazine and is at work on. */
bool slab_is_free(const struct slab *slab, unsigned long number);
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
