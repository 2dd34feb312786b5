/* reclaim.c - getting memory back when it is short: second chance over the page cache.
 *
 * The pages of all objects that can be filled again stand on a clock. Its hand goes from page to
 * page of the first object of the list, which is then put behind the others:
 *
 *     list   [A] ──► [B] ──► [C]            A's hand: the index where it goes on
 *             ^ hand: page 5, 6, 9 ...      past A's last page: A goes behind C
 *
 * A page that was used since the hand last came by stays and loses the mark: the one of its frame
 * (PAGE_USED, set by object_page) and those that the CPU made in page tables. Page tables in which
 * it has no mark lose it. A page that nobody but its object holds then is taken. So two turns of
 * the hand take every page that nobody has locked, is at work on, or uses in between.
 *
 * After the pages come the shrinkers' pools, then slabs without objects, this CPU's and then the
 * others' (drain.c), among them those of the nodes that the pages' trees do not need any more.
 *
 * Memory for programs does not take the last pages of files, as many as the reserve has frames:
 * those are what programs run from; only pages of other files take their place. Without them two
 * programs would take each other's text away for ever, neither would get on, and memory would never
 * be found to be out.
 *
 * Cost: about 150 instructions for each page that the hand passes, 500 for one that it takes, and
 * 60 for each area that maps the page.
 *
 * Lock: runs within allocations, on one CPU at a time and never in itself (`reclaimer`); who finds
 * another CPU at it waits for its end and tries again. It has an object locked while it is at one
 * of its pages, and takes the locks of others and of the spaces that map the page only where it
 * need not wait: its caller may hold any of them.
 */
#include "reclaim.h"
#include "commit.h"
#include "object_private.h"
#include "pmm_private.h"
#include "slab_private.h"
#include "space.h"
#include "trace.h"

/* The reserve is 1/64 of the memory: 32 KiB at least, 4 MiB at most. */
#define RESERVE_SHIFT 6
#define RESERVE_MIN   8ul
#define RESERVE_MAX   1024ul

static unsigned long reserve, low, high;
static struct shrinker *shrinkers;
static uint32_t reclaimer; /* the CPU that is at it, from 1 on; 0: none */

unsigned long
reclaim_reserve(void)
{
    return reserve;
}

unsigned long
reclaim_low_mark(void)
{
    return low;
}

unsigned long
reclaim_high_mark(void)
{
    return high;
}

void
reclaim_init(void)
{
    unsigned long share = pmm_managed_frames() >> RESERVE_SHIFT;

    reserve = share < RESERVE_MIN ? RESERVE_MIN : share > RESERVE_MAX ? RESERVE_MAX : share;
    low = reserve + reserve / 2;
    high = 2 * reserve;
    shrinkers = NULL;
    commit_init(pmm_free_frames());
    pmm_reclaim = reclaim_frames;
}

void
shrinker_register(struct shrinker *shrinker)
{
    shrinker->next = shrinkers;
    shrinkers = shrinker;
}

void
shrinker_unregister(struct shrinker *shrinker)
{
    struct shrinker **link = &shrinkers;

    while (*link != shrinker)
        link = &(*link)->next;
    *link = shrinker->next;
}

void
reclaim_pools(void)
{
    for (struct shrinker *shrinker = shrinkers; shrinker; shrinker = shrinker->next)
        shrinker->shrink(~0ul);
}

/* The hand passes a page. True when it was taken. */
static bool
pass_page(struct object *object, uint32_t index, pfn_t page)
{
    struct frame *frame = frame_of(page);
    bool used = frame->flags & PAGE_USED;

    vm_count(pgscan);
    frame->flags = 0;
    if (__atomic_load_n(&frame->count, __ATOMIC_ACQUIRE) > 1)
        used |= object_unmap_old(object, index, page);
    if (used || __atomic_load_n(&frame->count, __ATOMIC_ACQUIRE) > 1)
        return false;
    object_drop(object, index);
    vm_count(pgsteal);
    return true;
}

/* Moves the hand to its next page; to 0 at the end. False when it was past the object's last page.
 */
static bool
next_page(struct object *object, uint32_t *index, pfn_t *page)
{
    *index = object->hand;
    *page = radix_next(&object->tree, index);
    object->hand = page->n ? *index + 1 : 0;
    return page->n != 0;
}

/* Takes pages away, in at most two turns of the hand. */
static unsigned long
take_pages(unsigned long frames)
{
    unsigned long taken = 0, left = 2 * object_clean_pages();
    struct object *object;

    while (taken < frames && left && (object = object_lock_clean())) {
        uint32_t index;
        pfn_t page;
        bool found = next_page(object, &index, &page);
        if (object->hand == 0)
            object_rotate_clean(object);
        if (found) {
            taken += pass_page(object, index, page);
            left--;
        }
        spin_unlock_only(&object->lock);
    }
    return taken;
}

/* True when this CPU is to begin. If another one is at it, its end is waited for: what it finds is
 * for all. An interrupt does not wait, nor does reclaim for itself. */
static bool
begin(uint32_t *other)
{
    *other = 0;
    if (__atomic_compare_exchange_n(&reclaimer, other, cpu_current() + 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
        return true;
    while (*other != cpu_current() + 1 && cpu_interruptible() &&
           __atomic_load_n(&reclaimer, __ATOMIC_ACQUIRE) == *other)
        spin_relax();
    return false;
}

/* `pages`: how many may be those of files. At least 1 when another CPU's reclaim is over. */
static unsigned long
reclaim(unsigned long frames, unsigned long pages)
{
    uint32_t other;

    if (!begin(&other))
        return other != cpu_current() + 1;
    unsigned long got = take_pages(pages);
    for (struct shrinker *shrinker = shrinkers; shrinker && got < frames; shrinker = shrinker->next)
        got += shrinker->shrink(frames - got);
    if (got < frames) {
        unsigned long slabs = slab_reap_cpu();
        if (got + slabs < frames)
            slabs += slab_reap_others();
        vm_count_by(slabs_scanned, slabs);
        got += slabs;
    }
    __atomic_store_n(&reclaimer, 0, __ATOMIC_RELEASE);
    trace(TRACE_RECLAIM, 0, frames, got < UINT16_MAX ? (unsigned)got : UINT16_MAX,
          __builtin_return_address(0));
    return got;
}

unsigned long
reclaim_frames(unsigned long frames)
{
    return reclaim(frames, frames);
}

unsigned long
reclaim_spare_pages(void)
{
    unsigned long pages = object_clean_pages();

    return pages > reserve ? pages - reserve : 0;
}

unsigned long
reclaim_for_program(unsigned long frames)
{
    unsigned long spare = reclaim_spare_pages();

    return reclaim(frames, frames < spare ? frames : spare);
}
