/* fault_report.c - what is said about a program that its own fault ends.
 *
 *   fault: crash (13) cannot write to 0x00000008, where nothing is
 *   fault: this looks like a field 8 bytes behind a NULL pointer
 *   fault: eip 0x004000d4 end_by+0x14 in 00400000-00401000 r-x /crash
 *   fault: esp 0xbfffffa8 in bffff000-c0000000 rw- [stack]
 *     0x0040012a main+0x31                          who called, innermost first
 *   fault: above: 00400000-00402000 r-x /crash, 4095 KiB away
 *     walk of 0x00000008                            the page tables' way, as the monitor's `walk`
 *     ...
 *
 * A program that goes wrong again and again may not fill the screen: of the faults of one second
 * only the first few are told, and the boot option faults= makes it what was tried, and the
 * registers (short), or nothing (off).
 *
 * Lock: the space's, shared, around each part that looks at areas, as other threads may change
 * them.
 */
#include <string.h>
#include "explain.h"
#include "object.h"
#include "pagetable.h"
#include "program_symbols.h"
#include "signal.h"
#include "space.h"
#include "timer.h"
#include "trap.h"

#define A_SECOND 10 /* reports */
/* A touch so little below a stack was meant for it. */
#define STACK_REACH 0x10000u
/* And one so near an area for that. */
#define NEAR_REACH 0x1000u

/* What one report is about. */
struct subject {
    const struct process *process;
    const struct area *area;  /* that the address lies in; NULL: none */
    const struct area *above; /* the first behind the address */
    const struct area *below;
    uintptr_t address;
    int signal;
    const struct trap_frame *frame;
};

static enum detail { FAULTS_OFF, FAULTS_SHORT, FAULTS_FULL } wanted_detail = FAULTS_FULL;

void
fault_report_choose(const char *text)
{
    if (strcmp(text, "off") == 0)
        wanted_detail = FAULTS_OFF;
    else if (strcmp(text, "short") == 0)
        wanted_detail = FAULTS_SHORT;
    else if (strcmp(text, "full") != 0)
        klog("cmdline: faults=%s is none of full, short and off and is ignored\n", text);
}

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

/* ---- places ---- */

/* Finds the areas around the address. They stay as they are until the space's lock is given
 * back. */
static void
lock_areas(struct subject *subject)
{
    struct address_space *space = subject->process->space;
    const struct area *area;

    rw_lock_shared(&space->lock);
    area = area_find(&space->areas, subject->address);
    subject->below = area_before(&space->areas, subject->address);
    subject->area = subject->above = NULL;
    if (area != NULL && area->start <= subject->address)
        subject->area = area;
    else
        subject->above = area;
}

static void
unlock_areas(const struct subject *subject)
{
    rw_unlock_shared(&subject->process->space->lock);
}

static void
print_area(const struct area *area)
{
    const char *name = area_name(area);

    print(&klog_printer, "%08lx-%08lx %c%c%c%s%s", (unsigned long)area->start,
          (unsigned long)area->end, area->flags & AREA_READ ? 'r' : '-',
          area->flags & AREA_WRITE ? 'w' : '-', area->flags & AREA_EXEC ? 'x' : '-',
          *name != '\0' ? " " : "", name);
}

static bool
is_below_stack(const struct area *above, uintptr_t address)
{
    return above != NULL && above->flags & AREA_GROWSDOWN && above->start - address <= STACK_REACH;
}

/* Where an address lies, as the end of a sentence. */
static void
print_place(struct address_space *space, uintptr_t address)
{
    const struct area *area;

    rw_lock_shared(&space->lock);
    area = area_find(&space->areas, address);
    if (address >= USER_END) {
        print(&klog_printer, ", which is the kernel's");
    } else if (area != NULL && area->start <= address) {
        print(&klog_printer, " in ");
        print_area(area);
    } else if (is_below_stack(area, address)) {
        print(&klog_printer, ", below a stack that cannot grow");
    } else {
        print(&klog_printer, ", where nothing is");
    }
    rw_unlock_shared(&space->lock);
}

/* ---- what it looks like ---- */

/* A CPU that cannot forbid to execute does not tell a fetch from a read. */
static bool
is_jump(const struct subject *subject)
{
    return subject->frame->error & FAULT_FETCH || subject->address == subject->frame->eip;
}

static void
guess_in_area(const struct subject *subject)
{
    const struct area *area = subject->area;
    char size[24];

    if (subject->signal == SIGBUS && area->object != NULL) {
        explain_size((uint32_t)area->object->size, size, sizeof(size));
        print(&klog_printer, "a touch behind the end of a file that is mapped: it has %s", size);
    } else if (!(area->flags & AREA_PROT)) {
        print(&klog_printer, "memory that nobody may touch (PROT_NONE): a guard?");
    } else if (is_jump(subject)) {
        print(&klog_printer, "a jump to data: nothing may be executed there");
    } else if (area->flags & AREA_EXEC) {
        print(&klog_printer, "a write to the program's own code or constants");
    } else {
        print(&klog_printer, "a write to memory that is read-only");
    }
}

/* How far it is beyond what the stack may be, or below what it is, and why that cannot grow. */
static void
guess_stack(const struct subject *subject)
{
    const struct area *stack = subject->above;
    uint32_t limit = subject->process->space->limits[SPACE_LIMIT_STACK];
    uint32_t depth = stack->end - subject->address;
    bool limited = depth > limit;
    char far[24], size[24], most[24];

    explain_size(limited ? depth - limit : stack->start - subject->address, far, sizeof(far));
    explain_size(stack->end - stack->start, size, sizeof(size));
    explain_size(limit, most, sizeof(most));
    if (limited)
        print(&klog_printer, "a stack overflow: %s beyond the limit of %s", far, most);
    else
        print(&klog_printer, "a stack overflow: %s below a stack of %s that has no room to grow",
              far, size);
}

