/* test_interrupts.c - the allocators in an interrupt that comes while they are at work.
 *
 *   main line    kmalloc ── kfree ── kmem_cache_free ── mm_drain ── ...
 *                     ▲          ▲              ▲
 *   interrupt 8       └ allocates and frees, some thousand times a second
 *
 * The clock's periodic interrupt comes at no time in particular. Its handler holds some objects and
 * frames across interrupts, so that what it frees belongs to slabs that the main line is changing.
 */
#include "io.h"
#include "ktest.h"
#include "kmalloc.h"
#include "mm.h"
#include "pic.h"
#include "pmm.h"
#include "slab.h"
#include "timer.h"

#define CLOCK_IRQ    8
#define CLOCK_INDEX  0x70
#define CLOCK_DATA   0x71
#define CLOCK_A      0x0A /* low 4 bits: the rate */
#define CLOCK_B      0x0B
#define CLOCK_C      0x0C /* reading it allows the next interrupt */
#define B_PERIODIC   0x40
#define RATE_4096_HZ 4
#define WANTED       800
#define SECONDS      3

static struct kmem_cache *cache;
static void *held[16];
static paddr_t frames[8];
static volatile unsigned calls, refused, failures;

static uint8_t
clock_read(uint8_t index)
{
    outb(CLOCK_INDEX, index);
    return inb(CLOCK_DATA);
}

static void
clock_write(uint8_t index, uint8_t value)
{
    outb(CLOCK_INDEX, index);
    outb(CLOCK_DATA, value);
}

/* Starts the interrupt; returns the clock's two registers as they were. */
static unsigned
clock_start(void)
{
    unsigned long state = interrupts_disable();
    unsigned before = clock_read(CLOCK_A) << 8 | clock_read(CLOCK_B);
    clock_write(CLOCK_A, (uint8_t)((before >> 8 & 0xF0) | RATE_4096_HZ));
    clock_write(CLOCK_B, (uint8_t)(before | B_PERIODIC));
    clock_read(CLOCK_C);
    interrupts_restore(state);
    return before;
}

static void
clock_stop(unsigned before)
{
    unsigned long state = interrupts_disable();
    clock_write(CLOCK_A, (uint8_t)(before >> 8));
    clock_write(CLOCK_B, (uint8_t)(before & ~B_PERIODIC));
    clock_read(CLOCK_C);
    interrupts_restore(state);
}

/* Frees what an earlier interrupt left in a place, and leaves something new there. */
static void
on_clock(unsigned irq)
{
    unsigned i = calls % 16, size = 16 + calls * 37 % 2000;
    (void)irq;
    clock_read(CLOCK_C);
    calls++;
    kfree(held[i]);
    held[i] = i % 2 ? kmalloc(size) : kmem_cache_alloc(cache);
    if (held[i])
        *(unsigned *)held[i] = i;
    else
        refused++;
    if (frames[i % 8])
        pmm_free_page(frames[i % 8]);
    frames[i % 8] = pmm_alloc_page();
}

/* One round of the main line: whatever it writes must stay. */
static void
work(unsigned round)
{
    unsigned *objects[24];
    for (unsigned i = 0; i < 24; i++) {
        objects[i] = i % 3 ? kmalloc(16 + (round + i) * 53 % 3000) : kmem_cache_alloc(cache);
        if (objects[i])
            *objects[i] = 0x12340000 + i;
    }
    paddr_t run = pmm_alloc_pages(3);
    for (unsigned i = 0; i < 24; i++) {
        failures += !objects[i] || *objects[i] != 0x12340000 + i;
        kfree(objects[i]);
    }
    if (run)
        pmm_free_pages(run, 3);
    if (round % 4 == 0)
        mm_drain();
    if (round % 4 == 1)
        kmem_cache_reap(cache);
    if (round % 4 == 2) {
        struct kmem_cache *other = kmem_cache_create("beside", 300, 0, 0, NULL);
        failures += !other || !kmem_cache_destroy(other);
    }
}

static void
free_held(void)
{
    for (unsigned i = 0; i < 16; i++) {
        kfree(held[i]);
        held[i] = NULL;
    }
    for (unsigned i = 0; i < 8; i++) {
        if (frames[i])
            pmm_free_page(frames[i]);
        frames[i] = 0;
    }
}

KTEST(interrupts, allocators)
{
    unsigned rounds = 0;
    cache = kmem_cache_create("interrupts", 200, 0, 0, NULL);
    CHECK(cache);
    mm_drain();
    unsigned long before = pmm_free_frames();
    calls = refused = failures = 0;
    pic_set_handler(CLOCK_IRQ, on_clock);
    unsigned clock = clock_start(), start = timer_ticks();
    while (calls < WANTED && timer_ticks() - start < SECONDS * TIMER_HZ)
        work(rounds++);
    clock_stop(clock);
    free_held();
    mm_drain();
    CHECK_EQ(failures, 0);
    CHECK(mm_check());
    CHECK_EQ(pmm_free_frames(), before);
    CHECK(kmem_cache_destroy(cache));
    if (calls < WANTED)
        SKIP("the clock gives too few interrupts");
    CHECK(refused < calls);
}
