/* signal_deliver.c - what becomes of a pending signal: a handler, or one of four defaults.
 *
 *   handler  the registers are put on the program's stack, and ring 3 goes on in the handler
 *   ignore   nothing
 *   end      the process ends; its status names the signal
 *   stop     every thread of the process waits here until SIGCONT or SIGKILL; begins when the signal
 *            is taken
 *
 * A signal may have cut a system call short, which then answered one of four numbers that no
 * program sees. Here they become what it does see:
 *
 *   answer           no handler    handler with SA_RESTART   handler without
 *   ERESTARTSYS      done again    done again                -EINTR
 *   ERESTARTNOINTR   done again    done again                done again
 *   ERESTARTNOHAND   done again    -EINTR                    -EINTR
 *   ERESTARTTIMED    goes on       -EINTR                    -EINTR
 *
 * Doing it again means: EIP goes back over the two bytes of int 80h, and EAX is the number again.
 * Going on is the same with the number of restart_syscall, which does the call again with the end
 * that it had (task->sleep_end). A handler that comes in between takes that away: sigreturn.
 */
#include "sched.h"
#include "signal_private.h"
#include "syscall.h"
#include "uapi/syscall.h"

#define INT_80_BYTES 2

/* ---- the system call that was interrupted ---- */

static void
do_again(struct trap_frame *frame)
{
    bool timed = frame->eax == (uint32_t)-ERESTARTTIMED;

    task_current()->cut_short = timed ? frame->error : 0;
    frame->eax = timed ? NR_restart_syscall : frame->error;
    frame->eip -= INT_80_BYTES;
}

static bool
was_interrupted(const struct trap_frame *frame)
{
    uint32_t number = -frame->eax;

    return frame->vector == SYSCALL_VECTOR &&
           (number == ERESTARTSYS || number == ERESTARTNOINTR || number == ERESTARTNOHAND ||
            number == ERESTARTTIMED);
}

/* Settles the call's answer; a second handler finds nothing left to settle. */
static void
settle_call(struct trap_frame *frame, bool again)
{
    if (!was_interrupted(frame))
        return;
    if (again || frame->eax == (uint32_t)-ERESTARTNOINTR)
        do_again(frame);
    else
        frame->eax = (uint32_t)-EINTR;
    frame->vector = 0;
}

/* ---- stopping ---- */

/* With process_lock held, as may_stop. */
static void
stop(struct process *process, int signal)
{
    process->stopped = true;
    process->continued = false;
    process->stop_reported = false;
    process->status = signal << 8 | 0x7F;
    for (struct task *task = process->threads; task != NULL; task = task->next_thread) {
        task_mark(task, TASK_WORK_SIGNAL);
        task_interrupt(task);
    }
    signal_parent(process, CLD_STOPPED, signal);
}

/* A process that is ending, or whose group nobody could make go on again, does not stop. */
static bool
may_stop(const struct process *process, int signal)
{
    return !process->exiting && (signal == SIGSTOP || !group_is_orphaned(process->group, NULL));
}

/* False when the thread ends instead. A stop that begins after the first look marks the thread
 * again. */
static bool
wait_while_stopped(const struct task *task)
{
    struct process *process = task->process;
    unsigned long state;

    if (LIKELY(!process->stopped))
        return !(task->work & TASK_WORK_EXIT);
    state = spin_lock(&process_lock);
    while (process->stopped && !(task->work & TASK_WORK_EXIT)) {
        (void)task_sleep_unlock(&process->stop_wait, TASK_SLEEPING_HARD, 0, &process_lock, state);
        state = spin_lock(&process_lock);
    }
    spin_unlock(&process_lock, state);
    return !(task->work & TASK_WORK_EXIT);
}

/* ---- delivering ---- */

static bool
ends_by_default(int signal)
{
    return (signal_bit(signal) & (IGNORED_BY_DEFAULT | STOPS)) == 0;
}

/* What is blocked again when the handler returns. */
static sigset_t
mask_afterwards(const struct task *task)
{
    return task->restore_blocked ? task->saved_blocked : task->blocked;
}

/* The stack cannot take the handler's frame: that is a fault, whose handler may have another stack.
 */
