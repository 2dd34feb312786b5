/* clock.c - what time it is.
 *
 * The machine's own time counts from the start of the timer: whole ticks, and within a tick what
 * the 8254 has counted (timer.c). The wall's time is that plus an offset, which comes once from the
 * battery-backed clock of the PC:
 *
 *   CMOS (MC146818) ──► seconds since 1970 ──► wall = offset + monotonic
 *
 * The chip gives its registers one by one and may change them in between; it says beforehand when
 * it is about to (register A, bit 7), and two equal readings in a row are believed. It has binary
 * or BCD numbers and 24 or 12 hours, as register B says. What century it is few chips know; years
 * below 70 are taken for 20xx.
 *
 * Lock: `offset_lock`, for the offset's two words; nothing is taken under it.
 */
#include <string.h>
#include "clock.h"
#include "date.h"
#include "io.h"
#include "platform.h"
#include "task.h"
#include "uapi/errno.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

enum { REGISTER_A = 10, REGISTER_B = 11 };

#define A_UPDATING 0x80
#define B_BINARY   0x04
#define B_24_HOURS 0x02
#define HOURS_PM   0x80

#define READINGS 100

static struct spinlock offset_lock = SPINLOCK_INIT;
static struct timespec64 offset; /* wall - monotonic */

/* ---- the chip ---- */

static unsigned
cmos(unsigned index)
{
    outb(CMOS_INDEX, (uint8_t)index);
    return inb(CMOS_DATA);
}

static void
read_registers(struct date *date)
{
    for (unsigned i = 0; i < 10000 && cmos(REGISTER_A) & A_UPDATING; i++)
        io_delay();
    *date = (struct date){cmos(0), cmos(2), cmos(4), cmos(7), cmos(8), cmos(9)};
}

static unsigned
from_bcd(unsigned value)
{
    return (value >> 4) * 10 + (value & 0xF);
}

static void
decode(struct date *date)
{
    unsigned mode = cmos(REGISTER_B);
    unsigned pm = mode & B_24_HOURS ? 0 : date->hour & HOURS_PM;

    date->hour &= ~pm;
    if (!(mode & B_BINARY)) {
        date->second = from_bcd(date->second);
        date->minute = from_bcd(date->minute);
        date->hour = from_bcd(date->hour);
        date->day = from_bcd(date->day);
        date->month = from_bcd(date->month);
        date->year = from_bcd(date->year);
    }
    if (!(mode & B_24_HOURS))
        date->hour = date->hour % 12 + (pm ? 12 : 0);
    date->year += date->year < 70 ? 2000 : 1900;
}

/* Seconds since 1970 by the chip; 0 when it tells no date. */
static uint32_t
read_chip(void)
{
    struct date date, before;

    read_registers(&date);
    for (unsigned i = 0; i < READINGS; i++) {
        before = date;
        read_registers(&date);
        if (memcmp(&before, &date, sizeof(date)) == 0)
            break;
    }
    decode(&date);
    return date_is_valid(&date) ? date_seconds(&date) : 0;
}

/* ---- clocks ---- */

static struct timespec64
add(struct timespec64 a, const struct timespec64 *b)
{
    a.sec += b->sec;
    a.nsec += b->nsec;
    if (a.nsec >= (int32_t)NSEC_PER_SEC) {
        a.nsec -= (int32_t)NSEC_PER_SEC;
        a.sec++;
    }
    return a;
}

static struct timespec64
monotonic(void)
{
    uint32_t nsec, ticks = timer_now(&nsec);

    return (struct timespec64){
        .sec = ticks / TIMER_HZ,
        .nsec = (int32_t)(ticks % TIMER_HZ * NSEC_PER_TICK + nsec),
    };
}

struct timespec64
timespec_of_ticks(uint32_t ticks)
{
    return (struct timespec64){
        .sec = ticks / TIMER_HZ,
        .nsec = (int32_t)(ticks % TIMER_HZ * NSEC_PER_TICK),
    };
}

static struct timespec64
wall_offset(void)
{
    unsigned long state = spin_lock(&offset_lock);
    struct timespec64 copy = offset;

    spin_unlock(&offset_lock, state);
    return copy;
}

uint32_t
clock_seconds(void)
{
    struct timespec64 wall = wall_offset();

    return (uint32_t)add(timespec_of_ticks(timer_ticks()), &wall).sec;
}

void
clock_set(const struct timespec64 *time)
{
    struct timespec64 now = monotonic();
    unsigned long state = spin_lock(&offset_lock);

    offset.sec = time->sec - now.sec - (time->nsec < now.nsec);
    offset.nsec = time->nsec - now.nsec + (time->nsec < now.nsec ? (int32_t)NSEC_PER_SEC : 0);
    spin_unlock(&offset_lock, state);
}

void
clock_init(void)
{
    struct timespec64 now = {.sec = read_chip()};

    clock_set(&now);
    klog("clock: %lu seconds since 1970\n", (unsigned long)now.sec);
}

/* ---- what a clock shows ---- */

static struct timespec64
used_by_process(void)
{
    const struct process *process = task_current()->process;

    return timespec_of_ticks(process->user_ticks + process->kernel_ticks);
}

static struct timespec64
used_by_thread(void)
{
    const struct task *task = task_current();

    return timespec_of_ticks(task->user_ticks + task->kernel_ticks);
}

int
clock_read(int clock, struct timespec64 *now)
{
    struct timespec64 wall = wall_offset();

    switch (clock) {
    case CLOCK_REALTIME:
        *now = add(monotonic(), &wall);
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        *now = monotonic();
        return 0;
    case CLOCK_REALTIME_COARSE:
        *now = add(timespec_of_ticks(timer_ticks()), &wall);
        return 0;
    case CLOCK_MONOTONIC_COARSE:
        *now = timespec_of_ticks(timer_ticks());
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        *now = used_by_process();
        return 0;
    case CLOCK_THREAD_CPUTIME_ID:
        *now = used_by_thread();
        return 0;
    default:
        return -EINVAL;
    }
}
