/* slab_calls.c - an object comes and goes: the short ways of a cache and of the heap, and what is
 * done about a free that is none.
 *
 *   kmem_cache_alloc   magazine, else window                          else slab_alloc_slow
 *   kmem_cache_free    frame descriptor ──► header ──► state not "free", no mark?
 *                      ──► on the magazine; past it when full         else cache_free_slow
 *   kfree              the same for a class of the heap, but the mark else kfree_slow
 *
 * (kmalloc is in kmalloc.c.) All that a class of the heap must know for a free stands in one small
 * table (slab_classes), and its magazine where the CPU has it in one instruction. So of a slab only
 * the states are looked at, and few of them change.
 *
 * Each of them claims the CPU's objects for as long as it works on them, and locks nothing: the
 * theory is in slab.c.
 */
#include "bits.h"
#include "kmalloc.h"
#include "percpu.h"
#include "slab_private.h"
#include "trace.h"

unsigned long slab_classes[(KMALLOC_CLASSES + 1) * CLASS_WORDS];

/* ---- Allocation ---- */

/* The magazine of a part that is not of the heap. */
static inline struct magazine *
magazine_behind(struct cache_part *part)
{
    return &((struct part_with_magazine *)part)->magazine;
}

/* The next way: an object of the window. The CPU's objects are claimed. */
static JUMPED_TO void *
alloc_window(struct kmem_cache *cache)
{
    struct cache_part *part = cache->parts[cpu_current()];
    void *object = slab_take_next(part, *magazine_behind(part)->top);
    objects_release();
    return LIKELY(object != NULL) ? object
                                  : slab_alloc_slow(part, cache->size, __builtin_return_address(0));
}

void *
kmem_cache_alloc(struct kmem_cache *cache)
{
    struct cache_part *part = cache->parts[cpu_current()];
    if (UNLIKELY(!objects_claim()))
        return slab_alloc_slow(part, cache->size, __builtin_return_address(0));
    struct free_object *top = slab_pop(magazine_behind(part));
    if (UNLIKELY(!top))
        return alloc_window(cache);
    objects_release();
    return (char *)top - cache->mark_at;
}

/* ---- A free by all means ---- */

/* True when `object` is in the magazine; about right while its CPU is at work on it. */
static bool
is_in_magazine(const struct magazine *magazine, const struct free_object *object)
{
    struct free_object **bottom = magazine->bottom;
    size_t held = magazine_holds(magazine);
    while (held && bottom[held] != object)
        held--;
    return held > 0;
}

bool
slab_is_free(const struct slab *slab, unsigned long number)
{
    const struct free_object *object = slab_free_object(slab, number);
    if (state_of(slab, number) != OBJECT_OUT)
        return state_of(slab, number) != OBJECT_LIVE;
    for (unsigned i = 0; i < CPU_MAX && has_mark(object); i++)
        if (slab->cache->parts[i] && is_in_magazine(slab->cache->parts[i]->magazine, object))
            return true;
    return false;
}

static _Noreturn void
report_double_free(const struct slab *slab, const void *object, const void *caller)
{
    char who[80];
    symbol_name(caller, who, sizeof(who));
    kpanic("heap: double free of %p, an object of %s, by %s", object, slab->cache->name, who);
}

void
slab_bad_mark(const struct magazine *magazine, const struct free_object *object)
{
    const struct kmem_cache *cache = magazine->part->cache;
    objects_release();
    kpanic("heap: double free of %p, an object of %s, or a write to it after it was freed "
           "(debug=heap tells whose)",
           (void *)((char *)object - cache->mark_at), cache->name);
}

static inline void
put_object(struct slab *slab, void *object, const void *caller)
{
    struct cache_part *part = slab->cache->parts[cpu_current()];
    unsigned long number;
    if (!slab_number(slab, object, &number) || number >= slab->objects) {
        char who[80];
        symbol_name(caller, who, sizeof(who));
        kpanic("heap: free of %p by %s: inside an object of %s, not its start", object, who,
               slab->cache->name);
    }
    if (slab_is_free(slab, number))
        report_double_free(slab, object, caller);
    uint8_t *state = &slab->states[number];
    if (*state == OBJECT_OUT)
        slab_free_object(slab, number)->mark = 0; /* if a magazine has it all the same */
    if (objects_claim()) {
        slab_put_back(part, slab, state);
        objects_release();
    } else {
        __atomic_store_n(state, OBJECT_FREE, __ATOMIC_RELEASE);
        slab_count_remote(slab, 1);
    }
}

