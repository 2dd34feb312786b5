/* shootdown.pml - mm/tlb.c: translations that are taken away while other CPUs have them.
 *
 *   who takes rights away (W)                         a CPU that has them
 *     W1  entries out of the tables                     active:  H1 interrupt: forgets, H2 answers
 *     W2  reads `cpus`; who rests finds a note,         rests:   A1 active, A2 note there? forgets
 *         if he still rests when it is there            is gone: A1' into `cpus`, A2' loads CR3
 *     W3  asks the others
 *     W4  waits, and answers meanwhile
 *     W5  frees the frames
 *
 * Pages 0 and 1 belong to the space that all CPUs run in, 2 and 3 to the kernel's half of all
 * spaces. The space's pages lie in one page table; a CPU remembers the way there as well as single
 * translations, and may follow it whenever the space is loaded, resting or not. A child of fork has
 * the table as well; when the space has got a copy in its place the child may free it, and asks
 * nobody here. When the last task is gone, whoever still has the space loaded is made to leave it
 * before its directory is freed.
 *
 * Memory is sequentially consistent here: a step that stores and then looks at what another CPU
 * stores needs a locked instruction between the two in the code.
 *
 * Holds:    no CPU uses a translation of a frame that was freed, nor walks a table or a directory
 *           that was freed; nobody waits for ever.
 * Also:     -DCPUS=3 -DACTIONS=1
 * Broken:   -DNO_WAIT          W4 is left out
 *           -DNO_SECOND_LOOK   W2 leaves the note, and does not look whether the CPU still rests
 *           -DNOTE_READ_EARLY  A2 before A1
 *           -DFREED_AS_TAKEN   W5 for the first frame of a batch before W4
 *           -DTABLES_LAZILY    a table is freed as pages are: who rests is not asked
 *           -DCOPIED_LAZILY    a table that a copy stands for is left as pages are freed
 *           -DJOIN_LATE        A2' before A1'
 *           -DLEAVE_EARLY      a CPU takes itself out of `cpus` before it loads another CR3
 *           -DDEAF             W4 with interrupts off, without answering
 *           -DANSWER_OPEN      W4 answers with interrupts on, which answer as well
 *           -DWAIT_LOCKED      W4 under a spinlock that others take with interrupts off
 *           -DNO_EVICTION      the directory is freed while CPUs rest with it
 */
#ifndef CPUS
#define CPUS 2
#endif
#ifndef ACTIONS
#define ACTIONS 2
#endif
#if CPUS == 2
#define ASKED (cpu[0].waiting | cpu[1].waiting)
#else
#define ASKED (cpu[0].waiting | cpu[1].waiting | cpu[2].waiting)
#endif

#define BIT(n)  (1 << (n))
#define ALL     (BIT(CPUS) - 1)
#define PAGES   4
#define USER    (BIT(0) | BIT(1))  /* pages, as a range */
#define NOBODY  255

mtype = {NONE, SPACE, OTHER};

/* Tables. An entry, and what a CPU remembers of it, is the number of a frame: page + 1; 0 = nothing.
 */
byte entry[PAGES];
bool linked = true; /* the directory leads to the space's table */
bool copied;        /* ... which is a copy of the one that it began with */
bool freed[PAGES + 1];
bool first_freed, copy_freed, directory_freed;

/* struct tlb_cpu, and what the CPU itself remembers. */
typedef cpu_state {
    mtype active_space, loaded;
    bool stale;
    byte waiting; /* CPUs that did not answer yet */
    byte range;   /* pages that it asks to forget */
    bool leave;
    bool closed;  /* interrupts off */
    mtype cr3;
    byte tlb[PAGES];
    bool path;    /* knows where the space's table is ... */
    bool first;   /* ... or was before it was copied */
};
cpu_state cpu[CPUS];
byte cpus = ALL;    /* of the space */
byte users = CPUS;  /* its tasks */
byte kernel_next = 2;

byte space_lock = NOBODY, kernel_lock = NOBODY; /* mutexes: who waits sleeps */
byte table_lock = NOBODY;                       /* a spinlock */

inline acquire(lock) { atomic { lock == NOBODY -> lock = me } }
inline release(lock) { lock = NOBODY }

/* ---- what the paging unit does ---- */

inline forget(c, pages) {
    if :: (pages) & BIT(0) -> cpu[c].tlb[0] = 0 :: else fi;
    if :: (pages) & BIT(1) -> cpu[c].tlb[1] = 0 :: else fi;
    if :: (pages) & BIT(2) -> cpu[c].tlb[2] = 0 :: else fi;
    if :: (pages) & BIT(3) -> cpu[c].tlb[3] = 0 :: else fi;
    cpu[c].path = false;
    cpu[c].first = false
}

