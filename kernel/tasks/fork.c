/* fork.c - fork(2), vfork(2), clone(2): a process or a thread like the one that asks.
 *
 * Everything that can fail comes first and is undone in reverse when it does; then the child is
 * linked, step by step that cannot fail, and made ready. It begins on a kernel stack that holds a
 * copy of its parent's registers with 0 in EAX, below it what task_switch expects:
 *
 *   top of stack | struct trap_frame | task_begin | ebp ebx esi edi | <- stack_pointer
 *
 * task_begin goes on at the address in EBX: return_to_user.
 *
 * A signal to a group, or to all, that comes while a process is copied finds the parent only. So
 * the parent notes it, and the child has it pending when it is linked. What came before that must
 * not be missed either: the call is done again when that has been looked at. It is so at most once
 * for each signal, as nothing that comes later undoes a copy.
 */
#include <string.h>
#include "file.h"
#include "fpu.h"
#include "process_limits.h"
#include "sched.h"
#include "signal.h"
#include "slab.h"
#include "syscall.h"
#include "task.h"
#include "timer.h"
#include "trace.h"
#include "uapi/resource.h"
#include "uapi/wait.h"
#include "usercopy.h"

void task_begin(void); /* switch.asm */

/* A thread that is told to end makes no more threads. */
#define IS_ENDING(process) ((process)->exiting || (process)->survivor != NULL)

/* What task_switch finds on the stack of a task that has never run. */
struct start_frame {
    uint32_t edi, esi, ebx, ebp, eip;
};

/* What the child shares, where it begins, and who wants to know its number. */
struct clone_request {
    unsigned flags;
    uint32_t stack; /* 0: the parent's */
    uint32_t parent_tid, child_tid;
    uint32_t tls;   /* address of a struct user_desc */
    sigset_t signals; /* for the child, sent to many meanwhile: task->child_signals */
};

/* ---- tasks ---- */

struct task *
task_create(void (*start_at)(void))
{
    struct task *task = kmem_cache_alloc(task_cache);
    struct start_frame *start;

    if (task == NULL)
        return NULL;
    memset(task, 0, sizeof(*task));
    task->stack = stack_alloc();
    if (task->stack == NULL) {
        kmem_cache_free(task_cache, task);
        return NULL;
    }
    start = (struct start_frame *)task_user_frame(task) - 1;
    *start = (struct start_frame){.ebx = (uintptr_t)start_at, .eip = (uintptr_t)task_begin};
    task->affinity = ALL_CPUS;
    task->queue = THIS_CPU_READ(queue); /* signals may come before it starts */
    task->stack_pointer = (uintptr_t)start;
    task->refs = 1;
    return task;
}

void
task_discard(struct task *task)
{
    fpu_drop(task);
    stack_free(task->stack);
    kmem_cache_free(task_cache, task);
}

/* A thread that goes on where the current one is, with its own registers. */
static struct task *
task_copy(const struct trap_frame *frame, const struct clone_request *request)
{
    const struct task *me = task_current();
    struct task *task = task_create(return_to_user);
    struct trap_frame *child_frame;

    if (task == NULL)
        return NULL;
    if (me->fpu != NULL && fpu_copy(task) != 0) {
        task_discard(task);
        return NULL;
    }
    child_frame = task_user_frame(task);
    *child_frame = *frame;
    child_frame->eax = 0;
    if (request->stack != 0)
        child_frame->esp = request->stack;
    memcpy(task->tls, me->tls, sizeof(task->tls));
    task->blocked = me->blocked;
    task->affinity = me->affinity;
    if (!(request->flags & CLONE_VM) || request->flags & CLONE_VFORK) {
        task->alt_stack = me->alt_stack;
        task->alt_stack_size = me->alt_stack_size;
    }
    return task;
}

/* ---- processes ---- */

static struct files *
files_for(struct files *files, bool share)
{
    if (!share)
        return files_fork();
    files_get(files);
    return files;
}

static struct folder *
folder_for(struct folder *folder, bool share)
{
    if (!share)
        return folder_fork(folder);
    folder_get(folder);
    return folder;
}

static struct actions *
actions_for(struct actions *actions, bool share)
{
    if (!share)
        return actions_fork(actions);
    actions_get(actions);
    return actions;
}

static struct address_space *
space_for(struct address_space *space, bool share)
{
    if (!share)
        return space_fork(space);
    space_get(space);
    return space;
}

