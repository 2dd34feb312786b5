/* process.c - the processes there are: numbers, tables, the family tree, and how the first ones
 * come.
 *
 *   process_list ──► process ◄──► process ...      all, zombies too
 *   pids[]       ──► by pid       tids[] ──► tasks by tid
 *   parent ──► children ──► next_sibling ...
 *
 * Processes, threads, groups and sessions are numbered from one range, and a number is not used
 * again while any of them has it. Numbers go round, so that one that has just become free is not
 * taken for its former owner.
 *
 * A zombie is a struct process and nothing else. A thread that has ended cannot free the stack it
 * stands on: it lies in `dead` (dead_lock, before a run queue's) until somebody else comes by.
 *
 * Lock: process_lock, a spinlock, as a key or a timer that sends a signal walks through all this
 * too. Memory is freed outside of it.
 */
#include <string.h>
#include "cpu.h"
#include "exec.h"
#include "file.h"
#include "fpu.h"
#include "platform.h"
#include "sched.h"
#include "signal.h"
#include "slab.h"
#include "timer.h"
#include "uapi/resource.h"
#include "uapi/wait.h"

#define BUCKETS 128

/* Bounds of how many threads and zombies there may be. Between them, one for each so many frames:
 * the least that a process of its own needs. */
#define TASKS_LEAST     16
#define TASKS_MOST      10000
#define FRAMES_PER_TASK 8

_Static_assert(3 * TASKS_MOST < PID_MAX,
               "each may keep the numbers of a group and of a session besides its own");

#define OPEN_FILES    1024
#define LOCKED_MEMORY (8u << 20)

struct spinlock process_lock = SPINLOCK_INIT;
struct process process_zero = {.refs = 1, .name = "kernel"};
struct process *process_list;
struct kmem_cache *task_cache, *process_cache;
unsigned task_count, zombie_count, task_limit;

static struct process *pids[BUCKETS];
static struct task *tids[BUCKETS];
static struct task *dead;
static struct spinlock dead_lock;
static int last_pid;
static bool went_round; /* numbers are no longer new by themselves */

/* ---- by number ---- */

/* The space may be gone, so it is looked at only when a process has it. */
static const struct process *
find_owner(const struct address_space *space)
{
    const struct process *process = process_list;

    while (process != NULL && process->space != space)
        process = process->next;
    return process != NULL && space->owner != NULL ? space->owner : process;
}

void
process_print_owner(struct printer *out, const struct address_space *space)
{
    unsigned long state = spin_lock(&process_lock);
    const struct process *process = find_owner(space);
    char name[TASK_NAME_SIZE];
    int pid = 0;

    if (process != NULL) {
        pid = process->pid;
        memcpy(name, process->name, sizeof(name));
    }
    spin_unlock(&process_lock, state);
    if (process != NULL)
        print(out, "%d %s", pid, name);
    else
        print(out, "-");
}

struct process *
process_find(int pid)
{
    struct process *process = pids[(unsigned)pid % BUCKETS];

    while (process != NULL && process->pid != pid)
        process = process->next_hash;
    return process;
}

struct task *
task_find(int tid)
{
    struct task *task = tids[(unsigned)tid % BUCKETS];

    while (task != NULL && task->tid != tid)
        task = task->next_hash;
    return task;
}

bool
task_exists(int tid)
{
    unsigned long state = spin_lock(&process_lock);
    bool exists = task_find(tid) != NULL;

    spin_unlock(&process_lock, state);
    return exists;
}

struct process *
process_from(int pid)
{
    struct process *found = NULL;

    for (struct process *process = process_list; process != NULL; process = process->next) {
        if (process->pid > 0 && process->pid >= pid && (found == NULL || process->pid < found->pid))
            found = process;
    }
    return found;
}

/* ---- references ---- */

/* With process_lock held, under which the table's own reference stays: that of a process that was
 * found, or NULL. */
static struct process *
hold(struct process *process)
{
    if (process != NULL)
        (void)__atomic_fetch_add(&process->refs, 1, __ATOMIC_RELAXED);
    return process;
}

struct process *
process_get(int pid)
{
    unsigned long state = spin_lock(&process_lock);
    struct process *process = hold(process_find(pid));

    spin_unlock(&process_lock, state);
    return process;
}

