/* pic.c - two 8259A interrupt controllers, the second behind input 2 of the first.
 *
 * Theory (Intel 8259A data sheet): four initialisation words give the first vector, the wiring and
 * the mode; then port 21h/A1h is the mask, one bit an input, 1 = off. The CPU acknowledges each
 * interrupt by "end of interrupt" to the controller(s) it came through.
 *
 * When an input falls silent before the CPU asked, the controller says 7 (15 behind the second) for
 * want of a better answer; the in-service register then has no bit 7. Such an interrupt must not be
 * acknowledged, except to the first controller when it came through the second.
 */
#include "pic.h"
#include "apic.h"
#include "io.h"
#include "platform.h"
#include "trace.h"
#include "trap.h"

#define FIRST   0x20
#define SECOND  0xA0
#define MASK    1 /* the port beside */
#define CASCADE 2
#define LINES   16
#define ALL_OFF (0xFFFF & ~(1 << CASCADE))

#define ICW1            0x11 /* edge triggered, cascaded, ICW4 follows */
#define ICW3_FIRST      (1 << CASCADE)
#define ICW4            0x01 /* 8086 mode, end of interrupt by command */
#define END_OF_IRQ      0x20
#define READ_IN_SERVICE 0x0B

static void (*handlers[LINES])(unsigned irq);
static uint16_t mask = ALL_OFF;
static unsigned long spurious;
static void (*turn_on_elsewhere)(unsigned irq); /* NULL: the interrupts come from here */

static void
start(uint16_t port, uint8_t vector, uint8_t wiring)
{
    outb(port, ICW1);
    io_delay();
    outb(port + MASK, vector);
    io_delay();
    outb(port + MASK, wiring);
    io_delay();
    outb(port + MASK, ICW4);
    io_delay();
}

static void
write_mask(void)
{
    outb(FIRST + MASK, (uint8_t)mask);
    outb(SECOND + MASK, (uint8_t)(mask >> 8));
}

void
pic_init(void)
{
    start(FIRST, TRAP_IRQ, ICW3_FIRST);
    start(SECOND, TRAP_IRQ + 8, CASCADE);
    write_mask();
}

/* Only 7 and 15 can be spurious. */
static bool
is_real(unsigned irq)
{
    uint16_t port = irq < 8 ? FIRST : SECOND;

    if (irq % 8 != 7)
        return true;
    outb(port, READ_IN_SERVICE);
    return inb(port) & 0x80;
}

static void
interrupt(struct trap_frame *frame)
{
    unsigned irq = frame->vector - TRAP_IRQ;
    bool real = turn_on_elsewhere != NULL || is_real(irq);

    trace(TRACE_IRQ, 0, irq, 0, (void *)frame->eip);
    if (real)
        handlers[irq](irq);
    else
        spurious++;
    if (turn_on_elsewhere != NULL) {
        apic_end();
        return;
    }
    if (real && irq >= 8)
        outb(SECOND, END_OF_IRQ);
    if (real || irq >= 8)
        outb(FIRST, END_OF_IRQ);
}

void
pic_set_handler(unsigned irq, void (*handler)(unsigned irq))
{
    unsigned long state = interrupts_disable();

    ASSERT(irq < LINES && irq != CASCADE);
    handlers[irq] = handler;
    trap_register(TRAP_IRQ + irq, interrupt);
    if (turn_on_elsewhere != NULL) {
        turn_on_elsewhere(irq);
    } else {
        mask &= (uint16_t) ~(1u << irq);
        write_mask();
    }
    interrupts_restore(state);
}

void
pic_leave(void (*turn_on)(unsigned irq))
{
    mask = 0xFFFF;
    write_mask();
    turn_on_elsewhere = turn_on;
    for (unsigned irq = 0; irq < LINES; irq++) {
        if (handlers[irq] != NULL)
            turn_on(irq);
    }
}

void
pic_return(void)
{
    turn_on_elsewhere = NULL;
    mask = ALL_OFF;
    for (unsigned irq = 0; irq < LINES; irq++) {
        if (handlers[irq] != NULL)
            mask &= (uint16_t) ~(1u << irq);
    }
    write_mask();
}

unsigned long
pic_spurious_count(void)
{
    return spurious;
}
