/* kmalloc.c - the kernel heap: any size, each from the allocator that suits it.
 *
 *     1 .. 8192 bytes       a slab of the next class     (slab.c)
 *     .. 4 MiB              whole consecutive frames     (pmm.c)
 *     more                  vmalloc                      (vmalloc.c of the world)
 *
 * A pointer leads back to its allocator through the descriptor of its frame: FRAME_SLAB, FRAME_HEAP
 * or FRAME_EARLY; addresses outside the direct map are asked of vmalloc. There is no table of
 * allocations, so there is no limit to their number.
 *
 * With the debug heap (mm/debug/heap.c) small objects carry red zones and call sites; whole frames
 * carry a record of the same kind in their last bytes.
 */
#include <string.h>
#include "bits.h"
#include "debug/debug_private.h"
#include "percpu.h"
#include "early.h"
#include "kmalloc.h"
#include "kmalloc_private.h"
#include "pmm.h"
#include "trace.h"
#include "vmalloc.h"

/* Frames of a machine that has not much to keep at hand: 16 MiB. */
#define SMALL_MACHINE 4096

#define LARGEST_FRAMES (BLOCK_FRAMES * PAGE_SIZE)

static const uint16_t class_sizes[] = {
#define X(size) size,
    KMALLOC_SIZES
#undef X
};
static const char *const class_names[] = {
#define X(size) "kmalloc-" #size,
    KMALLOC_SIZES
#undef X
};
_Static_assert(ARRAY_LENGTH(class_sizes) == KMALLOC_CLASSES, "a part for each class");

_Static_assert((KMALLOC_CLASSES + 1) * CLASS_WORDS <= CPU_QUICK_WORDS &&
                   sizeof(struct magazine) == CLASS_WORDS * sizeof(long),
               "a magazine for each class");

static struct kmem_cache class_caches[KMALLOC_CLASSES];

/* The code of a size's class (slab_classes), by (size - 1) / 16. */
static uint8_t class_codes[KMALLOC_LARGEST / 16];

void
kmalloc_init(void)
{
    unsigned class = 0;
    for (unsigned i = 0; i < ARRAY_LENGTH(class_codes); i++) {
        class += (i + 1) * 16 > class_sizes[class];
        class_codes[i] = (uint8_t)((class + 1) * CLASS_WORDS);
    }
    for (class = 0; class < KMALLOC_CLASSES; class ++) {
        struct kmem_cache *cache = &class_caches[class];
        bool fits = slab_cache_init(cache, class_names[class], class_sizes[class], 16,
                                    SLAB_WIDE | (debug_on(DEBUG_HEAP) ? KMEM_DEBUG : 0), NULL);
        ASSERT(fits);
        cache->class = (class + 1) * CLASS_WORDS;
        slab_classes[cache->class + CLASS_MASK] = (PAGE_SIZE << cache->order) - 1;
        slab_choose_way(cache);
        slab_cache_add(cache);
    }
}

/* The code of the class of a size from 1 to KMALLOC_LARGEST. */
static inline unsigned long
class_of(size_t size)
{
    return load_byte(&class_codes[(size - 1) / 16]);
}

/* A magazine holds up to 32 KiB in at most 64 objects; a small machine's an eighth of that. */
static uint32_t
places_of(unsigned class)
{
    uint32_t share = slab_ram_frames < SMALL_MACHINE ? 8 : 1;
    uint32_t places = 32768 / share / class_sizes[class];
    places = places < 64 / share ? places : 64 / share;
    return places > 4 ? places : 4;
}

size_t
kmalloc_cpu_slots(void)
{
    size_t slots = 0;
    for (unsigned class = 0; class < KMALLOC_CLASSES; class ++)
        slots += places_of(class) + 1;
    return slots;
}

void
kmalloc_cpu_init(struct mm_cpu *cpu, struct free_object **slots)
{
    for (unsigned class = 0; class < KMALLOC_CLASSES; class ++) {
        unsigned long *quick = cpu_quick(cpu->id) + class_caches[class].class;
        slab_part_init(&cpu->heap[class], (struct magazine *)(void *)quick, &class_caches[class],
                       cpu, slots, places_of(class));
        slots += places_of(class) + 1;
    }
}

