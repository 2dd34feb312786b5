/* drain.c - what the CPUs keep in store goes back.
 *
 * Each CPU has frames on its stacks (pmm.c) and objects in magazines, windows and idle slabs, and
 * slots for magazines (slab.c), to itself, without a lock. So nobody else can take them: the CPU is
 * asked to give them back, and does so in an interrupt, unless that came while it was at work on
 * them (cpu_ask in platform.h).
 *
 *   asker                                    the CPU that is asked
 *   cpu_ask ─────────── interrupt ──────►    claims what it has ──► gives it back ──► "done"
 *           ◄──────────────────────────      is at work on it ──────────────────────► "not now"
 *
 * Who has time asks until it is done: mm_drain, the end of a cache, a test of memory. An allocation
 * that finds nothing asks a few times and goes on without: it may hold what the other waits for. So
 * no allocation fails because of memory that a CPU only keeps for later, but when that CPU is at
 * work all the time: when it waits for a spinlock that the asker holds. (One that is at work for long
 * is giving back itself.) So an allocation with a spinlock held may fail for that, and whoever makes
 * one must be able to do without. What is asked for is what costs least to miss: first frames, and
 * slabs without objects when nothing else is left.
 *
 * What is not given back is a slab with a live object. It stays its CPU's, even when that is
 * stopped: whoever frees an object finds the slab's home without a lock, so nobody can take it over
 * but while all others stand still. When the CPU comes back it finds what was freed meanwhile.
 *
 * Magazines give objects back to slabs of other CPUs, too. Therefore slabs are gone through twice:
 * the second time each CPU finds what the others have given back to it.
 *
 * Lock: none.
 */
#include "debug/debug_private.h"
#include "mm.h"
#include "percpu.h"
#include "pmm_private.h"

/* Asks each of the CPUs that are up, in their order. */
static void
ask_all(bool (*step)(struct mm_cpu *, void *arg), void *arg)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        if (mm_cpus[cpu])
            (void)cpu_ask(cpu, step, arg, true);
}

void
pmm_drain_all(void)
{
    ask_all(pmm_drain_of, NULL);
}

void
slab_ask_all(bool (*step)(struct mm_cpu *, void *arg), void *arg)
{
    quarantine_flush();
    ask_all(step, arg);
    ask_all(step, arg);
}

void
mm_drain(void)
{
    size_t frames = 0;
    slab_ask_all(slab_reap_of, &frames);
    pmm_drain_all();
}

void
mm_drain_cpu(unsigned cpu)
{
    size_t frames = 0;
    quarantine_flush();
    (void)cpu_ask(cpu, slab_reap_of, &frames, true);
    (void)cpu_ask(cpu, pmm_drain_of, NULL, true);
}

/* ---- For an allocation that would fail ---- */

bool
pmm_drain_others(void)
{
    bool some = false;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        if (mm_cpus[cpu] && cpu != cpu_current() && pmm_keeps_frames(mm_cpus[cpu]))
            some |= cpu_ask(cpu, pmm_drain_of, NULL, false);
    return some;
}

/* True when the CPU may have objects to give back; a guess. */
static __attribute__((no_sanitize("thread"))) bool
keeps_objects(const struct mm_cpu *cpu)
{
    return cpu->open || cpu->came;
}

/* False when there was nobody to ask. */
static bool
ask_others(size_t *frames)
{
    bool asked = false;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (!mm_cpus[cpu] || cpu == cpu_current() || !keeps_objects(mm_cpus[cpu]))
            continue;
        (void)cpu_ask(cpu, slab_reap_of, frames, false);
        asked = true;
    }
    return asked;
}

/* Who is asked gives objects back to others' slabs, too: so all are asked again, and this CPU looks
 * at its own. */
size_t
slab_reap_others(void)
{
    size_t frames = 0;
    if (!ask_others(&frames))
        return 0;
    (void)ask_others(&frames);
    return frames + slab_reap_cpu();
}
