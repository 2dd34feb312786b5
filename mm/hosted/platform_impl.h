/* platform_impl.h - the world of mm/ inside a program: threads are CPUs, one arena is the memory.
 *
 * A program hands over an arena (hosted_init) and gives each thread that calls mm/ a CPU number of
 * its own (hosted_set_cpu). The arena plays physical memory from any frame number on, so that
 * frames beyond 2^20, and on a 64-bit host beyond 2^32, can be had without owning that much:
 *
 *     frame number   base                          base + mapped       base + frames
 *                     |  frame_to_ptr() is an address  |   NULL: high memory  |
 *     arena          [#################################|######################)
 *
 * Everything here is on the fast path of mm/ and is inline: cpu_current is one load from
 * thread-local storage, ptr_to_frame a subtraction, a comparison and a shift.
 */
#ifndef OCTAVO_HOSTED_PLATFORM_IMPL_H
#define OCTAVO_HOSTED_PLATFORM_IMPL_H

#include "types.h"

#define CPU_MAX 8

/* ---- set up by the program ---- */

/* Makes [arena, arena + bytes), page aligned, the memory of frames base.n and up. May be called
 * again with another arena when nothing of the old one is in use. */
void hosted_init(void *arena, size_t bytes, pfn_t base);

/* From this frame on frame_to_ptr returns NULL, as it does for high memory. hosted_init resets it.
 */
void hosted_limit_direct(pfn_t first_without_address);

/* Says which CPU the calling thread plays, 0 .. CPU_MAX-1: one that is up (mm_cpu_up). Two threads
 * that run at the same time must not play the same one. */
void hosted_set_cpu(unsigned cpu);

/* Hands an arena over to mm/ and starts it: hosted_init, boot map, mm_init. Its last part, about
 * 1/500 of it, is mm/'s own. May be called again: everything is forgotten. Threads for CPUs above 0
 * follow by mm_cpu_up. For page alignments beyond 4 KiB the arena should start at a multiple of 4
 * MiB, and so should base. */
void hosted_start(void *arena, size_t bytes, pfn_t base);

/* When set, says where the program keeps pointers to objects of mm/ (leak_roots in platform.h). */
extern void (*hosted_roots)(void (*read)(const void *from, const void *to));

/* klog prints nothing while quiet. */
void hosted_quiet(bool quiet);

/* When set, kpanic calls it with the message before it ends the program; it may longjmp away. */
extern void (*kpanic_hook)(const char *message);

/* ---- locks ---- */

struct spinlock {
    int held;
};

#define SPINLOCK_INIT                                                                              \
    {                                                                                              \
        0                                                                                          \
    }

void hosted_spin_wait(struct spinlock *lock);
void spin_relax(void);

static inline unsigned long
spin_lock(struct spinlock *lock)
{
    if (UNLIKELY(__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE)))
        hosted_spin_wait(lock);
    return 0;
}

