/* exit.c - the end of threads and processes.
 *
 *   exit_group, a deadly signal ──► every thread is told (TASK_WORK_EXIT) and ends by itself
 *   a thread ends:  words in the program's memory, FPU, place in the tables
 *   the last one:   files, folder, actions, address space; children go to init; the parent is told
 *   what is left:   struct process (status, times) until the parent waits for it
 *                   stack and struct task until somebody stands on another stack (task_reap)
 *
 * The address space is gone when the parent hears of it: who waits for a child finds its memory
 * free.
 *
 * Lock: process_lock. What the process holds is taken out of it under the lock, where /proc and
 * signals look for it, and given back outside. From the moment at which the parent may hear of the
 * end, the process may be gone, and the thread does not know it any more.
 */
#include "cpu.h"
#include "file.h"
#include "fpu.h"
#include "process_limits.h"
#include "sched.h"
#include "signal.h"
#include "syscall.h"
#include "task.h"
#include "trace.h"
#include "tty.h"
#include "uapi/wait.h"

/* Tells every other thread of the process to end, also those that wait for SIGCONT or a vfork. With
 * process_lock held. */
static void
end_others(struct process *process)
{
    for (struct task *task = process->threads; task != NULL; task = task->next_thread) {
        if (task == task_current())
            continue;
        task_mark(task, TASK_WORK_EXIT);
        task_kill(task);
    }
    task_wake_all(&process->stop_wait);
}

/* The last thread of a process takes its number over. */
static void
become_first_thread(struct task *me)
{
    if (me->tid == me->process->pid)
        return;
    task_unlink(me);
    me->tid = me->process->pid;
    task_link(me);
}

int
process_end_other_threads(void)
{
    struct task *me = task_current();
    struct process *process = me->process;
    unsigned long state = spin_lock(&process_lock);
    bool alone;

    if (process->exiting || process->survivor != NULL) {
        spin_unlock(&process_lock, state);
        return -EINTR;
    }
    process->survivor = me;
    if (process->thread_count > 1)
        end_others(process);
    while (process->thread_count > 1 && !process->exiting) {
        (void)task_sleep_unlock(&process->thread_wait, TASK_SLEEPING_HARD, 0, &process_lock, state);
        state = spin_lock(&process_lock);
    }
    process->survivor = NULL;
    alone = !process->exiting;
    if (alone)
        become_first_thread(me);
    spin_unlock(&process_lock, state);
    return alone ? 0 : -EINTR;
}

void
process_end_vfork(void)
{
    struct process *process = task_current()->process;

    process->own_space = true;
    task_wake_all(&process->vfork_wait);
}

/* ---- the process ---- */

/* Another process with the same space; NULL: there is none. */
static struct process *
sharer_of(const struct process *process)
{
    struct process *other = process_list;

    while (other != NULL && (other == process || other->space != process->space))
        other = other->next;
    return other;
}

/* Its faults are counted when the last process that uses it gives it up. Others may hold it too:
 * who reads /proc. */
void
process_leave_space(struct process *process)
{
    struct address_space *space = process->space;
    struct process *sharer = space->refs > 1 ? sharer_of(process) : NULL;

    if (space->owner == process) {
        space->owner = sharer;
        if (sharer != NULL)
            limits_apply(sharer->limits, space);
    }
    if (sharer != NULL)
        return;
    process->minor_faults += space->minor_faults;
    process->major_faults += space->major_faults;
}

/* Tells the parent; a process nobody will wait for is gone at once. */
static void
report_end(struct process *process)
{
    int status = process->status, signal = WTERMSIG(status);
    int code = signal == 0 ? CLD_EXITED : status & 0x80 ? CLD_DUMPED : CLD_KILLED;

    if (process->orphan ||
        signal_parent(process, code, signal != 0 ? signal : WEXITSTATUS(status)))
        process_free(process);
}

/* Stopped processes whom nobody can make go on any more must not stay so for ever: setpgid(2).
 * `without` counts no more. */
static void
free_if_orphaned(int group, const struct process *without)
{
    if (!group_is_orphaned(group, without) || !group_has_stopped(group))
        return;
    (void)signal_group_locked(group, SIGHUP);
    (void)signal_group_locked(group, SIGCONT);
}

/* One process connected another's group to the rest of the session. */
static bool
connects(const struct process *parent, const struct process *child)
{
    return parent->group != child->group && parent->session == child->session;
}

