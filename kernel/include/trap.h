/* trap.h - exceptions and interrupts. */
#ifndef OCTAVO_TRAP_H
#define OCTAVO_TRAP_H

#include "types.h"
#include "printer.h"

enum {
    TRAP_DIVIDE = 0,
    TRAP_DEBUG = 1,
    TRAP_NMI = 2,
    TRAP_BREAKPOINT = 3,
    TRAP_OVERFLOW = 4,
    TRAP_BOUND = 5,
    TRAP_OPCODE = 6,
    TRAP_NO_FPU = 7,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_NOT_PRESENT = 11,
    TRAP_STACK = 12,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_FPU = 16,
    TRAP_ALIGNMENT = 17,
    TRAP_SIMD = 19,
    TRAP_EXCEPTIONS = 32,
    TRAP_IRQ = 32, /* the vector of IRQ 0 */
    TRAP_IRQS = 16,
    TRAP_IPI = TRAP_IRQ + TRAP_IRQS, /* from another CPU: smp.h */
    TRAP_LOCAL_TIMER,                /* of the local APIC */
    TRAP_VECTORS,
    TRAP_SPURIOUS = 0x3F, /* of the local APIC, which wants the last four bits set */
    TRAP_SYSCALL = 0x80,
};

/* Error code of a page fault: Intel SDM volume 3, 4.7. */
#define FAULT_PROTECTION 0x01
#define FAULT_WRITE      0x02
#define FAULT_USER       0x04
#define FAULT_RESERVED   0x08
#define FAULT_FETCH      0x10

/* What traps.asm leaves on the stack, lowest address first. esp and ss are there only when the trap
 * came from another ring. */
struct trap_frame {
    uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
    uint32_t gs, fs, es, ds;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
    uint32_t esp, ss;
};
_Static_assert(sizeof(struct trap_frame) == 76 && offsetof(struct trap_frame, eax) == 28 &&
                   offsetof(struct trap_frame, cs) == 60,
               "frame.inc knows them");

/* Page faults that are no bug of the kernel: programs' own, and those of copies to and from
 * programs. The hot path, entered by an entry of its own. */
void page_fault(struct trap_frame *frame);

/* Says on the console which fault of the current program ends it, by which signal; `address` is
 * what a page fault was about. */
void fault_report(int signal, uintptr_t address, const struct trap_frame *frame);
/* The same when a program ends because its stack cannot take the frame of a signal's handler. */
void fault_report_no_room(int signal, const struct trap_frame *frame);
/* How much these two say: "full" (so at the start), "short", "off"; another word is reported. */
void fault_report_choose(const char *text);

/* An exception other than a page fault in ring 3: a signal for the program. */
void user_exception(struct trap_frame *frame);

/* Called with interrupts off. */
typedef void (*trap_handler)(struct trap_frame *frame);

/* From now on `vector` (an exception, or TRAP_IRQ + the interrupt's number) goes to `handler`,
 * which for an interrupt also tells the interrupt controller. NULL takes it back: an exception is
 * then reported and ends the kernel, an interrupt is counted. */
void trap_register(unsigned vector, trap_handler handler);

/* Interrupts that came although nobody had registered for them. */
unsigned long trap_stray_count(void);

/* True when the frame was made in ring 3. */
static inline bool
trap_from_user(const struct trap_frame *frame)
{
    return (frame->cs & 3) != 0;
}

/* In the handler of an interrupt: what it interrupted. */
const struct trap_frame *trap_interrupted(void);

/* Reports an exception that nobody expected, and ends the kernel. */
_Noreturn void trap_unexpected(const struct trap_frame *frame);

/* The registers, one CPU state a few lines. */
void trap_print_registers(struct printer *out, const struct trap_frame *frame);

const char *trap_name(unsigned vector);

#endif