/* The kernel's pages are global: they stay. */
inline load_cr3(c, space) {
    cpu[c].cr3 = space;
    forget(c, USER)
}

/* By order or by itself. */
inline walk(page) {
    if
    :: page >= 2 -> cpu[me].tlb[page] = entry[page]
    :: page < 2 && cpu[me].cr3 == SPACE ->
        assert(!directory_freed);
        if
        :: !cpu[me].path && linked -> cpu[me].path = true; cpu[me].first = !copied
        :: else
        fi;
        if
        :: cpu[me].path ->
            assert(cpu[me].first -> !first_freed : !copy_freed);
            cpu[me].tlb[page] = entry[page]
        :: else
        fi
    :: else
    fi
}

inline use(page) {
    d_step {
        if
        :: cpu[me].tlb[page] == 0 -> walk(page)
        :: else
        fi;
        assert(!freed[cpu[me].tlb[page]])
    }
}

/* ---- answers ---- */

/* load(cpu, NULL) in one step: the interrupt's. */
inline leave_space(c) {
    load_cr3(c, NONE);
    if
    :: cpu[c].loaded == SPACE -> cpus = cpus & ~BIT(c)
    :: else
    fi;
    cpu[c].loaded = NONE
}

/* The interrupt on CPU c, for it one step. */
proctype interrupts(byte c) {
    byte s;
end:
    do
    :: atomic {
        !cpu[c].closed && ASKED & BIT(c) ->
        s = 0;
        do
        :: s < CPUS ->
            if
            :: cpu[s].waiting & BIT(c) ->
                forget(c, cpu[s].range);
                if
                :: cpu[s].leave && cpu[c].loaded == SPACE && cpu[c].active_space == NONE ->
                    leave_space(c)
                :: else
                fi;
                cpu[s].waiting = cpu[s].waiting & ~BIT(c)
            :: else
            fi;
            s++
        :: else -> break
        od;
        s = 0
    }
    od
}

/* tlb_answer in a loop that waits: step by step, since others go on meanwhile. */
inline answer_others() {
#ifndef ANSWER_OPEN
    cpu[me].closed = true;
#endif
    c = 0;
    do
    :: c < CPUS ->
        if
        :: cpu[c].waiting & BIT(me) ->
            range = cpu[c].range;
            d_step {
                forget(me, range);
                if
                :: cpu[c].leave && cpu[me].loaded == SPACE && cpu[me].active_space == NONE ->
                    leave_space(me)
                :: else
                fi
            };
            cpu[c].waiting = cpu[c].waiting & ~BIT(me);
            range = 0
        :: else
        fi;
        c++
    :: else -> break
    od;
    c = 0;
#ifndef ANSWER_OPEN
    cpu[me].closed = false
#endif
}

/* ---- questions ---- */

inline wait_for_answers() {
#ifdef DEAF
    cpu[me].closed = true;
    cpu[me].waiting == 0;
    cpu[me].closed = false
#else
#ifdef NO_WAIT
    if
    :: cpu[me].leave -> cpu[me].waiting == 0
    :: else
    fi
#else
    do
    :: cpu[me].waiting == 0 -> break
    :: cpu[me].waiting != 0 && ASKED & BIT(me) -> answer_others()
    od
#endif
#endif
}

inline ask(whom, pages, leaving) {
    d_step { cpu[me].range = pages; cpu[me].leave = leaving };
    cpu[me].waiting = whom; /* W3 */
    wait_for_answers();     /* W4 */
    cpu[me].leave = false
}

/* leave_notes: `asked` loses who rests. */
inline leave_notes() {
    c = 0;
    do
    :: c < CPUS ->
        if
        :: asked & BIT(c) && cpu[c].active_space == NONE ->
            cpu[c].stale = true;
#ifdef NO_SECOND_LOOK
            asked = asked & ~BIT(c)
#else
            if
            :: cpu[c].active_space == NONE -> asked = asked & ~BIT(c)
            :: else
            fi
#endif
        :: else
        fi;
        c++
    :: else -> break
    od;
    c = 0
}

inline shoot(pages, tables) {
    asked = cpus & ~BIT(me);
    if
    :: tables
    :: else -> leave_notes()
    fi;
    ask(asked, pages, tables);
    asked = 0
}

/* munmap of both pages; of their table too when `whole`. */
inline unmap(whole) {
    acquire(space_lock);
    cpu[me].closed = true;
    acquire(table_lock);
    entry[0] = 0; /* W1 */
#ifdef FREED_AS_TAKEN
    freed[1] = true;
#endif
    d_step { entry[1] = 0; linked = linked && !whole };
#ifndef WAIT_LOCKED
    release(table_lock);
#endif
    cpu[me].closed = false;
    d_step { forget(me, USER) };
#ifdef TABLES_LAZILY
    shoot(USER, false);
#else
    shoot(USER, whole);
#endif
#ifdef WAIT_LOCKED
    release(table_lock);
#endif
    d_step {
        freed[1] = true; /* W5 */
        freed[2] = true;
        if
        :: whole && copied -> copy_freed = true
        :: whole && !copied -> first_freed = true
        :: else
        fi
    };
    release(space_lock)
}

