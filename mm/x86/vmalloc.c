/* vmalloc.c - consecutive addresses over frames from anywhere: the window 0xD0000000-0xDFBFFFFF.
 *
 *   | guard | page | page | ... | page | guard | page | ...
 *     entry = count << 1, not present
 *
 * Addresses are pages too: the window is a zone of its own (zone.h), and the buddy that manages
 * frames manages its page numbers. Each area begins with a page that stays unmapped. Its page-table
 * entry is not present, so the CPU ignores the rest of it, and there the area's length is kept: an
 * address leads to its area in one look, and an address inside an area leads to none.
 *
 * Locks: the zone's, for the page numbers; page-table entries belong to whoever has the numbers.
 */
#include <string.h>
#include "../debug/debug_private.h"
#include "buddy.h"
#include "kasan.h"
#include "kmalloc.h"
#include "pagetable.h"
#include "pmm.h"
#include "tlb.h"
#include "vmalloc.h"

#define WINDOW_START VMALLOC_START
#define WINDOW_END   guard_window() /* behind it guarded objects, and the kernel's tests */
#define FIRST_PAGE   (WINDOW_START >> PAGE_SHIFT)
#define LAST_PAGE    ((WINDOW_END >> PAGE_SHIFT) - 1) /* stays free: the last area's far guard */
#define BLOCKS       BUDDY_BLOCKS(FIRST_PAGE, LAST_PAGE)

static struct zone window;
static struct spinlock start_lock = SPINLOCK_INIT;

/* Makes the window's zone when it is first used; a small machine may never need it. */
static bool
window_ready(void)
{
    if (__atomic_load_n(&window.managed, __ATOMIC_ACQUIRE))
        return true;
    size_t blocks = BLOCKS * sizeof(struct block), maps = BLOCKS * sizeof(struct block_map);
    char *memory = kmalloc(blocks + maps);
    if (!memory)
        return false;
    unsigned long flags = spin_lock(&start_lock);
    bool first = !window.managed;
    if (first)
        buddy_init(&window, "vmalloc", pfn(FIRST_PAGE), pfn(LAST_PAGE), (void *)memory,
                   (void *)(memory + blocks));
    spin_unlock(&start_lock, flags);
    if (!first)
        kfree(memory);
    return true;
}

/* Addresses come to mean something else only when no CPU remembers what they meant. Who remembers
 * does no harm to the frames meanwhile: nobody uses what was freed. */
static void
give_back_addresses(pfn_t guard, size_t pages)
{
    uintptr_t start = (guard.n + 1) << PAGE_SHIFT;
    unsigned long flags;

    tlb_shoot_all(start, start + (pages << PAGE_SHIFT));
    flags = spin_lock(&window.lock);
    buddy_free_range(&window, guard, pages + 1);
    spin_unlock(&window.lock, flags);
}

/* Unmaps the first `count` pages from `at` on and frees their frames. */
static void
unmap_pages(uintptr_t at, size_t count)
{
    for (; count; count--, at += PAGE_SIZE) {
        paddr_t frame = pagetable_unmap(at);
        ASSERT(frame);
        pmm_free_page(frame);
    }
}

/* Backs `count` pages from `at` on with frames. False, with nothing left behind, when out of them.
 */
static bool
map_pages(uintptr_t at, size_t count)
{
    for (size_t done = 0; done < count; done++) {
        paddr_t frame = pmm_alloc_page();
        if (frame && pagetable_map(at + done * PAGE_SIZE, frame, PT_WRITE | PT_GLOBAL)) {
            frame_set_owner(paddr_to_pfn(frame), FRAME_VMALLOC);
            continue;
        }
        if (frame)
            pmm_free_page(frame);
        unmap_pages(at, done);
        return false;
    }
    return true;
}

void *
vmalloc(size_t size)
{
    size_t pages = (size >> PAGE_SHIFT) + !!(size & PAGE_MASK);
    if (pages == 0 || pages >= LAST_PAGE - FIRST_PAGE || !window_ready())
        return NULL;
    unsigned long flags = spin_lock(&window.lock);
    pfn_t guard = buddy_alloc_count(&window, pages + 1);
    spin_unlock(&window.lock, flags);
    if (!guard.n)
        return NULL;
    uintptr_t at = (guard.n + 1) << PAGE_SHIFT;
    if (!pagetable_set_note(at - PAGE_SIZE, (uint32_t)pages) ||
        !kasan_vmalloc((void *)at, size, pages << PAGE_SHIFT) || !map_pages(at, pages)) {
        bool cleared = pagetable_set_note(at - PAGE_SIZE, 0);
        ASSERT(cleared);
        give_back_addresses(guard, pages);
        return NULL;
    }
    return (void *)at;
}

size_t
vmalloc_size(const void *memory)
{
    uintptr_t at = (uintptr_t)memory;
    if (at <= WINDOW_START || at >= WINDOW_END || at & PAGE_MASK)
        return 0;
    return (size_t)pagetable_note(at - PAGE_SIZE) << PAGE_SHIFT;
}

void
vfree(void *memory)
{
    uintptr_t at = (uintptr_t)memory;
    size_t pages = vmalloc_size(memory) >> PAGE_SHIFT;
    if (!pages)
        kpanic("vmalloc: free of %p: no area begins there", memory);
    bool cleared = pagetable_set_note(at - PAGE_SIZE, 0);
    ASSERT(cleared);
    unmap_pages(at, pages);
    kasan_vfree(memory, pages << PAGE_SHIFT);
    give_back_addresses(pfn((at >> PAGE_SHIFT) - 1), pages);
}

void
vmalloc_print(struct printer *out)
{
    uintptr_t at = WINDOW_START;
    while (at < WINDOW_END) {
        size_t bytes = (size_t)pagetable_note(at) << PAGE_SHIFT;
        if (bytes)
            print(out, "%#010lx-%#010lx %10zu vmalloc\n", (unsigned long)(at + PAGE_SIZE),
                  (unsigned long)(at + PAGE_SIZE + bytes), bytes);
        at += PAGE_SIZE + bytes;
    }
}

bool
vmalloc_check(void)
{
    return !window.managed || zone_check(&window);
}
