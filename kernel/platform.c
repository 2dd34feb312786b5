/* platform.c - the rest of platform.h's kernel side; most of it is inline in platform_impl.h. */
#include "platform.h"

/* entry.asm maps this much; pagetable_init finds out what there really is. */
uintptr_t direct_map_end = 0x400000;

void
spin_deadlock(const struct spinlock *lock, uint32_t taken_at)
{
    char name[80], holder[80];

    symbol_name(lock, name, sizeof(name));
    symbol_name((const void *)(uintptr_t)taken_at, holder, sizeof(holder));
    kpanic("lock %p (%s) is taken twice by one CPU: it is held since %s, which slept with it, "
           "lost it or takes it again", (const void *)lock, name, holder);
}
