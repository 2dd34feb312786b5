/* kmalloc.h - the kernel heap. */
#ifndef OCTAVO_KMALLOC_H
#define OCTAVO_KMALLOC_H

#include "platform.h"
#include "printer.h"

enum {
    KM_ZERO = 1, /* filled with zeros */
    KM_DMA = 2,  /* below 16 MiB; always whole frames */
};

/* `size` bytes aligned to 16, or NULL when size is 0 or memory is out. Up to 8 KiB from slabs, up
 * to 4 MiB from consecutive frames, beyond that from vmalloc. From any context: an interrupt that
 * finds this CPU inside the allocator may get NULL. */
MUST_CHECK void *kmalloc(size_t size);
MUST_CHECK void *kmalloc_flags(size_t size, unsigned flags);
MUST_CHECK void *kzalloc(size_t size);

/* Aligned to `align`, a power of two up to 4 MiB. */
MUST_CHECK void *kmalloc_aligned(size_t size, size_t align);

/* Aligned to its size rounded up to a power of two (at most 4 MiB). */
MUST_CHECK void *kalloc(size_t size);

/* Gives memory back; NULL is ignored. Panics, saying what and who, on pointers that no allocation
 * returned and on memory that is free already. Of up to 8192 bytes that a CPU keeps at hand, that
 * is found when the same memory would be handed out twice, at the latest when that CPU gives it
 * back (mm_check, mm_drain); with debug=heap at once. */
void kfree(void *memory);

/* Grows or shrinks, keeping the contents; may move. NULL memory = kmalloc; size 0 = kfree and NULL.
 * When it fails it returns NULL and the memory stays as it was. Panics as kfree does. */
MUST_CHECK void *krealloc(void *memory, size_t size);

/* The bytes that may be used: at least what was asked for, exactly that when debugging is on. */
size_t kmalloc_usable_size(const void *memory);

/* Classes, use, and with the debug heap the live memory by call site. */
void kmalloc_print_stats(struct printer *out);

/* Live debug allocations made since the mark: a leak search. */
unsigned long kmalloc_leak_mark(void);
size_t kmalloc_print_leaks(struct printer *out, unsigned long since);

#endif
