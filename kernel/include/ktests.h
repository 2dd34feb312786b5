/* ktests.h - the kernel's own tests and its bench, a second image that the boot loader brings as a
 * module. */
#ifndef OCTAVO_KTESTS_H
#define OCTAVO_KTESTS_H

#include "types.h"

/* Where tests/ktests.ld links them: the file as it is, its bss behind it. */
#define KTESTS_BASE 0xDFC00000u
#define KTESTS_BSS  0xDFE00000u
#define KTESTS_END  0xE0000000u

/* What the tests' ELF entry points to, in the first page of the file. */
struct ktests_image {
    const void *kernel[3]; /* KTESTS_KERNEL, as the linker saw it */
    const void *code_end;  /* up to here read-only */
    const void *bss_end;
    void (*set_seed)(uint32_t seed);
    unsigned (*run)(const char *glob); /* ktest_run */
    bool (*bench)(void);               /* bench_run; NULL in the image for 2 MiB */
};

/* Ends of the kernel's parts, to the byte: another kernel has others. */
#define KTESTS_KERNEL {text_last, rodata_last, bss_last}

/* Runs the tests that match and returns how many failed. Maps the module when it is first called;
 * without the module, or with another kernel's, that counts as one failure. */
unsigned ktests_run(const char *glob);

/* The boot option `bench`: measures and logs. False when it cannot, as without the module. */
bool ktests_bench(void);

/* True for the address of the tests' code. */
bool ktests_code(uintptr_t address);

/* The tests' variables, part by part; false when there are no more. */
bool ktests_variables(unsigned part, const void **from, const void **to);

/* As symbol_find, for functions of the tests. */
const char *ktests_symbol(uintptr_t address, uint32_t *offset);

#endif
