/* tty.c - the terminal of the programs: the machine's consoles behind a line discipline.
 *
 *   keyboard, COM1 ── interrupt ──► discipline ──► readers            VGA, COM1, E9 ◄── writers
 *                                     │   └─ echo ─────────────────────────▲
 *                                     └─ ^C ^\ ^Z: signal to the foreground group
 *
 * There is one terminal. While any program has it open, what is typed comes here, from the
 * interrupt, and wakes whoever reads; else it goes to the monitor (console_read_key). When there is
 * no room the byte stays in the serial port until somebody reads. Ctrl-] brings the monitor up
 * whoever has the terminal, and everything stands still until it is left: to look at memory while
 * a program runs.
 *
 * Who of the programs may use it is job control (tty_jobs.c).
 *
 * Lock: terminal.lock, a spinlock, as what is typed comes from interrupts: the line and what hangs
 * on it, session, group and size. Consoles are written to under it, and signals sent
 * (process_lock). An interrupt comes with the lock of the input (console.c), so that one is never
 * taken under this one. Programs' memory is copied outside, through a piece on the stack. One word
 * (session, group) is read without. users_mutex guards who has it open, and with that who listens.
 */
#include "console.h"
#include "file.h"
#include "monitor.h"
#include "poll.h"
#include "signal.h"
#include "syscall.h"
#include "timer.h"
#include "tty.h"
#include "tty_private.h"
#include "uapi/termios.h"

#define ROWS    25
#define COLUMNS 80
#define PIECE   64u /* bytes copied at a time: at 115200 baud about half a tick, interrupts off */

#define TICKS_PER_TENTH (TIMER_HZ / 10) /* of VTIME */

static struct mutex users_mutex STATIC_MUTEX = MUTEX_INIT;

struct terminal terminal = {.size = {.row = ROWS, .col = COLUMNS}};

/* ---- output, with the lock ---- */

static void
flush_output(void)
{
    console_write(terminal.output, terminal.output_size);
    terminal.output_size = 0;
}

static void
put(struct discipline *line, const char *text, size_t size)
{
    (void)line;
    for (size_t i = 0; i < size; i++) {
        if (terminal.output_size == TTY_OUTPUT)
            flush_output();
        terminal.output[terminal.output_size++] = text[i];
    }
}

/* ---- input, from the interrupt ---- */

static void
act_on(enum discipline_event event)
{
    static const uint8_t signals[] = {
        [DISCIPLINE_INTERRUPT] = SIGINT,
        [DISCIPLINE_QUIT] = SIGQUIT,
        [DISCIPLINE_SUSPEND] = SIGTSTP,
    };

    if (event == DISCIPLINE_NOTHING)
        return;
    task_wake_all(&terminal.writers);
    poll_changed();
    if (event != DISCIPLINE_RESUME && terminal.group != 0)
        signal_group(terminal.group, signals[event]);
}

static bool take(uint8_t byte);

/* Called when the kernel is at rest. Afterwards the program in the foreground is told that its
 * screen has changed. */
static void
visit_monitor(void)
{
    console_set_listener(NULL);
    monitor_visit();
    if (terminal.users > 0)
        console_set_listener(take);
    if (terminal.group != 0)
        signal_group(terminal.group, SIGWINCH);
}

static bool
take_locked(uint8_t byte)
{
    if (!discipline_has_room(&terminal.line))
        return false;
    act_on(discipline_type(&terminal.line, byte));
    flush_output();
    if (discipline_count(&terminal.line) > 0) {
        task_wake_all(&terminal.readers);
        poll_changed();
    }
    return true;
}

static bool
take(uint8_t byte)
{
    unsigned long state;
    bool taken;

    if (byte == MONITOR_KEY) {
        task_visit(visit_monitor);
        return true;
    }
    state = spin_lock(&terminal.lock);
    taken = take_locked(byte);
    spin_unlock(&terminal.lock, state);
    return taken;
}

/* ---- reading ---- */

/* How long a read may still sleep: 0 = for ever. Not canonical (termios(3)): VTIME counts from the
 * start of the read when VMIN is 0, else from each byte after the first. */
static uint32_t
patience(void)
{
    const struct termios *termios = &terminal.line.termios;

    if ((termios->lflag & ICANON) || termios->cc[VTIME] == 0)
        return 0;
    if (termios->cc[VMIN] > 0 && discipline_count(&terminal.line) == 0)
        return 0;
    return termios->cc[VTIME] * TICKS_PER_TENTH;
}

/* True when a read of `size` bytes is not to wait, whatever there is. */
static bool
is_ready(size_t size)
{
    const struct termios *termios = &terminal.line.termios;
    unsigned minimum = termios->cc[VMIN] < size ? termios->cc[VMIN] : (unsigned)size;

    if (!(termios->lflag & ICANON) && termios->cc[VMIN] == 0 && termios->cc[VTIME] == 0)
        return true;
    return discipline_readable(&terminal.line, minimum);
}

/* Sleeps without the lock until there is something new. */
static int
sleep_for(struct wait_queue *queue, uint32_t ticks, unsigned long *state)
{
    int result = task_sleep_unlock(queue, TASK_SLEEPING, ticks, &terminal.lock, *state);

    *state = spin_lock(&terminal.lock);
    return result;
}

