/* io_apic.c - the controllers that make messages of the devices' interrupts.
 *
 * Theory (Intel 82093AA data sheet): two registers in memory, a number and a window to the register
 * of that number. Each input has two of 32 bits from number 10h on: vector, polarity, trigger mode
 * and mask; and the CPU it goes to.
 *
 * All interrupts go to the first CPU, with the vectors that they had from the 8259s, whose handlers
 * stay (pic.c). The tables tell which input each leads to. Some are known to be wrong about the
 * timer, on boards of several makers: so its ticks are waited for, and when none comes, the 8259s
 * get all interrupts back.
 *
 * Lock: `register_lock`, for the number and the window together.
 */
#include "apic.h"
#include "io.h"
#include "pagetable.h"
#include "pic.h"
#include "platform.h"
#include "timer.h"
#include "trap.h"

#define WINDOW (0x10 / 4)

#define REGISTER_VERSION 1
#define REGISTER_INPUT   0x10
#define LAST_INPUT(version) ((version) >> 16 & 0xFF)

#define INPUT_LOW    0x2000
#define INPUT_LEVEL  0x8000
#define INPUT_MASKED 0x10000
#define ID_SHIFT     24

/* MultiProcessor Specification 3.6.2.1: interrupts come to the local APIC. */
#define IMCR_SELECT 0x22
#define IMCR_DATA   0x23
#define IMCR        0x70
#define IMCR_APIC   0x01
#define IMCR_8259   0x00

#define TIMER_IRQ 0
#define TICK_US   (1000000 / TIMER_HZ)
#define PATIENCE  50 /* ticks, of which one must come */

#define PLACE_SIZE 0x400u
#define NOTHING    0xFFFFFFFFu /* what is read where there is none, or 0 */

static volatile uint32_t *io_apics[TABLE_IO_APICS];
static struct irq_line lines[ISA_LINES];
static struct spinlock register_lock = SPINLOCK_INIT;

static uint32_t
read_register(unsigned index, unsigned number)
{
    io_apics[index][0] = number;
    return io_apics[index][WINDOW];
}

static void
write_register(unsigned index, unsigned number, uint32_t value)
{
    io_apics[index][0] = number;
    io_apics[index][WINDOW] = value;
}

static void
turn_on(unsigned irq)
{
    const struct irq_line *line = &lines[irq];
    unsigned number = REGISTER_INPUT + 2u * line->input;
    unsigned long flags;

    if (!line->known) {
        klog("cpu: no I/O APIC has interrupt %u\n", irq);
        return;
    }
    flags = spin_lock(&register_lock);
    write_register(line->io_apic, number + 1, cpu_by_id[0]->apic_id << ID_SHIFT);
    write_register(line->io_apic, number, (TRAP_IRQ + irq) | (line->low ? INPUT_LOW : 0) |
                                              (line->level ? INPUT_LEVEL : 0));
    spin_unlock(&register_lock, flags);
}

static void
turn_off(unsigned irq)
{
    const struct irq_line *line = &lines[irq];
    unsigned long flags;

    if (!line->known)
        return;
    flags = spin_lock(&register_lock);
    write_register(line->io_apic, REGISTER_INPUT + 2u * line->input, INPUT_MASKED);
    spin_unlock(&register_lock, flags);
}

/* Maps one and masks all of its inputs, whose number is the answer. 0: there is none. */
static unsigned
start(unsigned index, uint32_t address)
{
    uint32_t version = 0;
    unsigned inputs;

    if (apic_place_ok(address, PLACE_SIZE)) {
        io_apics[index] = fixmap_map_uncached(FIXMAP_IO_APICS + index, address);
        version = read_register(index, REGISTER_VERSION);
    }
    if (version == 0 || version == NOTHING) {
        klog("cpu: there is no I/O APIC at 0x%lx\n", (unsigned long)address);
        return 0;
    }
    inputs = LAST_INPUT(version) + 1;
    for (unsigned i = 0; i < inputs; i++)
        write_register(index, REGISTER_INPUT + 2 * i, INPUT_MASKED);
    return inputs;
}

/* Interrupts that lead to inputs which there are not lead nowhere. */
static void
cut_lines(unsigned index, unsigned inputs)
{
    for (unsigned irq = 0; irq < ISA_LINES; irq++) {
        if (lines[irq].io_apic == index && lines[irq].input >= inputs)
            lines[irq].known = false;
    }
}

static void
choose_imcr(const struct cpu_tables *tables, uint8_t value)
{
    if (!tables->imcr)
        return;
    outb(IMCR_SELECT, IMCR);
    outb(IMCR_DATA, value);
}

static void
leave_8259(const struct cpu_tables *tables)
{
    unsigned long flags = interrupts_disable();

    choose_imcr(tables, IMCR_APIC);
    pic_leave(turn_on); /* first: none of their interrupts is on its way when their line is cut */
    apic_hear_8259(false);
    interrupts_restore(flags);
}

/* Interrupts are on while the inputs are turned off, so that none is on its way here either. */
static void
return_to_8259(const struct cpu_tables *tables)
{
    unsigned long flags;

    for (unsigned irq = 0; irq < ISA_LINES; irq++)
        turn_off(irq);
    flags = interrupts_disable();
    apic_hear_8259(true);
    choose_imcr(tables, IMCR_8259);
    pic_return();
    interrupts_restore(flags);
}

static bool
timer_ticks_on(void)
{
    uint32_t before = timer_ticks();

    for (unsigned i = 0; i < PATIENCE && timer_ticks() == before; i++)
        timer_delay(TICK_US);
    return timer_ticks() != before;
}

bool
io_apic_init(const struct cpu_tables *tables)
{
    bool ticks;

    for (unsigned irq = 0; irq < ISA_LINES; irq++)
        lines[irq] = tables->lines[irq];
    for (unsigned i = 0; i < tables->io_apic_count; i++)
        cut_lines(i, start(i, tables->io_apics[i].address));
    if (!lines[TIMER_IRQ].known)
        return false;
    ticks = timer_ticks_on(); /* else it tells nothing that none comes */
    leave_8259(tables);
    if (!ticks || timer_ticks_on())
        return true;
    return_to_8259(tables);
    return false;
}