/* The children go to init, or when there is none to the kernel, which waits for nobody. */
static void
give_children_away(struct process *process)
{
    struct process *init = process_find(1);
    bool orphans = init == NULL || init->exiting || init->dead;

    while (process->children != NULL) {
        struct process *child = process->children;

        process_set_parent(child, orphans ? &process_zero : init);
        child->orphan = orphans;
        child->exit_signal = SIGCHLD;
        if (child->death_signal != 0)
            signal_process_locked(child, child->death_signal);
        if (child->dead)
            report_end(child);
        else if (connects(process, child))
            free_if_orphaned(child->group, NULL);
    }
}

/* What others may look for in the process is no longer there when it is given back. */
static void
give_holdings_back(struct process *process)
{
    unsigned long state = spin_lock(&process_lock);
    struct files *files = process->files;
    struct folder *folder = process->folder;
    struct actions *actions = process->actions;
    struct object *executable = process->executable;
    struct address_space *space = process->space;

    process->exiting = true;
    process_leave_space(process);
    process_end_vfork();
    signal_drop(&process->infos);
    process->actions = NULL;
    process->files = NULL;
    process->folder = NULL;
    process->executable = NULL;
    process->space = NULL;
    spin_unlock(&process_lock, state);
    task_current()->space = NULL;
    space_activate(NULL);
    space_put(space);
    files_put(files);
    folder_put(folder);
    actions_put(actions);
    if (executable != NULL)
        object_put(executable);
}

/* The parent hears of it, and may be there first to take the process away. */
static void
announce_end(struct process *process)
{
    unsigned long state = spin_lock(&process_lock);

    give_children_away(process);
    if (connects(process->parent, process))
        free_if_orphaned(process->group, process);
    process->dead = true;
    zombie_count++;
    task_current()->process = &process_zero; /* the tick must not charge what may be gone */
    report_end(process);
    spin_unlock(&process_lock, state);
}

static void
end_process(struct process *process)
{
    tick_timer_cancel(&process->alarm);
    if (process->pid == process->session)
        tty_session_ends(process->session);
    give_holdings_back(process);
    announce_end(process);
}

/* ---- the thread ---- */

/* The thread is not one of its process any more. True when it was the last. The others may end the
 * space as soon as they have the lock, and wait for each CPU that has it: this one must not seem to
 * need it any more. */
static bool
leave_process(struct task *me)
{
    struct process *process = me->process;
    unsigned long state = spin_lock(&process_lock);
    bool last = process->thread_count == 1;

    signal_leave(me);
    task_unlink(me);
    process->ending--;
    trace(TRACE_EXIT, 0, (size_t)me->tid, (unsigned)process->status, NULL);
    if (!last) {
        files_put(process->files); /* the others still use them */
        task_wake_all(&process->thread_wait);
        me->process = &process_zero;
        me->space = NULL;
        space_rest();
        space_put(process->space); /* as they do this */
    }
    spin_unlock(&process_lock, state);
    return last;
}

/* It has been counted as one that has begun to end. */
static _Noreturn void
end_thread(void)
{
    struct task *me = task_current();
    struct process *process = me->process;

    thread_release_words(me);
    fpu_drop(me);
    if (leave_process(me))
        end_process(process);
    interrupts_disable();
    me->state = TASK_DEAD;
    task_bury(me);
    sched_end();
}

void
process_exit(int status)
{
    struct process *process = task_current()->process;
    unsigned long state = spin_lock(&process_lock);

    if (!process->exiting) {
        process->exiting = true;
        process->status = status;
        end_others(process);
    }
    process->ending++;
    spin_unlock(&process_lock, state);
    end_thread();
}

/* The process ends with the code of the thread that ends when all others have begun to, unless it
 * is ended as a whole: who has waited for a thread by its word says the code, though that one may
 * still be about. */
void
thread_exit(int code)
{
    struct process *process = task_current()->process;
    unsigned long state = spin_lock(&process_lock);

    if (++process->ending == process->thread_count && !process->exiting)
        process->status = (code & 0xFF) << 8;
    spin_unlock(&process_lock, state);
    end_thread();
}

SYSCALL(exit)
{
    thread_exit((int)frame->ebx);
}

SYSCALL(exit_group)
{
    process_exit((int)(frame->ebx & 0xFF) << 8);
}
