/* lock_stat.h - how often locks are taken, how long one waits for them, and in which order they
 * come: the boot options lockstat and lockorder.
 *
 * The calls but for lock_stat_start, lock_order_start and the table are only for when lock_stat_on
 * is set. They may come from any context, for spinlocks with interrupts off.
 */
#ifndef OCTAVO_LOCK_STAT_H
#define OCTAVO_LOCK_STAT_H

#include "printer.h"
#include "types.h"

struct rw_mutex;
struct spinlock;

/* Fixed by lock_stat_start. */
extern bool lock_stat_on;

/* From now on counts. Once, when there is memory, before others use locks. */
void lock_stat_start(void);

/* Takes a spinlock for the code at that address. The second is for one that was just had by
 * trying. */
void lock_stat_spin(struct spinlock *lock, uint32_t code);
void lock_stat_spin_tried(struct spinlock *lock, uint32_t code);

/* A mutex was made by the code at that address: from now on the long ways of mutex.c count it. */
void lock_stat_made(struct rw_mutex *lock, uint32_t code);
/* The current task has taken it, shared or not; it has waited for it, from a lock_stat_now() on. */
void lock_stat_mutex(const struct rw_mutex *lock, uint32_t code);
void lock_stat_waited(const struct rw_mutex *lock, uint32_t code, uint32_t since);

/* A lock of another kind was taken by the caller's caller. */
void lock_stat_note(const void *lock);

/* Which CPU took a spinlock last; CPU_MAX: unknown. */
unsigned lock_stat_cpu(const struct spinlock *lock);

/* A spinlock or mutex is about to be given back, or has just been. */
void lock_stat_given(const void *lock);

/* The time: 1024 cycles of the CPU each, or ticks where it does not count them. */
uint32_t lock_stat_now(void);

/* A number for all locks like this one, at most LOCK_KINDS: for a variable its own, for a mutex of
 * an object that of where such are made, else that of the code, which takes it. LOCK_KINDS: no
 * room. */
#define LOCK_KINDS 512u
unsigned lock_stat_kind(const void *lock, uint32_t code);

/* ---- kernel/lock_order.c ---- */

/* Counts, and checks how locks are taken. Once, as lock_stat_start. The others do nothing
 * without. */
void lock_order_start(void);
/* A spinlock was taken, or had by trying. From any context. */
void lock_order_spin(const struct spinlock *lock, uint32_t code, bool tried);
/* The current task wants to have a mutex, and may have to wait; it has it, in whichever way it came
 * to it; it has given it back. */
void lock_order_before(const struct rw_mutex *lock, uint32_t code);
void lock_order_taken(const struct rw_mutex *lock, uint32_t code);
void lock_order_given(const struct rw_mutex *lock);
/* A new task's stack: what it holds will stand at its lower end. */
void lock_order_stack(void *stack);
/* The CPU is about to be given up by one who should hold no spinlock `but` this. Interrupts off. */
void lock_order_sleep(const struct spinlock *but);
/* The task goes back to ring 3, or ends: it should hold nothing. */
void lock_order_leave(void);

/* ---- the table ---- */

/* A line for each lock, the longest waited for first. */
void lock_stat_print(struct printer *out);

#endif
