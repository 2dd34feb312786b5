/* slab.c - caches of equal objects: a byte of state for each, a magazine and a window for each CPU.
 *
 *   cache ──► part of CPU 0 ── magazine: the objects that this CPU freed last, of any slab
 *         │        ├────────── current slab ──► [header, states] ──► frames: |obj|obj|obj|...
 *         │        │              └─ window: its free objects, as bits
 *         │        ├────────── partial slabs ──► ...
 *         │        └────────── pending slabs (objects came back from other CPUs)
 *         └─► part of CPU 1 ── ...
 *
 * A slab is a run of frames cut into equal objects, with one byte an object in a header that lies
 * apart (enum object_state). Nothing is stored in a free object. Each slab belongs to the part of
 * one CPU.
 *
 *   alloc   pop the magazine; when it is empty, take the lowest bit of the window. No lock, nothing
 *           shared. When the window is used up: gather the free objects of the current slab anew,
 *           the slabs that got objects back, the partial ones, a new slab.
 *   free    frame descriptor -> class and slab -> number of the object -> its state, which must be
 *           "live". Push it on the magazine, whoever's slab it is of. When that is full, the object
 *           goes back to its slab: the owner sets the state and counts down, others do what
 *           follows.
 *
 * All that a class of the heap must know for a free stands in one small table (slab_classes), and
 * its magazine where the CPU has it in one instruction. So of a slab only the states are touched.
 * Which class it is, kfree guesses before it looks (guess_class).
 *
 * A state that is not "live" is a double free, found at once on every CPU. A pointer that is no
 * object's start has no number.
 *
 * Frees by others (no lock; tests/models). The CPU that frees, of a slab that is not its own:
 *   R1  state := free                                    (release)
 *   R2  is it the slab of its last such free?  Then it only counts one more for itself. Else:
 *       remote := remote + what was counted of that last slab, in one step   (full barrier)
 *   R3  was it -1?  push that slab on home->pending      (compare and swap, until it succeeds)
 * After R2, or R3 if it was -1, it never touches that slab again. The owner, when it runs dry:
 *   O1  take the whole list                              (exchange with NULL)
 *   O2  for each slab: read next_pending, then n := remote + 1, remote := -1   (one exchange)
 *   O3  count n objects as free; the slab is listed, or given back when nothing is left
 * A window may take an object in between R1 and R2, since its state says free: it is then counted
 * twice as in use until O3 takes one off. So the count is never too low, and a slab is given back
 * only when every R2 and R3 on it is over. What a CPU has counted for itself is given up when it
 * frees of another slab or is reaped.
 *
 * Words: `idle` = all objects free. `listed` = in the partial list. `used` of a slab = objects that
 * are live or held + those in the window + frees by others that are not counted (remote + 1, and
 * what those have counted for themselves).
 *
 * Invariants
 *   I1  a slab is current, listed, or full; exactly one of them.
 *   I2  an object is held if and only if it is in exactly one magazine.
 *   I3  left = used in a listed slab, used + SLAB_CURRENT in a current one; in a full slab used is
 *       all its objects + excess, and left is 1: the owner looks at its next free. Only frees that
 *       are not counted can hide behind an excess, so a listed slab has a free object.
 *   I4  a part's window is of its current slab, and holds only objects whose state is free; both
 *       window and magazine are empty for debugging caches.
 *   I5  part->idle is the number of idle slabs, at most part->keep.
 *   I6  every frame of a slab is FRAME_SLAB and leads to its header.
 *   I7  a part that is not in its CPU's list of open parts has nothing to give back: no current
 *       slab, no idle one, no batch, nothing noted, nothing in its magazine, which takes nothing.
 *       What is pending there is announced (mm_cpu's came).
 *
 * Locks: a cache's `lock` (list of all slabs), `caches_lock` (list of caches). None is held while
 * frames are allocated, none inside another. An interrupt that finds the CPU in here: allocation
 * gives NULL, a free goes the way of other CPUs' frees.
 *
 * Who finds no memory has each CPU give back what it can, which is often nothing: then a look at the
 * list of open parts is all it costs. A part is opened by the slow path when it allocates, when one
 * of its slabs becomes idle, and when it begins a batch; it is closed when it has given all back.
 *
 * A magazine that was full and then empty gets more slots: a page of them, then four. How many idle
 * slabs a part keeps: one; twice as many each time it makes a slab after it has given
 * one back, up to a 256th of memory, until it is reaped.
 *
 * Cost: 192 bytes a slab, 384 with more than about 100 objects; the slow path is bounded: making a
 * slab touches none of its objects unless there is a constructor.
 */
