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
 * apart (enum object_state). Nothing is stored in an object that is free in its slab; in one of a
 * magazine stands a mark. Each slab belongs to the part of one CPU.
 *
 *   alloc   pop the magazine; when it is empty, take the lowest bit of the window. No lock, nothing
 *           shared. When the window is used up: gather the free objects of the current slab anew,
 *           the slabs that got objects back, the partial ones, a new slab.
 *   free    frame descriptor -> class and slab -> number of the object -> its state, which must not
 *           be "free". Push it on the magazine, whoever's slab it is of. When that is full, the
 *           object goes back to its slab: the owner sets the state and counts down, others do what
 *           follows.
 *
 * The short ways of both are in slab_calls.c, the birth and death of a slab in slab_grow.c, and
 * those of a cache in slab_cache.c; all else is here.
 *
 * A pointer that is no object's start has no number. A free of an object that is free in its slab
 * is found by its state, at once on every CPU. One of an object that is in a magazine: what comes
 * out of a magazine, or goes past it, takes the mark along. So of two entries of one object the
 * second has none, and is found when it comes up, before anybody is handed it twice. The heap does
 * not look for the mark when it frees (but kmem_cache_free does): it would wait for the object's
 * line, which it only writes. (Two CPUs that take both entries in the same instant find nothing.) A
 * write to the mark of a free object is found in the same way.
 *
 * The states change when an object leaves its slab, when it is freed to a magazine for the first
 * time since, and when it is back, and not while it goes round: objects of one slab lie in the
 * magazines of several CPUs, and each change of a state takes the line of 64 of them from all
 * others.
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
 * are live or out + those in the window + frees by others that are not counted (remote + 1, and
 * what those have counted for themselves).
 *
 * Invariants
 *   I1  a slab is current, listed, or full; exactly one of them.
 *   I2  an object in a magazine is out, marked, and in no other one.
 *   I3  left = used in a listed slab, used + SLAB_CURRENT in a current one; in a full slab used is
 *       all its objects + excess, and left is 1: the owner looks at its next free. Only frees that
 *       are not counted can hide behind an excess, so a listed slab has a free object.
 *   I4  a part's window is of its current slab, and holds only objects whose state is free; both
 *       window and magazine are empty for debugging caches.
 *   I5  part->idle is the number of idle slabs, at most part->keep.
 *   I6  every frame of a slab is FRAME_SLAB and leads to its header.
 *   I7  a part that is not in its CPU's list of open parts has nothing to give back: no current
 *       slab, no idle one, no batch, nothing noted, no slots but its own, nothing in its magazine,
 *       which takes nothing. What is pending there is announced (mm_cpu's came).
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
 * slabs a part keeps: one; twice as many each time it makes a slab after it has given one back, up
 * to a 256th of memory. Both until it is reaped.
 *
 * Cost: 192 bytes a slab, 384 with more than about 100 objects; up to four frames of slots for each
 * magazine that needs them; the slow path is bounded: making a slab touches none of its objects
 * unless there is a constructor.
 */
#include "bits.h"
#include "percpu.h"
#include "slab_private.h"
#include "trace.h"

/* ---- Lists of a part (claimed) ---- */

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

/* ---- Where a slab belongs (claimed) ---- */

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
        slab_drop(slab);
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

SLOW_PATH void
slab_settle(struct slab *slab)
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

/* ---- Out of the slab (claimed) ---- */

void *
slab_take_slow(struct cache_part *part)
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

/* Takes slots that were not made with the part out of use, and gives their frames back: how many. */
static size_t
return_slots(struct cache_part *part)
{
    struct free_object **slots = part->magazine->bottom;
    pfn_t head;
    if (slots == part->own)
        return 0;
    bool direct = ptr_to_frame(slots, &head);
    ASSERT(direct && part->magazine->top == slots);
    size_t frames = frame_of(head)->count;
    slab_use_slots(part, part->own, part->own_places);
    pmm_free_pages(pfn_to_paddr(head), frames);
    return frames;
}

/* A magazine that was too small gets a page of slots, then four, as long as the objects in it are
 * at most a 256th of memory. Where that is not to be had at once it stays as it is. */
static void
add_slots(struct cache_part *part)
{
    size_t count = part->magazine->bottom == part->own ? 1 : 4;
    uint32_t places = (uint32_t)(count * PAGE_SIZE / sizeof(struct free_object *)) - 1;
    uint32_t most = (uint32_t)((slab_ram_frames << (PAGE_SHIFT - 8)) / part->stride);
    part->overflowed = false;
    places = places < most ? places : most;
    if (places < 2 * part->places || part->own_places == 0 || part->cpu->no_windows)
        return;
    paddr_t frames = pmm_alloc_spare(count);
    if (!frames)
        return;
    (void)return_slots(part);
    frame_set_owner(paddr_to_pfn(frames), FRAME_HEAP);
    slab_use_slots(part, frame_to_ptr(paddr_to_pfn(frames)), places);
}

/* ---- Back to the slab (claimed) ---- */

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

void
slab_count_remote(struct slab *slab, int32_t count)
{
    if (__atomic_fetch_add(&slab->remote, count, __ATOMIC_ACQ_REL) == -1)
        note_remote(slab);
}

/* The part's frees of another CPU's slab are counted there. Claimed. */
static void
end_batch(struct cache_part *part)
{
    if (part->batch)
        slab_count_remote(part->batch, part->batched + 1);
    part->batch = NULL;
}

SLOW_PATH void
slab_start_batch(struct cache_part *part, struct slab *slab)
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
        slab_start_batch(part, slab);
}

