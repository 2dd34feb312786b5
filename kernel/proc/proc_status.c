/* proc_status.c - what a process is and does: /proc/PID/stat, statm, status, limits (proc(5)).
 *
 * Numbers that this kernel has not (swap, priorities) are those of a Linux without.
 *
 * Lock: the callers hold process and thread; what they lead to is looked at under process_lock, or
 * held. Plain numbers are read as they are: each is a word, and they need not be of one moment.
 */
#include "platform.h"
#include "proc.h"
#include "sched.h"
#include "signal.h"
#include "timer.h"
#include "tty.h"
#include "uapi/resource.h"

/* All of a space, or zeros for a process that has none. */
struct sizes {
    unsigned long total, resident, anonymous, text, data, stack, tables; /* pages */
};

static struct sizes
sizes_of(struct address_space *space)
{
    struct sizes sizes = {0};
    struct space_pages pages;

    if (space == NULL)
        return sizes;
    space_count_pages(space, &pages);
    sizes.total = space->total_pages;
    sizes.resident = pages.anonymous + pages.file + pages.shared;
    sizes.anonymous = pages.anonymous;
    sizes.text = (space->code_end - space->code_start) >> PAGE_SHIFT;
    sizes.data = space->data_pages;
    sizes.stack = pages.stack;
    sizes.tables = space_tables(space);
    return sizes;
}

char
proc_state_letter(const struct process *process, const struct task *task)
{
    static const char letters[] = {
        [TASK_READY] = 'R', [TASK_SLEEPING] = 'S', [TASK_SLEEPING_LONG] = 'D',
        [TASK_SLEEPING_HARD] = 'D', [TASK_DEAD] = 'X',
    };

    if (process->dead || task == NULL)
        return 'Z';
    return process->stopped ? 'T' : letters[task->state];
}

static int
parent_of(const struct process *process)
{
    unsigned long state = spin_lock(&process_lock);
    int parent = process->parent != NULL ? process->parent->pid : 0;

    spin_unlock(&process_lock, state);
    return parent;
}

static void
get_signal_sets(const struct process *process, sigset_t *ignored, sigset_t *caught)
{
    unsigned long state = spin_lock(&process_lock);

    signal_sets(process, ignored, caught);
    spin_unlock(&process_lock, state);
}

/* ---- stat ---- */

/* Fields 4 to 13: who it belongs to, and its faults. */
static void
print_kin(struct printer *out, const struct process *process, const struct address_space *space)
{
    unsigned long minor = process->minor_faults, major = process->major_faults;
    int foreground;
    unsigned terminal = tty_of(process, &foreground);

    if (space != NULL) {
        minor += space->minor_faults;
        major += space->major_faults;
    }
    print(out, " %d %d %d %u %d 0 %lu %lu %lu %lu", parent_of(process), process->group,
          process->session, terminal, foreground, minor, process->child_minor_faults, major,
          process->child_major_faults);
}

/* Fields 14 to 30: times and memory. */
static void
print_use(struct printer *out, const struct process *process, const struct task *task, bool alone,
          struct address_space *space)
{
    struct sizes sizes = sizes_of(space);
    const struct trap_frame *frame =
        task != NULL && task->stack != NULL ? task_user_frame(task) : NULL;

    print(out, " %lu %lu %lu %lu 20 0 %u 0 %lu",
          (unsigned long)(alone ? task->user_ticks : process->user_ticks),
          (unsigned long)(alone ? task->kernel_ticks : process->kernel_ticks),
          (unsigned long)process->child_user_ticks,
          (unsigned long)process->child_kernel_ticks, process->thread_count,
          (unsigned long)process->start_ticks);
    print(out, " %lu %lu %lu", sizes.total << PAGE_SHIFT, sizes.resident,
          (unsigned long)process->limits[RLIMIT_RSS].soft);
    print(out, " %lu %lu %lu %lu %lu", (unsigned long)(space != NULL ? space->code_start : 0),
          (unsigned long)(space != NULL ? space->code_end : 0),
          (unsigned long)(space != NULL ? space->stack_top : 0),
          (unsigned long)(frame != NULL ? frame->esp : 0),
          (unsigned long)(frame != NULL ? frame->eip : 0));
}

/* Fields 45 to 51. */
static void
print_places(struct printer *out, const struct address_space *space)
{
    static const struct address_space none;

    if (space == NULL)
        space = &none;
    print(out, " %lu %lu %lu %lu %lu %lu %lu", (unsigned long)space->data_start,
          (unsigned long)space->data_end, (unsigned long)space->brk_start,
          (unsigned long)space->args_start, (unsigned long)space->args_end,
          (unsigned long)space->env_start, (unsigned long)space->env_end);
}

void
proc_print_stat(struct printer *out, struct process *process, const struct task *task,
                bool alone)
{
    struct address_space *space = process_get_space(process);
    sigset_t ignored, caught;

    get_signal_sets(process, &ignored, &caught);
    print(out, "%d (%s) %c", task != NULL ? task->tid : process->pid, process->name,
          proc_state_letter(process, task));
    print_kin(out, process, space);
    print_use(out, process, task, alone, space);
    print(out, " %lu %lu %lu %lu 0 0 0 %d %u 0 0 0 0 0",
          (unsigned long)(uint32_t)(process->pending | (task != NULL ? task->pending : 0)),
          (unsigned long)(uint32_t)(task != NULL ? task->blocked : 0),
          (unsigned long)(uint32_t)ignored, (unsigned long)(uint32_t)caught, process->exit_signal,
          task != NULL ? task->queue->cpu : 0);
    print_places(out, space);
    print(out, " %d\n", process->status);
    if (space != NULL)
        space_put(space);
}

