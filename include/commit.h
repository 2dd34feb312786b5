/* commit.h - how much memory programs were promised, and what happens when it is not there.
 *
 * overcommit=0  a single promise must be less than all memory there is (the default)
 * overcommit=1  every promise is given
 * overcommit=2  the promises' sum stays below what can be kept: no program is ever killed
 *
 * Lock: none; the account is one number that changes atomically. From tasks only.
 */
#ifndef OCTAVO_COMMIT_H
#define OCTAVO_COMMIT_H

#include "platform.h"
#include "printer.h"

/* What the account starts from: programs can have `frames` frames in all. By reclaim_init. */
void commit_init(unsigned long frames);

enum commit_mode { COMMIT_HEURISTIC, COMMIT_ALWAYS, COMMIT_STRICT };

void commit_set_mode(enum commit_mode mode);
enum commit_mode commit_mode(void);

/* True under overcommit=2: MAP_NORESERVE means nothing then. */
bool commit_is_strict(void);

/* Promises `pages` pages of memory. False, nothing changed, when the mode forbids it. */
MUST_CHECK bool commit_charge(unsigned long pages);
void commit_release(unsigned long pages);

/* Promises again what was released within the same step: what goes makes room for what comes. */
void commit_restore(unsigned long pages);

unsigned long commit_charged(void);
unsigned long commit_limit(void);

#endif
