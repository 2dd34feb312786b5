/* wait_queue.pml - kernel/tasks/wait_queue.c and sched.c: a task sleeps, others wake it, CPUs take it.
 *
 *   sleeper, as often as it must:          waker:              clock:
 *     lock; thing there? done                lock; thing; unlock    the sleep times out
 *     joins the queue; unlock; blocks        wakes the queue
 *
 * Each CPU has an idle task, which runs what is READY in the CPU's run queue, or steals it from the
 * other one. A task is a process that goes on only while its stack is on some CPU. A switch holds the
 * lock of the CPU's run queue until the next task is on its own stack, which gives that lock back.
 *
 * Holds:    no wake-up is lost; a task's stack is never on two CPUs, a task never twice in a queue;
 *           who wakes for another reason has left the queue.
 * Broken:   -DJOIN_LATE        the sleeper gives the lock back before it joins the queue
 *           -DBLOCK_BLIND      who blocks does not look whether he has been woken by now
 *           -DNO_LOOK          who wakes does not look whether the task is still on its CPU
 *           -DSWITCH_OPEN      the run queue's lock goes before the stack is left
 *           -DSTAYS            who times out stays in the queue
 *           -DOLD_QUEUE        who wakes does not look again whether the task's run queue has changed
 *           -DMOVES_OPEN       who moves the task to another run queue names that without the lock
 *                              of the old one
 */
#define CPUS    2
#define SLEEPER 0
#define WAKER   1
#define IDLE(c) (2 + (c))
#define TASKS   4
#define NOBODY  255

mtype = {READY, SLEEPING};

mtype state[TASKS] = READY;
byte where[TASKS] = NOBODY;  /* the CPU that its stack is on */
byte queue_of[TASKS];        /* task->queue */
bool timed_out;              /* wake_reason of the sleeper */
byte running[CPUS];          /* run_queue.running */
byte ready[CPUS];            /* tasks in the run queue: a set, so any order of it */
bool run_lock[CPUS];
bool began[TASKS];           /* has been on a CPU */

bool waiting;                /* the sleeper is in the wait queue */
bool wait_lock;
bool thing, thing_lock;      /* what it waits for */

inline acquire(lock) { atomic { !lock -> lock = true } }

/* ---- run queues ---- */

inline append(cpu, task) {
    assert((ready[cpu] & 1 << task) == 0);
    ready[cpu] = ready[cpu] | 1 << task
}

/* switch_away: the lock of the CPU's run queue is held, before as after, then that of the CPU on
 * which the caller goes on. */
inline switch_away() {
    here = where[me];
    to = (ready[here] & 1 -> 0 : (ready[here] & 2 -> 1 : IDLE(here)));
    if
    :: to == me
    :: else ->
        ready[here] = ready[here] & ~(1 << to);
        running[here] = to;
#ifdef SWITCH_OPEN
        run_lock[here] = false;
#endif
        atomic {
            assert(where[to] == NOBODY);
            where[to] = here;
            where[me] = NOBODY
        };
#ifdef SWITCH_OPEN
        acquire(run_lock[where[me]])
#endif
    fi
}

inline block() {
    acquire(run_lock[where[me]]);
    if
#ifdef BLOCK_BLIND
    :: true -> switch_away()
#else
    :: state[me] != READY -> switch_away()
    :: else
#endif
    fi;
    run_lock[where[me]] = false
}

/* sched_wake of the sleeper; any CPU may be chosen for it. */
inline wake(by_clock) {
    do
    :: queue = queue_of[SLEEPER];
       acquire(run_lock[queue]);
       if
#ifndef OLD_QUEUE
       :: queue_of[SLEEPER] != queue -> run_lock[queue] = false
#endif
       :: else -> break
       fi
    od;
    woken = state[SLEEPER] == SLEEPING;
    if
    :: woken ->
        timed_out = by_clock;
        state[SLEEPER] = READY;
        if
#ifdef NO_LOOK
        :: true -> append(queue, SLEEPER); run_lock[queue] = false
#else
        :: running[queue] == SLEEPER -> run_lock[queue] = false
        :: running[queue] != SLEEPER -> append(queue, SLEEPER); run_lock[queue] = false
        :: running[queue] != SLEEPER ->
#ifdef MOVES_OPEN
            run_lock[queue] = false;
            acquire(run_lock[1 - queue]);
            queue_of[SLEEPER] = 1 - queue;
#else
            queue_of[SLEEPER] = 1 - queue; /* place */
            run_lock[queue] = false;
            acquire(run_lock[1 - queue]);
#endif
            append(1 - queue, SLEEPER);
            run_lock[1 - queue] = false
#endif
        fi
    :: else -> run_lock[queue] = false
    fi
}

