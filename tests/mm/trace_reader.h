/* trace_reader.h - a trace of a test's own, and its events. */
#ifndef OCTAVO_TRACE_READER_H
#define OCTAVO_TRACE_READER_H

#include "testing.h"
#include "trace.h"

#define ROOM 4096u /* bytes of a ring: 128 events */
#define RING (ROOM / sizeof(struct trace_event))
#define MOST (KTEST_SCRATCH_BYTES / sizeof(struct trace_event))

static struct trace_event *const seen = (struct trace_event *)(void *)ktest_scratch;
static size_t seen_count;

static bool ours; /* the trace that is on; a test that failed left it so */

static inline bool
begin_with(const struct trace_setup *setup, uint32_t groups)
{
    if (ours && trace_started())
        trace_stop();
    ours = !trace_started() && trace_start(setup);
    seen_count = 0;
    if (ours)
        trace_choose(groups);
    else
        ktest_skip(trace_started() ? "a trace is on already" : "not enough memory");
    return ours;
}

static inline bool
begin(size_t bytes, uint32_t groups)
{
    const struct trace_setup setup = {.bytes = bytes};
    return begin_with(&setup, groups);
}

/* Takes all events that wait; those of a kind are what remains. */
static inline void
look_for(enum trace_type type)
{
    struct trace_event event;
    while (trace_read(&event, sizeof(event)) == sizeof(event))
        if (event.type == type && seen_count < MOST)
            seen[seen_count++] = event;
}

static inline void
take_all(void)
{
    seen_count = trace_read(seen, MOST * sizeof(*seen)) / sizeof(*seen);
}

#endif