void
slab_put(struct slab *slab, void *object, const void *caller)
{
    put_object(slab, object, caller);
}

static SLOW_PATH void
free_watched(struct slab *slab, void *object, const void *caller)
{
    trace(TRACE_FREE, (uintptr_t)object, 0, slab->cache->number, caller);
    if (slab->cache->debug)
        object = debug_free(slab, object, caller);
    if (object)
        slab_put(slab, object, caller);
}

void
slab_free_slow(struct slab *slab, void *object, const void *caller)
{
    if (UNLIKELY(slab->cache->watched))
        free_watched(slab, object, caller);
    else
        put_object(slab, object, caller);
}

/* ---- Steps of the short ways ---- */

/* The two rare ends of a free, which ends the claim. */
static SLOW_PATH void
end_with_settle(struct slab *slab)
{
    slab_settle(slab);
    objects_release();
}

static SLOW_PATH void
end_with_batch(struct slab *slab)
{
    slab_start_batch(slab->cache->parts[cpu_current()], slab);
    objects_release();
}

/* An object goes back to its slab, and the claim ends. */
static inline void
free_past(struct cache_part *part, struct slab *slab, unsigned long number)
{
    __asm__("" : "+r"(number)); /* else the short ways compute the state's address */
    __atomic_store_n(&slab->states[number], OBJECT_FREE, __ATOMIC_RELEASE);
    if (slab->home == part) {
        if (UNLIKELY(!--slab->left)) {
            end_with_settle(slab);
            return;
        }
    } else if (UNLIKELY(part->batch != slab)) {
        end_with_batch(slab);
        return;
    } else {
        part->batched++;
    }
    objects_release();
}

/* ---- The heap ---- */

/* False when the object is not guarded. */
static bool
free_guarded(void *object, const void *caller)
{
    const struct kmem_cache *cache = guard_cache_of(object);
    if (!cache)
        return false;
    trace(TRACE_FREE, (uintptr_t)object, 0, cache->number, caller);
    guard_free(object, caller);
    return true;
}

static void SLOW_PATH
kfree_slow(void *memory, const void *caller)
{
    struct slab *slab = slab_of(memory);
    if (debug_on(DEBUG_GUARD) && free_guarded(memory, caller))
        return;
    if (slab)
        slab_free_slow(slab, memory, caller);
    else
        kfree_other(memory, caller);
}

/* The common cases of a free to the heap. False: nothing was done. */
static inline __attribute__((always_inline)) bool
free_to_class(unsigned long class, struct slab *slab, unsigned long number,
              struct free_object *object, bool first)
{
    if (UNLIKELY(!objects_claim()))
        return false;
    struct free_object **top = class_top(class);
    if (!first)
        fetch_to_write(object);
    if (UNLIKELY(class_is_full(class, top))) {
        if (!first)
            object->mark = 0; /* if it is in a magazine, that is found there */
        free_past(class_part(class), slab, number);
        return true;
    }
    if (first)
        state_out(slab, number);
    object->mark = (unsigned long)OBJECT_MARK;
    top[1] = object;
    class_move_top(class, 1);
    objects_release();
    return true;
}

/* The class that the next free will be of, as far as this CPU can tell. It is compared before it is
 * used: a processor that foresees that branch knows the magazine of the next object before it knows
 * the object. */
static inline unsigned long
guess_class(void)
{
    unsigned long class;
    __asm__ volatile("movzb" WORD_SUFFIX " " CPU_QUICK "%c1, %0" : "=q"(class) : CLASS_GUESS);
    return class;
}

static inline bool
is_other_class(const struct frame *frame, unsigned long class)
{
    bool other;
    __asm__("cmp %b1, %2" : "=@ccne"(other) : "q"(class), "m"(frame->flags));
    return other;
}

/* After a wrong guess the next class is tried: who frees one size over and over has it soon, and
 * where sizes mix the branch goes one way nearly always. */
static inline void
guess_next_class(void)
{
    __asm__ volatile("subb %0, " CPU_QUICK "%c1" : : "i"(CLASS_WORDS), CLASS_GUESS);
}

