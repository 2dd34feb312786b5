/* boot.h - what the start of the kernel learned and others may want to look at later. */
#ifndef OCTAVO_BOOT_H
#define OCTAVO_BOOT_H

#include "bootmem.h"
#include "multiboot.h"

/* What the loader said. Does not change after the start. */
extern struct boot_info boot_info;

/* The memory map as it was when the page allocator took over. */
extern struct bootmem boot_memory;

/* Where the loader's memory is read: any address below 4 GiB. */
extern const struct multiboot_source boot_source;

/* The boot options memtest and memtest_fault. Interrupts are on. */
void memtest_at_start(void);

/* Provokes the failure that the boot option crash=NAME asks for, to see its report. Returns when
 * the name is unknown, after saying so. */
void crash_on_purpose(const char *name);

#endif
