/* task.h - threads and processes.
 *
 * A task is one thread: a kernel stack, registers, a place in the scheduler. A process is what its
 * threads share: number, parent and children, address space, open files, signal actions.
 *
 *   process ──► space, files, folder, actions        parent ◄── children (list)
 *      ▲  ▲
 *   task  task          run queue: READY tasks in a ring; everyone else waits in a wait queue
 *
 * The kernel is not preempted: a task gives its CPU up only in task_sleep, task_yield and on the
 * way back to ring 3. Interrupts may wake tasks at any time.
 *
 * Lock: process_lock guards what a process may ask of another or do to it. That is: the tables and
 * the family tree, who has which threads, groups and sessions, how a process stands (dead, exiting,
 * stopped, its status), and which space, files, folder, actions and executable it has. Its own threads
 * read the latter without the lock: they change only when one thread is left, files but with all CPUs
 * standing still. Pending signals have a lock of their own: signals/signal_private.h.
 * What a task has of its own (registers, segments, robust list) is that task's only. A process or a
 * task that was found lives on while the lock is held, or a reference (process_get).
 */
#ifndef OCTAVO_TASK_H
#define OCTAVO_TASK_H

#include "kasan.h"
#include "space.h"
#include "this_cpu.h"
#include "trap.h"
#include "wait_queue.h"

struct files;  /* open files (file.h) */
struct folder; /* current directory, umask (file.h) */
struct actions; /* what to do on which signal (signal.h) */
struct fpu_state;
struct mutex;
struct signal_info;
struct task;

#define KERNEL_STACK_SIZE (8192u * KASAN_STACKS)
#define TASK_NAME_SIZE    16
#define PROCESS_LIMITS    16 /* RLIM_NLIMITS */

typedef uint64_t sigset_t; /* bit n-1: signal n, 1..64 */

enum task_state { TASK_READY, TASK_SLEEPING, TASK_SLEEPING_LONG, TASK_SLEEPING_HARD, TASK_DEAD };

struct limit {
    uint32_t soft, hard;
};

/* A timer of the tick: `fire` is called with interrupts off when timer_ticks() reaches `when`. */
struct tick_timer {
    uint32_t when;
    bool armed;
    void (*fire)(struct tick_timer *self);
    struct tick_timer *next, **link; /* of one slot of the wheel: kernel/tasks/ticks.c */
};

/* Ticks of computing until a signal; 0: none is to come. Lock: kernel/tasks/itimer.c. */
struct countdown {
    uint32_t left, interval;
};

struct process {
    uint32_t refs; /* one while it is in the tables, and one for each process_get */
    int pid, group, session;
    int parent_pid; /* the same as parent->pid, to be read without a lock */
    struct process *parent, *children, *next_sibling, *previous_sibling;
    struct process *next, *previous; /* of all processes */
    struct process *next_hash;       /* of those with a similar pid */
    struct task *threads;            /* linked by next_thread */
    unsigned thread_count;
    unsigned ending; /* of them have begun to end */
    struct address_space *space;
    struct files *files;
    struct folder *folder;
    struct actions *actions;
    struct object *executable; /* what /proc/PID/exe and maps name; may be NULL */
    char name[TASK_NAME_SIZE];
    char path[64];             /* of the executable */

    bool dead;                 /* a zombie: only its status is left */
    bool exiting;              /* exit_group: every thread is on its way out */
    bool orphan;               /* nobody waits for it: it leaves no zombie */
    bool doomed;               /* a thread has taken the signal that ends it. Lock: the signals' */
    struct task *survivor;     /* the thread in execve for which all others end */
    struct wait_queue thread_wait; /* it waits here */
    int status;                /* as wait4 gives it */
    int exit_signal;           /* sent to the parent: SIGCHLD, or 0 */
    int death_signal;          /* sent by the parent's end: prctl(2); or 0 */
    bool executed;             /* it has called execve: its parent must not change its group */
    bool own_space;            /* it has called execve, or ends: the parent of a vfork goes on */
    bool no_new_privileges;    /* prctl(2) */
    bool stopped, continued, stop_reported;
    struct wait_queue child_wait; /* this process waits here for its children */
    struct wait_queue vfork_wait; /* the parent of a vfork waits here */

    sigset_t pending;          /* signals to the process as a whole */
    struct signal_info *infos; /* what is known of them: signal.h */
    struct wait_queue stop_wait; /* threads of a stopped process wait here */
    struct limit limits[PROCESS_LIMITS];
    uint32_t start_ticks;
    uint32_t user_ticks, kernel_ticks, child_user_ticks, child_kernel_ticks;
    /* Of spaces it no longer has, and of children waited for: getrusage. */
    unsigned long minor_faults, major_faults, child_minor_faults, child_major_faults;
    struct tick_timer alarm;   /* setitimer(ITIMER_REAL) */
    uint32_t alarm_interval;   /* ticks */
    struct countdown virtual_timer, profile_timer; /* the others: kernel/tasks/itimer.c */
};

