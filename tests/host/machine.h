/* machine.h - the made-up machines that the host's tests run on. */
#ifndef OCTAVO_TESTS_MACHINE_H
#define OCTAVO_TESTS_MACHINE_H

#include "platform.h"

#define MACHINE_BYTES (64ul << 20)

struct machine {
    unsigned long base;    /* number of the first frame, a multiple of 1024 */
    unsigned long skipped; /* frames at the start that are not RAM */
    unsigned long high;    /* frames at the end that have no address */
    unsigned long info;    /* frames at the end of the low half: boot info */
    bool high_info;        /* those that have no address: boot info, all of them */
    unsigned early;        /* objects of 1000 bytes that the early heap still holds */
    uint64_t far;          /* where the map has another GiB, out of all reach; 0: nowhere */
};

/* Everything of the machine before is forgotten; the memory is zeros. */
void machine_start(const struct machine *machine);

/* As a program does it: hosted_start. */
void machine_start_plain(unsigned long base);

/* The machine that tests run on unless they start another: 64 MiB from machine_base on. A test that
 * started another one starts this one at its end. */
void machine_start_usual(void);

/* Where machines begin that are not about where they begin: 4096, or a multiple of 1024 that is
 * written here before they start. */
extern unsigned long machine_base;

/* For threads that play CPUs of one space: gives it up, and comes back when all have that `running`
 * counts. Until then who asked before is answered (spin_relax). */
void machine_leave_space(unsigned *running);

/* The early objects of the running machine. */
extern void *machine_early[64];

#endif
