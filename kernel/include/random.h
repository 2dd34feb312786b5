/* random.h - numbers that programs cannot guess, as good as this machine allows. */
#ifndef OCTAVO_RANDOM_H
#define OCTAVO_RANDOM_H

#include "types.h"

/* Fills `size` bytes. From any context that may take a few microseconds. */
void random_bytes(void *at, size_t size);

/* Stirs in something that only chance knows: when a key came, the clock's date. */
void random_stir(uint32_t value);

#endif
