/* leak_roots.c - where the kernel keeps pointers: its variables, those of its tests, and the stacks
 * of its tasks from where each stands. For the search for leaks (mm/debug/leaks.c).
 *
 * What lies below a stack's pointer is rubbish of calls that ended, and would hide leaks. Registers
 * of tasks that do not run are on their stacks; those of the one that runs are put there first.
 * Other CPUs stand still meanwhile (cpus_park), with nothing in hand.
 */
#include "frame.h"
#include "ktests.h"
#include "platform.h"
#include "sched.h"
#include "sections.h"

extern char boot_stack_guard[], boot_stack_top[], fault_stack_top[];

typedef void (*reader)(const void *from, const void *to);

/* The image's pages, but for those that were given to the page allocator. */
static void
read_image(reader read, const char *from, const char *to)
{
    for (; from < to; from += PAGE_SIZE) {
        enum frame_owner owner = frame_of(paddr_to_pfn(image_to_paddr(from)))->owner;

        if (owner == FRAME_KERNEL || owner == FRAME_EARLY)
            read(from, from + PAGE_SIZE);
    }
}

static void
read_variables(reader read)
{
    const void *from, *to;

    read_image(read, data_start, boot_stack_guard);
    read_image(read, fault_stack_top, kernel_end);
    for (unsigned i = 0; ktests_variables(i, &from, &to); i++)
        read(from, to);
}

/* Where the stack of a task that does not run is used. */
static void
read_stack(reader read, const struct task *task)
{
    const char *pointer = (const char *)task->stack_pointer;
    const char *top = task == &idle_task ? boot_stack_top : (char *)task->stack + KERNEL_STACK_SIZE;

    if (task == task_current())
        pointer = __builtin_frame_address(0);
    if (task->state != TASK_DEAD && (task->stack != NULL || task == &idle_task))
        read(pointer, top);
}

void
leak_roots(reader read)
{
    unsigned long flags = interrupts_disable();

    __builtin_unwind_init(); /* registers to the stack */
    read_variables(read);
    read_stack(read, &idle_task);
    for (const struct process *process = process_list; process != NULL; process = process->next)
        for (const struct task *task = process->threads; task != NULL; task = task->next_thread)
            read_stack(read, task);
    interrupts_restore(flags);
}
