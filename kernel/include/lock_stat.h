/* lock_stat.h - how often locks are taken, and how often one has to wait for them: the boot option
 * lockstat.
 */
#ifndef OCTAVO_LOCK_STAT_H
#define OCTAVO_LOCK_STAT_H

#include "printer.h"
#include "types.h"

struct spinlock;

/* Fixed by lock_stat_start; every lock asks. */
extern bool lock_stat_on;

/* From now on counts. Once, when there is memory, before mutexes are made that shall be counted. */
void lock_stat_start(void);

/* Counts that `lock` was taken at the address `code`, or that somebody there found it held. Call only
 * when lock_stat_on is set. From any context. lock_stat_spin is for spinlocks that were just taken. */
void lock_stat_taken(const void *lock, uint32_t code);
void lock_stat_spin(const struct spinlock *lock);
void lock_stat_waited(const void *lock, uint32_t code);

/* ---- kernel/lock_order.c ---- */

/* Counts, and checks that spinlocks are always taken in the same order. Once, as lock_stat_start. */
void lock_order_start(void);
/* A spinlock was taken whose record is the one with this number. From any context. */
void lock_order_taken(const struct spinlock *lock, unsigned record);
/* The CPU is about to be given up by one who should hold no lock `but` this. Interrupts off. */
void lock_order_sleep(const struct spinlock *but);

/* ---- the table ---- */

/* A line for each lock, the most waited for first. */
void lock_stat_print(struct printer *out);

#endif
