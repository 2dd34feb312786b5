/* sys_machine.c - the system calls about the machine and the kernel: its name, its memory,
 * its end, and chance.
 */
#include <string.h>
#include "clock.h"
#include "cpu.h"
#include "load.h"
#include "machine.h"
#include "object.h"
#include "pmm.h"
#include "power.h"
#include "random.h"
#include "syscall.h"
#include "task.h"
#include "usercopy.h"

/* ---- names ---- */

/* `release` is the Linux whose interface this kernel has: programs and libraries decide by it what
 * they may call. */
static struct utsname names = {
    .sysname = "Octavo",
    .nodename = "octavo",
    .release = "6.1.0-octavo",
    .version = "#1",
    .machine = "i486",
    .domainname = "(none)",
};

void
machine_init(void)
{
    unsigned family = cpu_features.signature >> 8 & 0xF;

    if (cpu_features.has_cpuid && family > 4)
        names.machine[1] = family == 5 ? '5' : '6';
}

const struct utsname *
machine_names(void)
{
    return &names;
}

SYSCALL(uname)
{
    return copy_to_user((void *)frame->ebx, &names, sizeof(names));
}

/* As it was without the name of the domain. */
SYSCALL(olduname)
{
    return copy_to_user((void *)frame->ebx, &names, offsetof(struct utsname, domainname));
}

/* As it was with names of at most eight letters. */
SYSCALL(oldolduname)
{
    char short_names[5][9] = {{0}};
    const char *from = (const char *)&names;

    for (unsigned i = 0; i < ARRAY_LENGTH(short_names); i++)
        memcpy(short_names[i], from + i * sizeof(names.sysname), sizeof(short_names[i]) - 1);
    return copy_to_user((void *)frame->ebx, short_names, sizeof(short_names));
}

/* ---- memory ---- */

#define SYSINFO_LOAD_SHIFT 16

static unsigned
count_threads(void)
{
    unsigned long state = spin_lock(&process_lock);
    unsigned count = 0;

    for (const struct process *process = process_list; process != NULL; process = process->next)
        count += process->thread_count;
    spin_unlock(&process_lock, state);
    return count;
}

SYSCALL(sysinfo)
{
    unsigned long high_free, high = pmm_high_frames(&high_free), total = pmm_managed_frames();
    unsigned shift = total >> (32 - PAGE_SHIFT) != 0 ? 0 : PAGE_SHIFT; /* pages, or bytes */
    struct sysinfo info = {
        .uptime = (int32_t)(timer_ticks() / TIMER_HZ),
        .sharedram = (object_cached_pages() - object_clean_pages()) << shift,
        .totalram = total << shift,
        .freeram = pmm_free_frames() << shift,
        .totalhigh = high << shift,
        .freehigh = high_free << shift,
        .procs = (uint16_t)count_threads(),
        .mem_unit = shift != 0 ? 1 : PAGE_SIZE,
    };

    for (unsigned i = 0; i < LOADS; i++)
        info.loads[i] = system_load.average[i] << (SYSINFO_LOAD_SHIFT - LOAD_SHIFT);
    return copy_to_user((void *)frame->ebx, &info, sizeof(info));
}

/* ---- scheduling: one class of threads ---- */

#define POLICY_OTHER    0
#define POLICY_FIFO     1
#define POLICY_RR       2
#define POLICY_UNUSED   4
#define POLICY_DEADLINE 6
#define RT_PRIORITY_MAX 99

static bool
is_policy(uint32_t policy)
{
    return policy <= POLICY_DEADLINE && policy != POLICY_UNUSED;
}

static bool
is_real_time(uint32_t policy)
{
    return policy == POLICY_FIFO || policy == POLICY_RR;
}

/* 0 when there is such a thread. */
static int
find_thread(uint32_t tid)
{
    if ((int)tid < 0)
        return -EINVAL;
    return tid == 0 || task_exists((int)tid) ? 0 : -ESRCH;
}

SYSCALL(sched_getscheduler)
{
    int error = find_thread(frame->ebx);

    return error != 0 ? error : POLICY_OTHER;
}

/* A priority is for real time only, and there it must be one. */
SYSCALL(sched_setscheduler)
{
    uint32_t policy = frame->ecx, priority;
    int error;

    if ((int)frame->ebx < 0 || frame->edx == 0)
        return -EINVAL;
    if (get_user_u32(&priority, (const void *)frame->edx) != 0)
        return -EFAULT;
    error = find_thread(frame->ebx);
    if (error != 0)
        return error;
    if (!is_policy(policy) || policy == POLICY_DEADLINE || priority > RT_PRIORITY_MAX ||
        is_real_time(policy) != (priority != 0))
        return -EINVAL;
    return policy == POLICY_OTHER ? 0 : -EPERM;
}

SYSCALL(sched_getparam)
{
    int error = frame->ecx != 0 ? find_thread(frame->ebx) : -EINVAL;

    return error != 0 ? error : put_user_u32(0, (void *)frame->ecx);
}

SYSCALL(sched_get_priority_max)
{
    if (!is_policy(frame->ebx))
        return -EINVAL;
    return is_real_time(frame->ebx) ? RT_PRIORITY_MAX : 0;
}

SYSCALL(sched_get_priority_min)
{
    if (!is_policy(frame->ebx))
        return -EINVAL;
    return is_real_time(frame->ebx) ? 1 : 0;
}

/* ---- chance ---- */

#define RANDOM_PIECE 128
#define RANDOM_FLAGS 7u /* GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE: here they change nothing */

SYSCALL(getrandom)
{
    char *to = (char *)frame->ebx;
    size_t size = frame->ecx & INT32_MAX, done = 0;
    uint8_t bytes[RANDOM_PIECE];

    if (frame->edx & ~RANDOM_FLAGS)
        return -EINVAL;
    while (done < size && (done == 0 || !task_signalled(task_current()))) {
        size_t piece = size - done < sizeof(bytes) ? size - done : sizeof(bytes);

        random_bytes(bytes, piece);
        if (copy_to_user(to + done, bytes, piece) != 0)
            return done != 0 ? (long)done : -EFAULT;
        done += piece;
        task_breathe();
    }
    return (long)done;
}

/* ---- the end ---- */

SYSCALL(reboot)
{
    if ((int)frame->ebx != REBOOT_MAGIC1 || (int)frame->ecx != REBOOT_MAGIC2)
        return -EINVAL;
    switch ((int)frame->edx) {
    case REBOOT_RESTART:
        power_reboot();
    case REBOOT_HALT:
    case REBOOT_POWER_OFF:
        power_off_checked(0);
    default:
        return -EINVAL;
    }
}
