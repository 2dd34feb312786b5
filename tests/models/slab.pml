/* slab.pml - mm/slab.c: objects that come back to their slab from CPUs that it does not belong to.
 *
 *   owner: takes from the window, collects ◄── pending ◄── slab ◄── slab ◄── R3 ── others: R1, R2
 *          files slabs: current, listed, full, gone
 *
 * The owner hands objects to the others, who free them (what is a remote free of an interrupt of the
 * owner's own CPU looks the same), and count for themselves as long as they free of the same slab. When
 * the owner runs dry it collects: O1 to O3. A slab that has nothing in use is given back, and its
 * memory may be a new slab at once. Magazines are left out: what is in one is in use for its slab.
 *
 * Holds:    no object is handed out twice, none is lost; a slab that is given back has no object in
 *           use, and nobody touches it any more; in the end all of them are given back.
 * Also:     -DOTHERS=1 -DSTEPS=8
 * Broken:   -DCOUNTED_FIRST    R2 before R1
 *           -DNOT_ONE_STEP     R2 is a load and a store
 *           -DBATCH_BLIND      a free of another slab is counted with those of the last one
 *           -DBATCH_KEPT       what a CPU has counted for itself is never given up
 *           -DPUSHED_TWICE     R3 also when the slab is on the list already
 *           -DPUSH_BLIND       R3 does not look whether the list has changed
 *           -DNEXT_READ_LATE   O2 reads next_pending after it has set remote
 *           -DIDLE_BY_STATE    a slab is given back when the states say that all is free
 *           -DFORGETFUL        O2 counts one free, however many there were
 *           -DEXCESS_FORGOTTEN a full slab has as much in use as it has objects, never more
 */
#ifndef OTHERS
#define OTHERS 2
#endif
#ifndef STEPS
#define STEPS 5
#endif

#define SLABS   2
#define VALID   2   /* objects in a slab */
#define CURRENT 64  /* SLAB_CURRENT */
#define NONE    255

mtype = {LIVE, FREE};

typedef slab_header {
    mtype state[VALID];
    short left;
    short excess;
    short remote;
    byte next_pending;
    bool is_full, is_current, listed;
    bool exists; /* is a slab, and no memory of somebody else's */
};
slab_header slab[SLABS];

/* The owner's part. */
byte pending = NONE;
byte noted = NONE;
byte current_slab = NONE;
byte bits;

chan out = [SLABS * VALID] of {byte, byte}; /* objects in use: slab and number */
bool ended;

/* ---- other CPUs ---- */

inline touch(s) { assert(slab[s].exists) }

inline note_remote(whose) {
    do
    :: first = pending;
       slab[whose].next_pending = first;
       touch(whose);
       atomic {
           if
#ifdef PUSH_BLIND
           :: true -> pending = whose; break
#else
           :: pending == first -> pending = whose; break
           :: else
#endif
           fi
       }
    od;
    first = NONE
}

/* R2 and R3. */
inline count_remote(whose, more) {
#ifdef NOT_ONE_STEP
    touch(whose);
    seen = slab[whose].remote;
    slab[whose].remote = seen + more;
#else
    atomic { touch(whose); seen = slab[whose].remote; slab[whose].remote = seen + more };
#endif
    if
#ifdef PUSHED_TWICE
    :: true -> note_remote(whose)
#else
    :: seen == -1 -> note_remote(whose)
    :: else
#endif
    fi;
    seen = 0
}

inline end_batch() {
    if
    :: batch != NONE -> count_remote(batch, batched + 1); atomic { batch = NONE; batched = 0 }
    :: else
    fi
}

inline put_remote() {
#ifdef COUNTED_FIRST
    count_remote(s, 1);
    touch(s);
    slab[s].state[i] = FREE
#else
    touch(s);
    slab[s].state[i] = FREE; /* R1 */
    if
#ifdef BATCH_BLIND
    :: batch != NONE -> batched++
#else
    :: batch == s -> batched++
#endif
    :: else -> end_batch(); batch = s /* slab_start_batch */
    fi
#endif
}

proctype other() {
    byte s, i, first = NONE, batch = NONE;
    short seen, batched;

    do
    :: atomic {
        out?s,i ->
        touch(s);
        assert(slab[s].state[i] == LIVE)
       };
       put_remote();
       atomic { s = 0; i = 0 }
#ifdef BATCH_KEPT
    :: ended && empty(out) -> break
#else
    :: batch != NONE -> end_batch() /* reap_part */
    :: ended && empty(out) && batch == NONE -> break
#endif
    od
}

/* ---- the owner ---- */

inline drop_slab(s) {
    d_step {
        assert(!slab[s].listed && !slab[s].is_current && slab[s].remote == -1);
        assert(slab[s].state[0] == FREE && slab[s].state[1] == FREE);
        slab[s].exists = false
    }
}

inline make_slab(s) {
    d_step {
        slab[s].exists = true;
        slab[s].state[0] = FREE;
        slab[s].state[1] = FREE;
        slab[s].remote = -1;
        slab[s].left = 0;
        slab[s].is_full = false
    }
}

