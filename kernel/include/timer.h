/* timer.h - the PIT: a tick, and short delays. */
#ifndef OCTAVO_TIMER_H
#define OCTAVO_TIMER_H

#include "types.h"

#define TIMER_HZ 100u

/* Starts the tick. Needs the interrupt controller. */
void timer_init(void);

/* Ticks since timer_init; wraps after 497 days. Stands still while interrupts are off. */
uint32_t timer_ticks(void);

/* From now on each tick calls `call`, interrupts off, after it was counted. */
void timer_on_tick(void (*call)(void));

/* The same with what has passed of the tick under way; two readings never go back. Some
 * microseconds of work. */
uint32_t timer_now(uint32_t *nanoseconds);

/* Waits at least `microseconds` (at most a second or so a call is wise), interrupts on or off,
 * before timer_init too. Ends in bounded time on a machine without a PIT. */
void timer_delay(unsigned microseconds);

/* The other CPUs have stopped: what one of them was reading is over. */
void timer_take_over(void);

#endif
