/* sweep.c - inside every system call, each allocation of the kernel fails once: for n = 1, 2, 3 ...
 * the n-th, through /proc/self/fail-nth, until none does.
 *
 * A call that answers with a shortage must have changed nothing: the maps, the break, the open
 * descriptors and the files of a folder are compared. One that succeeds all the same is undone, and
 * again nothing may have changed.
 */
#include "tap.h"

#define AREA  0x20000000ul
#define PAGES 12ul
#define STATE 16384

enum { NR_creat_ = 8, NR_link_ = 9, NR_mkdir_ = 39, NR_rmdir_ = 40, NR_rename_ = 38,
       NR_getdents64_ = 220, NR_fcntl_ = 221, NR_chdir_ = 12 };
enum { O_RDWR_ = 2, O_CREAT_ = 0100, O_DIRECTORY_ = 0200000 };

enum { KEPT = 50 /* a descriptor */, NOT_REACHED = 9 };

static char before[STATE], after[STATE], bytes[3 * 4096], names[1024];
static const char *self;
static char **environment;
static int fail_nth, data, pipes[2], pairs[2];

/* ---- what may be seen of a process ---- */

static ulong
read_whole(const char *path, char *to, ulong size)
{
    long fd = SC3(NR_open, path, 0, 0), got;
    ulong length = 0;

    while (fd >= 0 && length < size && (got = k_read((int)fd, to + length, size - length)) > 0)
        length += (ulong)got;
    if (fd >= 0)
        k_close((int)fd);
    return length;
}

/* A sum over the names in the folder, in whatever order they come. */
static ulong
folder_sum(void)
{
    long fd = SC3(NR_open, "/tmp/sweep", O_DIRECTORY_, 0), got;
    ulong sum = 0;

    if (fd < 0)
        return 0;
    got = SC3(NR_getdents64_, fd, names, sizeof names);
    k_close((int)fd);
    for (long at = 0; at < got; at += *(u16 *)(names + at + 16)) {
        ulong hash = 1;

        for (const char *c = names + at + 19; *c; c++)
            hash = hash * 31 + (ulong)*c;
        sum += hash;
    }
    return sum;
}

static void
look(char *state)
{
    set_all(state, 0, STATE);
    read_whole("/proc/self/maps", state, STATE - 2048);
    *(ulong *)(state + STATE - 8) = folder_sum();
    *(ulong *)(state + STATE - 4) = k_brk(0);
    for (int fd = 0; fd < 64; fd++)
        state[STATE - 128 + fd] = SC3(NR_fcntl_, fd, 1, 0) >= 0;
}

static int
same(void)
{
    for (ulong i = 0; i < STATE; i++)
        if (before[i] != after[i])
            return 0;
    return 1;
}

/* ---- the calls, and what undoes them ---- */

static long
anywhere(ulong length, int flags)
{
    return k_mmap(0, length, P_RW, flags | M_ANON, -1, 0);
}

static void un_map(long r) { k_munmap((void *)r, 8 * PG); }
static long c_mmap(void) { return anywhere(8 * PG, M_PRIVATE); }
static long c_shared(void) { return anywhere(8 * PG, M_SHARED); }
static long c_populate(void) { return anywhere(8 * PG, M_PRIVATE | M_POPULATE); }
static long c_file(void) { return k_mmap(0, 2 * PG, P_RW, M_SHARED, data, 0); }
static long c_fixed(void) { return k_anon_at((void *)(AREA + 2 * PG), 3 * PG, P_R); }
static void un_fixed(long r) { (void)r; k_mprotect((void *)AREA, PAGES * PG, P_RW); }
static long c_munmap(void) { return k_munmap((void *)(AREA + 2 * PG), 3 * PG); }
static void un_munmap(long r) { (void)r; k_anon_at((void *)(AREA + 2 * PG), 3 * PG, P_RW); }
static long c_mprotect(void) { return k_mprotect((void *)(AREA + 3 * PG), 2 * PG, P_R); }
static long c_mremap(void) { return k_mremap((void *)(AREA + 4 * PG), 2 * PG, 4 * PG, MR_MAYMOVE, 0); }
static void
un_mremap(long r)
{
    k_munmap((void *)r, 4 * PG);
    k_anon_at((void *)(AREA + 4 * PG), 2 * PG, P_RW);
}
static long c_mremap_fixed(void)
{
    return k_mremap((void *)AREA, 2 * PG, 3 * PG, MR_MAYMOVE | MR_FIXED, (void *)(AREA + 6 * PG));
}
static void un_all(long r) { (void)r; k_anon_at((void *)AREA, PAGES * PG, P_RW); }
static long
c_brk(void)
{
    ulong now = k_brk(0);

    return k_brk(now + 0x500000) == now + 0x500000 ? 0 : -ENOMEM_;
}
static void un_brk(long r) { (void)r; k_brk(k_brk(0) - 0x500000); }
static long c_mlock(void) { return SC2(NR_mlock, AREA + PG, 3 * PG); }
static void un_mlock(long r) { (void)r; SC2(NR_munlock, AREA, PAGES * PG); }
static long c_dontfork(void) { return k_madvise((void *)(AREA + PG), 3 * PG, ADV_DONTFORK); }
static void un_dontfork(long r) { (void)r; k_madvise((void *)AREA, PAGES * PG, ADV_DOFORK); }
static long c_dontneed(void) { return k_madvise((void *)(AREA + PG), 3 * PG, ADV_DONTNEED); }

