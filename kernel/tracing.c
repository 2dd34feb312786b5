/* tracing.c - the trace on this machine: where it begins, what its stamps are, where it goes.
 *
 * Stamps are the CPU's own ticks; a 486 has none and asks the timer, to 0.84 us. The header carries
 * a sum of the kernel's code, so that a reader notices when his symbols are of another kernel.
 */
#include "cmdline.h"
#include "console.h"
#include "cpu.h"
#include "io.h"
#include "platform.h"
#include "smp.h"
#include "timer.h"
#include "trace.h"
#include "tracing.h"
#include "uapi/errno.h"

#define USUAL_BUFFER (64u << 10)
#define LEAST_BUFFER (4u << 10)

#define NSEC_PER_TICK (1000000000u / TIMER_HZ)

static const char *port_name = "memory";

static uint64_t
uptime(void)
{
    uint32_t nanoseconds, ticks = timer_now(&nanoseconds);

    return (uint64_t)ticks * NSEC_PER_TICK + nanoseconds;
}

/* FNV-1a over the words of the code. */
static uint32_t
sum_of_code(void)
{
    uint32_t sum = 0x811C9DC5;

    for (const uint32_t *at = (const void *)text_start; (const char *)(at + 1) <= text_last; at++)
        sum = (sum ^ *at) * 0x01000193;
    return sum;
}

/* The memory for the rings: what was asked for, or what is usual. */
static size_t
buffer_size(void)
{
    const char *text = cmdline_value("trace_buffer");
    uint64_t size = USUAL_BUFFER;

    if (text != NULL && (!cmdline_size(text, &size) || size < LEAST_BUFFER || size > SIZE_MAX)) {
        klog("trace: trace_buffer=%s is no size of 4K or more and is ignored\n", text);
        size = USUAL_BUFFER;
    }
    return (size_t)size;
}

/* Opens the port of trace_to=; the console keeps off it from now on. NULL: into memory. */
static port_write
choose_port(void)
{
    const char *name = cmdline_value("trace_to");
    port_write port = name != NULL ? trace_port_open(name) : NULL;

    if (name != NULL && port == NULL)
        klog("trace: there is no port '%s'; events stay in memory\n", name);
    if (port != NULL) {
        console_leave(name);
        port_name = name;
    }
    return port;
}

static int
start(void)
{
    struct trace_setup setup = {.bytes = buffer_size(),
                                .stamp = cpu_features.tsc ? read_tsc : uptime,
                                .uptime = uptime,
                                .sink = choose_port(),
                                .image = sum_of_code()};

    return trace_start(&setup) ? 0 : -ENOMEM;
}

int
tracing_choose(const char *list)
{
    static bool choosing;
    uint32_t groups;
    int error = 0;

    if (!trace_parse(list, &groups))
        return -EINVAL;
    if (__atomic_exchange_n(&choosing, true, __ATOMIC_ACQUIRE))
        return -EBUSY;
    if (!trace_started() && groups != 0)
        error = start();
    cpus_park();
    if (error == 0 && trace_started())
        trace_choose(groups);
    cpus_unpark();
    __atomic_store_n(&choosing, false, __ATOMIC_RELEASE);
    return error;
}

bool
tracing_dump(const char *port)
{
    struct trace_header header;
    struct trace_event events[4];
    port_write write = trace_port_open(port);
    size_t bytes;

    if (write == NULL)
        return false;
    console_leave(port);
    trace_get_header(&header);
    write(&header, sizeof(header));
    while ((bytes = trace_read(events, sizeof(events))) > 0)
        write(events, bytes);
    return true;
}

void
tracing_print(struct printer *out)
{
    struct trace_counts counts;
    unsigned groups = 0;

    trace_get_counts(&counts);
    print(out, "groups:  ");
    for (unsigned i = 0; trace_group_name(i) != NULL; i++)
        if (trace_groups >> i & 1)
            print(out, "%s%s", groups++ > 0 ? "," : "", trace_group_name(i));
    print(out, "%s\nto:       %s\n", groups > 0 ? "" : "off", port_name);
    print(out, "events:   %lu recorded, %lu waiting, %lu lost, room for %lu\n", counts.recorded,
          counts.waiting, counts.lost, counts.room);
}

void
tracing_init(void)
{
    const char *list = cmdline_value("trace");
    int error = list != NULL ? tracing_choose(list) : 0;

    if (error == -ENOMEM)
        klog("trace: no memory for %zu KiB of events\n", buffer_size() >> 10);
    else if (error != 0)
        klog("trace: '%s' is no list of groups; nothing is traced\n", list);
}
