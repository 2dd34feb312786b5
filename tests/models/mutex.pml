/* mutex.pml - kernel/include/mutex.h and kernel/tasks/mutex.c: one word, a queue of those who wait.
 *
 * Each task takes the lock once, the first of three twice, alone or shared, by the short way: one
 * instruction that changes the word, whether it succeeds or not. Who failed takes his step back under the queue's
 * lock and serves the queue. He then looks at the word for a while (here: once, sooner or later), and
 * waits in the queue if the lock was not free. Who gives the lock back and finds somebody waiting serves
 * the queue: a task that wakes has the lock.
 *
 * Holds:    who has the lock alone is alone; nobody waits for ever for a lock that is free; I1 of
 *           mutex.c (RW_WAITED is missing exactly while the queue is not empty) whenever the queue's
 *           lock is free; in the end the word says that the lock is free.
 * Also:     -DTASKS=4
 * Broken:   -DWAITED_LATE      RW_WAITED goes only after the look at the word that finds it taken
 *           -DNO_SERVICE       who takes back his step does not serve the queue
 *           -DUNSEEN           who gives back does not look for those who wait
 *           -DLAST_UNSAID      RW_WAITED stays away when the last of the queue has the lock
 */
#ifndef TASKS
#define TASKS 3
#endif

/* Of four tasks two want the lock alone, two shared. */
#define WANTS_ALONE(task)  (TASKS == 3 || task < 2)
#define WANTS_SHARED(task) (TASKS == 3 || task >= 2)

#define RW_FREE   8 /* more than there are tasks */
#define RW_WAITED 128
#define NOBODY    255

short word = RW_FREE;
byte queue_lock = NOBODY;
byte waiting[TASKS]; /* tasks, first come first */
byte length;
bool wants_shared[TASKS];
bool woken[TASKS];
byte alone, sharing; /* who has the lock */
byte ended;

inline add(number) { atomic { word = word + (number); left = word } }

inline queue_acquire() { atomic { queue_lock == NOBODY -> queue_lock = me } }

inline queue_release() {
    d_step {
        assert((word < -RW_WAITED / 2) == (length > 0)); /* I1 */
        queue_lock = NOBODY;
        left = 0
    }
}

/* In one step with what the word says: a compare and exchange. */
inline take_for(task) {
    atomic {
        left = word + RW_WAITED;
        taken = (wants_shared[task] -> left > 0 : left == RW_FREE);
        if
        :: taken -> word = word - (wants_shared[task] -> 1 : RW_FREE)
        :: else
        fi;
        left = 0
    }
}

inline serve() {
    do
    :: length > 0 ->
        take_for(waiting[0]);
        if
        :: taken ->
            d_step {
                woken[waiting[0]] = true;
                length--;
                left = 0;
                do
                :: left < length -> waiting[left] = waiting[left + 1]; left++
                :: else -> break
                od;
                waiting[length] = 0
            };
#ifndef LAST_UNSAID
            if
            :: length == 0 -> add(RW_WAITED)
            :: else
            fi
#endif
        :: else -> break
        fi
    :: else -> break
    od;
    taken = false
}

/* Takes the lock if the word says that it is free: a compare and exchange. */
inline take_now() {
    atomic {
        taken = (wants_shared[me] -> word > 0 : word == RW_FREE);
        word = word - (taken -> (wants_shared[me] -> 1 : RW_FREE) : 0)
    }
}

inline take_back(step) {
    queue_acquire();
    add(step);
#ifndef NO_SERVICE
    serve();
#endif
    queue_release()
}

inline queue_up() {
    queue_acquire();
    if
    :: length == 0 ->
#ifdef WAITED_LATE
        take_now();
        if
        :: !taken -> add(-RW_WAITED)
        :: else
        fi
#else
        add(-RW_WAITED);
        take_for(me);
        if
        :: taken -> add(RW_WAITED)
        :: else
        fi
#endif
    :: else
    fi;
    if
    :: taken -> taken = false; queue_release()
    :: else ->
        d_step { waiting[length] = me; length++ };
        queue_release();
        atomic { woken[me] -> woken[me] = false }
    fi
}

/* `step` failed. */
inline wait(step) {
    take_back(step);
    take_now();
    if
    :: taken -> taken = false
    :: else -> queue_up()
    fi
}

inline hand_over() {
    queue_acquire();
    serve();
    queue_release()
}

inline lock_alone() {
    add(-RW_FREE);
    if
    :: left == 0
    :: else -> wants_shared[me] = false; wait(RW_FREE)
    fi;
    d_step { assert(alone == 0 && sharing == 0); alone++; left = 0 }
}

inline unlock_alone() {
    alone--;
    add(RW_FREE);
#ifndef UNSEEN
    if
    :: left < 0 -> hand_over()
    :: else -> left = 0
    fi
#endif
}

inline lock_shared() {
    add(-1);
    if
    :: left >= 0
    :: else -> wants_shared[me] = true; wait(1)
    fi;
    d_step { assert(alone == 0); sharing++; left = 0 }
}

inline unlock_shared() {
    sharing--;
    add(1);
#ifndef UNSEEN
    if
    :: left < 0 -> hand_over()
    :: else -> left = 0
    fi
#endif
}

/* rw_downgrade. */
inline downgrade() {
    d_step { alone--; sharing++ };
    add(RW_FREE - 1);
    if
    :: left < 0 -> hand_over()
    :: else -> left = 0
    fi
}

proctype task(byte me) {
    byte rounds;
    bool taken;
    short left;

    do
    :: rounds < 1 + (me == 0 && TASKS == 3) ->
        rounds++;
        if
        :: WANTS_ALONE(me) -> lock_alone(); unlock_alone()
        :: WANTS_SHARED(me) -> lock_shared(); unlock_shared()
        :: WANTS_ALONE(me) -> lock_alone(); downgrade(); unlock_shared()
        fi
    :: else -> break
    od;
    ended++
}

init {
    byte i;

    atomic {
        do
        :: i < TASKS -> run task(i); i++
        :: else -> break
        od
    };
    ended == TASKS -> assert(word == RW_FREE && length == 0)
}
