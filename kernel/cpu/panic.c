/* panic.c - a bug of the kernel was found: say everything that helps, then power off.
 *
 * A panic may come from anywhere, the panic code included. The count of panics under way decides
 * how much is still dared: the first reports all, the second only its message, the third ends at
 * once.
 */
#include "panic.h"
#include "console.h"
#include "cpu.h"
#include "platform.h"
#include "power.h"
#include "smp.h"
#include "format.h"
#include "symbols.h"

#define MESSAGE_SIZE 256

void (*kpanic_hook)(const char *message) __attribute__((noreturn));

static unsigned panics;
static unsigned reporter; /* CPU + 1; 0: nobody panics */

static _Noreturn void
end(void)
{
    power_off(EXIT_PANIC, 1);
}

/* True when this is the first panic, and a full report may be tried. The other CPUs stop; when two
 * panic at a time, one reports. */
static bool
begin(const char *message)
{
    unsigned me = cpu_current() + 1, nobody = 0;

    interrupts_disable();
    if (!__atomic_compare_exchange_n(&reporter, &nobody, me, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED) && nobody != me)
        cpu_halt();
    cpus_stop();
    console_take_over();
    panics++;
    if (panics > 2)
        cpu_halt();
    klog("panic: %s%s\n", panics == 1 ? "" : "and again, in the report: ", message);
    if (cpu_count() > 1)
        klog("panic: on CPU %u\n", cpu_current());
    return panics == 1;
}

void
kpanic(const char *format, ...)
{
    const uint32_t *frame = __builtin_frame_address(0);
    char message[MESSAGE_SIZE];
    va_list args;

    va_start(args, format);
    format_text_v(message, sizeof(message), format, args);
    va_end(args);
    if (kpanic_hook != NULL)
        kpanic_hook(message);
    if (begin(message)) {
        klog("panic: called from\n");
        backtrace_print(&klog_printer, frame[1] - 1, frame[0]);
    }
    end();
}

void
panic_in_trap(const struct trap_frame *frame, const char *message,
              void (*report)(const struct trap_frame *frame))
{
    if (kpanic_hook != NULL) {
        interrupts_restore(frame->eflags);
        kpanic_hook(message);
    }
    if (begin(message))
        report(frame);
    end();
}
