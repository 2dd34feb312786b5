/* pic.h - the two 8259 interrupt controllers, and the handlers of interrupts, whoever takes
 * them. */
#ifndef OCTAVO_PIC_H
#define OCTAVO_PIC_H

#include "types.h"

/* Moves the 16 interrupts to the vectors from TRAP_IRQ on, all of them off. */
void pic_init(void);

/* Turns `irq` on; `handler` is called with interrupts off. One handler an interrupt. */
void pic_set_handler(unsigned irq, void (*handler)(unsigned irq));

/* From now on other controllers have the interrupts: each that is on, or is turned on later, is
 * handed to `turn_on`, and they end as those of the local APIC do. Interrupts are off. */
void pic_leave(void (*turn_on)(unsigned irq));
/* They come from the 8259s again. Interrupts are off, and none of the others is on its way. */
void pic_return(void);

/* Interrupts whose cause had gone before the controller could say which it was. */
unsigned long pic_spurious_count(void);

#endif