static void
no_room(const struct signal_info *info, const struct trap_frame *frame)
{
    const struct task *task = task_current();
    struct trap_frame fault = *frame;

    if (info->signal == SIGSEGV && info->code > 0 && info->code != SI_KERNEL) {
        fault.vector = task->fault_trap; /* the handler was for a fault: tell that */
        fault.error = task->fault_error;
        fault_report(SIGSEGV, task->fault_address, &fault);
    }
    fault_report_no_room(info->signal, frame);
    if (info->signal == SIGSEGV)
        process_exit(SIGSEGV);
    fault.vector = TRAP_STACK;
    fault.error = 0;
    signal_fault(SIGSEGV, SI_KERNEL, 0, &fault);
}

static void
enter_handler(struct task *task, const struct action *given, const struct signal_info *info,
              struct trap_frame *frame)
{
    struct action action = *given;

    settle_call(frame, frame->eax == (uint32_t)-ERESTARTSYS && (action.flags & SA_RESTART) != 0);
    if (signal_push_frame(frame, &action, info, mask_afterwards(task)) != 0) {
        no_room(info, frame);
        return;
    }
    task->restore_blocked = false;
    if (!(action.flags & SA_NODEFER))
        action.mask |= signal_bit(info->signal);
    signal_set_mask(task->blocked | action.mask);
}

static void
act(struct task *task, const struct signal_info *info, const struct action *action,
    struct trap_frame *frame)
{
    if (action->handler == SIG_DFL && ends_by_default(info->signal))
        process_exit(info->signal);
    if (action->handler != SIG_DFL && action->handler != SIG_IGN)
        enter_handler(task, action, info, frame);
}

/* A look without a lock. What comes after it marks the thread again. */
static sigset_t
pending_now(const struct task *task)
{
    return (task->pending | task->process->pending) & ~task->blocked;
}

/* What is to be done on a signal that was just taken. A handler that is to run once is gone with
 * that: who takes the same signal next, on whichever CPU, finds the default. When there is no memory
 * to remember that, the process ends. With the signals' lock. */
static struct action
action_for(struct process *process, struct signal_info *info)
{
    struct action action = *action_of(process->actions, info->signal);

    if (!(action.flags & (unsigned)SA_RESETHAND) || action.handler == SIG_DFL ||
        action.handler == SIG_IGN || action_reset(process->actions, info->signal) == 0)
        return action;
    info->signal = SIGKILL;
    return (struct action){.handler = SIG_DFL};
}

/* Takes the next signal of a set, and what is to be done on it. False when there is none, or the
 * process is to stop first. */
static bool
take(struct task *task, sigset_t set, struct signal_info *info, struct action *action)
{
    struct process *process = task->process;
    unsigned long state = signals_lock(process);
    bool taken = !process->stopped && signal_take(task, set, info);

    if (taken) {
        *action = action_for(process, info);
        process->doomed |= action->handler == SIG_DFL && ends_by_default(info->signal);
    }
    signals_unlock(process, state);
    return taken;
}

/* The same, if a stop may be among them. It begins at once: SIGCONT finds it either pending or under
 * way. */
static bool
take_or_stop(struct task *task, struct signal_info *info, struct action *action)
{
    unsigned long state = spin_lock(&process_lock);
    bool taken = take(task, ~task->blocked, info, action);

    if (taken && action->handler == SIG_DFL && (signal_bit(info->signal) & STOPS) != 0 &&
        may_stop(task->process, info->signal))
        stop(task->process, info->signal);
    spin_unlock(&process_lock, state);
    return taken;
}

/* A stop that comes after the first look marks the thread again. */
static bool
take_next(struct task *task, struct signal_info *info, struct action *action)
{
    sigset_t waiting = pending_now(task);

    if (waiting & STOPS)
        return take_or_stop(task, info, action);
    return waiting != 0 && take(task, ~task->blocked & ~STOPS, info, action);
}

void
signal_deliver(struct trap_frame *frame)
{
    struct task *task = task_current();
    struct signal_info info;
    struct action action;

    do {
        if (!wait_while_stopped(task))
            return;
        while (take_next(task, &info, &action))
            act(task, &info, &action, frame);
    } while (task->process->stopped);
    settle_call(frame, true);
    if (task->restore_blocked) {
        task->restore_blocked = false;
        signal_set_mask(task->saved_blocked);
    }
    if (task->work & TASK_WORK_SIGNAL) /* the last change of the mask has not looked */
        signal_recalculate(task);
}
