/* cpu.h - the processor: its tables, its control registers, what it can do.
 *
 * The floor is a 486. Whatever came later (CPUID itself, PSE, PGE ...) is used only when the CPU
 * says that it has it.
 */
#ifndef OCTAVO_CPU_H
#define OCTAVO_CPU_H

#include "this_cpu.h"
#include "types.h"

#define EFLAGS_ONE 0x2u /* always set */

#define CR0_MP         0x02u /* WAIT obeys TS */
#define CR0_EM         0x04u /* every FPU instruction is a fault */
#define CR0_TS         0x08u /* the same until CLTS: the registers are another task's */
#define CR4_PSE        0x010u
#define CR4_PAE        0x020u
#define CR4_PGE        0x080u
#define CR4_OSFXSR     0x200u
#define CR4_OSXMMEXCPT 0x400u

struct cpu_features {
    bool has_cpuid;
    bool pse;           /* 4 MiB pages */
    bool pge;           /* pages that stay in the TLB when CR3 is loaded */
    bool pae;           /* physical addresses of more than 32 bits */
    bool tsc;           /* a counter of clock ticks */
    bool fpu;           /* as CPUID says; one beside a 486SX shows otherwise */
    bool fxsr;          /* FXSAVE and FXRSTOR */
    bool sse;
    bool apic;          /* a local APIC */
    bool x2apic;        /* one that may be in a mode with ids of 32 bits */
    bool nx;            /* pages from which nothing is executed, in PAE's format */
    uint8_t address_bits; /* of physical addresses, with PAE: 32 to 40 */
    char vendor[13];    /* "" without CPUID */
    uint32_t signature; /* family, model, stepping as CPUID leaf 1 gives them */
};

/* Of the CPU the kernel was started on; valid from cpu_init on. */
extern struct cpu_features cpu_features;

/* Loads the kernel's own GDT, IDT and task register and learns what the CPU can do. The first
 * thing the kernel does in C: from here on an exception is reported. */
void cpu_init(void);

/* Fills the tables of another CPU; `stack` and `fault_stack` are the ends of where it may push when
 * a trap comes from ring 3 and when a double fault does. */
void cpu_prepare(struct cpu *cpu, void *stack, void *fault_stack);

/* Loads them, by that CPU itself, and the IDT, which all have in common. */
void cpu_take(const struct cpu *cpu);

/* True when the local APIC has to be talked to in another way than by memory. */
bool cpu_in_x2apic_mode(void);

/* Points a gate of the IDT at a handler that runs with interrupts off; callable from ring 3 when
 * `user` is set. */
void cpu_set_gate(unsigned vector, void (*entry)(void), bool user);

/* The same, but interrupts stay as they were. */
void cpu_set_trap_gate(unsigned vector, void (*entry)(void), bool user);

/* Where the CPU finds the stack when a trap comes from ring 3. */
static inline void
cpu_set_stack(void *top)
{
    THIS_CPU_WRITE(tss.esp0, (uintptr_t)top);
}

/* Puts a thread's three descriptors into the GDT. What segment registers hold stays as it was until
 * they are loaded again. */
static inline void
cpu_set_tls(const uint64_t *descriptors)
{
    struct cpu *cpu = cpu_self();

    for (unsigned i = 0; i < TLS_SEGMENTS; i++)
        cpu->gdt[TLS_SEGMENT / 8 + i] = descriptors[i];
}

/* Loads CR3, also for what a double fault brings. */
void cpu_set_directory(uint32_t cr3);

/* Stops for good, interrupts off. */
_Noreturn void cpu_halt(void);

static inline uint32_t
read_cr0(void)
{
    uint32_t value;

    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static inline void
write_cr0(uint32_t value)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline uint32_t
read_cr2(void)
{
    uint32_t value;

    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

static inline uint32_t
read_cr3(void)
{
    uint32_t value;

    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static inline void
write_cr3(uint32_t value)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

/* CR4 exists only on a CPU with CPUID. */
static inline uint32_t
read_cr4(void)
{
    uint32_t value;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void
write_cr4(uint32_t value)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline void
invalidate_page(uintptr_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

#endif
