/* bits.h - what the compiler would call a library for on a 486. */
#ifndef OCTAVO_BITS_H
#define OCTAVO_BITS_H

#include "types.h"

/* The rare half of a function. It takes its arguments in registers, so that the common half, which
 * jumps there at its end, needs no stack. */
#ifdef __i386__
#define SLOW_PATH __attribute__((noinline, regparm(3)))
#else
#define SLOW_PATH __attribute__((noinline))
#endif

/* One that names who asked: jumped to, it returns to where its caller was called from, and that is
 * its __builtin_return_address(0). With a sanitizer the compiler calls where it could jump: then it
 * is a part of its caller. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JUMPED_TO inline __attribute__((always_inline))
#else
#define JUMPED_TO SLOW_PATH
#endif

/* A function that begins with a line of the cache. Where the shortest ones lie, which else changes
 * with every other change, is up to a sixth of their time. */
#define OWN_LINE __attribute__((aligned(64)))

/* Sets a bit, its number taken modulo the word's width; true when it was set before. */
static inline bool
set_bit(unsigned long *word, unsigned long bit)
{
    bool was;
    __asm__("bts %2, %0" : "+r"(*word), "=@ccc"(was) : "r"(bit));
    return was;
}

/* What assembly appends to an instruction that works on a word. (GCC would do it by %z; clang knows
 * no such thing.) */
#if __SIZEOF_LONG__ == 8
#define WORD_SUFFIX "q"
#else
#define WORD_SUFFIX "l"
#endif

/* One store of a word that others may read at the same time. The compiler keeps atomic stores apart
 * from the address they need; this one it can join with it. */
static inline void
store_word(unsigned long *at, unsigned long value)
{
    __asm__ volatile("mov %1, %0" : "=m"(*at) : "r"(value));
}

/* A byte as a word, in one instruction: for a 486 the compiler takes two or three. */
static inline unsigned long
load_byte(const uint8_t *at)
{
    unsigned long word;
    __asm__ volatile("movzb" WORD_SUFFIX " %1, %0" : "=r"(word) : "m"(*at));
    return word;
}

/* The number of a word's lowest bit; there is one. (The compiler's own clears the register before
 * and extends it after.) */
static inline unsigned long
lowest_bit(unsigned long word)
{
    unsigned long bit;
    __asm__("rep; bsf %1, %0" : "=r"(bit) : "r"(word) : "cc");
    return bit;
}

/* Bits set in a word, by adding neighbours in ever wider fields. */
static inline unsigned
count_bits(unsigned long word)
{
    unsigned count = 0;
    for (; word; word >>= 16) {
        uint32_t half = word & 0xffff;
        half = half - (half >> 1 & 0x5555);
        half = (half & 0x3333) + (half >> 2 & 0x3333);
        half = (half + (half >> 4)) & 0x0f0f;
        count += (half + (half >> 8)) & 0x1f;
    }
    return count;
}

/* The smallest k with 1 << k >= count; count is at least 1. */
static inline unsigned
log2_up(unsigned long count)
{
    return count == 1 ? 0 : (unsigned)(8 * sizeof(count)) - (unsigned)__builtin_clzl(count - 1);
}

#endif
