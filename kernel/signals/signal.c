/* signal.c - sending signals.
 *
 * A signal goes to a thread or to a process. It is then pending there: a bit in a set, and for most
 * a note of who sent it and why. Signals below 32 are pending once however often they are sent; the
 * others queue. A thread looks at its own set and at its process' on its way back to ring 3
 * (signal_deliver.c); sending makes sure that one does so soon:
 *
 *   process-wide signal ──► the first thread that does not block it: TASK_WORK_SIGNAL, woken;
 *                           when that one blocks it or ends before it looked, another one
 *   signal to a thread  ──► that one
 *   ignored, not blocked ─► forgotten at once
 *
 * Some signals act while they are sent: SIGCONT and SIGKILL let a stopped process go on, SIGCONT
 * takes back stops that wait, and a stop takes back a waiting SIGCONT.
 *
 * Lock: process_lock; static functions here are called with it held.
 */
#include "signal_private.h"
#include "uapi/errno.h"

/* ---- who looks at it ---- */

static bool
wants(const struct task *task, sigset_t bit)
{
    return (bit & (~task->blocked | task->awaited)) != 0;
}

static void
notify(struct task *task, sigset_t set)
{
    task_mark(task, TASK_WORK_SIGNAL);
    if (set & SIGNAL_SET(SIGKILL))
        task_kill(task);
    else
        task_interrupt(task);
}

/* A thread takes no signals of `lost` any more: those of them that wait for the process go on to
 * others. */
static void
hand_on(const struct task *from, sigset_t lost)
{
    struct task *task = from->process->threads;

    lost &= from->process->pending;
    for (; task != NULL && lost != 0; task = task->next_thread) {
        if (task == from || !wants(task, lost))
            continue;
        notify(task, lost);
        lost &= task->blocked & ~task->awaited;
    }
}

void
signal_leave(struct task *task)
{
    task->blocked = ~(sigset_t)0;
    if (task->process->thread_count > 1)
        hand_on(task, ~(sigset_t)0);
    signal_drop(&task->infos);
}

/* The current thread first: it is on its way back to ring 3 anyway. */
static void
notify_any(struct process *process, sigset_t bit)
{
    struct task *current = task_current();

    if (current->process == process && wants(current, bit)) {
        notify(current, bit);
        return;
    }
    for (struct task *task = process->threads; task != NULL; task = task->next_thread) {
        if (wants(task, bit)) {
            notify(task, bit);
            return;
        }
    }
}

static void
recalculate(struct task *task)
{
    sigset_t pending = task->pending | task->process->pending;

    if (wants(task, pending) || task->process->stopped)
        task_mark(task, TASK_WORK_SIGNAL);
    else
        task_unmark(task, TASK_WORK_SIGNAL);
}

void
signal_recalculate(struct task *task)
{
    unsigned long state = spin_lock(&process_lock);

    recalculate(task);
    spin_unlock(&process_lock, state);
}

/* ---- sending ---- */

static bool
is_ignored(const struct process *process, int signal)
{
    const struct action *action = action_of(process->actions, signal);

    return action->handler == SIG_IGN ||
           (action->handler == SIG_DFL && (signal_bit(signal) & IGNORED_BY_DEFAULT) != 0);
}

bool
signal_is_held(const struct task *task, int signal)
{
    return (task->blocked & signal_bit(signal)) != 0 || action_now(signal).handler == SIG_IGN;
}

/* A signal that would be ignored must still stay for a thread that blocks or awaits it: `task`, or
 * any of the process. */
static bool
is_kept(const struct process *process, const struct task *task, int signal)
{
    if (task != NULL)
        return ((task->blocked | task->awaited) & signal_bit(signal)) != 0;
    for (task = process->threads; task != NULL; task = task->next_thread) {
        if (((task->blocked | task->awaited) & signal_bit(signal)) != 0)
            return true;
    }
    return false;
}

/* Process 1 gets from others only what it has a handler for, or waits for: nobody ends it by
 * mistake. */
static bool
is_protected(const struct process *process, const struct task *task, const struct signal_info *info)
{
    return process->pid == 1 && info->code <= 0 && task_current()->process != process &&
           action_of(process->actions, info->signal)->handler == SIG_DFL &&
           !is_kept(process, task, info->signal);
}

static void
take_back(struct process *process, sigset_t set)
{
    process->pending &= ~set;
    signal_infos_remove(&process->infos, set);
    for (struct task *task = process->threads; task != NULL; task = task->next_thread) {
        task->pending &= ~set;
        signal_infos_remove(&task->infos, set);
    }
}

void
signal_forget(struct process *process, sigset_t set)
{
    unsigned long state = spin_lock(&process_lock);

    take_back(process, set);
    spin_unlock(&process_lock, state);
}

/* What happens however the signal is received. True when a stopped process goes on by SIGCONT. */
static bool
act_at_once(struct process *process, int signal)
{
    bool was_stopped = process->stopped;

    if (signal_bit(signal) & STOPS)
        take_back(process, SIGNAL_SET(SIGCONT));
    if (signal != SIGCONT && signal != SIGKILL)
        return false;
    take_back(process, STOPS);
    if (!was_stopped)
        return false;
    process->stopped = false;
    task_wake_all(&process->stop_wait);
    return signal == SIGCONT;
}

