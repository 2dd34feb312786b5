/* Pipes with a name and without, and waiting for files: what fits and what waits, writes that stay
 * in one piece, how ends come and go, poll and select with their times and signals. */
#include "clock.h"
#include "tap.h"

enum {
    NR_mknod = 14, NR_alarm = 27, NR_fcntl = 55, NR_fchmod = 94, NR_newselect = 142,
    NR_sendfile = 187, NR_ppoll = 309, NR_pselect6 = 308, ENXIO_ = 6,
};

enum {
    O_NONBLOCKS = 0x800, FIO_NREAD = 0x541B,
    IN = 1, OUT = 4, ERR = 8, HUP = 0x10, NVAL = 0x20,
    SIG_USR1 = 10, SIG_ALRM = 14, SIG_CONT = 18, SIG_STOP = 19,
    ATOMIC = 4096, /* PIPE_BUF */
    PIPE_BYTES = 65536, GET_SIZE = 1032, SET_SIZE = 1031,
};

#define RL_FILES 7

struct iov {
    const void *base;
    u32 size;
};

struct poll_entry {
    int fd;
    short events, revents;
};

static char bytes[4 * PG];
static int ends[2];

static void open_pipe(int flags)
{
    SC2(NR_pipe2, ends, flags);
}

static void close_pipe(void)
{
    k_close(ends[0]);
    k_close(ends[1]);
}

/* Writes until nothing more fits; how much did. */
static long fill(void)
{
    long total = 0, done;

    while ((done = k_write(ends[1], bytes, ATOMIC)) > 0)
        total += done;
    return done == -EAGAIN_ ? total : done;
}

static short polled(int fd, short events, int ms)
{
    struct poll_entry entry = {fd, events, 0x7F};
    long ready = SC3(NR_poll, &entry, 1, ms);

    return ready < 0 ? (short)ready : ready == (entry.revents != 0) ? entry.revents : 0x7FFF;
}

/* ---- bytes ---- */

static int write_for_nobody(void *arg)
{
    (void)arg;
    k_write(ends[1], "x", 1);
    return 0;
}

static void ends_of_pipes(void)
{
    struct {
        u32 words[24];
    } st;
    int count = 99;

    eq(SC2(NR_pipe2, ends, 0x40000000), -EINVAL_, "pipe2 with a flag there is not");
    eq(SC2(NR_pipe2, 8, 0), -EFAULT_, "pipe2 to a bad address");
    open_pipe(0);
    eq(k_write(ends[1], "hello", 5), 5, "write");
    eq(SC3(NR_ioctl, ends[0], FIO_NREAD, &count) | count, 5, "FIONREAD");
    eq(k_read(ends[0], bytes, 3), 3, "read of a part");
    eq(k_read(ends[0], bytes, 99), 2, "read of the rest");
    eq(k_read(ends[1], bytes, 1), -EBADF_, "read of the writer's end");
    eq(k_write(ends[0], bytes, 1), -EBADF_, "write to the reader's end");
    eq(k_write(ends[1], bytes, 0), 0, "write of nothing");
    eq(SC3(NR_lseek, ends[0], 0, 1), -ESPIPE_, "there is no position");
    eq(SC5(NR_pread64, ends[0], bytes, 1, 0, 0), -ESPIPE_, "pread neither");
    eq(SC2(NR_fstat64, ends[0], &st), 0, "fstat64");
    eq(st.words[4] & 0170000, 010000, "a FIFO");
    k_write(ends[1], "last", 4);
    k_close(ends[1]);
    eq(polled(ends[0], IN, 0), IN | HUP, "poll: bytes, and the writer is gone");
    eq(k_read(ends[0], bytes, 99), 4, "what was written can still be read");
    eq(polled(ends[0], IN, 0), HUP, "poll: nothing but the end");
    eq(k_read(ends[0], bytes, 99), 0, "and then comes the end");
    k_close(ends[0]);
    open_pipe(0);
    k_close(ends[0]);
    eq(polled(ends[1], 0, 0), ERR, "poll: the reader is gone");
    eq(sig_of(write_for_nobody, 0), SIG_PIPE, "a write then ends with SIGPIPE");
    k_close(ends[1]);
}

