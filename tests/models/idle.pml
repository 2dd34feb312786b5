/* idle.pml - kernel/tasks/sched.c: a CPU runs out of tasks while another makes one READY.
 *
 *   CPU 0, whose task never ends, twice:         CPU 1, again and again:
 *     choose_cpu: does CPU 1 idle?                 runs what is in its queue
 *     append to its queue, or to one's own         sets its bit of idle_cpus
 *     in one's own: does it idle now?              takes what waits in the other queue (steal)
 *                                                  halts until the next interrupt
 *
 * The tick, which would wake CPU 1 as well, is left out: nothing has to wait for it.
 *
 * Holds:    CPU 1 runs both tasks.
 * Broken:   -DLOOK_ONCE        who appends does not look again
 *           -DLOOK_FIRST       who idles looks at the other queue before it sets its bit
 */
bool idle;              /* CPU 1's bit of idle_cpus */
bool at_rest = true;    /* run_queue.running of CPU 1 is its idle task */
byte ready[2];          /* tasks in the run queues */
bool run_lock[2];
bool interrupt;         /* on its way to CPU 1: sched_kick */
byte ran;

inline acquire(lock) { atomic { !lock -> lock = true } }

inline choose_cpu() {
    cpu = 0;
    if
    :: idle -> cpu = 1; idle = false
    :: else
    fi
}

inline call_idle() {
    if
    :: idle -> idle = false; interrupt = true
    :: else
    fi
}

inline append() {
    ready[cpu]++;
    if
    :: cpu == 1 && at_rest -> interrupt = true
#ifndef LOOK_ONCE
    :: cpu == 0 -> call_idle()
#endif
    :: else
    fi
}

proctype waker() {
    byte cpu, times;

    do
    :: times < 2 ->
        times++;
        choose_cpu();
        acquire(run_lock[cpu]);
        append();
        run_lock[cpu] = false
    :: else -> break
    od
}

inline steal() {
    if
    :: ready[0] != 0 ->
        acquire(run_lock[0]);
        ready[0]--; /* nobody else takes any */
        run_lock[0] = false;
        acquire(run_lock[1]);
        ready[1]++;
        run_lock[1] = false
    :: else
    fi
}

inline run_next() {
    acquire(run_lock[1]);
    ready[1]--;
    at_rest = false;
    run_lock[1] = false;
    ran++;
    acquire(run_lock[1]);
    at_rest = true;
    run_lock[1] = false
}

inline halt() {
#ifdef LOOK_FIRST
    steal();
    idle = true;
#else
    idle = true;
    steal();
#endif
    if
    :: ready[1] == 0 ->
end:
        interrupt -> interrupt = false /* HLT */
    :: else
    fi;
    idle = false
}

proctype taker() {
    do
    :: ready[1] != 0 -> run_next()
    :: else -> halt()
    od
}

proctype end_of_all() {
    timeout -> assert(ran == 2)
}

init {
    atomic {
        run waker();
        run taker();
        run end_of_all()
    }
}
