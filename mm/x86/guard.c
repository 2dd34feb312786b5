/* guard.c - objects with nothing behind them: an overrun, or a use after free, faults at once.
 *
 *   slot:  | not mapped | page | page | not mapped |    16 KiB of addresses, the pages when live
 *                          | red |object|           ^ the object's end, up to its alignment
 *
 * An object of a guarded cache (debug=guard, guard=CACHE,...) does not come from a slab but gets a
 * slot: it ends where its page ends, so that the first byte behind it is in a page that is not
 * there. What rounds its size up to its alignment is a red zone, checked when it is freed. A freed
 * object is not there either. The report of the fault asks mm_debug_explain, which finds the slot
 * by the address and its record beside it: which object, who allocated it, who freed it.
 *
 * Freed slots are used again oldest first. When none is free, or guarded objects have a quarter of
 * the memory, objects come from slabs again; that is said once.
 *
 * The slots are the last part of the vmalloc window, and have frames of owner vmalloc.
 *
 * Cost: a frame or two an object, 48 bytes for each slot, one slot for two frames of RAM, up to
 * 8192; the page tables of their addresses (4 KiB for 256 slots).
 *
 * Lock: guard.lock, for the queue of free slots and the counts.
 */
#include <string.h>
#include "../debug/debug_private.h"
#include "../slab_private.h"
#include "kasan.h"
#include "pagetable.h"
#include "tlb.h"
#include "vmalloc.h"

#define SLOT_PAGES  4u
#define SLOT_BYTES  (SLOT_PAGES * PAGE_SIZE)
#define OBJECT_END  (3 * PAGE_SIZE) /* in a slot */
#define OBJECT_MAX  (2 * PAGE_SIZE)
#define SLOTS_MAX   8192u
#define LEFT_RED    16u
#define WINDOW_END  (VMALLOC_START + VMALLOC_BYTES)

struct slot {
    struct record record;
    struct kmem_cache *cache; /* NULL: never used */
    uint32_t next;            /* in the queue, 0 = none */
};

static struct {
    struct spinlock lock;
    struct slot *slots; /* [0] is nobody's */
    uint32_t count;
    uint32_t fresh; /* the first that was never used */
    uint32_t oldest, newest; /* of those that were freed */
    uint32_t pages, pages_max;
    bool told;
} guard;

void
guard_start(struct bootmem *boot, uint64_t ram_bytes)
{
    uint32_t frames = ram_bytes >> PAGE_SHIFT > SLOTS_MAX * 2 ? SLOTS_MAX * 2
                                                              : (uint32_t)(ram_bytes >> PAGE_SHIFT);
    memset(&guard, 0, sizeof(guard));
    if (!debug_on(DEBUG_GUARD))
        return;
    size_t bytes = frames / 2 * sizeof(struct slot);
    paddr_t taken = bootmem_take(boot, bytes, PAGE_SIZE, direct_end(), MEMMAP_METADATA);
    if (!taken) {
        klog("debug: no memory for guarded objects\n");
        return;
    }
    guard.slots = frame_to_ptr(paddr_to_pfn(taken));
    guard.count = frames / 2;
    guard.pages_max = frames / 4;
    guard.fresh = 1;
    memset(guard.slots, 0, bytes);
}

/* The page tables of all slots, so that a slot in use costs its pages and nothing else. */
void
guard_ready(void)
{
    bool made = true;
    for (uint32_t i = 0; i < guard.count; i += PAGE_SIZE / sizeof(uint64_t) / SLOT_PAGES) {
        uintptr_t page = guard_window() + i * SLOT_BYTES;
        made = made && pagetable_set_note(page, 1) && pagetable_set_note(page, 0);
    }
    if (!made)
        klog("debug: no memory for the page tables of guarded objects\n");
}

uintptr_t
guard_window(void)
{
    return WINDOW_END - guard.count * SLOT_BYTES;
}

/* The slot that an address belongs to; NULL when it is none. */
static struct slot *
slot_of(uintptr_t address)
{
    uint32_t index = (uint32_t)(address - guard_window()) / SLOT_BYTES;
    return address >= guard_window() && index < guard.count ? &guard.slots[index] : NULL;
}

static uintptr_t
end_of(const struct slot *slot)
{
    return guard_window() + (uint32_t)(slot - guard.slots) * SLOT_BYTES + OBJECT_END;
}

static struct subject
subject_of(struct slot *slot)
{
    const struct kmem_cache *cache = slot->cache;
    uintptr_t end = end_of(slot);
    uintptr_t object = (end - slot->record.size) & ~(uintptr_t)(cache->align - 1);
    uintptr_t page = object & ~(uintptr_t)PAGE_MASK;
    return (struct subject){.what = cache->name,
                            .cache = cache,
                            .place = (void *)(object - page < LEFT_RED ? page : object - LEFT_RED),
                            .object = (void *)object,
                            .end = (void *)end,
                            .record = &slot->record};
}

static uint32_t
pages_of(const struct slot *slot)
{
    return slot->record.size > PAGE_SIZE ? 2 : 1;
}

/* ---- Slots ---- */

