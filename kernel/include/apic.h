/* apic.h - the interrupt controller in each CPU, and those that take the devices' interrupts. Only
 * where several CPUs run: a machine with one keeps the 8259s (pic.h). */
#ifndef OCTAVO_APIC_H
#define OCTAVO_APIC_H

#include "cpu_tables.h"

/* May `size` bytes of registers, a power of two, be there? Not in RAM, and not across a bound of their
 * size: tables that say so are wrong. */
bool apic_place_ok(uint32_t address, uint32_t size);

/* Maps the local APIC and turns that of this CPU, the first one, on; the 8259s go on through it.
 * Measures its timer, in 10 ms. False, with nothing changed, when it cannot be used. */
MUST_CHECK bool apic_init(const struct cpu_tables *tables);

/* Turns that of another CPU on, by itself, with interrupts off; its timer calls what apic_on_tick
 * was told from now on. */
void apic_start(void);

/* What the hardware calls this CPU. */
unsigned apic_id(void);

/* Ends the interrupt that is being handled, for all that come through the local APIC. */
void apic_end(void);

/* Raises a vector, or a non-maskable interrupt, on another CPU. One that nobody has started must
 * get none. */
void apic_send(unsigned id, unsigned vector);
void apic_send_nmi(unsigned id);

/* The two messages that start a CPU: into the state after its reset; then to run real mode code at
 * `page` * 4096. */
void apic_send_init(unsigned id);
void apic_send_start(unsigned id, unsigned page);

/* From now on each tick of another CPU's timer calls `call` there, interrupts off. */
void apic_on_tick(void (*call)(void));

/* Whether this CPU gets what the 8259s send. */
void apic_hear_8259(bool hear);

/* Has the I/O APICs take the interrupts of the devices that are on, in place of the 8259s.
 * Interrupts are on. False when the timer's does not come by them: the 8259s have all then. */
MUST_CHECK bool io_apic_init(const struct cpu_tables *tables);

#endif
