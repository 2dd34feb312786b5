/* image.c - what the kernel looks for in the image of its tests (kernel/ktests.c). */
#include "ktest.h"
#include "ktests.h"
#include "sections.h"

extern char tests_code_end[], tests_bss_end[];
extern const struct ktests_image ktests_image;

const struct ktests_image ktests_image __attribute__((section(".ktests_image"))) = {
    .kernel = KTESTS_KERNEL,
    .code_end = tests_code_end,
    .bss_end = tests_bss_end,
    .set_seed = ktest_set_seed,
    .run = ktest_run,
};
