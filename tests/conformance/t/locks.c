/* Locks of files: fcntl's ranges, by process and by open file, and flock; what is in whose way,
 * what is cut and joined, waiting, and what ends a lock. In a file in /tmp. */
#include "clock.h"
#include "tap.h"

enum {
    NR_flock = 143,
    GETLK = 5, SETLK = 6, GETLK64 = 12, SETLK64 = 13, SETLKW64 = 14, OFD_GETLK = 36, OFD_SETLK = 37, OFD_SETLKW = 38,
    READ = 0, WRITE = 1, NONE = 2,
    SHARED = 1, EXCLUSIVE = 2, NOWAIT = 4, UNLOCK = 8,
    SIG_ALRM = 14,
};

#define LAST 0x7FFFFFFFFFFFFFFFll /* of a file's places */

#define FILE "/tmp/locks-file"

struct flock {
    short type, whence;
    int start, len, pid;
};

struct flock64 {
    short type, whence;
    long long start, len;
    int pid;
} __attribute__((packed));

static int fd;

static long lock_at(long file, int command, int type, int start, int len)
{
    struct flock64 lock = {(short)type, 0, start, len, 0};

    return SC3(NR_fcntl64, file, command, &lock);
}

static long set(int type, int start, int len) { return lock_at(fd, SETLK64, type, start, len); }

/* A child tells, as its exit code, what it thinks of [arg, arg + 1): 0 free, 1 shared, 2 not even
 * that; through F_GETLK. */
static int sees(void *at)
{
    struct flock64 lock = {WRITE, 0, (int)(long)at, 1, 0};

    SC3(NR_fcntl64, fd, GETLK64, &lock);
    return lock.type == NONE ? 0 : lock.type == READ ? 1 : 2;
}

static int seen(int at) { return W_CODE(in_child(sees, (void *)(long)at)); }

/* The same of bytes 0, 10 ... 90, as digits. */
static long picture(void)
{
    long digits = 0;

    for (int at = 0; at < 100; at += 10)
        digits = digits * 10 + seen(at);
    return digits;
}

/* What F_GETLK of 32 bits tells a child of all from byte 0 on: 0 the lock of [at, at + 10). */
static int told_narrow(void *at)
{
    struct flock lock = {WRITE, 0, 0, 0, 0};
    long error = SC3(NR_fcntl64, fd, GETLK, &lock);

    if (error != 0)
        return (int)-error;
    if (lock.type != WRITE || lock.whence != 0 || lock.pid != SC0(NR_getppid))
        return 1;
    return lock.start == (int)(long)at && lock.len == 10 ? 0 : 2;
}

static void narrow(void)
{
    enum { NR_fcntl = 55 };
    struct flock lock = {WRITE, 0, 30, 10, 0};
    struct flock64 far = {WRITE, 0, 3ll << 30, 10, 0};

    eq(SC3(NR_fcntl, fd, SETLK, &lock), 0, "F_SETLK");
    eq(in_child(told_narrow, (void *)30), 0, "F_GETLK tells type, range and process");
    lock.type = NONE;
    eq(SC3(NR_fcntl, fd, SETLK, &lock), 0, "F_SETLK gives it back");
    eq(SC3(NR_fcntl64, fd, SETLK64, &far), 0, "a lock at 3 GiB");
    eq(in_child(told_narrow, 0), EOVERFLOW_ << 8, "is too far away for F_GETLK");
    set(NONE, 0, 0);
}