/* The four things that a child shares or copies. False, nothing kept, when out of memory. */
static bool
inherit(struct process *child, const struct process *parent, unsigned flags)
{
    child->files = files_for(parent->files, flags & CLONE_FILES);
    if (child->files == NULL)
        return false;
    child->folder = folder_for(parent->folder, flags & CLONE_FS);
    if (child->folder == NULL)
        goto no_folder;
    child->actions = actions_for(parent->actions, flags & CLONE_SIGHAND);
    if (child->actions == NULL)
        goto no_actions;
    child->space = space_for(parent->space, flags & CLONE_VM);
    if (child->space == NULL)
        goto no_space;
    return true;

no_space:
    actions_put(child->actions);
no_actions:
    folder_put(child->folder);
no_folder:
    files_put(child->files);
    return false;
}

/* A child of the current process, without threads or number. */
static struct process *
process_copy(unsigned flags)
{
    const struct process *parent = task_current()->process;
    struct process *child = kmem_cache_alloc(process_cache);

    if (child == NULL)
        return NULL;
    memset(child, 0, sizeof(*child));
    child->refs = flags & CLONE_VFORK ? 2 : 1; /* the second is wait_for_vfork's */
    if (!inherit(child, parent, flags)) {
        kmem_cache_free(process_cache, child);
        return NULL;
    }
    child->executable = parent->executable;
    if (child->executable != NULL)
        object_get(child->executable);
    memcpy(child->name, parent->name, sizeof(child->name));
    memcpy(child->path, parent->path, sizeof(child->path));
    memcpy(child->limits, parent->limits, sizeof(child->limits));
    if (!(flags & CLONE_VM)) {
        child->space->owner = child;
        limits_apply(child->limits, child->space);
    }
    child->no_new_privileges = parent->no_new_privileges;
    child->exit_signal = (int)(flags & CSIGNAL);
    child->start_ticks = timer_ticks();
    return child;
}

/* A child of `parent`, or its sibling: that one is waited for as its creator is, whatever signal
 * the call named. With process_lock held, as kin and group may be changed by others. */
static void
link_child(struct process *child, struct process *parent, unsigned flags)
{
    child->parent = flags & CLONE_PARENT ? parent->parent : parent;
    child->group = parent->group;
    child->session = parent->session;
    if (flags & CLONE_PARENT)
        child->exit_signal = parent->exit_signal;
    process_link(child);
}

/* ---- clone ---- */

static int
check_flags(unsigned flags)
{
    const unsigned known = CSIGNAL | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                           CLONE_VFORK | CLONE_PARENT | CLONE_THREAD | CLONE_SYSVSEM |
                           CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |
                           CLONE_DETACHED | CLONE_CHILD_SETTID | CLONE_PTRACE | CLONE_UNTRACED |
                           CLONE_IO;

    if (flags & ~known || (flags & CSIGNAL) > SIGNALS)
        return -EINVAL;
    /* A sibling of process 1 would have a parent that waits for nobody. */
    if (flags & CLONE_PARENT && task_current()->process->parent == &process_zero)
        return -EINVAL;
    if ((flags & CLONE_THREAD && !(flags & CLONE_SIGHAND)) ||
        (flags & CLONE_SIGHAND && !(flags & CLONE_VM)))
        return -EINVAL;
    return 0;
}

/* Tells those who asked for the child's number. As on Linux it is their own affair if their address
 * is none. */
static void
tell_number(const struct clone_request *request, const struct task *child)
{
    uint32_t tid = (uint32_t)child->tid;
    bool ignored;

    ignored = request->flags & CLONE_PARENT_SETTID &&
              put_user_u32(tid, (void *)request->parent_tid) != 0;
    if (request->flags & CLONE_CHILD_SETTID && child->space != task_current()->space)
        space_write(child->space, request->child_tid, &tid, sizeof(tid));
    else if (request->flags & CLONE_CHILD_SETTID)
        ignored |= put_user_u32(tid, (void *)request->child_tid) != 0;
    (void)ignored;
}

/* The child comes into the list of all: from now on it gets signals itself. With process_lock
 * held. */
static void
link_process(struct process *child, struct task *task, const struct clone_request *request)
{
    struct task *me = task_current();

    me->child_signals = NULL;
    child->pending = request->signals;
    if (child->pending != 0)
        task_mark(task, TASK_WORK_SIGNAL);
    child->pid = task->tid;
    link_child(child, me->process, request->flags);
}

/* Gives the task a number and links it, and its process when that is a new one. The number, or
 * -EINTR: the process is ending. */
