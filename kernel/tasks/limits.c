/* limits.c - what a process may use at most: getrlimit(2), prlimit64(2).
 *
 * Limits of memory are obeyed where memory is mapped (space.h) and are told to the space; that of
 * open files where descriptors are given, that of files' sizes where they grow, that of processes
 * at fork, those of the stack and the arguments at execve. The others are kept and told, and
 * nothing in this kernel uses what they limit.
 *
 * A space that several processes share obeys the limits of one, its owner: what the child of a
 * vfork sets for the program that it will run does not change what its parent may have.
 *
 * A process keeps 32-bit numbers; RLIM_INFINITY is no limit in each width.
 *
 * Lock: process_lock while limits change, and while another process' are looked at. Who obeys one
 * reads its one word.
 */
#include "file.h"
#include "process_limits.h"
#include "syscall.h"
#include "usercopy.h"
#include "uapi/resource.h"

#define OLD_INFINITY 0x7FFFFFFFu /* of getrlimit 76 */

void
limits_apply(const struct limit limits[PROCESS_LIMITS], struct address_space *space)
{
    space->limits[SPACE_LIMIT_AS] = limits[RLIMIT_AS].soft;
    space->limits[SPACE_LIMIT_DATA] = limits[RLIMIT_DATA].soft;
    space->limits[SPACE_LIMIT_STACK] = limits[RLIMIT_STACK].soft;
    space->limits[SPACE_LIMIT_MEMLOCK] = limits[RLIMIT_MEMLOCK].soft;
}

/* With process_lock held. */
static int
set_limit_locked(struct process *process, uint32_t resource, struct limit limit)
{
    if (limit.soft > limit.hard)
        return -EINVAL;
    if (resource == RLIMIT_NOFILE && limit.hard > FILES_MAX)
        return -EPERM;
    process->limits[resource] = limit;
    if (process->space != NULL && process->space->owner == process)
        limits_apply(process->limits, process->space);
    return 0;
}

/* Both numbers of the caller's own, of one moment. */
static struct limit
own_limit(uint32_t resource)
{
    unsigned long state = spin_lock(&process_lock);
    struct limit limit = task_current()->process->limits[resource];

    spin_unlock(&process_lock, state);
    return limit;
}

static int
set_limit(uint32_t resource, struct limit limit)
{
    unsigned long state = spin_lock(&process_lock);
    int error = set_limit_locked(task_current()->process, resource, limit);

    spin_unlock(&process_lock, state);
    return error;
}

SYSCALL(setrlimit)
{
    struct rlimit given;

    if (frame->ebx >= PROCESS_LIMITS)
        return -EINVAL;
    if (copy_from_user(&given, (const void *)frame->ecx, sizeof(given)) != 0)
        return -EFAULT;
    return set_limit(frame->ebx, (struct limit){given.cur, given.max});
}

SYSCALL(ugetrlimit)
{
    struct limit limit;
    struct rlimit told;

    if (frame->ebx >= PROCESS_LIMITS)
        return -EINVAL;
    limit = own_limit(frame->ebx);
    told = (struct rlimit){limit.soft, limit.hard};
    return copy_to_user((void *)frame->ecx, &told, sizeof(told));
}

/* As it was with signed numbers. */
SYSCALL(getrlimit)
{
    struct limit limit;
    struct rlimit told;

    if (frame->ebx >= PROCESS_LIMITS)
        return -EINVAL;
    limit = own_limit(frame->ebx);
    told = (struct rlimit){limit.soft < OLD_INFINITY ? limit.soft : OLD_INFINITY,
                           limit.hard < OLD_INFINITY ? limit.hard : OLD_INFINITY};
    return copy_to_user((void *)frame->ecx, &told, sizeof(told));
}

static uint64_t
widen(uint32_t limit)
{
    return limit == RLIM_INFINITY ? RLIM64_INFINITY : limit;
}

static uint32_t
narrow(uint64_t limit)
{
    return limit < RLIM_INFINITY ? (uint32_t)limit : RLIM_INFINITY;
}

/* Sets a limit of a process (0: the caller) unless `given` is NULL; *old is what it was. */
static int
exchange_limit(int pid, uint32_t resource, const struct limit *given, struct limit *old)
{
    unsigned long state = spin_lock(&process_lock);
    struct process *process = pid != 0 ? process_find(pid) : task_current()->process;
    int error = process != NULL ? 0 : -ESRCH;

    if (process != NULL)
        *old = process->limits[resource];
    if (process != NULL && given != NULL)
        error = set_limit_locked(process, resource, *given);
    spin_unlock(&process_lock, state);
    return error;
}

/* Process, resource, new limits or NULL, where the old ones go or NULL. */
SYSCALL(prlimit64)
{
    struct rlimit64 given = {0}, told;
    struct limit limit, old;
    int error;

    if (frame->ecx >= PROCESS_LIMITS)
        return -EINVAL;
    if (frame->edx != 0 && copy_from_user(&given, (const void *)frame->edx, sizeof(given)) != 0)
        return -EFAULT;
    limit = (struct limit){narrow(given.cur), narrow(given.max)};
    error = exchange_limit((int)frame->ebx, frame->ecx, frame->edx != 0 ? &limit : NULL, &old);
    if (error != 0)
        return error;
    told = (struct rlimit64){widen(old.soft), widen(old.hard)};
    return frame->esi != 0 ? copy_to_user((void *)frame->esi, &told, sizeof(told)) : 0;
}
