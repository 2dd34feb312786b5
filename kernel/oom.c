/* oom.c - the last resort: no memory, and a program that must have some.
 *
 * A page fault comes here when neither the allocator nor reclaim has a frame for it. The kernel
 * cannot make the program wait for ever, and cannot go on without it: the process that holds most
 * is ended. Process 1 and the leaders of sessions (a shell) are spared while there is another: they
 * hold little, and without them nobody is left to do anything about it.
 *
 *   somebody is dying already ──► wait for its memory
 *   reclaim finds something   ──► that will do
 *   else                      ──► report who holds what, end the largest
 *
 * Processes that share a space (vfork, threads of their own kind) end together: one alone would
 * give nothing back.
 */
#include "mm.h"
#include "oom.h"
#include "pmm.h"
#include "reclaim.h"
#include "signal.h"
#include "task.h"

#define WAITS       50 /* turns of the others in which a victim has to be gone */
#define FRAMES_ASKED 32

/* Guarded by running in tasks only, which give the CPU up at known places. */
static int victim_pid; /* 0: none */

static bool
is_spared(const struct process *process)
{
    return process->pid == 1 || process->pid == process->session;
}

/* Larger first; those that are spared behind all others. */
static bool
is_better(const struct process *a, unsigned long a_pages, const struct process *b,
          unsigned long b_pages)
{
    if (b == NULL || is_spared(a) != is_spared(b))
        return b == NULL || is_spared(b);
    return a_pages > b_pages;
}

static struct process *
choose(unsigned long *pages)
{
    struct process *best = NULL;

    *pages = 0;
    for (struct process *process = process_list; process != NULL; process = process->next) {
        unsigned long held;

        if (process->dead || process->space == NULL)
            continue;
        held = space_resident(process->space);
        if (is_better(process, held, best, *pages)) {
            best = process;
            *pages = held;
        }
    }
    return best;
}

static void
report(const struct process *victim, unsigned long pages)
{
    const struct process *asking = task_current()->process;

    klog("oom: %d '%s' needs a page and none is left: %lu frames are free, %lu are the kernel's "
         "reserve\n",
         asking->pid, asking->name, pmm_free_frames(), reclaim_reserve());
    for (const struct process *process = process_list; process != NULL; process = process->next) {
        if (!process->dead && process->space != NULL)
            klog("oom:   %5d %-15s holds %6lu pages of %6lu\n", process->pid, process->name,
                 space_resident(process->space), process->space->total_pages);
    }
    mm_print_owners(&klog_printer);
    klog("oom: %d '%s' is ended: it holds %lu pages\n", victim->pid, victim->name, pages);
}

/* Ends every process of the victim's space. */
static void
end(struct process *victim)
{
    const struct address_space *space = victim->space;

    victim_pid = victim->pid;
    for (struct process *process = process_list; process != NULL; process = process->next) {
        if (process->space == space)
            signal_process(process, SIGKILL);
    }
    vm_counters.oom_kill++;
}

/* Lets the others run until the victim's memory is back. False when it never comes. */
static bool
wait_for_victim(void)
{
    for (unsigned i = 0; i < WAITS; i++) {
        struct process *victim = process_find(victim_pid);

        if (victim == NULL || victim->dead || victim->space == NULL)
            break;
        if (task_signalled(task_current()))
            return true;
        task_yield();
    }
    victim_pid = 0;
    return pmm_free_frames() > reclaim_reserve();
}

void
oom_handle(void)
{
    struct process *victim;
    unsigned long pages;

    if (victim_pid != 0 && wait_for_victim())
        return;
    if (reclaim_frames(FRAMES_ASKED) > 0)
        return;
    victim = choose(&pages);
    if (victim == NULL)
        return;
    report(victim, pages);
    end(victim);
    wait_for_victim();
}