void
proc_print_statm(struct printer *out, struct process *process)
{
    struct address_space *space = process_get_space(process);
    struct sizes sizes = sizes_of(space);

    if (space != NULL)
        space_put(space);
    print(out, "%lu %lu %lu %lu 0 %lu 0\n", sizes.total, sizes.resident,
          sizes.resident - sizes.anonymous, sizes.text, sizes.data + sizes.stack);
}

/* ---- status ---- */

static void
print_pages(struct printer *out, const char *name, unsigned long pages)
{
    print(out, "%s\t%8lu kB\n", name, pages << (PAGE_SHIFT - 10));
}

static void
print_memory(struct printer *out, struct address_space *space)
{
    struct sizes sizes = sizes_of(space);

    print_pages(out, "VmSize:", sizes.total);
    print_pages(out, "VmLck:", space->locked_pages);
    print_pages(out, "VmRSS:", sizes.resident);
    print_pages(out, "RssAnon:", sizes.anonymous);
    print_pages(out, "RssFile:", sizes.resident - sizes.anonymous);
    print_pages(out, "VmData:", sizes.data);
    print_pages(out, "VmStk:", sizes.stack);
    print_pages(out, "VmExe:", sizes.text);
    print_pages(out, "VmLib:", 0);
    print_pages(out, "VmPTE:", sizes.tables);
    print_pages(out, "VmSwap:", 0);
}

static void
print_signals(struct printer *out, const struct process *process, const struct task *task)
{
    sigset_t ignored, caught;

    get_signal_sets(process, &ignored, &caught);
    print(out, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n",
          (unsigned long long)(task != NULL ? task->pending : 0),
          (unsigned long long)process->pending,
          (unsigned long long)(task != NULL ? task->blocked : 0));
    print(out, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (unsigned long long)ignored,
          (unsigned long long)caught);
}

/* The CPUs that a thread may use, as a mask and as a list: 0-2,5. A zombie has none any more, and
 * may use all. */
static void
print_cpus(struct printer *out, const struct task *task)
{
    uint32_t cpus = cpus_online() & (task != NULL ? task->affinity : ALL_CPUS);
    const char *before = "";

    print(out, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", (unsigned long)cpus);
    for (unsigned first = 0; first < CPU_MAX; first++) {
        unsigned last = first;

        if (!(cpus >> first & 1))
            continue;
        while (cpus >> (last + 1) & 1)
            last++;
        print(out, "%s%u", before, first);
        if (last > first)
            print(out, "-%u", last);
        first = last;
        before = ",";
    }
    print(out, "\n");
}

static const char *
state_word(char letter)
{
    switch (letter) {
    case 'R':
        return "R (running)";
    case 'S':
        return "S (sleeping)";
    case 'D':
        return "D (disk sleep)";
    case 'T':
        return "T (stopped)";
    case 'X':
        return "X (dead)";
    default:
        return "Z (zombie)";
    }
}

/* umask, and room of the table of descriptors; 0 when they are gone. */
static void
get_tables(const struct process *process, unsigned *umask, unsigned long *descriptors)
{
    unsigned long state = spin_lock(&process_lock);

    *umask = process->folder != NULL ? process->folder->umask : 0;
    *descriptors = process->files != NULL ? process->files->size : 0;
    spin_unlock(&process_lock, state);
}

void
proc_print_status(struct printer *out, struct process *process, const struct task *task)
{
    struct address_space *space = process_get_space(process);
    unsigned long descriptors;
    unsigned umask;

    get_tables(process, &umask, &descriptors);
    print(out, "Name:\t%s\nUmask:\t%04o\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n",
          process->name, umask, state_word(proc_state_letter(process, task)), process->pid,
          task != NULL ? task->tid : process->pid, parent_of(process));
    print(out, "TracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t%lu\nGroups:\t\n",
          descriptors);
    if (space != NULL) {
        print_memory(out, space);
        space_put(space);
    }
    print(out, "Threads:\t%u\n", process->thread_count);
    print_signals(out, process, task);
    print(out, "CapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\n"
               "CapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n"
               "NoNewPrivs:\t%d\nSeccomp:\t0\n", process->no_new_privileges);
    print_cpus(out, task);
}

/* ---- limits ---- */

static void
print_limit(struct printer *out, uint32_t value)
{
    if (value == RLIM_INFINITY)
        print(out, "%-20s ", "unlimited");
    else
        print(out, "%-20lu ", (unsigned long)value);
}

void
proc_print_limits(struct printer *out, const struct process *process)
{
    static const struct {
        const char *name, *unit;
    } lines[PROCESS_LIMITS] = {
        [RLIMIT_CPU] = {"Max cpu time", "seconds"},
        [RLIMIT_FSIZE] = {"Max file size", "bytes"},
        [RLIMIT_DATA] = {"Max data size", "bytes"},
        [RLIMIT_STACK] = {"Max stack size", "bytes"},
        [RLIMIT_CORE] = {"Max core file size", "bytes"},
        [RLIMIT_RSS] = {"Max resident set", "bytes"},
        [RLIMIT_NPROC] = {"Max processes", "processes"},
        [RLIMIT_NOFILE] = {"Max open files", "files"},
        [RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
        [RLIMIT_AS] = {"Max address space", "bytes"},
        [RLIMIT_LOCKS] = {"Max file locks", "locks"},
        [RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
        [RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
        [RLIMIT_NICE] = {"Max nice priority", ""},
        [RLIMIT_RTPRIO] = {"Max realtime priority", ""},
        [RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
    };

    print(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < PROCESS_LIMITS; i++) {
        print(out, "%-25s ", lines[i].name);
        print_limit(out, process->limits[i].soft);
        print_limit(out, process->limits[i].hard);
        print(out, "%-10s\n", lines[i].unit);
    }
}
