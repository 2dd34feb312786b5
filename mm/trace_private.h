/* trace_private.h - what the trace shares with the start and the allocators. Private to mm/. */
#ifndef OCTAVO_TRACE_PRIVATE_H
#define OCTAVO_TRACE_PRIVATE_H

#include "trace.h"

/* mm_init begins: a trace of what was there before is forgotten, its memory with it. */
void trace_forget(void);

/* One TRACE_FRAMES for each run of frames with the same owner, one TRACE_CACHE for each cache: what
 * there is when the events about it begin. */
void trace_all_frames(void);
void trace_all_caches(void);

/* The frame behind the last that has a descriptor. */
unsigned long trace_end_frame(void);

#endif
