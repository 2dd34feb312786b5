/* page_cache.pml - mm/pmm.c, mm/pmm_fast.h and mm/drain.c: each CPU's stack of free frames, before the
 * zone with its lock.
 *
 *   CPU 0: takes and gives ──► stack 0 ─┐ batches     an interrupt on CPU 0: takes and gives, too
 *   CPU 1: takes and gives ──► stack 1 ─┴───► zone    an interrupt from CPU 1: stack 0 is drained
 *
 * A CPU's stack has no lock: the CPU claims it by a flag that is no atomic, and an interrupt that
 * comes in between finds the flag set and goes to the zone. Nobody else touches the stack: who wants
 * another CPU's frames sends it an interrupt, which finds the flag set or not. A frame that one CPU
 * took another may give.
 *
 * Holds:    a frame that is handed out is nobody else's; in the end all are in the zone, each once.
 * Broken:   -DNO_CLAIM         the interrupt does not look at the flag
 *           -DFROM_AFAR        who drains claims the other CPU's stack by himself
 *           -DRELEASED_EARLY   the flag goes before the count is stored
 *           -DMARKED_LATE      a frame given is on the stack before its descriptor says so
 *           -DNO_LOCK          the zone without its lock
 */
#define FRAMES  3
#define LIMIT   2 /* on a stack */
#define BATCH   2
#define NOTHING 255

mtype = {IN_ZONE, CACHED, ALLOCATED};

mtype state[FRAMES] = IN_ZONE; /* the descriptors */
byte zone[FRAMES];             /* free frames in the zone: a list stands for the buddy */
byte zone_count;
bool zone_lock;

typedef stack_of {
    byte count;
    byte frame[LIMIT];
};
stack_of stack[2];
bool busy[2];         /* frames_busy */
bool interrupted[2];  /* an interrupt runs on the CPU, and what it came between stands still */
bool closed[2];       /* interrupts off */
bool drain_wanted[2];

chan out = [FRAMES] of {byte}; /* frames in somebody's hands */

inline lock_zone() {
    closed[cpu] = true;
#ifndef NO_LOCK
    atomic { !zone_lock -> zone_lock = true }
#endif
}

inline unlock_zone() {
    zone_lock = false;
    closed[cpu] = interrupted[cpu]
}

inline zone_take(into) {
    into = NOTHING;
    kept = zone_count;
    if
    :: kept > 0 -> into = zone[kept - 1]; zone_count = kept - 1
    :: else
    fi
}

/* The buddy gets a frame whose descriptor says so already. */
inline zone_give(which) {
    kept = zone_count;
    assert(kept < FRAMES && state[which] == IN_ZONE);
    zone[kept] = which;
    zone_count = kept + 1
}

inline zone_give_new(which) {
    assert(state[which] != IN_ZONE);
    state[which] = IN_ZONE;
    zone_give(which)
}

/* cpu_claim: a load, then a store. */
inline claim(whose) {
    claimed = !busy[whose];
    if
    :: claimed -> busy[whose] = true
    :: else
    fi
}

/* stack_flush: the frames that came last, `leave` stay. Descriptors change before the lock is taken. */
inline flush(whose, leave) {
    moved = stack[whose].count;
    stack[whose].count = leave;
    kept = leave;
    do
    :: kept < moved ->
        assert(state[stack[whose].frame[kept]] == CACHED);
        state[stack[whose].frame[kept]] = IN_ZONE;
        kept++
    :: else -> break
    od;
    lock_zone();
    do
    :: moved > leave -> moved--; zone_give(stack[whose].frame[moved])
    :: else -> break
    od;
    unlock_zone()
}

/* stack_refill, of an empty stack; descriptors change when the lock is free again (mark_cached). */
inline refill() {
    lock_zone();
    do
    :: stack[cpu].count < BATCH ->
        zone_take(moved);
        if
        :: moved == NOTHING -> break
        :: else -> stack[cpu].frame[stack[cpu].count] = moved; stack[cpu].count++
        fi
    :: else -> break
    od;
    unlock_zone();
    moved = 0;
    do
    :: moved < stack[cpu].count ->
        assert(state[stack[cpu].frame[moved]] == IN_ZONE);
        state[stack[cpu].frame[moved]] = CACHED;
        moved++
    :: else -> break
    od
}

