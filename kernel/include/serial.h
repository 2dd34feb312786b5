/* serial.h - COM1, 115200 bits a second, 8N1. Callers hold the console lock. */
#ifndef OCTAVO_SERIAL_H
#define OCTAVO_SERIAL_H

#include "types.h"

/* False when there is no port. */
bool serial_init(void);

/* A newline goes out as carriage return and newline, one behind a carriage return as it is. */
void serial_write(const char *text, size_t size);

/* Waits until the last byte is on its way, bounded. */
void serial_flush(void);

/* Hands every byte that has come in to console_input_serial, while it takes them. With interrupts
 * off.
 */
void serial_poll(void);

/* From now on each byte that comes in raises the port's interrupt; its handler is to call
 * serial_poll. */
void serial_enable_interrupt(void);
unsigned serial_irq(void);

#endif
