/* monitor_tasks.c - commands that show programs: who runs, what memory they have, how it is mapped.
 */
#include "cmdline.h"
#include "console.h"
#include "lock_stat.h"
#include "monitor.h"
#include "pagetable.h"
#include "proc.h"
#include "sched.h"
#include "signal.h"
#include "space.h"
#include "task.h"
#include "timer.h"

/* ---- all of them ---- */

static unsigned long
kib(unsigned long pages)
{
    return pages << (PAGE_SHIFT - 10);
}

static void
print_process(struct process *process)
{
    struct address_space *space = process_get_space(process);
    uint32_t ticks = process->user_ticks + process->kernel_ticks;

    print(&console_printer, "%5d %5d %5d %5d %c %3u %8lu %8lu %6lu.%02lu %s\n", process->pid,
          process->parent != NULL ? process->parent->pid : 0, process->group, process->session,
          proc_state_letter(process, process->threads), process->thread_count,
          space != NULL ? kib(space->total_pages) : 0,
          space != NULL ? kib(space_resident(space)) : 0, (unsigned long)(ticks / TIMER_HZ),
          (unsigned long)(ticks % TIMER_HZ), process->name);
    if (space != NULL)
        space_put(space);
}

/* The first one from a number on; returns where the next may be, 0: there is none. */
static int
print_process_from(int pid)
{
    struct process *process = process_get_from(pid);

    if (process == NULL)
        return 0;
    print_process(process);
    pid = process->pid;
    process_put(process);
    return pid + 1;
}

static int
ps(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    print(&console_printer, "  PID  PPID GROUP  SESS S THR SIZE KiB  RSS KiB      TIME NAME\n");
    for (int pid = 1; pid != 0;)
        pid = print_process_from(pid);
    return MONITOR_DONE;
}
MONITOR_COMMAND(ps, "", "the processes", ps);

static void
print_cpu(const struct cpu *cpu)
{
    const struct sched_counts *counts = &cpu->queue->counts;

    print(&console_printer, "%3u %4u %10lu %10lu %10lu %10lu %5d %s\n", cpu->id, cpu->apic_id,
          (unsigned long)counts->user, (unsigned long)counts->kernel, (unsigned long)counts->idle,
          (unsigned long)counts->switches, cpu->task->process->pid,
          cpu->task == cpu->queue->idle ? "idle" : cpu->task->process->name);
}

static int
cpus(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    print(&console_printer, "CPU APIC USER TICKS     KERNEL       IDLE   SWITCHES   PID NAME\n");
    for (unsigned id = 0; id < CPU_MAX; id++) {
        if (cpus_online() >> id & 1)
            print_cpu(cpu_by_id[id]);
    }
    return MONITOR_DONE;
}
MONITOR_COMMAND(cpus, "", "the CPUs: time by ticks, switches, who runs", cpus);

static int
lockstat(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    lock_stat_print(&console_printer);
    return MONITOR_DONE;
}
MONITOR_COMMAND(lockstat, "", "locks: taken, waited for (option lockstat)", lockstat);

static int
vmstat(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    vm_print_vmstat(&console_printer);
    return MONITOR_DONE;
}
MONITOR_COMMAND(vmstat, "", "counters of faults, copies, flushes...", vmstat);

/* ---- one of them ---- */

/* The process that a word names, with a reference; NULL after saying that there is none. */
static struct process *
process_named(const char *word)
{
    struct process *process = NULL;
    uint64_t number;

    if (cmdline_size(word, &number) && number <= INT32_MAX)
        process = process_get((int)number);
    if (process == NULL)
        print(&console_printer, "There is no process %s.\n", word);
    return process;
}

/* The space of the process that a word names, with a reference, or NULL when it has ended. False
 * after saying that there is no such process. */
static bool
space_named(const char *word, struct address_space **space)
{
    struct process *process = process_named(word);

    if (process == NULL)
        return false;
    *space = process_get_space(process);
    process_put(process);
    return true;
}

/* Prints a table of the address space of the process that argv[1] names. */
static int
print_space(int argc, char **argv, void (*table)(struct printer *out, struct address_space *space))
{
    struct address_space *space;

    if (argc != 2)
        return MONITOR_USAGE;
    if (!space_named(argv[1], &space))
        return MONITOR_FAILED;
    if (space == NULL)
        print(&console_printer, "It has no memory any more.\n");
    else
        table(&console_printer, space);
    if (space != NULL)
        space_put(space);
    return MONITOR_DONE;
}

static int
vmas(int argc, char **argv)
{
    return print_space(argc, argv, space_print_areas);
}
MONITOR_COMMAND(vmas, "PID", "the areas of a process, with the kernel's flags", vmas);

static int
maps(int argc, char **argv)
{
    return print_space(argc, argv, space_print_maps);
}
MONITOR_COMMAND(maps, "PID", "the areas, as /proc/PID/maps shows them", maps);

static int
smaps(int argc, char **argv)
{
    return print_space(argc, argv, space_print_smaps);
}
MONITOR_COMMAND(smaps, "PID", "the areas with what of them is in memory", smaps);

static int
pt(int argc, char **argv)
{
    return print_space(argc, argv, space_print_tables);
}
MONITOR_COMMAND(pt, "PID", "the page tables of a process", pt);

/* ---- an address, in the space of a process or in the one that is in use ---- */

static int
follow_address(int argc, char **argv,
               void (*follow)(struct printer *out, const struct address_space *space, uintptr_t va))
{
    struct address_space *space = NULL;
    uintptr_t address;

    if (argc < 2 || argc > 3)
        return MONITOR_USAGE;
    if (!monitor_address(argv[1], &address)) {
        print(&console_printer, "'%s' is neither a number nor a symbol.\n", argv[1]);
        return MONITOR_FAILED;
    }
    if (argc == 3 && !space_named(argv[2], &space))
        return MONITOR_FAILED;
    follow(&console_printer, argc == 3 ? space : space_here(), address);
    if (space != NULL)
        space_put(space);
    return MONITOR_DONE;
}

static int
walk(int argc, char **argv)
{
    return follow_address(argc, argv, pagetable_print_walk_of);
}
MONITOR_COMMAND(walk, "ADDR [PID]", "the page tables' way from an address to memory", walk);

static int
owner(int argc, char **argv)
{
    return follow_address(argc, argv, pagetable_print_owner);
}
MONITOR_COMMAND(owner, "ADDR [PID]", "who has what is there: area, frame, object", owner);

static int
kill(int argc, char **argv)
{
    uint64_t signal = SIGKILL;
    struct process *process;

    if (argc < 2 || argc > 3)
        return MONITOR_USAGE;
    if (argc == 3 && (!cmdline_size(argv[2], &signal) || signal < 1 || signal > SIGNALS))
        return MONITOR_USAGE;
    process = process_named(argv[1]);
    if (process == NULL)
        return MONITOR_FAILED;
    signal_process(process, (int)signal);
    process_put(process);
    return MONITOR_DONE;
}
MONITOR_COMMAND(kill, "PID [SIGNAL]", "send a signal, 9 by default; it acts after go", kill);

static int
go(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    if (process_list != NULL)
        return MONITOR_LEAVE;
    print(&console_printer, "No program runs.\n");
    return MONITOR_FAILED;
}
MONITOR_COMMAND(go, "", "let the programs run on (also Ctrl-])", go);