static void without_waiting(void)
{
    struct iov two[2] = {{bytes, 60}, {bytes, 60}};
    long room;

    open_pipe(O_NONBLOCKS);
    eq(k_read(ends[0], bytes, 1), -EAGAIN_, "nothing to read");
    room = fill();
    eq(room, PIPE_BYTES, "a pipe takes 64 KiB");
    eq(polled(ends[1], OUT, 0), 0, "poll: no room");
    eq(k_read(ends[0], bytes, 100), 100, "100 bytes go");
    eq(k_write(ends[1], bytes, 101), -EAGAIN_, "101 do not take their place");
    eq(SC3(NR_writev, ends[1], two, 2), -EAGAIN_, "nor do two times 60, one by one");
    ok(k_read(ends[0], bytes, ATOMIC) >= ATOMIC - 100, "a page goes");
    eq(SC3(NR_writev, ends[1], two, 2), 120, "now they fit");
    while (k_read(ends[0], bytes, ATOMIC) > 0)
        ;
    eq(polled(ends[1], OUT, 0), OUT, "poll: room");
    eq(SC3(NR_fcntl, ends[1], 4, 0), 0, "F_SETFL makes it wait again");
    close_pipe();
}

static long set_size(int fd, ulong size) { return SC3(NR_fcntl, fd, SET_SIZE, size); }

/* What a pipe holds can be asked and changed. */
static void sizes(void)
{
    long fd = SC3(NR_memfd_create, "none", 0, 0), got;
    ulong wrong = 0, total = 0;
    u32 in = 1, out = 1;

    open_pipe(O_NONBLOCKS);
    eq(SC3(NR_fcntl, ends[0], GET_SIZE, 0), PIPE_BYTES, "F_GETPIPE_SZ");
    eq(set_size(ends[1], 5000), 8192, "F_SETPIPE_SZ rounds up");
    eq(fill(), 8192, "and the pipe takes so much");
    eq(set_size(ends[1], 4096), -EBUSY_, "it cannot be less than lies in it");
    k_read(ends[0], bytes, ATOMIC);
    eq(set_size(ends[0], 0), 4096, "a page is the least");
    eq(polled(ends[1], OUT, 0), 0, "which is full now");
    eq(set_size(ends[0], 0x100000), 0x100000, "a MiB is the most");
    eq(polled(ends[1], OUT, 0), OUT, "so it is not any more");
    eq(set_size(ends[0], 0xFFFFFFFF), -EINVAL_, "4 GiB are too much");
    eq(set_size((int)fd, 4096), -EBADF_, "F_SETPIPE_SZ of another file");
    eq(SC3(NR_fcntl, fd, GET_SIZE, 0), -EBADF_, "F_GETPIPE_SZ of another file");
    k_read(ends[0], bytes, ATOMIC);
    do {
        for (ulong i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)rnd(&in);
        got = k_write(ends[1], bytes, sizeof(bytes));
    } while (got == sizeof(bytes));
    eq(got, -EAGAIN_, "a MiB is written");
    while ((got = k_read(ends[0], bytes, 5555)) > 0) {
        for (long i = 0; i < got; i++)
            wrong += bytes[i] != (char)rnd(&out);
        total += (ulong)got;
    }
    eq(total, 0x100000, "and read");
    eq(wrong, 0, "byte for byte");
    close_pipe();
    k_close((int)fd);
}

