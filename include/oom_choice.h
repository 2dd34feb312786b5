/* oom_choice.h - nothing is free and nothing can be had back: who has it, and who shall go. */
#ifndef OCTAVO_OOM_CHOICE_H
#define OCTAVO_OOM_CHOICE_H

#include "space.h"

/* The space whose end gives most back, as far as that can be told: the one with the largest share
 * of memory, where what several hold counts a part for each. Only those that `may_end` allows, with
 * a reference (space_put); NULL when there is none. */
MUST_CHECK struct address_space *oom_choose(bool (*may_end)(const struct address_space *space));

/* Who held what: the ten largest spaces with their pages and tables and the sum of the others, the
 * page cache, the watermarks, the table of owners. `print_name` prints what a space's program is
 * called; `chosen` (may be NULL) is marked. */
void oom_print_report(struct printer *out, const struct address_space *chosen,
                      void (*print_name)(struct printer *out, const struct address_space *space));

#endif