static inline void
spin_unlock(struct spinlock *lock, unsigned long state)
{
    (void)state;
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

/* There are no interrupts to be turned off. */
static inline void
spin_lock_only(struct spinlock *lock)
{
    spin_lock(lock);
}

static inline void
spin_unlock_only(struct spinlock *lock)
{
    spin_unlock(lock, 0);
}

static inline bool
spin_try_lock_only(struct spinlock *lock)
{
    return __atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void
lock_note(const void *lock)
{
    (void)lock;
}

static inline bool
spin_is_locked(struct spinlock *lock)
{
    return __atomic_load_n(&lock->held, __ATOMIC_RELAXED) != 0;
}

#include "mutex.h"

/* ---- CPUs ---- */

/* A program reaches its own thread-local storage in one instruction, a shared library in two. */
#if defined(__PIC__) && !defined(__PIE__)
#define HOSTED_TLS "initial-exec"
#else
#define HOSTED_TLS "local-exec"
#endif
extern __thread unsigned hosted_cpu __attribute__((tls_model(HOSTED_TLS)));

static inline unsigned
cpu_current(void)
{
    return hosted_cpu;
}

/* What mm/ has for the CPU that the thread plays. */
extern __thread struct mm_cpu *hosted_cpu_memory __attribute__((tls_model(HOSTED_TLS)));

static inline struct mm_cpu *
cpu_memory(void)
{
    return hosted_cpu_memory;
}

void cpu_set_memory(unsigned cpu, struct mm_cpu *memory);

/* A few words of each CPU lie where a segment register of the thread that plays it leads: the one
 * that thread-local storage does not use. */
#define CPU_QUICK_WORDS 132
#define CPU_QUICK_AT    0
#ifdef __x86_64__
#define CPU_QUICK "%%gs:"
#else
#define CPU_QUICK "%%fs:"
#endif
unsigned long *cpu_quick(unsigned cpu);

static inline void
cpu_pause(void)
{
    __builtin_ia32_pause();
}

/* ---- frames ---- */

struct hosted_memory {
    uintptr_t start;    /* address of the arena */
    uintptr_t mapped;   /* bytes of it that have an address as far as mm/ is told */
    unsigned long base; /* number of its first frame */
    uintptr_t bytes;
    unsigned long frame_base;    /* base rounded down to a block */
    struct frame *frame_table;   /* from frame_base on */
    uintptr_t direct;            /* the address that frame_base has, or would have */
};

extern struct hosted_memory hosted_memory;

static inline void *
frame_to_ptr(pfn_t frame)
{
    unsigned long index = frame.n - hosted_memory.base;

    if (UNLIKELY(index >= hosted_memory.mapped >> PAGE_SHIFT))
        return NULL;
    return (void *)(hosted_memory.start + (index << PAGE_SHIFT));
}

static inline bool
ptr_to_frame(const void *pointer, pfn_t *frame)
{
    uintptr_t offset = (uintptr_t)pointer - hosted_memory.start;

    if (UNLIKELY(offset >= hosted_memory.mapped))
        return false;
    frame->n = hosted_memory.base + (offset >> PAGE_SHIFT);
    return true;
}

/* The frame table of the arena, and the address that slab headers are counted from. */
#define FRAME_TABLE_FIXED false
#define FRAME_BASE    (hosted_memory.frame_base)
#define FRAME_TABLE   (hosted_memory.frame_table)
#define DIRECT_BASE   (hosted_memory.direct)

/* The physical address at which frames with an address end. */
static inline paddr_t
direct_end(void)
{
    return ((paddr_t)hosted_memory.base << PAGE_SHIFT) + hosted_memory.mapped;
}

/* ---- the CPU's memory of page tables: a test that plays CPU is told ---- */

/* Called, when set, with a page's address, or ~0 for all pages. */
extern void (*hosted_tlb_flush)(uintptr_t va);

static inline void
tlb_flush_page(uintptr_t va)
{
    if (hosted_tlb_flush)
        hosted_tlb_flush(va);
}

static inline void
cache_flush(void)
{
}

static inline void
tlb_flush_all(void)
{
    tlb_flush_page(~(uintptr_t)0);
}

static inline void
load_directory(paddr_t physical)
{
    (void)physical;
    tlb_flush_all();
}

static inline paddr_t
kernel_directory(void)
{
    return 0;
}

/* ---- other CPUs: threads ---- */

/* Bits of the CPUs whose threads take part: CPU 0's at first. Only those are asked for anything
 * that concerns them all. */
extern uint32_t hosted_online;

/* When set, called for cpu_interrupt: each of the threads must soon call tlb_answer. */
extern void (*hosted_interrupt)(uint32_t cpus);

static inline uint32_t
cpus_online(void)
{
    return __atomic_load_n(&hosted_online, __ATOMIC_RELAXED);
}

static inline void
cpu_interrupt(uint32_t cpus)
{
    if (hosted_interrupt)
        hosted_interrupt(cpus);
}

/* When set, what cpu_ask does about another CPU: its thread has to call step(cpu_memory(), arg)
 * where it is not in mm/. Without it others' threads are asked for nothing when memory is short;
 * and who does for them what they would have to, in mm_drain, kmem_cache_destroy and trace_choose,
 * must know that none of them is in mm/. */
extern bool (*hosted_ask)(unsigned cpu, bool (*step)(struct mm_cpu *, void *arg), void *arg,
                          bool wait);

bool cpu_ask(unsigned cpu, bool (*step)(struct mm_cpu *, void *arg), void *arg, bool wait);

/* ---- interrupts: there are none ---- */

static inline bool
cpu_interruptible(void)
{
    return true;
}

static inline unsigned long
interrupts_disable(void)
{
    return 0;
}

static inline void
interrupts_restore(unsigned long flags)
{
    (void)flags;
}

static inline bool
cpu_claim(bool *busy)
{
    (void)busy;
    return true;
}

static inline void
cpu_release(bool *busy)
{
    (void)busy;
}

static inline bool
objects_claim(void)
{
    return true;
}

static inline void
objects_release(void)
{
}

#endif
