/* unshare.c - a process gets a table of descriptors for itself, by close_range with
 * CLOSE_RANGE_UNSHARE, again and again, while its other threads use theirs: unshare CPUS ROUNDS.
 *
 *   thread 0   child with the same table ──► close_range(UNSHARE) ──► the child ends ──► ...
 *   others     a descriptor ──► is it open? ──► its mark ──► close ──► is it closed? ──► ...
 *
 * No thread loses a descriptor that it got, or has one again that it closed; and what thread 0
 * closes after that stays open in the child. What a thread waits for meanwhile, a file that it
 * opens or a lock, is the new table's.
 */
#include "clock.h"
#include "threads.h"

enum { UNSHARE = 2, FILES_SHARED = 0x400 /* CLONE_FILES */, OWN = 64 /* descriptors of a thread */ };
enum { F_DUPFD_ = 0, F_GETFD_ = 1, F_SETFD_ = 2, F_SETLK_ = 6, F_SETLKW_ = 7, F_WRLCK_ = 1,
       O_RDWR_ = 2, O_CREAT_ = 0100, NR_mknod_ = 14, NR_close_range_ = 436 };

/* Seen by the children, too. */
static struct shared {
    volatile u32 told, lost;
} *shared;

static volatile u32 ended, left, uses, lost, open_again;
static volatile int may_go;

static long
flags_of(long descriptor)
{
    return SC2(NR_fcntl64, descriptor, F_GETFD_);
}

/* In a range of one's own, or it would be another's as soon as it is free. */
static void
use(int member)
{
    long own = SC3(NR_fcntl64, 0, F_DUPFD_, OWN * member);
    long second = SC2(NR_dup2, 0, OWN * member + OWN / 2);
    int bad = own < OWN * member || second < 0 || flags_of(own) != 0;

    bad |= SC3(NR_fcntl64, own, F_SETFD_, 1) != 0 || flags_of(own) != 1;
    bad |= SC1(NR_close, own) != 0 || SC1(NR_close, second) != 0;
    if (bad)
        __sync_fetch_and_add(&lost, 1);
    if (flags_of(own) != -EBADF_ || flags_of(second) != -EBADF_)
        __sync_fetch_and_add(&open_again, 1);
    __sync_fetch_and_add(&uses, 1);
}

/* Ends when it is told, one after the other, while those who stay use what they share. */
static void
behave(void *number)
{
    int member = (int)number;

    pin(member);
    while (!ended || member > may_go)
        use(member);
    __sync_fetch_and_add(&left, 1);
}

/* A child with the table that all have now; it keeps that one. */
static long
sharer(long descriptor)
{
    u32 round = shared->told;
    long pid = SC5(NR_clone, FILES_SHARED | SIGCHLD_, 0, 0, 0, 0);

    if (pid != 0)
        return pid;
    while (shared->told == round)
        k_yield();
    k_exit(flags_of(descriptor) != 0);
}

/* `last`: as the thread with this number ends; 0: none does. */
static void
take_table(int last)
{
    long mine = SC3(NR_fcntl64, 0, F_DUPFD_, 10), pid = sharer(mine);
    int status = 1;

    may_go = last;
    shared->lost += SC3(NR_close_range_, mine, mine, UNSHARE) != 0 || flags_of(mine) != -EBADF_;
    shared->told++;
    k_wait(pid, &status);
    shared->lost += status != 0;
}

/* ---- a thread that is opening a file meanwhile ---- */

#define FIFO "/tmp/unshare-fifo"

static volatile long opened;

static void
open_fifo(void *arg)
{
    (void)arg;
    opened = SC3(NR_open, FIFO, 0, 0);
}

/* It waits, with the lowest free descriptor, for somebody who opens the FIFO's other end: that
 * stays its own in the process' new table, and is free in the one that the child keeps. */
