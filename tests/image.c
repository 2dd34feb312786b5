/* image.c - what the kernel looks for in the image of its tests (kernel/ktests.c). */
#include "ktest.h"
#include "ktests.h"
#include "sections.h"

/* tests/kernel/bench.c, which the image for 2 MiB has no room for. */
extern bool bench_run(void) __attribute__((weak));

extern char tests_code_end[], tests_bss_end[];
extern const struct ktests_image ktests_image;

const struct ktests_image ktests_image __attribute__((section(".ktests_image"))) = {
    .kernel = KTESTS_KERNEL,
    .code_end = tests_code_end,
    .bss_end = tests_bss_end,
    .set_seed = ktest_set_seed,
    .run = ktest_run,
    .bench = bench_run,
};
