/* A terminal from the program's side: somebody types what the lines "type NAME" ask for
 * (tests/user/typed.t knows what), and this checks what read, poll and the signals make of it. */
#include "clock.h"
#include "threads.h"

enum {
    NR_setpgid = 57, NR_setsid = 66, NR_fcntl = 55,
    TC_GETS = 0x5401, TC_SETS = 0x5402, TC_SETSF = 0x5404, TC_FLSH = 0x540B, TIOC_GPGRP = 0x540F,
    TIOC_SPGRP = 0x5410, TIOC_GWINSZ = 0x5413, TIOC_SWINSZ = 0x5414, FIO_NREAD = 0x541B,
    TIOC_NOTTY = 0x5422, TIOC_GSID = 0x5429,
    SIG_HUP = 1, SIG_INT = 2, SIG_QUIT = 3, SIG_CONT = 18, SIG_TSTP = 20, SIG_TTIN = 21,
    SIG_TTOU = 22, SIG_WINCH = 28,
    L_ISIG = 1, L_ICANON = 2, L_ECHO = 8, L_TOSTOP = 0x100,
    C_TIME = 5, C_MIN = 6,
    O_NOCTTYS = 0x100, O_NONBLOCKS = 0x800, UNTRACED = 2, IN = 1, OUT = 4, ENXIO_ = 6,
};

struct termios {
    u32 iflag, oflag, cflag, lflag;
    u8 line, cc[19];
};

static struct termios usual;
static char text[300];

/* Asks the one who types. */
static void type(const char *name)
{
    out("type %s\n", name);
}

static long read_tty(ulong size)
{
    set_all(text, 0, sizeof(text));
    return k_read(0, text, size);
}

static int waiting(void)
{
    int count = -1;

    SC3(NR_ioctl, 0, FIO_NREAD, &count);
    return count;
}

static long polled(int ms)
{
    struct {
        int fd;
        short events, revents;
    } entry = {0, IN, 0};

    return SC3(NR_poll, &entry, 1, ms);
}

static void set_raw(u8 least, u8 tenths)
{
    struct termios raw = usual;

    raw.lflag &= ~(u32)(L_ICANON | L_ECHO);
    raw.cc[C_MIN] = least;
    raw.cc[C_TIME] = tenths;
    SC3(NR_ioctl, 0, TC_SETS, &raw);
}

static void set_usual(void)
{
    SC3(NR_ioctl, 0, TC_SETSF, &usual);
}

/* ---- lines ---- */

static void lines(void)
{
    type("edited");
    eq(read_tty(2), 2, "the start of a line");
    eq(read_tty(100), 2, "and its rest");
    ok(str_eq(text, "c\n"), "as it was edited");
    type("ended");
    while (waiting() < 2)
        nap(10);
    eq(waiting(), 2, "FIONREAD: the bytes that ^D gives");
    eq(read_tty(100), 2, "^D gives what there is of a line");
    ok(str_eq(text, "xy"), "without itself");
    type("end");
    eq(read_tty(100), 0, "alone it is the end");
    type("two");
    eq(read_tty(100), 4, "one line at a time");
    while (waiting() < 4)
        nap(10);
    eq(polled(0), 1, "poll: another is there");
    eq(read_tty(100), 4, "the second");
    ok(str_eq(text, "two\n"), "as typed");
    type("part");
    eq(polled(300), 0, "poll: a part of a line is nothing to read");
    type("rest");
    eq(polled(5000), 1, "poll: the line is there");
    eq(read_tty(100), 10, "in one piece");
    SC3(NR_fcntl, 0, 4, O_NONBLOCKS);
    eq(read_tty(100), -EAGAIN_, "O_NONBLOCK: nothing there");
    SC3(NR_fcntl, 0, 4, 0);
    type("flushed");
    while (waiting() < 5)
        nap(10);
    eq(SC3(NR_ioctl, 0, TC_FLSH, 0), 0, "TCFLSH");
    eq(waiting(), 0, "what was typed is gone");
}