/* A slab that is not current, with `left` objects in use. */
inline file_slab(s) {
    if
    :: slab[s].left >= VALID ->
        assert(!slab[s].listed);
        slab[s].is_full = true;
        slab[s].excess = slab[s].left - VALID;
        slab[s].left = 1
    :: else ->
        slab[s].is_full = false;
        slab[s].listed = true;
        if
#ifdef IDLE_BY_STATE
        :: slab[s].state[0] == FREE && slab[s].state[1] == FREE ->
#else
        :: slab[s].left == 0 ->
#endif
            slab[s].listed = false; drop_slab(s)
        :: else
        fi
    fi
}

inline count_bits(of_bits, into) { into = (of_bits & 1) + (of_bits >> 1) }

inline close_window() {
    if
    :: bits != 0 ->
        count_bits(bits, count);
        slab[current_slab].left = slab[current_slab].left - count;
        bits = 0
    :: else
    fi
}

inline retire_current() {
    if
    :: current_slab != NONE ->
        close_window();
        s = current_slab;
        current_slab = NONE;
        slab[s].is_current = false;
        slab[s].left = slab[s].left - CURRENT;
        file_slab(s)
    :: else
    fi
}

/* Two loads: others free meanwhile. None where nothing that is counted is free. */
inline open_window() {
    if
    :: slab[current_slab].left - CURRENT < VALID ->
        if
        :: slab[current_slab].state[0] == FREE -> bits = bits | 1
        :: else
        fi;
        if
        :: slab[current_slab].state[1] == FREE -> bits = bits | 2
        :: else
        fi;
        count_bits(bits, count);
        slab[current_slab].left = slab[current_slab].left + count
    :: else
    fi
}

inline restore_left(less) {
    slab[s].left = VALID + slab[s].excess - less;
#ifdef EXCESS_FORGOTTEN
    slab[s].left = VALID - less;
#endif
    slab[s].excess = 0
}

/* O1 to O3; `found` says whether there was one. */
inline collect_one() {
    if
    :: noted == NONE && pending != NONE -> atomic { noted = pending; pending = NONE } /* O1 */
    :: else
    fi;
    found = noted != NONE;
    if
    :: found ->
        s = noted;
        touch(s);
#ifndef NEXT_READ_LATE
        noted = slab[s].next_pending; /* O2 */
#endif
        atomic { count = slab[s].remote + 1; slab[s].remote = -1 };
#ifdef NEXT_READ_LATE
        noted = slab[s].next_pending;
#endif
#ifdef FORGETFUL
        count = 1;
#endif
        if
        :: slab[s].is_full -> restore_left(0); slab[s].is_full = false
        :: else
        fi;
        slab[s].left = slab[s].left - count; /* O3 */
        if
        :: !slab[s].is_current -> file_slab(s)
        :: else
        fi
    :: else
    fi
}

inline make_current() {
    slab[s].listed = false;
    slab[s].is_current = true;
    slab[s].left = slab[s].left + CURRENT;
    current_slab = s
}

/* slab_take: the lowest object of the window. */
inline take_from_window() {
    i = (bits & 1 -> 0 : 1);
    s = current_slab;
    assert(slab[s].exists && slab[s].state[i] == FREE);
    bits = bits & ~(1 << i);
    atomic { slab[s].state[i] = LIVE; out!s,i }
}

/* slab_take_slow. No memory for a third slab: nothing is taken. */
inline take() {
    do
    :: bits != 0 -> take_from_window(); break
    :: bits == 0 ->
        found = false;
        if
        :: current_slab != NONE -> open_window()
        :: else
        fi;
        if
        :: bits == 0 && !slab[0].listed && !slab[1].listed -> collect_one()
        :: else
        fi;
        if
        :: bits == 0 && !found ->
            retire_current();
            if
            :: slab[0].listed -> s = 0; make_current()
            :: !slab[0].listed && slab[1].listed -> s = 1; make_current()
            :: !slab[0].listed && !slab[1].listed && !slab[0].exists ->
                s = 0; make_slab(0); make_current()
            :: !slab[0].listed && !slab[1].listed && slab[0].exists && !slab[1].exists ->
                s = 1; make_slab(1); make_current()
            :: else -> break
            fi
        :: else
        fi
    od
}

/* The owner frees an object of its own: slab_put_local. */
inline give() {
    if
    :: out?s,i ->
        assert(slab[s].exists && slab[s].state[i] == LIVE);
        slab[s].state[i] = FREE;
        slab[s].left--;
        if
        :: slab[s].left == 0 ->
            if
            :: slab[s].is_full -> restore_left(1)
            :: else
            fi;
            file_slab(s)
        :: else
        fi
    :: empty(out)
    fi
}

/* reap_part. */
inline reap() {
    found = true;
    do
    :: found -> collect_one()
    :: else -> break
    od;
    close_window();
    if
    :: current_slab != NONE -> retire_current()
    :: else
    fi
}

proctype owner() {
    byte s, i, steps;
    short count;
    bool found;

    do
    :: steps < STEPS ->
        steps++;
        if
        :: take()
        :: give()
        :: reap()
        fi;
        atomic { s = 0; i = 0; count = 0; found = false }
    :: else -> break
    od;
    ended = true;
    _nr_pr == 2; /* the others have ended */
    reap();
    assert(pending == NONE && noted == NONE && !slab[0].exists && !slab[1].exists)
}

init {
    byte i;

    atomic {
        run owner();
        do
        :: i < OTHERS -> run other(); i++
        :: else -> break
        od
    }
}