static void un_open(long r) { k_close((int)r); }
static void un_nothing(long r) { (void)r; }
static long c_open(void) { return SC3(NR_open, "/tmp/sweep/data", O_RDWR_, 0); }
static long c_creat(void) { return SC3(NR_open, "/tmp/sweep/new", O_RDWR_ | O_CREAT_, 0600); }
static void un_creat(long r) { k_close((int)r); SC1(NR_unlink, "/tmp/sweep/new"); }
static long c_maps(void) { return SC3(NR_open, "/proc/self/maps", 0, 0); }
static long c_mkdir(void) { return SC2(NR_mkdir_, "/tmp/sweep/folder", 0700); }
static void un_mkdir(long r) { (void)r; SC1(NR_rmdir_, "/tmp/sweep/folder"); }
static long c_rename(void) { return SC2(NR_rename_, "/tmp/sweep/data", "/tmp/sweep/a-longer-name"); }
static void un_rename(long r) { (void)r; SC2(NR_rename_, "/tmp/sweep/a-longer-name", "/tmp/sweep/data"); }
static long c_pipe(void) { return k_pipe(pairs); }
static void un_pipe(long r) { (void)r; k_close(pairs[0]); k_close(pairs[1]); }
static long c_dup2(void) { return SC2(NR_dup2, 0, 60); }
static long c_write(void) { return SC5(NR_pwrite64, data, bytes, sizeof bytes, 0, 0); }
static void un_write(long r) { (void)r; SC2(NR_ftruncate, data, PG); }
static long c_read(void) { return SC5(NR_pread64, data, bytes, sizeof bytes, 0, 0); }
static long c_pipe_write(void) { return k_write(pipes[1], bytes, 3000); }
static void un_pipe_write(long r) { k_read(pipes[0], bytes, (ulong)r); }
static long c_truncate(void) { return SC2(NR_ftruncate, data, 64 * PG); }
static long c_stat(void) { return SC2(NR_stat64, "/tmp/sweep/data", bytes); }
static long c_getcwd(void) { return SC2(NR_getcwd, bytes, 200); }
static long c_readlink(void) { return SC3(NR_readlink, "/proc/self/exe", bytes, 200); }
static long c_poll(void)
{
    struct { int fd; short wants, has; } polled[2] = {{pipes[0], 1, 0}, {pipes[1], 4, 0}};

    return SC3(NR_poll, polled, 2, 0);
}
static long c_fork(void)
{
    long pid = k_fork();

    if (pid == 0)
        k_exit(0);
    return pid;
}
static void un_fork(long r) { k_wait(r, 0); }
/* A child starts this program again; the kernel counts for the child that calls. */
static long
c_execve(void)
{
    char *argv[] = {(char *)self, "end", 0};

    return SC3(NR_execve, self, argv, environment);
}

struct call {
    const char *name;
    long (*call)(void);
    void (*undo)(long answer);
};

