/* trap.h - exceptions and interrupts. */
#ifndef OCTAVO_TRAP_H
#define OCTAVO_TRAP_H

#include "types.h"
#include "printer.h"

enum {
    TRAP_DEBUG = 1,
    TRAP_NMI = 2,
    TRAP_BREAKPOINT = 3,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_EXCEPTIONS = 32,
    TRAP_IRQ = 32, /* the vector of IRQ 0 */
    TRAP_IRQS = 16,
    TRAP_VECTORS = TRAP_IRQ + TRAP_IRQS,
};

/* What traps.asm leaves on the stack, lowest address first. esp and ss are there only when the trap
 * came from another ring. */
struct trap_frame {
    uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
    uint32_t gs, fs, es, ds;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
    uint32_t esp, ss;
};

/* Called with interrupts off. */
typedef void (*trap_handler)(struct trap_frame *frame);

/* From now on `vector` (an exception, or TRAP_IRQ + the interrupt's number) goes to `handler`,
 * which for an interrupt also tells the interrupt controller. NULL takes it back: an exception is
 * then reported and ends the kernel, an interrupt is counted. */
void trap_register(unsigned vector, trap_handler handler);

/* Interrupts that came although nobody had registered for them. */
unsigned long trap_stray_count(void);

/* The registers, one CPU state a few lines. */
void trap_print_registers(struct printer *out, const struct trap_frame *frame);

const char *trap_name(unsigned vector);

#endif
