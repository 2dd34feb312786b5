/* symbols.h - names for addresses, and addresses for names.
 *
 * The names come from the section headers that a Multiboot loader leaves in memory; when it leaves
 * none (QEMU's -kernel, iPXE), addresses are printed as numbers. symbol_name is in platform.h.
 */
#ifndef OCTAVO_SYMBOLS_H
#define OCTAVO_SYMBOLS_H

#include "multiboot.h"
#include "printer.h"

struct bootmem;

/* Copies the names of the kernel's functions and variables out of the loader's memory into memory
 * of its own, taken from `boot`. No symbols, or no memory for them: says so and goes on without. */
void symbols_init(const struct multiboot_source *source, const struct boot_elf *elf,
                  struct bootmem *boot);

/* The name of the function or variable that `address` lies in, NULL when there is none; *offset is
 * how far in. */
const char *symbol_find(uintptr_t address, uint32_t *offset);

/* Writes "0xc0101234 function+0x12", or the number alone when nothing is known of the address.
 * Always terminated. */
void symbol_place(uintptr_t address, char *text, size_t size);

/* The address of a name; 0 when there is no such symbol. */
uintptr_t symbol_lookup(const char *name);

/* The first one above an address: files may have functions of the same name. */
uintptr_t symbol_lookup_above(const char *name, uintptr_t address);

size_t symbol_count(void);

/* One line a call, innermost first: "  0xc0101234 function+0x12". Starts at `eip` in the frame that
 * `ebp` points to and stops at the first frame that does not look like one. Lines that repeat are
 * counted. */
void backtrace_print(struct printer *out, uintptr_t eip, uintptr_t ebp);

/* The same from a trap on; `stack` is where ESP was. */
struct trap_frame;
void backtrace_print_trap(struct printer *out, const struct trap_frame *frame,
                          const uint32_t *stack);

/* The caller's own. */
void backtrace_here(struct printer *out);

#endif