/* ---- Whole frames ---- */

/* Consecutive frames for `size` bytes, aligned to `align` of at most 4 MiB. */
static void *
alloc_frames(size_t size, size_t align, unsigned flags, const void *caller)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t bytes = size + (debug_on(DEBUG_HEAP) ? DEBUG_RECORD_BYTES : 0);
    size_t count = (bytes + PAGE_MASK) >> PAGE_SHIFT;
    size_t aligned = align >> PAGE_SHIFT > count ? align >> PAGE_SHIFT : count;
    unsigned where = flags & KM_DMA ? PMM_DMA : PMM_DIRECT;
    paddr_t first = pmm_alloc_pages_aligned(count, log2_up(aligned), where);
    if (!first)
        return NULL;
    frame_set_owner(paddr_to_pfn(first), FRAME_HEAP);
    void *memory = frame_to_ptr(paddr_to_pfn(first));
    if (debug_on(DEBUG_HEAP))
        debug_pages_alloc(memory, count << PAGE_SHIFT, size, caller);
    trace(TRACE_ALLOC, (uintptr_t)memory, size, TRACE_HEAP_FRAMES, caller);
    return memory;
}

static void *
alloc_area(size_t size, unsigned flags, const void *caller)
{
    void *memory = flags & KM_DMA ? NULL : vmalloc(size);
    if (memory)
        trace(TRACE_ALLOC, (uintptr_t)memory, size, TRACE_HEAP_VMALLOC, caller);
    return memory;
}

static void *
alloc_large(size_t size, unsigned flags, const void *caller)
{
    void *memory;
    if (size > LARGEST_FRAMES)
        memory = alloc_area(size, flags, caller);
    else
        memory = alloc_frames(size, 16, flags, caller);
    if (memory && flags & KM_ZERO)
        memset(memory, 0, size);
    return memory;
}

/* The frames behind a pointer that kmalloc made of whole ones; NULL for any other. */
static struct frame *
frames_of(const void *memory)
{
    pfn_t frame;
    if (!ptr_to_frame(memory, &frame) || (uintptr_t)memory & PAGE_MASK || !pmm_frame_known(frame))
        return NULL;
    return frame_of(frame)->owner == FRAME_HEAP ? frame_of(frame) : NULL;
}

/* ---- Allocation ----
 *
 * The slow ways take the caller first and the size late: in this order the compiler has registers
 * enough for the fast way at 32 bits, and saves none. */

static SLOW_PATH void *
alloc_slow(const void *caller, unsigned flags, size_t size)
{
    if (size == 0)
        return NULL;
    if (size > KMALLOC_LARGEST || flags & KM_DMA)
        return alloc_large(size, flags, caller);
    void *memory = slab_alloc_slow(class_part(class_of(size)), size, caller);
    if (memory && flags & KM_ZERO)
        memset(memory, 0, size);
    return memory;
}

/* The next way: an object of the window. The CPU's objects are claimed. */
static JUMPED_TO void *
alloc_window(size_t size, unsigned long class)
{
    void *memory = slab_take_next(class_part(class), *class_top(class));
    objects_release();
    return LIKELY(memory != NULL) ? memory : alloc_slow(__builtin_return_address(0), 0, size);
}

static inline bool
is_small(size_t size)
{
    return LIKELY(size - 1 < KMALLOC_LARGEST);
}

OWN_LINE void *
kmalloc(size_t size)
{
    if (!is_small(size))
        return alloc_slow(__builtin_return_address(0), 0, size);
    unsigned long class = class_of(size);
    if (UNLIKELY(!objects_claim()))
        return alloc_slow(__builtin_return_address(0), 0, size);
    void *memory = class_pop(class);
    if (UNLIKELY(!memory))
        return alloc_window(size, class);
    objects_release();
    return memory;
}

/* The top of the magazine for a size, or NULL. (The window is left to the slow way, which clears,
 * too.) */
