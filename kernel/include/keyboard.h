/* keyboard.h - the PS/2 keyboard. */
#ifndef OCTAVO_KEYBOARD_H
#define OCTAVO_KEYBOARD_H

#include "types.h"

/* False when there is no keyboard controller. */
bool keyboard_init(void);

/* Hands every scan code that waits to console_input_scancode, while it takes them. With interrupts
 * off; the handler of KEYBOARD_IRQ is to call it. */
#define KEYBOARD_IRQ 1
void keyboard_poll(void);

/* Sends a command to the keyboard controller; false when it takes none. */
bool keyboard_command(uint8_t command);

#endif
