/* explain.c - what the aids know about an address that somebody stumbled over: which object it lies
 * in, or beside, and that one's story. For the report of a fault, the monitor and the debugger.
 */
#include "../slab_private.h"
#include "debug_private.h"

static const char *
name_of_state(const struct record *record)
{
    return record->state == STATE_LIVE ? "live" : record->number ? "freed" : "never used";
}

/* How far it is beside the object. */
static void
print_distance(struct printer *out, uintptr_t bytes, const char *side)
{
    print(out, "%lu byte%s %s", (unsigned long)bytes, bytes == 1 ? "" : "s", side);
}

static void
explain_object(struct printer *out, const struct subject *subject, uintptr_t address)
{
    const struct record *record = subject->record;
    uintptr_t object = (uintptr_t)subject->object;
    print(out, "  %#lx is ", (unsigned long)address);
    if (address < object)
        print_distance(out, object - address, "before");
    else if (address < object + record->size || record->state != STATE_LIVE)
        print(out, "byte %lu of", (unsigned long)(address - object));
    else
        print_distance(out, address - object - record->size + 1, "behind");
    print(out, " the %s object %p of %s, %u bytes, allocation #%u\n", name_of_state(record),
          (void *)subject->object, subject->what, (unsigned)record->size,
          (unsigned)record->number);
    debug_print_story(out, record);
}

bool
mm_debug_explain(struct printer *out, uintptr_t address)
{
    struct subject subject;
    if (!debug_subject_at(address, &subject))
        return false;
    explain_object(out, &subject, address);
    return true;
}
