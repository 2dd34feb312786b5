/* stacks.c - the depot: each different stack of calls once, named by a 32-bit number.
 *
 *   words:  | bucket 0 | bucket 1 | ... | next, hash, depth, call, call, ... | next, hash, ... |  room
 *               '--------------------------^     number of a stack = index of its first word
 *
 * A program allocates from few places, so thousands of objects share some hundreds of stacks. A
 * stack is looked for by a hash of its calls and added when it is new; none is ever taken away. The
 * depot is taken from the boot map as a whole, so that saving a stack allocates nothing: it may
 * happen inside every allocator. When it is full, new stacks get the number 0 and are counted.
 *
 * Calls are what stack_walk of the platform finds: return addresses. Those of the allocator itself
 * are left out, and at most DEPTH are kept.
 *
 * Cost: 1/64 of the memory, at least 32 KiB and at most 512; about 50 bytes for each stack.
 *
 * Lock: depot.lock; inside it no other is taken.
 */
#include <string.h>
#include "../slab_private.h"
#include "debug_private.h"

#define DEPTH      12 /* calls kept */
#define WALK       20 /* calls looked at, the allocator's own among them */
#define DEPOT_MIN  (32u << 10)
#define DEPOT_MAX  (512u << 10)
#define HEAD_WORDS 3

struct chain {
    uintptr_t next; /* in its bucket */
    uintptr_t hash;
    uintptr_t depth;
    const void *calls[];
};
_Static_assert(sizeof(struct chain) == HEAD_WORDS * sizeof(uintptr_t), "a chain is made of words");

static struct {
    struct spinlock lock;
    uintptr_t *words; /* NULL: off */
    size_t room;
    size_t used;
    size_t buckets; /* a power of two */
    size_t stacks;
    size_t lost;
} depot;

void
stacks_start(struct bootmem *boot, uint64_t ram_bytes)
{
    uint64_t bytes = ram_bytes / 64;
    bytes = bytes < DEPOT_MIN ? DEPOT_MIN : bytes > DEPOT_MAX ? DEPOT_MAX : bytes;
    memset(&depot, 0, sizeof(depot));
    if (!ram_bytes)
        return;
    paddr_t taken = bootmem_take(boot, bytes, PAGE_SIZE, direct_end(), MEMMAP_METADATA);
    if (!taken) {
        klog("debug: no memory for stacks\n");
        return;
    }
    depot.words = frame_to_ptr(paddr_to_pfn(taken));
    depot.room = (size_t)bytes / sizeof(uintptr_t);
    depot.buckets = (size_t)1 << (log2_up(depot.room / 32 + 1) - 1);
    depot.used = depot.buckets;
    memset(depot.words, 0, depot.buckets * sizeof(uintptr_t));
}

static uintptr_t
hash_calls(const void *const *calls, unsigned depth)
{
    uintptr_t hash = depth;
    for (unsigned i = 0; i < depth; i++)
        hash = (hash ^ (uintptr_t)calls[i]) * 0x9e3779b1u;
    return hash ^ hash >> 15;
}

static struct chain *
chain_at(uintptr_t stack)
{
    return (struct chain *)(void *)&depot.words[stack];
}

/* The number of a stack that is there already; 0 when it is new. */
static uintptr_t
find(uintptr_t hash, const void *const *calls, unsigned depth)
{
    uintptr_t stack = depot.words[hash & (depot.buckets - 1)];
    for (; stack; stack = chain_at(stack)->next)
        if (chain_at(stack)->hash == hash && chain_at(stack)->depth == depth &&
            !memcmp(chain_at(stack)->calls, calls, depth * sizeof(*calls)))
            return stack;
    return 0;
}

/* 0 when there is no room. */
static uintptr_t
add(uintptr_t hash, const void *const *calls, unsigned depth)
{
    uintptr_t *bucket = &depot.words[hash & (depot.buckets - 1)], stack = depot.used;
    if (depot.room - depot.used < HEAD_WORDS + depth) {
        depot.lost++;
        return 0;
    }
    *chain_at(stack) = (struct chain){.next = *bucket, .hash = hash, .depth = depth};
    memcpy(chain_at(stack)->calls, calls, depth * sizeof(*calls));
    depot.used += HEAD_WORDS + depth;
    depot.stacks++;
    *bucket = stack;
    return stack;
}

uint32_t
stack_save(const void *caller)
{
    const void *calls[WALK];
    if (!depot.words)
        return 0;
    unsigned walked = stack_walk(calls, WALK), first = 0;
    while (first < walked && calls[first] != caller)
        first++;
    first = first < walked ? first : 0;
    unsigned depth = walked - first < DEPTH ? walked - first : DEPTH;
    uintptr_t hash = hash_calls(calls + first, depth);
    unsigned long flags = spin_lock(&depot.lock);
    uintptr_t stack = find(hash, calls + first, depth);
    bool full = false;
    if (!stack) {
        stack = add(hash, calls + first, depth);
        full = !stack && depot.lost == 1;
    }
    spin_unlock(&depot.lock, flags);
    if (full)
        klog("debug: the depot of stacks is full (%zu stacks): new ones are not kept\n",
             depot.stacks);
    return (uint32_t)stack;
}

void
stack_print(struct printer *out, const char *did, uint32_t stack, const void *caller)
{
    if (!stack || !depot.words || stack >= depot.used) {
        debug_print_who(out, did, caller);
        return;
    }
    const struct chain *chain = chain_at(stack);
    for (unsigned i = 0; i < chain->depth; i++)
        debug_print_who(out, i ? "called by" : did, chain->calls[i]);
}

void
stacks_print_use(struct printer *out)
{
    if (!depot.words)
        return;
    print(out, "stacks: %zu different ones in %zu of %zu KiB", depot.stacks,
          depot.used * sizeof(uintptr_t) >> 10, depot.room * sizeof(uintptr_t) >> 10);
    if (depot.lost)
        print(out, "; full: %zu were not kept", depot.lost);
    print(out, "\n");
}
