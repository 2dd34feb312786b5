/* range.h - half-open ranges of 64-bit numbers: the one place that does arithmetic on them.
 *
 *     start           end
 *       [##############)        the bytes start, start+1 .. end-1
 *
 * A range may reach the very top of the number line. Its end, 2^64, does not fit in 64 bits and is
 * written as 0, so an end is always compared through the byte before it:
 *
 *     {0x1000, 0x3000}    two pages
 *     {0x1000, 0}         from 0x1000 to 2^64
 *     {0, 0}              everything
 *     {5, 5}, {7, 3}      empty: start >= end and the end is not 2^64
 *
 * Every function is total: any two numbers make a range, and an empty one overlaps, covers and
 * contains nothing (but is covered by everything). Alignments are powers of two.
 */
#ifndef OCTAVO_RANGE_H
#define OCTAVO_RANGE_H

#include "types.h"

struct range {
    uint64_t start;
    uint64_t end;
};

/* The one empty range that the functions below return. */
#define RANGE_EMPTY ((struct range){1, 1})

static inline struct range
range(uint64_t start, uint64_t end)
{
    return (struct range){start, end};
}

/* a + b into *sum. False, and *sum is left alone, when the sum is 2^64 or more. */
static inline MUST_CHECK bool
range_add(uint64_t a, uint64_t b, uint64_t *sum)
{
    if (a > UINT64_MAX - b)
        return false;
    *sum = a + b;
    return true;
}

/* a + b, or 2^64 - 1 when that is too much: for totals. */
static inline uint64_t
range_add_saturated(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static inline bool
range_is_empty(struct range r)
{
    return r.end != 0 && r.start >= r.end;
}

/* The last byte of a range that is not empty. */
static inline uint64_t
range_last(struct range r)
{
    return r.end - 1;
}

/* `length` bytes from `start`; what would pass 2^64 is cut off. */
static inline struct range
range_of_length(uint64_t start, uint64_t length)
{
    if (length == 0)
        return RANGE_EMPTY;
    return range(start, range_add_saturated(start, length - 1) + 1);
}

/* Bytes in the range; one too few, 2^64 - 1, for the range of everything. */
static inline uint64_t
range_size(struct range r)
{
    if (range_is_empty(r))
        return 0;
    return range_add_saturated(range_last(r) - r.start, 1);
}

static inline bool
range_contains(struct range r, uint64_t number)
{
    return !range_is_empty(r) && number >= r.start && number <= range_last(r);
}

/* True when every byte of `inner` lies in `outer`. */
static inline bool
range_covers(struct range outer, struct range inner)
{
    return range_is_empty(inner) ||
           (range_contains(outer, inner.start) && range_contains(outer, range_last(inner)));
}

static inline struct range
range_intersect(struct range a, struct range b)
{
    uint64_t start = a.start > b.start ? a.start : b.start;
    uint64_t last = range_last(a) < range_last(b) ? range_last(a) : range_last(b);

    /* an empty range ends below its own start, so below this one too */
    return start <= last ? range(start, last + 1) : RANGE_EMPTY;
}

static inline bool
range_overlaps(struct range a, struct range b)
{
    return !range_is_empty(range_intersect(a, b));
}

/* The smallest range that covers both. */
static inline struct range
range_union(struct range a, struct range b)
{
    if (range_is_empty(a))
        return range_is_empty(b) ? RANGE_EMPTY : b;
    if (range_is_empty(b))
        return a;
    return range(a.start < b.start ? a.start : b.start,
                 (range_last(a) > range_last(b) ? range_last(a) : range_last(b)) + 1);
}

/* True when b begins exactly where a ends: together they are one range. */
static inline bool
range_meets(struct range a, struct range b)
{
    return !range_is_empty(a) && !range_is_empty(b) && a.end != 0 && a.end == b.start;
}

static inline bool
is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static inline uint64_t
align_down(uint64_t value, uint64_t align)
{
    return value & ~(align - 1);
}

/* The next multiple of `align`, `value` itself if it is one. Past the last multiple the answer is
 * 2^64, which is 0: right for the end of a range, to be checked for anything else. */
static inline uint64_t
align_up(uint64_t value, uint64_t align)
{
    return align_down(value + (align - 1), align);
}

static inline bool
is_aligned(uint64_t value, uint64_t align)
{
    return (value & (align - 1)) == 0;
}

/* The whole `align` blocks inside the range: what may be used of it. */
static inline struct range
range_inward(struct range r, uint64_t align)
{
    uint64_t start = align_up(r.start, align);
    uint64_t end = align_down(r.end, align);

    if (range_is_empty(r) || (start == 0 && r.start != 0) || (end == 0 && r.end != 0))
        return RANGE_EMPTY;
    return range_is_empty(range(start, end)) ? RANGE_EMPTY : range(start, end);
}

/* The `align` blocks that the range touches: what must be kept away from others. */
static inline struct range
range_outward(struct range r, uint64_t align)
{
    if (range_is_empty(r))
        return RANGE_EMPTY;
    return range(align_down(r.start, align), align_down(range_last(r), align) + align);
}

#endif
