/* leaks.c - objects that nothing leads to any more.
 *
 *   roots: variables, stacks, registers ──► object ──► object ──► ...
 *                                           object ──► object            <- leaks, a chain of them
 *
 * A search reads every word of the roots (the platform says what they are) as if it were a pointer.
 * A word that lies in a live object reaches that object, whatever part of it; its own words are
 * read in turn. What is not reached in the end, nobody can free. Words that are no pointers may
 * look like some, so a leak can hide; but an object that is in use is never reported, as long as
 * whoever uses it keeps a pointer in one of these places. Frames (pages of programs, of files, page
 * tables) are told by number, not by address, and are not searched: mm_check counts them.
 *
 * An object reached has the number of the search in its record, and waits there by a link for its
 * words to be read, so that the search allocates nothing. Leaks are reported by the stack that
 * allocated them, the first of each with what it holds.
 *
 * Cost: 8 instructions for a word of roots and live objects, about 40 for one that is a pointer.
 *
 * Lock: none. Interrupts are off; no other CPU may be in mm/ at the time: the kernel has them stand
 * still (cpus_park).
 */
#include "../slab_private.h"
#include "debug_private.h"

#define GROUPS      24 /* the last takes what has no room */
#define SHOWN_BYTES 32

static uint16_t search;   /* the number of the latest */
static void *unread;      /* objects reached, whose words are still to be read */
static size_t root_bytes; /* of the latest search */

/* ---- Marking ---- */

static void
reach(uintptr_t word)
{
    struct subject subject;
    if (!debug_subject_at(word, &subject))
        return;
    struct record *record = subject.record;
    if (word < (uintptr_t)subject.object || word - (uintptr_t)subject.object >= record->size ||
        record->state != STATE_LIVE || record->scan == search)
        return;
    record->scan = search;
    record->next = unread;
    unread = subject.object;
}

/* Memory may be anything: sanitisers of a hosted program must not mind. */
static __attribute__((no_sanitize("address", "undefined"))) void
read_words(const void *from, const void *to)
{
    uintptr_t first = ((uintptr_t)from + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    for (; first + sizeof(void *) <= (uintptr_t)to; first += sizeof(void *))
        reach(*(const uintptr_t *)first);
}

static void
read_root(const void *from, const void *to)
{
    root_bytes += (uintptr_t)to - (uintptr_t)from;
    read_words(from, to);
    while (unread) {
        struct subject subject;
        bool found = debug_subject_at((uintptr_t)unread, &subject);
        ASSERT(found);
        unread = subject.record->next;
        read_words(subject.object, subject.object + subject.record->size);
    }
}

/* ---- Reporting ---- */

struct group {
    uint32_t stack;
    const void *caller;
    const char *what;
    unsigned char *first;
    size_t count, bytes;
};

struct findings {
    struct group group[GROUPS];
    unsigned used;
    size_t live, leaked, bytes;
};

static void
gather(const struct subject *subject, void *arg)
{
    struct findings *findings = arg;
    const struct record *record = subject->record;
    unsigned i = 0;
    if (record->state != STATE_LIVE)
        return;
    findings->live++;
    if (record->scan == search)
        return;
    while (i < findings->used && i < GROUPS - 1 &&
           (findings->group[i].stack != record->allocated ||
            findings->group[i].caller != record->allocated_by))
        i++;
    if (i == findings->used)
        findings->group[findings->used++] =
            (struct group){.stack = record->allocated, .caller = record->allocated_by,
                           .what = subject->what, .first = subject->object};
    findings->group[i].count++;
    findings->group[i].bytes += record->size;
    findings->leaked++;
    findings->bytes += record->size;
}

static void
print_group(struct printer *out, const struct group *group)
{
    struct subject subject;
    bool found = debug_subject_at((uintptr_t)group->first, &subject);
    ASSERT(found);
    print(out, "leak: %zu object%s of %s, %zu bytes; the first is %p, allocation #%u\n",
          group->count, group->count == 1 ? "" : "s", group->what, group->bytes,
          (void *)group->first, (unsigned)subject.record->number);
    debug_draw_start(out, &subject, SHOWN_BYTES);
    stack_print(out, "allocated by", group->stack, group->caller);
}

size_t
mm_debug_leaks(struct printer *out)
{
    struct findings findings = {.used = 0};
    if (!debug_on(DEBUG_HEAP)) {
        print(out, "leaks: boot with debug=leaks\n");
        return 0;
    }
    search = (uint16_t)(search + 1 + (search == UINT16_MAX)); /* 0 is of no search */
    root_bytes = 0;
    leak_roots(read_root);
    debug_each(gather, &findings);
    for (unsigned i = 0; i < findings.used; i++)
        print_group(out, &findings.group[i]);
    print(out, "leaks: %zu of %zu objects, %zu bytes; %zu KiB of roots were read\n",
          findings.leaked, findings.live, findings.bytes, root_bytes >> 10);
    return findings.leaked;
}
