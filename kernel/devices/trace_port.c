/* trace_port.c - ports that take a trace's bytes as they are: E9h, COM1, COM2.
 *
 * A serial line has 11 520 bytes a second, which is 360 events: the machine waits for it. Port E9h
 * of an emulator has no such limit. A line on which nothing moves for a while is given up: then the
 * bytes are dropped, and the machine goes on.
 */
#include <string.h>
#include "io.h"
#include "tracing.h"

#define PORT_E9    0xE9
#define PATIENCE   100000 /* reads of the status: about 0.1 s */
#define LINE_SETUP 0x80   /* of the line register: the first two registers are the divisor */
#define LINE_8N1   0x03
#define MODEM_ON   0x0B /* DTR, RTS, and OUT2, without which no interrupt leaves the port */
#define FIFO_ON    0x07
#define SENT       0x20 /* of the status: the next byte may come */

enum { DATA, INTERRUPTS, FIFO, LINE, MODEM, STATUS };

static uint16_t line; /* the first port of the serial line in use */
static bool stuck;

static void
write_e9(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size-- > 0)
        outb(PORT_E9, *at++);
}

static void
write_line(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    for (; size-- > 0 && !stuck; at++) {
        unsigned wait = PATIENCE;

        while (wait > 0 && !(inb((uint16_t)(line + STATUS)) & SENT))
            wait--;
        stuck = wait == 0;
        outb((uint16_t)(line + DATA), *at);
    }
}

/* 115200 bits a second. COM1 keeps its interrupt: the console may still listen there. */
static port_write
open_line(uint16_t base)
{
    if (inb((uint16_t)(base + STATUS)) == 0xFF)
        return NULL;
    outb((uint16_t)(base + LINE), LINE_SETUP);
    outb((uint16_t)(base + DATA), 1);
    outb((uint16_t)(base + INTERRUPTS), 0);
    outb((uint16_t)(base + LINE), LINE_8N1);
    outb((uint16_t)(base + FIFO), FIFO_ON);
    outb((uint16_t)(base + MODEM), MODEM_ON);
    line = base;
    stuck = false;
    return write_line;
}

port_write
trace_port_open(const char *name)
{
    if (strcmp(name, "e9") == 0)
        return inb(PORT_E9) == PORT_E9 ? write_e9 : NULL;
    if (strcmp(name, "com1") == 0)
        return open_line(0x3F8);
    if (strcmp(name, "com2") == 0)
        return open_line(0x2F8);
    return NULL;
}
