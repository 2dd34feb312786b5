/* oom.c - the last resort: no memory, and a program that must have some.
 *
 * A page fault comes here when neither the allocator nor reclaim has a frame for it. The kernel
 * cannot make the program wait for ever, and cannot go on without it: the process whose end gives
 * most back (mm/oom.c) is ended. Process 1 and the leaders of sessions (a shell) are spared while
 * there is another: they hold little, and without them nobody is left to do anything about it.
 *
 *   somebody is dying already ──► wait for its memory
 *   the fault can be repaired ──► memory has come back meanwhile
 *   reclaim finds something   ──► that will do
 *   else                      ──► report who holds what (at most once a second), end one
 *
 * Processes that share a space (vfork, threads of their own kind) end together: one alone would
 * give nothing back.
 *
 * Programs on several CPUs may find at the same time that memory is out. One of them chooses; the
 * others then find the victim, and wait for its memory as that one does. Who comes when the victim
 * has gone finds none: what it could not have may be there by now, so each tries once more before
 * it chooses.
 *
 * Lock: `choosing` from the look whether somebody is dying until somebody is. Spaces are locked
 * under it, and files read.
 */
#include <string.h>
#include "fault.h"
#include "mutex.h"
#include "oom.h"
#include "oom_choice.h"
#include "pmm.h"
#include "reclaim.h"
#include "signal.h"
#include "task.h"
#include "timer.h"
#include "trace.h"

/* In so many turns of the others, and in that time, a victim has to be gone. */
#define WAIT_TURNS   50
#define WAIT_TICKS   (TIMER_HZ / 10)
#define FRAMES_ASKED 32

static struct mutex choosing STATIC_MUTEX = MUTEX_INIT;
static int victim_pid; /* 0: none; atomic, and set by who chooses only */

/* With process_lock held. */
static bool
has_living_owner(const struct address_space *space)
{
    const struct process *process = space->owner;

    return process != NULL && !process->dead && process->space == space;
}

static bool
is_alive(const struct address_space *space)
{
    unsigned long state = spin_lock(&process_lock);
    bool alive = has_living_owner(space);

    spin_unlock(&process_lock, state);
    return alive;
}

static bool
may_end(const struct address_space *space)
{
    unsigned long state = spin_lock(&process_lock);
    const struct process *process = space->owner;
    bool may = has_living_owner(space) && process->pid != 1 && process->pid != process->session;

    spin_unlock(&process_lock, state);
    return may;
}

/* Ends every process of a space. The number of its owner; 0: it has ended by itself. */
static int
end_users(const struct address_space *space, char name[TASK_NAME_SIZE])
{
    unsigned long state = spin_lock(&process_lock);
    const struct process *owner = space->owner;
    int pid = 0;

    if (has_living_owner(space)) {
        pid = owner->pid;
        memcpy(name, owner->name, TASK_NAME_SIZE);
    }
    for (struct process *process = process_list; pid != 0 && process != NULL;
         process = process->next) {
        if (process->space == space)
            signal_process_locked(process, SIGKILL);
    }
    spin_unlock(&process_lock, state);
    return pid;
}

static void
end(const struct address_space *space)
{
    char name[TASK_NAME_SIZE];
    int pid = end_users(space, name);

    if (pid == 0)
        return;
    __atomic_store_n(&victim_pid, pid, __ATOMIC_RELEASE);
    klog("oom: %d '%s' is ended\n", pid, name);
    trace(TRACE_OOM, 0, (size_t)pid, 0, NULL);
    vm_count(oom_kill);
}

/* A storm of programs brings this on many times a second. */
static void
report(const struct address_space *victim)
{
    static uint32_t last;
    static bool reported;

    if (reported && timer_ticks() - last < TIMER_HZ)
        return;
    reported = true;
    last = timer_ticks();
    oom_print_report(&klog_printer, victim, process_print_owner);
}

/* True when the victim's memory is back. */
static bool
is_gone(int pid)
{
    unsigned long state = spin_lock(&process_lock);
    const struct process *victim = process_find(pid);
    bool gone = victim == NULL || victim->dead;

    spin_unlock(&process_lock, state);
    return gone;
}

/* Lets the others run until the victim's memory is back. False when it never comes, or is not
 * enough. */
static bool
wait_for_victim(int pid)
{
    uint32_t start = timer_ticks();

    for (unsigned turn = 0; turn < WAIT_TURNS || timer_ticks() - start < WAIT_TICKS; turn++) {
        if (is_gone(pid))
            break;
        if (task_signalled(task_current()))
            return true;
        task_yield();
        cpu_pause();
    }
    (void)__atomic_compare_exchange_n(&victim_pid, &pid, 0, false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_RELAXED);
    return pmm_free_frames() > reclaim_reserve();
}

/* Somebody has to go. */
static void
choose(void)
{
    struct address_space *victim = oom_choose(may_end);

    if (victim == NULL)
        victim = oom_choose(is_alive);
    if (victim == NULL) /* all have ended meanwhile */
        return;
    report(victim);
    end(victim);
    space_put(victim);
}

void
oom_handle(uintptr_t address, enum fault_access access, uintptr_t code)
{
    int pid = __atomic_load_n(&victim_pid, __ATOMIC_ACQUIRE);

    if (pid != 0 && wait_for_victim(pid))
        return;
    mutex_lock(&choosing);
    pid = __atomic_load_n(&victim_pid, __ATOMIC_ACQUIRE);
    if (pid == 0 && fault_repair(address, access, code) == FAULT_NOMEM &&
        reclaim_for_program(FRAMES_ASKED) == 0)
        choose();
    mutex_unlock(&choosing);
    pid = __atomic_load_n(&victim_pid, __ATOMIC_ACQUIRE);
    if (pid != 0)
        (void)wait_for_victim(pid);
}
