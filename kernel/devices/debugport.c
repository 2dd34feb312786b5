/* debugport.c - port E9h.
 *
 * Bochs (port_e9_hack) and QEMU (isa-debugcon) print each byte that is written to the port, and
 * answer E9h when it is read. A machine without it answers something else, FFh as a rule.
 */
#include "debugport.h"
#include "io.h"

#define PORT 0xE9

bool
debugport_init(void)
{
    return inb(PORT) == PORT;
}

void
debugport_write(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        outb(PORT, (uint8_t)text[i]);
}
