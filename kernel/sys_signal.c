/* sys_signal.c - the system calls about signals: actions, masks, waiting, sending. signal(7).
 *
 * Most exist twice: as they were with 32 signals, and with 64 (rt_). The sets of the old ones are
 * one word; what they do not name stays as it is or is empty, as on Linux.
 */
#include "clock.h"
#include "signal_private.h"
#include "syscall.h"
#include "usercopy.h"

#define LOW_SIGNALS ((sigset_t)0xFFFFFFFF)

static bool
is_signal(uint32_t signal)
{
    return signal >= 1 && signal <= SIGNALS;
}

static int
get_set(sigset_t *set, uint32_t from, uint32_t size)
{
    if (size != sizeof(*set))
        return -EINVAL;
    return copy_from_user(set, (const void *)from, sizeof(*set));
}

/* ---- actions ---- */

/* Sets an action. What is ignored from now on and pending is forgotten. */
static int
change_action(int signal, struct action *action)
{
    struct process *process = task_current()->process;
    sigset_t bit = signal_bit(signal);
    int error;

    if (bit & UNBLOCKABLE)
        return -EINVAL;
    action->mask &= ~UNBLOCKABLE;
    error = action_set(process->actions, signal, action);
    if (error != 0)
        return error;
    if (action->handler == SIG_IGN ||
        (action->handler == SIG_DFL && (bit & IGNORED_BY_DEFAULT) != 0))
        signal_forget(process, bit);
    return 0;
}

SYSCALL(rt_sigaction)
{
    struct kernel_sigaction given, old;
    int signal = (int)frame->ebx;
    const struct action *is;

    if (!is_signal(frame->ebx) || frame->esi != sizeof(sigset_t))
        return -EINVAL;
    is = action_of(task_current()->process->actions, signal);
    old = (struct kernel_sigaction){is->handler, is->flags, is->restorer, is->mask};
    if (frame->ecx != 0) {
        struct action action;
        int error;

        if (copy_from_user(&given, (const void *)frame->ecx, sizeof(given)) != 0)
            return -EFAULT;
        action = (struct action){given.handler, given.flags, given.restorer, given.mask};
        error = change_action(signal, &action);
        if (error != 0)
            return error;
    }
    if (frame->edx != 0 && copy_to_user((void *)frame->edx, &old, sizeof(old)) != 0)
        return -EFAULT;
    return 0;
}

SYSCALL(sigaction)
{
    struct {
        uint32_t handler, mask, flags, restorer;
    } given, old;
    int signal = (int)frame->ebx;
    const struct action *is;

    if (!is_signal(frame->ebx))
        return -EINVAL;
    is = action_of(task_current()->process->actions, signal);
    old.handler = is->handler;
    old.mask = (uint32_t)is->mask;
    old.flags = is->flags;
    old.restorer = is->restorer;
    if (frame->ecx != 0) {
        struct action action;
        int error;

        if (copy_from_user(&given, (const void *)frame->ecx, sizeof(given)) != 0)
            return -EFAULT;
        action = (struct action){given.handler, given.flags, given.restorer, given.mask};
        error = change_action(signal, &action);
        if (error != 0)
            return error;
    }
    if (frame->edx != 0 && copy_to_user((void *)frame->edx, &old, sizeof(old)) != 0)
        return -EFAULT;
    return 0;
}

SYSCALL(signal)
{
    struct action action = {.handler = frame->ecx, .flags = (uint32_t)SA_RESETHAND | SA_NODEFER};
    uint32_t old;
    int error;

    if (!is_signal(frame->ebx))
        return -EINVAL;
    old = action_of(task_current()->process->actions, (int)frame->ebx)->handler;
    error = change_action((int)frame->ebx, &action);
    return error != 0 ? error : (long)old;
}

/* ---- masks ---- */

static int
change_mask(uint32_t how, sigset_t set)
{
    sigset_t blocked = task_current()->blocked;

    switch (how) {
    case SIG_BLOCK:
        signal_set_mask(blocked | set);
        return 0;
    case SIG_UNBLOCK:
        signal_set_mask(blocked & ~set);
        return 0;
    case SIG_SETMASK:
        signal_set_mask(set);
        return 0;
    default:
        return -EINVAL;
    }
}

