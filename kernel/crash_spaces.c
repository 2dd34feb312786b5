/* crash_spaces.c - bugs planted in the memory of programs: the wrong steps that page tables and
 * counts of holders are checked against. Each ends in the check that finds it. */
#include "../mm/paging.h"
#include "crash.h"
#include "mm_debug.h"
#include "platform.h"
#include "power.h"
#include "task.h"
#include "tlb_watch.h"
#include "usercopy.h"

/* A program that was started and has not run yet: its stack has a page. */
static struct process *
victim(void)
{
    static char name[] = "init";
    static char *const arguments[] = {name, NULL}, *const environment[] = {NULL};
    struct process *process = process_find(process_start("/init", arguments, environment));

    if (process == NULL)
        kpanic("crash: there is no /init to do harm to");
    return process;
}

static uintptr_t
stack_page(const struct process *process)
{
    return process->space->stack_top - PAGE_SIZE;
}

void
crash_entry_to_free_frame(void)
{
    const struct process *process = victim();

    page_put(tables_look(process->space, stack_page(process)));
    power_off_checked(0);
}

void
crash_fork_leak(void)
{
    struct process *process = victim();
    struct address_space *child = space_fork(process->space);

    ASSERT(child != NULL);
    page_get(tables_look(child, stack_page(process)));
    space_put(child);
    power_off_checked(0);
}

/* The flush is left out for spaces that the CPU does not use, so this one is made to look so. */
static void
unmap_without_flush(struct address_space *space, uintptr_t va)
{
    space->cpus = 0;
    tables_zap(space, va, va + PAGE_SIZE);
    space->cpus = cpu_bit();
}

void
crash_missing_flush(void)
{
    const struct process *process = victim();

    space_activate(process->space);
    unmap_without_flush(process->space, stack_page(process));
    if (debug_on(DEBUG_TLB))
        tlb_watch_check();
    klog("crash: nobody noticed; boot with debug=tlb\n");
    power_off_checked(0);
}
