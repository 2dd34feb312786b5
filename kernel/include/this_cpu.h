/* this_cpu.h - what each CPU has to itself, and how code finds that of the CPU it runs on.
 *
 *   %fs ──► GDT entry CPU_SEGMENT ──► struct cpu { task, id, self, memory, TSSs, GDT }
 *
 * Each CPU has a GDT of its own, in its struct cpu, with one entry whose base is that struct: every
 * way into the kernel loads %fs with it (frame.inc), so a member is one instruction away. Programs
 * have %fs to themselves; it is in their frames meanwhile. %gs stays the program's.
 *
 * Whoever may be moved to another CPU must not keep what he read here: kernel code is moved only
 * where it sleeps or yields. The running task alone is the same for its own code, wherever it runs.
 */
#ifndef OCTAVO_THIS_CPU_H
#define OCTAVO_THIS_CPU_H

#include "types.h"

/* The most CPUs that one kernel drives. */
#define CPU_MAX 8

/* Selectors of the GDT. */
#define KERNEL_CODE      0x08
#define KERNEL_DATA      0x10
#define USER_CODE        0x1B
#define USER_DATA        0x23
#define TASK_SEGMENT     0x28
#define TLS_SEGMENT      0x33 /* the first of three that each thread fills for itself */
#define DOUBLE_FAULT_TSS 0x48
#define CPU_SEGMENT      0x50
#define GDT_ENTRIES      (CPU_SEGMENT / 8 + 1)

#define TLS_SEGMENTS 3

/* Words of each CPU that mm/ wants to reach in one instruction. */
#define CPU_QUICK_WORDS 132

/* Intel SDM volume 3, 8.2.1: the 32-bit task state segment. */
struct tss {
    uint16_t link, link_zero;
    uint32_t esp0;
    uint16_t ss0, ss0_zero;
    uint32_t esp1;
    uint16_t ss1, ss1_zero;
    uint32_t esp2;
    uint16_t ss2, ss2_zero;
    uint32_t cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint16_t es, es_zero, cs, cs_zero, ss, ss_zero, ds, ds_zero, fs, fs_zero, gs, gs_zero;
    uint16_t ldt, ldt_zero, trap, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "the CPU defines the layout of a TSS");

struct cpu {
    struct task *task;     /* the one that runs here. At offset 0: assembly */
    unsigned id;           /* 0: the CPU that the kernel was started on */
    struct cpu *self;
    struct mm_cpu *memory; /* mm/'s part: cpu_memory in platform.h */
    struct run_queue *queue; /* who is ready to run here (sched.h) */
    const struct task *fpu_owner; /* whose values are in the FPU's registers; NULL: nobody's */
    uint32_t fpu_locked;   /* CR0.TS is set */
    const struct trap_frame *interrupted; /* by the interrupt that is being handled */
    uint32_t relaxing;     /* it answers while it waits for a spinlock, and may hold others */
    uint32_t sent;         /* messages that wait, a bit for each kind: smp.h; atomic */
    unsigned apic_id;      /* what the hardware calls it */
    uint32_t progress;     /* of its start (start_cpus.c); atomic */
    struct tss tss;        /* where the stack for traps from ring 3 is; what a double fault hit */
    struct tss double_fault_tss;
    uint64_t gdt[GDT_ENTRIES];
    bool objects_busy;     /* mm/ works on this CPU's objects: objects_claim in platform.h */
    unsigned long quick[CPU_QUICK_WORDS] __attribute__((aligned(16))); /* mm/'s: cpu_quick there */
};
_Static_assert(offsetof(struct cpu, task) == 0, "frame.inc knows it");

/* CPUs that run. */
extern unsigned cpus_running;

static inline unsigned
cpu_count(void)
{
    return cpus_running;
}

/* All there are, by their ids; NULL: there is none. */
extern struct cpu *cpu_by_id[CPU_MAX];

/* Reads and writes one word of this CPU's struct. */
#define THIS_CPU_READ(member)                                                                      \
    ({                                                                                             \
        __typeof__(((struct cpu *)0)->member) value_;                                              \
        _Static_assert(sizeof(value_) == 4, "one word");                                           \
        __asm__ volatile("movl %%fs:%c1, %0" : "=r"(value_) : "i"(offsetof(struct cpu, member)));  \
        value_;                                                                                    \
    })

#define THIS_CPU_WRITE(member, value)                                                              \
    do {                                                                                           \
        __typeof__(((struct cpu *)0)->member) value_ = (value);                                    \
        _Static_assert(sizeof(value_) == 4, "one word");                                           \
        __asm__ volatile("movl %0, %%fs:%c1"                                                       \
                         :                                                                         \
                         : "ri"(value_), "i"(offsetof(struct cpu, member))                         \
                         : "memory");                                                              \
    } while (0)

static inline struct cpu *
cpu_self(void)
{
    return THIS_CPU_READ(self);
}

/* 0 .. CPU_MAX-1. */
static inline unsigned
cpu_current(void)
{
    return THIS_CPU_READ(id);
}

/* The task that runs; never NULL. For its own code it never changes, so the compiler may remember
 * it. */
static inline struct task *
task_current(void)
{
    struct task *task;

    __asm__("movl %%fs:%c1, %0" : "=r"(task) : "i"(offsetof(struct cpu, task)));
    return task;
}

#endif