/* pmm_take_ready; behind it alloc_slow. */
inline take() {
    frame = NOTHING;
    claim(cpu);
#ifdef NO_CLAIM
    claimed = true;
#endif
    if
    :: claimed ->
        if
        :: stack[cpu].count == 0 -> refill()
        :: else
        fi;
        if
        :: stack[cpu].count > 0 ->
            kept = stack[cpu].count - 1;
            frame = stack[cpu].frame[kept];
#ifdef RELEASED_EARLY
            busy[cpu] = false;
#endif
            stack[cpu].count = kept
        :: else
        fi;
        busy[cpu] = false
    :: else
    fi;
    if
    :: frame == NOTHING -> lock_zone(); zone_take(frame); unlock_zone() /* zone_alloc */
    :: else
    fi;
    if
    :: frame != NOTHING ->
        d_step { assert(state[frame] != ALLOCATED); state[frame] = ALLOCATED };
        out!frame
    :: else
    fi;
    frame = 0
}

/* pmm_keep_ready; behind it free_to_stack, and zone_free when the stack is claimed. */
inline give() {
    if
    :: out?frame ->
        assert(state[frame] == ALLOCATED);
        claim(cpu);
#ifdef NO_CLAIM
        claimed = true;
#endif
        if
        :: claimed ->
            if
            :: stack[cpu].count == LIMIT -> flush(cpu, LIMIT - BATCH / 2)
            :: else
            fi;
            kept = stack[cpu].count;
            stack[cpu].frame[kept] = frame;
#ifndef MARKED_LATE
            state[frame] = CACHED;
#endif
            stack[cpu].count = kept + 1;
            busy[cpu] = false;
#ifdef MARKED_LATE
            state[frame] = CACHED
#endif
        :: else -> lock_zone(); zone_give_new(frame); unlock_zone()
        fi
    :: empty(out)
    fi;
    frame = 0
}

/* pmm_drain_of: on this CPU, for itself or for another. */
inline drain(whose) {
    claim(whose);
    if
    :: claimed -> flush(whose, 0); busy[whose] = false
    :: else
    fi
}

/* pmm_drain_others: the other CPU is asked, while it works (cpu_ask). */
inline drain_other() {
#ifdef FROM_AFAR
    drain(1 - cpu)
#else
    drain_wanted[1 - cpu] = true;
    !drain_wanted[1 - cpu]
#endif
}

proctype tasks(byte cpu) provided (!interrupted[cpu]) {
    byte frame, kept, moved;
    bool claimed;

    take();
    if
    :: cpu == 1 -> drain_other()
    :: cpu == 0 -> take()
    fi;
    give();
    give();
    drain(cpu)
}

/* One interrupt that takes and gives, and those that are sent to drain. */
proctype interrupts(byte cpu) {
    byte frame, kept, moved;
    bool claimed, came;

end:
    do
    :: atomic { !closed[cpu] && !came && cpu == 0 -> came = true; interrupted[cpu] = true;
                closed[cpu] = true };
        take();
        give();
        atomic { closed[cpu] = false; interrupted[cpu] = false }
    :: atomic { !closed[cpu] && drain_wanted[cpu] -> interrupted[cpu] = true; closed[cpu] = true };
        drain(cpu);
        atomic { drain_wanted[cpu] = false; closed[cpu] = false; interrupted[cpu] = false }
    od
}

/* Everything is given back, and every frame is in the zone once. */
inline take_stock() {
    do
    :: out?frame -> zone_give_new(frame)
    :: empty(out) -> break
    od;
    assert(zone_count == FRAMES && stack[0].count == 0 && stack[1].count == 0);
    frame = 0;
    do
    :: frame < FRAMES -> assert(state[frame] == IN_ZONE); seen = seen | 1 << zone[frame]; frame++
    :: else -> break
    od;
    assert(seen == (1 << FRAMES) - 1)
}

init {
    byte frame, kept, moved, cpu, seen;
    bool claimed;

    atomic {
        do
        :: frame < FRAMES -> zone[frame] = frame; frame++
        :: else -> break
        od;
        zone_count = FRAMES;
        run interrupts(0);
        run interrupts(1);
        run tasks(0);
        run tasks(1)
    };
    /* The tasks have ended, no interrupt is under way, and no more comes. */
    atomic {
        _nr_pr == 3 && !interrupted[0] && !interrupted[1] ->
        interrupted[0] = true; closed[0] = true;
        interrupted[1] = true; closed[1] = true
    };
    drain(0);
    drain(1);
    take_stock()
}