#include <string.h>
#include "bits.h"
#include "kmalloc.h"
#include "percpu.h"
#include "pmm.h"
#include "slab_private.h"
#include "trace.h"

unsigned long slab_classes[(KMALLOC_CLASSES + 1) * CLASS_WORDS];

/* ---- Lists of a part (claimed) ---- */

/* A slab's first frame. */
static struct frame *
slab_frames(const struct slab *slab)
{
    pfn_t first;
    bool direct = ptr_to_frame(slab->base, &first);
    ASSERT(direct);
    return frame_of(first);
}

/* The part may have something to give back from now on. */
static void
open_part(struct cache_part *part)
{
    if (part->open)
        return;
    part->open = true;
    part->next_open = part->cpu->open;
    part->cpu->open = part;
    slab_set_limit(part);
}

static void
close_part(struct cache_part *part)
{
    if (!part->open)
        return;
    struct cache_part **link = &part->cpu->open;
    while (*link != part)
        link = &(*link)->next_open;
    *link = part->next_open;
    part->open = false;
    slab_set_limit(part);
}

static void
list_slab(struct cache_part *part, struct slab *slab)
{
    slab->full = false;
    slab->previous = NULL;
    slab->next = part->partial;
    if (slab->next)
        slab->next->previous = slab;
    part->partial = slab;
    slab->listed = true;
}

static void
unlist_slab(struct cache_part *part, struct slab *slab)
{
    if (slab->next)
        slab->next->previous = slab->previous;
    if (slab->previous)
        slab->previous->next = slab->next;
    else
        part->partial = slab->next;
    slab->listed = false;
    if (slab->idle)
        part->idle--;
    slab->idle = false;
}

/* ---- Birth and death of a slab ---- */

static size_t reap_cpu(struct mm_cpu *cpu);
static void *take_slow(struct cache_part *part);
static void put_local(struct slab *slab, uint8_t *state);

static void
link_to_cache(struct kmem_cache *cache, struct slab *slab)
{
    unsigned long flags = spin_lock(&cache->lock);
    slab->previous_of_cache = NULL;
    slab->next_of_cache = cache->slabs;
    if (cache->slabs)
        cache->slabs->previous_of_cache = slab;
    cache->slabs = slab;
    cache->slab_count++;
    cache->grown++;
    spin_unlock(&cache->lock, flags);
}

static void
unlink_from_cache(struct kmem_cache *cache, struct slab *slab)
{
    unsigned long flags = spin_lock(&cache->lock);
    if (slab->next_of_cache)
        slab->next_of_cache->previous_of_cache = slab->previous_of_cache;
    if (slab->previous_of_cache)
        slab->previous_of_cache->next_of_cache = slab->next_of_cache;
    else
        cache->slabs = slab->next_of_cache;
    cache->slab_count--;
    cache->returned++;
    spin_unlock(&cache->lock, flags);
}

/* Makes the frames of an allocation a slab's. */
static void
own_frames(const struct slab *slab)
{
    const struct kmem_cache *cache = slab->cache;
    uint64_t word = (uint64_t)(uintptr_t)slab << SLAB_LINK_SHIFT | slab_tag(cache);
    struct frame *frames = slab_frames(slab);
    for (uint32_t i = 0; i < 1u << cache->order; i++)
        *(frame_word *)&frames[i] = word;
}

static paddr_t
slab_address(const struct slab *slab)
{
    return pfn_to_paddr(pfn((unsigned long)(slab_frames(slab) - FRAME_TABLE) + FRAME_BASE));
}

/* Makes the frames of a slab an allocation again. */
static void
disown_frames(const struct slab *slab)
{
    struct frame *frames = slab_frames(slab);
    uint32_t count = 1u << slab->cache->order;
    memset(frames, 0, count * sizeof(*frames));
    frames[0] = (struct frame){.owner = FRAME_ALLOCATED, .count = count};
}

