/* programs.h - tiny programs for tests of the kernel: machine code that is copied into a space of
 * its own and run in ring 3. They need no file and no libc.
 *
 *   PROGRAM(answer, "mov $42, %ebx; mov $1, %eax; int $0x80")
 *   CHECK_EQ(run_program(PROGRAM_OF(answer)), 42 << 8);
 *
 * Code lies at PROGRAM_CODE, a page of data at PROGRAM_DATA, the stack below PROGRAM_STACK. A
 * program is position dependent only if it says so.
 */
#ifndef OCTAVO_TEST_PROGRAMS_H
#define OCTAVO_TEST_PROGRAMS_H

#include "space.h"
#include "task.h"

#define PROGRAM_CODE  0x00100000u
#define PROGRAM_DATA  0x00200000u
#define PROGRAM_STACK 0x00310000u
#define PROGRAM_STACK_PAGES 4

struct program {
    const char *start, *end;
};

#define PROGRAM(name, code)                                                                        \
    extern const char program_##name##_start[], program_##name##_end[];                            \
    __asm__(".pushsection .rodata\n"                                                               \
            "program_" #name "_start:\n" code "\nprogram_" #name "_end:\n.popsection")

#define PROGRAM_OF(name)                                                                           \
    ((struct program){program_##name##_start, program_##name##_end})

/* A space with the program in it; NULL when out of memory. */
struct address_space *program_space(struct program program);

/* Starts it as a child of process 0: its pid, or -errno. Another CPU may run it at once: what it is
 * to have before is done by `prepare`, unless that is NULL. */
int start_program(struct program program, void (*prepare)(struct process *process));

/* Runs it to its end: the status as wait4 gives it. */
int run_program(struct program program);

#endif
