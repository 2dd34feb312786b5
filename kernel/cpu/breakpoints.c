/* breakpoints.c - break=NAME,NAME: stops by name, for a debugger that listens.
 *
 * Each CPU has four debug registers (Intel SDM volume 3, 17.2): an address each, and DR7 says that
 * it is to be watched for execution. When the CPU is about to execute there it raises vector 1,
 * with nothing changed yet. The handler here
 *
 *   - logs it, with who called, the first time that each of the places is reached;
 *   - returns through `xchg bx, bx`, at which Bochs stops when its magic breakpoints are on. The
 *     next instruction is the IRET to the function, so one step leads there. The flag RF lets the
 *     CPU execute what it stopped at.
 *
 * Without a debugger the log is all that is seen, and the machine goes on. The registers are off
 * while the handler works, so what it calls itself may have a breakpoint.
 */
#include <string.h>
#include "breakpoints.h"
#include "cmdline.h"
#include "cpu.h"
#include "platform.h"
#include "symbols.h"
#include "trap.h"

#define BREAKPOINTS 4u
#define NAME_SIZE   64

#define DR7_ENABLE(i)  (2u << 2 * (i)) /* in every task; 0 in the bits above: execution, one byte */
#define DR6_REACHED    0xFu            /* a bit a register */
#define EFLAGS_RESUME  0x10000u

static uint32_t addresses[BREAKPOINTS];
static bool reported[BREAKPOINTS];
static unsigned count;
static uint32_t enabled; /* DR7 */

extern void debug_entry(void);

bool breakpoint_reached(struct trap_frame *frame);

static void
write_dr7(uint32_t value)
{
    __asm__ volatile("mov %0, %%dr7" : : "r"(value));
}

/* DR6: which registers matched, since it was last cleared. */
static uint32_t
take_dr6(void)
{
    uint32_t value;

    __asm__ volatile("mov %%dr6, %0" : "=r"(value));
    __asm__ volatile("mov %0, %%dr6" : : "r"(0));
    return value;
}

static void
write_address(unsigned i, uint32_t address)
{
    switch (i) {
    case 0:
        __asm__ volatile("mov %0, %%dr0" : : "r"(address));
        break;
    case 1:
        __asm__ volatile("mov %0, %%dr1" : : "r"(address));
        break;
    case 2:
        __asm__ volatile("mov %0, %%dr2" : : "r"(address));
        break;
    default:
        __asm__ volatile("mov %0, %%dr3" : : "r"(address));
    }
}

/* The function has done nothing yet: its return address is on top of the stack, EBP its
 * caller's. */
static void
report(const struct trap_frame *frame)
{
    const uint32_t *stack = &frame->esp;
    char place[100];

    symbol_place(frame->eip, place, sizeof(place));
    klog("break: %s, called by\n", place);
    backtrace_print(&klog_printer, *stack - 1, frame->ebp);
}

/* From traps.asm, interrupts off. False: the exception is none of these. */
bool
breakpoint_reached(struct trap_frame *frame)
{
    uint32_t reached = take_dr6() & DR6_REACHED;

    if (reached == 0 || trap_from_user(frame))
        return false;
    write_dr7(0);
    for (unsigned i = 0; i < count; i++) {
        if (reached >> i & 1 && !reported[i]) {
            reported[i] = true;
            report(frame);
        }
    }
    write_dr7(enabled);
    frame->eflags |= EFLAGS_RESUME;
    return true;
}

void
breakpoints_take(void)
{
    for (unsigned i = 0; i < count; i++)
        write_address(i, addresses[i]);
    if (count != 0)
        write_dr7(enabled);
}

static void
set(uintptr_t address, const char *name)
{
    if (count == BREAKPOINTS) {
        klog("break: '%s' is one too many, the CPU knows %u places\n", name, BREAKPOINTS);
        return;
    }
    addresses[count] = address;
    enabled |= DR7_ENABLE(count);
    count++;
    klog("break: stops at 0x%08lx %s\n", (unsigned long)address, name);
}

/* An address, or a name: all functions that are called so. */
static void
set_all(const char *name)
{
    uint64_t number;
    uintptr_t address;

    if (cmdline_size(name, &number) && number >= (uintptr_t)text_start &&
        number < (uintptr_t)text_end) {
        set((uintptr_t)number, name);
        return;
    }
    address = symbol_lookup(name);
    if (address == 0)
        klog("break: no function of the kernel is called '%s'%s\n", name,
             symbol_count() == 0 ? ", for there are no symbols" : "");
    for (; address != 0; address = symbol_lookup_above(name, address))
        set(address, name);
}

void
breakpoints_set(const char *list)
{
    cpu_set_gate(TRAP_DEBUG, debug_entry, false);
    while (*list != '\0') {
        const char *comma = strchr(list, ',');
        size_t length = comma != NULL ? (size_t)(comma - list) : strlen(list);
        char name[NAME_SIZE] = "";

        memcpy(name, list, length < NAME_SIZE ? length : NAME_SIZE - 1);
        set_all(name);
        list += length + (comma != NULL);
    }
    breakpoints_take();
}
