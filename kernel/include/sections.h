/* sections.h - the bounds of the kernel image in memory, as kernel.ld lays them out.
 *
 *   kernel_start   text_start             rodata_start    data_start             kernel_end
 *        | entry, used up | code                 | constants     | data, bss_start bss |
 *        +----------------+----------------------+---------------+---------------------+
 *          read, execute                           read            read, write
 *
 * All are virtual addresses; where the protection changes they are on page bounds.
 */
#ifndef OCTAVO_SECTIONS_H
#define OCTAVO_SECTIONS_H

#include "types.h"

/* Physical memory from 0 on is mapped here: virtual = physical + KERNEL_BASE. */
#define KERNEL_BASE 0xC0000000u

extern char kernel_start[], text_start[], text_end[], rodata_start[], rodata_end[];
extern char data_start[], bss_start[], kernel_end[];
/* Where the last byte of each part is used, before the page bound. */
extern char text_last[], rodata_last[], bss_last[];

/* The physical address of something inside the kernel image. */
static inline paddr_t
image_to_paddr(const void *at)
{
    return (uintptr_t)at - KERNEL_BASE;
}

#endif
