/* identity.c - who a process is: its number, its parent's, its group and its session; and giving
 * the CPU away.
 *
 * A group is the processes of one job of a shell, a session all jobs of one login; both are named
 * after the process that began them: setpgid(2), setsid(2).
 *
 * Lock: process_lock for all but a process' own numbers. */
#include "sched.h"
#include "syscall.h"
#include "task.h"

/* The process of a number, a zombie too; 0 is the caller. NULL when there is none. */
static struct process *
process_of(int pid)
{
    return pid == 0 ? task_current()->process : process_find(pid);
}

SYSCALL(getpid)
{
    (void)frame;
    return task_current()->process->pid;
}

SYSCALL(getppid)
{
    (void)frame;
    return task_current()->process->parent_pid;
}

SYSCALL(gettid)
{
    (void)frame;
    return task_current()->tid;
}

SYSCALL(getpgrp)
{
    (void)frame;
    return task_current()->process->group;
}

SYSCALL(getpgid)
{
    unsigned long state = spin_lock(&process_lock);
    const struct process *process = process_of((int)frame->ebx);
    int group = process != NULL ? process->group : -ESRCH;

    spin_unlock(&process_lock, state);
    return group;
}

SYSCALL(getsid)
{
    unsigned long state = spin_lock(&process_lock);
    const struct process *process = process_of((int)frame->ebx);
    int session = process != NULL ? process->session : -ESRCH;

    spin_unlock(&process_lock, state);
    return session;
}

static bool
group_exists(int group, int session)
{
    for (const struct process *process = process_list; process != NULL; process = process->next) {
        if (process->group == group && process->session == session)
            return true;
    }
    return false;
}

bool
group_is_orphaned(int group, const struct process *without)
{
    for (const struct process *process = process_list; process != NULL; process = process->next) {
        const struct process *parent = process->parent;

        if (process->group == group && !process->dead && process != without &&
            parent->group != group && parent->session == process->session)
            return false;
    }
    return true;
}

bool
group_has_stopped(int group)
{
    for (const struct process *process = process_list; process != NULL; process = process->next) {
        if (process->group == group && process->stopped && !process->dead)
            return true;
    }
    return false;
}

/* For oneself or a child that has not called execve yet, within the session, and not for one that
 * leads a session. */
static int
set_group(int pid, int group)
{
    struct process *me = task_current()->process, *process = process_of(pid);

    if (process == NULL || (process != me && process->parent != me))
        return -ESRCH;
    if (group == 0)
        group = process->pid;
    if (process->session != me->session || process->session == process->pid)
        return -EPERM;
    if (process != me && process->executed)
        return -EACCES;
    if (group != process->pid && !group_exists(group, me->session))
        return -EPERM;
    process->group = group;
    return 0;
}

SYSCALL(setpgid)
{
    unsigned long state;
    int error;

    if ((int)(frame->ecx != 0 ? frame->ecx : frame->ebx) < 0) /* 0: the group of that number */
        return -EINVAL;
    state = spin_lock(&process_lock);
    error = set_group((int)frame->ebx, (int)frame->ecx);
    spin_unlock(&process_lock, state);
    return error;
}

/* The new session's number or -EPERM. */
static int
begin_session(struct process *me)
{
    if (me->group == me->pid)
        return -EPERM;
    for (const struct process *process = process_list; process != NULL; process = process->next) {
        if (process->group == me->pid)
            return -EPERM;
    }
    me->group = me->session = me->pid;
    return me->pid;
}

SYSCALL(setsid)
{
    unsigned long state = spin_lock(&process_lock);
    int session = begin_session(task_current()->process);

    (void)frame;
    spin_unlock(&process_lock, state);
    return session;
}

SYSCALL(sched_yield)
{
    (void)frame;
    task_yield();
    return 0;
}
