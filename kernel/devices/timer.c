/* timer.c - the 8254 interval timer.
 *
 * Theory (Intel 8254 data sheet): channel 0 divides 1 193 182 Hz. In mode 2 it counts from the
 * divisor down to 1 and raises interrupt 0 each time round. A latch command freezes the count, low
 * byte and high byte are then read in turn, so time within a tick is known to 0.84 us.
 *
 *     count  11932 ... 1 | 11932 ... 1 | ...      one round = 10 ms = one tick
 *
 * A delay adds up the steps between successive readings, so it needs neither interrupts nor
 * calibration.
 *
 * Lock: `counter_lock`, for a reading: the latch, its two bytes, and what the last one was. Nothing
 * is taken under it. The tick comes to one CPU and alone changes `ticks`.
 */
#include "timer.h"
#include "io.h"
#include "pic.h"
#include "platform.h"

#define PIT_HZ    1193182u
#define DIVISOR   ((PIT_HZ + TIMER_HZ / 2) / TIMER_HZ)
#define CHANNEL_0 0x40
#define COMMAND   0x43
#define MODE_2    0x34 /* channel 0, low byte then high byte */
#define LATCH     0x00 /* of channel 0 */
#define TIMER_IRQ 0

/* A reading takes a microsecond and more, a count 0.84 of one. */
#define STUCK_READINGS 1000

_Static_assert(DIVISOR <= 65536, "the counter has 16 bits");

static struct spinlock counter_lock = SPINLOCK_INIT;
static volatile uint32_t ticks;
static bool running;
static void (*on_tick)(void);

static void
start(void)
{
    outb(COMMAND, MODE_2);
    outb(CHANNEL_0, DIVISOR & 0xFF);
    outb(CHANNEL_0, DIVISOR >> 8);
    running = true;
}

static void
tick(unsigned irq)
{
    (void)irq;
    ticks++;
    if (on_tick != NULL)
        on_tick();
}

void
timer_on_tick(void (*call)(void))
{
    on_tick = call;
}

void
timer_init(void)
{
    start();
    pic_set_handler(TIMER_IRQ, tick);
}

uint32_t
timer_ticks(void)
{
    return ticks;
}

/* With the lock held. */
static unsigned
latch_count(void)
{
    unsigned low, high;

    outb(COMMAND, LATCH);
    low = inb(CHANNEL_0);
    high = inb(CHANNEL_0);
    return high << 8 | low;
}

static unsigned
read_count(void)
{
    unsigned long state = spin_lock(&counter_lock);
    unsigned count = latch_count();

    spin_unlock(&counter_lock, state);
    return count;
}

/* The count may have gone round, even several times, while the first CPU has not taken the
 * interrupt: time would seem to go back then. So what was said last is a bound, and a count that is
 * less than the last one begins another tick. */
uint32_t
timer_now(uint32_t *nanoseconds)
{
    static uint32_t last_ticks, last_passed;
    unsigned long state = spin_lock(&counter_lock);
    uint32_t now, passed;

    do {
        now = ticks;
        passed = DIVISOR - latch_count();
    } while (now != ticks); /* another CPU has the tick */
    if (passed >= DIVISOR)
        passed = DIVISOR - 1; /* no timer, or one that counts to 0 */
    if ((int32_t)(now - last_ticks) <= 0)
        now = last_ticks + (passed < last_passed);
    last_ticks = now;
    last_passed = passed;
    spin_unlock(&counter_lock, state);
    *nanoseconds = passed * 838 + passed * 95 / 1000; /* 838.095 a count */
    return now;
}

void
timer_take_over(void)
{
    counter_lock = (struct spinlock)SPINLOCK_INIT;
}

/* A machine without the timer always reads the same; then the delays of the bus have to do. */
void
timer_delay(unsigned microseconds)
{
    unsigned long left = microseconds + microseconds / 5 + 1; /* 1.2 counts a microsecond */
    unsigned before, same = 0;

    if (!running)
        start();
    before = read_count();
    while (same < STUCK_READINGS) {
        unsigned now = read_count();
        unsigned passed = before >= now ? before - now : before + DIVISOR - now;

        if (passed >= left)
            return;
        left -= passed;
        same = passed ? 0 : same + 1;
        before = now;
    }
    for (unsigned i = 0; i < microseconds; i++)
        io_delay();
}
