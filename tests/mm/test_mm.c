/* test_mm.c - the memory manager as a whole: conservation, failures, tables. */
#include <string.h>

#include "kmalloc.h"
#include "mm.h"
#include "mm_debug.h"
#include "slab.h"
#include "space.h"
#include "listener.h"
#include "testing.h"
#include "vmalloc.h"
#include "../../mm/mm_private.h"
#include "../../mm/slab_private.h"

/* After each test, of whatever subject, every frame has exactly one owner, and whoever holds a page
 * or a promise is known. */
bool
ktest_after(void)
{
    return mm_check() && space_check_all() && space_check_sums();
}

/* ---- conservation ---- */

KTEST(mm, owners_add_up)
{
    unsigned long counts[FRAME_OWNERS], again[FRAME_OWNERS], sum = 0;
    mm_drain();
    mm_count_owners(counts);
    for (unsigned owner = 0; owner < FRAME_OWNERS; owner++)
        sum += owner == FRAME_FIRMWARE ? 0 : counts[owner];
    CHECK_EQ(sum, mm_ram_frames + mm_beyond_frames);
    CHECK_EQ(counts[FRAME_NONE], pmm_free_frames());
    CHECK_EQ(counts[FRAME_CACHED], 0);

    paddr_t run = pmm_alloc_pages(7);
    CHECK(run);
    mm_count_owners(again);
    CHECK_EQ(again[FRAME_ALLOCATED], counts[FRAME_ALLOCATED] + 7);
    CHECK_EQ(again[FRAME_NONE] + again[FRAME_CACHED], counts[FRAME_NONE] - 7);
    frame_set_owner(paddr_to_pfn(run), FRAME_STACK);
    mm_count_owners(again);
    CHECK_EQ(again[FRAME_STACK], counts[FRAME_STACK] + 7);
    pmm_free_pages(run, 7);
    mm_drain();
    mm_count_owners(again);
    CHECK(!memcmp(counts, again, sizeof(counts)));
}

KTEST(mm, check_sees_damage)
{
    mm_drain();
    paddr_t run = pmm_alloc_pages(6); /* of a chunk of 8: the other two are free */
    CHECK(run);
    struct frame *head = frame_of(paddr_to_pfn(run)), *tail = head + 2, *behind = head + 6;
    struct frame saved = *head;

    head->count = 5; /* a frame is lost */
    CHECK(!mm_check());
    head->count = 7; /* a free frame is claimed */
    CHECK(!mm_check());
    head->count = 0;
    CHECK(!mm_check());
    *head = saved;
    head->owner = FRAME_NONE;
    CHECK(!mm_check());
    head->owner = FRAME_OWNERS;
    CHECK(!mm_check());
    head->owner = FRAME_FIRMWARE;
    CHECK(!mm_check());
    head->owner = FRAME_CACHED; /* but on no stack */
    CHECK(!mm_check());
    head->owner = FRAME_SLAB; /* but of no slab */
    CHECK(!mm_check());
    *head = saved;

    tail->owner = FRAME_KERNEL;
    CHECK(!mm_check());
    tail->owner = FRAME_NONE;
    saved = *behind;
    *behind = (struct frame){.owner = FRAME_HEAP, .count = 1}; /* it is free */
    CHECK(!mm_check());
    *behind = saved;
    CHECK(mm_check());
    mm_zones[ZONE_DMA].free++;
    CHECK(!mm_check());
    mm_zones[ZONE_DMA].free--;
    mm_ram_frames++;
    CHECK(!mm_check());
    mm_ram_frames--;
    CHECK(mm_check());
    pmm_free_pages(run, 6);
}

/* ---- failures ---- */

static void
construct(void *object)
{
    memset(object, 1, 100);
}

/* Everything at once; what came of it goes back. True when all of it worked. */
static bool
composite(void)
{
    void *object[3] = {NULL}, *large = NULL, *area = NULL, *small = NULL, *moved = NULL;
    paddr_t run = 0;
    struct kmem_cache *cache = kmem_cache_create("composite", 100, 0, 0, construct);
    bool good = cache != NULL;
    for (unsigned i = 0; good && i < ARRAY_LENGTH(object); i++)
        good = (object[i] = kmem_cache_alloc(cache)) != NULL;
    good = good && (large = kmalloc(3 * PAGE_SIZE)) != NULL;
    good = good && (area = vmalloc(3 * PAGE_SIZE)) != NULL;
    good = good && (small = kzalloc(700)) != NULL;
    good = good && (run = pmm_alloc_pages_aligned(2, 3, PMM_ZERO)) != 0;
    if (good && (moved = krealloc(small, 2000)))
        small = moved;
    good = good && moved;

    kfree(small);
    if (run)
        pmm_free_pages(run, 2);
    if (area)
        vfree(area);
    kfree(large);
    for (unsigned i = 0; cache && i < ARRAY_LENGTH(object); i++)
        kmem_cache_free(cache, object[i]);
    return (!cache || kmem_cache_destroy(cache)) && good;
}

