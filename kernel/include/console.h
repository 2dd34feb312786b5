/* console.h - what people read and where they type.
 *
 * Output goes to every console that is there and chosen: VGA text, COM1, the debug port E9h. Input
 * comes from the keyboard and COM1, whichever has something.
 */
#ifndef OCTAVO_CONSOLE_H
#define OCTAVO_CONSOLE_H

#include "types.h"
#include "printer.h"

/* Finds the consoles and uses all of them. The first thing that the kernel does. */
void console_early_init(void);

/* Keeps only the consoles that console=vga,com1,e9 names (all without it). Names that do not exist
 * are reported. When none of the chosen is there, all that are there stay. */
void console_setup(void);

/* Something else uses this port from now on. */
void console_leave(const char *name);

/* Lets interrupts bring the input. Needs the interrupt controller. */
void console_input_init(void);

/* A byte from COM1, a scan code from the keyboard: called by their drivers with interrupts off.
 * False when the queue of keys is full and the byte was not taken. */
bool console_input_serial(uint8_t byte);
bool console_input_scancode(uint8_t code);

/* Writes text to every console, not into the log. From any context. */
void console_write(const char *text, size_t size);

/* True when there is a text screen, in use or not. */
bool console_has_screen(void);

/* True when the last line has no end yet. */
bool console_in_line(void);

/* Waits, bounded, until everything written has left the machine: before its power goes. */
void console_flush(void);

/* Prints to the consoles but not into the log. */
extern struct printer console_printer;

/* Empties the screen (and the terminal behind COM1). */
void console_clear(void);

/* From now on what is typed goes to `take` byte by byte, keys of the keyboard as a terminal sends
 * them, and not to console_read_key; NULL: it goes there again. `take` is called with interrupts
 * off and must not come back here; it returns false when it has no room for the byte, which then
 * stays with the driver. */
void console_set_listener(bool (*take)(uint8_t byte));

/* Asks the drivers for what they kept: `take` has room again. */
void console_poll_input(void);

/* The next key (keys.h). Waits for it, the CPU halted when interrupts are on, else polling. */
int console_read_key(void);

/* The same for so many ticks of the timer at most (0: for ever); KEY_NONE when none came. Here an
 * ESC from COM1 that nothing follows is a key. */
int console_wait_key(uint32_t ticks);

/* For whoever prints in several steps: nobody else prints meanwhile. Nests; never blocks for ever,
 * so that a panic gets its report out. Interrupts stay off in between. */
unsigned long console_lock(void);
void console_unlock(unsigned long state);
/* The other CPUs have stopped: what one of them was printing is over. */
void console_take_over(void);

/* Prints the kernel's log so far, as far back as the buffer reaches. */
void log_print(struct printer *out);

/* Copies up to `size` bytes of the log from byte *from on, where 0 is the first ever logged; moves
 * *from to the oldest that is still there if that is later. Returns how many it copied. */
size_t log_read(size_t *from, char *text, size_t size);

#endif
