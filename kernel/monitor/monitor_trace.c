/* monitor_trace.c - the monitor's command for the trace. */
#include <string.h>
#include "console.h"
#include "monitor.h"
#include "trace.h"
#include "tracing.h"
#include "uapi/errno.h"

static int
dump(const char *port)
{
    if (!trace_started() || !tracing_dump(port)) {
        print(&console_printer, trace_started() ? "There is no port '%s'.\n" : "No trace yet.\n",
              port);
        return MONITOR_FAILED;
    }
    return MONITOR_DONE;
}

static int
trace_command(int argc, char **argv)
{
    int error = 0;

    if (argc == 3 && strcmp(argv[1], "dump") == 0)
        return dump(argv[2]);
    if (argc > 2)
        return MONITOR_USAGE;
    if (argc == 2)
        error = tracing_choose(argv[1]);
    if (error == -EINVAL)
        return MONITOR_USAGE;
    if (error != 0)
        print(&console_printer, error == -EBUSY ? "A program is just choosing.\n"
                                                : "No memory for the events.\n");
    tracing_print(&console_printer);
    return error == 0 ? MONITOR_DONE : MONITOR_FAILED;
}
MONITOR_COMMAND(trace, "[GROUPS|off|dump PORT]", "record events: alloc,page,fault,...",
                trace_command);
