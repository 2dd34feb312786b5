/* kasan.h - what KASAN is told of memory, in the build that has it: include/kasan.h says what each
 * means. */
#ifndef OCTAVO_KASAN_H
#define OCTAVO_KASAN_H

#include "types.h"

struct bootmem;

#define KASAN_STACKS     2
#define KASAN_AIDS       "stacks,pages,quarantine"
#define KASAN_TWO_LEVELS true

void kasan_init(struct bootmem *boot);
void kasan_allow(const void *at, size_t size);
void kasan_allow_object(const void *start, const void *at, size_t size, const void *end);
void kasan_forbid_object(const void *at, size_t size);
void kasan_forbid_frames(const void *at, size_t size);
MUST_CHECK bool kasan_vmalloc(const void *at, size_t size, size_t bytes);
void kasan_vfree(const void *at, size_t bytes);

#endif
