/* trap.c - exceptions and interrupts, once traps.asm has made a frame of them.
 *
 * A handler that registered for the vector gets the frame. An exception in ring 3 is the program's
 * business (fault.c). Any other that nobody wants is a bug of the kernel: it is reported so that a
 * reader can go from the report to the mistake, and ends the kernel. The report, line by line:
 *
 *   panic: page fault (14) at 0xc0101234 name+0x4: write to 0x00000010, a page that is not present
 *   registers, control registers and the flags in words
 *   the page walk of the address that failed
 *   the backtrace
 *
 * The double fault comes by a task switch: its registers are in the TSS the CPU left.
 */
#include <string.h>
#include "trap.h"
#include "cpu.h"
#include "explain.h"
#include "pagetable.h"
#include "panic.h"
#include "platform.h"
#include "format.h"
#include "symbols.h"
#include "task.h"
#include "uapi/signal.h"

/* Bytes of code in the report: no instruction is longer. */
#define CODE_BYTES 15

/* IRET to ring 3 takes EIP, CS, EFLAGS, ESP and SS from the stack. */
#define IRET_SS 4

#define EFLAGS_VM 0x20000u

extern char boot_stack_guard[];

static const char *const names[TRAP_EXCEPTIONS] = {
    "divide error",
    "debug",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor segment overrun",
    "invalid TSS",
    "segment not present",
    "stack segment fault",
    "general protection",
    "page fault",
    "reserved exception 15",
    "FPU error",
    "alignment check",
    "machine check",
    "SIMD FPU error",
    "virtualisation exception",
    "control protection",
    "reserved exception 22",
    "reserved exception 23",
    "reserved exception 24",
    "reserved exception 25",
    "reserved exception 26",
    "reserved exception 27",
    "hypervisor injection",
    "VMM communication",
    "security exception",
    "reserved exception 31",
};

static trap_handler handlers[TRAP_VECTORS];
static unsigned long strays;

/* Whether CR2 has to do with it. */
static bool
concerns_memory(const struct trap_frame *frame)
{
    return frame->vector == TRAP_PAGE_FAULT || frame->vector == TRAP_DOUBLE_FAULT;
}

const char *
trap_name(unsigned vector)
{
    return vector < TRAP_EXCEPTIONS ? names[vector] : "interrupt";
}

void
trap_register(unsigned vector, trap_handler handler)
{
    ASSERT(vector < TRAP_VECTORS && vector != TRAP_DOUBLE_FAULT);
    ASSERT(handler == NULL || handlers[vector] == NULL);
    handlers[vector] = handler;
}

unsigned long
trap_stray_count(void)
{
    return strays;
}

const struct trap_frame *
trap_interrupted(void)
{
    return THIS_CPU_READ(interrupted);
}

static void
describe_page_fault(uint32_t error, char *text, size_t size)
{
    format_text(text, size, "%s%s 0x%08lx, a page that %s%s", error & FAULT_USER ? "user " : "",
                error & FAULT_FETCH   ? "jump to"
                : error & FAULT_WRITE ? "write to"
                                      : "read of",
                (unsigned long)read_cr2(),
                error & FAULT_PROTECTION ? "does not allow it" : "is not present",
                error & FAULT_RESERVED ? " (reserved bits are set in its entry)" : "");
}

/* The error code of the faults that name a selector: Intel SDM volume 3, 6.13. */
static void
describe_selector(uint32_t error, char *text, size_t size)
{
    static const char *const tables[] = {"GDT", "IDT", "LDT", "IDT"};

    if (error == 0)
        format_text(text, size, "no selector is to blame");
    else
        format_text(text, size, "%s entry %lu%s", tables[error >> 1 & 3],
                    (unsigned long)(error >> 3 & 0x1FFF), error & 1 ? ", from outside" : "");
}

