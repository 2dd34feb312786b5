/* random.c - numbers that programs cannot guess.
 *
 * A pool of 256 bits is stirred by what only chance knows: the date, the CPU's counter of clock
 * ticks and the 8254's count whenever somebody asks or a key comes. What is given out is ChaCha
 * (RFC 8439, 2.3: the quarter round on 16 words, 20 rounds) keyed by the pool; half of each
 * block becomes the new pool, so that what was given out before cannot be computed back.
 *
 *   chance ──► pool (8 words) ──► ChaCha ──┬─► bytes for whoever asked
 *                 ▲                        │
 *                 └────────────────────────┘ first half of each block
 *
 * This is not a certified source: on a machine without a clock, keys or counter nothing is random.
 *
 * Lock: `pool_lock` guards the pool, for one block at a time.
 */
#include <string.h>
#include "clock.h"
#include "cpu.h"
#include "io.h"
#include "platform.h"
#include "random.h"

#define BLOCK_WORDS 16
#define KEY_WORDS   8
#define BLOCK_SIZE  (BLOCK_WORDS * sizeof(uint32_t))
#define ROUNDS      20

static struct spinlock pool_lock = SPINLOCK_INIT;
static uint32_t pool[KEY_WORDS];
static uint32_t blocks; /* given out: no two are keyed alike */

static inline uint32_t
rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

static inline void
quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b;
    *d = rotate(*d ^ *a, 16);
    *c += *d;
    *b = rotate(*b ^ *c, 12);
    *a += *b;
    *d = rotate(*d ^ *a, 8);
    *c += *d;
    *b = rotate(*b ^ *c, 7);
}

/* Two rounds: each column, then each diagonal. */
static void
double_round(uint32_t *x)
{
    for (unsigned i = 0; i < 4; i++)
        quarter_round(&x[i], &x[4 + i], &x[8 + i], &x[12 + i]);
    for (unsigned i = 0; i < 4; i++)
        quarter_round(&x[i], &x[4 + (i + 1) % 4], &x[8 + (i + 2) % 4], &x[12 + (i + 3) % 4]);
}

/* The CPU's counter and the timer's: the closest to chance this machine has. */
static uint32_t
chance(void)
{
    uint32_t nsec, ticks = timer_now(&nsec);
    uint32_t value = rotate(ticks, 16) ^ nsec;

    return cpu_features.tsc ? value ^ (uint32_t)read_tsc() : value;
}

static void
make_block(uint32_t *block)
{
    /* "expand 32-byte k" */
    static const uint32_t constants[] = {0x61707865, 0x3320646E, 0x79622D32, 0x6B206574};
    uint32_t start[BLOCK_WORDS];

    memcpy(start, constants, sizeof(constants));
    memcpy(start + 4, pool, sizeof(pool));
    start[12] = ++blocks;
    start[13] = chance();
    start[14] = clock_seconds();
    start[15] = 0;
    memcpy(block, start, BLOCK_SIZE);
    for (unsigned i = 0; i < ROUNDS; i += 2)
        double_round(block);
    for (unsigned i = 0; i < BLOCK_WORDS; i++)
        block[i] += start[i];
}

void
random_stir(uint32_t value)
{
    unsigned long state = spin_lock(&pool_lock);
    uint32_t at = blocks++ % KEY_WORDS;

    pool[at] = rotate(pool[at], 7) + (value ^ chance());
    spin_unlock(&pool_lock, state);
}

/* The second half of each block is handed out, the first becomes the pool. */
static void
next_half(uint32_t *half)
{
    uint32_t block[BLOCK_WORDS];
    unsigned long state = spin_lock(&pool_lock);

    make_block(block);
    memcpy(pool, block, sizeof(pool));
    spin_unlock(&pool_lock, state);
    memcpy(half, block + KEY_WORDS, sizeof(pool));
}

void
random_bytes(void *at, size_t size)
{
    char *to = at;
    uint32_t half[KEY_WORDS];

    while (size > 0) {
        size_t piece = size < sizeof(half) ? size : sizeof(half);

        next_half(half);
        memcpy(to, half, piece);
        to += piece;
        size -= piece;
    }
}
