/* mallocs.c - a C library's heap under a random load: malloc, realloc, free, calloc.
 *
 *   mallocs [OPERATIONS]
 *
 * Sizes are mostly small, some of many pages. Every block carries its number and is checked when it
 * changes hands. The sum at the end depends on the sequence alone, not on the heap.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS 600

static struct block {
    uint32_t *words;
    size_t count;
    uint32_t mark;
} blocks[SLOTS];

static uint32_t state = 12345, sum, bad;

static uint32_t
next(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* Words of a new block: one in sixteen is large. */
static size_t
pick_count(void)
{
    uint32_t number = next();

    return number % 16 == 0 ? number / 16 % 40000 + 1 : number / 16 % 200 + 1;
}

static void
mark(struct block *block, size_t from)
{
    for (size_t i = from; i < block->count; i += 64)
        block->words[i] = block->mark;
    block->words[block->count - 1] = block->mark;
}

static void
check(const struct block *block)
{
    bad += block->words[0] != block->mark;
    sum = sum * 31 + block->words[0] + (uint32_t)block->count;
}

static void
step(struct block *block)
{
    size_t count = pick_count();
    uint32_t *words;

    if (block->words == NULL) {
        words = next() % 4 == 0 ? calloc(count, 4) : malloc(count * 4);
        *block = (struct block){words, count, next()};
        mark(block, 0);
    } else if (next() % 3 == 0) {
        check(block);
        words = realloc(block->words, count * 4);
        *block = (struct block){words, count, block->mark};
        bad += words[0] != block->mark;
        mark(block, 0);
    } else {
        check(block);
        free(block->words);
        *block = (struct block){NULL, 0, 0};
    }
}

int
main(int argc, char **argv)
{
    long operations = argc > 1 ? atol(argv[1]) : 20000;

    for (long i = 0; i < operations; i++)
        step(&blocks[next() % SLOTS]);
    printf("%ld operations, sum %08x, %u bad\n", operations, (unsigned)sum, (unsigned)bad);
    return bad != 0;
}
