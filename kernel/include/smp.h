/* smp.h - all CPUs: who runs, and how one makes another do something.
 *
 *   ipi_send ──► bit in the other's struct cpu ──► interrupt there ──► its handler of that kind
 *                                              └─► or ipi_answer, where it waits interrupts off
 *
 * Bits that are set before the other has looked are one message. Order: what was written before
 * ipi_send is seen by the handler.
 */
#ifndef OCTAVO_SMP_H
#define OCTAVO_SMP_H

#include "types.h"

/* In a set of CPUs bit n is the one with the id n; cpus_online() (platform.h) are those that run.
 * Bits are added at the start, none is taken away. */

/* It runs the kernel from now on. */
void cpu_set_online(unsigned cpu);

/* Looks for other CPUs and starts them, at most what maxcpus= says; the log tells what came of it.
 * Each goes on in sched_run_cpu. Called once, when tasks and devices are there, interrupts on. */
void cpu_start_others(void);

/* ---- messages ---- */

enum ipi {
    IPI_RESCHEDULE, /* the scheduler's: look who is to run */
    IPI_TLB,        /* mm/'s: tlb_answer (tlb.h) */
    IPI_CALL,       /* cpu_call's */
    IPI_PARK,       /* cpus_park's */
    IPI_KINDS
};

/* Once, before others are started. */
void ipi_init(void);

/* What a kind does where it arrives: interrupts are off, the task is any. NULL: nothing. Before
 * cpu_start_others. */
void ipi_register(enum ipi kind, void (*handler)(void));

/* Sends to one CPU, or to those of a set that run; the sender itself gets nothing. Does not wait.
 * From any context. */
void ipi_send(unsigned cpu, enum ipi kind);
void ipi_send_mask(uint32_t cpus, enum ipi kind);

/* Does what others have sent to this CPU. For whoever waits for another CPU with interrupts off, in
 * each turn of the loop: the other may be waiting for him. */
void ipi_answer(void);

/* Calls `function` on each CPU of the set that runs, the caller's included when it is in the set,
 * with interrupts off; returns when all have done it. One that waits for a spinlock does it in
 * between: `function` takes no lock then, for it may hold any (`relaxing` in this_cpu.h). */
void cpu_call(uint32_t cpus, void (*function)(void *arg), void *arg);

/* ---- standing still ---- */

/* Has all other CPUs stand still where no kernel code is under way but sleeping one: on the way to
 * ring 3, or in their idle tasks. Returns when they do; one that does not come to rest for long is
 * named in the log. The caller is a task that holds no spinlock, and does not sleep until it lets
 * them go on. Calls may be nested. */
void cpus_park(void);
/* Lets them go on, when all calls of cpus_park are over. */
void cpus_unpark(void);

extern bool cpus_parking;

/* At those places: stands still for as long as another CPU wants it. */
void cpu_park(void);

static inline void
cpu_park_if_asked(void)
{
    if (UNLIKELY(__atomic_load_n(&cpus_parking, __ATOMIC_RELAXED)))
        cpu_park();
}

/* ---- the end ---- */

/* Stops all other CPUs for good wherever they are, interrupts off or not: panic and power-off.
 * Harmless when called again. */
void cpus_stop(void);

#endif
