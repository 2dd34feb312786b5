/* testing.h - what the tests of the allocators share. */
#ifndef OCTAVO_TESTING_H
#define OCTAVO_TESTING_H

#include "ktest.h"
#include "mm.h"
#include "pmm.h"
#include "reclaim.h"

/* Writes bytes that depend on `seed` and on the place. */
static inline void
fill_pattern(void *memory, size_t size, uint32_t seed)
{
    uint8_t *bytes = memory;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(seed * 31 + i + (i >> 8));
}

static inline bool
has_pattern(const void *memory, size_t size, uint32_t seed)
{
    const uint8_t *bytes = memory;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (uint8_t)(seed * 31 + i + (i >> 8)))
            return false;
    return true;
}

static inline bool
is_filled(const void *memory, size_t size, uint8_t value)
{
    const uint8_t *bytes = memory;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

/* A random number below `bound` (at most 65536), without a division. */
static inline uint32_t
random_below(uint32_t *state, uint32_t bound)
{
    return (ktest_random(state) >> 16) * bound >> 16;
}

/* Puts numbers into random order. */
static inline void
shuffle(uint32_t *state, uint16_t *numbers, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = random_below(state, i);
        uint16_t swapped = numbers[i - 1];
        numbers[i - 1] = numbers[j];
        numbers[j] = swapped;
    }
}

/* Frames that are free, with nothing left that a shortage would give back. */
static inline unsigned long
settled_frames(void)
{
    while (reclaim_frames(BLOCK_FRAMES) != 0)
        ;
    mm_drain();
    return pmm_free_frames();
}

/* True when at least `frames` are free, four times over: a test may then use that many. */
static inline bool
can_spare(unsigned long frames)
{
    return pmm_free_frames() / 4 >= frames;
}

#endif
