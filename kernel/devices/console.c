/* console.c - all consoles as one, and all input as one queue of keys.
 *
 * Output: each message goes to every console in use, under one lock. The lock belongs to a CPU,
 * with its interrupts off, and nests: an exception inside a driver can still be reported. It is
 * waited for a while only; a panic then prints in spite of it.
 *
 * Input: drivers deliver raw bytes from their interrupts, or from polling; decoders (keys.c) make
 * keys of them; keys wait in a ring. The reader halts the CPU between interrupts, and polls the
 * drivers each time it wakes, so a lost interrupt costs one tick of the timer, not the key.
 */
#include "console.h"
#include "cmdline.h"
#include "debugport.h"
#include "io.h"
#include "keyboard.h"
#include "keys.h"
#include "pic.h"
#include "platform.h"
#include "serial.h"
#include <string.h>
#include "timer.h"
#include "vga.h"

#define LOCK_PATIENCE 10000000u
#define QUEUE_KEYS    256u

static struct console {
    const char *name;
    bool (*init)(void);
    void (*write)(const char *text, size_t size);
    bool present;
    bool used;
} consoles[] = {
    {.name = "vga", .init = vga_init, .write = vga_write},
    {.name = "com1", .init = serial_init, .write = serial_write},
    {.name = "e9", .init = debugport_init, .write = debugport_write},
};

/* ---- the lock ---- */

static unsigned lock_holder; /* CPU + 1; 0 = free */
static unsigned lock_depth;

unsigned long
console_lock(void)
{
    unsigned long state = interrupts_disable();
    unsigned me = cpu_current() + 1;

    for (unsigned i = 0; i < LOCK_PATIENCE; i++) {
        unsigned nobody = 0;

        if (__atomic_load_n(&lock_holder, __ATOMIC_RELAXED) == me)
            break;
        if (__atomic_compare_exchange_n(&lock_holder, &nobody, me, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            break;
        spin_relax();
    }
    lock_depth++;
    return state;
}

void
console_unlock(unsigned long state)
{
    if (--lock_depth == 0)
        __atomic_store_n(&lock_holder, 0, __ATOMIC_RELEASE);
    interrupts_restore(state);
}

void
console_take_over(void)
{
    if (lock_holder != cpu_current() + 1) {
        lock_holder = 0;
        lock_depth = 0;
    }
}

/* ---- output ---- */

static char last_character = '\n';

bool
console_in_line(void)
{
    return last_character != '\n';
}

void
console_early_init(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(consoles); i++) {
        consoles[i].present = consoles[i].init();
        consoles[i].used = consoles[i].present;
    }
}

bool
console_has_screen(void)
{
    return consoles[0].present;
}

static struct console *
console_named(const char *name, size_t length)
{
    for (size_t i = 0; i < ARRAY_LENGTH(consoles); i++) {
        if (strlen(consoles[i].name) == length && memcmp(consoles[i].name, name, length) == 0)
            return &consoles[i];
    }
    return NULL;
}

/* Marks the consoles of a list with commas. Returns true when one of them is there. */
static bool
choose(const char *list, bool *chosen)
{
    bool any = false;

    while (*list) {
        const char *comma = strchr(list, ',');
        size_t length = comma ? (size_t)(comma - list) : strlen(list);
        struct console *console = console_named(list, length);

        if (console && console->present)
            any = chosen[console - consoles] = true;
        else
            klog("console: there is no '%.*s'\n", (int)length, list);
        list += length + (comma != NULL);
    }
    return any;
}

void
console_setup(void)
{
    const char *list = cmdline_value("console");
    bool chosen[ARRAY_LENGTH(consoles)] = {false};

    if (!list)
        return;
    if (!choose(list, chosen)) {
        klog("console: nothing of '%s' is there, all stay on\n", list);
        return;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(consoles); i++)
        consoles[i].used = chosen[i];
}

void
console_leave(const char *name)
{
    struct console *console = console_named(name, strlen(name));

    if (console != NULL)
        console->used = false;
}

void
console_write(const char *text, size_t size)
{
    unsigned long state;

    if (size == 0)
        return;
    state = console_lock();
    for (size_t i = 0; i < ARRAY_LENGTH(consoles); i++) {
        if (consoles[i].used)
            consoles[i].write(text, size);
    }
    last_character = text[size - 1];
    console_unlock(state);
}

void
console_flush(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(consoles); i++) {
        if (consoles[i].used && consoles[i].write == serial_write)
            serial_flush();
    }
}

