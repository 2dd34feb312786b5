/* load.c - how many threads want the CPU, averaged over 1, 5 and 15 minutes: /proc/loadavg.
 *
 * Every 5 seconds each average goes a part of its way to the number there is just then:
 *
 *   average = average * f + now * (1 - f)        f = e^(-5 s / length)
 *
 * so what was a minute ago weighs 1/e in the first. All are fixed-point numbers with LOAD_SHIFT
 * bits behind the point, as sysinfo(2) has them but for a shift.
 */
#include "load.h"
#include "types.h"

/* f for each length: 2^11 * e^(-5/60), e^(-5/300), e^(-5/900). */
static const uint16_t factors[LOADS] = {1884, 2014, 2037};

struct load system_load;

/* Rounded towards where it goes to, so that it gets there. */
static uint32_t
approach(uint32_t average, uint32_t now, uint32_t factor)
{
    uint32_t sum = average * factor + now * (LOAD_ONE - factor);

    return (sum + (now >= average ? LOAD_ONE - 1 : 0)) >> LOAD_SHIFT;
}

void
load_sample(struct load *load, unsigned threads)
{
    if (threads > LOAD_MOST)
        threads = LOAD_MOST;
    for (unsigned i = 0; i < LOADS; i++)
        load->average[i] = approach(load->average[i], threads << LOAD_SHIFT, factors[i]);
}
