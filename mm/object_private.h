/* object_private.h - what objects share with reclaim. Private to mm/.
 *
 * Objects that have pages stand in one of two lists: those whose pages can be had again, which
 * reclaim goes around, and those that keep theirs.
 */
#ifndef OCTAVO_OBJECT_PRIVATE_H
#define OCTAVO_OBJECT_PRIVATE_H

#include "object.h"

/* Forgets every object: the machine starts. */
void object_start(void);

/* The object at which reclaim goes on, locked: the first that nobody else has locked; NULL when no
 * page can be taken away. Given back with spin_unlock_only. */
struct object *object_lock_clean(void);

/* Puts it behind all others. */
void object_rotate_clean(struct object *object);

/* Takes the page out of all page tables that did not use it lately and have not locked it. True
 * when some table may still have it, for that reason or because its space is locked. The object is
 * locked. */
bool object_unmap_old(struct object *object, uint32_t index, pfn_t page);

/* What objects were promised (commit.h): memory as a whole, pages as they came. */
unsigned long object_promised_pages(void);

/* Takes the page at `index` out of the object, which is locked, and lets it go. */
void object_drop(struct object *object, uint32_t index);

#endif
