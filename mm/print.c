/* print.c - klog and print, whatever is behind them: the platform gives klog_v (platform.h). */
#include "platform.h"
#include "printer.h"

void
klog(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    klog_v(format, args);
    va_end(args);
}

static void
klog_vprint(struct printer *self, const char *format, va_list args)
{
    (void)self;
    klog_v(format, args);
}

struct printer klog_printer = {klog_vprint};

void
print(struct printer *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    out->vprint(out, format, args);
    va_end(args);
}
