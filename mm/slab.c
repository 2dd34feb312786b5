/* slab.c - caches of equal objects, by bits.
 *
 *   cache ──► part of CPU 0 ── current slab ──► [header] ──► frames: |obj|obj|obj|obj|...
 *         │        ├────────── partial slabs ──► ...
 *         │        └────────── pending slabs (objects came back from other CPUs)
 *         └─► part of CPU 1 ── ...
 *
 * A slab is a run of frames cut into equal objects, with one bit an object in a header that lies
 * apart. Nothing is stored in a free object. Each slab belongs to the part of one CPU.
 *
 *   alloc   the part points at one word of its current slab: take its lowest bit. No lock, nothing
 *           shared. When the word is used up: the next word, the slabs that got objects back, the
 *           partial ones, a new slab.
 *   free    frame descriptor -> slab -> number of the object -> set its bit, if the slab is this
 *           CPU's own; else set it in `remote`, under the lock of the owner's part, and put the
 * slab on the owner's pending list.
 *
 * A bit that is set already is a double free, found at once on the own CPU and at the latest when
 * the owner takes its remote frees in. A pointer that is no object's start has no number.
 *
 * Words: `idle` = all objects free. `listed` = in the partial list. A part keeps one idle slab and
 * gives further ones back.
 *
 * Invariants
 *   I1  a slab is current, listed, or has no free bit; never two of them.
 *   I2  full[w] = 0 in a current slab, the mask of existing objects else; free <= existing.
 *   I3  free and remote have no bit in common (broken only by a double free, then reported).
 *   I4  `fast` = current or listed, and not debugging: the frames' tag then lets the own CPU free
 *       by the short way, which does not know how to list a slab.
 *   I5  part->word is &slab_nothing, or a word of the current slab; never for debugging caches.
 *   I6  every frame of a slab is FRAME_SLAB and leads to its header.
 *
 * Locks: a part's `lock` (pending list, remote bits), a cache's `lock` (list of all slabs),
 * `caches_lock` (list of caches). None is held while frames are allocated, none inside another.
 * An interrupt that finds the CPU in here: allocation gives NULL, a free goes the remote way.
 *
 * Cost: 144 to 224 bytes a slab; the slow path is bounded: making a slab touches none of its
 * objects unless there is a constructor.
 */
#include <string.h>
#include "bits.h"
#include "kmalloc.h"
#include "percpu.h"
#include "pmm.h"
#include "slab_private.h"
#include "trace.h"

slab_word slab_nothing;

/* ---- Lists of a part (claimed) ---- */

/* A slab's first frame. */
static struct frame *
slab_frames(const struct slab *slab)
{
    pfn_t first;
    bool direct = ptr_to_frame(slab->base, &first);
    ASSERT(direct);
    return frame_of(pfn(first.n & ~((1ul << slab->cache->order) - 1)));
}

/* Says whether the slab's own CPU frees its objects with no more ado (I4). Others look at the same
 * time. */
static void
set_fast(struct slab *slab, bool fast)
{
    struct frame *frames = slab_frames(slab);
    uint8_t number = fast && !slab->cache->debug ? (uint8_t)(slab->home->cpu->id + 1) : 0;
    if (slab->fast == (number != 0))
        return;
    slab->fast = number != 0;
    for (uint32_t i = 0; i < 1u << slab->cache->order; i++)
        __atomic_store_n(&frames[i].flags, number, __ATOMIC_RELAXED);
}