static void
make_pending(struct process *process, struct task *task, const struct signal_info *info)
{
    sigset_t bit = signal_bit(info->signal);
    sigset_t *pending = task != NULL ? &task->pending : &process->pending;
    struct signal_info *copy = NULL;

    if (info->signal < FIRST_QUEUED && (*pending & bit) != 0)
        return;
    if (info->code != SI_KERNEL)
        copy = signal_info_copy(info);
    if (copy != NULL)
        signal_infos_append(task != NULL ? &task->infos : &process->infos, copy);
    *pending |= bit;
    if (task == NULL)
        notify_any(process, bit);
    else if (wants(task, bit))
        notify(task, bit);
}

void
signal_send(struct process *process, struct task *task, const struct signal_info *info)
{
    bool continued;

    if (process->dead || process->actions == NULL || is_protected(process, task, info))
        return;
    continued = act_at_once(process, info->signal);
    if (continued)
        process->continued = true;
    if (!is_ignored(process, info->signal) || is_kept(process, task, info->signal))
        make_pending(process, task, info);
    if (continued)
        signal_parent(process, CLD_CONTINUED, SIGCONT);
}

static void
send_from_kernel(struct process *process, struct task *task, int signal)
{
    struct signal_info info = {.signal = signal, .code = SI_KERNEL};

    signal_send(process, task, &info);
}

void
signal_process_locked(struct process *process, int signal)
{
    send_from_kernel(process, NULL, signal);
}

void
signal_process(struct process *process, int signal)
{
    unsigned long state = spin_lock(&process_lock);

    signal_process_locked(process, signal);
    spin_unlock(&process_lock, state);
}

void
signal_task(struct task *task, int signal)
{
    unsigned long state = spin_lock(&process_lock);

    send_from_kernel(task->process, task, signal);
    spin_unlock(&process_lock, state);
}

int
signal_group_locked(int group, int signal)
{
    int result = -ESRCH;

    for (struct process *process = process_list; process != NULL; process = process->next) {
        if (process->group != group || process->dead)
            continue;
        signal_process_locked(process, signal);
        result = 0;
    }
    return result;
}

int
signal_group(int group, int signal)
{
    unsigned long state = spin_lock(&process_lock);
    int result = signal_group_locked(group, signal);

    spin_unlock(&process_lock, state);
    return result;
}

bool
signal_group_unless_orphaned(int group, int signal)
{
    unsigned long state = spin_lock(&process_lock);
    bool orphaned = group_is_orphaned(group, NULL);

    if (!orphaned)
        (void)signal_group_locked(group, signal);
    spin_unlock(&process_lock, state);
    return !orphaned;
}

/* ---- faults, children ---- */

void
signal_fault(int signal, int code, uint32_t address, const struct trap_frame *frame)
{
    struct task *task = task_current();
    uintptr_t handler = action_now(signal).handler;
    bool held = (task->blocked & signal_bit(signal)) != 0 || handler == SIG_IGN;
    unsigned long state;

    if (held || handler == SIG_DFL)
        fault_report(signal, address, frame);
    if (held)
        process_exit(signal);
    state = spin_lock(&process_lock);
    task->fault_signal = signal;
    task->fault_code = (uint32_t)code;
    task->fault_address = address;
    task->fault_trap = frame->vector;
    task->fault_error = frame->error;
    task->pending |= signal_bit(signal);
    task_mark(task, TASK_WORK_SIGNAL);
    spin_unlock(&process_lock, state);
}

/* True when the parent said that it never waits. */
static bool
wants_no_zombie(const struct process *parent)
{
    const struct action *action = action_of(parent->actions, SIGCHLD);

    return action->handler == SIG_IGN || (action->flags & SA_NOCLDWAIT) != 0;
}

bool
signal_parent(struct process *child, int code, int status)
{
    struct process *parent = child->parent;
    bool ended = code != CLD_STOPPED && code != CLD_CONTINUED;
    int signal = ended ? child->exit_signal : SIGCHLD;
    struct signal_info info = {
        .signal = signal,
        .code = code,
        .child_pid = (uint32_t)child->pid,
        .child_status = (uint32_t)status,
        .child_utime = child->user_ticks,
        .child_stime = child->kernel_ticks,
    };
    bool silent;

    task_wake_all(&parent->child_wait);
    if (parent->actions == NULL)
        return false;
    silent = !ended && (action_of(parent->actions, SIGCHLD)->flags & SA_NOCLDSTOP) != 0;
    if (signal != 0 && !silent)
        signal_send(parent, NULL, &info);
    return ended && signal == SIGCHLD && wants_no_zombie(parent);
}

/* ---- the mask ---- */

void
signal_set_mask(sigset_t blocked)
{
    struct task *task = task_current();
    unsigned long state = spin_lock(&process_lock);
    sigset_t before = task->blocked;

    task->blocked = blocked & ~UNBLOCKABLE;
    if (UNLIKELY(task->process->thread_count > 1))
        hand_on(task, task->blocked & ~before);
    recalculate(task);
    spin_unlock(&process_lock, state);
}