/* A bad address among good ones: what came before it counts. */
static void bad_addresses(void)
{
    char *page = (char *)k_anon(2 * PG, P_RW);
    struct iov two[2] = {{"good", 4}, {(void *)8, 4}}, kernel[2] = {{"good", 4}, {(void *)~7u, 4}};

    k_munmap(page + PG, PG);
    open_pipe(O_NONBLOCKS);
    eq(k_write(ends[1], page + PG, 1), -EFAULT_, "write from a bad address");
    eq(SC3(NR_writev, ends[1], kernel, 2), -EFAULT_, "writev with one in the kernel");
    eq(k_read(ends[0], bytes, 99), -EAGAIN_, "nothing came in");
    eq(SC3(NR_writev, ends[1], two, 2), -EFAULT_, "writev with one bad address");
    two[1].size = 0;
    eq(SC3(NR_writev, ends[1], two, 2), 4, "writev with no bytes at one");
    eq(k_read(ends[0], page + PG, 4), -EFAULT_, "read to a bad address");
    close_pipe();
    k_munmap(page, PG);
}

/* ---- writes that stay in one piece ---- */

#define RECORD  1500
#define RECORDS 40

/* Records of one letter each, in three pieces. */
static void write_records(char letter)
{
    struct iov pieces[3] = {{bytes, 700}, {bytes + 700, 1}, {bytes + 701, RECORD - 701}};

    set_all(bytes, (u8)letter, RECORD);
    for (int i = 0; i < RECORDS; i++) {
        if (SC3(NR_writev, ends[1], pieces, 3) != RECORD)
            k_exit(1);
    }
    k_exit(0);
}

/* Three write at once into a pipe that is always full; how many records are not of one letter. */
static void records(void)
{
    static char record[RECORD];
    int wrong = 0, count = 0, st;
    long got = 0, more;

    open_pipe(0);
    for (int i = 0; i < 3; i++) {
        if (k_fork() == 0)
            write_records((char)('a' + i));
    }
    k_close(ends[1]);
    nap(50);
    while ((more = k_read(ends[0], record + got, (ulong)(RECORD - got))) > 0) {
        got += more;
        if (got < RECORD)
            continue;
        wrong += !all_eq(record, (u8)record[0], RECORD);
        got = 0;
        count++;
    }
    eq(count, 3 * RECORDS, "records of three writers");
    eq(wrong, 0, "each is in one piece");
    k_close(ends[0]);
    while (k_wait(-1, &st) > 0)
        ;
}

/* More than a pipe holds, read in odd pieces. */
static int write_much(void *arg)
{
    u32 seed = 1;

    (void)arg;
    for (ulong i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)rnd(&seed);
    for (int i = 0; i < 8; i++) {
        if (k_write(ends[1], bytes, sizeof(bytes)) != sizeof(bytes))
            return 1;
    }
    return 0;
}

static void long_writes(void)
{
    static char piece[777];
    ulong total = 0, wrong = 0;
    u32 seed = 1;
    long pid, got;
    int st;

    open_pipe(0);
    pid = k_fork();
    if (pid == 0)
        k_exit(write_much(0));
    k_close(ends[1]);
    while ((got = k_read(ends[0], piece, sizeof(piece))) > 0) {
        for (long i = 0; i < got; i++, total++) {
            if (total % sizeof(bytes) == 0)
                seed = 1;
            wrong += piece[i] != (char)rnd(&seed);
        }
    }
    eq(total, 8 * sizeof(bytes), "long writes come through");
    eq(wrong, 0, "every byte right");
    k_wait(pid, &st);
    eq(st, 0, "and count in full");
    k_close(ends[0]);
}

/* ---- a file sent to a pipe that is full ---- */

static long file;

static int sends(void *arg)
{
    (void)arg;
    return SC4(NR_sendfile, ends[1], file, 0, 100) != 100;
}

static int reads_on(void *arg)
{
    (void)arg;
    return k_read((int)file, bytes, 10) != 10;
}

