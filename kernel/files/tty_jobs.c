/* tty_jobs.c - job control: which session has the terminal, and which group of it the foreground.
 * termios(3), credentials(7), tty_ioctl(2).
 *
 *   leader of a session ── opens /dev/console, or TIOCSCTTY ──► the terminal is its session's
 *   shell ── TIOCSPGRP ──► a group is in the foreground: ^C and its like are for that one
 *   other groups are in the background: who reads there, or changes settings, is stopped
 *   the leader ends ──► the terminal is nobody's, the foreground is told
 *
 * Lock: terminal.lock for the change of both words; one of them is read without.
 */
#include "signal.h"
#include "syscall.h"
#include "tty.h"
#include "tty_private.h"
#include "usercopy.h"

/* ---- whose it is ---- */

bool
tty_controls(const struct process *process)
{
    return terminal.session != 0 && process->session == terminal.session;
}

int
tty_stop_background(int signal)
{
    struct process *process = task_current()->process;

    if (!tty_controls(process) || process->group == terminal.group || terminal.group == 0)
        return 0;
    if (signal_is_held(task_current(), signal))
        return signal == SIGTTIN ? -EIO : 0;
    if (!signal_group_unless_orphaned(process->group, signal))
        return -EIO;
    task_mark(task_current(), TASK_WORK_SIGNAL); /* it may be another thread that was told */
    return -ERESTARTSYS;
}

bool
tty_take(const struct process *leader, bool steal)
{
    unsigned long state = spin_lock(&terminal.lock);
    bool taken = terminal.session == 0 || steal;

    if (taken) {
        terminal.session = leader->session;
        terminal.group = leader->group;
    }
    spin_unlock(&terminal.lock, state);
    return taken;
}

void
tty_give(const struct process *leader)
{
    (void)tty_take(leader, true);
}

/* Nobody's terminal any more, if it was that session's. The group that was in the foreground, or
 * 0. */
static int
give_up_session(int session)
{
    unsigned long state = spin_lock(&terminal.lock);
    int group = 0;

    if (session == terminal.session) {
        group = terminal.group;
        terminal.session = terminal.group = 0;
    }
    spin_unlock(&terminal.lock, state);
    return group;
}

void
tty_session_ends(int session)
{
    int group = give_up_session(session);

    if (group == 0)
        return;
    signal_group(group, SIGHUP);
    signal_group(group, SIGCONT);
}

unsigned
tty_of(const struct process *process, int *foreground)
{
    *foreground = tty_controls(process) ? terminal.group : -1;
    return tty_controls(process) ? TTY_MAJOR << 8 | CONSOLE_MINOR : 0;
}

/* ---- requests ---- */

static bool
is_of_session(int group, int session)
{
    unsigned long state = spin_lock(&process_lock);
    const struct process *process = process_list;

    while (process != NULL && (process->group != group || process->session != session))
        process = process->next;
    spin_unlock(&process_lock, state);
    return process != NULL;
}

static long
set_group(const void *from)
{
    const struct process *process = task_current()->process;
    unsigned long state;
    uint32_t group;
    int error = tty_stop_background(SIGTTOU);

    if (error == 0)
        error = get_user_u32(&group, from);
    if (error != 0)
        return error;
    if (!tty_controls(process))
        return -ENOTTY;
    if ((int)group < 0)
        return -EINVAL;
    if (!is_of_session((int)group, process->session))
        return -EPERM;
    state = spin_lock(&terminal.lock);
    if (tty_controls(process)) /* still: its leader may just have ended */
        terminal.group = (int)group;
    else
        error = -ENOTTY;
    spin_unlock(&terminal.lock, state);
    return error;
}

static long
set_controlling(uintptr_t steal)
{
    const struct process *process = task_current()->process;

    if (tty_controls(process) && process->pid == process->session)
        return 0;
    if (process->pid != process->session)
        return -EPERM;
    return tty_take(process, steal == 1) ? 0 : -EPERM;
}

static long
give_up(void)
{
    const struct process *process = task_current()->process;

    if (!tty_controls(process))
        return -ENOTTY;
    if (process->pid == process->session)
        tty_session_ends(process->session);
    return 0;
}

long
tty_control_jobs(unsigned request, uintptr_t argument)
{
    bool mine = tty_controls(task_current()->process);

    switch (request) {
    case TIOCGPGRP:
        return mine ? put_user_u32((uint32_t)terminal.group, (void *)argument) : -ENOTTY;
    case TIOCGSID:
        return mine ? put_user_u32((uint32_t)terminal.session, (void *)argument) : -ENOTTY;
    case TIOCSPGRP:
        return set_group((const void *)argument);
    case TIOCSCTTY:
        return set_controlling(argument);
    case TIOCNOTTY:
        return give_up();
    default:
        return -ENOTTY;
    }
}
