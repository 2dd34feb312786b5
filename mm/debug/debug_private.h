/* debug_private.h - what the aids share. Private to mm/. */
#ifndef OCTAVO_DEBUG_PRIVATE_H
#define OCTAVO_DEBUG_PRIVATE_H

#include "bootmem.h"
#include "mm_debug.h"
#include "poison.h"

struct slab;
struct kmem_cache;

/* Takes what the aids need from the boot map. The number of blocks is known. */
void debug_start(struct bootmem *boot);

/* ---- Objects (heap.c) ---- */

enum { STATE_LIVE = 0x4c56, STATE_FREE = 0x4652, STATE_KEPT = 0x4b50 /* in quarantine */ };

/* What is known about one object. */
struct record {
    uint16_t state;
    uint16_t scan; /* of the last search for leaks that reached it */
    uint32_t size; /* as asked for */
    uint32_t number;    /* of the allocation, counted from 1 */
    uint32_t allocated; /* stacks, 0 = not known */
    uint32_t freed;
    const void *allocated_by;
    const void *freed_by;
    void *next; /* in the quarantine or the search for leaks */
};

/* At the end of an object's place, or of whole frames, this much is the record's. */
#define DEBUG_RECORD_BYTES (sizeof(void *) == 8 ? 48 : 32)
_Static_assert(sizeof(struct record) <= DEBUG_RECORD_BYTES, "room for a record");

/* What is being looked at, in one shape for objects, whole frames and guarded objects. */
struct subject {
    const char *what; /* the cache's name, or "whole frames" */
    const struct kmem_cache *cache; /* NULL: whole frames */
    unsigned char *place;  /* the red zone before the object */
    unsigned char *object;
    unsigned char *end;    /* of the red zone behind it */
    struct record *record;
};

/* The object that an address lies in, or whose red zones; false when there is none with a record.
 */
bool debug_subject_at(uintptr_t address, struct subject *found);

/* Calls visit with every object that has a record, live or not. */
void debug_each(void (*visit)(const struct subject *subject, void *arg), void *arg);

/* Fills a new object and its red zone behind, and writes its record. */
void debug_fill_new(const struct subject *subject, size_t size, const void *caller);
/* The byte that shows a write before or behind the object; NULL when there is none. */
const unsigned char *debug_broken_red(const struct subject *subject);
/* False when the record itself was written over. */
bool debug_record_sane(const struct subject *subject);
/* From live to free, once: checked, noted, and poisoned. */
void debug_end_life(const struct subject *subject, const void *caller);
/* Panics unless the subject is live and undamaged. */
void debug_check_live(const struct subject *subject, const void *caller);
/* The byte of a free object that was written to; NULL when it is as it was left. */
const unsigned char *debug_broken_poison(const struct subject *subject);
/* The first byte of [from, to) that is not `value`; NULL when all are. */
const unsigned char *debug_first_other(const unsigned char *from, const unsigned char *to,
                                       unsigned char value);

/* ---- Guarded objects (x86/guard.c) ---- */

/* Takes the slots' table from the boot map. */
void guard_start(struct bootmem *boot, uint64_t ram_bytes);
/* Frames and page tables can be had. */
void guard_ready(void);
/* Where guarded objects begin, and vmalloc ends. */
uintptr_t guard_window(void);
bool guard_subject_at(uintptr_t address, struct subject *found);
void guard_each(void (*visit)(const struct subject *subject, void *arg), void *arg);
void guard_print_use(struct printer *out);

/* ---- Quarantine (quarantine.c) ---- */

/* Chooses how much may be kept back. */
void quarantine_start(uint64_t ram_bytes);
/* Keeps a freed object back, and lets the oldest go that have no room. False: quarantine is off, or
 * the object is too large for it. */
bool quarantine_keep(const struct subject *subject, const void *caller);
void quarantine_print_use(struct printer *out);

/* What gives whole frames back to their allocator (kmalloc.c). */
void kmalloc_put_frames(void *memory);

/* ---- Frames (pages.c) ---- */

/* Takes the notes from the boot map. */
void pages_start(struct bootmem *boot);
/* What the frames' allocator tells; only while DEBUG_PAGES is on. */
void debug_frames_allocated(pfn_t head, size_t count, const void *caller);
void debug_frames_freed(pfn_t head, size_t count, const void *caller);
/* Who had a frame that is freed wrongly; nothing when it is not known. The caller panics. */
void debug_bad_free(pfn_t frame, const char *what, const void *caller);
/* Two stacks, for the story of a frame; nothing without DEBUG_PAGES. */
void debug_print_frame(struct printer *out, pfn_t frame);
/* False after a report of a free frame that was written to. */
bool debug_pages_check(void);

/* ---- Reports (report.c) ---- */

/* Reports and panics. `at` = the byte to show, or NULL; `caller` = who is at work now. */
_Noreturn void debug_report(const struct subject *subject, const char *bug,
                            const unsigned char *at, const void *caller);
/* How to be there when it happens: where the byte at `wrong` is written (NULL: no byte was), or
 * where `caller` calls. */
void debug_say_how(const unsigned char *wrong, const void *caller);
/* For a free of an address that is not the object's. */
_Noreturn void debug_inside(const struct subject *subject, const void *address,
                            const void *caller);
/* The first part of it, for those who go on: what happened to which object, the byte, and who
 * allocated and freed it. A damaged record is not asked. */
void debug_tell(const struct subject *subject, const char *bug, const unsigned char *at);
/* Who allocated and who freed. */
void debug_print_story(struct printer *out, const struct record *record);
/* "did" and the call that returns to `code`, with its name when there is one. */
void debug_print_who(struct printer *out, const char *did, const void *code);
/* Three lines of memory around a byte, which a caret marks. Nothing outside [start, end) is read;
 * `object` and `object_end` are marked by bars. */
struct drawing {
    const unsigned char *start, *end;
    const unsigned char *object, *object_end;
    const unsigned char *at;
    uintptr_t address;  /* of `start`, as a reader knows it */
    const char *where; /* what `at` is part of, for the remark behind the caret */
};
void debug_draw(struct printer *out, const struct drawing *drawing);
/* An object's first bytes. */
void debug_draw_start(struct printer *out, const struct subject *subject, size_t bytes);

/* ---- Stacks (stacks.c) ---- */

/* Takes the depot from the boot map. */
void stacks_start(struct bootmem *boot, uint64_t ram_bytes);
/* The number of the calls that led here, from the one that returns to `caller` on (NULL: all); 0
 * when stacks are off or there is no room for another. */
uint32_t stack_save(const void *caller);
/* "did NAME" and then "called by NAME" for each call further out; by `caller` alone when there is
 * no stack. Nothing when there is neither. */
void stack_print(struct printer *out, const char *did, uint32_t stack, const void *caller);
void stacks_print_use(struct printer *out);

#endif
