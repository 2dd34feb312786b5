/* Counting instructions, for the programs of ../bench. */
#pragma once
#include "tap.h"

static inline u64 tsc(void)
{
	u32 lo, hi;
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}

/* t / n, rounded down; the largest figure when that does not fit in 32 bits */
static inline u32 per_op(u64 t, u32 n)
{
	u32 q, r;
	if ((u32)(t >> 32) >= n)
		return 0xffffffff;
	__asm__("divl %4" : "=a"(q), "=d"(r) : "0"((u32)t), "1"((u32)(t >> 32)), "r"(n));
	return q;
}

/* is the operation one of those asked for: all of them, or a beginning of the name? */
static inline int asked_for(const char *only, const char *name)
{
	if (str_eq(only, "all"))
		return 1;
	while (*only && *only == *name)
		only++, name++;
	return !*only;
}
