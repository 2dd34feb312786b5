/* keyboard.c - the keyboard behind an 8042 controller.
 *
 * Ports (IBM Personal Computer AT technical reference): 60h data; 64h status when read, commands
 * when written. Status bit 0: a byte waits for us; bit 1: the controller has not taken our last one
 * yet; bit 5: the byte comes from the mouse. A machine without the controller answers FFh. Every
 * wait is bounded.
 *
 * The configuration byte is set to what the decoder wants: interrupt 1 on, codes translated to
 * set 1.
 */
#include "keyboard.h"
#include "console.h"
#include "io.h"

#define DATA    0x60
#define CONTROL 0x64

#define STATUS_FULL  0x01
#define STATUS_BUSY  0x02
#define STATUS_MOUSE 0x20
#define NOBODY       0xFF

#define READ_CONFIG      0x20
#define WRITE_CONFIG     0x60
#define DISABLE_PORT     0xAD
#define ENABLE_PORT      0xAE
#define CONFIG_INTERRUPT 0x01
#define CONFIG_DISABLED  0x10
#define CONFIG_TRANSLATE 0x40

#define KEYBOARD_SCAN   0xF4 /* to the keyboard itself: begin to send keys */
#define KEYBOARD_ANSWER 0xFA /* its answers: FAh taken, FEh again */
#define KEYBOARD_AGAIN  0xFE

#define PATIENCE 20000 /* about 40 ms */
#define BURST    64

static bool present;

static bool
wait_status(uint8_t mask, uint8_t value)
{
    for (unsigned i = 0; i < PATIENCE; i++) {
        if ((inb(CONTROL) & mask) == value)
            return true;
        io_delay();
    }
    return false;
}

bool
keyboard_command(uint8_t command)
{
    if (inb(CONTROL) == NOBODY || !wait_status(STATUS_BUSY, 0))
        return false;
    outb(CONTROL, command);
    return wait_status(STATUS_BUSY, 0);
}

void
keyboard_poll(void)
{
    if (!present)
        return;
    for (unsigned i = 0; i < BURST; i++) {
        uint8_t status = inb(CONTROL);
        uint8_t code;

        if (status == NOBODY || !(status & STATUS_FULL))
            return;
        code = inb(DATA);
        if (!(status & STATUS_MOUSE) && code != KEYBOARD_ANSWER && code != KEYBOARD_AGAIN)
            console_input_scancode(code);
    }
}

/* The keyboard is held off meanwhile: a key is not the answer of the controller. */
static void
configure(void)
{
    uint8_t config;

    (void)keyboard_command(DISABLE_PORT);
    keyboard_poll();
    if (keyboard_command(READ_CONFIG) && wait_status(STATUS_FULL, STATUS_FULL)) {
        config = inb(DATA);
        config |= CONFIG_INTERRUPT | CONFIG_TRANSLATE;
        config &= (uint8_t)~CONFIG_DISABLED;
        if (keyboard_command(WRITE_CONFIG))
            outb(DATA, config);
    }
    if (keyboard_command(ENABLE_PORT))
        outb(DATA, KEYBOARD_SCAN);
}

bool
keyboard_init(void)
{
    if (inb(CONTROL) == NOBODY)
        return false;
    present = true;
    configure();
    return true;
}