struct process *
process_get_from(int pid)
{
    unsigned long state = spin_lock(&process_lock);
    struct process *process = hold(process_from(pid));

    spin_unlock(&process_lock, state);
    return process;
}

void
process_put(struct process *process)
{
    if (__atomic_sub_fetch(&process->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kmem_cache_free(process_cache, process);
}

struct address_space *
process_get_space(struct process *process)
{
    unsigned long state = spin_lock(&process_lock);
    struct address_space *space = process->space;

    if (space != NULL)
        space_get(space);
    spin_unlock(&process_lock, state);
    return space;
}

void
task_get(struct task *task)
{
    (void)__atomic_fetch_add(&task->refs, 1, __ATOMIC_RELAXED);
}

void
task_put(struct task *task)
{
    if (__atomic_sub_fetch(&task->refs, 1, __ATOMIC_ACQ_REL) == 0)
        task_discard(task);
}

/* ---- numbers ---- */

static bool
number_taken(int number)
{
    if (process_find(number) != NULL || task_find(number) != NULL)
        return true;
    for (const struct process *process = process_list; process != NULL; process = process->next) {
        if (process->group == number || process->session == number)
            return true;
    }
    return false;
}

int
pid_alloc(void)
{
    do {
        if (++last_pid == PID_MAX) {
            last_pid = 1;
            went_round = true;
        }
    } while (went_round && number_taken(last_pid));
    return last_pid;
}

/* ---- threads ---- */

void
task_link(struct task *task)
{
    struct task **bucket = &tids[(unsigned)task->tid % BUCKETS];
    struct process *process = task->process;

    task->next_hash = *bucket;
    *bucket = task;
    task->next_thread = process->threads;
    process->threads = task;
    process->thread_count++;
    task_count++;
}

void
task_unlink(struct task *task)
{
    struct task **link = &tids[(unsigned)task->tid % BUCKETS];

    while (*link != task)
        link = &(*link)->next_hash;
    *link = task->next_hash;
    for (link = &task->process->threads; *link != task; link = &(*link)->next_thread)
        ;
    *link = task->next_thread;
    task->process->thread_count--;
    task_count--;
}

void
task_bury(struct task *task)
{
    unsigned long flags = spin_lock(&dead_lock);

    task->next_thread = dead;
    dead = task;
    spin_unlock(&dead_lock, flags);
}

/* One that has left its stack, taken out of the list; NULL: there is none. */
static struct task *
take_dead(void)
{
    unsigned long flags = spin_lock(&dead_lock);
    struct task **link = &dead, *task;

    while (*link != NULL && !sched_has_left(*link))
        link = &(*link)->next_thread;
    task = *link;
    if (task != NULL)
        *link = task->next_thread;
    spin_unlock(&dead_lock, flags);
    return task;
}

void
task_reap(void)
{
    struct task *task;

    while (dead != NULL && (task = take_dead()) != NULL)
        task_put(task);
}

/* ---- the family ---- */

static void
add_child(struct process *parent, struct process *child)
{
    child->parent = parent;
    child->parent_pid = parent->pid;
    child->previous_sibling = NULL;
    child->next_sibling = parent->children;
    if (child->next_sibling != NULL)
        child->next_sibling->previous_sibling = child;
    parent->children = child;
}

static void
remove_child(struct process *child)
{
    if (child->previous_sibling != NULL)
        child->previous_sibling->next_sibling = child->next_sibling;
    else
        child->parent->children = child->next_sibling;
    if (child->next_sibling != NULL)
        child->next_sibling->previous_sibling = child->previous_sibling;
}

void
process_set_parent(struct process *child, struct process *parent)
{
    remove_child(child);
    add_child(parent, child);
}

void
process_link(struct process *process)
{
    struct process **bucket = &pids[(unsigned)process->pid % BUCKETS];

    process->next_hash = *bucket;
    *bucket = process;
    process->previous = NULL;
    process->next = process_list;
    if (process_list != NULL)
        process_list->previous = process;
    process_list = process;
    add_child(process->parent, process);
}

void
process_free(struct process *process)
{
    struct process **link = &pids[(unsigned)process->pid % BUCKETS];

    while (*link != process)
        link = &(*link)->next_hash;
    *link = process->next_hash;
    if (process->previous != NULL)
        process->previous->next = process->next;
    else
        process_list = process->next;
    if (process->next != NULL)
        process->next->previous = process->previous;
    remove_child(process);
    zombie_count -= process->dead;
    process_put(process);
}

/* ---- the first ones ---- */

/* What a process that the kernel starts has of its own. False, nothing kept, when out of memory. */
static bool
give_tables(struct process *process)
{
    process->files = files_create();
    process->folder = folder_create();
    process->actions = actions_create();
    if (process->files != NULL && process->folder != NULL && process->actions != NULL)
        return true;
    if (process->files != NULL)
        files_put(process->files);
    if (process->folder != NULL)
        folder_put(process->folder);
    if (process->actions != NULL)
        actions_put(process->actions);
    return false;
}

static struct process *
first_process(void)
{
    struct process *process = kmem_cache_alloc(process_cache);

    if (process == NULL)
        return NULL;
    memset(process, 0, sizeof(*process));
    if (!give_tables(process)) {
        kmem_cache_free(process_cache, process);
        return NULL;
    }
    process->refs = 1;
    process->parent = &process_zero;
    process->exit_signal = SIGCHLD;
    process->start_ticks = timer_ticks();
    memcpy(process->limits, process_zero.limits, sizeof(process->limits));
    return process;
}

int
process_launch(struct exec_image *image, void (*prepare)(struct process *process))
{
    struct task *task = task_create(return_to_user);
    struct process *process = task != NULL ? first_process() : NULL;
    unsigned long state;
    int pid;

    if (process == NULL) {
        if (task != NULL)
            task_discard(task);
        exec_drop(image);
        return -ENOMEM;
    }
    exec_registers(task_user_frame(task), image->entry, image->stack);
    exec_adopt(process, image);
    task->process = process;
    task->space = process->space;
    state = spin_lock(&process_lock);
    pid = pid_alloc();
    task->tid = process->pid = process->group = process->session = pid;
    process_link(process);
    task_link(task);
    spin_unlock(&process_lock, state);
    if (prepare != NULL)
        prepare(process);
    sched_start(task);
    return pid;
}

int
process_start_prepared(const char *path, char *const argv[], char *const envp[],
                       void (*prepare)(struct process *process))
{
    struct exec_image image;
    int result = exec_load(path, argv, envp, process_zero.limits, &image);

    return result == 0 ? process_launch(&image, prepare) : result;
}

int
process_start(const char *path, char *const argv[], char *const envp[])
{
    return process_start_prepared(path, argv, envp, NULL);
}

int
process_wait(int pid)
{
    unsigned long state = spin_lock(&process_lock);
    struct process *process = process_find(pid);
    int status = -ECHILD;

    while (process != NULL && process->parent == &process_zero && !process->dead) {
        (void)task_sleep_unlock(&process_zero.child_wait, TASK_SLEEPING_HARD, 0, &process_lock,
                                state);
        state = spin_lock(&process_lock);
        process = process_find(pid);
    }
    if (process != NULL && process->parent == &process_zero) {
        status = process->status;
        process_free(process);
    }
    spin_unlock(&process_lock, state);
    task_reap();
    return status;
}

static void
set_first_limits(struct limit *limits)
{
    for (unsigned i = 0; i < PROCESS_LIMITS; i++)
        limits[i] = (struct limit){LIMIT_INFINITE, LIMIT_INFINITE};
    limits[RLIMIT_STACK].soft = STACK_LIMIT;
    limits[RLIMIT_CORE].soft = 0;
    limits[RLIMIT_NPROC] = (struct limit){task_limit, task_limit};
    limits[RLIMIT_NOFILE] = (struct limit){OPEN_FILES, OPEN_FILES};
    limits[RLIMIT_MEMLOCK] = (struct limit){LOCKED_MEMORY, LOCKED_MEMORY};
}

void
process_init(void)
{
    unsigned long limit = pmm_managed_frames() / FRAMES_PER_TASK;

    task_limit = limit < TASKS_LEAST ? TASKS_LEAST : limit > TASKS_MOST ? TASKS_MOST : limit;
    set_first_limits(process_zero.limits);
    process_cache = kmem_cache_create("process", sizeof(struct process), 0, 0, NULL);
    task_cache = kmem_cache_create("task", sizeof(struct task), 0, 0, NULL);
    if (process_cache == NULL || task_cache == NULL)
        kpanic("process: no memory for processes and tasks");
    stacks_init();
}