static int
link_task(struct task *task, struct process *process, const struct clone_request *request)
{
    unsigned flags = request->flags;
    unsigned long state = spin_lock(&process_lock);
    int tid = -EINTR;

    if (!(flags & CLONE_THREAD) || !IS_ENDING(process)) {
        tid = task->tid = pid_alloc();
        if (process->stopped)
            task_mark(task, TASK_WORK_SIGNAL); /* the stop has not found this one */
        if (flags & CLONE_THREAD) {
            files_get(process->files);
            space_get(process->space);
        } else {
            link_process(process, task, request);
        }
        task_link(task);
    }
    spin_unlock(&process_lock, state);
    return tid;
}

/* Everything is there: numbers, links, and off it goes. It may be gone when this returns. The
 * number or -EINTR. */
static int
commit(struct task *task, struct process *process, const struct clone_request *request)
{
    int tid;

    task->process = process;
    task->space = process->space;
    if (request->flags & CLONE_CHILD_CLEARTID)
        task->clear_child_tid = (uint32_t *)request->child_tid;
    tid = link_task(task, process, request);
    if (tid < 0)
        return tid;
    tell_number(request, task);
    trace(TRACE_FORK, 0, (size_t)tid, (unsigned)task_current()->tid, NULL);
    sched_start(task);
    return tid;
}

/* No handler may run meanwhile: the child is on the parent's stack. The parent's end does not
 * matter to it: the space stays. */
static void
wait_for_vfork(struct process *child)
{
    unsigned long state = spin_lock(&process_lock);

    if (child->own_space)
        spin_unlock(&process_lock, state);
    else
        (void)task_sleep_unlock(&child->vfork_wait, TASK_SLEEPING_LONG, 0, &process_lock, state);
    process_put(child);
}

/* Whoever never waits for his children must not have numbers run out. */
static bool
too_many(void)
{
    uint32_t limit = task_current()->process->limits[RLIMIT_NPROC].soft;
    unsigned count = task_count + zombie_count;

    return count >= task_limit || count >= limit;
}

/* From now on the request notes what is sent to many. -ERESTARTNOINTR, and it does not, when
 * something has come before. */
static int
begin(struct clone_request *request)
{
    struct task *me = task_current();
    unsigned long state = spin_lock(&process_lock);
    bool late = task_signalled(me) || (me->process->thread_count > 1 && signal_is_under_way());

    if (!late)
        me->child_signals = &request->signals;
    spin_unlock(&process_lock, state);
    return late ? -ERESTARTNOINTR : 0;
}

/* There will be no child. */
static void
give_up(void)
{
    unsigned long state = spin_lock(&process_lock);

    task_current()->child_signals = NULL;
    spin_unlock(&process_lock, state);
}

/* The number of the task, which runs; or -errno, and there is none. */
static long
make_task(const struct trap_frame *frame, const struct clone_request *request)
{
    unsigned flags = request->flags;
    struct process *process = task_current()->process;
    struct task *task;
    long result = 0;

    task = task_copy(frame, request);
    if (task == NULL)
        return -ENOMEM;
    if (flags & CLONE_SETTLS)
        result = thread_set_area(task, (void *)request->tls);
    if (result == 0 && !(flags & CLONE_THREAD)) {
        process = process_copy(flags);
        result = process != NULL ? 0 : -ENOMEM;
    }
    if (result != 0) {
        task_discard(task);
        return result;
    }
    result = commit(task, process, request);
    if (result < 0)
        task_discard(task);
    else if (flags & CLONE_VFORK && !(flags & CLONE_THREAD))
        wait_for_vfork(process);
    return result;
}

static long
clone_task(const struct trap_frame *frame, struct clone_request *request)
{
    bool is_thread = (request->flags & CLONE_THREAD) != 0;
    long result = check_flags(request->flags);

    if (result != 0)
        return result;
    if (too_many())
        return -EAGAIN;
    task_reap();
    result = is_thread ? 0 : begin(request);
    if (result == 0)
        result = make_task(frame, request);
    if (result < 0 && !is_thread)
        give_up();
    return result;
}

SYSCALL(fork)
{
    struct clone_request request = {.flags = SIGCHLD};

    return clone_task(frame, &request);
}

SYSCALL(vfork)
{
    struct clone_request request = {.flags = SIGCHLD | CLONE_VM | CLONE_VFORK};

    return clone_task(frame, &request);
}

SYSCALL(clone)
{
    struct clone_request request = {
        .flags = frame->ebx,
        .stack = frame->ecx,
        .parent_tid = frame->edx,
        .tls = frame->esi,
        .child_tid = frame->edi,
    };

    return clone_task(frame, &request);
}
