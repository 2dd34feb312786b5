/* wait.c - waitpid(2), wait4(2), waitid(2): what became of one's children.
 *
 * A child has something to tell when it ended, was stopped, or was continued. The call looks at all
 * children that the caller means; when none has anything to tell it sleeps in child_wait until one
 * does. A child that ended is told of once and is then gone, its times added to its parent's.
 *
 * Lock: process_lock from the look at the children until their news are settled, so that each is
 * told to one thread only.
 */
#include <string.h>
#include "file.h"
#include "sched.h"
#include "signal.h"
#include "syscall.h"
#include "task.h"
#include "timer.h"
#include "uapi/resource.h"
#include "uapi/wait.h"
#include "usercopy.h"

#define ANY_CHILD INT32_MIN

/* Which children: ANY_CHILD, > 0 this one, 0 of my group, < 0 of that group. */
static bool
is_meant(const struct process *child, int pid, unsigned options)
{
    bool clone = child->exit_signal != SIGCHLD;

    if (!(options & WALL) && clone != ((options & (unsigned)WCLONE) != 0))
        return false;
    if (pid == ANY_CHILD)
        return true;
    if (pid > 0)
        return child->pid == pid;
    return child->group == (pid == 0 ? task_current()->process->group : -pid);
}

/* True when the child has something to tell that the options ask for; *status is it. */
static bool
has_news(const struct process *child, unsigned options, int *status)
{
    if (child->dead && options & WEXITED)
        *status = child->status;
    else if (!child->dead && child->stopped && !child->stop_reported && options & WSTOPPED)
        *status = child->status;
    else if (!child->dead && child->continued && options & WCONTINUED)
        *status = 0xFFFF;
    else
        return false;
    return true;
}

/* What is told of a child, taken from it while it is there. */
struct news {
    int pid, status; /* pid 0: nobody has any */
    struct rusage usage;
};

/* The first child with news: NULL when there is none yet, and *any says whether one that is meant
 * may still have some. One that ended does nothing more. */
static struct process *
find_child(int pid, unsigned options, int *status, bool *any)
{
    struct process *child = task_current()->process->children;

    *any = false;
    for (; child != NULL; child = child->next_sibling) {
        if (!is_meant(child, pid, options))
            continue;
        *any |= !child->dead || options & WEXITED;
        if (has_news(child, options, status))
            return child;
    }
    return NULL;
}

static struct timeval
time_of_ticks(uint32_t ticks)
{
    return (struct timeval){(int32_t)(ticks / TIMER_HZ),
                            (int32_t)(ticks % TIMER_HZ * (1000000 / TIMER_HZ))};
}

/* What the child used, its own children that it waited for included. */
static void
fill_usage(const struct process *child, struct rusage *usage)
{
    memset(usage, 0, sizeof(*usage));
    usage->utime = time_of_ticks(child->user_ticks + child->child_user_ticks);
    usage->stime = time_of_ticks(child->kernel_ticks + child->child_kernel_ticks);
    usage->minflt = (int32_t)(child->minor_faults + child->child_minor_faults);
    usage->majflt = (int32_t)(child->major_faults + child->child_major_faults);
}

static void
add_usage(struct process *parent, const struct process *child)
{
    parent->child_user_ticks += child->user_ticks + child->child_user_ticks;
    parent->child_kernel_ticks += child->kernel_ticks + child->child_kernel_ticks;
    parent->child_minor_faults += child->minor_faults + child->child_minor_faults;
    parent->child_major_faults += child->major_faults + child->child_major_faults;
}

/* The news are told: they are no longer new. */
static void
settle(struct process *child, int status, unsigned options)
{
    if (options & WNOWAIT)
        return;
    if (child->dead) {
        add_usage(child->parent, child);
        process_free(child);
    } else if (WIFCONTINUED(status)) {
        child->continued = false;
    } else {
        child->stop_reported = true;
    }
}