static void
take_table_during_open(void)
{
    static char stack[THREAD_STACK] __attribute__((aligned(16)));
    long lowest = SC1(NR_dup, 0), mine = SC3(NR_fcntl64, 0, F_DUPFD_, 10), pid;
    u32 round = shared->told;
    int status = 1;

    k_close((int)lowest);
    SC3(NR_mknod_, FIFO, 010644, 0);
    opened = -1;
    start_thread(AS_THREAD, open_fifo, 0, stack);
    nap(50);
    pid = SC5(NR_clone, FILES_SHARED | SIGCHLD_, 0, 0, 0, 0);
    if (pid == 0) {
        while (shared->told == round)
            k_yield();
        k_exit(SC1(NR_dup, 0) != lowest);
    }
    eq(SC3(NR_close_range_, mine, mine, UNSHARE), 0, "a new table during an open");
    shared->told++;
    k_wait(pid, &status);
    eq(status, 0, "its descriptor is free in the old one");
    eq(SC2(NR_dup2, 0, lowest), -EBUSY_, "and its own in the new one");
    k_close((int)SC3(NR_open, FIFO, 1, 0));
    while (opened == -1)
        k_yield();
    eq(opened, lowest, "which it has then");
    eq(flags_of(lowest), 0, "open");
    k_close((int)lowest);
    SC1(NR_unlink, FIFO);
}

/* ---- a thread that waits for a lock meanwhile ---- */

#define LOCKED "/tmp/unshare-locked"

static volatile long locked;

static long
lock(long descriptor, int command)
{
    struct {
        short type, whence;
        int start, len, pid;
    } flock = {.type = F_WRLCK_};

    return SC3(NR_fcntl64, descriptor, command, &flock);
}

static void
wait_for_lock(void *descriptor)
{
    locked = lock((long)descriptor, F_SETLKW_);
}

/* A child with a table of its own: has the file, and waits for its turn to end. */
static long
child_with_lock(u32 round)
{
    long pid = SC5(NR_clone, SIGCHLD_, 0, 0, 0, 0);

    if (pid != 0)
        return pid;
    if (lock(SC3(NR_open, LOCKED, O_RDWR_, 0), F_SETLK_) != 0)
        k_exit(1);
    shared->told++;
    while (shared->told != round)
        k_yield();
    k_exit(0);
}

/* It has the lock when the table is gone for which it began to wait; that goes with the file that
 * the process closes, as any of its locks does. */
static void
take_table_during_wait(void)
{
    static char stack[THREAD_STACK] __attribute__((aligned(16)));
    long file = SC3(NR_open, LOCKED, O_RDWR_ | O_CREAT_, 0644);
    u32 round = shared->told;
    long holder = child_with_lock(round + 3), pid;
    int status = 1;

    while (shared->told == round)
        k_yield();
    locked = 1;
    start_thread(AS_THREAD, wait_for_lock, (void *)file, stack);
    nap(50);
    pid = sharer(0);
    eq(SC3(NR_close_range_, 100, 100, UNSHARE), 0, "a new table during a wait for a lock");
    shared->told++;
    k_wait(pid, &status);
    eq(locked, 1, "it waits still");
    shared->told++;
    k_wait(holder, &status);
    eq(status, 0, "the lock is free");
    while (locked == 1)
        k_yield();
    eq(locked, 0, "and the thread's");
    k_close((int)file);
    pid = child_with_lock(shared->told + 1);
    k_wait(pid, &status);
    eq(status, 0, "it goes with the file");
    SC1(NR_unlink, LOCKED);
}

int
main(int argc, char **argv)
{
    u32 cpus = argc > 1 ? (u32)parse_num(argv[1], 2) : 2, started;
    u32 rounds = argc > 2 ? (u32)parse_num(argv[2], 100) : 100;

    shared = (struct shared *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
    take_table_during_open();
    take_table_during_wait();
    started = start_team(cpus, behave);
    pin(0);
    for (u32 i = 0; i < rounds || uses < rounds; i++)
        take_table(0);
    ended = 1;
    for (u32 i = 0; i < started; i++) {
        take_table((int)i + 1);
        while (left <= i)
            k_yield();
        take_table((int)i + 1);
    }
    eq((long)started, (long)cpus - 1, "threads");
    eq((long)lost, 0, "of %u times none loses a descriptor", uses);
    eq((long)open_again, 0, "or has one again that it closed");
    eq((long)shared->lost, 0, "%u times a table for the process, and one for a child", rounds);
    return done("unshare");
}
