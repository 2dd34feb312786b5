/* lock_stat.h - how often locks are taken, and how often one has to wait for them: the boot option
 * lockstat.
 */
#ifndef OCTAVO_LOCK_STAT_H
#define OCTAVO_LOCK_STAT_H

#include "printer.h"
#include "types.h"

/* Fixed by lock_stat_start; every lock asks. */
extern bool lock_stat_on;

/* From now on counts. Once, when there is memory, before mutexes are made that shall be counted. */
void lock_stat_start(void);

/* Counts that `lock` was taken at the address `code`, or that somebody there found it held. Call only
 * when lock_stat_on is set. From any context. */
void lock_stat_taken(const void *lock, uint32_t code);
void lock_stat_waited(const void *lock, uint32_t code);

/* A line for each lock, the most waited for first. */
void lock_stat_print(struct printer *out);

#endif