/* task_wake_all. */
inline wake_all() {
    if
    :: waiting ->
        acquire(wait_lock);
        if
        :: waiting -> waiting = false; wake(false)
        :: else
        fi;
        wait_lock = false
    :: else
    fi
}

/* ---- tasks ---- */

/* task_began: a new task's stack is entered by a switch, too. */
inline begin_task() {
    if
    :: !began[me] -> began[me] = true; run_lock[where[me]] = false
    :: else
    fi
}

inline begin() {
    acquire(wait_lock);
    state[me] = SLEEPING;
    assert(!waiting);
    waiting = true;
    wait_lock = false
}

inline finish() {
    block();
#ifndef STAYS
    if
    :: timed_out ->
        acquire(wait_lock); /* leave_by_myself */
        waiting = false;
        wait_lock = false
    :: else
    fi
#endif
}

/* sched_end. */
inline end_task() {
    acquire(run_lock[where[me]]);
    switch_away()
}

proctype sleeper(byte me) provided (where[me] != NOBODY) {
    byte here, to;

    begin_task();
    do
    :: acquire(thing_lock);
       if
       :: thing -> break
       :: else
       fi;
#ifdef JOIN_LATE
       thing_lock = false;
       begin();
#else
       begin();
       thing_lock = false;
#endif
       finish()
    od;
    assert(!waiting);
    thing_lock = false;
    end_task();
end:
    false
}

proctype waker(byte me) provided (where[me] != NOBODY) {
    byte here, to, queue;
    bool woken;

    begin_task();
    acquire(thing_lock);
    thing = true;
    thing_lock = false;
    wake_all();
    end_task();
end:
    false
}

/* An interrupt: of any CPU, whoever runs there. The sleep may time out, and a signal may come. */
proctype clock() {
    byte queue;
    bool woken;

    if
    :: wake(true)
    :: true
    fi
}

/* run_or_halt and steal. */
proctype idle(byte me) provided (where[me] != NOBODY) {
    byte here, to, cpu = me - IDLE(0);

    begin_task();
    do
    :: ready[cpu] != 0 ->
        acquire(run_lock[cpu]);
        switch_away();
        run_lock[cpu] = false
    :: ready[1 - cpu] != 0 ->
        acquire(run_lock[1 - cpu]);
        here = ready[1 - cpu];
        to = (here & 1 -> 0 : 1);
        if
        :: here != 0 ->
            ready[1 - cpu] = here & ~(1 << to);
            queue_of[to] = cpu;
            run_lock[1 - cpu] = false;
            acquire(run_lock[cpu]);
            append(cpu, to);
            run_lock[cpu] = false
        :: else -> run_lock[1 - cpu] = false
        fi
    :: else ->
end:
        (ready[0] | ready[1]) != 0 /* HLT */
    od
}

/* Both tasks begin on CPU 0, or each on a CPU of its own. */
init {
    atomic {
        queue_of[IDLE(1)] = 1;
        where[SLEEPER] = 0;
        running[0] = SLEEPER;
        began[SLEEPER] = true;
        if
        :: where[WAKER] = 1; running[1] = WAKER; queue_of[WAKER] = 1; began[WAKER] = true
        :: where[IDLE(1)] = 1; running[1] = IDLE(1); began[IDLE(1)] = true; ready[0] = 1 << WAKER
        fi;
        run sleeper(SLEEPER);
        run waker(WAKER);
        run clock();
        run clock();
        run idle(IDLE(0));
        run idle(IDLE(1))
    }
}