/* Waits until a read has what it wants. With the lock. 0 or -errno. */
static int
wait_for_input(const struct file *file, const struct buffer *to, unsigned long *state)
{
    int result = 0;

    while (result == 0 && !is_ready(to->size)) {
        if (to->at_once || (file->flags & O_NONBLOCK))
            return discipline_count(&terminal.line) > 0 ? 0 : -EAGAIN;
        result = sleep_for(&terminal.readers, patience(), state);
        if (result == 0)
            result = tty_stop_background(SIGTTIN);
    }
    if (result == -EINTR)
        return discipline_count(&terminal.line) > 0 ? 0 : -ERESTARTSYS;
    return result == -ETIMEDOUT ? 0 : result;
}

/* Comes with the lock, so that what was waited for is still there, and gives it back. */
static long
copy_input(struct buffer *to, unsigned long state)
{
    char piece[PIECE];
    size_t size, done = 0;
    bool more;

    for (;;) {
        size = discipline_read(&terminal.line, piece, to->size < PIECE ? to->size : PIECE, &more);
        spin_unlock(&terminal.lock, state);
        if (buffer_put(to, piece, size) != 0)
            return -EFAULT;
        done += size;
        if (!more || to->size == 0)
            break;
        state = spin_lock(&terminal.lock);
    }
    console_poll_input();
    return (long)done;
}

static long
tty_read(struct file *file, struct buffer *to, uint64_t *position)
{
    unsigned long state;
    int error = tty_stop_background(SIGTTIN);

    (void)position;
    if (error != 0 || to->size == 0)
        return error;
    state = spin_lock(&terminal.lock);
    error = wait_for_input(file, to, &state);
    if (error == 0)
        return copy_input(to, state);
    spin_unlock(&terminal.lock, state);
    return error;
}

/* ---- writing ---- */

/* Waits for its turn: what one write puts out stays in one piece, however long it is. 0 or -errno.
 */
static int
begin_write(const struct file *file)
{
    unsigned long state = spin_lock(&terminal.lock);
    int result = 0;

    while (result == 0 && terminal.writing) {
        if (file->flags & O_NONBLOCK)
            result = -EAGAIN;
        else if (sleep_for(&terminal.writers, 0, &state) == -EINTR)
            result = -ERESTARTSYS;
    }
    if (result == 0)
        terminal.writing = true;
    spin_unlock(&terminal.lock, state);
    return result;
}

static void
end_write(void)
{
    unsigned long state = spin_lock(&terminal.lock);

    terminal.writing = false;
    task_wake_all(&terminal.writers);
    spin_unlock(&terminal.lock, state);
}

/* Waits while ^S holds the output. 0 or -errno. */
static int
wait_for_output(const struct file *file)
{
    unsigned long state = spin_lock(&terminal.lock);
    int result = 0;

    while (result == 0 && terminal.line.stopped) {
        if (file->flags & O_NONBLOCK)
            result = -EAGAIN;
        else if (sleep_for(&terminal.writers, 0, &state) == -EINTR)
            result = -ERESTARTSYS;
    }
    spin_unlock(&terminal.lock, state);
    return result;
}

static int
write_piece(const struct file *file, struct buffer *from, size_t size)
{
    char piece[PIECE];
    unsigned long state;
    int error = wait_for_output(file);

    if (error != 0)
        return error;
    if (buffer_get(from, piece, size) != 0)
        return -EFAULT;
    state = spin_lock(&terminal.lock);
    discipline_write(&terminal.line, piece, size);
    flush_output();
    spin_unlock(&terminal.lock, state);
    return 0;
}

static long
write_pieces(const struct file *file, struct buffer *from)
{
    size_t done = 0;
    int error = 0;

    while (error == 0 && from->size > 0) {
        size_t size = from->size < PIECE ? from->size : PIECE;

        error = write_piece(file, from, size);
        if (error != 0)
            break;
        done += size;
        if (from->size > 0 && task_signalled(task_current()))
            error = -ERESTARTSYS;
        task_breathe();
    }
    return done > 0 ? (long)done : error;
}

static long
tty_write(struct file *file, struct buffer *from, uint64_t *position)
{
    bool stops = (terminal.line.termios.lflag & TOSTOP) != 0;
    long result = stops ? tty_stop_background(SIGTTOU) : 0;

    (void)position;
    if (result == 0)
        result = begin_write(file);
    if (result != 0)
        return result;
    result = write_pieces(file, from);
    end_write();
    return result;
}

/* ---- settings and questions ---- */

static long
get_termios(void *to)
{
    unsigned long state = spin_lock(&terminal.lock);
    struct termios termios = terminal.line.termios;

    spin_unlock(&terminal.lock, state);
    return copy_to_user(to, &termios, sizeof(termios));
}

static long
get_size(void *to)
{
    unsigned long state = spin_lock(&terminal.lock);
    struct winsize size = terminal.size;

    spin_unlock(&terminal.lock, state);
    return copy_to_user(to, &size, sizeof(size));
}

