/* kasan.h - what KASAN is told of memory: nothing, in a build without it.
 *
 * `make KASAN=1` finds another file of this name first (kernel/sanitize/kasan/kasan.h), whose
 * functions keep the shadow memory up to date. Here they are empty, and leave no code behind.
 */
#ifndef OCTAVO_KASAN_H
#define OCTAVO_KASAN_H

#include "types.h"

struct bootmem;

/* Kernel stacks are so many times as large: red zones between variables take room. */
#define KASAN_STACKS 1

/* Aids of the debug heap (mm_debug.h) that the build cannot do without. */
#define KASAN_AIDS ""

/* The kernel uses two-level page tables in any case. */
#define KASAN_TWO_LEVELS false

/* Makes the shadow memory. Right after pagetable_init. */
static inline void
kasan_init(struct bootmem *boot)
{
    (void)boot;
}

/* [at, at + size) may be used; an object of `size` bytes at `at` in [start, end) may, and what is
 * around it may not. */
static inline void
kasan_allow(const void *at, size_t size)
{
    (void)at;
    (void)size;
}

static inline void
kasan_allow_object(const void *start, const void *at, size_t size, const void *end)
{
    (void)start;
    (void)at;
    (void)size;
    (void)end;
}

/* [at, at + size) was freed: an object, frames. */
static inline void
kasan_forbid_object(const void *at, size_t size)
{
    (void)at;
    (void)size;
}

static inline void
kasan_forbid_frames(const void *at, size_t size)
{
    (void)at;
    (void)size;
}

/* Memory behind new vmalloc addresses: gives it shadow, allows the first `size` bytes of `bytes`.
 * False when there is no memory for that. */
static inline bool
kasan_vmalloc(const void *at, size_t size, size_t bytes)
{
    (void)at;
    (void)size;
    (void)bytes;
    return true;
}

static inline void
kasan_vfree(const void *at, size_t bytes)
{
    (void)at;
    (void)bytes;
}

#endif
