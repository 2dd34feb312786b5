/* vmalloc.h - consecutive addresses over frames from anywhere. */
#ifndef OCTAVO_VMALLOC_H
#define OCTAVO_VMALLOC_H

#include "platform.h"
#include "printer.h"

/* All there can be, in the kernel. */
#define VMALLOC_START 0xD0000000u
#define VMALLOC_BYTES 0x0FC00000u

/* `size` bytes rounded up to pages, page aligned, with an unmapped page on each side. NULL when
 * size is 0, or addresses or frames run out. Not from interrupts. */
MUST_CHECK void *vmalloc(size_t size);

/* Gives it back. Panics on an address that vmalloc did not return or that was freed. */
void vfree(void *memory);

/* The bytes behind an address that vmalloc returned; 0 for any other address. */
size_t vmalloc_size(const void *memory);

void vmalloc_print(struct printer *out);
bool vmalloc_check(void);

#endif
