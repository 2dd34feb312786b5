/* bench.c - what the allocators cost in this kernel, in ticks of the CPU's time-stamp counter.
 *
 * On a PC a tick is some part of a nanosecond and the figures show caches and branch prediction.
 * Under QEMU's `-icount shift=0` a tick is an instruction and the figures are exact and the same
 * every time: `make bench` runs it so. Each line is the mean over many rounds, the empty loop taken
 * off.
 */
#include "bench.h"
#include "cpu.h"
#include "io.h"
#include "kmalloc.h"
#include "platform.h"
#include "pmm.h"
#include "slab.h"
#include "vmalloc.h"

#define ROUNDS_LOG 10

static struct kmem_cache *bench_cache;

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

static uint64_t
ticks_of(bench_round round, size_t size)
{
    round(size);
    uint64_t start = read_tsc();
    for (unsigned i = 0; i < 1u << ROUNDS_LOG; i++)
        round(size);
    return read_tsc() - start;
}

static void
measure(const char *name, bench_round round, size_t size)
{
    uint64_t ticks = ticks_of(round, size), empty = ticks_of(nothing, size);
    uint64_t tenths = ((ticks > empty ? ticks - empty : 0) * 10) >> ROUNDS_LOG;
    unsigned whole = 0;
    for (; tenths >= 10; tenths -= 10)
        whole++;
    klog("bench: %-24s %8u.%u ticks\n", name, whole, (unsigned)tenths);
}

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
    return kmem_cache_destroy(bench_cache);
}