/* ---- bytes ---- */

static void bytes(void)
{
    long before;

    set_raw(3, 0);
    type("one");
    while (waiting() < 1)
        nap(10);
    eq(polled(0), 0, "poll: one byte of VMIN's three is not enough");
    type("two more");
    eq(polled(5000), 1, "poll: three are");
    eq(read_tty(100), 3, "VMIN 3 waits for three");
    ok(str_eq(text, "abc"), "as typed");
    set_raw(0, 2);
    before = ms_now();
    eq(read_tty(100), 0, "VMIN 0, VTIME 2: nothing came");
    ok(ms_now() - before >= 150 && ms_now() - before < 4000, "in two tenths of a second");
    set_raw(0, 0);
    eq(read_tty(100), 0, "VMIN 0, VTIME 0: nothing is there");
    eq(polled(0), 0, "poll: nothing");
    set_raw(9, 9);
    type("some");
    eq(read_tty(100), 4, "VMIN 9, VTIME 9: a pause ends it");
    set_raw(1, 0);
    SC3(NR_fcntl, 0, 4, O_NONBLOCKS);
    eq(read_tty(100), -EAGAIN_, "O_NONBLOCK: nothing there");
    SC3(NR_fcntl, 0, 4, 0);
    type("escape");
    eq(polled(5000), 1, "poll: a byte is enough where VMIN is 1");
    eq(read_tty(1), 1, "read it");
    eq(text[0], 27, "as typed");
    while (waiting() < 2)
        nap(10);
    eq(read_tty(100), 2, "the rest");
    set_usual();
}

/* ---- signals from keys ---- */

struct action {
    void *handler;
    ulong flags;
    void *restorer;
    u64 mask;
} __attribute__((packed));

void typed_restorer(void);
__asm__(".text\ntyped_restorer:\npop %eax\nmov $119,%eax\nint $0x80\n");

static volatile int caught[32];

static void count_signal(int signal) { caught[signal]++; }

static void set_handler(int signal, void *handler)
{
    struct action action = {handler, 0x04000000, (void *)typed_restorer, 0};

    SC4(NR_rt_sigaction, signal, &action, 0, 8);
}

static void keys(void)
{
    static const struct {
        const char *name;
        int signal;
    } each[] = {{"interrupt", SIG_INT}, {"quit", SIG_QUIT}, {"suspend", SIG_TSTP}};
    struct termios plain = usual;

    for (int i = 0; i < 3; i++) {
        set_handler(each[i].signal, (void *)count_signal);
        type(each[i].name);
        eq(read_tty(100), -EINTR_, "a read ends with the signal of a key");
        eq(caught[each[i].signal], 1, "which is %d", each[i].signal);
    }
    type("line");
    eq(read_tty(100), 2, "what was typed before is gone");
    ok(str_eq(text, "d\n"), "what came after is there");
    plain.lflag &= ~(u32)(L_ISIG | L_ICANON | L_ECHO);
    plain.cc[C_MIN] = 1;
    SC3(NR_ioctl, 0, TC_SETS, &plain);
    type("no signals");
    while (waiting() < 3)
        nap(10);
    eq(read_tty(100), 3, "without ISIG they are bytes");
    ok(text[0] == 3 && text[1] == 28 && text[2] == 26, "as typed");
    set_usual();
    for (int i = 0; i < 3; i++)
        set_handler(each[i].signal, 0);
}

/* ---- jobs ---- */

static int reads_in_background(void *arg)
{
    (void)arg;
    SC2(NR_setpgid, 0, 0);
    return read_tty(10) == -EIO_ ? 7 : 8;
}

static int ignoring_reads(void *arg)
{
    set_handler(SIG_TTIN, (void *)1);
    return reads_in_background(arg);
}

