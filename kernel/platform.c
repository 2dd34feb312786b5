/* platform.c - the rest of platform.h's kernel side; most of it is inline in platform_impl.h. */
#include "platform.h"

/* entry.asm maps this much; pagetable_init finds out what there really is. */
uintptr_t direct_map_end = 0x400000;

void
spin_deadlock(const struct spinlock *lock)
{
    kpanic("lock %p taken twice by one CPU", (const void *)lock);
}