struct task {
    uint32_t work;      /* TASK_WORK_: looked at before each return to ring 3; changed by task_mark,
                         * task_unmark. At offset 0: assembly */
    uint32_t stack_pointer; /* while it does not run. At offset 4: assembly */
    void *stack;        /* KERNEL_STACK_SIZE bytes, an unmapped page below */
    struct address_space *space; /* == process->space; NULL: a kernel thread */
    struct process *process;
    struct task *next_ready, *next_thread;
    struct task *next_hash; /* of those with a similar tid */
    struct run_queue *queue; /* of the CPU where it runs or would; its lock guards `state` */
    uint32_t affinity;  /* a bit for each CPU that it may use */
    enum task_state state;
    int tid;
    uint32_t refs; /* one until it has been reaped, and one for each task_get */
    struct wait_queue *waits_in;
    struct task *next_waiting, *previous_waiting;
    struct tick_timer timeout;
    int wake_reason;

    uint64_t tls[3];           /* descriptors of GDT entries 6..8 */
    struct fpu_state *fpu;     /* NULL until it uses the FPU */
    uint32_t *clear_child_tid; /* user address: zeroed and woken at the thread's end */
    uint32_t robust_list;

    sigset_t pending, blocked, saved_blocked; /* signals to this thread */
    sigset_t awaited;          /* sigtimedwait: these end its sleep although they are blocked */
    struct signal_info *infos; /* of the pending ones */
    sigset_t *child_signals;   /* while it makes a child: for what is sent to many. process_lock */
    uint32_t alt_stack, alt_stack_size; /* size 0: none */
    uint32_t fault_address, fault_code; /* of the signal a fault caused */
    uint32_t fault_error;
    uint16_t fault_trap;
    uint16_t opening;          /* the descriptor it has reserved, and 1; 0: none (files.c) */
    uint32_t cut_short;        /* the call that restart_syscall goes on with; 0: none */
    uint32_t sleep_end;        /* until this tick... */
    bool goes_on;              /* ...that call runs again */
    uint8_t fault_signal;      /* pending because of a fault; 0: none */
    bool wants_shared;         /* while it waits for a lock (mutex.h) */
    bool restore_blocked;      /* sigsuspend: give saved_blocked back after the handler */

    uint32_t user_ticks, kernel_ticks;
    unsigned long fail_in;     /* /proc/self/fail-nth: mm_fail_nth while this task runs */
};

enum {
    TASK_WORK_RESCHED = 1, /* its time is up, or somebody more urgent is ready */
    TASK_WORK_SIGNAL = 2,  /* a signal may have to be delivered */
    TASK_WORK_EXIT = 4,    /* the thread ends: its process does, or another of its threads execs */
    TASK_WORK_LOCKS = 64, /* lockorder: it should hold none (lock_order_leave) */
    TASK_WORK_PARK = 32, /* another CPU wants this one to stand still: smp.h */
    TASK_WORK_MOVE = 16, /* it may not stay on its CPU */
    TASK_WORK_TLB = 8, /* debug=tlb: page tables were changed, tlb_watch_check has to look */
};

#define ALL_CPUS ((1u << CPU_MAX) - 1)

extern struct spinlock process_lock;

/* Asks a task, which may be running on another CPU, to do something before it goes back to ring 3;
 * takes that back. */
static inline void
task_mark(struct task *task, uint32_t work)
{
    (void)__atomic_fetch_or(&task->work, work, __ATOMIC_SEQ_CST);
}

static inline void
task_unmark(struct task *task, uint32_t work)
{
    (void)__atomic_fetch_and(&task->work, ~work, __ATOMIC_SEQ_CST);
}

/* The registers with which `task` entered the kernel from ring 3: the top of its kernel stack. */
static inline struct trap_frame *
task_user_frame(const struct task *task)
{
    return (struct trap_frame *)((char *)task->stack + KERNEL_STACK_SIZE) - 1;
}

/* Makes what runs now the idle task. After mm_init and timer_init. */
void task_init(void);

/* ---- waiting (kernel/tasks/wait_queue.c, sched.c) ---- */

/* Sleeps in `queue` until woken, a signal arrives (unless `hard`), or `ticks` have passed (0: no
 * limit). 0 when woken, -EINTR, -ETIMEDOUT. The caller looks again whether what it waited for is
 * true: what it waits for and the wake-up change under a lock that both hold, so that none is
 * missed (task_sleep_unlock). */
int task_sleep(struct wait_queue *queue, uint32_t ticks);
int task_sleep_hard(struct wait_queue *queue);
/* The same as task_sleep, but only the end of the process (task_kill) cuts it short. */
int task_sleep_long(struct wait_queue *queue);
/* Sleeps in one of these ways (TASK_SLEEPING, and so on), and lets go of `lock`, which spin_lock
 * answered with `flags`, when it is in the queue: who changes under the lock what the caller waits
 * for, and then wakes the queue, wakes it. Returns without the lock. */
