/* memtest.c - patterns over free memory.
 *
 *   pattern              word i of frame f                 finds
 *   address              its own address                   address lines
 *   walking ones         one bit of 32, another next door  data lines, shorts between them
 *   random               a hash of seed, f and i           everything else that depends on what is
 *                                                          in the neighbourhood
 *   moving inversions    zeros up, ones down, zeros up     cells that follow a neighbour that changes
 *
 * Each of the first three is written over the whole chunk before any of it is read, then once more
 * with every bit inverted. Between writing and reading the CPU's caches are emptied: it is the
 * memory that is tested.
 *
 * Cost: about 90 instructions a word.
 */
#include "memtest.h"
#include "page.h"
#include "mm_private.h"

#define WORDS (PAGE_SIZE / sizeof(uint32_t))

struct memtest_fault memtest_fault;

/* A chunk under test: frames [first, first + count). */
struct chunk {
    pfn_t first;
    unsigned count;
    uint64_t bad; /* bit i: frame i is bad */
    struct printer *out;
};
_Static_assert(MEMTEST_FRAMES <= 64, "a bit for each frame");

/* ---- patterns ---- */

enum pattern { ADDRESS, WALKING_ONES, RANDOM, PATTERNS };

static inline uint32_t
word_of(const struct memtest *test, enum pattern pattern, pfn_t frame, unsigned i)
{
    uint32_t number = (uint32_t)(frame.n * WORDS + i);

    switch (pattern) {
    case ADDRESS:
        return (number << 2) ^ (uint32_t)(frame.n >> 20);
    case WALKING_ONES:
        return 1u << ((i + test->pass) & 31);
    default:
        number = (number + test->seed) * 0x9E3779B1u;
        return number ^ number >> 15;
    }
}

/* The frame that is to fail a test of the test does so. */
static void
stick(pfn_t frame, uint32_t *words)
{
    if (memtest_fault.at != 0 && frame.n == paddr_to_pfn(memtest_fault.at).n)
        words[(memtest_fault.at & PAGE_MASK) / sizeof(*words)] |= memtest_fault.mask;
}

/* ---- reading back ---- */

/* Only the first wrong word of a frame is told. */
static void
complain(struct chunk *chunk, pfn_t frame, const uint32_t *at, uint32_t wanted, uint32_t got)
{
    uint64_t bit = (uint64_t)1 << (frame.n - chunk->first.n);

    if (!(chunk->bad & bit))
        print(chunk->out, "memtest: 0x%08llx: wrote %08x, read %08x\n",
              (unsigned long long)(pfn_to_paddr(frame) + ((uintptr_t)at & PAGE_MASK)),
              (unsigned)wanted, (unsigned)got);
    chunk->bad |= bit;
}

static inline void
expect(struct chunk *chunk, pfn_t frame, const volatile uint32_t *at, uint32_t wanted)
{
    uint32_t got = *at;

    if (UNLIKELY(got != wanted))
        complain(chunk, frame, (const uint32_t *)at, wanted, got);
}

/* ---- passes over a chunk ---- */

static inline void
write_pattern(const struct memtest *test, const struct chunk *chunk, enum pattern pattern,
              uint32_t invert)
{
    for (pfn_t frame = chunk->first; frame.n < chunk->first.n + chunk->count; frame.n++) {
        uint32_t *words = frame_map(frame);

        for (unsigned i = 0; i < WORDS; i++)
            words[i] = word_of(test, pattern, frame, i) ^ invert;
        stick(frame, words);
        frame_unmap(frame, words);
    }
}

static inline void
read_pattern(const struct memtest *test, struct chunk *chunk, enum pattern pattern,
             uint32_t invert)
{
    for (pfn_t frame = chunk->first; frame.n < chunk->first.n + chunk->count; frame.n++) {
        uint32_t *words = frame_map(frame);

        for (unsigned i = 0; i < WORDS; i++)
            expect(chunk, frame, &words[i], word_of(test, pattern, frame, i) ^ invert);
        frame_unmap(frame, words);
    }
}

static inline void
run_pattern(const struct memtest *test, struct chunk *chunk, enum pattern pattern)
{
    for (unsigned inverted = 0; inverted < 2; inverted++) {
        uint32_t invert = inverted ? ~(uint32_t)0 : 0;

        write_pattern(test, chunk, pattern, invert);
        cache_flush();
        read_pattern(test, chunk, pattern, invert);
    }
}

/* Reads `old` and writes `new` at once, word by word, up or down. */
static void
move(struct chunk *chunk, uint32_t old, uint32_t new, bool down)
{
    for (unsigned n = 0; n < chunk->count; n++) {
        pfn_t frame = pfn(chunk->first.n + (down ? chunk->count - 1 - n : n));
        uint32_t *words = frame_map(frame);

        for (unsigned i = 0; i < WORDS; i++) {
            uint32_t *at = &words[down ? WORDS - 1 - i : i];

            expect(chunk, frame, at, old);
            *(volatile uint32_t *)at = new;
        }
        stick(frame, words);
        frame_unmap(frame, words);
    }
    cache_flush();
}

static void
run_inversions(struct chunk *chunk)
{
    for (pfn_t frame = chunk->first; frame.n < chunk->first.n + chunk->count; frame.n++) {
        uint32_t *words = frame_map(frame);

        for (unsigned i = 0; i < WORDS; i++)
            words[i] = 0;
        stick(frame, words);
        frame_unmap(frame, words);
    }
    cache_flush();
    move(chunk, 0, ~(uint32_t)0, false);
    move(chunk, ~(uint32_t)0, 0, true);
    move(chunk, 0, 0, false);
}

/* ---- steps ---- */

pfn_t
memtest_end(void)
{
    return pfn(FRAME_BASE + ((unsigned long)mm_block_count << MAX_ORDER));
}

bool
memtest_step(struct memtest *test, struct printer *out)
{
    struct chunk chunk = {.first = test->next, .out = out};

    if (test->next.n == 0)
        pmm_drain_all();
    chunk.count = (unsigned)pmm_take_free(&chunk.first, MEMTEST_FRAMES);
    if (chunk.count == 0) {
        test->next = memtest_end();
        pmm_drain_all();
        return false;
    }
    run_pattern(test, &chunk, ADDRESS);
    run_pattern(test, &chunk, WALKING_ONES);
    run_pattern(test, &chunk, RANDOM);
    run_inversions(&chunk);
    for (unsigned i = 0; i < chunk.count; i++) {
        pfn_t frame = pfn(chunk.first.n + i);

        if (chunk.bad >> i & 1) {
            pmm_retire(frame);
            test->bad++;
        } else {
            pmm_free_page(pfn_to_paddr(frame));
        }
    }
    test->tested += chunk.count;
    test->next = pfn(chunk.first.n + chunk.count);
    return true;
}
