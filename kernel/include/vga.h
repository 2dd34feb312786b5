/* vga.h - the text screen. Callers hold the console lock. */
#ifndef OCTAVO_VGA_H
#define OCTAVO_VGA_H

#include "types.h"

/* False when there is no text screen of 80 columns. What is on it stays. */
bool vga_init(void);

/* Understands newline, carriage return, backspace (one column left, nothing erased), tab, and the
 * control sequences that move the cursor, erase, and choose colours. */
void vga_write(const char *text, size_t size);

void vga_clear(void);

/* Shows older lines (up) or newer ones (down), half a screen at a time. Any output goes back to the
 * newest. */
void vga_scroll_back(bool up);

#endif
