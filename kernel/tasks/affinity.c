/* affinity.c - which CPUs a thread may use: sched_setaffinity(2), sched_getaffinity(2), getcpu(2).
 *
 * A mask with a bit for each CPU; a child has its parent's. It decides where a thread waits when it
 * becomes READY. One that may stand on a CPU that it may not use any more is told (TASK_WORK_MOVE),
 * by an interrupt when it runs: on its way back to ring 3 it looks, and goes (sched_move).
 */
#include "platform.h"
#include "sched_private.h"
#include "syscall.h"
#include "usercopy.h"

/* With process_lock held. */
static struct task *
thread_of(uint32_t tid)
{
    return tid == 0 ? task_current() : task_find((int)tid);
}

/* sched_getaffinity(tid, size, mask): answers the size of the kernel's mask. */
SYSCALL(sched_getaffinity)
{
    uint32_t size = frame->ecx, mask;
    const struct task *task;
    unsigned long flags;

    if (size < sizeof(mask) || size % sizeof(mask) != 0)
        return -EINVAL;
    flags = spin_lock(&process_lock);
    task = thread_of(frame->ebx);
    mask = task != NULL ? task->affinity & cpus_online() : 0;
    spin_unlock(&process_lock, flags);
    if (task == NULL)
        return -ESRCH;
    return put_user_u32(mask, (void *)frame->edx) == 0 ? (long)sizeof(mask) : -EFAULT;
}

/* Whoever makes the thread READY just now may still have seen the old mask: it looks by itself when
 * it has come to run. With process_lock held. */
static void
confine(struct task *task, uint32_t mask)
{
    __atomic_store_n(&task->affinity, mask, __ATOMIC_RELAXED);
    task_mark(task, TASK_WORK_MOVE);
    sched_remind(task);
}

/* sched_setaffinity(tid, size, mask). CPUs that there are not do not count. */
SYSCALL(sched_setaffinity)
{
    uint32_t size = frame->ecx, mask = 0;
    struct task *task;
    unsigned long flags;

    if (size > sizeof(mask))
        size = sizeof(mask);
    if (copy_from_user(&mask, (const void *)frame->edx, size) != 0)
        return -EFAULT;
    flags = spin_lock(&process_lock);
    task = thread_of(frame->ebx);
    if (task != NULL && (mask & cpus_online()) != 0)
        confine(task, mask);
    spin_unlock(&process_lock, flags);
    if (task == NULL)
        return -ESRCH;
    return (mask & cpus_online()) != 0 ? 0 : -EINVAL;
}

/* getcpu(cpu, node, nothing): there is one node. */
SYSCALL(getcpu)
{
    if (frame->ebx != 0 && put_user_u32(cpu_current(), (void *)frame->ebx) != 0)
        return -EFAULT;
    if (frame->ecx != 0 && put_user_u32(0, (void *)frame->ecx) != 0)
        return -EFAULT;
    return 0;
}
