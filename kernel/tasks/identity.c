/* identity.c - who a process is: its number, its parent's, its group and its session; and giving
 * the CPU away.
 *
 * A group is the processes of one job of a shell, a session all jobs of one login; both are named
 * after the process that began them: setpgid(2), setsid(2). */
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
    return task_current()->process->parent->pid;
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
    const struct process *process = process_of((int)frame->ebx);

    return process != NULL ? process->group : -ESRCH;
}

SYSCALL(getsid)
{
    const struct process *process = process_of((int)frame->ebx);

    return process != NULL ? process->session : -ESRCH;
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
SYSCALL(setpgid)
{
    struct process *me = task_current()->process, *process = process_of((int)frame->ebx);
    int group = (int)frame->ecx;

    if (group < 0)
        return -EINVAL;
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

SYSCALL(setsid)
{
    struct process *me = task_current()->process;

    (void)frame;
    if (me->group == me->pid)
        return -EPERM;
    for (const struct process *process = process_list; process != NULL; process = process->next) {
        if (process->group == me->pid)
            return -EPERM;
    }
    me->group = me->session = me->pid;
    return me->pid;
}

SYSCALL(sched_yield)
{
    (void)frame;
    task_yield();
    return 0;
}
