/* platform.h - all that mm/ asks of the world around it.
 *
 * mm/ compiles unchanged in three worlds: the kernel, the host at 32 bits and the host at 64 bits.
 * Each world has one platform_impl.h, found through the include path (kernel/include/ or
 * mm/hosted/), which defines as inline functions or macros:
 *
 *   struct spinlock, SPINLOCK_INIT
 *   unsigned long spin_lock(struct spinlock *)            take it, interrupts of this CPU off;
 *                                                          returns what spin_unlock wants back
 *   void spin_unlock(struct spinlock *, unsigned long)
 *   void spin_lock_only(struct spinlock *), spin_unlock_only()
 *                                                          the same inside another spinlock, with
 *                                                          interrupts off anyway, or for a lock
 *                                                          that no interrupt takes
 *   bool spin_try_lock_only(struct spinlock *)             false: somebody holds it
 *   bool spin_is_locked(struct spinlock *)
 *   void lock_note(const void *)                           a lock of another kind was taken: for
 *                                                          statistics
 *   STATIC_MUTEX                                           attribute of mutexes that are variables
 *   struct mutex, MUTEX_INIT, mutex_init(), mutex_lock(), mutex_unlock(), mutex_try_lock(),
 *   mutex_is_mine(), mutex_is_locked()                     a lock that may be held across sleeping;
 *                                                          who has to wait sleeps. Nothing for
 *                                                          interrupts. All zero is no free mutex
 *   struct rw_mutex, RW_MUTEX_INIT, rw_mutex_init(), rw_lock(), rw_unlock(), rw_try_lock(),
 *   rw_lock_shared(), rw_unlock_shared(), rw_try_lock_shared(), rw_downgrade(), rw_is_mine(),
 *   rw_is_locked()                                         the same, alone or shared with others
 *                                                          that want no more; those who wait come
 *                                                          in their order, so a task may take
 *                                                          neither form twice, not even shared
 *   unsigned cpu_current(void)                             0 .. CPU_MAX-1, constant while the
 *                                                          caller cannot be moved to another CPU
 *   CPU_MAX                                                compile-time bound on CPUs
 *   struct mm_cpu *cpu_memory(void)                        what cpu_set_memory was told for this
 *   void cpu_set_memory(unsigned, struct mm_cpu *)         CPU
 *   CPU_QUICK, CPU_QUICK_AT, CPU_QUICK_WORDS               for assembly, a segment and a place in
 *                                                          it: words that each CPU has to itself
 *   unsigned long *cpu_quick(unsigned)                     the same of any that is up, or comes
 *   void *frame_to_ptr(pfn_t)                              where the frame can be read and written;
 *                                                          NULL when it has no permanent address
 *   bool ptr_to_frame(const void *, pfn_t *)               the reverse; false when the pointer is
 *                                                          not inside the directly mapped memory
 *   FRAME_TABLE, FRAME_BASE                                the frame descriptors (frame.h), and the
 *                                                          frame that the first one stands for: a
 *                                                          multiple of 1024
 *   DIRECT_BASE                                            the address that frame FRAME_BASE has
 *                                                          in the direct map, or would have
 *   paddr_t direct_end(void)                               where frames with an address end
 *   bool cpu_interruptible(void)                           interrupts of this CPU are on: no
 *                                                          interrupt called, and no lock is held
 *                                                          that one takes
 *   unsigned long interrupts_disable(void),
 *   interrupts_restore(unsigned long)                      none comes to this CPU in between
 *   bool cpu_claim(bool *busy), cpu_release(bool *busy)    keep interrupts of this CPU out of its
 *                                                          per-CPU data; false: find another way
 *   bool objects_claim(void), objects_release(void)        the same for what the slabs have of it
 *   cache_flush()                                          what was written is in memory, and what
 *                                                          is read comes from there
 *   tlb_flush_page(va), tlb_flush_all()                    the CPU forgets translations
 *   load_directory(paddr_t), kernel_directory()            whose page tables it uses
 *   uint32_t cpus_online(void)                             a bit for each CPU that runs
 *   void cpu_interrupt(uint32_t cpus)                      makes each of these call tlb_answer soon
 *                                                          (tlb.h), whatever it does then, unless
 *                                                          its interrupts are off
 *   void spin_relax(void)                                  in a loop as the next, for who may have
 *                                                          interrupts off: answers what others ask
 *   void cpu_pause(void)                                   in a loop that waits for another CPU
 *   bool cpu_ask(unsigned cpu, step, arg, bool wait)       has a CPU that is up call
 *                                                          `bool step(struct mm_cpu *, void *arg)`
 *                                                          with what it has for itself, where it is
 *                                                          at no work that it could wait for; true
 *                                                          when that says true. With `wait` again
 *                                                          until it does: interrupts on, no
 *                                                          spinlock held, and not out of an
 *                                                          allocator
 */
#ifndef OCTAVO_PLATFORM_H
#define OCTAVO_PLATFORM_H

#include <stdarg.h>
#include "types.h"

/* Prints to every console (stdout on the host). Lines start with the subsystem's name and end with
 * a newline of their own. Usable from interrupts. */
void klog(const char *format, ...) PRINTF_LIKE(1, 2);
void klog_v(const char *format, va_list args);

/* Reports a bug of the kernel and never returns: message, values, symbolised backtrace, then the
 * power-off with status "panic". On the host it calls the test's hook, else abort(). */
_Noreturn void kpanic(const char *format, ...) PRINTF_LIKE(1, 2);

/* Writes "symbol+0x12" for a code address into text (always terminated). On the host the address in
 * hex is good enough. */
void symbol_name(const void *code, char *text, size_t size);

/* Hands every place that may hold a pointer to an object, and is no object itself, to `read`:
 * variables, stacks, registers. For the search for leaks; no other CPU is in mm/. */
void leak_roots(void (*read)(const void *from, const void *to));

/* The calls under way on this stack, innermost first: their return addresses, at most `most`. The
 * first returns into stack_walk's caller. Returns how many. */
unsigned stack_walk(const void **calls, unsigned most);

#define ASSERT(expression)                                                                         \
    do {                                                                                           \
        if (UNLIKELY(!(expression)))                                                               \
            kpanic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #expression);                \
    } while (0)

#include "platform_impl.h"

#endif
