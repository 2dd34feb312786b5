/* monitor_debug.c - commands that look at the kernel itself: addresses, symbols, tests, crashes. */
#include "boot.h"
#include "cmdline.h"
#include "console.h"
#include "ktests.h"
#include "monitor.h"
#include "pagetable.h"
#include "platform.h"
#include <string.h>
#include "symbols.h"
#include "task.h"

#define DUMP_USUAL  64u
#define DUMP_MAX    4096u
#define DUMP_LINE   16u
#define SYMBOL_SIZE 80

/* ---- looking at memory ---- */

/* One line: up to 16 bytes in hex, then as text. */
static void
dump_line(uint64_t address, const uint8_t *bytes, size_t count)
{
    print(&console_printer, "%08llx ", (unsigned long long)address);
    for (size_t i = 0; i < DUMP_LINE; i++) {
        if (i < count)
            print(&console_printer, "%s%02x", i == DUMP_LINE / 2 ? "  " : " ", bytes[i]);
        else
            print(&console_printer, "%s", i == DUMP_LINE / 2 ? "    " : "   ");
    }
    print(&console_printer, "  ");
    for (size_t i = 0; i < count; i++)
        print(&console_printer, "%c", bytes[i] >= ' ' && bytes[i] < 0x7F ? bytes[i] : '.');
    print(&console_printer, "\n");
}

static bool
read_virtual(uint64_t address, uint8_t *into, size_t count)
{
    const void *from = (const void *)(uintptr_t)address;

    if (address + count > (uint64_t)UINTPTR_MAX + 1 || !kernel_read_ok(from, count))
        return false;
    memcpy(into, from, count);
    return true;
}

static bool
read_physical(uint64_t address, uint8_t *into, size_t count)
{
    return boot_source.read(boot_source.arg, address, into, count);
}

static void
dump(uint64_t address, size_t count, bool (*read)(uint64_t, uint8_t *, size_t))
{
    uint8_t bytes[DUMP_LINE];

    while (count) {
        size_t piece = count < DUMP_LINE ? count : DUMP_LINE;

        if (!read(address, bytes, piece)) {
            print(&console_printer, "%08llx  cannot be read\n", (unsigned long long)address);
            return;
        }
        dump_line(address, bytes, piece);
        address += piece;
        count -= piece;
    }
}

/* Reads the optional number of bytes. */
static bool
parse_count(int argc, char **argv, uint64_t *count)
{
    *count = DUMP_USUAL;
    if (argc == 3 && !cmdline_size(argv[2], count))
        return false;
    return (argc == 2 || argc == 3) && *count <= DUMP_MAX;
}

static int
no_address(const char *text)
{
    print(&console_printer, "'%s' is neither a number nor a symbol.\n", text);
    return MONITOR_FAILED;
}

static int
examine(int argc, char **argv)
{
    uintptr_t address;
    uint64_t count;

    if (!parse_count(argc, argv, &count))
        return MONITOR_USAGE;
    if (!monitor_address(argv[1], &address))
        return no_address(argv[1]);
    dump(address, (size_t)count, read_virtual);
    return MONITOR_DONE;
}
MONITOR_COMMAND(x, "ADDR [BYTES]", "memory in hex, at most 4096 bytes", examine);

static int
examine_physical(int argc, char **argv)
{
    uint64_t address, count;

    if (!parse_count(argc, argv, &count) || !cmdline_size(argv[1], &address))
        return MONITOR_USAGE;
    dump(address, (size_t)count, read_physical);
    return MONITOR_DONE;
}
MONITOR_COMMAND(xp, "PHYSICAL [BYTES]", "the same by physical address", examine_physical);

/* ---- names ---- */

static int
sym(int argc, char **argv)
{
    char name[SYMBOL_SIZE];
    uintptr_t address;

    if (argc != 2)
        return MONITOR_USAGE;
    if (symbol_count() == 0) {
        print(&console_printer, "The boot loader left no symbols.\n");
        return MONITOR_FAILED;
    }
    if (!monitor_address(argv[1], &address))
        return no_address(argv[1]);
    symbol_name((const void *)address, name, sizeof(name));
    print(&console_printer, "0x%08lx %s\n", (unsigned long)address, name);
    return MONITOR_DONE;
}
MONITOR_COMMAND(sym, "NAME|ADDR", "address of a name, or name of an address", sym);

static int
bt(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    backtrace_here(&console_printer);
    return MONITOR_DONE;
}
MONITOR_COMMAND(bt, "", "who called this command", bt);

/* ---- log, tests, crashes ---- */

static int
log_command(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    log_print(&console_printer);
    return MONITOR_DONE;
}
MONITOR_COMMAND(log, "", "the kernel's messages since the start", log_command);

/* The tests wait for programs of their own, which the idle task cannot do while it waits for
 * others; and they take all memory away for a while. */
static int
test(int argc, char **argv)
{
    if (argc > 2)
        return MONITOR_USAGE;
    if (task_exists(1)) {
        print(&console_printer, "Tests run without programs: boot with the option test, or monitor.\n");
        return MONITOR_FAILED;
    }
    return ktests_run(argc == 2 ? argv[1] : "*") ? MONITOR_FAILED : MONITOR_DONE;
}
MONITOR_COMMAND(test, "[GLOB]", "run the tests whose names match, all without one", test);

static int
crash(int argc, char **argv)
{
    if (argc > 2)
        return MONITOR_USAGE;
    crash_on_purpose(argc == 2 ? argv[1] : "");
    return MONITOR_FAILED;
}
MONITOR_COMMAND(crash, "[NAME]", "fail on purpose; without a name: in which ways", crash);