static int sets_in_background(void *arg)
{
    (void)arg;
    SC2(NR_setpgid, 0, 0);
    return SC3(NR_ioctl, 0, TC_SETS, &usual) == 0 ? 7 : 8;
}

static int ignoring_sets(void *arg)
{
    set_handler(SIG_TTOU, (void *)1);
    return sets_in_background(arg);
}

static int writes_in_background(void *arg)
{
    (void)arg;
    SC2(NR_setpgid, 0, 0);
    return k_write(1, "", 0) == 0 && k_write(1, "\r", 1) == 1 ? 7 : 8;
}

static char stacks[2][THREAD_STACK] __attribute__((aligned(16)));

static void takes_signals(void *arg)
{
    (void)arg;
    for (;;)
        nap(100);
}

static void sends_first(void *process)
{
    SC2(NR_kill, process, SIG_TTIN);
}

/* A read that finds SIGTTIN pending already: another thread was told, and runs after this one. */
static int reads_behind_another(void *arg)
{
    long answer = -EINTR_;

    (void)arg;
    SC2(NR_setpgid, 0, 0);
    set_handler(SIG_TTIN, (void *)count_signal);
    start_thread(AS_THREAD, takes_signals, 0, stacks[0]);
    for (int i = 0; i < 10 && answer == -EINTR_; i++) {
        long child = start_thread(AS_CHILD, sends_first, (void *)SC0(NR_getpid), stacks[1]);
        k_yield();
        answer = read_tty(10);
        while (k_wait(child, 0) == -EINTR_)
            ;
    }
    return answer == -EINTR_ ? 7 : 8;
}

/* A child that does this: the first status it gives, stopped or ended. */
static int status_of(int (*what)(void *))
{
    long pid = k_fork();
    int st = 0, last;

    if (pid == 0)
        k_exit(what(0));
    SC4(NR_wait4, pid, &st, UNTRACED, 0);
    if ((st & 0xFF) == 0x7F) {
        SC2(NR_kill, pid, SIG_KILL);
        k_wait(pid, &last);
    }
    return st;
}

static int without_terminal(void *arg)
{
    long fd;
    int group;

    (void)arg;
    SC0(NR_setsid);
    fd = SC3(NR_open, "/dev/tty", 2, 0);
    if (fd != -ENXIO_)
        return 1;
    return SC3(NR_ioctl, 0, TIOC_GPGRP, &group) == -ENOTTY_ ? 0 : 2;
}

static void jobs(void)
{
    struct termios stops = usual;
    int me = (int)SC0(NR_getpid), number = 0;
    long tty;

    eq(SC3(NR_ioctl, 0, TIOC_GPGRP, &number) | number, me, "this is in the foreground");
    eq(SC3(NR_ioctl, 0, TIOC_GSID, &number) | number, me, "and leads its session");
    eq(status_of(reads_in_background), SIG_TTIN << 8 | 0x7F, "a read in the background stops");
    eq(status_of(ignoring_reads), 7 << 8, "or fails when SIGTTIN is ignored");
    eq(status_of(reads_behind_another), 7 << 8, "or is interrupted, whichever thread is told");
    eq(status_of(sets_in_background), SIG_TTOU << 8 | 0x7F, "new settings from there stop");
    eq(status_of(ignoring_sets), 7 << 8, "or work when SIGTTOU is ignored");
    eq(status_of(writes_in_background), 7 << 8, "output comes through");
    stops.lflag |= L_TOSTOP;
    SC3(NR_ioctl, 0, TC_SETS, &stops);
    eq(status_of(writes_in_background), SIG_TTOU << 8 | 0x7F, "or stops with TOSTOP");
    set_usual();
    number = 99999;
    ok(SC3(NR_ioctl, 0, TIOC_SPGRP, &number) < 0, "nobody else's group can be in front");
    eq(in_child(without_terminal, 0), 0, "another session has no /dev/tty");
    tty = SC3(NR_open, "/dev/tty", 2, 0);
    ok(tty >= 0, "this one has");
    eq(SC3(NR_lseek, tty, 0, 0), -ESPIPE_, "it has no position");
    eq(k_write((int)tty, "\r", 1), 1, "it can be written");
    k_close((int)tty);
}

