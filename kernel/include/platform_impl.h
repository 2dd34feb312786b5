/* platform_impl.h - the kernel's answers to platform.h. */
#ifndef OCTAVO_PLATFORM_IMPL_H
#define OCTAVO_PLATFORM_IMPL_H

#include "mutex.h"
#include "sections.h"
#include "spinlock.h"
#include "this_cpu.h"

/* The end of the physical memory that has a permanent address: at most 256 MiB. Holes below it have
 * addresses too, but nothing behind them. Set once, by pagetable_init. */
extern uintptr_t direct_map_end;

#define EFLAGS_IF 0x200u

static inline struct mm_cpu *
cpu_memory(void)
{
    return THIS_CPU_READ(memory);
}

static inline void
cpu_set_memory(unsigned cpu, struct mm_cpu *memory)
{
    cpu_by_id[cpu]->memory = memory;
}

#define CPU_QUICK    "%%fs:"
#define CPU_QUICK_AT offsetof(struct cpu, quick)

static inline unsigned long *
cpu_quick(unsigned cpu)
{
    return cpu_by_id[cpu]->quick;
}

/* Turns interrupts of this CPU off. Returns what interrupts_restore wants back. */
static inline unsigned long
interrupts_disable(void)
{
    unsigned long flags;

    __asm__ volatile("pushf; pop %0; cli" : "=r"(flags) : : "memory");
    return flags;
}

static inline void
interrupts_restore(unsigned long flags)
{
    if (flags & EFLAGS_IF)
        __asm__ volatile("sti" : : : "memory");
}

static inline void
interrupts_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline bool
cpu_interruptible(void)
{
    unsigned long flags;

    __asm__ volatile("pushf; pop %0" : "=r"(flags));
    return flags & EFLAGS_IF;
}

/* Not inline: where every instruction counts, spin_lock_only is, between interrupts_disable and
 * interrupts_restore. */
unsigned long spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock, unsigned long flags);

static inline void
lock_note(const void *lock)
{
    if (UNLIKELY(lock_stat_on))
        lock_stat_note(lock);
}

static inline void *
frame_to_ptr(pfn_t frame)
{
    if (frame.n >= direct_map_end >> PAGE_SHIFT)
        return NULL;
    return (void *)(KERNEL_BASE + (frame.n << PAGE_SHIFT));
}

static inline bool
ptr_to_frame(const void *at, pfn_t *frame)
{
    uintptr_t offset = (uintptr_t)at - KERNEL_BASE;

    *frame = pfn(offset >> PAGE_SHIFT);
    return offset < direct_map_end;
}

/* The descriptors of frames, at the start of the window that is theirs (mm/x86/frametable.c): an
 * address that the compiler knows. */
#define FRAME_TABLE_FIXED true
#define FRAME_BASE  0ul
#define FRAME_TABLE ((struct frame *)0xE0000000)
#define DIRECT_BASE KERNEL_BASE

/* The physical address at which the direct map ends. */
static inline paddr_t
direct_end(void)
{
    return direct_map_end;
}

/* What this CPU remembers of one page, of all pages that are not global, is forgotten. */
static inline void
tlb_flush_page(uintptr_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

uint32_t cpus_online(void);
void cpu_interrupt(uint32_t cpus);
bool cpu_ask(unsigned cpu, bool (*step)(struct mm_cpu *, void *arg), void *arg, bool wait);

static inline void
cache_flush(void)
{
    __asm__ volatile("wbinvd" : : : "memory");
}

static inline void
tlb_flush_all(void)
{
    uint32_t directory;

    __asm__ volatile("mov %%cr3, %0\n\tmov %0, %%cr3" : "=r"(directory) : : "memory");
}

/* From now on addresses mean what the page directory at `physical` says. */
static inline void
load_directory(paddr_t physical)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"((uint32_t)physical) : "memory");
}

/* The kernel's own directory, with no program in it. */
paddr_t kernel_directory(void);

/* Keeps an interrupt of this CPU out of per-CPU data: it finds the flag set and goes another way.
 * Whoever got false must not touch the data. */
static inline bool
cpu_claim(bool *busy)
{
    bool others;

    __asm__ volatile("cmpb $0, %1" : "=@ccne"(others) : "m"(*busy) : "memory");
    if (UNLIKELY(others))
        return false;
    *(volatile bool *)busy = true;
    __asm__ volatile("" : : : "memory");
    return true;
}

static inline void
cpu_release(bool *busy)
{
    __asm__ volatile("" : : : "memory");
    *(volatile bool *)busy = false;
}

/* The same for what the slabs have of this CPU; in one instruction each. */
static inline bool
objects_claim(void)
{
    bool busy;

    __asm__ volatile("cmpb $0, %%fs:%c1"
                     : "=@ccne"(busy)
                     : "i"(offsetof(struct cpu, objects_busy))
                     : "memory");
    if (UNLIKELY(busy))
        return false;
    __asm__ volatile("movb $1, %%fs:%c0" : : "i"(offsetof(struct cpu, objects_busy)) : "memory");
    return true;
}

static inline void
objects_release(void)
{
    __asm__ volatile("movb $0, %%fs:%c0" : : "i"(offsetof(struct cpu, objects_busy)) : "memory");
}

#endif