static inline void *
pop_object(size_t size)
{
    if (!is_small(size) || !objects_claim())
        return NULL;
    void *memory = class_pop(class_of(size));
    objects_release();
    return memory;
}

void *
kmalloc_flags(size_t size, unsigned flags)
{
    void *memory = flags & KM_DMA ? NULL : pop_object(size);
    if (!memory)
        return alloc_slow(__builtin_return_address(0), flags, size);
    return flags & KM_ZERO ? memset(memory, 0, size) : memory;
}

void *
kzalloc(size_t size)
{
    void *memory = pop_object(size);
    if (!memory)
        return alloc_slow(__builtin_return_address(0), KM_ZERO, size);
    return memset(memory, 0, size);
}

/* The smallest class from `size` on whose objects are aligned; 0 when there is none. */
static size_t
aligned_class(size_t size, size_t align)
{
    if (size == 0 || size > KMALLOC_LARGEST || align > PAGE_SIZE)
        return 0;
    for (unsigned class = 0; class < KMALLOC_CLASSES; class ++)
        if (class_sizes[class] >= size && !(class_sizes[class] & (align - 1)))
            return class_sizes[class];
    return 0;
}

static void *
alloc_aligned(size_t size, size_t align, const void *caller)
{
    ASSERT(align && !(align & (align - 1)));
    size_t class = debug_on(DEBUG_HEAP) && align > 16 ? 0 : aligned_class(size, align);
    if (class)
        return alloc_slow(caller, 0, debug_on(DEBUG_HEAP) ? size : class);
    if (size == 0 || align > LARGEST_FRAMES)
        return NULL;
    if (size > LARGEST_FRAMES && align <= PAGE_SIZE)
        return alloc_large(size, 0, caller);
    return alloc_frames(size, align, 0, caller);
}

void *
kmalloc_aligned(size_t size, size_t align)
{
    return alloc_aligned(size, align, __builtin_return_address(0));
}

void *
kalloc(size_t size)
{
    if (size == 0)
        return NULL;
    size_t natural = size > LARGEST_FRAMES ? LARGEST_FRAMES : (size_t)1 << log2_up(size);
    return alloc_aligned(size, natural, __builtin_return_address(0));
}

/* ---- Free, size, resize ---- */

static _Noreturn void
report_foreign(const void *memory, const void *caller)
{
    char who[80];
    pfn_t frame;
    symbol_name(caller, who, sizeof(who));
    if (ptr_to_frame(memory, &frame) && pmm_frame_known(frame)) {
        enum frame_owner owner = frame_of(frame)->owner;
        if (owner == FRAME_NONE || owner == FRAME_CACHED)
            kpanic(
                "heap: free of %p by %s: double free, or inside an allocation (frame %#lx is '%s')",
                memory, who, frame.n, frame_owner_name(owner));
        kpanic("heap: free of %p by %s: foreign pointer (frame %#lx is '%s')", memory, who, frame.n,
               frame_owner_name(owner));
    }
    kpanic("heap: free of %p by %s: foreign pointer", memory, who);
}

static bool
is_early(const void *memory)
{
    pfn_t frame;
    return ptr_to_frame(memory, &frame) && pmm_frame_known(frame) &&
           frame_of(frame)->owner == FRAME_EARLY;
}

/* A page of the early heap loses an object; with its last one it becomes a frame like any other. */
static void
leave_early_page(void *page)
{
    pfn_t frame;
    bool direct = ptr_to_frame(page, &frame);
    ASSERT(direct && frame_of(frame)->owner == FRAME_EARLY);
    if (__atomic_sub_fetch(&frame_of(frame)->live, 1, __ATOMIC_ACQ_REL))
        return;
    pmm_adopt(frame);
    pmm_free_page(pfn_to_paddr(frame));
}

void
kmalloc_put_frames(void *memory)
{
    pfn_t head;
    bool direct = ptr_to_frame(memory, &head);
    ASSERT(direct);
    pmm_free_pages(pfn_to_paddr(head), frame_of(head)->count);
}