/* Just behind or before an area. */
static bool
guess_neighbour(const struct subject *subject)
{
    const struct area *below = subject->below, *above = subject->above;
    char far[24];

    if (below != NULL && subject->address - below->end < NEAR_REACH) {
        explain_size(subject->address - below->end + 1, far, sizeof(far));
        print(&klog_printer, "a step too far: %s behind ", far);
        print_area(below);
    } else if (above != NULL && above->start - subject->address <= NEAR_REACH) {
        explain_size(above->start - subject->address, far, sizeof(far));
        print(&klog_printer, "a step too far: %s before ", far);
        print_area(above);
    } else {
        return false;
    }
    return true;
}

static void
print_guess(struct subject *subject)
{
    char text[96];

    lock_areas(subject);
    print(&klog_printer, "fault: this looks like ");
    if (subject->area != NULL)
        guess_in_area(subject);
    else if (subject->address < USER_END && is_below_stack(subject->above, subject->address))
        guess_stack(subject);
    else if (explain_pointer(subject->address, text, sizeof(text)))
        print(&klog_printer, "%s%s", is_jump(subject) ? "a call through " : "", text);
    else if (subject->address >= USER_END)
        print(&klog_printer, "a pointer of the kernel's, or one that was written over");
    else if (is_jump(subject))
        print(&klog_printer, "a jump by a pointer or return address that was written over");
    else if (!guess_neighbour(subject))
        print(&klog_printer, "a pointer that was never set, or that outlived its memory");
    print(&klog_printer, "\n");
    unlock_areas(subject);
}

/* ---- the report ---- */

static const char *
attempt(const struct subject *subject)
{
    if (is_jump(subject))
        return "jump to";
    return subject->frame->error & FAULT_WRITE ? "write to" : "read";
}

static void
print_what(const struct subject *subject)
{
    const struct process *process = subject->process;

    print(&klog_printer, "fault: %s (%d) ", process->name, process->pid);
    if (subject->frame->vector == TRAP_PAGE_FAULT) {
        print(&klog_printer, "cannot %s 0x%08lx", attempt(subject),
              (unsigned long)subject->address);
        print_place(process->space, subject->address);
    } else if (subject->frame->vector == TRAP_SYSCALL) {
        print(&klog_printer, "has no frame on its stack to return to from a handler");
    } else if (subject->signal == SIGSEGV && subject->frame->vector == TRAP_STACK) {
        print(&klog_printer, "is ended for it");
    } else {
        print(&klog_printer, "is stopped by: %s", trap_name(subject->frame->vector));
    }
    print(&klog_printer, "\n");
}

static void
print_stack(const struct process *process, const struct trap_frame *frame)
{
    print(&klog_printer, "fault: esp 0x%08lx", (unsigned long)frame->esp);
    print_place(process->space, frame->esp);
    print(&klog_printer, "\n");
}

static void
print_where(const struct subject *subject)
{
    const struct trap_frame *frame = subject->frame;
    struct program_symbol symbol;

    print(&klog_printer, "fault: eip 0x%08lx", (unsigned long)frame->eip);
    if (program_symbol_find(subject->process, frame->eip, &symbol))
        print(&klog_printer, " %s+0x%lx", symbol.name, (unsigned long)(frame->eip - symbol.start));
    print_place(subject->process->space, frame->eip);
    print(&klog_printer, "\n");
    print_stack(subject->process, frame);
}

static void
print_neighbour(const char *side, const struct area *area, uint32_t distance)
{
    char far[24];

    explain_size(distance, far, sizeof(far));
    print(&klog_printer, "fault: %s: ", side);
    print_area(area);
    print(&klog_printer, ", %s away\n", far);
}

static void
print_neighbours(const struct subject *subject)
{
    if (subject->area != NULL || subject->address >= USER_END)
        return;
    if (subject->below != NULL)
        print_neighbour("below", subject->below, subject->address - subject->below->end + 1);
    if (subject->above != NULL)
        print_neighbour("above", subject->above, subject->above->start - subject->address);
}

/* What lies around the address, and what the page tables say of it. */
static void
print_surroundings(struct subject *subject)
{
    lock_areas(subject);
    print_neighbours(subject);
    pagetable_print_walk_of(&klog_printer, subject->process->space, subject->address);
    unlock_areas(subject);
}

void
fault_report_no_room(int signal, const struct trap_frame *frame)
{
    const struct process *process = task_current()->process;

    if (wanted_detail == FAULTS_OFF || !may_report())
        return;
    print(&klog_printer, "fault: %s (%d) has no room on its stack for the handler of signal %d\n",
          process->name, process->pid, signal);
    print_stack(process, frame);
}

void
fault_report(int signal, uintptr_t address, const struct trap_frame *frame)
{
    struct subject subject = {.process = task_current()->process, .address = address,
                              .signal = signal, .frame = frame};
    bool of_memory = frame->vector == TRAP_PAGE_FAULT;
    enum detail detail = wanted_detail;

    if (detail == FAULTS_OFF || !may_report())
        return;
    print_what(&subject);
    if (detail == FAULTS_FULL && of_memory)
        print_guess(&subject);
    print_where(&subject);
    if (detail == FAULTS_SHORT)
        return;
    program_print_calls(&klog_printer, subject.process, frame);
    if (of_memory)
        print_surroundings(&subject);
}