static void sent_files(void)
{
    long sender, reader;
    int st = -1;

    file = SC3(NR_memfd_create, "sent", 0, 0);
    k_write((int)file, bytes, 200);
    SC3(NR_lseek, file, 0, 0);
    open_pipe(O_NONBLOCKS);
    fill();
    SC3(NR_fcntl, ends[1], 4, 0);
    sender = k_fork();
    if (sender == 0)
        k_exit(sends(0));
    nap(50);
    reader = k_fork();
    if (reader == 0)
        k_exit(reads_on(0));
    nap(50);
    eq(SC4(NR_wait4, reader, &st, 1, 0), reader, "while sendfile waits for room the file can be read");
    eq(SC4(NR_wait4, sender, &st, 1, 0), 0, "it goes on waiting");
    while (k_read(ends[0], bytes, sizeof(bytes)) > 100)
        ;
    k_wait(sender, &st);
    eq(st, 0, "until there is some");
    k_wait(reader, &st); /* if it had to wait */
    eq(SC3(NR_lseek, file, 0, 1), 100, "the file goes on behind what was sent");
    k_close((int)file);
    close_pipe();
}

/* ---- ends that are opened: FIFOs, and pipes by /proc/self/fd ---- */

#define FIFO "/tmp/pipes-fifo"

static long opens(int flags) { return SC3(NR_open, FIFO, flags, 0); }

/* A child that opens the FIFO so, after a while, and says a word or listens to one. */
static long partner(int flags)
{
    long pid = k_fork(), fd;

    if (pid != 0)
        return pid;
    nap(50);
    fd = opens(flags);
    if (fd < 0)
        k_exit(1);
    if (flags == 1)
        k_exit(k_write((int)fd, "word", 4) != 4);
    k_exit(k_read((int)fd, bytes, 9) != 5);
}

static void fifos(void)
{
    struct {
        u32 words[24];
    } st;
    long fd, other, before = ms_now();
    int status;

    eq(SC3(NR_mknod, FIFO, 010644, 0), 0, "mknod of a FIFO");
    eq(SC3(NR_mknod, FIFO, 010644, 0), -EEXIST_, "and not twice");
    eq(opens(3), -EINVAL_, "open: neither for reading nor for writing");
    eq(opens(1 | O_NONBLOCKS), -ENXIO_, "there is nobody to write to");
    fd = opens(O_NONBLOCKS);
    ok(fd >= 0, "a reader need not wait");
    eq(SC2(NR_fstat64, fd, &st) | (st.words[4] & 0170000), 010000, "fstat64: a FIFO");
    eq(polled((int)fd, IN, 0), 0, "poll: nothing yet, nor an end");
    eq(k_read((int)fd, bytes, 1), 0, "read: the end");
    other = opens(1);
    ok(other >= 0, "a writer finds it");
    eq(k_read((int)fd, bytes, 1), -EAGAIN_, "read: nothing yet");
    eq(k_write((int)other, "abc", 3), 3, "write");
    k_close((int)other);
    other = opens(1 | O_NONBLOCKS);
    ok(other >= 0, "so does one that would not wait");
    k_close((int)other);
    eq(polled((int)fd, IN, 0), IN | HUP, "poll: bytes and the end");
    eq(k_read((int)fd, bytes, 9), 3, "read");
    k_close((int)fd);
    partner(1);
    fd = opens(0);
    ok(fd >= 0 && ms_now() - before >= 50, "a reader waits for a writer");
    eq(k_read((int)fd, bytes, 9), 4, "and reads");
    k_wait(-1, &status);
    eq(status, 0, "the writer is content");
    k_close((int)fd);
    partner(0);
    fd = opens(1);
    eq(k_write((int)fd, "hello", 5), 5, "a writer waits for a reader, and writes");
    k_wait(-1, &status);
    eq(status, 0, "the reader is content");
    k_close((int)fd);
    fd = opens(2);
    eq(k_write((int)fd, "self", 4), 4, "both ends at once wait for nobody");
    eq(k_read((int)fd, bytes, 9), 4, "read");
    eq(SC1(NR_unlink, FIFO), 0, "unlink");
    eq(k_write((int)fd, "self", 4), 4, "it works on without its name");
    k_close((int)fd);
}