static void
list_slab(struct cache_part *part, struct slab *slab)
{
    set_fast(slab, true);
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
static void put_local(struct slab *slab, uint32_t index);

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
    uint64_t word = (uint64_t)(uintptr_t)slab << SLAB_LINK_SHIFT | FRAME_SLAB;
    struct frame *frames = slab_frames(slab);
    for (uint32_t i = 0; i < 1u << slab->cache->order; i++)
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

static struct slab *
make_header(struct cache_part *part, char *memory)
{
    struct kmem_cache *cache = part->cache;
    struct slab *slab;
    if (cache->header_inside)
        slab = (struct slab *)(void *)memory;
    else
        slab = take_slow(&part->cpu->header_part);
    if (!slab)
        return NULL;
    *slab = (struct slab){.base = memory,
                          .inverse = cache->inverse,
                          .shift = cache->shift,
                          .objects = cache->objects,
                          .home = part,
                          .cache = cache};
    for (unsigned w = 0; w < SLAB_WORDS; w++)
        slab->free[w] = slab->full[w] = slab_word_mask(cache->objects, w);
    if (cache->header_inside) { /* object 0 is the header: it never was free */
        slab->base += cache->stride;
        slab->objects--;
        for (unsigned w = 0; w < SLAB_WORDS; w++)
            slab->free[w] = slab->full[w] = slab_word_mask(slab->objects, w);
    }
    return slab;
}

/* A new slab, in no list of the part. NULL when there is no memory. Not inlined: the place to stop at
 * to see a cache grow. */
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
    struct cache_part *headers = &slab->home->cpu->header_part;
    paddr_t first = slab_address(slab);
    ASSERT(!slab->listed && !slab->current && !slab->pending);
    if (cache->debug)
        debug_slab_gone(slab);
    unlink_from_cache(cache, slab);
    disown_frames(slab);
    trace(TRACE_SLAB_SHRINK, first, (size_t)1 << cache->order, cache->number, NULL);
    pmm_free_pages(first, (size_t)1 << cache->order);
    if (cache->header_inside)
        return;
    struct slab *of_header = slab_of(slab);
    ASSERT(of_header && of_header->home == headers);
    put_local(of_header, slab_object_index(of_header, slab));
}

/* ---- Allocation (claimed) ---- */

/* Points the part at a word of its current slab that has a free bit. */
static bool
open_window(struct cache_part *part)
{
    struct slab *slab = part->slab;
    for (unsigned w = 0; w < SLAB_WORDS; w++)
        if (slab->free[w]) {
            part->word = &slab->free[w];
            part->base = slab->base + (size_t)w * SLAB_WORD_BITS * part->stride;
            return true;
        }
    part->word = &slab_nothing;
    return false;
}

static void
make_current(struct cache_part *part, struct slab *slab)
{
    slab->current = true;
    set_fast(slab, true);
    memset(slab->full, 0, sizeof(slab->full));
    part->slab = slab;
}

/* Ends a slab's time as the current one; it is listed when it has something to give. */
static void
retire_current(struct cache_part *part)
{
    struct slab *slab = part->slab;
    if (!slab)
        return;
    slab->current = false;
    for (unsigned w = 0; w < SLAB_WORDS; w++)
        slab->full[w] = slab_word_mask(slab->objects, w);
    part->slab = NULL;
    part->word = &slab_nothing;
    if (!slab_any_free(slab)) {
        set_fast(slab, false);
        return;
    }
    list_slab(part, slab);
    slab->idle = slab_all_free(slab);
    part->idle += slab->idle;
}

/* After bits were set in a slab's `free`: list it, or let it go when it is one idle slab too many.
 */
static void
settle(struct slab *slab)
{
    struct cache_part *part = slab->home;
    if (slab->current)
        return;
    if (!slab->listed)
        list_slab(part, slab);
    if (slab->idle || !slab_all_free(slab))
        return;
    if (part->idle) {
        unlist_slab(part, slab);
        drop_slab(slab);
    } else {
        slab->idle = true;
        part->idle = 1;
    }
}

/* Takes in what other CPUs freed. Returns NULL, or an object that was found free already. */
static const void *
collect_slab(struct slab *slab)
{
    const char *twice = NULL;
    for (unsigned w = 0; w < SLAB_WORDS; w++) {
        slab_word both = slab->free[w] & slab->remote[w];
        if (both)
            twice = slab->base + ((size_t)w * SLAB_WORD_BITS + (size_t)__builtin_ctzl(both)) *
                                     slab->cache->stride;
        __atomic_store_n(&slab->free[w], slab->free[w] | slab->remote[w], __ATOMIC_RELAXED);
        slab->remote[w] = 0;
    }
    return twice;
}

/* Takes the first slab off the pending list, its remote frees taken in. NULL when there is none. */
static struct slab *
collect_next(struct cache_part *part, const void **twice)
{
    unsigned long flags = spin_lock(&part->lock);
    struct slab *slab = part->pending;
    if (slab) {
        __atomic_store_n(&part->pending, slab->next_pending, __ATOMIC_RELAXED);
        slab->pending = false;
        const void *found = collect_slab(slab);
        if (found)
            *twice = found;
    }
    spin_unlock(&part->lock, flags);
    return slab;
}

static void
collect_pending(struct cache_part *part)
{
    const void *twice = NULL;
    for (struct slab *slab; (slab = collect_next(part, &twice));)
        settle(slab);
    if (twice) {
        cpu_release(&part->cpu->objects_busy);
        kpanic("heap: double free of %p, an object of %s: found when its CPU took it back", twice,
               part->cache->name);
    }
}

