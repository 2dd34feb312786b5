/* types.h - the scalar types every room shares.
 *
 * Frame numbers, physical addresses and pointers never mix: pfn_t is a one-field struct, paddr_t a
 * 64-bit scalar on every machine (a 32-bit PC may hold 64 GiB), and pointers are pointers.
 */
#ifndef OCTAVO_TYPES_H
#define OCTAVO_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  ((size_t)1 << PAGE_SHIFT)
#define PAGE_MASK  (PAGE_SIZE - 1)

/* A physical address in bytes. 0 means "no memory": frame 0 is never handed out. */
typedef uint64_t paddr_t;

/* The number of a 4 KiB frame of physical memory (paddr >> PAGE_SHIFT). */
typedef struct {
    unsigned long n;
} pfn_t;

static inline pfn_t
pfn(unsigned long n)
{
    return (pfn_t){n};
}

static inline pfn_t
paddr_to_pfn(paddr_t address)
{
    return (pfn_t){(unsigned long)(address >> PAGE_SHIFT)};
}

static inline paddr_t
pfn_to_paddr(pfn_t frame)
{
    return (paddr_t)frame.n << PAGE_SHIFT;
}

#define ARRAY_LENGTH(a)   (sizeof(a) / sizeof((a)[0]))
#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define LIKELY(x)         __builtin_expect(!!(x), 1)
#define UNLIKELY(x)       __builtin_expect(!!(x), 0)

#endif