void
slab_put_local(struct slab *slab, uint8_t *state)
{
    __atomic_store_n(state, OBJECT_FREE, __ATOMIC_RELAXED);
    if (!--slab->left)
        slab_settle(slab);
}

void
slab_put_back(struct cache_part *part, struct slab *slab, uint8_t *state)
{
    if (slab->home == part)
        slab_put_local(slab, state);
    else
        put_remote(part, slab, state);
}

static void
empty_magazine(struct cache_part *part)
{
    struct magazine *magazine = part->magazine;
    while (magazine->top != magazine->bottom) {
        struct free_object *top = *magazine->top;
        if (!take_mark(top))
            slab_bad_mark(magazine, top);
        magazine->top--;
        void *object = (char *)top - part->cache->mark_at;
        struct slab *slab = slab_of(object);
        unsigned long number;
        bool is_start = slab_number(slab, object, &number);
        ASSERT(is_start);
        slab_put_back(part, slab, &slab->states[number]);
    }
}

/* ---- Giving memory back ---- */

/* Claimed. The part is closed then. */
static size_t
reap_part(struct cache_part *part)
{
    empty_magazine(part);
    size_t frames = return_slots(part);
    end_batch(part);
    while (collect_one(part))
        continue;
    retire_current(part);
    for (struct slab *slab = part->partial, *next; slab; slab = next) {
        next = slab->next;
        if (!slab->idle)
            continue;
        unlist_slab(part, slab);
        slab_drop(slab);
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

/* ---- The slow way of an allocation ---- */

/* The top of the magazine, when that is an object, has its mark. */
static void
look_at_top(const struct cache_part *part)
{
    const struct free_object *top = *part->magazine->top;
    if (UNLIKELY(top != &part->none) && !has_mark(top))
        slab_bad_mark(part->magazine, top);
}

/* An object by all means. `closed`: the next one is not to be had by the short way. */
static void *
take_place(struct cache_part *part, bool closed)
{
    if (!objects_claim())
        return NULL;
    look_at_top(part);
    void *object = slab_take_slow(part);
    if (!object && (reap_cpu(part->cpu) || part->partial)) /* partial: from the quarantine */
        object = slab_take_slow(part);
    if (object && part->overflowed && part->magazine->top == part->magazine->bottom)
        add_slots(part);
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

/* ---- Watching ---- */

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
