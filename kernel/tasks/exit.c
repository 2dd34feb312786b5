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
 */
#include "cpu.h"
#include "file.h"
#include "fpu.h"
#include "sched.h"
#include "signal.h"
#include "syscall.h"
#include "task.h"
#include "trace.h"
#include "tty.h"
#include "uapi/wait.h"

/* Tells every other thread of the process to end, also those that wait for SIGCONT or a vfork. */
static void
end_others(struct process *process)
{
    unsigned long state = interrupts_disable();

    for (struct task *task = process->threads; task != NULL; task = task->next_thread) {
        if (task == task_current())
            continue;
        task->work |= TASK_WORK_EXIT;
        task_kill(task);
    }
    task_wake_all(&process->stop_wait);
    interrupts_restore(state);
}

int
process_end_other_threads(void)
{
    struct task *me = task_current();
    struct process *process = me->process;

    if (process->exiting || process->survivor != NULL)
        return -EINTR;
    if (process->thread_count == 1)
        return 0;
    process->survivor = me;
    end_others(process);
    while (process->thread_count > 1 && !process->exiting)
        task_sleep_hard(&process->thread_wait);
    process->survivor = NULL;
    if (process->exiting)
        return -EINTR;
    if (me->tid != process->pid) {
        task_unlink(me);
        me->tid = process->pid;
        task_link(me);
    }
    return 0;
}

void
process_end_vfork(void)
{
    task_wake_all(&task_current()->process->vfork_wait);
}

/* ---- the process ---- */

/* A space that others use goes on as the space of one of them. */
static void
hand_over_space(const struct process *process)
{
    struct address_space *space = process->space;
    struct process *other = process_list;

    if (space->owner != process)
        return;
    while (other != NULL && (other == process || other->space != space))
        other = other->next;
    space->owner = other;
}

/* Its faults are counted when the last who uses it gives it up. */
void
process_leave_space(struct process *process)
{
    const struct address_space *space = process->space;

    if (space->refs > 1) {
        hand_over_space(process);
        return;
    }
    process->minor_faults += space->minor_faults;
    process->major_faults += space->major_faults;
}

static void
drop_space(struct process *process)
{
    struct address_space *space = process->space;

    process_leave_space(process);
    process->space = NULL;
    task_current()->space = NULL;
    space_activate(NULL);
    space_put(space);
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
    signal_group(group, SIGHUP);
    signal_group(group, SIGCONT);
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
            signal_process(child, child->death_signal);
        if (child->dead)
            report_end(child);
        else if (connects(process, child))
            free_if_orphaned(child->group, NULL);
    }
}

static void
end_process(struct process *process)
{
    struct actions *actions = process->actions;

    process->exiting = true;
    process_end_vfork();
    tick_timer_cancel(&process->alarm);
    if (process->pid == process->session)
        tty_session_ends(process->session);
    files_put(process->files);
    folder_put(process->folder);
    process->actions = NULL; /* before they go: a key pressed now looks at them */
    actions_put(actions);
    if (process->executable != NULL)
        object_put(process->executable);
    process->files = NULL;
    process->folder = NULL;
    process->executable = NULL;
    signal_drop(&process->infos);
    drop_space(process);
    give_children_away(process);
    if (connects(process->parent, process))
        free_if_orphaned(process->group, process);
    process->dead = true;
    task_current()->process = &process_zero; /* the tick must not charge what may be gone */
    report_end(process);
}

/* ---- the thread ---- */

static _Noreturn void
end_thread(void)
{
    struct task *me = task_current();
    struct process *process = me->process;

    thread_release_words(me);
    signal_leave(me);
    fpu_drop(me);
    task_unlink(me);
    if (process->thread_count == 0)
        end_process(process);
    else
        task_wake_all(&process->thread_wait);
    interrupts_disable();
    me->process = &process_zero;
    me->space = NULL;
    me->state = TASK_DEAD;
    task_bury(me);
    sched_end();
}

void
process_exit(int status)
{
    struct process *process = task_current()->process;

    if (!process->exiting) {
        process->exiting = true;
        process->status = status;
        end_others(process);
    }
    end_thread();
}

/* The process ends with the code of its last thread, unless it was ended as a whole. */
void
thread_exit(int code)
{
    struct process *process = task_current()->process;

    if (!process->exiting && process->thread_count == 1)
        process->status = (code & 0xFF) << 8;
    trace(TRACE_EXIT, 0, (size_t)task_current()->tid, (unsigned)process->status, NULL);
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
