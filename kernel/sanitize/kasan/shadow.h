/* shadow.h - the shadow memory. Private to KASAN. */
#ifndef OCTAVO_SHADOW_H
#define OCTAVO_SHADOW_H

#include "types.h"

/* One byte of shadow for 8 bytes of the kernel's addresses; the compiler knows the offset too (the
 * Makefile's -fasan-shadow-offset). */
#define SHADOW_SCALE  3
#define SHADOW_OFFSET 0xD0000000u
#define SHADOW_START  0xE8000000u
#define SHADOW_END    0xF0000000u

/* What a byte of shadow says: 0, all 8 bytes may be used; 1 to 7, so many of the first; else none,
 * and why. The compiler writes those of stacks. */
enum {
    SHADOW_STACK_LEFT = 0xF1,
    SHADOW_STACK_MIDDLE = 0xF2,
    SHADOW_STACK_RIGHT = 0xF3,
    SHADOW_SCOPE = 0xF8,
    SHADOW_GLOBAL = 0xF9,
    SHADOW_RED_ZONE = 0xFA, /* of the heap */
    SHADOW_FREED = 0xFB,    /* an object */
    SHADOW_VMALLOC = 0xFD,
    SHADOW_FREE_FRAME = 0xFF,
};

static inline uint8_t *
shadow_of(uintptr_t address)
{
    return (uint8_t *)((address >> SHADOW_SCALE) + SHADOW_OFFSET);
}

/* A variable with a red zone behind it, as the compiler lays it out. */
struct global {
    uintptr_t at;
    size_t size, size_with_red_zone;
    const char *name, *file;
    uintptr_t has_constructor;
    const struct {
        const char *file;
        uint32_t line, column;
    } *location;
    uintptr_t indicator;
};

/* The variable whose red zone `address` lies in; NULL: none. */
const struct global *kasan_find_global(uintptr_t address);

/* False until the shadow is there, and while a report is printed. */
extern bool kasan_on;

/* [at, at + size) becomes `why`; both multiples of 8. */
void shadow_set(uintptr_t at, size_t size, uint8_t why);
/* The first `size` bytes at `at` (a multiple of 8) may be used. */
void shadow_allow(uintptr_t at, size_t size);

/* An access that the shadow forbids: reports it and ends the kernel. `bad` is the first byte. */
_Noreturn void kasan_report(uintptr_t at, size_t size, bool write, uintptr_t bad,
                            const void *caller);

#endif
