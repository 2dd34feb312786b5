/* kmalloc_private.h - the heap's start. Private to mm/. */
#ifndef OCTAVO_KMALLOC_PRIVATE_H
#define OCTAVO_KMALLOC_PRIVATE_H

#include <stddef.h>

struct mm_cpu;
struct free_object;

/* Makes the caches of all classes; the parts of a CPU follow by kmalloc_cpu_init. */
void kmalloc_init(void);
/* Slots that the classes' magazines need on each CPU, and the parts with them. */
size_t kmalloc_cpu_slots(void);
void kmalloc_cpu_init(struct mm_cpu *cpu, struct free_object **slots);

#endif