static void
describe_double_fault(char *text, size_t size)
{
    uintptr_t address = read_cr2();
    const struct task *task = task_current();
    bool boot = address - (uintptr_t)boot_stack_guard < PAGE_SIZE;
    bool own = task->stack != NULL && (uintptr_t)task->stack - address - 1 < PAGE_SIZE;

    if (own)
        format_text(text, size, "task %d (%s) overflowed its kernel stack of %u bytes: its guard "
                    "page was hit at 0x%08lx, %lu below", task->tid, task->process->name,
                    KERNEL_STACK_SIZE, (unsigned long)address,
                    (unsigned long)((uintptr_t)task->stack - address));
    else
        format_text(text, size, "%s 0x%08lx",
                    boot ? "the kernel stack overflowed: its guard page was hit at"
                         : "the last page fault was at", (unsigned long)address);
}

/* What the exception means; "" when its name says all. */
static void
describe(const struct trap_frame *frame, char *text, size_t size)
{
    static const char *const meanings[] = {
        [0] = "division by zero, or a quotient too large",
        [TRAP_NMI] = "memory parity error, bus error, or a watchdog",
        [6] = "the bytes there are no instruction of this CPU",
        [7] = "an FPU instruction; the kernel uses none",
    };

    switch (frame->vector) {
    case TRAP_DOUBLE_FAULT:
        describe_double_fault(text, size);
        break;
    case TRAP_PAGE_FAULT:
        describe_page_fault(frame->error, text, size);
        break;
    case 10:
    case 11:
    case 12:
    case TRAP_PROTECTION:
        describe_selector(frame->error, text, size);
        break;
    default:
        if (frame->vector < ARRAY_LENGTH(meanings) && meanings[frame->vector] != NULL)
            format_text(text, size, "%s", meanings[frame->vector]);
        else
            *text = '\0';
    }
}

static void
print_flags(struct printer *out, uint32_t eflags)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } flags[] = {{0x1, "carry"},        {0x4, "parity"},      {0x10, "adjust"},
                 {0x40, "zero"},        {0x80, "sign"},       {0x100, "trap"},
                 {0x200, "interrupts"}, {0x400, "direction"}, {0x800, "overflow"},
                 {0x4000, "nested"},    {0x20000, "vm86"},    {0x40000, "alignment"}};

    print(out, "  eflags=%08lx", (unsigned long)eflags);
    for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
        if (eflags & flags[i].bit)
            print(out, " %s", flags[i].name);
    }
    print(out, "\n");
}

/* Where the stack was: the CPU pushed it only when it changed stacks. */
static uint32_t
stack_pointer(const struct trap_frame *frame)
{
    if (trap_from_user(frame) || frame->vector == TRAP_DOUBLE_FAULT)
        return frame->esp;
    return (uintptr_t)&frame->esp;
}

void
trap_print_registers(struct printer *out, const struct trap_frame *frame)
{
    print(out, "  eax=%08lx ebx=%08lx ecx=%08lx edx=%08lx\n", (unsigned long)frame->eax,
          (unsigned long)frame->ebx, (unsigned long)frame->ecx, (unsigned long)frame->edx);
    print(out, "  esi=%08lx edi=%08lx ebp=%08lx esp=%08lx\n", (unsigned long)frame->esi,
          (unsigned long)frame->edi, (unsigned long)frame->ebp,
          (unsigned long)stack_pointer(frame));
    print(out, "  eip=%08lx cs=%04x ds=%04x es=%04x fs=%04x gs=%04x\n", (unsigned long)frame->eip,
          (unsigned)frame->cs & 0xFFFF, (unsigned)frame->ds & 0xFFFF, (unsigned)frame->es & 0xFFFF,
          (unsigned)frame->fs & 0xFFFF, (unsigned)frame->gs & 0xFFFF);
    print_flags(out, frame->eflags);
    print(out, "  cr0=%08lx cr2=%08lx cr3=%08lx error=%08lx\n", (unsigned long)read_cr0(),
          (unsigned long)read_cr2(), (unsigned long)read_cr3(), (unsigned long)frame->error);
}

/* The instruction that failed, as bytes. */
static void
print_code(struct printer *out, uintptr_t eip)
{
    const uint8_t *code = (const uint8_t *)eip;

    if (!kernel_read_ok(code, CODE_BYTES))
        return;
    print(out, "  code");
    for (size_t i = 0; i < CODE_BYTES; i++)
        print(out, " %02x", code[i]);
    print(out, "\n");
}

