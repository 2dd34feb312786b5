/* spinlock.h - locks for a few instructions: who has to wait goes round in a circle.
 *
 * The free case is one instruction that compares and exchanges. What it puts into the word is the
 * stack pointer: it is at hand, it is never 0, and it tells who holds the lock, since each CPU and
 * each task has a stack of its own. spin_lock and spin_unlock, which turn interrupts off and on,
 * are in platform_impl.h.
 */
#ifndef OCTAVO_SPINLOCK_H
#define OCTAVO_SPINLOCK_H

#include "lock_stat.h"
#include "types.h"

/* Held by at most one CPU, which never sleeps meanwhile, and keeps its interrupts off when one of
 * them may want the lock too. It may ask other CPUs for something (tlb.h, cpu_ask in platform.h):
 * who waits for a lock answers. All zero: free. */
struct spinlock {
    uint32_t holder; /* 0: free; else where the stack of its holder was */
    uint32_t code;   /* the code that took it last */
};

#define SPINLOCK_INIT                                                                              \
    {                                                                                              \
        0, 0                                                                                       \
    }

/* What the word of a spinlock has to be for the short way: 0, what it is when the lock is free.
 * When locks are counted (lock_stat.c) what it never is: then all go the long way. */
extern uint32_t spin_short;

/* The long way. Takes a lock that somebody holds as soon as it is free; panics when that is the
 * caller itself, and when it is never given back (kernel/platform.c). spin_wait_from is for one who
 * takes it for the code at that address. */
void spin_wait(struct spinlock *lock);
void spin_wait_from(struct spinlock *lock, uintptr_t code);
/* The same, without a look at lock_stat_on. */
void spin_until_free(struct spinlock *lock);

/* True when an address, such as where a stack pointer was, lies in the stack of the running
 * task. */
bool stack_is_mine(uint32_t address);

/* A moment in a loop that waits for another CPU with interrupts off: answers what others ask. */
void spin_relax(void);

/* The CPU does nothing for a moment: what it waits for comes from another one. */
static inline void
cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

/* Puts the stack pointer, which tells tasks and CPUs apart and is never 0, into a word that is
 * `none`. False: it is not. */
static inline bool
word_claim_from(uint32_t *word, uint32_t none)
{
    bool claimed;

    __asm__ volatile("lock cmpxchg %%esp, %1"
                     : "=@ccz"(claimed), "+m"(*word), "+a"(none)
                     :
                     : "memory");
    return claimed;
}

/* The same for a word that must be 0. */
static inline bool
word_claim(uint32_t *word)
{
    return word_claim_from(word, 0);
}

/* The same as spin_lock for a caller that has turned interrupts off already, or for a lock that no
 * interrupt wants. Always inline, so that the lock knows its holder's own code. */
static inline __attribute__((always_inline)) void
spin_lock_only(struct spinlock *lock)
{
    if (UNLIKELY(!word_claim_from(&lock->holder, spin_short)))
        spin_wait(lock);
    __asm__ volatile("movl $., %0" : "=m"(lock->code));
}

/* The same for a lock that every switch of tasks takes: a report does not name the code. */
static inline void
spin_lock_bare(struct spinlock *lock)
{
    if (UNLIKELY(!word_claim_from(&lock->holder, spin_short)))
        spin_wait(lock);
}

static inline void
spin_unlock_only(struct spinlock *lock)
{
    __atomic_store_n(&lock->holder, 0, __ATOMIC_RELEASE);
}

/* Interrupts are off. False: somebody holds it. */
static inline __attribute__((always_inline)) bool
spin_try_lock_only(struct spinlock *lock)
{
    if (!word_claim(&lock->holder))
        return false;
    __asm__ volatile("movl $., %0" : "=m"(lock->code));
    if (UNLIKELY(lock_stat_on))
        lock_stat_spin_tried(lock, lock->code);
    return true;
}

static inline bool
spin_is_locked(struct spinlock *lock)
{
    return __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) != 0;
}

#endif