int task_sleep_unlock(struct wait_queue *queue, enum task_state how, uint32_t ticks,
                      struct spinlock *lock, unsigned long flags);
/* The same as task_sleep for one who has a mutex and comes back without it. */
int task_sleep_mutex(struct wait_queue *queue, uint32_t ticks, struct mutex *mutex);
/* Makes everybody in the queue READY. From any context. */
void task_wake_waiting(struct wait_queue *queue);
static inline void
task_wake_all(struct wait_queue *queue)
{
    if (queue->first != NULL)
        task_wake_waiting(queue);
}
/* Makes one task READY whatever soft sleep it is in (a signal came). */
void task_interrupt(struct task *task);
/* The same for a task that is to end: out of a long sleep too. */
void task_kill(struct task *task);
/* Lets others run. */
void task_yield(void);
/* True when a signal is waiting that the task must go and see: long loops in system calls end with
 * what they have, or -EINTR. */
static inline bool
task_signalled(const struct task *task)
{
    return (task->work & (TASK_WORK_SIGNAL | TASK_WORK_EXIT)) != 0;
}
/* For long loops in the kernel: lets others run when the time slice is over. */
void task_breathe(void);

/* Called by the idle task of CPU 0 when it has nothing to do (or waits in a loop for something):
 * runs whoever is ready, else halts the CPU until the next interrupt. */
void task_idle(void);

/* Has the idle task of CPU 0 call `visit` once, interrupts on, as soon as the running task is on
 * its way to ring 3 or sleeps: no kernel code but sleeping one is under way then, and no other task
 * runs until it returns. From any context. */
void task_visit(void (*visit)(void));

/* ---- timers (kernel/tasks/ticks.c) ---- */

/* Sets, or sets anew; `when` in the past means the next tick. From any context, as is cancelling.
 */
void tick_timer_set(struct tick_timer *timer, uint32_t when);
void tick_timer_cancel(struct tick_timer *timer);

/* Tells the process' countdowns that it has computed for a tick, in ring 3 (`user`) or for itself
 * in the kernel. Interrupts off. */
void itimer_charge(struct process *process, bool user);

/* ---- life (kernel/tasks/process.c) ---- */

/* A process made by the kernel: `path` with arguments and environment in kernel memory. Its parent
 * is the idle task's process 0. Returns the pid or -errno. */
int process_start(const char *path, char *const argv[], char *const envp[]);
/* The same; `prepare`, unless it is NULL, is called before the process can run. */
int process_start_prepared(const char *path, char *const argv[], char *const envp[],
                           void (*prepare)(struct process *process));

/* The same with a program that is ready, exec.h: the image is taken over, or given back on failure.
 */
struct exec_image;
int process_launch(struct exec_image *image, void (*prepare)(struct process *process));

/* Waits, by task_idle if need be, for a child of process 0 to end. Its status as wait4 gives it, or
 * -ECHILD. */
int process_wait(int pid);

/* Process 0: the kernel, whose only thread is the idle task. */
extern struct process process_zero;

/* By number; NULL: there is none. With process_lock held. */
struct process *process_find(int pid);
struct task *task_find(int tid);
/* The same question for one who does not hold the lock. */
bool task_exists(int tid);
/* The process with the least number from `pid` on; NULL: there is none. With process_lock held. */
struct process *process_from(int pid);
/* The first process in a list of all; follow `next` with process_lock held. */
extern struct process *process_list;
/* The same as process_find and process_from, with a reference: process_put gives it back. */
struct process *process_get(int pid);
struct process *process_get_from(int pid);
void process_put(struct process *process);
/* The space of a process with a reference (space_put); NULL: it has none any more. */
struct address_space *process_get_space(struct process *process);
/* Another reference to a task that was found, process_lock held; and its end, without. */
void task_get(struct task *task);
void task_put(struct task *task);
/* Whose a space is: "12 sh", or "-" when it is nobody's or gone. */
void process_print_owner(struct printer *out, const struct address_space *space);

/* True when no process of the group, `without` not counted, has a parent that could make it go on
 * after a stop: one of the same session in another group. With process_lock held. */
bool group_is_orphaned(int group, const struct process *without);
/* True when one is stopped. With process_lock held. */
bool group_has_stopped(int group);

/* Ends the current process with a status as wait4 gives it. Does not return. */
_Noreturn void process_exit(int status);
/* Ends the current thread. Does not return. */
_Noreturn void thread_exit(int code);

/* For execve: ends every other thread of the current process and waits until they are gone. 0, or
 * -EINTR when the process itself is to end. */
int process_end_other_threads(void);
/* For execve: the current thread has nothing any more of what its old program gave it: words that
 * tell of its end, segments, FPU, alternative stack. Called while the old space is active. */
void thread_reset(void);
/* The process is about to give its space up: counts its faults, or lets it be the space of another
 * process that uses it. With process_lock held. */
void process_leave_space(struct process *process);
/* For execve and exit: the current process no longer uses the space of a parent that waits in
 * vfork; lets that go on. With process_lock held. */
void process_end_vfork(void);

#endif