void
kfree_other(void *memory, const void *caller)
{
    if (!memory)
        return;
    struct frame *frames = frames_of(memory);
    if (frames) {
        size_t bytes = (size_t)frames->count << PAGE_SHIFT;
        trace(TRACE_FREE, (uintptr_t)memory, 0, TRACE_HEAP_FRAMES, caller);
        if (!debug_on(DEBUG_HEAP) || debug_pages_free(memory, bytes, caller))
            kmalloc_put_frames(memory);
    } else if (is_early(memory)) {
        early_free_object(memory, leave_early_page);
    } else if (vmalloc_size(memory)) {
        trace(TRACE_FREE, (uintptr_t)memory, 0, TRACE_HEAP_VMALLOC, caller);
        vfree(memory);
    } else {
        report_foreign(memory, caller);
    }
}

size_t
kmalloc_usable_size(const void *memory)
{
    const struct slab *slab = slab_of(memory);
    if (debug_on(DEBUG_GUARD) && guard_cache_of(memory))
        return debug_guarded_size(memory);
    if (slab)
        return slab->cache->debug ? debug_size(slab->cache, memory) : slab->cache->size;
    const struct frame *frames = frames_of(memory);
    if (!frames)
        return is_early(memory) ? early_object_size(memory) : vmalloc_size(memory);
    size_t bytes = (size_t)frames->count << PAGE_SHIFT;
    return debug_on(DEBUG_HEAP) ? debug_pages_size(memory, bytes) : bytes;
}

/* True when an object in use begins at an address of the slab. (Objects that are watched are
 * looked at when they are freed.) */
static bool
is_in_use(const struct slab *slab, const void *memory)
{
    unsigned long number;
    return slab->cache->debug ||
           (slab_number(slab, memory, &number) && !slab_is_free(slab, number));
}

void *
krealloc(void *memory, size_t size)
{
    const void *caller = __builtin_return_address(0);
    if (!memory)
        return alloc_slow(caller, 0, size);
    if (size == 0) {
        kfree(memory);
        return NULL;
    }
    size_t old = kmalloc_usable_size(memory);
    if (!old)
        report_foreign(memory, caller);
    struct slab *slab = slab_of(memory);
    if (UNLIKELY(slab && !is_in_use(slab, memory)))
        slab_free_slow(slab, memory, caller); /* panics, with the reason */
    if (size <= old && size > old / 2 && !debug_on(DEBUG_HEAP))
        return memory;
    void *moved = alloc_slow(caller, 0, size);
    if (!moved)
        return NULL;
    memcpy(moved, memory, size < old ? size : old);
    kfree(memory);
    return moved;
}

/* ---- Looking ---- */

void
kmalloc_print_stats(struct printer *out)
{
    size_t held = 0, used = 0;
    print(out, "%-16s %8s %8s %8s %8s %10s %8s %8s\n", "cache", "object", "used", "free", "slabs",
          "KiB", "grown", "returned");
    for (struct kmem_cache *cache = slab_caches; cache; cache = cache->next) {
        struct kmem_cache_stats stats;
        kmem_cache_get_stats(cache, &stats);
        size_t bytes = stats.slabs * stats.slab_frames << PAGE_SHIFT;
        if (!stats.grown)
            continue;
        held += bytes;
        used += stats.objects_used * stats.object_size;
        print(out, "%-16s %8zu %8zu %8zu %8zu %10zu %8zu %8zu\n", stats.name, stats.object_size,
              stats.objects_used, stats.slabs * stats.slab_objects - stats.objects_used,
              stats.slabs, bytes >> 10, stats.grown, stats.returned);
    }
    print(out, "slabs hold %zu KiB, %zu KiB of them in use\n", held >> 10, used >> 10);
    if (debug_on(DEBUG_HEAP))
        debug_print_live(out, 0);
}

unsigned long
kmalloc_leak_mark(void)
{
    return debug_mark();
}

size_t
kmalloc_print_leaks(struct printer *out, unsigned long since)
{
    return debug_print_live(out, since);
}
