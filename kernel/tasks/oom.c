/* oom.c - the last resort: no memory, and a program that must have some.
 *
 * A page fault comes here when neither the allocator nor reclaim has a frame for it. The kernel
 * cannot make the program wait for ever, and cannot go on without it: the process whose end gives
 * most back (mm/oom.c) is ended. Process 1 and the leaders of sessions (a shell) are spared while
 * there is another: they hold little, and without them nobody is left to do anything about it.
 *
 *   somebody is dying already ──► wait for its memory
 *   reclaim finds something   ──► that will do
 *   else                      ──► report who holds what (at most once a second), end one
 *
 * Processes that share a space (vfork, threads of their own kind) end together: one alone would
 * give nothing back.
 */
#include <string.h>
#include "oom.h"
#include "oom_choice.h"
#include "pmm.h"
#include "reclaim.h"
#include "signal.h"
#include "task.h"
#include "timer.h"
#include "trace.h"

#define WAITS        50 /* turns of the others in which a victim has to be gone */
#define FRAMES_ASKED 32

/* Guarded by running in tasks only, which give the CPU up at known places. */
static int victim_pid; /* 0: none */

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
    victim_pid = pid;
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

/* True when the victim's memory is back, or will never be. */
static bool
victim_is_gone(void)
{
    unsigned long state = spin_lock(&process_lock);
    const struct process *victim = process_find(victim_pid);
    bool gone = victim == NULL || victim->dead || victim->space == NULL;

    spin_unlock(&process_lock, state);
    return gone;
}

/* Lets the others run until the victim's memory is back. False when it never comes. */
static bool
wait_for_victim(void)
{
    for (unsigned i = 0; i < WAITS; i++) {
        if (victim_is_gone())
            break;
        if (task_signalled(task_current()))
            return true;
        task_yield();
    }
    victim_pid = 0;
    return pmm_free_frames() > reclaim_reserve();
}

void
oom_handle(void)
{
    const struct address_space *victim;

    if (victim_pid != 0 && wait_for_victim())
        return;
    if (reclaim_for_program(FRAMES_ASKED) > 0)
        return;
    victim = oom_choose(may_end);
    if (victim == NULL)
        victim = oom_choose(is_alive);
    ASSERT(victim != NULL); /* the program that asks has a space */
    report(victim);
    end(victim);
    wait_for_victim();
}