/* unshare; then the child ends. */
inline copy_table() {
    acquire(space_lock);
    if
    :: linked && !copied ->
        copied = true;
        d_step { forget(me, USER) };
#ifdef COPIED_LAZILY
        shoot(USER, false);
#else
        shoot(USER, true);
#endif
        first_freed = true
    :: else
    fi;
    release(space_lock)
}

/* vfree of the next page of the kernel's half: tlb_shoot_all. */
inline unmap_kernel() {
    acquire(kernel_lock);
    if
    :: kernel_next < PAGES ->
        entry[kernel_next] = 0;
        d_step { forget(me, BIT(kernel_next)) };
        ask(ALL & ~BIT(me), BIT(kernel_next), false);
        freed[kernel_next + 1] = true;
        kernel_next++
    :: else
    fi;
    release(kernel_lock)
}

/* ---- a task comes and goes ---- */

/* space_activate of other tables; `mine`: whether those are the space's. Interrupts may come at any
 * point. */
inline change_tables(space) {
    cpu[me].active_space = space;
#ifndef JOIN_LATE
    if
    :: space == SPACE -> cpus = cpus | BIT(me) /* A1' */
    :: else
    fi;
#endif
#ifdef LEAVE_EARLY
    if
    :: cpu[me].loaded == SPACE -> cpus = cpus & ~BIT(me)
    :: else
    fi;
    d_step { walk(0) };
#endif
    d_step { load_cr3(me, space) }; /* A2' */
    d_step { walk(1) };
    d_step { old = cpu[me].loaded; cpu[me].loaded = space };
    if
    :: old == SPACE && space != SPACE -> cpus = cpus & ~BIT(me)
    :: else
    fi;
#ifdef JOIN_LATE
    if
    :: space == SPACE -> cpus = cpus | BIT(me)
    :: else
    fi;
#endif
    old = NONE
}

inline activate() {
#ifdef NOTE_READ_EARLY
    note = cpu[me].stale;
    cpu[me].active_space = SPACE;
#else
    cpu[me].active_space = SPACE; /* A1 */
    note = cpu[me].stale;   /* A2 */
#endif
    if
    :: cpu[me].loaded != SPACE -> change_tables(SPACE)
    :: cpu[me].loaded == SPACE && note -> cpu[me].stale = false; d_step { forget(me, USER) }
    :: else
    fi;
    note = false
}

/* A task of the kernel, or none, runs for a while; the paging unit walks when it likes. */
inline rest() {
    cpu[me].active_space = NONE;
    d_step { walk(0) };
    use(2);
    activate()
}

/* A fault takes the lock of the table, as all do, with interrupts off. */
inline fault() {
    cpu[me].closed = true;
    acquire(table_lock);
    release(table_lock);
    cpu[me].closed = false
}

/* tlb_evict, by the CPU of the last task. */
inline evict() {
    change_tables(NONE);
#ifndef NO_EVICTION
    shoot(USER, true);
    cpus == 0;
#endif
    directory_freed = true
}

proctype tasks(byte me) {
    byte actions, c, asked, range;
    bool note, last;
    mtype old = NONE;

    do
    :: actions < ACTIONS ->
        actions++;
        if
        :: use(0); use(1); use(2); use(3)
        :: me + CPUS < 4 -> unmap(false)
        :: me + CPUS < 4 -> unmap(true)
        :: me + CPUS < 4 -> unmap_kernel()
        :: me + CPUS < 4 -> copy_table()
        :: rest()
        :: change_tables(OTHER); use(2); change_tables(SPACE)
        :: fault()
        fi
    :: else -> break
    od;
    use(0);
    use(2);
    use(3);
    cpu[me].active_space = NONE; /* the task ends; idle rests with the space */
    d_step { users--; last = users == 0 };
    if
    :: last -> evict()
    :: else -> d_step { walk(1) }; use(3)
    fi
}

init {
    byte c;

    atomic {
        do
        :: c < PAGES -> entry[c] = c + 1; c++
        :: else -> break
        od;
        c = 0;
        do
        :: c < CPUS -> cpu[c].active_space = SPACE; cpu[c].loaded = SPACE; cpu[c].cr3 = SPACE; c++
        :: else -> break
        od;
        c = 0;
        do
        :: c < CPUS -> run interrupts(c); run tasks(c); c++
        :: else -> break
        od
    }
}
