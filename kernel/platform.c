/* platform.c - the rest of platform.h's kernel side; most of it is inline in platform_impl.h. */
#include "platform.h"
#include "smp.h"

/* Looks at a lock that stays held before that counts as a bug: many seconds. */
#define LOOKS 0x10000000u

/* entry.asm maps this much; pagetable_init finds out what there really is. */
uintptr_t direct_map_end = 0x400000;

uint32_t spin_short;

static _Noreturn void
report(const struct spinlock *lock, const char *what)
{
    char name[80], holder[80];

    symbol_name(lock, name, sizeof(name));
    symbol_name((const void *)(uintptr_t)lock->code, holder, sizeof(holder));
    kpanic("lock %p (%s) is %s: it is held since %s, which slept with it, lost it or takes it again",
           (const void *)lock, name, what, holder);
}

void
spin_relax(void)
{
    uint32_t before = THIS_CPU_READ(relaxing);

    cpu_pause();
    THIS_CPU_WRITE(relaxing, 1);
    ipi_answer();
    THIS_CPU_WRITE(relaxing, before);
}

void
spin_until_free(struct spinlock *lock)
{
    unsigned looks = 0;

    if (cpu_count() == 1 || stack_is_mine(lock->holder))
        report(lock, "taken twice by one CPU");
    do {
        while (spin_is_locked(lock)) {
            spin_relax();
            if (++looks == LOOKS)
                report(lock, "never given back");
        }
    } while (!word_claim(&lock->holder));
}

void
spin_wait_from(struct spinlock *lock, uintptr_t code)
{
    if (lock_stat_on)
        lock_stat_spin(lock, code);
    else
        spin_until_free(lock);
}

void
spin_wait(struct spinlock *lock)
{
    spin_wait_from(lock, (uintptr_t)__builtin_return_address(0));
}

unsigned long
spin_lock(struct spinlock *lock)
{
    unsigned long flags = interrupts_disable();

    if (UNLIKELY(!word_claim_from(&lock->holder, spin_short)))
        spin_wait_from(lock, (uintptr_t)__builtin_return_address(0));
    lock->code = (uintptr_t)__builtin_return_address(0);
    return flags;
}

void
spin_unlock(struct spinlock *lock, unsigned long flags)
{
    if (UNLIKELY(lock_stat_on))
        lock_stat_given(lock);
    spin_unlock_only(lock);
    interrupts_restore(flags);
}