static struct cache_part *
header_part(struct mm_cpu *cpu, const struct kmem_cache *cache)
{
    return &cpu->header_parts[slab_header_kind(cache)].part;
}

static struct slab *
make_header(struct cache_part *part, char *memory)
{
    struct kmem_cache *cache = part->cache;
    struct slab *slab;
    if (cache->header_inside)
        slab = (struct slab *)(void *)memory;
    else
        slab = take_slow(header_part(part->cpu, cache));
    if (!slab)
        return NULL;
    *slab = (struct slab){.base = memory,
                          .objects = cache->objects,
                          .remote = -1,
                          .home = part,
                          .cache = cache};
    memset(slab->states, OBJECT_FREE, cache->objects);
    memset(slab->states + cache->objects, OBJECT_NONE, cache->states - cache->objects);
    if (cache->header_inside)
        slab->states[0] = OBJECT_NONE;
    return slab;
}

/* A new slab, in no list of the part. NULL when there is no memory. Not inlined: the place to stop
 * at to see a cache grow. */
static __attribute__((noinline)) struct slab *
slab_grow(struct cache_part *part)
{
    struct kmem_cache *cache = part->cache;
    paddr_t frames = pmm_alloc_pages_flags((size_t)1 << cache->order, PMM_DIRECT);
    if (!frames)
        return NULL;
    struct slab *slab = make_header(part, frame_to_ptr(paddr_to_pfn(frames)));
    if (!slab) {
        pmm_free_pages(frames, (size_t)1 << cache->order);
        return NULL;
    }
    own_frames(slab);
    link_to_cache(cache, slab);
    if (part->dropped && (part->keep << cache->order) < slab_ram_frames >> 8)
        part->keep *= 2;
    part->dropped = false;
    trace(TRACE_PAGE_OWNER, frames, (size_t)1 << cache->order, FRAME_SLAB, NULL);
    trace(TRACE_SLAB_GROW, frames, (size_t)1 << cache->order, cache->number, NULL);
    if (cache->debug)
        debug_slab_made(slab);
    for (uint32_t i = 0; cache->constructor && i < slab->objects; i++)
        cache->constructor(slab->base + (size_t)i * cache->stride + cache->left);
    return slab;
}

/* Gives an idle slab that is in no list of its part back to the frames' allocator. */
static void
drop_slab(struct slab *slab)
{
    struct kmem_cache *cache = slab->cache;
    struct cache_part *headers = header_part(slab->home->cpu, cache);
    paddr_t first = slab_address(slab);
    ASSERT(!slab->listed && !slab->current && slab->remote == -1);
    slab->home->dropped = true;
    if (cache->debug)
        debug_slab_gone(slab);
    unlink_from_cache(cache, slab);
    disown_frames(slab);
    trace(TRACE_SLAB_SHRINK, first, (size_t)1 << cache->order, cache->number, NULL);
    pmm_free_pages(first, (size_t)1 << cache->order);
    if (cache->header_inside)
        return;
    unsigned long number;
    struct slab *of_header = slab_of(slab);
    bool exact = of_header && slab_number(of_header, slab, &number);
    ASSERT(exact && of_header->home == headers);
    put_local(of_header, &of_header->states[number]);
}

/* ---- Windows (claimed) ---- */

/* The group before the first. */
#define NO_GROUP UINT32_MAX

/* The free objects of one word of states, as bits from 0 on. */
static inline slab_word
gather_word(const uint8_t *states)
{
    const slab_word ones = ~(slab_word)0 / 255;
    const slab_word columns = (slab_word)(0x0102040810204080u >> (64 - SLAB_WORD_BITS));
    slab_word word =
        __atomic_load_n((const slab_word *)(const void *)states, __ATOMIC_RELAXED) >> 1 & ones;
    return word * columns >> (SLAB_WORD_BITS - 8);
}

/* The free objects of a group: as many objects as a word has bits. */
static slab_word
gather(const struct slab *slab, uint32_t group)
{
    uint32_t first = group * (uint32_t)SLAB_WORD_BITS, end = slab->cache->states;
    slab_word bits = 0;
    end = end - first < SLAB_WORD_BITS ? end : first + (uint32_t)SLAB_WORD_BITS;
    for (uint32_t i = first; i < end; i += sizeof(slab_word))
        bits |= gather_word(&slab->states[i]) << (i - first);
    return bits;
}