SYSCALL(rt_sigprocmask)
{
    sigset_t old = task_current()->blocked, set;

    if (frame->esi != sizeof(set))
        return -EINVAL;
    if (frame->ecx != 0) {
        int error = copy_from_user(&set, (const void *)frame->ecx, sizeof(set));

        if (error == 0)
            error = change_mask(frame->ebx, set);
        if (error != 0)
            return error;
    }
    if (frame->edx != 0)
        return copy_to_user((void *)frame->edx, &old, sizeof(old));
    return 0;
}

SYSCALL(sigprocmask)
{
    sigset_t old = task_current()->blocked;
    uint32_t set;

    if (frame->ecx != 0) {
        sigset_t kept = frame->ebx == SIG_SETMASK ? old & ~LOW_SIGNALS : 0;
        int error = get_user_u32(&set, (const void *)frame->ecx);

        if (error == 0)
            error = change_mask(frame->ebx, kept | set);
        if (error != 0)
            return error;
    }
    return frame->edx != 0 ? put_user_u32((uint32_t)old, (void *)frame->edx) : 0;
}

static sigset_t
pending_and_blocked(void)
{
    const struct task *task = task_current();

    return (task->pending | task->process->pending) & task->blocked;
}

SYSCALL(rt_sigpending)
{
    sigset_t set = pending_and_blocked();

    if (frame->ecx > sizeof(set))
        return -EINVAL;
    return copy_to_user((void *)frame->ebx, &set, frame->ecx);
}

SYSCALL(sigpending)
{
    return put_user_u32((uint32_t)pending_and_blocked(), (void *)frame->ebx);
}

/* ---- waiting ---- */

static long
wait_for_signal(void)
{
    struct wait_queue nobody = {0};

    while (task_sleep(&nobody, 0) == 0)
        ;
    return -ERESTARTNOHAND;
}

SYSCALL(pause)
{
    (void)frame;
    return wait_for_signal();
}

/* The mask comes back after the handler, or before the return when there is none. */
static long
suspend(sigset_t set)
{
    struct task *task = task_current();

    task->saved_blocked = task->blocked;
    task->restore_blocked = true;
    signal_set_mask(set);
    return wait_for_signal();
}

SYSCALL(rt_sigsuspend)
{
    sigset_t set;
    int error = get_set(&set, frame->ebx, frame->ecx);

    return error != 0 ? error : suspend(set);
}

SYSCALL(sigsuspend)
{
    return suspend(frame->edx);
}

/* Sleeps until a signal of `set` is there, another one wants its handler, or the time is over
 * (`ticks`, 0: never). */
static long
await(sigset_t set, bool poll, uint32_t ticks, struct signal_info *info)
{
    struct task *task = task_current();
    struct wait_queue nobody = {0};
    int result = -ETIMEDOUT;
    bool taken;

    task->awaited = set; /* before the look: what comes behind it ends the sleep at once */
    taken = signal_take(task, set, info);
    if (!taken && !poll) {
        result = task_sleep(&nobody, ticks);
        taken = signal_take(task, set, info);
    }
    task->awaited = 0;
    signal_recalculate(task);
    if (taken)
        return info->signal;
    return result == -ETIMEDOUT ? -EAGAIN : result;
}

static long
timed_wait(const struct trap_frame *frame, bool wide)
{
    struct timespec64 time = {0};
    struct signal_info info;
    struct siginfo told;
    sigset_t set;
    long result = get_set(&set, frame->ebx, frame->esi);

    if (result == 0 && frame->edx != 0)
        result = timespec_get(&time, frame->edx, wide);
    if (result != 0)
        return result;
    result = await(set & ~UNBLOCKABLE, frame->edx != 0 && time.sec == 0 && time.nsec == 0,
                   frame->edx != 0 ? timespec_ticks(&time) : 0, &info);
    if (result > 0 && frame->ecx != 0) {
        signal_fill_info(&told, &info);
        if (copy_to_user((void *)frame->ecx, &told, sizeof(told)) != 0)
            return -EFAULT;
    }
    return result;
}

SYSCALL(rt_sigtimedwait)
{
    return timed_wait(frame, false);
}