/* What the address of a page fault looks like, and its way through the tables that are in use. */
static void
report_memory(const struct trap_frame *frame)
{
    uintptr_t address = read_cr2();

    explain_kernel_fault(&klog_printer, address, frame);
    pagetable_print_walk(&klog_printer, address);
}

static void
report(const struct trap_frame *frame)
{
    trap_print_registers(&klog_printer, frame);
    print_code(&klog_printer, frame->eip);
    explain_registers(&klog_printer, frame);
    if (concerns_memory(frame))
        report_memory(frame);
    klog("panic: called from\n");
    backtrace_print_trap(&klog_printer, frame, (const uint32_t *)stack_pointer(frame));
}

/* QEMU takes a program's IRET into virtual-8086 mode, as if it were the kernel's; no CPU does. Its
 * selectors do not tell that it is a program, so what it does wrong there comes here. */
static void
end_virtual_mode(void)
{
    interrupts_enable();
    process_exit(SIGSEGV);
}

void
trap_unexpected(const struct trap_frame *frame)
{
    char message[300], place[100], why[160];

    if (frame->eflags & EFLAGS_VM)
        end_virtual_mode();
    describe(frame, why, sizeof(why));
    symbol_place(frame->eip, place, sizeof(place));
    format_text(message, sizeof(message), "%s (%lu) at %s%s%s", trap_name(frame->vector),
                (unsigned long)frame->vector, place, *why != '\0' ? ": " : "", why);
    panic_in_trap(frame, message, report);
}

/* A breakpoint in the kernel's code without a debugger: say where, and go on. */
static void
breakpoint(const struct trap_frame *frame)
{
    klog("trap: breakpoint\n");
    trap_print_registers(&klog_printer, frame);
    backtrace_print(&klog_printer, frame->eip, frame->ebp);
}

void trap_dispatch(struct trap_frame *frame);
void trap_double_fault(void);

extern char restore_segments[], restore_segments_end[], restore_stack[];

/* A selector that a program left in a segment register may be worth nothing by the time it goes
 * back to ring 3: set_thread_area took its descriptor away. The return then fails in loading it;
 * with the null selector in its place on the stack it goes on, or with the ordinary stack segment
 * in that of SS. `stack` is what lay on the stack when the exception came. */
static bool
stale_selector(const struct trap_frame *frame, uint32_t *stack)
{
    if (frame->eip >= (uintptr_t)restore_segments && frame->eip < (uintptr_t)restore_segments_end) {
        stack[0] = 0;
        return true;
    }
    if (frame->eip == (uintptr_t)restore_stack && stack[IRET_SS] != USER_DATA) {
        stack[IRET_SS] = USER_DATA;
        return true;
    }
    return false;
}

/* Called by trap_common for every vector but those of double fault, page fault and system call;
 * interrupts off. */
void
trap_dispatch(struct trap_frame *frame)
{
    trap_handler handler = handlers[frame->vector];

    if (frame->vector >= TRAP_IRQ)
        THIS_CPU_WRITE(interrupted, frame);
    if (handler != NULL)
        handler(frame);
    else if (frame->vector >= TRAP_IRQ)
        strays++;
    else if (trap_from_user(frame) && frame->vector != TRAP_NMI)
        user_exception(frame);
    else if (stale_selector(frame, &frame->esp))
        return;
    else if (frame->vector == TRAP_BREAKPOINT)
        breakpoint(frame);
    else
        trap_unexpected(frame);
}

/* Called on the fault stack; the TSS of this CPU holds what was interrupted. */
void
trap_double_fault(void)
{
    const struct tss *tss = &cpu_self()->tss;
    struct trap_frame frame = {
        .edi = tss->edi,
        .esi = tss->esi,
        .ebp = tss->ebp,
        .ebx = tss->ebx,
        .edx = tss->edx,
        .ecx = tss->ecx,
        .eax = tss->eax,
        .gs = tss->gs,
        .fs = tss->fs,
        .es = tss->es,
        .ds = tss->ds,
        .vector = TRAP_DOUBLE_FAULT,
        .eip = tss->eip,
        .cs = tss->cs,
        .eflags = tss->eflags,
        .esp = tss->esp,
        .ss = tss->ss,
    };

    trap_unexpected(&frame);
}