/* ---- the window, and output that is held ---- */

static void window(void)
{
    u16 size[4] = {0}, other[4] = {30, 90, 0, 0};

    eq(SC3(NR_ioctl, 0, TIOC_GWINSZ, size), 0, "TIOCGWINSZ");
    ok(size[0] > 0 && size[1] > 0, "%u rows, %u columns", size[0], size[1]);
    set_handler(SIG_WINCH, (void *)count_signal);
    eq(SC3(NR_ioctl, 0, TIOC_SWINSZ, other), 0, "TIOCSWINSZ");
    eq(caught[SIG_WINCH], 1, "tells the foreground");
    SC3(NR_ioctl, 0, TIOC_SWINSZ, other);
    eq(caught[SIG_WINCH], 1, "if it changes anything");
    SC3(NR_ioctl, 0, TIOC_SWINSZ, size);
}

static short writable(void)
{
    struct {
        int fd;
        short events, revents;
    } entry = {1, OUT, 0};

    SC3(NR_poll, &entry, 1, 0);
    return entry.revents;
}

static void held_output(void)
{
    long before;

    type("stop"); /* and a little later: go on */
    for (int i = 0; writable() != 0 && i < 300; i++)
        nap(10);
    before = ms_now();
    k_write(1, "\r", 1);
    ok(ms_now() - before >= 100, "^S holds output until ^Q");
}

/* ---- several that write ---- */

enum { WRITERS = 3, LINES = 30 };

static int write_lines(int letter)
{
    static char line[1000];
    int whole = 0;

    set_all(line, (u8)letter, sizeof(line) - 1);
    line[sizeof(line) - 1] = '\n';
    for (int i = 0; i < LINES; i++)
        whole += k_write(1, line, sizeof(line)) == sizeof(line);
    return whole;
}

/* typed.t looks whether the lines are whole. */
static void together(void)
{
    int written = 0, st;

    for (int i = 0; i < WRITERS; i++) {
        if (k_fork() == 0)
            k_exit(write_lines('u' + i));
    }
    for (int i = 0; i < WRITERS; i++) {
        k_wait(-1, &st);
        written += st >> 8;
    }
    eq(written, WRITERS * LINES, "several write long lines at the same time");
}

/* ---- a terminal that is nobody's ---- */

/* A session's leader opens it: 0 it is the session's now, 1 it is not. */
static int opens(void *flags)
{
    char path[64] = {0};
    long fd;

    SC0(NR_setsid);
    SC3(NR_readlink, "/proc/self/fd/0", path, sizeof path - 1);
    if (SC3(NR_open, path, 2 | (long)flags, 0) < 0)
        return 2;
    fd = SC3(NR_open, "/dev/tty", 2, 0);
    if (fd == -ENXIO_)
        return 1;
    return SC3(NR_ioctl, fd, TIOC_NOTTY, 0) == 0 ? 0 : 3;
}

static void nobodys(void)
{
    set_handler(SIG_HUP, (void *)1); /* ignored */
    eq(SC3(NR_ioctl, 0, TIOC_NOTTY, 0), 0, "the leader gives the terminal up");
    eq(SC3(NR_open, "/dev/tty", 2, 0), -ENXIO_, "then it has none");
    eq(in_child(opens, (void *)O_NOCTTYS), 1 << 8, "nor has one who opens it with O_NOCTTY");
    eq(in_child(opens, 0), 0, "one who opens it without has it");
}

int main(void)
{
    SC3(NR_ioctl, 0, TC_GETS, &usual);
    lines();
    bytes();
    keys();
    jobs();
    window();
    held_output();
    together();
    nobodys();
    return done("typed");
}
