/* apic.c - the interrupt controller inside each CPU.
 *
 * Theory (Intel SDM volume 3, chapter 11): each CPU sees its own local APIC at the same physical
 * address, a register every 16 bytes. It takes interrupts from other CPUs' local APICs and from the
 * I/O APICs as messages with a vector, and has a timer. Each interrupt, other than NMI, INIT and
 * start-up, is ended by a write to the register EOI. A write to the low half of the command
 * register sends a message to the CPU that the high half names.
 *
 * The timer counts the bus clock down, divided by 16, and starts again at zero; how much that is in
 * a tick of the 8254 is measured once.
 *
 * The ids have 8 bits here (xAPIC); a machine that the firmware has put into x2APIC mode is
 * refused.
 */
#include "apic.h"
#include "boot.h"
#include "cpu.h"
#include "pagetable.h"
#include "platform.h"
#include "timer.h"
#include "trap.h"

enum {
    REGISTER_ID = 0x20,
    REGISTER_PRIORITY = 0x80,
    REGISTER_END = 0xB0,
    REGISTER_SPURIOUS = 0xF0,
    REGISTER_COMMAND = 0x300,
    REGISTER_COMMAND_TO = 0x310,
    REGISTER_TIMER = 0x320,
    REGISTER_LINE_0 = 0x350,
    REGISTER_LINE_1 = 0x360,
    REGISTER_ERROR = 0x370,
    REGISTER_TIMER_START = 0x380,
    REGISTER_TIMER_COUNT = 0x390,
    REGISTER_TIMER_DIVIDE = 0x3E0,
};

#define APIC_ON        0x100
#define DIVIDE_BY_16   0x3
#define TIMER_PERIODIC 0x20000
#define MASKED         0x10000
#define DELIVER_NMI    0x400
#define DELIVER_INIT   0x500
#define DELIVER_START  0x600
#define DELIVER_8259   0x700 /* the vector comes from the 8259s */
#define COMMAND_BUSY   0x1000
#define COMMAND_ASSERT 0x4000
#define COMMAND_LEVEL  0x8000
#define ID_SHIFT       24

/* The timer is measured so many times, each a part of a tick. */
#define TRIES   8
#define PARTS   5
#define TICK_US (1000000 / TIMER_HZ)

/* A message is sent after a few bus cycles, unless something is broken. */
#define COMMAND_LOOKS 1000000u

static volatile uint32_t *registers;
static uint32_t counts_of_tick;
static void (*on_tick)(void);

static uint32_t
read_register(unsigned at)
{
    return registers[at / 4];
}

static void
write_register(unsigned at, uint32_t value)
{
    registers[at / 4] = value;
}

unsigned
apic_id(void)
{
    return read_register(REGISTER_ID) >> ID_SHIFT;
}

void
apic_end(void)
{
    write_register(REGISTER_END, 0);
}

/* ---- messages ---- */

static void
wait_until_sent(void)
{
    for (unsigned i = 0; i < COMMAND_LOOKS && read_register(REGISTER_COMMAND) & COMMAND_BUSY; i++)
        cpu_pause();
}

/* An interrupt between the two halves could send another message. */
static void
command(unsigned id, uint32_t what)
{
    unsigned long flags = interrupts_disable();

    wait_until_sent();
    write_register(REGISTER_COMMAND_TO, id << ID_SHIFT);
    write_register(REGISTER_COMMAND, what);
    interrupts_restore(flags);
}

void
apic_send(unsigned id, unsigned vector)
{
    command(id, COMMAND_ASSERT | vector);
}

void
apic_send_nmi(unsigned id)
{
    command(id, COMMAND_ASSERT | DELIVER_NMI);
}

/* The second half is for the oldest ones, which would stay in that state for as long as the level
 * is asserted. */
void
apic_send_init(unsigned id)
{
    command(id, COMMAND_LEVEL | COMMAND_ASSERT | DELIVER_INIT);
    command(id, COMMAND_LEVEL | DELIVER_INIT);
    wait_until_sent();
}

void
apic_send_start(unsigned id, unsigned page)
{
    command(id, COMMAND_ASSERT | DELIVER_START | page);
    wait_until_sent();
}

/* ---- the timer ---- */

void
apic_on_tick(void (*call)(void))
{
    on_tick = call;
}

static void
tick(struct trap_frame *frame)
{
    (void)frame;
    apic_end();
    if (on_tick != NULL)
        on_tick();
}

/* An emulator may be held up while it counts: the least of some tries is the best. */
static void
measure_timer(void)
{
    unsigned long flags = interrupts_disable();

    counts_of_tick = UINT32_MAX;
    write_register(REGISTER_TIMER_DIVIDE, DIVIDE_BY_16);
    for (unsigned i = 0; i < TRIES; i++) {
        uint32_t counts;

        write_register(REGISTER_TIMER_START, UINT32_MAX);
        timer_delay(TICK_US / PARTS);
        counts = (UINT32_MAX - read_register(REGISTER_TIMER_COUNT)) * PARTS;
        if (counts < counts_of_tick)
            counts_of_tick = counts;
    }
    write_register(REGISTER_TIMER_START, 0);
    interrupts_restore(flags);
    klog("cpu: the timers of the local APICs make %lu counts a tick\n",
         (unsigned long)counts_of_tick);
}

static void
start_timer(void)
{
    write_register(REGISTER_TIMER_DIVIDE, DIVIDE_BY_16);
    write_register(REGISTER_TIMER, TIMER_PERIODIC | TRAP_LOCAL_TIMER);
    write_register(REGISTER_TIMER_START, counts_of_tick);
}

/* ---- the start ---- */

static void
turn_on(uint32_t line_0, uint32_t line_1)
{
    write_register(REGISTER_PRIORITY, 0);
    write_register(REGISTER_TIMER, MASKED);
    write_register(REGISTER_ERROR, MASKED);
    write_register(REGISTER_LINE_0, line_0);
    write_register(REGISTER_LINE_1, line_1);
    write_register(REGISTER_SPURIOUS, APIC_ON | TRAP_SPURIOUS);
}

bool
apic_place_ok(uint32_t address, uint32_t size)
{
    const struct memmap_region *region = boot_memory.regions;

    for (size_t i = 0; i < boot_memory.region_count; i++, region++) {
        if (region->type == MEMMAP_RAM && address - region->start < region->end - region->start)
            return false;
    }
    return address != 0 && address % size == 0;
}

bool
apic_init(const struct cpu_tables *tables)
{
    extern void spurious_entry(void);

    if (!apic_place_ok(tables->local_apic, PAGE_SIZE) || cpu_in_x2apic_mode())
        return false;
    registers = fixmap_map_uncached(FIXMAP_LOCAL_APIC, tables->local_apic);
    cpu_set_gate(TRAP_SPURIOUS, spurious_entry, false);
    trap_register(TRAP_LOCAL_TIMER, tick);
    turn_on(DELIVER_8259, DELIVER_NMI);
    measure_timer();
    return true;
}

void
apic_start(void)
{
    turn_on(MASKED, MASKED);
    start_timer();
}

void
apic_hear_8259(bool hear)
{
    write_register(REGISTER_LINE_0, hear ? DELIVER_8259 : MASKED);
}