/* NULL when there is none. */
static struct slot *
take_slot(uint32_t pages)
{
    struct slot *slot = NULL;
    unsigned long flags = spin_lock(&guard.lock);
    if (guard.pages + pages > guard.pages_max) {
        slot = NULL;
    } else if (guard.fresh < guard.count) {
        slot = &guard.slots[guard.fresh++];
    } else if (guard.oldest) {
        slot = &guard.slots[guard.oldest];
        guard.oldest = slot->next;
    }
    guard.pages += slot ? pages : 0;
    bool tell = !slot && !guard.told;
    guard.told |= tell;
    spin_unlock(&guard.lock, flags);
    if (tell)
        klog("debug: guarded objects have their share of memory: others come from slabs\n");
    return slot;
}

static void
put_slot(struct slot *slot, uint32_t pages)
{
    uint32_t index = (uint32_t)(slot - guard.slots);
    unsigned long flags = spin_lock(&guard.lock);
    slot->next = 0;
    if (guard.oldest)
        guard.slots[guard.newest].next = index;
    else
        guard.oldest = index;
    guard.newest = index;
    guard.pages -= pages;
    spin_unlock(&guard.lock, flags);
}

/* The frames are somebody else's only when no CPU finds them there any more. */
static void
unmap(uintptr_t end, uint32_t pages)
{
    paddr_t frames[OBJECT_MAX / PAGE_SIZE];
    uintptr_t start = end - pages * PAGE_SIZE;
    for (uint32_t i = 0; i < pages; i++) {
        frames[i] = pagetable_unmap(start + i * PAGE_SIZE);
        ASSERT(frames[i]);
    }
    tlb_shoot_all(start, end);
    for (uint32_t i = 0; i < pages; i++)
        pmm_free_page(frames[i]);
}

/* The last `pages` pages before `end`. False with none of them there. */
static bool
map(uintptr_t end, uint32_t pages)
{
    if (!kasan_vmalloc((void *)(end - pages * PAGE_SIZE), 0, pages * PAGE_SIZE))
        return false;
    for (uint32_t done = 0; done < pages; done++) {
        paddr_t frame = pmm_alloc_page();
        if (frame && pagetable_map(end - (done + 1) * PAGE_SIZE, frame, PT_WRITE | PT_GLOBAL)) {
            frame_set_owner(paddr_to_pfn(frame), FRAME_VMALLOC);
            continue;
        }
        if (frame)
            pmm_free_page(frame);
        unmap(end, done);
        return false;
    }
    return true;
}

/* ---- Objects ---- */

static void
count_live(struct kmem_cache *cache, size_t by)
{
    unsigned long flags = spin_lock(&cache->lock);
    cache->guarded += by;
    spin_unlock(&cache->lock, flags);
}

/* Makes an object in a slot whose pages are there. */
static void *
make_object(struct slot *slot, struct kmem_cache *cache, size_t size, const void *caller)
{
    slot->cache = cache;
    slot->record.size = (uint32_t)size;
    struct subject subject = subject_of(slot);
    memset(subject.place, POISON_RED, (size_t)(subject.end - subject.place));
    debug_fill_new(&subject, size, caller);
    if (cache->constructor)
        cache->constructor(subject.object);
    count_live(cache, 1);
    return subject.object;
}

bool
guard_alloc(struct kmem_cache *cache, size_t size, const void *caller, void **object)
{
    uint32_t pages = size > PAGE_SIZE ? 2 : 1;
    struct slot *slot = take_slot(pages);
    *object = NULL;
    if (!slot)
        return false;
    if (map(end_of(slot), pages))
        *object = make_object(slot, cache, size, caller);
    else
        put_slot(slot, pages);
    return true;
}

void
guard_free(void *object, const void *caller)
{
    struct slot *slot = slot_of((uintptr_t)object);
    struct subject subject = subject_of(slot);
    uint32_t pages = pages_of(slot);
    if (object != subject.object)
        debug_inside(&subject, object, caller);
    debug_end_life(&subject, caller);
    unmap(end_of(slot), pages);
    count_live(slot->cache, (size_t)-1);
    put_slot(slot, pages);
}

bool
mm_debug_guards(uintptr_t address)
{
    return slot_of(address) != NULL;
}

struct kmem_cache *
guard_cache_of(const void *object)
{
    const struct slot *slot = slot_of((uintptr_t)object);
    return slot ? slot->cache : NULL;
}

bool
guard_subject_at(uintptr_t address, struct subject *found)
{
    struct slot *slot = slot_of(address);
    if (!slot || !slot->cache)
        return false;
    *found = subject_of(slot);
    return true;
}

void
guard_each(void (*visit)(const struct subject *subject, void *arg), void *arg)
{
    for (uint32_t i = 1; i < guard.fresh; i++)
        if (guard.slots[i].cache) {
            struct subject subject = subject_of(&guard.slots[i]);
            visit(&subject, arg);
        }
}

static void
check_one(const struct subject *subject, void *good)
{
    const unsigned char *at =
        subject->record->state == STATE_LIVE ? debug_broken_red(subject) : NULL;
    if (!at)
        return;
    debug_tell(subject, "write beside an object", at);
    *(bool *)good = false;
}

bool
guard_check(void)
{
    bool good = true;
    guard_each(check_one, &good);
    return good;
}

void
guard_print_use(struct printer *out)
{
    if (guard.count)
        print(out, "guard: %u of %u pages, %u of %u slots used so far\n", (unsigned)guard.pages,
              (unsigned)guard.pages_max, (unsigned)(guard.fresh - 1), (unsigned)(guard.count - 1));
}
