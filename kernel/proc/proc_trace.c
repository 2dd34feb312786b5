/* proc_trace.c - /proc/octavo/trace.bin: the events of the trace, for ring 3. */
#include "proc.h"
#include "proc_private.h"
#include "trace.h"

#define BATCH 8u /* events moved at a time */

static long
read_header(struct buffer *to, uint64_t *position)
{
    struct trace_header header;
    size_t size = sizeof(header) - (size_t)*position;

    trace_get_header(&header);
    if (size > to->size)
        size = to->size;
    if (buffer_put(to, (const char *)&header + *position, size) != 0)
        return -EFAULT;
    *position += size;
    return (long)size;
}

/* Whole events only. One that was taken from the rings and then found no memory to go to is lost,
 * as it is with every pipe. */
static long
read_events(struct file *file, struct buffer *to, uint64_t *position)
{
    struct trace_event events[BATCH];
    long done = 0;
    size_t bytes;

    (void)file;
    if (!trace_started())
        return 0;
    if (*position < sizeof(struct trace_header))
        return read_header(to, position);
    if (to->size > 0 && to->size < sizeof(events[0]))
        return -EINVAL;
    while ((bytes = trace_read(events, to->size < sizeof(events) ? to->size : sizeof(events)))) {
        if (buffer_put(to, events, bytes) != 0)
            return done > 0 ? done : -EFAULT;
        *position += bytes;
        done += (long)bytes;
    }
    return done;
}

static const struct file_ops events_ops = {.read = read_events};

void
proc_trace_init(void)
{
    tree_add_dynamic("/proc/octavo/trace.bin", S_IFREG | 0444, &events_ops, NULL, 0);
}
