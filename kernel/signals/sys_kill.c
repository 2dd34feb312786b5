/* sys_kill.c - the system calls that send signals: kill(2), tgkill(2), rt_sigqueueinfo(2).
 *
 * There is one user, so everybody may send to everybody; only process 1 is spared what it has no
 * handler for (signal.c). Whoever is named is looked up and sent to under one process_lock; nobody
 * has to be looked up when a process or a thread sends to itself, and then it is not taken.
 */
#include "signal_private.h"
#include "syscall.h"
#include "usercopy.h"

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

/* To the current process, or thread, without process_lock. False: it takes that. */
static bool
send_to_self(struct task *task, const struct signal_info *info)
{
    return info->signal == 0 || signal_send_to_self(task, info);
}

/* Everybody for whom `group` is 0, or of that group; never process 1, with group 0 not the sender.
 */
static long
send_to_many(int group, const struct signal_info *info)
{
    const struct process *sender = task_current()->process;
    long result = -ESRCH;

    for (struct process *process = process_list; process != NULL; process = process->next) {
        if (group != 0 ? process->group != group : process->pid == 1 || process == sender)
            continue;
        if (info->signal != 0)
            signal_send_to_one_of(process, info);
        result = 0;
    }
    return result;
}

/* The number of any of its threads will do. */
static long
send_to_process(int pid, const struct signal_info *info)
{
    const struct task *task = task_find(pid);
    struct process *process = task != NULL ? task->process : process_find(pid);

    return process != NULL ? send(process, NULL, info) : -ESRCH;
}

/* To whom a number of kill(2) means. */
static long
send_to_all_meant(int pid, const struct signal_info *info)
{
    if (pid > 0)
        return send_to_process(pid, info);
    if (pid == 0)
        return send_to_many(task_current()->process->group, info);
    if (pid == -1)
        return send_to_many(0, info);
    return pid == INT32_MIN ? -ESRCH : send_to_many(-pid, info);
}

SYSCALL(kill)
{
    struct signal_info info = from_program(frame->ecx, SI_USER);
    unsigned long state;
    long result;

    if (frame->ecx > SIGNALS)
        return -EINVAL;
    if ((int)frame->ebx == task_current()->process->pid && send_to_self(NULL, &info))
        return 0;
    state = spin_lock(&process_lock);
    result = send_to_all_meant((int)frame->ebx, &info);
    spin_unlock(&process_lock, state);
    return result;
}

/* To the thread `tid`, when it is one of process `pid` (0: of any). The first thread is there as
 * long as its process, though it gets nothing any more when it has ended. */
static long
send_to_thread(int pid, int tid, const struct signal_info *info)
{
    struct task *task = task_current();
    unsigned long state;
    long result = -ESRCH;

    if (tid == task->tid && (pid == 0 || pid == task->process->pid) && send_to_self(task, info))
        return 0;
    state = spin_lock(&process_lock);
    task = task_find(tid);
    if (task != NULL && (pid == 0 || task->process->pid == pid))
        result = send(task->process, task, info);
    else if (task == NULL && (pid == 0 || pid == tid) && process_find(tid) != NULL)
        result = 0;
    spin_unlock(&process_lock, state);
    return result;
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
    long result = get_info(&info, frame->ecx, frame->edx, pid == task_current()->process->pid);
    unsigned long state;

    if (result != 0)
        return result;
    state = spin_lock(&process_lock);
    result = send_to_process(pid, &info);
    spin_unlock(&process_lock, state);
    return result;
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
