/* bench.c - what the allocators and the page cache cost in this kernel, in ticks of the CPU's
 * time-stamp counter.
 *
 * On a PC a tick is some part of a nanosecond and the figures show caches and branch prediction.
 * Under QEMU's `-icount shift=0` a tick is an instruction and the figures are exact and the same
 * every time: `make bench` runs it so. Each line is the mean over many rounds, the empty loop taken
 * off. The boot option `bench` finds it in the image of the tests, where it costs the kernel
 * nothing.
 */
#include "commit.h"
#include "cpu.h"
#include "io.h"
#include "kmalloc.h"
#include "object.h"
#include "platform.h"
#include "pmm.h"
#include "reclaim.h"
#include "slab.h"
#include "vmalloc.h"

#define ROUNDS_LOG 10

static struct kmem_cache *bench_cache;
static struct object bench_object; /* a page of the cache for each round */

/* One round of an operation; `size` is its parameter. */
typedef void (*bench_round)(size_t size);

static void
nothing(size_t size)
{
    __asm__ volatile("" : : "r"(size) : "memory");
}

static void
heap_pair(size_t size)
{
    kfree(kmalloc(size));
}

static void
cache_pair(size_t size)
{
    (void)size;
    kmem_cache_free(bench_cache, kmem_cache_alloc(bench_cache));
}

static void
page_pair(size_t size)
{
    paddr_t page = pmm_alloc_page();
    (void)size;
    if (page)
        pmm_free_page(page);
}

static void
pages_pair(size_t count)
{
    paddr_t pages = pmm_alloc_pages(count);
    if (pages)
        pmm_free_pages(pages, count);
}

static void
vmalloc_pair(size_t size)
{
    void *memory = vmalloc(size);
    if (memory)
        vfree(memory);
}

/* ---- what programs' memory stands on ---- */

static void
program_page_pair(size_t size)
{
    pfn_t page = page_alloc(FRAME_USER, 0);
    (void)size;
    if (page.n != 0)
        page_put(page);
}

static void
promise_pair(size_t pages)
{
    if (commit_charge(pages))
        commit_release(pages);
}

static int
fill_nothing(struct object *object, uint32_t index, void *page)
{
    (void)object;
    (void)index;
    (void)page;
    return 0;
}

static void
release_nothing(struct object *object)
{
    (void)object;
}

static const struct object_ops bench_ops = {fill_nothing, release_nothing};

static void
cached_page(size_t index)
{
    pfn_t page;
    if (object_page(&bench_object, (uint32_t)index, &page) == 0)
        page_put(page);
}

static uint64_t
ticks_of(bench_round round, size_t size)
{
    round(size);
    uint64_t start = read_tsc();
    for (unsigned i = 0; i < 1u << ROUNDS_LOG; i++)
        round(size);
    return read_tsc() - start;
}

/* `ticks` is what all rounds took. */
static void
report(const char *name, uint64_t ticks)
{
    uint64_t tenths = (ticks * 10) >> ROUNDS_LOG;
    unsigned whole = 0;
    for (; tenths >= 10; tenths -= 10)
        whole++;
    klog("bench: %-24s %8u.%u ticks\n", name, whole, (unsigned)tenths);
}

static void
measure(const char *name, bench_round round, size_t size)
{
    uint64_t ticks = ticks_of(round, size), empty = ticks_of(nothing, size);
    report(name, ticks > empty ? ticks - empty : 0);
}

/* Two turns of reclaim's hand over one page a round: each is passed, then taken. */
static void
measure_cache(void)
{
    object_init(&bench_object, &bench_ops, (uint64_t)PAGE_SIZE << ROUNDS_LOG);
    for (size_t index = 0; index < 1u << ROUNDS_LOG; index++)
        cached_page(index);
    measure("page of the cache", cached_page, 1);
    uint64_t start = read_tsc();
    (void)reclaim_frames(object_clean_pages());
    report("reclaim: pass and take", read_tsc() - start);
    object_put(&bench_object);
}

bool bench_run(void);

bool
bench_run(void)
{
    if (!cpu_features.tsc) {
        klog("bench: this CPU counts no time stamps\n");
        return false;
    }
    klog("bench: %-24s %10llu ticks\n", "reset to here", (unsigned long long)read_tsc());
    bench_cache = kmem_cache_create("bench", 64, 0, 0, NULL);
    if (!bench_cache) {
        klog("bench: out of memory\n");
        return false;
    }
    measure("kmalloc+kfree 16", heap_pair, 16);
    measure("kmalloc+kfree 64", heap_pair, 64);
    measure("kmalloc+kfree 1024", heap_pair, 1024);
    measure("kmalloc+kfree 8192", heap_pair, 8192);
    measure("kmalloc+kfree 65536", heap_pair, 65536);
    measure("kmem_cache 64", cache_pair, 64);
    measure("page pair", page_pair, 1);
    measure("8 pages pair", pages_pair, 8);
    measure("512 pages pair", pages_pair, 512);
    measure("vmalloc+vfree 4096", vmalloc_pair, 4096);
    measure("program's page pair", program_page_pair, 1);
    measure("promise pair", promise_pair, 1);
    measure_cache();
    return kmem_cache_destroy(bench_cache);
}