static long
set_termios(const void *from, bool flush)
{
    struct termios termios;
    unsigned long state;
    int error = tty_stop_background(SIGTTOU);

    if (error == 0)
        error = copy_from_user(&termios, from, sizeof(termios));
    if (error != 0)
        return error;
    state = spin_lock(&terminal.lock);
    if (flush)
        discipline_flush(&terminal.line);
    discipline_set(&terminal.line, &termios);
    task_wake_all(&terminal.readers);
    task_wake_all(&terminal.writers);
    poll_changed();
    spin_unlock(&terminal.lock, state);
    console_poll_input();
    return 0;
}

static long
flush_queue(uintptr_t which)
{
    unsigned long state;
    int error = tty_stop_background(SIGTTOU);

    if (which > TCIOFLUSH)
        return -EINVAL;
    if (error != 0)
        return error;
    state = spin_lock(&terminal.lock);
    if (which != TCOFLUSH)
        discipline_flush(&terminal.line);
    spin_unlock(&terminal.lock, state);
    console_poll_input();
    return 0;
}

/* tcflow(3): output stops and goes on as by ^S and ^Q; what is typed is not held up. */
static long
control_flow(uintptr_t action)
{
    unsigned long state;

    if (action > TCION)
        return -EINVAL;
    state = spin_lock(&terminal.lock);
    if (action == TCOOFF || action == TCOON)
        terminal.line.stopped = action == TCOOFF;
    task_wake_all(&terminal.writers);
    poll_changed();
    spin_unlock(&terminal.lock, state);
    return 0;
}

static long
set_size(const void *from)
{
    struct winsize size;
    unsigned long state;
    bool differs;

    if (copy_from_user(&size, from, sizeof(size)) != 0)
        return -EFAULT;
    state = spin_lock(&terminal.lock);
    differs = memcmp(&size, &terminal.size, sizeof(size)) != 0;
    terminal.size = size;
    spin_unlock(&terminal.lock, state);
    if (differs && terminal.group != 0)
        signal_group(terminal.group, SIGWINCH);
    return 0;
}

static uint32_t
count_bytes(void)
{
    unsigned long state = spin_lock(&terminal.lock);
    size_t count = discipline_bytes(&terminal.line);

    spin_unlock(&terminal.lock, state);
    return (uint32_t)count;
}

static long
tty_ioctl(struct file *file, unsigned request, uintptr_t argument)
{
    void *user = (void *)argument;

    (void)file;
    switch (request) {
    case TCGETS:
        return get_termios(user);
    case TCSETS:
    case TCSETSW: /* output never waits */
        return set_termios(user, false);
    case TCSETSF:
        return set_termios(user, true);
    case TCFLSH:
        return flush_queue(argument);
    case TCXONC:
        return control_flow(argument);
    case TCSBRK:
    case TCSBRKP:
        return 0;
    case TIOCGWINSZ:
        return get_size(user);
    case TIOCSWINSZ:
        return set_size(user);
    case FIONREAD:
        return put_user_u32(count_bytes(), user);
    case TIOCOUTQ:
        return put_user_u32(0, user);
    default:
        return tty_control_jobs(request, argument);
    }
}

/* Ready means VMIN bytes where no time ends a read earlier. */
static unsigned
tty_poll(struct file *file)
{
    size_t wanted = terminal.line.termios.cc[VTIME] == 0 ? UINT8_MAX : 1;

    (void)file;
    return (is_ready(wanted) && discipline_count(&terminal.line) > 0 ? POLL_IN : 0) |
           (terminal.line.stopped ? 0 : POLL_OUT);
}

/* ---- opening ---- */

static void
use(void)
{
    mutex_lock(&users_mutex);
    if (terminal.users++ == 0)
        console_set_listener(take);
    mutex_unlock(&users_mutex);
}

/* A leader of a session without terminal gets this one. */
static int
console_open(struct file *file)
{
    const struct process *process = task_current()->process;

    use();
    if (!(file->flags & O_NOCTTY) && process->pid == process->session && process->pid != 0)
        (void)tty_take(process, false);
    return 0;
}

static int
tty_open(struct file *file)
{
    (void)file;
    if (!tty_controls(task_current()->process))
        return -ENXIO;
    use();
    return 0;
}

static void
tty_close(struct file *file)
{
    (void)file;
    mutex_lock(&users_mutex);
    if (--terminal.users == 0)
        console_set_listener(NULL);
    mutex_unlock(&users_mutex);
}

static const struct file_ops console_ops = {
    .read = tty_read, .write = tty_write, .ioctl = tty_ioctl, .poll = tty_poll,
    .open = console_open, .close = tty_close, .stream = true,
};

static const struct file_ops tty_ops = {
    .read = tty_read, .write = tty_write, .ioctl = tty_ioctl, .poll = tty_poll,
    .open = tty_open, .close = tty_close, .stream = true,
};

void
tty_init(void)
{
    discipline_init(&terminal.line, put);
    tree_add_device("/dev/console", &console_ops, TTY_MAJOR, CONSOLE_MINOR);
    tree_add_device("/dev/tty", &tty_ops, TTY_MAJOR, TTY_MINOR);
}
