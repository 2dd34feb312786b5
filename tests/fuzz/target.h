/* target.h - what all fuzz targets have: the call that takes an input, and what they expect. */
#ifndef OCTAVO_FUZZ_TARGET_H
#define OCTAVO_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* 0, or the end of the program when something is wrong. libFuzzer's, and driver.c's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says more than the line, if the target wants to: it is set before this file is included. */
#ifndef EXPECT_TELL
#define EXPECT_TELL() (void)0
#endif

#define EXPECT(expression)                                                                         \
    do {                                                                                           \
        if (!(expression)) {                                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expression);                       \
            EXPECT_TELL();                                                                         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