/* One object's place, by all means. Every part but the frames' allocator is the CPU's own. */
static void *
take_slow(struct cache_part *part)
{
    void *object = slab_take(part);
    while (!object) {
        if (part->slab && open_window(part)) {
            object = slab_take(part);
            continue;
        }
        if (__atomic_load_n(&part->pending, __ATOMIC_RELAXED))
            collect_pending(part);
        if (part->slab && slab_any_free(part->slab))
            continue;
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
    return object;
}

/* A place for an object, by all means. `closed`: the next one is not to be had by the short way. */
static void *
take_place(struct mm_cpu *cpu, struct cache_part *part, bool closed)
{
    if (!cpu_claim(&cpu->objects_busy))
        return NULL;
    void *object = take_slow(part);
    if (!object && (reap_cpu(cpu) || part->partial)) /* partial: some have left their quarantine */
        object = take_slow(part);
    if (closed)
        part->word = &slab_nothing;
    cpu_release(&cpu->objects_busy);
    return object;
}

static SLOW_PATH void *
alloc_watched(struct cache_part *part, size_t size, const void *caller)
{
    struct kmem_cache *cache = part->cache;
    void *object;
    if (!cache->guard || !guard_alloc(cache, size, caller, &object)) {
        object = take_place(part->cpu, part, true);
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
    return take_place(cpu, part, cpu->no_windows);
}

static inline void *
alloc_object(struct kmem_cache *cache, const void *caller)
{
    struct mm_cpu *cpu = mm_this_cpu();
    struct cache_part *part = cache->parts[cpu->id];
    if (LIKELY(cpu_claim(&cpu->objects_busy))) {
        void *object = slab_take(part);
        cpu_release(&cpu->objects_busy);
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

/* Sets the bit of an object of this CPU's own. Claimed; the bit is known to be clear. */
static void
put_local(struct slab *slab, uint32_t index)
{
    slab_word *word = &slab->free[index / SLAB_WORD_BITS];
    __atomic_store_n(word, *word | (slab_word)1 << index % SLAB_WORD_BITS, __ATOMIC_RELAXED);
    settle(slab);
}

static void
free_remote(struct slab *slab, uint32_t index, const void *object, const void *caller)
{
    struct cache_part *part = slab->home;
    unsigned w = index / SLAB_WORD_BITS;
    slab_word bit = (slab_word)1 << index % SLAB_WORD_BITS;
    unsigned long flags = spin_lock(&part->lock);
    slab_word free = __atomic_load_n(&slab->free[w], __ATOMIC_RELAXED);
    bool twice = (free | slab->remote[w]) & bit;
    if (!twice) {
        slab->remote[w] |= bit;
        if (!slab->pending) {
            slab->pending = true;
            slab->next_pending = part->pending;
            __atomic_store_n(&part->pending, slab, __ATOMIC_RELAXED);
        }
    }
    spin_unlock(&part->lock, flags);
    if (twice)
        report_double_free(slab, object, caller);
}

static inline void
put_object(struct slab *slab, void *object, const void *caller)
{
    struct mm_cpu *cpu = mm_this_cpu();
    uint32_t index = slab_object_index(slab, object);
    if (index >= slab->objects) {
        char who[80];
        symbol_name(caller, who, sizeof(who));
        kpanic("heap: free of %p by %s: inside an object of %s, not its start", object, who,
               slab->cache->name);
    }
    if (slab->home->cpu != cpu || !cpu_claim(&cpu->objects_busy)) {
        free_remote(slab, index, object, caller);
        return;
    }
    slab_word bit = (slab_word)1 << index % SLAB_WORD_BITS;
    bool twice = slab->free[index / SLAB_WORD_BITS] & bit;
    if (!twice)
        put_local(slab, index);
    cpu_release(&cpu->objects_busy);
    if (twice)
        report_double_free(slab, object, caller);
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

/* The slab of an object that this CPU frees with no more ado; NULL for all other addresses. */
static inline struct slab *
fast_slab_of(const void *object, const struct mm_cpu *cpu)
{
    uintptr_t offset = (uintptr_t)object - DIRECT_BASE;
    if (UNLIKELY(offset >= mm_direct_bytes))
        return NULL;
    const struct frame *frame = &DIRECT_FRAMES[offset >> PAGE_SHIFT];
    uint64_t word = sizeof(void *) == 8
                        ? __atomic_load_n((const frame_word *)frame, __ATOMIC_RELAXED)
                        : __atomic_load_n((const frame_tag *)frame, __ATOMIC_RELAXED);
    if (UNLIKELY((uint16_t)word != cpu->slab_tag))
        return NULL;
    struct slab *slab =
        sizeof(void *) == 8 ? (void *)(uintptr_t)(word >> SLAB_LINK_SHIFT) : slab_header(frame);
    if (!slab)
        __builtin_unreachable(); /* saves the caller a check */
    return slab;
}

/* The common case of a free: an object of this CPU's own that does not leave a word of its slab all
 * free. */
static inline bool
free_fast(struct slab *slab, const void *object, struct mm_cpu *cpu)
{
    uint32_t index = slab_object_index(slab, object);
    if (UNLIKELY(index >= slab->objects || !cpu_claim(&cpu->objects_busy)))
        return false;
    slab_word bits = slab->free[index / SLAB_WORD_BITS];
    bool plain = !set_bit(&bits, index) && bits != slab->full[index / SLAB_WORD_BITS];
    if (LIKELY(plain))
        store_word(&slab->free[index / SLAB_WORD_BITS], bits);
    cpu_release(&cpu->objects_busy);
    return plain;
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

void
kfree(void *memory)
{
    struct mm_cpu *cpu = mm_this_cpu();
    struct slab *slab = fast_slab_of(memory, cpu);
    if (UNLIKELY(!slab || !free_fast(slab, memory, cpu)))
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

void
kmem_cache_free(struct kmem_cache *cache, void *object)
{
    struct mm_cpu *cpu = mm_this_cpu();
    struct slab *slab = fast_slab_of(object, cpu);
    if (UNLIKELY(!slab || slab->cache != cache || !free_fast(slab, object, cpu)))
        cache_free_slow(cache, object, __builtin_return_address(0));
}

/* ---- Giving memory back ---- */

/* Claimed. */
static size_t
reap_part(struct cache_part *part)
{
    size_t frames = 0;
    if (__atomic_load_n(&part->pending, __ATOMIC_RELAXED))
        collect_pending(part);
    if (part->slab && slab_all_free(part->slab))
        retire_current(part);
    for (struct slab *slab = part->partial, *next; slab; slab = next) {
        next = slab->next;
        if (!slab->idle)
            continue;
        unlist_slab(part, slab);
        drop_slab(slab);
        frames += (size_t)1 << part->cache->order;
    }
    return frames;
}

/* Every cache's part on one CPU; the headers' last, since the others give them back. */
static size_t
reap_cpu(struct mm_cpu *cpu)
{
    size_t frames = 0;
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        if (!cache->header_inside && cache->parts[cpu->id])
            frames += reap_part(cache->parts[cpu->id]);
    return frames + reap_part(&cpu->header_part);
}

size_t
slab_reap_cpu(void)
{
    struct mm_cpu *cpu = mm_this_cpu();
    quarantine_flush();
    if (!cpu_claim(&cpu->objects_busy))
        return 0;
    size_t frames = reap_cpu(cpu);
    cpu_release(&cpu->objects_busy);
    return frames;
}

size_t
slab_reap_all(void)
{
    size_t frames = 0;
    quarantine_flush();
    for (unsigned i = 0; i < CPU_MAX; i++)
        if (mm_cpus[i] && cpu_claim(&mm_cpus[i]->objects_busy)) {
            frames += reap_cpu(mm_cpus[i]);
            cpu_release(&mm_cpus[i]->objects_busy);
        }
    return frames;
}

size_t
slab_reap_part(struct cache_part *part)
{
    quarantine_flush();
    if (!cpu_claim(&part->cpu->objects_busy))
        return 0;
    size_t frames = reap_part(part);
    cpu_release(&part->cpu->objects_busy);
    return frames;
}

size_t
kmem_cache_reap(struct kmem_cache *cache)
{
    return slab_reap_part(cache->parts[cpu_current()]);
}

void
slab_close_windows(struct mm_cpu *cpu)
{
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        if (cache->parts[cpu->id])
            cache->parts[cpu->id]->word = &slab_nothing;
}

/* No frame has this tag: none of the CPU's frees is a short one. */
#define NO_TAG 0xFFFF

void
slab_watch(bool on)
{
    for (unsigned i = 0; i < CPU_MAX; i++) {
        struct mm_cpu *cpu = mm_cpus[i];
        if (!cpu)
            continue;
        cpu->no_windows = on || cpu->fail_in;
        cpu->slab_tag = on ? NO_TAG : SLAB_TAG(i + 1);
        if (on)
            slab_close_windows(cpu);
    }
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        cache->watched = on || cache->debug;
}