/* Lets the window see the next group of the current slab that has free objects. */
static bool
open_window(struct cache_part *part)
{
    struct slab *slab = part->slab;
    if (slab->left - SLAB_CURRENT >= (int32_t)slab_valid(slab))
        return false; /* nothing that is counted is free: do not look at what others write */
    uint32_t groups = (slab->objects + (uint32_t)SLAB_WORD_BITS - 1) / (uint32_t)SLAB_WORD_BITS;
    uint32_t group = part->group;
    for (uint32_t i = 0; i < groups; i++) {
        group = group + 1 < groups ? group + 1 : 0;
        slab_word bits = gather(slab, group);
        if (!bits)
            continue;
        uint32_t first = group * (uint32_t)SLAB_WORD_BITS;
        part->group = group;
        part->states = &slab->states[first];
        part->base = slab->base + (size_t)first * part->stride;
        part->bits = bits;
        slab->left += (int32_t)count_bits(bits);
        return true;
    }
    return false;
}

/* What is in the window is free in its slab alone. It will be the first that is looked at again. */
static void
close_window(struct cache_part *part)
{
    if (!part->bits)
        return;
    part->slab->left -= (int32_t)count_bits(part->bits);
    part->bits = 0;
    part->group--;
}

/* In a program, to find memory for a slab may have reaped all parts, and so closed this one. */
static void
make_current(struct cache_part *part, struct slab *slab)
{
    open_part(part);
    slab->current = true;
    slab->left += SLAB_CURRENT;
    part->slab = slab;
    part->group = NO_GROUP;
}

/* Files a slab that is not current, and has `left` objects in use, where it belongs: it is full, or
 * listed, or one idle slab too many. */
static void
file_slab(struct cache_part *part, struct slab *slab)
{
    int32_t excess = slab->left - (int32_t)slab_valid(slab);
    if (excess >= 0) {
        slab->full = true;
        slab->excess = excess;
        slab->left = 1;
        return;
    }
    if (!slab->listed)
        list_slab(part, slab);
    if (slab->idle || slab->left)
        return;
    if (part->idle >= part->keep) {
        unlist_slab(part, slab);
        drop_slab(slab);
    } else {
        slab->idle = true;
        part->idle++;
    }
}

/* Ends a slab's time as the current one. */
static void
retire_current(struct cache_part *part)
{
    struct slab *slab = part->slab;
    if (!slab)
        return;
    close_window(part);
    part->slab = NULL;
    slab->current = false;
    slab->left -= SLAB_CURRENT;
    file_slab(part, slab);
}

/* `count` objects of a slab are known to be free again. */
static void
count_free(struct slab *slab, int32_t count)
{
    if (slab->full)
        slab->left = (int32_t)slab_valid(slab) + slab->excess;
    slab->left -= count;
    if (!slab->current)
        file_slab(slab->home, slab);
}

/* What the owner's free does when `left` became 0: the slab was full, or is idle now. */
static SLOW_PATH void
settle(struct slab *slab)
{
    slab->home->overflowed = true;
    open_part(slab->home);
    if (slab->full)
        slab->left = (int32_t)slab_valid(slab) + slab->excess - 1;
    file_slab(slab->home, slab);
}

/* Counts what other CPUs freed of one slab: O1 to O3. False when there is none. */
static bool
collect_one(struct cache_part *part)
{
    if (!part->noted && __atomic_load_n(&part->pending, __ATOMIC_RELAXED))
        part->noted = __atomic_exchange_n(&part->pending, NULL, __ATOMIC_ACQUIRE);
    struct slab *slab = part->noted;
    if (!slab)
        return false;
    part->noted = slab->next_pending;
    count_free(slab, __atomic_exchange_n(&slab->remote, -1, __ATOMIC_ACQ_REL) + 1);
    return true;
}

/* ---- Allocation (claimed) ---- */

/* An object by all means but the magazine. Every part but the frames' allocator is the CPU's
 * own. */
static void *
take_slow(struct cache_part *part)
{
    open_part(part);
    void *object = slab_take(part);
    while (!object) {
        if (part->bits)
            kpanic("slab: an object of %s changed its state while it was free", part->cache->name);
        bool more = (part->slab && open_window(part)) || (!part->partial && collect_one(part));
        if (!more) {
            retire_current(part);
            struct slab *slab = part->partial;
            if (slab)
                unlist_slab(part, slab);
            else
                slab = slab_grow(part);
            if (!slab)
                return NULL;
            make_current(part, slab);
        }
        object = slab_take(part);
    }
    return object;
}

