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
 * Locks: process_lock, and in it signals_lock for what is pending. Who sends to itself what neither
 * stops the process nor lets it go on needs the second only: nobody has to be looked for.
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
 * others. With both locks. */
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
    unsigned long state = signals_lock(task->process);

    task->blocked = ~(sigset_t)0;
    if (task->process->thread_count > 1)
        hand_on(task, ~(sigset_t)0);
    signal_drop(&task->infos);
    signals_unlock(task->process, state);
}

/* The current thread first: it is on its way back to ring 3 anyway. With both locks, or, when there
 * is no other thread, the signals'. */
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

/* With the signals' lock. A stop marks its threads without that: it is looked for when the mark is
 * gone. */
static void
recalculate(struct task *task)
{
    if (wants(task, task->pending | task->process->pending)) {
        task_mark(task, TASK_WORK_SIGNAL);
        return;
    }
    task_unmark(task, TASK_WORK_SIGNAL);
    if (task->process->stopped)
        task_mark(task, TASK_WORK_SIGNAL);
}

void
signal_recalculate(struct task *task)
{
    unsigned long state = signals_lock(task->process);

    recalculate(task);
    signals_unlock(task->process, state);
}

/* ---- sending ---- */

/* With the signals' lock. */
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
 * any of the process. Locks as notify_any. */
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
 * mistake. What is typed may end it, but not that its group has become an orphan. With process_lock
 * held. */
static bool
is_protected(const struct process *process, const struct task *task, const struct signal_info *info)
{
    return process->pid == 1 && (info->code <= 0 || info->signal == SIGHUP) &&
           task_current()->process != process &&
           action_get(process, info->signal).handler == SIG_DFL &&
           !is_kept(process, task, info->signal);
}

/* With process_lock held. */
static void
take_back(struct process *process, sigset_t set)
{
    unsigned long state = signals_lock(process);

    process->pending &= ~set;
    signal_infos_remove(&process->infos, set);
    for (struct task *task = process->threads; task != NULL; task = task->next_thread) {
        task->pending &= ~set;
        signal_infos_remove(&task->infos, set);
    }
    signals_unlock(process, state);
}

void
signal_forget(struct process *process, sigset_t set)
{
    unsigned long state = spin_lock(&process_lock);

    take_back(process, set);
    spin_unlock(&process_lock, state);
}

/* What happens however the signal is received. True when a stopped process goes on by SIGCONT. With
 * process_lock held. */
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

/* Locks as notify_any. */
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

/* The signal is pending from now on, unless it is ignored. With process_lock held, or by the only
 * thread, or one to itself. */
static void
post(struct process *process, struct task *task, const struct signal_info *info)
{
    unsigned long state = signals_lock(process);

    if (!is_ignored(process, info->signal) || is_kept(process, task, info->signal))
        make_pending(process, task, info);
    signals_unlock(process, state);
}

bool
signal_send_to_self(struct task *task, const struct signal_info *info)
{
    struct process *process = task_current()->process;

    if ((signal_bit(info->signal) & (STOPS | SIGNAL_SET(SIGCONT) | SIGNAL_SET(SIGKILL))) != 0 ||
        (task == NULL && process->thread_count > 1))
        return false;
    post(process, task, info);
    return true;
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
    post(process, task, info);
    if (continued)
        signal_parent(process, CLD_CONTINUED, SIGCONT);
}

/* What a stop and SIGCONT do to each other (act_at_once), in a set. */
static sigset_t
with_signal(sigset_t set, int signal)
{
    if (signal_bit(signal) & STOPS)
        set &= ~SIGNAL_SET(SIGCONT);
    if (signal == SIGCONT)
        set &= ~STOPS;
    return set | signal_bit(signal);
}

void
signal_send_to_one_of(struct process *process, const struct signal_info *info)
{
    for (const struct task *task = process->threads; task != NULL; task = task->next_thread) {
        if (task->child_signals != NULL)
            *task->child_signals = with_signal(*task->child_signals, info->signal);
    }
    signal_send(process, NULL, info);
}

bool
signal_is_under_way(void)
{
    struct task *task = task_current();
    const struct process *process = task->process;
    unsigned long state = signals_lock(process);
    bool under_way = process->stopped || process->doomed || wants(task, process->pending);

    signals_unlock(process, state);
    if (under_way)
        task_mark(task, TASK_WORK_SIGNAL);
    return under_way;
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
    const struct signal_info info = {.signal = signal, .code = SI_KERNEL};
    int result = -ESRCH;

    for (struct process *process = process_list; process != NULL; process = process->next) {
        if (process->group != group || process->dead)
            continue;
        signal_send_to_one_of(process, &info);
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
    state = signals_lock(task->process);
    task->fault_signal = (uint8_t)signal;
    task->fault_code = (uint32_t)code;
    task->fault_address = address;
    task->fault_trap = (uint16_t)frame->vector;
    task->fault_error = frame->error;
    task->pending |= signal_bit(signal);
    task_mark(task, TASK_WORK_SIGNAL);
    signals_unlock(task->process, state);
}

/* True when the parent said that it never waits. */
static bool
wants_no_zombie(const struct action *action)
{
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
    struct action action;

    task_wake_all(&parent->child_wait);
    if (parent->actions == NULL)
        return false;
    action = action_get(parent, SIGCHLD);
    if (signal == SIGCHLD && action.handler == SIG_IGN)
        signal = 0; /* not even pending while it is blocked: wait(2) */
    if (signal != 0 && (ended || !(action.flags & SA_NOCLDSTOP)))
        signal_send(parent, NULL, &info);
    return ended && child->exit_signal == SIGCHLD && wants_no_zombie(&action);
}

/* ---- the mask ---- */

void
signal_leave_to_others(void)
{
    struct task *task = task_current();
    unsigned long state = spin_lock(&process_lock), inner = signals_lock(task->process);

    hand_on(task, task->blocked);
    signals_unlock(task->process, inner);
    spin_unlock(&process_lock, state);
}

void
signal_set_mask(sigset_t blocked)
{
    struct task *task = task_current();
    struct process *process = task->process;
    unsigned long state = signals_lock(process);
    sigset_t before = task->blocked, lost;

    task->blocked = blocked & ~UNBLOCKABLE;
    lost = task->blocked & ~before & process->pending;
    recalculate(task);
    signals_unlock(process, state);
    if (UNLIKELY(lost != 0 && process->thread_count > 1))
        signal_leave_to_others();
}