static void end_of_a_writer_that_was_there(void)
{
    long writer, reader;

    SC3(NR_mknod, FIFO, 010644, 0);
    writer = opens(2);
    reader = opens(0);
    eq(polled((int)reader, IN, 0), 0, "poll: a reader who came behind a writer");
    k_close((int)writer);
    eq(polled((int)reader, IN, 0), HUP, "hears of its end");
    k_close((int)reader);
    SC1(NR_unlink, FIFO);
}

/* Both open their end at the same moment and close it at once: none may miss that the other one was
 * there. */
enum { MEETINGS = 3000, MEETING_SECONDS = 60 };

struct meeting {
    volatile u32 here[2], over[2];
};

static void wait_until(const volatile u32 *word, u32 value)
{
    for (u32 looks = 1; *word != value; looks++) {
        if (looks % 1000 == 0)
            k_yield();
    }
}

static void meet(struct meeting *meeting, int me)
{
    SC1(NR_alarm, MEETING_SECONDS);
    for (u32 i = 1; i <= MEETINGS; i++) {
        meeting->here[me] = i;
        wait_until(&meeting->here[!me], i);
        k_close((int)opens(me));
        meeting->over[me] = i;
        wait_until(&meeting->over[!me], i);
    }
    k_exit(0);
}

static void meetings(void)
{
    struct meeting *meeting = (void *)k_mmap(0, PG, 3, M_SHARED | M_ANON, -1, 0);
    long pids[2];
    int st[2] = {-1, -1};

    SC3(NR_mknod, FIFO, 010644, 0);
    for (int i = 0; i < 2; i++) {
        pids[i] = k_fork();
        if (pids[i] == 0)
            meet(meeting, i);
    }
    for (int i = 0; i < 2; i++)
        k_wait(pids[i], &st[i]);
    ok(st[0] == 0 && st[1] == 0, "who opens one end does not miss a short visit to the other "
       "(%x, %x; round %u)", st[0], st[1], meeting->over[0]);
    SC1(NR_unlink, FIFO);
    k_munmap(meeting, PG);
}

static void run_as_a_program(void)
{
    char *words[] = {FIFO, 0};
    int st = -1;
    long pid, fd;

    SC3(NR_mknod, FIFO, 010755, 0);
    pid = k_fork();
    if (pid == 0)
        k_exit(opens(1) < 0);
    nap(50);
    eq(SC3(NR_execve, FIFO, words, words + 1), -EACCES_, "a FIFO is no program");
    nap(50);
    eq(SC4(NR_wait4, pid, &st, 1, 0), 0, "a writer does not take the try for a reader");
    fd = opens(0);
    k_wait(pid, &st);
    eq(st, 0, "but waits for one");
    k_close((int)fd);
    SC1(NR_unlink, FIFO);
}

/* ---- the descriptor of an open that waits ---- */

static int duplicates(void *arg)
{
    (void)arg;
    return (int)SC1(NR_dup, 0);
}

/* A child with our descriptors, which opens the FIFO, whose other end nobody has. */
static long opener(long expected)
{
    enum { WITH_FILES = 0x400 | SIG_CHLD }; /* CLONE_FILES */
    long pid = SC5(NR_clone, WITH_FILES, 0, 0, 0, 0);

    if (pid == 0)
        k_exit(opens(0) != expected);
    nap(50);
    return pid;
}

