/* fault_report.c - what is said about a program that its own fault ends.
 *
 *   fault: crash (13) cannot write to 0x00000000, where nothing is
 *   fault: eip 0x004000d4 in 00400000-00401000 r-x /crash, esp 0xbfffffa8
 *
 * A program that goes wrong again and again may not fill the screen: of the faults of one second
 * only the first few are told.
 */
#include "signal.h"
#include "space.h"
#include "timer.h"
#include "trap.h"

#define A_SECOND 10 /* reports */
/* A touch so little below a stack was meant for it. */
#define STACK_REACH 0x10000u

static bool
may_report(void)
{
    static uint32_t second, told;
    uint32_t now = timer_ticks() / TIMER_HZ;

    if (now != second)
        told = 0;
    second = now;
    return told++ < A_SECOND;
}

/* Where an address lies, as the end of a sentence. */
static void
print_place(const struct address_space *space, uintptr_t address)
{
    const struct area *area = area_find(&space->areas, address);
    const char *name = area != NULL ? area_name(area) : "";

    print(&klog_printer, "0x%08lx", (unsigned long)address);
    if (address >= USER_END)
        print(&klog_printer, ", which is the kernel's");
    else if (area != NULL && area->start <= address)
        print(&klog_printer, " in %08lx-%08lx %c%c%c%s%s", (unsigned long)area->start,
              (unsigned long)area->end, area->flags & AREA_READ ? 'r' : '-',
              area->flags & AREA_WRITE ? 'w' : '-', area->flags & AREA_EXEC ? 'x' : '-',
              *name != '\0' ? " " : "", name);
    else if (area != NULL && area->flags & AREA_GROWSDOWN && area->start - address <= STACK_REACH)
        print(&klog_printer, ", below a stack that cannot grow");
    else
        print(&klog_printer, ", where nothing is");
}

/* A CPU that cannot forbid to execute does not tell a fetch from a read. */
static const char *
attempt(const struct trap_frame *frame, uintptr_t address)
{
    if (frame->error & FAULT_FETCH || address == frame->eip)
        return "jump to";
    return frame->error & FAULT_WRITE ? "write to" : "read";
}

void
fault_report(uintptr_t address, const struct trap_frame *frame)
{
    const struct process *process = task_current()->process;

    if (!may_report())
        return;
    print(&klog_printer, "fault: %s (%d) ", process->name, process->pid);
    if (frame->vector == TRAP_PAGE_FAULT) {
        print(&klog_printer, "cannot %s ", attempt(frame, address));
        print_place(process->space, address);
    } else if (frame->vector == TRAP_SYSCALL) {
        print(&klog_printer, "has no frame on its stack to return to from a handler");
    } else {
        print(&klog_printer, "is stopped by: %s", trap_name(frame->vector));
    }
    print(&klog_printer, "\nfault: eip ");
    print_place(process->space, frame->eip);
    print(&klog_printer, ", esp 0x%08lx\n", (unsigned long)frame->esp);
}