static void ranges(void)
{
    struct flock old = {WRITE, 0, 0, 10, 0};
    struct flock64 lock = {WRITE, 2, -50, 50, 0};

    eq(set(WRITE, 20, 60), 0, "a lock of 60 bytes");
    eq(picture(), 22222200, "as others see it");
    eq(set(NONE, 40, 20), 0, "a piece of it back");
    eq(picture(), 22002200, "it fell into two");
    eq(set(READ, 30, 40), 0, "a shared one over both");
    eq(picture(), 21111200, "each kind where it was last");
    eq(set(WRITE, 30, 40), 0, "exclusive again");
    eq(picture(), 22222200, "joined");
    eq(set(NONE, 0, 0), 0, "all of it back");
    eq(picture(), 0, "nothing is locked");
    eq(SC3(NR_fcntl64, fd, SETLK, &old), 0, "the old structure");
    eq(set(READ, 90, 0), 0, "up to the end, wherever it is");
    eq(picture(), 2000000001, "both");
    eq(seen(2000000000), 1, "far behind the file's end, too");
    eq(set(NONE, 0, 0), 0, "back");
    eq(SC3(NR_fcntl64, fd, SETLK64, &lock), 0, "from the file's end backwards");
    eq(picture(), 22222, "the file has 100 bytes");
    lock = (struct flock64){NONE, 0, 100, -100, 0};
    eq(SC3(NR_fcntl64, fd, SETLK64, &lock), 0, "a negative length");
    eq(picture(), 0, "counts back from the start");
    lock = (struct flock64){WRITE, 0, -1, 1, 0};
    eq(SC3(NR_fcntl64, fd, SETLK64, &lock), -EINVAL_, "a negative start");
    lock = (struct flock64){WRITE, 0, 1, LAST, 0};
    eq(SC3(NR_fcntl64, fd, SETLK64, &lock), 0, "all but a file's first byte");
    eq(picture(), 222222222, "to the end");
    eq(set(NONE, 0, 0), 0, "back");
    lock = (struct flock64){WRITE, 0, 2, LAST, 0};
    eq(SC3(NR_fcntl64, fd, SETLK64, &lock), -EOVERFLOW_, "a byte more than a file may have");
    lock = (struct flock64){WRITE, 9, 0, 1, 0};
    eq(SC3(NR_fcntl64, fd, SETLK64, &lock), -EINVAL_, "from nowhere");
    lock = (struct flock64){3, 0, 0, 1, 0};
    eq(SC3(NR_fcntl64, fd, SETLK64, &lock), -EINVAL_, "of no kind");
    eq(SC3(NR_fcntl64, fd, SETLK64, 8), -EFAULT_, "at a bad address");
}

static int takes(void *type) { return (int)-set((int)(long)type, 0, 10); }

static int asks_who(void *arg)
{
    struct flock64 lock = {WRITE, 0, 0, 5, 0};

    (void)arg;
    SC3(NR_fcntl64, fd, GETLK64, &lock);
    return lock.pid == (int)SC0(NR_getppid) && lock.start == 0 && lock.len == 10 ? 0 : 1;
}

static void conflicts(void)
{
    long other = SC3(NR_open, FILE, 0, 0);

    set(READ, 0, 10);
    eq(in_child(takes, (void *)READ), 0, "two may share");
    eq(in_child(takes, (void *)WRITE), EAGAIN_ << 8, "but not write");
    eq(set(WRITE, 0, 10), 0, "the owner may");
    eq(in_child(takes, (void *)READ), EAGAIN_ << 8, "then nobody else may read");
    eq(in_child(asks_who, 0), 0, "F_GETLK tells who, and what");
    eq(lock_at(other, SETLK64, WRITE, 50, 1), -EBADF_, "a descriptor for reading cannot write-lock");
    k_close((int)other);
    eq(in_child(takes, (void *)WRITE), 0, "closing any descriptor gave all back");
}

/* Takes the lock when it is free, and then exits. */
static int waits(void *arg)
{
    (void)arg;
    return (int)-lock_at(fd, SETLKW64, WRITE, 0, 10);
}

static void waiting(void)
{
    long pid;
    int st = -1;

    set(WRITE, 0, 10);
    pid = k_fork();
    if (pid == 0)
        k_exit(waits(0));
    nap(50);
    eq(SC4(NR_wait4, pid, &st, 1, 0), 0, "F_SETLKW waits");
    set(NONE, 0, 10);
    k_wait(pid, &st);
    eq(st, 0, "until the lock is given back");
    set(WRITE, 0, 10);
    pid = k_fork();
    if (pid == 0) {
        SC1(27, 1); /* alarm */
        k_exit(waits(0));
    }
    k_wait(pid, &st);
    eq(st, SIG_ALRM, "or a signal comes");
    set(NONE, 0, 0);
}