/* Waits for news of a child that is meant, and settles them: 0 and *news, of nobody with WNOHANG
 * when there are none; or -ECHILD, -ERESTARTSYS. */
static long
await(int pid, unsigned options, struct news *news)
{
    struct wait_queue *queue = &task_current()->process->child_wait;

    for (;;) {
        unsigned long state = spin_lock(&process_lock);
        bool any, ready;
        struct process *child = find_child(pid, options, &news->status, &any);

        news->pid = child != NULL ? child->pid : 0;
        if (child != NULL) {
            fill_usage(child, &news->usage);
            settle(child, news->status, options);
        }
        ready = child != NULL || !any || options & WNOHANG;
        if (ready) {
            spin_unlock(&process_lock, state);
            task_reap();
            return child == NULL && !any ? -ECHILD : 0;
        }
        if (task_sleep_unlock(queue, TASK_SLEEPING, 0, &process_lock, state) != 0)
            return -ERESTARTSYS;
    }
}

static long
wait_status(int pid, uint32_t status_at, unsigned options, uint32_t usage_at)
{
    struct news news;
    long result;

    if (options & ~(unsigned)(WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    result = await(pid == -1 ? ANY_CHILD : pid, options | WEXITED, &news);
    if (result != 0 || news.pid == 0)
        return result;
    if (status_at != 0 && put_user_u32((uint32_t)news.status, (void *)status_at) != 0)
        return -EFAULT;
    if (usage_at != 0 && copy_to_user((void *)usage_at, &news.usage, sizeof(news.usage)) != 0)
        return -EFAULT;
    return news.pid;
}

SYSCALL(wait4)
{
    return wait_status((int)frame->ebx, frame->ecx, frame->edx, frame->esi);
}

SYSCALL(waitpid)
{
    return wait_status((int)frame->ebx, frame->ecx, frame->edx, 0);
}

/* ---- waitid ---- */

/* Whom an idtype and a number mean, as is_meant has it; false when there is no such. */
static bool
pid_for(unsigned type, int id, int *pid)
{
    switch (type) {
    case P_ALL:
        *pid = ANY_CHILD;
        return true;
    case P_PID:
        *pid = id;
        return id > 0;
    case P_PGID:
        *pid = -id;
        return id >= 0;
    default:
        return false;
    }
}

static void
fill_info(int pid, int status, struct siginfo *info)
{
    memset(info, 0, sizeof(*info));
    info->signo = SIGCHLD;
    info->child.pid = pid;
    info->child.status = WEXITSTATUS(status);
    if (WIFCONTINUED(status)) {
        info->code = CLD_CONTINUED;
        info->child.status = SIGCONT;
    } else if (WIFSTOPPED(status)) {
        info->code = CLD_STOPPED;
    } else if (WIFEXITED(status)) {
        info->code = CLD_EXITED;
    } else {
        info->code = status & 0x80 ? CLD_DUMPED : CLD_KILLED;
        info->child.status = WTERMSIG(status);
    }
}

/* waitid(type, id, info, options, usage) */
SYSCALL(waitid)
{
    const unsigned known = WNOHANG | WEXITED | WSTOPPED | WCONTINUED | WNOWAIT | WNOTHREAD | WALL |
                           (unsigned)WCLONE;
    unsigned options = frame->esi;
    struct siginfo info = {0};
    struct news news;
    int pid;
    long result;

    if (options & ~known || !(options & (WEXITED | WSTOPPED | WCONTINUED)) ||
        !pid_for(frame->ebx, (int)frame->ecx, &pid))
        return -EINVAL;
    result = await(pid, options, &news);
    if (result != 0)
        return result;
    if (news.pid != 0) {
        fill_info(news.pid, news.status, &info);
        if (frame->edi != 0 &&
            copy_to_user((void *)frame->edi, &news.usage, sizeof(news.usage)) != 0)
            return -EFAULT;
    }
    if (frame->edx != 0 && copy_to_user((void *)frame->edx, &info, sizeof(info)) != 0)
        return -EFAULT;
    return 0;
}