/* The n-th allocation fails, for every n there is: NULL comes back, and nothing stays behind. */
KTEST(mm, every_failure)
{
    if (!can_spare(32))
        SKIP("not enough memory");
    CHECK(composite()); /* tables that stay are made now */
    mm_drain();
    unsigned long before = pmm_free_frames(), caches = 0, failures = 0;
    bool good = false;
    for (const struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        caches++;
    for (unsigned long n = 1; n < 200; n++) {
        mm_drain();
        mm_fail_nth(n);
        good = composite();
        unsigned long counted = mm_fail_nth(0);
        CHECK(mm_check());
        mm_drain();
        CHECK_EQ(pmm_free_frames(), before);
        failures += !good;
        if (counted < n)
            break;
    }
    CHECK(good);
    CHECK(failures >= 10);
    for (const struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        caches--;
    CHECK_EQ(caches, 0);
}

/* ---- tables ---- */

/* The number behind `name` in the text. */
static unsigned long
number_after(const char *name)
{
    unsigned long number = 0;
    size_t length = strlen(name), i = 0;
    while (i + length < used && memcmp(text + i, name, length))
        i++;
    for (i += length; i < used && text[i] == ' '; i++)
        ;
    for (; i < used && text[i] >= '0' && text[i] <= '9'; i++)
        number = 10 * number + (unsigned long)(text[i] - '0');
    return number;
}

KTEST(mm, meminfo)
{
    mm_print_meminfo(fresh());
    CHECK_EQ(number_after("MemTotal:"), pmm_managed_frames() * 4);
    CHECK_EQ(number_after("MemFree:"), pmm_free_frames() * 4);
    CHECK_EQ(number_after("LowTotal:") + number_after("HighTotal:"), number_after("MemTotal:"));
    CHECK_EQ(number_after("LowFree:") + number_after("HighFree:"), number_after("MemFree:"));
    CHECK(says("VmallocUsed:") && says("KernelStack:") && says("PageTables:"));
    void *area = vmalloc(5 * PAGE_SIZE);
    CHECK(area);
    unsigned long before = number_after("VmallocUsed:");
    mm_print_meminfo(fresh());
    if (debug_on(DEBUG_GUARD)) /* what vmalloc allocates is guarded, too */
        CHECK(number_after("VmallocUsed:") >= before + 20);
    else
        CHECK_EQ(number_after("VmallocUsed:"), before + 20);
    vfree(area);
}

KTEST(mm, owners_table)
{
    mm_print_owners(fresh());
    CHECK(says("= all RAM of the firmware's map"));
    CHECK(says("metadata"));
    CHECK_EQ(number_after("sum"), mm_ram_frames + mm_beyond_frames);
}

/* The next number of the text from `*at` on. */
static unsigned long
next_number(size_t *at)
{
    unsigned long number = 0;
    while (*at < used && (text[*at] < '0' || text[*at] > '9'))
        ++*at;
    for (; *at < used && text[*at] >= '0' && text[*at] <= '9'; ++*at)
        number = 10 * number + (unsigned long)(text[*at] - '0');
    return number;
}

/* "Node 0, zone   Normal      3      1 ...": free chunks of each order. */
KTEST(mm, buddyinfo)
{
    unsigned long frames = 0;
    mm_drain();
    mm_print_buddyinfo(fresh());
    CHECK(
        says(mm_zones[ZONE_NORMAL].managed ? "Node 0, zone   Normal " : "Node 0, zone      DMA "));
    for (size_t at = 0; at + 1 < used; at++) {
        CHECK_EQ(next_number(&at), 0); /* of the node */
        for (unsigned order = 0; order < ORDERS; order++)
            frames += next_number(&at) << order;
    }
    CHECK_EQ(frames, pmm_free_frames());
}

KTEST(mm, other_tables)
{
    mm_print_zones(fresh());
    CHECK(says(mm_zones[ZONE_NORMAL].managed ? "Normal" : "DMA"));
    mm_print_slabinfo(fresh());
    CHECK(says("slabinfo - version: 2.1\n"));
    CHECK(says("slab-headers"));
    kmalloc_print_stats(fresh());
    CHECK(says("slab-headers"));
    vmalloc_print(fresh());
}

/* The list may be longer than any text: its lines are added up as they come. */
static unsigned long chunk_frames;

static void
add_chunks(struct printer *self, const char *format, va_list args)
{
    size_t at = 0;
    fresh();
    take_text(self, format, args);
    if (says("memory")) /* the heading */
        return;
    while (at < used && text[at] != ' ') /* the zone's name */
        at++;
    unsigned long order = next_number(&at), chunks = next_number(&at);
    CHECK(order <= MAX_ORDER);
    chunk_frames += chunks << order;
}

KTEST(mm, free_chunks)
{
    struct printer adder = {add_chunks};
    chunk_frames = 0;
    mm_drain();
    mm_print_freelist(&adder, 0, MAX_ORDER);
    CHECK_EQ(chunk_frames, pmm_free_frames());
}

KTEST(mm, one_slab)
{
    void *objects[3];
    const char *name = mm_cache_name(0);
    if (debug_on(DEBUG_GUARD))
        SKIP("objects have pages of their own");
    for (size_t i = 0; i < 3; i++)
        objects[i] = kmalloc(500);
    CHECK(objects[0] && objects[1] && objects[2] && name);
    kfree(objects[1]);
    CHECK(mm_print_slab(fresh(), "kmalloc-512"));
    CHECK(debug_on(DEBUG_HEAP) || says("cache kmalloc-512: "));
    CHECK(debug_on(DEBUG_HEAP) || says("\n  #"));
    mm_print_object(fresh(), (char *)objects[2] + 7);
    CHECK(says(" in use; the address is at "));
    mm_print_object(fresh(), objects[1]);
    CHECK(says(", free; the address is at "));
    kfree(objects[0]);
    kfree(objects[2]);
    mm_print_object(fresh(), &objects);
    CHECK_EQ(used, 0);
    CHECK(!mm_print_slab(fresh(), "no such cache"));
    CHECK_EQ(used, 0);
    for (size_t i = 0; mm_cache_name(i); i++)
        CHECK(mm_print_slab(fresh(), mm_cache_name(i)));
}

KTEST(mm, one_frame)
{
    pfn_t frame;
    void *small = kmalloc(40);
    mm_drain();
    paddr_t run = pmm_alloc_pages_flags(5, PMM_DIRECT);
    bool in_slab = ptr_to_frame(small, &frame);
    CHECK(run && small && (in_slab || debug_on(DEBUG_GUARD)));
    frame_set_owner(paddr_to_pfn(run), FRAME_STACK);
    mm_print_frame(fresh(), paddr_to_pfn(run));
    CHECK(says("owner: kernel stack") && says("first of 5 frames") && says("in the direct map"));
    mm_print_frame(fresh(), paddr_to_pfn(run + 4 * PAGE_SIZE));
    CHECK(says("inside an allocation of 5 frames from frame") && says("kernel stack"));
    mm_print_frame(fresh(), paddr_to_pfn(run + 5 * PAGE_SIZE));
    CHECK(says("free, in a chunk of order 0"));
    if (in_slab) {
        mm_print_frame(fresh(), frame);
        CHECK(says("owner: slab") && says("slab of kmalloc-"));
    }
    kfree(small);
    pmm_free_pages(run, 5);
    mm_print_frame(fresh(), paddr_to_pfn(run));
    CHECK(says("free, in a chunk of order"));
    mm_print_frame(fresh(), pfn(FRAME_BASE + ((unsigned long)mm_block_count << MAX_ORDER)));
    CHECK(says("beyond the memory that is managed"));
    if (can_spare(2 * BLOCK_FRAMES) && (run = pmm_alloc_pages(2 * BLOCK_FRAMES))) {
        mm_print_frame(fresh(), paddr_to_pfn(run + 1500 * PAGE_SIZE));
        CHECK(says("inside an allocation of 2048 frames from frame"));
        pmm_free_pages(run, 2 * BLOCK_FRAMES);
    }
    for (uint32_t block = 0; block < mm_block_count; block++) {
        pfn_t first = pfn(FRAME_BASE + ((unsigned long)block << MAX_ORDER));
        mm_print_frame(fresh(), first);
        CHECK(says("  zone "));
    }
}