static void open_files(void)
{
    long other = SC3(NR_open, FILE, 2, 0), twin = SC1(NR_dup, fd);
    struct flock64 lock = {WRITE, 0, 0, 10, 0};

    eq(lock_at(fd, OFD_SETLK, WRITE, 0, 10), 0, "F_OFD_SETLK");
    eq(lock_at(twin, OFD_SETLK, WRITE, 0, 20), 0, "a duplicate is the same open file");
    eq(lock_at(other, OFD_SETLK, READ, 0, 10), -EAGAIN_, "another open file is another owner");
    eq(set(READ, 0, 10), -EAGAIN_, "so is the process");
    eq(SC3(NR_fcntl64, other, OFD_GETLK, &lock), 0, "F_OFD_GETLK");
    ok(lock.type == WRITE && lock.len == 20 && lock.pid == -1, "tells no process");
    k_close((int)twin);
    eq(seen(5), 2, "it lives as long as the open file");
    lock_at(fd, OFD_SETLK, NONE, 0, 0);
    eq(SC2(NR_flock, fd, EXCLUSIVE), 0, "flock");
    eq(SC2(NR_flock, other, SHARED | NOWAIT), -EAGAIN_, "is between open files, too");
    eq(set(WRITE, 0, 10), 0, "and knows nothing of fcntl's");
    eq(SC2(NR_flock, fd, SHARED), 0, "shared now");
    eq(SC2(NR_flock, other, SHARED | NOWAIT), 0, "by two");
    eq(SC2(NR_flock, fd, EXCLUSIVE | NOWAIT), -EAGAIN_, "not exclusive again");
    eq(SC2(NR_flock, other, EXCLUSIVE | NOWAIT), 0, "but what it had went before");
    eq(SC2(NR_flock, fd, EXCLUSIVE | NOWAIT), -EAGAIN_, "so it has to wait");
    k_close((int)other);
    eq(SC2(NR_flock, fd, EXCLUSIVE | NOWAIT), 0, "until the other is closed");
    eq(SC2(NR_flock, fd, UNLOCK), 0, "LOCK_UN");
    eq(SC2(NR_flock, fd, 77), -EINVAL_, "flock with nonsense");
    eq(SC2(NR_flock, 999, SHARED), -EBADF_, "flock of nothing");
}

/* Two that share both want it alone: who asks first has given its own back before it waits. */
static void upgrades(void)
{
    long pid, mine = SC3(NR_open, FILE, 2, 0);
    int st = -1;

    SC2(NR_flock, fd, SHARED);
    SC2(NR_flock, mine, SHARED);
    pid = k_fork();
    if (pid == 0)
        k_exit((int)-SC2(NR_flock, fd, EXCLUSIVE));
    nap(50);
    eq(SC2(NR_flock, mine, EXCLUSIVE | NOWAIT), 0, "the second to ask has the lock");
    eq(SC4(NR_wait4, pid, &st, 1, 0), 0, "the first waits");
    SC2(NR_flock, mine, UNLOCK);
    k_wait(pid, &st);
    eq(st, 0, "until that is given back");
    SC2(NR_flock, fd, UNLOCK);
    k_close((int)mine);
}

/* A lock of an open file is waited for, by who shares the descriptors, at one that is closed
 * meanwhile. */
static void closed_meanwhile(void)
{
    enum { WITH_FILES = 0x400 | SIG_CHLD }; /* CLONE_FILES */
    long other = SC3(NR_open, FILE, 2, 0), at = SC3(NR_open, FILE, 2, 0), twin = SC1(NR_dup, at);
    long pid;
    int st = -1;

    lock_at(other, OFD_SETLK, WRITE, 0, 1);
    pid = SC5(NR_clone, WITH_FILES, 0, 0, 0, 0);
    if (pid == 0)
        k_exit((int)-lock_at(at, OFD_SETLKW, WRITE, 0, 1));
    nap(50);
    k_close((int)at);
    lock_at(other, OFD_SETLK, NONE, 0, 1);
    k_wait(pid, &st);
    eq(st, 0, "F_OFD_SETLKW at a descriptor that is closed during the wait");
    eq(lock_at(other, OFD_SETLK, WRITE, 0, 1), -EAGAIN_, "the lock stays as long as a duplicate");
    k_close((int)twin);
    eq(lock_at(other, OFD_SETLK, WRITE, 0, 1), 0, "and goes with it");
    k_close((int)other);
}

/* Ends with a lock. */
static int dies_locked(void *arg)
{
    (void)arg;
    return set(WRITE, 0, 100) == 0 ? 0 : 1;
}

int main(void)
{
    static char hundred[100];

    fd = (int)SC3(NR_open, FILE, 0x242, 0644);
    k_write(fd, hundred, 100);
    narrow();
    ranges();
    conflicts();
    waiting();
    open_files();
    upgrades();
    closed_meanwhile();
    set(NONE, 0, 0);
    eq(in_child(dies_locked, 0), 0, "a child that ends with a lock");
    eq(picture(), 0, "takes it with it");
    SC1(NR_unlink, FILE);
    return done("locks");
}
