/* sys_signal.c - the system calls about signals: actions, masks, waiting. signal(7).
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

/* Sets an action. Flags that mean nothing are not kept, so that a program can find out which do:
 * sigaction(2). What is ignored from now on and pending is forgotten. */
static int
change_action(int signal, struct action *action)
{
    struct process *process = task_current()->process;
    sigset_t bit = signal_bit(signal);
    int error;

    if (bit & UNBLOCKABLE)
        return -EINVAL;
    action->flags &= SA_KNOWN;
    action->mask &= ~UNBLOCKABLE;
    error = action_set(process->actions, signal, action);
    if (error != 0)
        return error;
    if (action->handler == SIG_IGN ||
        (action->handler == SIG_DFL && (bit & IGNORED_BY_DEFAULT) != 0))
        signal_forget(process, bit);
    return 0;
}

/* Both calls: says what a signal's action was, and makes it the given one; 0: it stays. */
static int
exchange_action(int signal, struct action *action, bool given)
{
    struct action was = action_now(signal);
    int error = given ? change_action(signal, action) : 0;

    *action = was;
    return error;
}

SYSCALL(rt_sigaction)
{
    struct kernel_sigaction user = {0};
    struct action action;
    int error;

    if (!is_signal(frame->ebx) || frame->esi != sizeof(sigset_t))
        return -EINVAL;
    if (frame->ecx != 0 && copy_from_user(&user, (const void *)frame->ecx, sizeof(user)) != 0)
        return -EFAULT;
    action = (struct action){user.handler, user.flags, user.restorer, user.mask};
    error = exchange_action((int)frame->ebx, &action, frame->ecx != 0);
    user = (struct kernel_sigaction){action.handler, action.flags, action.restorer, action.mask};
    if (error == 0 && frame->edx != 0)
        error = copy_to_user((void *)frame->edx, &user, sizeof(user));
    return error;
}

SYSCALL(sigaction)
{
    struct {
        uint32_t handler, mask, flags, restorer;
    } user = {0};
    struct action action;
    int error;

    if (!is_signal(frame->ebx))
        return -EINVAL;
    if (frame->ecx != 0 && copy_from_user(&user, (const void *)frame->ecx, sizeof(user)) != 0)
        return -EFAULT;
    action = (struct action){user.handler, user.flags, user.restorer, user.mask};
    error = exchange_action((int)frame->ebx, &action, frame->ecx != 0);
    user.handler = action.handler;
    user.mask = (uint32_t)action.mask;
    user.flags = action.flags;
    user.restorer = action.restorer;
    if (error == 0 && frame->edx != 0)
        error = copy_to_user((void *)frame->edx, &user, sizeof(user));
    return error;
}

SYSCALL(signal)
{
    struct action action = {.handler = frame->ecx, .flags = (uint32_t)SA_RESETHAND | SA_NODEFER};
    uint32_t old;
    int error;

    if (!is_signal(frame->ebx))
        return -EINVAL;
    old = action_now((int)frame->ebx).handler;
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
    unsigned long state = signals_lock(task->process);
    sigset_t set = (task->pending | task->process->pending) & task->blocked;

    signals_unlock(task->process, state);
    return set;
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
 * (`ticks`, 0: never). Only one is taken: another of the set may have been left to this thread
 * while it waited. */
static long
await(sigset_t set, bool poll, uint32_t ticks, struct signal_info *info)
{
    struct task *task = task_current();
    struct spinlock *lock = &task->process->actions->lock;
    struct wait_queue nobody = {0};
    unsigned long state = spin_lock(lock);
    int result = -ETIMEDOUT;
    bool taken = signal_take(task, set, info);
    sigset_t left;

    task->awaited = set;
    if (!taken && !poll) {
        result = task_sleep_unlock(&nobody, TASK_SLEEPING, ticks, lock, state);
        state = spin_lock(lock);
        taken = signal_take(task, set, info);
    }
    task->awaited = 0;
    left = set & task->blocked & task->process->pending;
    spin_unlock(lock, state);
    signal_recalculate(task);
    if (left != 0 && task->process->thread_count > 1)
        signal_leave_to_others();
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
