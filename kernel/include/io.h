/* io.h - the ports of the PC. */
#ifndef OCTAVO_IO_H
#define OCTAVO_IO_H

#include "types.h"
#include "sections.h"

static inline uint8_t
inb(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t
inw(uint16_t port)
{
    uint16_t value;

    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void
outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void
outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

/* About a microsecond: a write to the port of the POST codes, which an ISA bus takes that long for
 * and nobody listens to any more. */
static inline void
io_delay(void)
{
    outb(0x80, 0);
}

#define BIOS_DATA 0x400u

/* A byte or word of the BIOS data area, by its offset from 40:00. The kernel maps the first MiB
 * from its first instruction on. */
static inline uint8_t
bios_data_byte(uint16_t offset)
{
    return *(volatile uint8_t *)(KERNEL_BASE + BIOS_DATA + offset);
}

static inline uint16_t
bios_data_word(uint16_t offset)
{
    typedef volatile uint16_t __attribute__((aligned(1))) unaligned_word;

    return *(unaligned_word *)(KERNEL_BASE + BIOS_DATA + offset);
}

/* Ticks since the CPU was reset; only when cpu_features.tsc. */
static inline uint64_t
read_tsc(void)
{
    uint64_t ticks;

    __asm__ volatile("rdtsc" : "=A"(ticks));
    return ticks;
}

#endif
