/* kmalloc_private.h - the heap's start. Private to mm/. */
#ifndef OCTAVO_KMALLOC_PRIVATE_H
#define OCTAVO_KMALLOC_PRIVATE_H

struct mm_cpu;

/* Makes the caches of all classes; the parts of a CPU follow by kmalloc_cpu_init. */
void kmalloc_init(void);
void kmalloc_cpu_init(struct mm_cpu *cpu);

#endif
