/* memtest.h - tests the memory that nobody uses, and takes what is bad out of service.
 *
 *   struct memtest test = MEMTEST_START(seed);
 *   while (memtest_step(&test, printer))
 *       ... test.next, test.tested, test.bad say how far it is
 *
 * A step takes one free chunk, at most MEMTEST_FRAMES long, runs all patterns over it and gives it
 * back; frames that did not keep what was written stay behind, owned by FRAME_BAD. Others may use
 * the machine between steps. High memory is tested too.
 */
#ifndef OCTAVO_MEMTEST_H
#define OCTAVO_MEMTEST_H

#include "frame.h"
#include "printer.h"

#define MEMTEST_FRAMES 64u

struct memtest {
    pfn_t next;           /* all free frames below it have been tested */
    uint32_t seed;        /* of the random pattern */
    unsigned pass;        /* moves the walking ones on */
    unsigned long tested; /* frames */
    unsigned long bad;    /* frames taken out of service */
};

#define MEMTEST_START(number)                                                                      \
    {                                                                                              \
        .seed = (number)                                                                           \
    }

/* Tests the next free chunk; prints a line for each bad frame: its address, what was written and
 * what was read. False when there is none behind those tested. Not from interrupts. */
bool memtest_step(struct memtest *test, struct printer *out);

/* The first frame behind all memory: where `next` is going. */
pfn_t memtest_end(void);

/* For tests of the test: bits `mask` of the word at `at` (0: nowhere) read as ones. */
struct memtest_fault {
    paddr_t at;
    uint32_t mask;
};
extern struct memtest_fault memtest_fault;

#endif
