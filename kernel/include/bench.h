/* bench.h - the boot option `bench`. */
#ifndef OCTAVO_BENCH_H
#define OCTAVO_BENCH_H

#include "types.h"

/* Measures and logs. False when it cannot. */
bool bench_run(void);

#endif