static void reserved(void)
{
    long first = SC1(NR_dup, 0), second, pid, fd;
    int st = -1;

    k_close((int)first);
    SC3(NR_mknod, FIFO, 010644, 0);
    pid = opener(first);
    k_close((int)SC3(NR_fcntl, 0, 0, 300)); /* the table grows */
    eq(SC2(NR_dup2, 0, first), -EBUSY_, "dup2 to the descriptor of an open that waits");
    eq(SC1(NR_close, first), -EBADF_, "it cannot be closed");
    eq(SC3(NR_fcntl, first, 1, 0), -EBADF_, "F_GETFD neither");
    eq(polled((int)first, IN, 0), NVAL, "poll: it is not open");
    second = SC1(NR_dup, 0);
    eq(second, first + 1, "nor is it free");
    eq(in_child(duplicates, 0), first << 8, "but it is in a child's copy");
    fd = opens(1);
    k_wait(pid, &st);
    eq(st, 0, "the open has it in the end");
    eq(SC3(NR_fcntl, first, 1, 0), 0, "now F_GETFD works");
    k_close((int)fd);
    k_close((int)first);
    k_close((int)second);
    pid = opener(-1);
    second = SC1(NR_dup, 0);
    SC2(NR_kill, pid, SIG_KILL);
    k_wait(pid, &st);
    eq(SC1(NR_dup, 0), first, "of an open that is cut short it is free again");
    k_close((int)first);
    k_close((int)second);
    SC1(NR_unlink, FIFO);
}

static void pipes_opened_again(void)
{
    static char link[] = "/proc/self/fd/0";
    long fd;

    open_pipe(O_NONBLOCKS);
    k_write(ends[1], "abcdef", 6);
    link[sizeof(link) - 2] = (char)('0' + ends[0]);
    fd = SC3(NR_open, link, 0, 0);
    eq(k_read((int)fd, bytes, 3), 3, "a pipe opened again by its link");
    eq(k_read(ends[0], bytes, 9), 3, "is the same pipe");
    k_close(ends[1]);
    eq(k_read(ends[0], bytes, 9), 0, "its end is seen by one");
    eq(k_read((int)fd, bytes, 9), 0, "and by the other");
    k_close((int)fd);
    fd = SC3(NR_open, link, 1, 0);
    eq(k_write((int)fd, "new", 3), 3, "it can be opened for writing too");
    eq(k_read(ends[0], bytes, 9), 3, "and goes on");
    eq(SC2(NR_fchmod, fd, 0644), 0, "fchmod");
    k_close((int)fd);
    k_close(ends[0]);
}

/* ---- poll ---- */

static void polls(void)
{
    struct k_rlimit limit, all = {~0ul, ~0ul};
    struct poll_entry three[3] = {{-1, IN, 99}, {0, 0, 99}, {999, IN, 99}};
    long before;

    open_pipe(0);
    three[1] = (struct poll_entry){ends[0], IN | OUT, 99};
    eq(SC3(NR_poll, three, 3, 1000), 1, "poll of three");
    ok(three[0].revents == 0 && three[1].revents == 0 && three[2].revents == NVAL,
       "none, nothing, not open");
    before = ms_now();
    eq(polled(ends[0], IN, 50), 0, "poll for 50 ms");
    ok(ms_now() - before >= 50 && ms_now() - before < 3000, "lasts as long");
    eq(SC3(NR_poll, 0, 0, 0), 0, "poll of nothing");
    eq(SC3(NR_poll, 8, 1, 0), -EFAULT_, "poll at a bad address");
    SC2(NR_getrlimit, RL_FILES, &limit);
    eq(SC3(NR_poll, three, limit.cur + 1, 0), -EINVAL_, "poll of more than may be open");
    eq(SC2(NR_setrlimit, RL_FILES, &all), -EPERM_, "there is a limit to that limit");
    eq(SC3(NR_poll, three, 0x20000001, 0), -EINVAL_, "poll of 2^29 + 1");
    k_write(ends[1], "x", 1);
    eq(polled(ends[0], IN | 0x40, -1), IN | 0x40, "poll: readable");
    close_pipe();
}

static void wake_ups(void)
{
    long before = ms_now(), pid;
    int st;

    open_pipe(0);
    pid = k_fork();
    if (pid == 0) {
        nap(50);
        k_write(ends[1], "x", 1);
        k_exit(0);
    }
    eq(polled(ends[0], IN, 5000), IN, "poll is woken by a write");
    ok(ms_now() - before < 4000, "at once");
    k_wait(pid, &st);
    k_read(ends[0], bytes, 1);
    pid = k_fork();
    if (pid == 0) {
        k_close(ends[0]);
        nap(50);
        k_exit(0);
    }
    k_close(ends[1]);
    eq(polled(ends[0], IN, 5000), HUP, "and when the last writer ends");
    k_wait(pid, &st);
    k_close(ends[0]);
}

