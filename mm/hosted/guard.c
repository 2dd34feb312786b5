/* guard.c - a program that hosts mm/ has no page tables of ours: no object can be guarded. */
#include "../debug/debug_private.h"
#include "../slab_private.h"

void
guard_start(struct bootmem *boot, uint64_t ram_bytes)
{
    (void)boot, (void)ram_bytes;
}

void
guard_ready(void)
{
}

bool
guard_alloc(struct kmem_cache *cache, size_t size, const void *caller, void **object)
{
    (void)cache, (void)size, (void)caller, (void)object;
    return false;
}

void
guard_free(void *object, const void *caller)
{
    kpanic("guard: %p is no guarded object, %p", object, caller);
}

bool
mm_debug_guards(uintptr_t address)
{
    (void)address;
    return false;
}

struct kmem_cache *
guard_cache_of(const void *object)
{
    (void)object;
    return NULL;
}

bool
guard_subject_at(uintptr_t address, struct subject *found)
{
    (void)address, (void)found;
    return false;
}

void
guard_each(void (*visit)(const struct subject *subject, void *arg), void *arg)
{
    (void)visit, (void)arg;
}

bool
guard_check(void)
{
    return true;
}

void
guard_print_use(struct printer *out)
{
    (void)out;
}