/* ---- Slots for magazines (claimed, the magazine empty) ---- */

/* Takes slots that were not made with the part out of use, and gives them back. */
static void
return_slots(struct cache_part *part)
{
    struct object_slot *slots = part->magazine->bottom;
    pfn_t frames;
    if (slots == part->own)
        return;
    bool direct = ptr_to_frame(slots, &frames);
    ASSERT(direct && part->magazine->top == slots);
    slab_use_slots(part, part->own, part->own_places);
    pmm_free_pages(pfn_to_paddr(frames), frame_of(frames)->count);
}

/* A magazine that was too small gets a page of slots, then four, as long as the objects in it are
 * at most a 256th of memory. Without memory for slots it stays as it is. */
static void
add_slots(struct cache_part *part)
{
    size_t count = part->magazine->bottom == part->own ? 1 : 4;
    uint32_t places = (uint32_t)(count * PAGE_SIZE / sizeof(struct object_slot)) - 1;
    uint32_t most = (uint32_t)((slab_ram_frames << (PAGE_SHIFT - 8)) / part->stride);
    part->overflowed = false;
    places = places < most ? places : most;
    if (places < 2 * part->places || part->own_places == 0 || part->cpu->no_windows)
        return;
    paddr_t frames = pmm_alloc_pages_flags(count, PMM_DIRECT);
    if (!frames)
        return;
    return_slots(part);
    frame_set_owner(paddr_to_pfn(frames), FRAME_HEAP);
    slab_use_slots(part, frame_to_ptr(paddr_to_pfn(frames)), places);
}

/* An object by all means. `closed`: the next one is not to be had by the short way. */
static void *
take_place(struct cache_part *part, bool closed)
{
    if (!objects_claim())
        return NULL;
    if (part->overflowed && part->magazine->top == part->magazine->bottom)
        add_slots(part);
    void *object = take_slow(part);
    if (!object && (reap_cpu(part->cpu) || part->partial)) /* partial: some have left their quarantine */
        object = take_slow(part);
    if (closed)
        close_window(part);
    objects_release();
    return object;
}

static SLOW_PATH void *
alloc_watched(struct cache_part *part, size_t size, const void *caller)
{
    struct kmem_cache *cache = part->cache;
    void *object;
    if (!cache->guard || !guard_alloc(cache, size, caller, &object)) {
        object = take_place(part, true);
        if (object && cache->debug)
            object = debug_alloc(cache, object, size, caller);
    }
    if (object)
        trace(TRACE_ALLOC, (uintptr_t)object, size, cache->number, caller);
    return object;
}

void *
slab_alloc_slow(struct cache_part *part, size_t size, const void *caller)
{
    struct mm_cpu *cpu = part->cpu;
    if (mm_fail_now(cpu))
        return NULL;
    if (UNLIKELY(part->cache->watched))
        return alloc_watched(part, size, caller);
    return take_place(part, cpu->no_windows);
}

/* The magazine of a part that is not of the heap. */
static inline struct magazine *
magazine_behind(struct cache_part *part)
{
    return &((struct part_with_magazine *)part)->magazine;
}

static inline void *
alloc_object(struct kmem_cache *cache, const void *caller)
{
    struct cache_part *part = cache->parts[cpu_current()];
    if (LIKELY(objects_claim())) {
        void *object = slab_pop(magazine_behind(part));
        if (!object)
            object = slab_take(part);
        objects_release();
        if (LIKELY(object != NULL))
            return object;
    }
    return slab_alloc_slow(part, cache->size, caller);
}

void *
kmem_cache_alloc(struct kmem_cache *cache)
{
    return alloc_object(cache, __builtin_return_address(0));
}

/* ---- Free ---- */

static _Noreturn void
report_double_free(const struct slab *slab, const void *object, const void *caller)
{
    char who[80];
    symbol_name(caller, who, sizeof(who));
    kpanic("heap: double free of %p, an object of %s, by %s", object, slab->cache->name, who);
}