void
console_clear(void)
{
    static const char terminal_clear[] = "\033[H\033[2J"; /* ECMA-48: home, erase all */
    unsigned long state = console_lock();

    for (size_t i = 0; i < ARRAY_LENGTH(consoles); i++) {
        if (consoles[i].used && consoles[i].write == vga_write)
            vga_clear();
        if (consoles[i].used && consoles[i].write == serial_write)
            serial_write(terminal_clear, sizeof(terminal_clear) - 1);
    }
    console_unlock(state);
}

/* ---- input ---- */

/* Guards all below, and what drivers keep of their input. The listener is called with it held. */
static struct spinlock input_lock;
static short queue[QUEUE_KEYS];
static unsigned queue_first, queue_count;
static struct terminal_state terminal;
static struct scancode_state scancodes;
static bool (*listener)(uint8_t byte); /* NULL: the queue */

/* Another CPU may be printing: the screen is under the lock of the output. */
static void
scroll_back(bool up)
{
    unsigned long state = console_lock();

    vga_scroll_back(up);
    console_unlock(state);
}

/* Keys that move the screen's view are used up here. There is room. */
static void
enqueue(int key)
{
    if (key == KEY_SCROLL_UP || key == KEY_SCROLL_DOWN)
        scroll_back(key == KEY_SCROLL_UP);
    else if (key != KEY_NONE)
        queue[(queue_first + queue_count++) % QUEUE_KEYS] = (short)key;
}

/* A key of the keyboard for the listener; of one that is longer than the room, a part is lost. */
static void
tell_listener(int key)
{
    uint8_t bytes[KEY_BYTES];
    size_t size = key_bytes(key, bytes);

    for (size_t i = 0; i < size && listener(bytes[i]);)
        i++;
}

bool
console_input_serial(uint8_t byte)
{
    if (listener != NULL)
        return listener(byte);
    if (queue_count == QUEUE_KEYS)
        return false;
    enqueue(terminal_key(&terminal, byte));
    return true;
}

bool
console_input_scancode(uint8_t code)
{
    int key = scancode_key(&scancodes, code);

    if (listener != NULL && key != KEY_NONE && key < KEY_SCROLL_UP) {
        tell_listener(key);
        return true;
    }
    if (queue_count == QUEUE_KEYS)
        return false;
    enqueue(key);
    return true;
}

static void
poll_drivers(void)
{
    keyboard_poll();
    serial_poll();
}

void
console_set_listener(bool (*take)(uint8_t byte))
{
    unsigned long state = spin_lock(&input_lock);

    listener = take;
    poll_drivers();
    spin_unlock(&input_lock, state);
}

void
console_poll_input(void)
{
    unsigned long state = spin_lock(&input_lock);

    poll_drivers();
    spin_unlock(&input_lock, state);
}

static void
input_interrupt(unsigned irq)
{
    spin_lock_only(&input_lock);
    if (irq == KEYBOARD_IRQ)
        keyboard_poll();
    else
        serial_poll();
    spin_unlock_only(&input_lock);
}

/* Interrupts off; they are on while the CPU halts, or the caller had them off too. */
static void
wait_for_input(bool halt)
{
    spin_unlock_only(&input_lock);
    if (halt)
        __asm__ volatile("sti; hlt; cli" : : : "memory"); /* sti takes effect after hlt began */
    else
        io_delay();
    spin_lock_only(&input_lock);
}

static bool
serial_is_present(void)
{
    return console_named("com1", 4)->present;
}

void
console_input_init(void)
{
    unsigned long state = interrupts_disable();

    if (keyboard_init())
        pic_set_handler(KEYBOARD_IRQ, input_interrupt);
    else
        klog("keyboard: no controller\n");
    if (serial_is_present()) {
        pic_set_handler(serial_irq(), input_interrupt);
        serial_enable_interrupt();
    }
    interrupts_restore(state);
}

static int
dequeue(void)
{
    int key;

    poll_drivers();
    if (queue_count == 0)
        return KEY_NONE;
    key = queue[queue_first];
    queue_first = (queue_first + 1) % QUEUE_KEYS;
    queue_count--;
    return key;
}

int
console_wait_key(uint32_t ticks)
{
    unsigned long state = spin_lock(&input_lock);
    uint32_t start = timer_ticks();
    int key = dequeue();

    while (key == KEY_NONE && (ticks == 0 || timer_ticks() - start < ticks)) {
        wait_for_input(state & EFLAGS_IF);
        key = dequeue();
    }
    if (key == KEY_NONE && terminal.stage != 0) {
        terminal = (struct terminal_state){0};
        key = KEY_ESCAPE;
    }
    spin_unlock(&input_lock, state);
    return key;
}

int
console_read_key(void)
{
    return console_wait_key(0);
}