/* ---- select ---- */

static long selected(u32 *read, u32 *write, u32 *except, struct time *time)
{
    return SC5(NR_newselect, 32, read, write, except, time);
}

static void selects(void)
{
    struct time t = {0, 50000};
    u32 in, out_set, except = 0;
    long before = ms_now();

    open_pipe(0);
    in = 1u << ends[0];
    eq(selected(&in, 0, 0, &t), 0, "select for 50 ms");
    ok(in == 0 && t.sec == 0 && t.part == 0, "nothing is ready, no time is left");
    ok(ms_now() - before >= 50 && ms_now() - before < 3000, "it lasts as long");
    in = 1u << ends[0];
    out_set = 1u << ends[1];
    t = (struct time){5, 0};
    eq(selected(&in, &out_set, &except, &t), 1, "select of both ends");
    ok(in == 0 && out_set == 1u << ends[1] && t.sec >= 4, "one can be written, time is left");
    k_write(ends[1], "x", 1);
    in = 1u << ends[0];
    eq(selected(&in, 0, 0, 0), 1, "and then the other be read");
    in = 1u << 29;
    eq(selected(&in, 0, 0, &t), -EBADF_, "select of what is not open");
    eq(SC5(NR_newselect, -1, 0, 0, 0, &t), -EINVAL_, "select of -1");
    t = (struct time){-1, 0};
    eq(selected(0, 0, 0, &t), -EINVAL_, "select for -1 s");
    k_read(ends[0], bytes, 1);
    in = 1u << ends[0];
    t = (struct time){0, 1050000};
    before = ms_now();
    eq(selected(&in, 0, 0, &t), 0, "select for 1 050 000 us");
    ok(ms_now() - before >= 1050 && ms_now() - before < 4000, "is a bit more than a second");
    close_pipe();
}

/* ---- signals ---- */

struct action {
    void *handler;
    ulong flags;
    void *restorer;
    u64 mask;
} __attribute__((packed));

void pipes_restorer(void);
__asm__(".text\npipes_restorer:\npop %eax\nmov $119,%eax\nint $0x80\n");

static volatile int caught;

static void count_signal(int signal)
{
    (void)signal;
    caught++;
}

static void set_handler(int signal, ulong flags)
{
    struct action action = {(void *)count_signal, flags | 0x04000000, (void *)pipes_restorer, 0};

    SC4(NR_rt_sigaction, signal, &action, 0, 8);
}

static void set_timer(int ms)
{
    struct time timer[2] = {{0, 0}, {0, ms * 1000}};

    SC3(104, 0, timer, 0);
}

static u64 blocked(void)
{
    u64 set = 0;

    SC4(NR_rt_sigprocmask, 0, 0, &set, 8);
    return set;
}