static const struct call calls[] = {
    {"mmap", c_mmap, un_map}, {"mmap shared", c_shared, un_map}, {"mmap populate", c_populate, un_map},
    {"mmap of a file", c_file, un_map}, {"mmap fixed", c_fixed, un_fixed},
    {"munmap of the middle", c_munmap, un_munmap}, {"mprotect of the middle", c_mprotect, un_fixed},
    {"mremap", c_mremap, un_mremap}, {"mremap fixed", c_mremap_fixed, un_all}, {"brk", c_brk, un_brk},
    {"mlock", c_mlock, un_mlock}, {"madvise for fork", c_dontfork, un_dontfork},
    {"madvise dontneed", c_dontneed, un_nothing}, {"open", c_open, un_open},
    {"open of a new file", c_creat, un_creat}, {"open of /proc/self/maps", c_maps, un_open},
    {"mkdir", c_mkdir, un_mkdir}, {"rename", c_rename, un_rename}, {"pipe", c_pipe, un_pipe},
    {"dup2", c_dup2, un_open}, {"write", c_write, un_write}, {"read", c_read, un_nothing},
    {"write to a pipe", c_pipe_write, un_pipe_write}, {"ftruncate", c_truncate, un_write},
    {"stat", c_stat, un_nothing}, {"getcwd", c_getcwd, un_nothing}, {"readlink", c_readlink, un_nothing},
    {"poll", c_poll, un_nothing}, {"fork", c_fork, un_fork},
};

/* ---- the sweep ---- */

static void
arm(ulong n)
{
    char text[12];
    int i = sizeof text;

    do
        text[--i] = (char)('0' + n % 10);
    while (n /= 10);
    k_write(fail_nth, text + i, sizeof text - (ulong)i);
}

/* Not 0 while the n-th allocation is still to come. */
static int
is_armed(void)
{
    char text[12] = {0};

    SC5(NR_pread64, fail_nth, text, sizeof text - 1, 0, 0);
    return text[0] != '0';
}

static int
is_shortage(long r)
{
    return r == -ENOMEM_ || r == -EAGAIN_ || r == -23 /* ENFILE */;
}

static void
sweep(const struct call *call)
{
    ulong n = 0;
    int armed, wrong = 0;
    long r = call->call();

    if (!is_err(r))
        call->undo(r);
    look(before);
    do {
        arm(++n);
        r = call->call();
        armed = is_armed();
        arm(0);
        if (is_err(r) ? !is_shortage(r) : 0)
            wrong = 1;
        if (!is_err(r))
            call->undo(r);
        look(after);
        if (!same()) {
            note("allocation %lu: answer %ld, and then:", n, r);
            out("%s", after);
            wrong = 1;
        }
    } while (!armed && !wrong && n < 3000);
    ok(!wrong && n < 3000 && !is_err(r), "%s: %lu allocations failed (the last answer: %ld)", call->name,
       n - 1, r);
}

/* One execve with its n-th allocation failing; the program that starts says whether it was reached.
 */
static int
exec_once(void *n)
{
    long r;

    fail_nth = (int)SC2(NR_dup2, SC3(NR_open, "/proc/self/fail-nth", O_RDWR_, 0), KEPT);
    if (fail_nth < 0)
        return 5;
    arm(*(ulong *)n);
    r = c_execve();
    arm(0);
    return is_shortage(r) ? 3 : 4;
}

static void
sweep_exec(void)
{
    ulong n = 0;
    long status;

    do {
        n++;
        status = in_child(exec_once, &n);
        /* Once the old program is gone, a shortage can only end the new one. */
    } while (n < 3000 && (status == 0 || status == 3 << 8 || W_SIG(status) != 0));
    ok(status == NOT_REACHED << 8, "execve: %lu allocations failed, status %lx", n - 1, status);
}

int
main(int argc, char **argv, char **envp)
{
    self = argv[0];
    environment = envp;
    if (argc > 1 && str_eq(argv[1], "end")) {
        fail_nth = KEPT;
        return is_armed() ? NOT_REACHED : 0;
    }
    fail_nth = (int)SC3(NR_open, "/proc/self/fail-nth", O_RDWR_, 0);
    if (fail_nth < 0) {
        skip("no /proc/self/fail-nth here");
        return done("sweep");
    }
    SC2(NR_mkdir_, "/tmp/sweep", 0700);
    data = (int)SC3(NR_open, "/tmp/sweep/data", O_RDWR_ | O_CREAT_, 0600);
    k_write(data, bytes, PG);
    k_pipe(pipes);
    k_anon_at((void *)AREA, PAGES * PG, P_RW);
    set_all((void *)AREA, 0x5a, PAGES * PG);
    set_all(after, 0, STATE);
    for (ulong i = 0; i < sizeof calls / sizeof *calls; i++)
        sweep(&calls[i]);
    sweep_exec();
    return done("sweep");
}
