/* sys_identity.c - the system calls about who a process is: user, groups, capabilities, name.
 *
 * There is one user, root, and it may do everything. Becoming somebody else is refused: this kernel
 * could not keep such a process from anything.
 *
 * Lock: process_lock for a process' name; the rest is constant, or one word of the caller's own.
 */
#include <string.h>
#include "syscall.h"
#include "task.h"
#include "uapi/signal.h"
#include "usercopy.h"

#define NO_CHANGE 0xFFFFFFFFu /* -1: leave that one as it is */

/* ---- user and group ---- */

static long
root(void)
{
    return 0;
}

SYSCALL(getuid32)
{
    (void)frame;
    return root();
}

SYSCALL(geteuid32)
{
    (void)frame;
    return root();
}

SYSCALL(getgid32)
{
    (void)frame;
    return root();
}

SYSCALL(getegid32)
{
    (void)frame;
    return root();
}

/* The same with numbers of 16 bits. */
SYSCALL(getuid)
{
    (void)frame;
    return root();
}

SYSCALL(geteuid)
{
    (void)frame;
    return root();
}

SYSCALL(getgid)
{
    (void)frame;
    return root();
}

SYSCALL(getegid)
{
    (void)frame;
    return root();
}

static long
become(uint32_t who)
{
    return who == 0 || who == NO_CHANGE ? 0 : -EPERM;
}

static long
become_both(const struct trap_frame *frame)
{
    return become(frame->ebx) != 0 ? -EPERM : become(frame->ecx);
}

static long
become_all(const struct trap_frame *frame)
{
    return become_both(frame) != 0 ? -EPERM : become(frame->edx);
}

SYSCALL(setuid32)
{
    return become(frame->ebx);
}

SYSCALL(setgid32)
{
    return become(frame->ebx);
}

SYSCALL(setreuid32)
{
    return become_both(frame);
}

SYSCALL(setregid32)
{
    return become_both(frame);
}

SYSCALL(setresuid32)
{
    return become_all(frame);
}

SYSCALL(setresgid32)
{
    return become_all(frame);
}

static long
put_all(const struct trap_frame *frame)
{
    if (put_user_u32(0, (void *)frame->ebx) != 0 || put_user_u32(0, (void *)frame->ecx) != 0)
        return -EFAULT;
    return put_user_u32(0, (void *)frame->edx);
}

SYSCALL(getresuid32)
{
    return put_all(frame);
}

SYSCALL(getresgid32)
{
    return put_all(frame);
}

/* No group besides the first. */
SYSCALL(getgroups32)
{
    return (int)frame->ebx < 0 ? -EINVAL : 0;
}

SYSCALL(setgroups32)
{
    return frame->ebx == 0 ? 0 : -EPERM;
}

/* ---- capabilities: capget(2) ---- */

#define CAPABILITY_V1    0x19980330u
#define CAPABILITY_V2    0x20071026u
#define CAPABILITY_V3    0x20080522u
#define CAPABILITIES_LOW 0xFFFFFFFFu
#define CAPABILITIES_TOP 0x000001FFu /* of 41 */

SYSCALL(capget)
{
    struct {
        uint32_t effective, permitted, inheritable;
    } all[] = {{CAPABILITIES_LOW, CAPABILITIES_LOW, 0}, {CAPABILITIES_TOP, CAPABILITIES_TOP, 0}};
    struct {
        uint32_t version, pid;
    } header;
    size_t size = sizeof(all);

    if (copy_from_user(&header, (const void *)frame->ebx, sizeof(header)) != 0)
        return -EFAULT;
    if (header.version != CAPABILITY_V1 && header.version != CAPABILITY_V2 &&
        header.version != CAPABILITY_V3) {
        if (put_user_u32(CAPABILITY_V3, (void *)frame->ebx) != 0)
            return -EFAULT;
        return frame->ecx == 0 ? 0 : -EINVAL;
    }
    if ((int)header.pid < 0)
        return -EINVAL;
    if (header.pid != 0 && !task_exists((int)header.pid))
        return -ESRCH;
    if (header.version == CAPABILITY_V1)
        size = sizeof(all[0]);
    return frame->ecx == 0 ? 0 : copy_to_user((void *)frame->ecx, all, size);
}

/* ---- prctl(2), personality(2) ---- */

enum {
    PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG = 2, PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4,
    PR_SET_NAME = 15, PR_GET_NAME = 16, PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS = 39
};

static long
set_name(uint32_t from)
{
    char name[TASK_NAME_SIZE];
    long length = copy_string_from_user(name, (const char *)from, sizeof(name));
    unsigned long state;

    if (length == -EFAULT)
        return -EFAULT;
    name[sizeof(name) - 1] = '\0'; /* a longer one is cut */
    state = spin_lock(&process_lock);
    memcpy(task_current()->process->name, name, strlen(name) + 1);
    spin_unlock(&process_lock, state);
    return 0;
}

static long
get_name(uint32_t to)
{
    char name[TASK_NAME_SIZE] = {0};
    const struct process *process = task_current()->process;
    unsigned long state = spin_lock(&process_lock);

    memcpy(name, process->name, strlen(process->name));
    spin_unlock(&process_lock, state);
    return copy_to_user((void *)to, name, sizeof(name));
}

static long
set_death_signal(uint32_t signal)
{
    if (signal > SIGNALS)
        return -EINVAL;
    task_current()->process->death_signal = (int)signal;
    return 0;
}

/* It means nothing here, as no program has more rights than another, and is kept and told. */
static long
set_no_new_privileges(const struct trap_frame *frame)
{
    if (frame->ecx != 1 || (frame->edx | frame->esi | frame->edi) != 0)
        return -EINVAL;
    task_current()->process->no_new_privileges = true;
    return 0;
}

static long
get_no_new_privileges(const struct trap_frame *frame)
{
    if ((frame->ecx | frame->edx | frame->esi | frame->edi) != 0)
        return -EINVAL;
    return task_current()->process->no_new_privileges;
}

SYSCALL(prctl)
{
    switch (frame->ebx) {
    case PR_SET_NAME:
        return set_name(frame->ecx);
    case PR_GET_NAME:
        return get_name(frame->ecx);
    case PR_SET_PDEATHSIG:
        return set_death_signal(frame->ecx);
    case PR_GET_PDEATHSIG:
        return put_user_u32((uint32_t)task_current()->process->death_signal, (void *)frame->ecx);
    case PR_GET_DUMPABLE:
        return 1;
    case PR_SET_DUMPABLE:
        return 0;
    case PR_SET_NO_NEW_PRIVS:
        return set_no_new_privileges(frame);
    case PR_GET_NO_NEW_PRIVS:
        return get_no_new_privileges(frame);
    default:
        return -EINVAL;
    }
}

#define PERSONALITY_ASK  0xFFFFFFFFu
#define PERSONALITY_TYPE 0xFFu /* 0: Linux */

/* Addresses are not random here anyway, and nothing else of it exists. */
SYSCALL(personality)
{
    return frame->ebx == PERSONALITY_ASK || (frame->ebx & PERSONALITY_TYPE) == 0 ? 0 : -EINVAL;
}