static void interruptions(void)
{
    u64 usr1 = 1u << (SIG_USR1 - 1), none = 0, old = blocked();
    struct {
        void *set;
        u32 size;
    } mask = {&none, 8};
    struct time t = {5, 0};
    static char *const words[] = {FIFO, 0};
    struct poll_entry entry;
    u32 in;

    open_pipe(0);
    entry = (struct poll_entry){ends[0], IN, 0};
    set_handler(SIG_ALRM, 0x10000000); /* SA_RESTART does not count for poll */
    set_timer(50);
    eq(polled(ends[0], IN, 5000), -EINTR_, "poll ends with a handler");
    set_timer(50);
    in = 1u << ends[0];
    eq(selected(&in, 0, 0, &t), -EINTR_, "so does select");
    eq(caught, 2, "the handler has run twice");
    set_handler(SIG_USR1, 0);
    SC4(NR_rt_sigprocmask, 0, &usr1, 0, 8);
    SC2(NR_kill, SC0(NR_getpid), SIG_USR1);
    eq(polled(ends[0], IN, 20), 0, "a blocked signal does not end poll");
    eq(caught, 2, "its handler waits");
    t = (struct time){5, 0};
    eq(SC5(NR_ppoll, &entry, 1, &t, &none, 8), -EINTR_, "until ppoll lets it in");
    eq(caught, 3, "it has run");
    ok(blocked() == (old | usr1), "and is blocked as before");
    SC2(NR_kill, SC0(NR_getpid), SIG_USR1);
    in = 1u << ends[0];
    t = (struct time){5, 0};
    eq(SC6(NR_pselect6, 32, &in, 0, 0, &t, &mask), -EINTR_, "pselect6 too");
    eq(caught, 4, "it has run");
    ok(blocked() == (old | usr1), "and is blocked as before");
    SC2(NR_kill, SC0(NR_getpid), SIG_USR1);
    t = (struct time){0, 0};
    eq(SC5(NR_ppoll, &entry, 1, &t, &none, 8), -EINTR_, "ppoll without any time lets it in");
    SC2(NR_kill, SC0(NR_getpid), SIG_USR1);
    in = 1u << ends[0];
    t = (struct time){0, 0};
    eq(SC6(NR_pselect6, 32, &in, 0, 0, &t, &mask), -EINTR_, "so does pselect6");
    eq(caught, 6, "each has run");
    eq(SC5(NR_ppoll, &entry, 1, &t, &none, 4), -EINVAL_, "ppoll with a set of 4 bytes");
    SC3(NR_mknod, FIFO, 010755, 0);
    set_handler(SIG_ALRM, 0);
    set_timer(50);
    eq(opens(0), -EINTR_, "open of a FIFO ends with a handler");
    eq(SC3(NR_execve, FIFO, words, 0), -EACCES_, "execve of one does not wait");
    SC1(NR_unlink, FIFO);
    SC4(NR_rt_sigprocmask, 2, &old, 0, 8);
    close_pipe();
}

/* What a child does while it is stopped once: 0 when that did not show. */
static int poll_to_the_end(void *arg)
{
    (void)arg;
    return polled(ends[0], IN, 300) == 0 ? 0 : 1;
}

static int select_to_the_end(void *arg)
{
    struct time t = {0, 300000};
    u32 in = 1u << ends[0];

    (void)arg;
    return selected(&in, 0, 0, &t) == 0 ? 0 : 1;
}

static int read_to_the_end(void *arg)
{
    (void)arg;
    return k_read(ends[0], bytes, 1) == 1 ? 0 : 1;
}

static void stopped_in(int (*what)(void *), const char *name)
{
    long before = ms_now(), pid, ms;
    int st;

    open_pipe(0);
    pid = k_fork();
    if (pid == 0)
        k_exit(what(0));
    nap(50);
    SC2(NR_kill, pid, SIG_STOP);
    nap(50);
    SC2(NR_kill, pid, SIG_CONT);
    nap(200);
    k_write(ends[1], "x", what == read_to_the_end);
    k_wait(pid, &st);
    ms = ms_now() - before;
    ok(st == 0 && ms >= 300 && ms < 3000, "%s goes on after a stop (%x, %ld ms)", name, st, ms);
    close_pipe();
}

int main(void)
{
    ends_of_pipes();
    without_waiting();
    sizes();
    bad_addresses();
    records();
    long_writes();
    sent_files();
    fifos();
    end_of_a_writer_that_was_there();
    meetings();
    run_as_a_program();
    reserved();
    pipes_opened_again();
    polls();
    wake_ups();
    selects();
    interruptions();
    stopped_in(poll_to_the_end, "poll");
    stopped_in(select_to_the_end, "select");
    stopped_in(read_to_the_end, "read");
    return done("pipes");
}