/* R3. */
static SLOW_PATH void
note_remote(struct slab *slab)
{
    struct cache_part *home = slab->home;
    struct slab *first = __atomic_load_n(&home->pending, __ATOMIC_RELAXED);
    do
        slab->next_pending = first;
    while (!__atomic_compare_exchange_n(&home->pending, &first, slab, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
    if (!first)
        __atomic_store_n(&home->cpu->came, true, __ATOMIC_RELEASE);
}

/* R2 and R3: `count` objects of a slab. */
static void
count_remote(struct slab *slab, int32_t count)
{
    if (__atomic_fetch_add(&slab->remote, count, __ATOMIC_ACQ_REL) == -1)
        note_remote(slab);
}

/* The part's frees of another CPU's slab are counted there. Claimed. */
static void
end_batch(struct cache_part *part)
{
    if (part->batch)
        count_remote(part->batch, part->batched + 1);
    part->batch = NULL;
}

/* The first free of a batch. Claimed. */
static SLOW_PATH void
start_batch(struct cache_part *part, struct slab *slab)
{
    end_batch(part);
    open_part(part);
    part->batch = slab;
    part->batched = 0;
}

/* R1 and R2 of an object that nobody holds. `part` is this CPU's, and claimed. */
static inline void
put_remote(struct cache_part *part, struct slab *slab, uint8_t *state)
{
    __atomic_store_n(state, OBJECT_FREE, __ATOMIC_RELEASE);
    if (LIKELY(part->batch == slab))
        part->batched++;
    else
        start_batch(part, slab);
}

/* The same by the owner. Claimed. */
static void
put_local(struct slab *slab, uint8_t *state)
{
    __atomic_store_n(state, OBJECT_FREE, __ATOMIC_RELAXED);
    if (!--slab->left)
        settle(slab);
}

/* An object that is held by nobody goes back to its slab. `part` is this CPU's, and claimed. */
static void
put_back(struct cache_part *part, struct slab *slab, uint8_t *state)
{
    if (slab->home == part)
        put_local(slab, state);
    else
        put_remote(part, slab, state);
}

static void
empty_magazine(struct cache_part *part)
{
    while (part->magazine->top != part->magazine->bottom) {
        struct object_slot *slot = part->magazine->top--;
        put_back(part, slab_of(slot->object), slot->state);
    }
}

/* A free by all means; watched, too. */
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
    uint8_t *state = &slab->states[number];
    if (!state_hold(state)) {
        state_unhold(state);
        report_double_free(slab, object, caller);
    }
    if (objects_claim()) {
        put_back(part, slab, state);
        objects_release();
    } else {
        __atomic_store_n(state, OBJECT_FREE, __ATOMIC_RELEASE);
        count_remote(slab, 1);
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

/* The two rare ends of a free, which ends the claim. */
static SLOW_PATH void
end_with_settle(struct slab *slab)
{
    settle(slab);
    objects_release();
}

static SLOW_PATH void
end_with_batch(struct slab *slab)
{
    start_batch(slab->cache->parts[cpu_current()], slab);
    objects_release();
}

/* An object that is held goes back to its slab, and the claim ends. */
static inline void
free_past(struct cache_part *part, struct slab *slab, uint8_t *state)
{
    __atomic_store_n(state, OBJECT_FREE, __ATOMIC_RELEASE);
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

/* A free begins, with the CPU's objects claimed: the object is held. False: nothing was done, and the
 * claim has ended. */
static inline bool
begin_free(uint8_t *state)
{
    if (LIKELY(state_hold(state)))
        return true;
    state_unhold(state);
    objects_release();
    return false;
}

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
static inline bool
free_to_class(unsigned long class, struct slab *slab, uint8_t *state, void *object)
{
    if (UNLIKELY(!objects_claim()))
        return false;
    /* Before the state is written: its address is known late, and many processors let a load wait
     * for all addresses written to before it. */
    struct object_slot *slot = class_top(class);
    if (!begin_free(state))
        return false;
    if (UNLIKELY(class_is_full(class, slot))) {
        free_past(class_part(class), slab, state);
        return true;
    }
    slot[1] = (struct object_slot){object, state};
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
        if (UNLIKELY(is_other_class(&FRAME_TABLE[index], class))) {
            __asm__("" : "+r"(index));
            class = load_byte(&FRAME_TABLE[index].flags);
            guess_next_class();
        }
        __asm__("" : "+r"(index));
        struct slab *slab = slab_header(&FRAME_TABLE[index]);
        if (LIKELY(divide_exactly(offset & slab_classes[class + CLASS_MASK],
                                  &slab_classes[class + CLASS_RECIPROCAL], &number)) &&
            LIKELY(free_to_class(class, slab, &slab->states[number], memory)))
            return;
    }
    kfree_slow(memory, __builtin_return_address(0));
}

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
static inline bool
free_to_cache(struct cache_part *part, struct slab *slab, uint8_t *state, void *object)
{
    struct magazine *magazine = magazine_behind(part);
    if (UNLIKELY(!objects_claim()))
        return false;
    struct object_slot *slot = magazine->top;
    if (!begin_free(state))
        return false;
    if (UNLIKELY(slot == magazine->limit)) {
        free_past(part, slab, state);
        return true;
    }
    slot[1] = (struct object_slot){object, state};
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
        if (LIKELY(free_to_cache(part, slab, &slab->states[number], object)))
            return;
    }
    cache_free_slow(cache, object, __builtin_return_address(0));
}

/* ---- Giving memory back ---- */

/* Claimed. The part is closed then. */
static size_t
reap_part(struct cache_part *part)
{
    size_t frames = 0;
    empty_magazine(part);
    return_slots(part);
    end_batch(part);
    while (collect_one(part))
        continue;
    retire_current(part);
    for (struct slab *slab = part->partial, *next; slab; slab = next) {
        next = slab->next;
        if (!slab->idle)
            continue;
        unlist_slab(part, slab);
        drop_slab(slab);
        frames += (size_t)1 << part->cache->order;
    }
    part->keep = 1;
    part->dropped = false;
    close_part(part);
    return frames;
}

/* Opens the parts to which others gave objects back. */
static void
open_pending(struct mm_cpu *cpu)
{
    if (!__atomic_load_n(&cpu->came, __ATOMIC_RELAXED) ||
        !__atomic_exchange_n(&cpu->came, false, __ATOMIC_ACQUIRE))
        return;
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next) {
        struct cache_part *part = cache->parts[cpu->id];
        if (part && __atomic_load_n(&part->pending, __ATOMIC_RELAXED))
            open_part(part);
    }
}

/* Every part on one CPU. Those of the headers open again when the others give headers back. */
static size_t
reap_cpu(struct mm_cpu *cpu)
{
    size_t frames = 0;
    open_pending(cpu);
    while (cpu->open)
        frames += reap_part(cpu->open);
    return frames;
}

bool
slab_reap_of(struct mm_cpu *cpu, void *frames)
{
    if (!objects_claim())
        return false;
    *(size_t *)frames += reap_cpu(cpu);
    objects_release();
    return true;
}

size_t
slab_reap_cpu(void)
{
    size_t frames = 0;
    quarantine_flush();
    (void)slab_reap_of(mm_this_cpu(), &frames);
    return frames;
}

bool
slab_reap_part_of(struct mm_cpu *cpu, void *cache)
{
    struct cache_part *part = ((struct kmem_cache *)cache)->parts[cpu->id];
    if (!objects_claim())
        return false;
    if (part)
        (void)reap_part(part);
    objects_release();
    return true;
}

size_t
kmem_cache_reap(struct kmem_cache *cache)
{
    size_t frames = 0;
    quarantine_flush();
    if (!objects_claim())
        return 0;
    frames = reap_part(cache->parts[cpu_current()]);
    objects_release();
    return frames;
}

void
slab_close_windows(struct mm_cpu *cpu)
{
    unsigned long flags = interrupts_disable();
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next) {
        struct cache_part *part = cache->parts[cpu->id];
        if (!part)
            continue;
        empty_magazine(part);
        close_window(part);
        slab_set_limit(part);
    }
    interrupts_restore(flags);
}

void
slab_watch(bool on)
{
    for (unsigned i = 0; i < CPU_MAX; i++) {
        struct mm_cpu *cpu = mm_cpus[i];
        if (!cpu)
            continue;
        cpu->no_windows = on || cpu->fail_in;
        slab_close_windows(cpu);
    }
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next) {
        cache->watched = on || cache->debug;
        slab_choose_way(cache);
    }
}
