/* serial.c - COM1: a port of the 8250 family at 115200 bits a second, 8 data bits, no parity.
 *
 * Registers, as offsets from the base (National Semiconductor PC16550D data sheet):
 *
 *     0  data; divisor low while DLAB     4  modem control: DTR, RTS, loop, OUT2 (interrupts out)
 *     1  interrupts; divisor high         5  line status: data ready, transmitter empty
 *     2  FIFO control                     7  scratch (not on the first 8250s)
 *     3  line control, DLAB = bit 7
 *
 * The base comes from the BIOS data area, 40:00, or is 3F8h where no BIOS has filled that in. Where
 * only a second port is, a BIOS calls that COM1, at 2F8h and with the second port's interrupt, 3.
 * All waits are bounded: a port that stops sending is asked once a byte until it works again.
 *
 * Input that the kernel has no room for stays in the port: its interrupt is masked and RTS dropped,
 * and whoever feeds the port waits.
 */
#include "serial.h"
#include "console.h"
#include "io.h"

#define USUAL_BASE  0x3F8
#define SECOND_BASE 0x2F8
#define FOURTH_BASE 0x2E8

#define DATA       0
#define INTERRUPTS 1
#define FIFO       2
#define LINE       3
#define MODEM      4
#define STATUS     5
#define SCRATCH    7

#define LINE_8N1     0x03
#define LINE_DLAB    0x80
#define DIVISOR      1 /* 1843200 Hz / 16 / 115200 */
#define FIFO_ENABLE  0x01
#define MODEM_READY  0x0B /* DTR, RTS, OUT2 */
#define MODEM_HOLD   0x09 /* the same without RTS */
#define MODEM_LOOP   0x1F
#define STATUS_DATA  0x01
#define STATUS_EMPTY 0x20 /* takes the next byte */
#define STATUS_SENT  0x40 /* the last bit is out too */
#define NOBODY       0xFF

#define FIFO_BYTES 16
#define QUIET      200    /* about 0.2 ms: two bytes */
#define PATIENCE   100000 /* reads of the status: about 0.1 s; a byte takes 87 us */

static uint16_t base;
static bool by_interrupt;
static bool stuck; /* the last wait was in vain */
static bool held;  /* bytes wait in the port because nobody takes them */

static uint8_t
get(unsigned reg)
{
    return inb((uint16_t)(base + reg));
}

static void
set(unsigned reg, uint8_t value)
{
    outb((uint16_t)(base + reg), value);
}

static bool
keeps(unsigned reg, uint8_t value)
{
    set(reg, value);
    io_delay();
    return get(reg) == value;
}

/* Sends a byte to the port itself. */
static bool
loops_back(void)
{
    bool answers;

    set(MODEM, MODEM_LOOP);
    set(DATA, 0xAE);
    for (unsigned i = 0; i < 1000 && !(get(STATUS) & STATUS_DATA); i++)
        io_delay();
    answers = get(DATA) == 0xAE;
    set(MODEM, MODEM_READY);
    return answers;
}

static bool
is_quiet(void)
{
    for (unsigned i = 0; i < QUIET; i++) {
        if (get(STATUS) & STATUS_DATA)
            return false;
        io_delay();
    }
    return true;
}

/* Turning the FIFO on drops what has come in, so it stays off when somebody is already sending: an
 * emulator that is fed from a file, which then waits for each byte to be taken. */
static void
enable_fifo(void)
{
    if (is_quiet())
        set(FIFO, FIFO_ENABLE);
}

bool
serial_init(void)
{
    base = bios_data_word(0);
    if (base == 0)
        base = USUAL_BASE;
    if (get(STATUS) == NOBODY)
        return false;
    set(INTERRUPTS, 0);
    set(LINE, LINE_DLAB);
    set(DATA, DIVISOR);
    set(INTERRUPTS, DIVISOR >> 8);
    set(LINE, LINE_8N1);
    if (!(keeps(SCRATCH, 0x51) && keeps(SCRATCH, 0xAE)) && !loops_back())
        return false;
    set(MODEM, MODEM_READY);
    enable_fifo();
    return true;
}

static void
send(char byte)
{
    unsigned wait = stuck ? 1 : PATIENCE;

    while (wait && !(get(STATUS) & STATUS_EMPTY))
        wait--;
    stuck = wait == 0;
    if (!stuck)
        set(DATA, (uint8_t)byte);
}

void
serial_write(const char *text, size_t size)
{
    static char before;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n' && before != '\r')
            send('\r');
        send(text[i]);
        before = text[i];
    }
}

void
serial_flush(void)
{
    for (unsigned i = 0; i < PATIENCE && !(get(STATUS) & STATUS_SENT); i++)
        io_delay();
}

static void
hold(bool on)
{
    if (on == held)
        return;
    held = on;
    set(MODEM, on ? MODEM_HOLD : MODEM_READY);
    if (by_interrupt)
        set(INTERRUPTS, on ? 0 : STATUS_DATA);
}

/* The bound is for a port that says for ever that there is more. */
void
serial_poll(void)
{
    static uint8_t waiting;
    static bool has_waiting;

    if (base == 0)
        return;
    for (unsigned i = 0; i < 4 * FIFO_BYTES; i++) {
        if (!has_waiting) {
            uint8_t status = get(STATUS);

            if (status == NOBODY || !(status & STATUS_DATA))
                break;
            waiting = get(DATA);
        }
        has_waiting = !console_input_serial(waiting);
        if (has_waiting)
            break;
    }
    hold(has_waiting);
}

unsigned
serial_irq(void)
{
    return base == SECOND_BASE || base == FOURTH_BASE ? 3 : 4;
}

void
serial_enable_interrupt(void)
{
    by_interrupt = true;
    set(INTERRUPTS, STATUS_DATA);
}