SYSCALL(rt_sigtimedwait_time64)
{
    return timed_wait(frame, true);
}

/* ---- sending ---- */

static struct signal_info
from_program(uint32_t signal, int code)
{
    return (struct signal_info){
        .signal = (int)signal,
        .code = code,
        .pid = (uint32_t)task_current()->process->pid,
    };
}

/* Signal 0 only asks whether there is somebody. */
static long
send(struct process *process, struct task *task, const struct signal_info *info)
{
    if (info->signal != 0)
        signal_send(process, task, info);
    return 0;
}

/* Everybody for whom `group` is 0, or of that group; never process 1, with group 0 not the sender. */
static long
send_to_many(int group, const struct signal_info *info)
{
    const struct process *sender = task_current()->process;
    long result = -ESRCH;

    for (struct process *process = process_list; process != NULL; process = process->next) {
        if (group != 0 ? process->group != group : process->pid == 1 || process == sender)
            continue;
        result = send(process, NULL, info);
    }
    return result;
}

static long
send_to_process(int pid, const struct signal_info *info)
{
    struct process *process = process_find(pid);

    return process != NULL ? send(process, NULL, info) : -ESRCH;
}

SYSCALL(kill)
{
    int pid = (int)frame->ebx;
    struct signal_info info = from_program(frame->ecx, SI_USER);

    if (frame->ecx > SIGNALS)
        return -EINVAL;
    if (pid > 0)
        return send_to_process(pid, &info);
    if (pid == 0)
        return send_to_many(task_current()->process->group, &info);
    if (pid == -1)
        return send_to_many(0, &info);
    return pid == INT32_MIN ? -ESRCH : send_to_many(-pid, &info);
}

/* To the thread `tid`, when it is one of process `pid` (0: of any). */
static long
send_to_thread(int pid, int tid, const struct signal_info *info)
{
    struct task *task = task_find(tid);

    if (task == NULL || task->process == NULL || (pid != 0 && task->process->pid != pid))
        return -ESRCH;
    return send(task->process, task, info);
}

SYSCALL(tkill)
{
    struct signal_info info = from_program(frame->ecx, SI_TKILL);

    if (frame->ecx > SIGNALS || (int)frame->ebx <= 0)
        return -EINVAL;
    return send_to_thread(0, (int)frame->ebx, &info);
}

SYSCALL(tgkill)
{
    struct signal_info info = from_program(frame->edx, SI_TKILL);

    if (frame->edx > SIGNALS || (int)frame->ebx <= 0 || (int)frame->ecx <= 0)
        return -EINVAL;
    return send_to_thread((int)frame->ebx, (int)frame->ecx, &info);
}

/* What a program tells of a signal it sends; it must not look like the kernel's own. Signals that
 * queue must not get lost: -EAGAIN when there are too many. */
static int
get_info(struct signal_info *info, uint32_t signal, uint32_t from, bool to_self)
{
    struct siginfo told;

    if (copy_from_user(&told, (const void *)from, sizeof(told)) != 0)
        return -EFAULT;
    if (signal > SIGNALS)
        return -EINVAL;
    if (!to_self && (told.code >= 0 || told.code == SI_TKILL))
        return -EPERM;
    if (signal >= FIRST_QUEUED && !signal_may_queue())
        return -EAGAIN;
    *info = (struct signal_info){.signal = (int)signal, .code = told.code};
    for (unsigned i = 0; i < ARRAY_LENGTH(info->words); i++)
        info->words[i] = (uint32_t)told.pad[i];
    return 0;
}

SYSCALL(rt_sigqueueinfo)
{
    struct signal_info info;
    int pid = (int)frame->ebx;
    int error = get_info(&info, frame->ecx, frame->edx, pid == task_current()->process->pid);

    return error != 0 ? error : send_to_process(pid, &info);
}

SYSCALL(rt_tgsigqueueinfo)
{
    struct signal_info info;
    int pid = (int)frame->ebx;
    int error = get_info(&info, frame->edx, frame->esi, pid == task_current()->process->pid);

    if (pid <= 0 || (int)frame->ecx <= 0)
        return -EINVAL;
    return error != 0 ? error : send_to_thread(pid, (int)frame->ecx, &info);
}
