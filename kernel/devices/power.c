/* power.c - switching off and starting anew.
 *
 * Emulators have ports that end them at once: QEMU's isa-debug-exit (f4h here; the status that QEMU
 * ends with is 2 * value + 1) and Bochs' 8900h, which wants the word Shutdown. Then ACPI's
 * soft-off: the sleep type and the enable bit go to PM1a_CNT (and PM1b_CNT). Last the ports at
 * which common virtual machines have that register, for when there are no tables. APM can be called
 * only from real mode and is not tried. Each way may fail without a trace; then the next is tried,
 * and at the end the person at the machine is asked.
 *
 * A restart: the keyboard controller's reset line, the chip set's reset register (CF9h), and a
 * triple fault, which no PC survives.
 */
#include "power.h"
#include "acpi.h"
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "io.h"
#include "keyboard.h"
#include "mm.h"
#include "mm_debug.h"
#include "platform.h"
#include "smp.h"
#include "space.h"
#include "timer.h"
#include "vga.h"

#define QEMU_EXIT      0xF4
#define QEMU_VALUE     0x10 /* + kind */
#define BOCHS_SHUTDOWN 0x8900

#define SLEEP_ENABLE    0x2000
#define SLEEP_TYPE(t)   ((unsigned)(t) << 10)
#define SLEEP_TYPE_BITS 0x1C00
#define SCI_ENABLE      0x0001
#define ENABLE_WAIT_MS  300

#define RESET_REGISTER 0xCF9
#define RESET_LINE     0xFE /* keyboard controller: pulse output line 0 */

/* The last line must leave a real serial port before the power does: 16 bytes in the FIFO. */
#define LAST_WORDS_US 3000
#define AFTERMATH_US  50000

static void
exit_emulator(enum exit_kind kind)
{
    static const char word[] = "Shutdown";

    outb(QEMU_EXIT, (uint8_t)(QEMU_VALUE + kind));
    for (size_t i = 0; word[i]; i++)
        outb(BOCHS_SHUTDOWN, (uint8_t)word[i]);
}

/* ---- ACPI ---- */

static void
enable_acpi(const struct acpi_power *power)
{
    if (inw(power->control_a) & SCI_ENABLE || power->command == 0 || power->enable == 0)
        return;
    outb(power->command, power->enable);
    for (unsigned i = 0; i < ENABLE_WAIT_MS && !(inw(power->control_a) & SCI_ENABLE); i++)
        timer_delay(1000);
}

static void
enter_sleep(uint16_t port, unsigned type)
{
    unsigned value;

    if (port == 0)
        return;
    value = inw(port) & ~(unsigned)SLEEP_TYPE_BITS;
    outw(port, (uint16_t)(value | SLEEP_TYPE(type) | SLEEP_ENABLE));
}

static void
acpi_soft_off(void)
{
    struct acpi_memory memory = {boot_source.read, boot_source.arg};
    struct acpi_power power;

    if (!acpi_find_power(&memory, &power))
        return;
    enable_acpi(&power);
    enter_sleep(power.control_a, power.type_a);
    enter_sleep(power.control_b, power.type_b);
    timer_delay(AFTERMATH_US);
}

/* QEMU with the i440FX chip set, old QEMU and Bochs, VirtualBox: S5 is type 0 or 5 there. */
static void
known_ports(void)
{
    outw(0x604, SLEEP_ENABLE);
    outw(0xB004, SLEEP_ENABLE);
    outw(0x4004, SLEEP_TYPE(5) | SLEEP_ENABLE);
    timer_delay(AFTERMATH_US);
}

/* ---- the end ---- */

/* The others stop wherever they are, amid a look at the timer too. */
static void
stop_others(void)
{
    cpus_stop();
    timer_take_over();
}

/* On the screen only: the exit line stays the last one that programs see. */
static void
ask_person(void)
{
    static const char text[] = "It is now safe to switch off the computer.\n";

    if (console_has_screen())
        vga_write(text, sizeof(text) - 1);
}

void
power_off(enum exit_kind kind, int status)
{
    static const char *const names[] = {"ok", "fail", "panic"};

    interrupts_disable();
    stop_others();
    klog("%soctavo: exit status=%d kind=%s\n", console_in_line() ? "\n" : "", status, names[kind]);
    console_flush();
    exit_emulator(kind);
    acpi_soft_off();
    known_ports();
    ask_person();
    cpu_halt();
}

void
power_off_checked(int status)
{
    cpus_park();
    mm_print_owners(&klog_printer);
    if (!space_check_everything())
        power_off(EXIT_PANIC, 1);
    if (debug_on(DEBUG_LEAKS) && mm_debug_leaks(&klog_printer) != 0 && status == 0)
        status = 1;
    power_off(status == 0 ? EXIT_OK : EXIT_FAIL, status);
}

static _Noreturn void
triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) nothing = {0, 0};

    __asm__ volatile("lidt %0; int3" : : "m"(nothing));
    cpu_halt();
}

void
power_reboot(void)
{
    interrupts_disable();
    stop_others();
    console_flush();
    keyboard_command(RESET_LINE);
    timer_delay(AFTERMATH_US);
    outb(RESET_REGISTER, 0x02);
    outb(RESET_REGISTER, 0x06);
    timer_delay(AFTERMATH_US);
    triple_fault();
}
