/* monitor_system.c - commands about the machine as a whole. */
#include "boot.h"
#include "cmdline.h"
#include "console.h"
#include "monitor.h"
#include "pic.h"
#include "power.h"
#include <string.h>
#include "timer.h"
#include "trap.h"

#define STATUS_MAX 255

static int
options(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    print(&console_printer, "Started by '%s' with '%s'. The kernel knows:\n", boot_info.loader,
          boot_info.cmdline);
    cmdline_print_options(&console_printer);
    return MONITOR_DONE;
}
MONITOR_COMMAND(options, "", "the boot options: given and known", options);

static int
uptime(int argc, char **argv)
{
    uint32_t ticks = timer_ticks();

    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    print(&console_printer, "up %lu.%02lu s; interrupts: %lu stray, %lu spurious\n",
          (unsigned long)(ticks / TIMER_HZ), (unsigned long)(ticks % TIMER_HZ), trap_stray_count(),
          pic_spurious_count());
    return MONITOR_DONE;
}
MONITOR_COMMAND(uptime, "", "seconds since the start; unwanted interrupts", uptime);
_Static_assert(TIMER_HZ == 100, "uptime prints ticks as hundredths of a second");

static int
echo(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        print(&console_printer, "%s%s", i > 1 ? " " : "", argv[i]);
    print(&console_printer, "\n");
    return MONITOR_DONE;
}
MONITOR_COMMAND(echo, "[WORD...]", "print the words", echo);

static int
clear(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    console_clear();
    return MONITOR_DONE;
}
MONITOR_COMMAND(clear, "", "empty the screen", clear);

static int
reboot(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    power_reboot();
}
MONITOR_COMMAND(reboot, "", "start the machine anew", reboot);

static int
poweroff(int argc, char **argv)
{
    uint64_t status = 0;

    if (argc > 2 || (argc == 2 && (!cmdline_size(argv[1], &status) || status > STATUS_MAX)))
        return MONITOR_USAGE;
    power_off_checked((int)status);
}
MONITOR_COMMAND(poweroff, "[STATUS]", "check the memory once more and switch off", poweroff);