OWN_LINE void
kfree(void *memory)
{
    uintptr_t offset = (uintptr_t)memory - DIRECT_BASE;
    unsigned long number;
    if (LIKELY(offset < mm_direct_bytes)) {
        /* Loads by index are shorter than an address and loads: the compiler is kept from that. */
        uintptr_t index = offset >> PAGE_SHIFT;
        unsigned long class = guess_class();
        if (LIKELY(is_other_class(&FRAME_TABLE[index], class))) { /* likely: without a jump back */
            __asm__("" : "+r"(index));
            class = load_byte(&FRAME_TABLE[index].flags);
            guess_next_class();
        }
        __asm__("" : "+r"(index));
        struct slab *slab = slab_header(&FRAME_TABLE[index]);
        if (LIKELY(divide_exactly(offset & slab_classes[class + CLASS_MASK],
                                  &slab_classes[class + CLASS_RECIPROCAL], &number))) {
            if (LIKELY(state_is(slab, number, OBJECT_OUT))) {
                if (LIKELY(free_to_class(class, slab, number, memory, false)))
                    return;
            } else if (state_is(slab, number, OBJECT_LIVE) &&
                       free_to_class(class, slab, number, memory, true)) {
                return;
            }
        }
    }
    kfree_slow(memory, __builtin_return_address(0));
}

/* ---- A cache ---- */

static void SLOW_PATH
cache_free_slow(struct kmem_cache *cache, void *object, const void *caller)
{
    if (!object)
        return;
    struct slab *slab = slab_of(object);
    const struct kmem_cache *found = slab ? slab->cache : guard_cache_of(object);
    if (found != cache) {
        char who[80];
        symbol_name(caller, who, sizeof(who));
        debug_wrong_cache(object, caller);
        kpanic("heap: free of %p into %s by %s: it is %s%s", object, cache->name, who,
               found ? "an object of " : "no object", found ? found->name : "");
    }
    if (slab)
        slab_free_slow(slab, object, caller);
    else
        free_guarded(object, caller);
}

/* The slab of an object whose frame has this tag; NULL for all other addresses. */
static inline struct slab *
tagged_slab(const void *object, const uint16_t *tag)
{
    uintptr_t offset = (uintptr_t)object - DIRECT_BASE;
    if (UNLIKELY(offset >= mm_direct_bytes))
        return NULL;
    uintptr_t frame = offset >> PAGE_SHIFT;
    unsigned long word = *(const frame_start *)&FRAME_TABLE[frame];
    if (UNLIKELY((uint16_t)word != *tag))
        return NULL;
    if (sizeof(void *) == 4) /* two loads by index are shorter than an address and two loads */
        __asm__("" : "+r"(frame));
    struct slab *slab = sizeof(void *) == 8 ? (void *)(uintptr_t)(word >> SLAB_LINK_SHIFT)
                                            : slab_header(&FRAME_TABLE[frame]);
    if (!slab)
        __builtin_unreachable(); /* saves the caller a check */
    return slab;
}

/* The common cases of a free to a cache; `part` is this CPU's. False: nothing was done. */
static inline __attribute__((always_inline)) bool
free_to_cache(struct cache_part *part, struct slab *slab, unsigned long number,
              struct free_object *object, bool first)
{
    struct magazine *magazine = magazine_behind(part);
    if (UNLIKELY(!objects_claim()))
        return false;
    struct free_object **top = magazine->top;
    if (UNLIKELY(top == magazine->limit)) {
        free_past(part, slab, number);
        return true;
    }
    if (first)
        state_out(slab, number);
    object->mark = (unsigned long)OBJECT_MARK;
    top[1] = object;
    move_top(magazine, 1);
    objects_release();
    return true;
}

void
kmem_cache_free(struct kmem_cache *cache, void *object)
{
    struct slab *slab = tagged_slab(object, &cache->tag);
    unsigned long number;
    if (LIKELY(slab && slab->cache == cache && slab_number(slab, object, &number))) {
        struct cache_part *part = cache->parts[cpu_current()];
        struct free_object *freed = free_object_at(object, cache->mark_at);
        if (LIKELY(state_is(slab, number, OBJECT_OUT))) {
            if (LIKELY(!has_mark(freed)) && LIKELY(free_to_cache(part, slab, number, freed, false)))
                return;
        } else if (state_is(slab, number, OBJECT_LIVE) &&
                   free_to_cache(part, slab, number, freed, true)) {
            return;
        }
    }
    cache_free_slow(cache, object, __builtin_return_address(0));
}
