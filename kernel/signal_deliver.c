/* signal_deliver.c - what becomes of a pending signal: a handler, or one of four defaults.
 *
 *   handler  the registers are put on the program's stack, and ring 3 goes on in the handler
 *   ignore   nothing
 *   end      the process ends; its status names the signal
 *   stop     every thread of the process waits here until SIGCONT or SIGKILL
 *
 * A signal may have cut a system call short, which then answered -ERESTARTSYS or -ERESTARTNOHAND.
 * Here that becomes what the program sees:
 *
 *   answer           no handler    handler with SA_RESTART   handler without
 *   ERESTARTSYS      done again    done again                -EINTR
 *   ERESTARTNOHAND   done again    -EINTR                    -EINTR
 *
 * Doing it again means: EIP goes back over the two bytes of int 80h, and EAX is the number again. A
 * sleep that is done again ends when it would have ended (task->sleep_end).
 */
#include "signal_private.h"
#include "syscall.h"

#define INT_80_BYTES 2

/* ---- the system call that was interrupted ---- */

static void
do_again(struct trap_frame *frame)
{
    frame->eax = frame->error;
    frame->eip -= INT_80_BYTES;
}

static bool
was_interrupted(const struct trap_frame *frame)
{
    return frame->vector == SYSCALL_VECTOR &&
           (frame->eax == (uint32_t)-ERESTARTSYS || frame->eax == (uint32_t)-ERESTARTNOHAND);
}

/* Settles the call's answer; a second handler finds nothing left to settle. */
static void
settle_call(struct trap_frame *frame, bool again)
{
    if (!was_interrupted(frame))
        return;
    if (again) {
        do_again(frame);
    } else {
        frame->eax = (uint32_t)-EINTR;
        task_current()->sleeps_on = false;
    }
    frame->vector = 0;
}

/* ---- stopping ---- */

/* Nobody could make a stopped process go on when no parent of its group's processes is in another
 * group of the session: POSIX then lets the terminal's stops do nothing. */
static bool
is_orphaned(int group)
{
    for (const struct process *process = process_list; process != NULL; process = process->next) {
        const struct process *parent = process->parent;

        if (process->group == group && !process->dead && parent != NULL &&
            parent->group != group && parent->session == process->session)
            return false;
    }
    return true;
}

static void
stop(struct process *process, int signal)
{
    unsigned long state;

    if (signal != SIGSTOP && is_orphaned(process->group))
        return;
    state = spin_lock(&signal_lock);
    process->stopped = true;
    process->continued = false;
    process->stop_reported = false;
    process->status = signal << 8 | 0x7F;
    for (struct task *task = process->threads; task != NULL; task = task->next_thread) {
        task->work |= TASK_WORK_SIGNAL;
        task_interrupt(task);
    }
    spin_unlock(&signal_lock, state);
    signal_parent(process, CLD_STOPPED, signal);
}

static void
wait_while_stopped(struct process *process)
{
    unsigned long state = interrupts_disable();

    while (process->stopped && !process->exiting)
        task_sleep_hard(&process->stop_wait);
    interrupts_restore(state);
}

/* ---- delivering ---- */

static void
act_by_default(struct process *process, int signal)
{
    sigset_t bit = signal_bit(signal);

    if ((bit & IGNORED_BY_DEFAULT) != 0)
        return;
    if ((bit & STOPS) != 0)
        stop(process, signal);
    else
        process_exit(signal);
}

/* What is blocked again when the handler returns. */
static sigset_t
mask_afterwards(struct task *task)
{
    if (!task->restore_blocked)
        return task->blocked;
    task->restore_blocked = false;
    return task->saved_blocked;
}

static void
enter_handler(struct task *task, const struct action *given, const struct signal_info *info,
              struct trap_frame *frame)
{
    struct action action = *given;

    settle_call(frame, frame->eax == (uint32_t)-ERESTARTSYS && (action.flags & SA_RESTART) != 0);
    if (action.flags & (unsigned)SA_RESETHAND) {
        struct action reset = {.handler = SIG_DFL};

        if (action_set(task->process->actions, info->signal, &reset) != 0)
            process_exit(SIGKILL);
    }
    if (signal_push_frame(frame, &action, info, mask_afterwards(task)) != 0)
        process_exit(SIGSEGV);
    task->blocked |= action.mask;
    if (!(action.flags & SA_NODEFER))
        task->blocked |= signal_bit(info->signal);
    task->blocked &= ~UNBLOCKABLE;
}

static void
act(struct task *task, const struct signal_info *info, struct trap_frame *frame)
{
    const struct action *action = action_of(task->process->actions, info->signal);

    if (action->handler == SIG_DFL)
        act_by_default(task->process, info->signal);
    else if (action->handler != SIG_IGN)
        enter_handler(task, action, info, frame);
}

void
signal_deliver(struct trap_frame *frame)
{
    struct task *task = task_current();
    struct signal_info info;

    do {
        wait_while_stopped(task->process);
        while (!task->process->stopped && signal_take(task, ~task->blocked, &info))
            act(task, &info, frame);
    } while (task->process->stopped);
    settle_call(frame, true);
    if (task->restore_blocked) {
        task->restore_blocked = false;
        task->blocked = task->saved_blocked;
    }
    signal_recalculate(task);
}
