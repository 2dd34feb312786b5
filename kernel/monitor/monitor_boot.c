/* monitor_boot.c - how the machine came up, for a report about it.
 *
 * Our own loader hands over, as a module, what the firmware answered to each question (report=on in
 * OCTAVO.CFG, boot/report.inc). Other loaders keep that to themselves: of them only the name, the
 * command line and the flags of the Multiboot information are known.
 */
#include <string.h>
#include "boot.h"
#include "console.h"
#include "monitor.h"

/* As boot/report.inc begins the module's string. */
#define REPORT_STRING "boot-report "

enum { PIECE = 128 };

static const struct boot_module *
find_report(void)
{
    for (size_t i = 0; i < boot_info.module_count; i++) {
        const struct boot_module *module = &boot_info.modules[i];

        if (strncmp(module->string, REPORT_STRING, sizeof(REPORT_STRING) - 1) == 0)
            return module;
    }
    return NULL;
}

static void
print_report(const struct boot_module *report)
{
    char text[PIECE + 1];

    for (paddr_t at = report->start; at < report->end; at += PIECE) {
        size_t size = report->end - at < PIECE ? (size_t)(report->end - at) : PIECE;

        if (!boot_source.read(boot_source.arg, at, text, size))
            return;
        text[size] = '\0';
        print(&console_printer, "%s", text);
    }
}

static int
boot(int argc, char **argv)
{
    const struct boot_module *report = find_report();

    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    print(&console_printer, "Started by '%s' with '%s', flags 0x%lx, %lu modules.\n",
          boot_info.loader, boot_info.cmdline, (unsigned long)boot_info.flags,
          (unsigned long)boot_info.module_count);
    if (report == NULL)
        print(&console_printer, "It left no report about the firmware (report=on in OCTAVO.CFG).\n");
    else
        print_report(report);
    return MONITOR_DONE;
}
MONITOR_COMMAND(boot, "", "who started the kernel; the firmware's answers", boot);
