/* sweep.c - inside every system call, each allocation of the kernel fails once: for n = 1, 2, 3 ...
 * the n-th, through /proc/self/fail-nth, until none does.
 *
 * The table has every call that the kernel has, and says which never allocate. Of those that do,
 * each shortage must have changed nothing: the maps, the break, the open descriptors, the names in
 * a folder and what a file is are compared. One that succeeds all the same is undone, and again
 * nothing may have changed; and when a call has been swept, as much memory is free as before. A
 * number that the table does not have must be one that the kernel does not know.
 */
#include "fail_nth.h"
#include "witness.h"

#define AREA    0x20000000ul
#define PAGES   12ul
#define STATE   16384
#define NUMBERS 460
#define MOST    3000ul /* allocations that a call may make */

enum { NR_getdents64_ = 220, NR_fcntl_ = 221, NR_stat64_ = 195, NR_close_range_ = 436 };
enum { O_RDWR_ = 2, O_CREAT_ = 0100, O_DIRECTORY_ = 0200000 };

/* Descriptors. */
enum { DATA = 40, FOLDER, ZERO, SHELL, OTHER, DROP, KEPT = 50 };
enum { REACHED = 0, WRONG = 1, NOT_REACHED = 9 };

/* Paths longer than the few bytes that the kernel has at hand. */
#define DOTS "./././././././././././././././././././././././././././././././././"
#define LONG(name) ((long)("/tmp/" DOTS DOTS "sweep/" name))
#define DATA_FILE  LONG("data")
#define NEW_FILE   LONG("new")
#define HERE       -100 /* AT_FDCWD */
#define BYTES      ((long)bytes)

static char before[STATE], after[STATE], bytes[3 * 4096], names[1024];
static const char *self;
static char **environment;
static int fail_nth, pairs[2];

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

/* Mode, links, owner, group and size; times may change. */
static void
look_at_file(char *state)
{
    static char stat[96];

    set_all(stat, 0, sizeof stat);
    SC2(NR_stat64_, "/tmp/sweep/data", stat);
    for (u32 i = 16; i < 52; i++)
        state[i - 16] = stat[i];
}

static void
look(char *state)
{
    set_all(state, 0, STATE);
    read_whole("/proc/self/maps", state, STATE - 2048);
    SC2(NR_getcwd, state + STATE - 512, 256);
    look_at_file(state + STATE - 256);
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

/* ---- memory calls, and what undoes them ---- */

static long
anywhere(ulong length, int flags)
{
    return k_mmap(0, length, P_RW, flags | M_ANON, -1, 0);
}

static void un_map(long r) { k_munmap((void *)r, 8 * PG); }
static long c_mmap(void) { return anywhere(8 * PG, M_PRIVATE); }
static long c_shared(void) { return anywhere(8 * PG, M_SHARED); }
static long c_populate(void) { return anywhere(8 * PG, M_PRIVATE | M_POPULATE); }
static long c_file(void) { return k_mmap(0, 2 * PG, P_RW, M_SHARED, DATA, 0); }
static long c_fixed(void) { return k_anon_at((void *)(AREA + 2 * PG), 3 * PG, P_R); }
static void un_fixed(long r) { (void)r; k_mprotect((void *)AREA, PAGES * PG, P_RW); }
static void un_munmap(long r) { (void)r; k_anon_at((void *)(AREA + 2 * PG), 3 * PG, P_RW); }
static void un_all(long r) { (void)r; k_anon_at((void *)AREA, PAGES * PG, P_RW); }
static void un_mlock(long r) { (void)r; SC2(NR_munlock, AREA, PAGES * PG); }
static long
c_mlockall(void)
{
    k_madvise((void *)(AREA + 9 * PG), PG, ADV_DONTNEED);
    return SC1(152, 1);
}

/* This program must not lose pages of its own when files' pages go (c_read_in). */
static void
stay_in_memory(long r)
{
    extern char __executable_start[], end[];

    (void)r;
    SC0(153 /* munlockall */);
    SC2(NR_mlock, __executable_start, end - __executable_start);
}

static void un_dontfork(long r) { (void)r; k_madvise((void *)AREA, PAGES * PG, ADV_DOFORK); }
static void
un_mremap(long r)
{
    k_munmap((void *)r, 4 * PG);
    k_anon_at((void *)(AREA + 4 * PG), 2 * PG, P_RW);
}

static long
c_old_mmap(void)
{
    static const ulong args[6] = {0, 8 * PG, P_RW, M_PRIVATE | M_ANON, -1ul, 0};

    return SC1(NR_old_mmap, args);
}

static long
c_brk(void)
{
    ulong now = k_brk(0);

    return k_brk(now + 0x500000) == now + 0x500000 ? 0 : -ENOMEM_;
}

static void un_brk(long r) { (void)r; k_brk(k_brk(0) - 0x500000); }

/* A read into memory that has no page yet. */
static long
c_read_fresh(void)
{
    return k_read(ZERO, (void *)(AREA + 9 * PG), PG) == (long)PG ? 0 : -ENOMEM_;
}

static void un_read_fresh(long r) { (void)r; k_madvise((void *)(AREA + 9 * PG), PG, ADV_DONTNEED); }

/* ---- processes ---- */

static long
c_fork(void)
{
    long pid = k_fork();

    if (pid == 0)
        k_exit(0);
    return pid;
}

static void un_fork(long r) { k_wait(r, 0); }

/* The child has the stack of its parent, and must not use it. */
static long
c_vfork(void)
{
    long pid;

    __asm__ volatile("int $0x80; test %%eax,%%eax; jnz 1f\n"
                     "mov $1,%%eax; xor %%ebx,%%ebx; int $0x80; 1:"
                     : "=a"(pid) : "a"(NR_vfork) : "ebx", "memory", "cc");
    return pid;
}

static volatile u32 thread_lives;

/* A thread that ends at once; the kernel clears the word when it is gone. */
static long
c_clone(void)
{
    static char stack[256];
    long tid;

    thread_lives = 1;
    __asm__ volatile("int $0x80; test %%eax,%%eax; jnz 1f\n"
                     "mov $1,%%eax; xor %%ebx,%%ebx; int $0x80; 1:"
                     : "=a"(tid)
                     : "a"(NR_clone), "b"(0x250f00), "c"(stack + sizeof stack), "d"(0), "S"(0),
                       "D"(&thread_lives)
                     : "memory", "cc");
    return tid;
}

static void
un_clone(long r)
{
    (void)r;
    while (thread_lives)
        k_yield();
}

/* ---- files ---- */

static void un_open(long r) { k_close((int)r); }
static void un_creat(long r) { if (r > 2) k_close((int)r); SC1(NR_unlink, "/tmp/sweep/new"); }
static void un_name(long r) { (void)r; SC1(NR_unlink, "/tmp/sweep/new"); }
static void un_mkdir(long r) { (void)r; SC1(40, "/tmp/sweep/new"); }
static void re_mkdir(long r) { (void)r; SC2(39, "/tmp/sweep/folder", 0700); }
static void un_rename(long r) { (void)r; SC2(38, "/tmp/sweep/new", "/tmp/sweep/data"); }
static void un_chdir(long r) { (void)r; SC1(12, "/"); }
static void un_chmod(long r) { (void)r; SC2(15, "/tmp/sweep/data", 0600); }
static void un_pipe(long r) { (void)r; k_close(pairs[0]); k_close(pairs[1]); }
static void re_link(long r) { (void)r; SC2(83, "data", "/tmp/sweep/link"); }

static void
un_write(long r)
{
    (void)r;
    SC2(NR_ftruncate, DATA, PG);
    SC3(NR_lseek, DATA, 0, 0);
    SC3(NR_lseek, OTHER, 0, 0);
}

static const struct { const void *base; ulong length; } pieces[12] = {{bytes, 4096}, {bytes, 4096}};
static void far(int fd) { SC3(NR_lseek, fd, 8 * PG, 0); }
static long c_write(void) { far(DATA); return k_write(DATA, bytes, 8192); }
static long c_writev(void) { far(DATA); return SC3(NR_writev, DATA, pieces, 2); }
static long c_pwrite(void) { return SC5(NR_pwrite64, DATA, bytes, 8192, 8 * PG, 0); }
static long c_sendfile(void) { far(OTHER); return SC4(187, OTHER, DATA, 0, 4096); }
static long c_sendfile64(void) { far(OTHER); return SC4(239, OTHER, DATA, 0, 4096); }
static long c_unlink(void) { return SC1(NR_unlink, LONG("link")); }
static long c_pipe_write(void)
{
    long r = k_pipe(pairs);

    if (r != 0)
        return r;
    r = k_write(pairs[1], bytes, 3000);
    if (is_err(r))
        un_pipe(0);
    return r;
}

/* Of a file whose pages are not in memory: what was used lately goes only when asked for twice. */
static long
c_read_in(void)
{
    k_write(DROP, "3", 1);
    k_write(DROP, "3", 1);
    return SC5(NR_pread64, SHELL, bytes, 4096, 0, 0);
}

/* Of a table: the name's node, the file, the text whose size is found first. */
static long
c_read_table(void)
{
    long fd = SC3(NR_open, "/proc/self/walk/0xc0100000", 0, 0);
    long got = fd < 0 ? fd : k_read((int)fd, bytes, 4096);

    if (fd >= 0)
        k_close((int)fd);
    return got;
}

static void un_flock(long r) { (void)r; SC2(143, DATA, 8); }

/* Of the first 100 bytes. */
static const struct { short type, whence; long start, length; int pid; } lock = {1, 0, 0, 100, 0},
                                                                        no_lock = {2, 0, 0, 100, 0};
static void un_lock(long r) { (void)r; SC3(NR_fcntl_, DATA, 6, &no_lock); }

/* Fits nowhere on a stack. */
static struct { int fd; short wants, has; } polled[200];
static u32 moment[4];
static const u32 *const old_select[5] = {0, 0, 0, 0, moment};

/* Signal 40 is blocked, and waits until somebody takes it. */
static const u32 queued[2] = {0, 128};
static void un_signal(long r) { (void)r; SC4(177, queued, 0, moment, 8); }
static long c_kill(void) { return SC2(37, SC0(NR_getpid), 40); }
static long c_tkill(void) { return SC2(238, SC0(NR_gettid), 40); }
static long c_tgkill(void) { return SC3(270, SC0(NR_getpid), SC0(NR_gettid), 40); }
static int about[32] = {40, 0, -1};
static long c_queue(void) { return SC3(178, SC0(NR_getpid), 40, about); }
static long c_tgqueue(void) { return SC4(335, SC0(NR_getpid), SC0(NR_gettid), 40, about); }

/* ---- the table ---- */

enum kind {
    QUIET,   /* never allocates */
    SWEPT,
    APART,   /* swept, each time in a new process: what it allocates is kept */
    UNKNOWN, /* without allocations, as its handler shows; it ends, stops, waits or sets clocks */
};

struct row {
    short number;
    const char *name;
    enum kind kind;
    long (*call)(void); /* 0: by number, with args */
    void (*undo)(long answer);
    long args[6];
};

#define MIDDLE(n) (long)(AREA + (n) * PG)

static const struct row rows[] = {
    {0, "restart_syscall", QUIET},
    {1, "exit", UNKNOWN},
    {2, "fork", SWEPT, c_fork, un_fork},
    {3, "read", QUIET, 0, un_write, {DATA, BYTES, 4096}},
    {3, "read of a page not yet in memory", SWEPT, c_read_in, 0},
    {3, "read of a table of memory", SWEPT, c_read_table, 0},
    {3, "read into fresh memory", SWEPT, c_read_fresh, un_read_fresh},
    {4, "write", SWEPT, c_write, un_write},
    {4, "write to a pipe", SWEPT, c_pipe_write, un_pipe},
    {5, "open", SWEPT, 0, un_open, {DATA_FILE, O_RDWR_}},
    {5, "open of a new file", SWEPT, 0, un_creat, {NEW_FILE, O_RDWR_ | O_CREAT_, 0600}},
    {5, "open of /proc/self/maps", SWEPT, 0, un_open, {(long)"/proc/self/maps"}},
    {5, "open of /dev/zero", SWEPT, 0, un_open, {(long)"/dev/zero"}},
    {6, "close", QUIET, 0, 0, {63}},
    {7, "waitpid", QUIET, 0, 0, {-1, 0, 1}},
    {8, "creat", SWEPT, 0, un_creat, {NEW_FILE, 0600}},
    {9, "link", SWEPT, 0, un_name, {DATA_FILE, NEW_FILE}},
    {10, "unlink", SWEPT, c_unlink, re_link},
    {11, "execve", APART},
    {12, "chdir", SWEPT, 0, un_chdir, {LONG("")}},
    {13, "time", QUIET},
    {14, "mknod", SWEPT, 0, un_name, {NEW_FILE, 0100600}},
    {15, "chmod", SWEPT, 0, un_chmod, {DATA_FILE, 0640}},
    {16, "lchown", SWEPT, 0, 0, {DATA_FILE, 0, 0}},
    {19, "lseek", QUIET, 0, un_write, {DATA, 100}},
    {20, "getpid", QUIET},
    {21, "mount", QUIET},
    {22, "umount", QUIET},
    {24, "getuid", QUIET},
    {27, "alarm", QUIET},
    {29, "pause", UNKNOWN},
    {30, "utime", SWEPT, 0, 0, {DATA_FILE, 0}},
    {33, "access", SWEPT, 0, 0, {DATA_FILE, 4}},
    {36, "sync", QUIET},
    {37, "kill", SWEPT, c_kill, un_signal},
    {38, "rename", SWEPT, 0, un_rename, {DATA_FILE, NEW_FILE}},
    {39, "mkdir", SWEPT, 0, un_mkdir, {NEW_FILE, 0700}},
    {40, "rmdir", SWEPT, 0, re_mkdir, {LONG("folder")}},
    {41, "dup", QUIET, 0, un_open, {DATA}},
    {42, "pipe", SWEPT, 0, un_pipe, {(long)pairs}},
    {43, "times", QUIET, 0, 0, {BYTES}},
    {45, "brk", SWEPT, c_brk, un_brk},
    {47, "getgid", QUIET},
    {48, "signal", QUIET, 0, 0, {12, 0}},
    {49, "geteuid", QUIET},
    {50, "getegid", QUIET},
    {52, "umount2", QUIET},
    {54, "ioctl", QUIET, 0, 0, {1, 0x5401, BYTES}},
    {55, "fcntl", APART, 0, 0, {DATA, 0, 250}},
    {57, "setpgid", QUIET},
    {59, "oldolduname", QUIET, 0, 0, {BYTES}},
    {60, "umask", QUIET, 0, 0, {022}},
    {61, "chroot", QUIET},
    {63, "dup2", APART, 0, 0, {DATA, 250}},
    {64, "getppid", QUIET},
    {65, "getpgrp", QUIET},
    {66, "setsid", QUIET},
    {67, "sigaction", QUIET, 0, 0, {12, 0, BYTES}},
    {72, "sigsuspend", UNKNOWN},
    {73, "sigpending", QUIET, 0, 0, {BYTES}},
    {75, "setrlimit", QUIET, 0, 0, {4, BYTES}},
    {76, "getrlimit", QUIET, 0, 0, {4, BYTES}},
    {77, "getrusage", QUIET, 0, 0, {0, BYTES}},
    {78, "gettimeofday", QUIET, 0, 0, {BYTES, BYTES}},
    {79, "settimeofday", UNKNOWN},
    {82, "select", QUIET, 0, 0, {(long)old_select}},
    {83, "symlink", SWEPT, 0, un_name, {DATA_FILE, NEW_FILE}},
    {85, "readlink", SWEPT, 0, 0, {LONG("link"), BYTES, 200}},
    {85, "readlink of /proc/self/exe", SWEPT, 0, 0, {(long)"/proc/self/exe", BYTES, 200}},
    {88, "reboot", UNKNOWN},
    {90, "mmap", SWEPT, c_old_mmap, un_map},
    {91, "munmap of the middle", SWEPT, 0, un_munmap, {MIDDLE(2), 3 * PG}},
    {92, "truncate", SWEPT, 0, un_write, {DATA_FILE, 64 * PG}},
    {93, "ftruncate", QUIET, 0, un_write, {DATA, 64 * PG}},
    {94, "fchmod", QUIET, 0, un_chmod, {DATA, 0640}},
    {95, "fchown", QUIET, 0, 0, {DATA, 0, 0}},
    {99, "statfs", SWEPT, 0, 0, {DATA_FILE, BYTES}},
    {100, "fstatfs", QUIET, 0, 0, {DATA, BYTES}},
    {104, "setitimer", QUIET, 0, 0, {0, (long)moment}},
    {105, "getitimer", QUIET, 0, 0, {0, BYTES}},
    {106, "stat", SWEPT, 0, 0, {DATA_FILE, BYTES}},
    {107, "lstat", SWEPT, 0, 0, {DATA_FILE, BYTES}},
    {108, "fstat", QUIET, 0, 0, {DATA, BYTES}},
    {109, "olduname", QUIET, 0, 0, {BYTES}},
    {114, "wait4", QUIET, 0, 0, {-1, 0, 1}},
    {116, "sysinfo", QUIET, 0, 0, {BYTES}},
    {118, "fsync", QUIET, 0, 0, {DATA}},
    {119, "sigreturn", UNKNOWN},
    {120, "clone", SWEPT, c_clone, un_clone},
    {122, "uname", QUIET, 0, 0, {BYTES}},
    {125, "mprotect of the middle", SWEPT, 0, un_fixed, {MIDDLE(3), 2 * PG, P_R}},
    {126, "sigprocmask", QUIET, 0, 0, {0, 0, BYTES}},
    {132, "getpgid", QUIET},
    {133, "fchdir", QUIET, 0, un_chdir, {FOLDER}},
    {136, "personality", QUIET, 0, 0, {-1}},
    {140, "_llseek", QUIET, 0, un_write, {DATA, 0, 100, BYTES, 0}},
    {141, "getdents", QUIET, 0, 0, {FOLDER, BYTES, 4096}},
    {142, "_newselect", QUIET, 0, 0, {0, 0, 0, 0, (long)moment}},
    {143, "flock", SWEPT, 0, un_flock, {DATA, 2}},
    {144, "msync", QUIET, 0, 0, {MIDDLE(2), 3 * PG, 4}},
    {145, "readv", QUIET, 0, un_write, {DATA, (long)pieces, 2}},
    {145, "readv of many", SWEPT, 0, un_write, {DATA, (long)pieces, 12}},
    {146, "writev", SWEPT, c_writev, un_write},
    {147, "getsid", QUIET},
    {148, "fdatasync", QUIET, 0, 0, {DATA}},
    {150, "mlock", SWEPT, 0, un_mlock, {MIDDLE(1), 3 * PG}},
    {151, "munlock", QUIET, 0, 0, {MIDDLE(0), PAGES * PG}},
    {152, "mlockall", SWEPT, c_mlockall, stay_in_memory},
    {153, "munlockall", QUIET, 0, stay_in_memory},
    {155, "sched_getparam", QUIET, 0, 0, {0, BYTES}},
    {156, "sched_setscheduler", QUIET, 0, 0, {0, 0, (long)moment}},
    {157, "sched_getscheduler", QUIET},
    {158, "sched_yield", QUIET},
    {159, "sched_get_priority_max", QUIET},
    {160, "sched_get_priority_min", QUIET},
    {162, "nanosleep", QUIET, 0, 0, {(long)moment}},
    {163, "mremap", SWEPT, 0, un_mremap, {MIDDLE(4), 2 * PG, 4 * PG, MR_MAYMOVE}},
    {163, "mremap fixed", SWEPT, 0, un_all,
     {MIDDLE(0), 2 * PG, 3 * PG, MR_MAYMOVE | MR_FIXED, MIDDLE(6)}},
    {168, "poll", QUIET, 0, 0, {(long)polled, 2, 0}},
    {168, "poll of many", SWEPT, 0, 0, {(long)polled, 200, 0}},
    {172, "prctl", QUIET, 0, 0, {16, BYTES}},
    {173, "rt_sigreturn", UNKNOWN},
    {174, "rt_sigaction", QUIET, 0, 0, {12, 0, BYTES, 8}},
    {175, "rt_sigprocmask", QUIET, 0, 0, {0, 0, BYTES, 8}},
    {176, "rt_sigpending", QUIET, 0, 0, {BYTES, 8}},
    {177, "rt_sigtimedwait", QUIET, 0, 0, {(long)queued, 0, (long)moment, 8}},
    {178, "rt_sigqueueinfo", SWEPT, c_queue, un_signal},
    {179, "rt_sigsuspend", UNKNOWN},
    {180, "pread64", QUIET, 0, 0, {DATA, BYTES, 4096}},
    {181, "pwrite64", SWEPT, c_pwrite, un_write},
    {182, "chown", SWEPT, 0, 0, {DATA_FILE, 0, 0}},
    {183, "getcwd", SWEPT, 0, 0, {BYTES, 200}},
    {184, "capget", QUIET, 0, 0, {BYTES, 0}},
    {186, "sigaltstack", QUIET, 0, 0, {0, BYTES}},
    {187, "sendfile", SWEPT, c_sendfile, un_write},
    {190, "vfork", SWEPT, c_vfork, un_fork},
    {191, "ugetrlimit", QUIET, 0, 0, {4, BYTES}},
    {192, "mmap2", SWEPT, c_mmap, un_map},
    {192, "mmap2 shared", SWEPT, c_shared, un_map},
    {192, "mmap2 populate", SWEPT, c_populate, un_map},
    {192, "mmap2 of a file", SWEPT, c_file, un_map},
    {192, "mmap2 fixed", SWEPT, c_fixed, un_fixed},
    {193, "truncate64", SWEPT, 0, un_write, {DATA_FILE, 64 * PG, 0}},
    {194, "ftruncate64", QUIET, 0, un_write, {DATA, 64 * PG, 0}},
    {195, "stat64", SWEPT, 0, 0, {DATA_FILE, BYTES}},
    {196, "lstat64", SWEPT, 0, 0, {DATA_FILE, BYTES}},
    {197, "fstat64", QUIET, 0, 0, {DATA, BYTES}},
    {198, "lchown32", SWEPT, 0, 0, {DATA_FILE, 0, 0}},
    {199, "getuid32", QUIET},
    {200, "getgid32", QUIET},
    {201, "geteuid32", QUIET},
    {202, "getegid32", QUIET},
    {203, "setreuid32", QUIET},
    {204, "setregid32", QUIET},
    {205, "getgroups32", QUIET},
    {206, "setgroups32", QUIET},
    {207, "fchown32", QUIET, 0, 0, {DATA, 0, 0}},
    {208, "setresuid32", QUIET},
    {209, "getresuid32", QUIET, 0, 0, {BYTES, BYTES, BYTES}},
    {210, "setresgid32", QUIET},
    {211, "getresgid32", QUIET, 0, 0, {BYTES, BYTES, BYTES}},
    {212, "chown32", SWEPT, 0, 0, {DATA_FILE, 0, 0}},
    {213, "setuid32", QUIET},
    {214, "setgid32", QUIET},
    {218, "mincore", QUIET, 0, 0, {MIDDLE(0), PAGES * PG, BYTES}},
    {219, "madvise for fork", SWEPT, 0, un_dontfork, {MIDDLE(1), 3 * PG, ADV_DONTFORK}},
    {219, "madvise dontneed", QUIET, 0, 0, {MIDDLE(1), 3 * PG, ADV_DONTNEED}},
    {220, "getdents64", QUIET, 0, 0, {FOLDER, BYTES, 4096}},
    {221, "fcntl64", APART, 0, 0, {DATA, 0, 250}},
    {221, "fcntl64 for a lock", SWEPT, 0, un_lock, {DATA, 6, (long)&lock}},
    {224, "gettid", QUIET},
    {225, "readahead", QUIET, 0, 0, {DATA, 0, 0, 4096}},
    {238, "tkill", SWEPT, c_tkill, un_signal},
    {239, "sendfile64", SWEPT, c_sendfile64, un_write},
    {240, "futex", QUIET, 0, 0, {BYTES, 1, 1}},
    {241, "sched_setaffinity", QUIET, 0, 0, {0, 4, (long)queued}},
    {242, "sched_getaffinity", QUIET, 0, 0, {0, 4, BYTES}},
    {243, "set_thread_area", QUIET, 0, 0, {BYTES}},
    {244, "get_thread_area", QUIET, 0, 0, {BYTES}},
    {250, "fadvise64", QUIET, 0, 0, {DATA, 0, 0, 0}},
    {252, "exit_group", UNKNOWN},
    {258, "set_tid_address", QUIET},
    {264, "clock_settime", UNKNOWN},
    {265, "clock_gettime", QUIET, 0, 0, {0, BYTES}},
    {266, "clock_getres", QUIET, 0, 0, {0, BYTES}},
    {267, "clock_nanosleep", QUIET, 0, 0, {1, 0, (long)moment}},
    {268, "statfs64", SWEPT, 0, 0, {DATA_FILE, 84, BYTES}},
    {269, "fstatfs64", QUIET, 0, 0, {DATA, 84, BYTES}},
    {270, "tgkill", SWEPT, c_tgkill, un_signal},
    {271, "utimes", SWEPT, 0, 0, {DATA_FILE, 0}},
    {272, "fadvise64_64", QUIET, 0, 0, {DATA}},
    {284, "waitid", QUIET, 0, 0, {0, 0, 0, 5}},
    {295, "openat", SWEPT, 0, un_open, {HERE, DATA_FILE, O_RDWR_}},
    {296, "mkdirat", SWEPT, 0, un_mkdir, {HERE, NEW_FILE, 0700}},
    {297, "mknodat", SWEPT, 0, un_name, {HERE, NEW_FILE, 0100600}},
    {298, "fchownat", SWEPT, 0, 0, {HERE, DATA_FILE, 0, 0}},
    {299, "futimesat", SWEPT, 0, 0, {HERE, DATA_FILE, 0}},
    {300, "fstatat64", SWEPT, 0, 0, {HERE, DATA_FILE, BYTES}},
    {301, "unlinkat", SWEPT, 0, re_link, {HERE, LONG("link")}},
    {302, "renameat", SWEPT, 0, un_rename, {HERE, DATA_FILE, HERE, NEW_FILE}},
    {303, "linkat", SWEPT, 0, un_name, {HERE, DATA_FILE, HERE, NEW_FILE}},
    {304, "symlinkat", SWEPT, 0, un_name, {DATA_FILE, HERE, NEW_FILE}},
    {305, "readlinkat", SWEPT, 0, 0, {HERE, LONG("link"), BYTES, 200}},
    {306, "fchmodat", SWEPT, 0, un_chmod, {HERE, DATA_FILE, 0640}},
    {307, "faccessat", SWEPT, 0, 0, {HERE, DATA_FILE, 4}},
    {308, "pselect6", QUIET, 0, 0, {0, 0, 0, 0, (long)moment}},
    {309, "ppoll", SWEPT, 0, 0, {(long)polled, 200, (long)moment}},
    {311, "set_robust_list", QUIET, 0, 0, {BYTES, 12}},
    {312, "get_robust_list", QUIET, 0, 0, {0, BYTES, BYTES}},
    {318, "getcpu", QUIET, 0, 0, {BYTES, BYTES}},
    {320, "utimensat", SWEPT, 0, 0, {HERE, DATA_FILE}},
    {324, "fallocate", QUIET, 0, un_write, {DATA, 0, 0, 0, 8 * PG, 0}},
    {330, "dup3", APART, 0, 0, {DATA, 250}},
    {331, "pipe2", SWEPT, 0, un_pipe, {(long)pairs}},
    {333, "preadv", QUIET, 0, 0, {DATA, (long)pieces, 2}},
    {334, "pwritev", SWEPT, 0, un_write, {DATA, (long)pieces, 2, 8 * PG}},
    {335, "rt_tgsigqueueinfo", SWEPT, c_tgqueue, un_signal},
    {340, "prlimit64", QUIET, 0, 0, {0, 4, 0, BYTES}},
    {344, "syncfs", QUIET, 0, 0, {DATA}},
    {353, "renameat2", SWEPT, 0, un_rename, {HERE, DATA_FILE, HERE, NEW_FILE}},
    {355, "getrandom", QUIET, 0, 0, {BYTES, 100}},
    {356, "memfd_create", SWEPT, 0, un_open, {(long)"memory"}},
    {376, "mlock2", SWEPT, 0, un_mlock, {MIDDLE(1), 3 * PG}},
    {383, "statx", SWEPT, 0, 0, {HERE, DATA_FILE, 0, 0x7ff, BYTES}},
    {403, "clock_gettime64", QUIET, 0, 0, {0, BYTES}},
    {404, "clock_settime64", UNKNOWN},
    {406, "clock_getres_time64", QUIET, 0, 0, {0, BYTES}},
    {407, "clock_nanosleep_time64", QUIET, 0, 0, {1, 0, (long)moment}},
    {412, "utimensat_time64", SWEPT, 0, 0, {HERE, DATA_FILE}},
    {413, "pselect6_time64", QUIET, 0, 0, {0, 0, 0, 0, (long)moment}},
    {414, "ppoll_time64", SWEPT, 0, 0, {(long)polled, 200, (long)moment}},
    {421, "rt_sigtimedwait_time64", QUIET, 0, 0, {(long)queued, 0, (long)moment, 8}},
    {422, "futex_time64", QUIET, 0, 0, {BYTES, 1, 1}},
    {436, "close_range", APART, 0, 0, {60, 70, 2 /* UNSHARE */}},
    {439, "faccessat2", SWEPT, 0, 0, {HERE, DATA_FILE, 4}},
};

#define ROWS (sizeof rows / sizeof *rows)

static long
make(const struct row *row)
{
    const long *a = row->args;

    return row->call ? row->call() : SC6(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void
undo(const struct row *row, long answer)
{
    if (row->undo && !is_err(answer))
        row->undo(answer);
}

/* ---- the sweep ---- */

static void
arm(ulong n)
{
    fail_arm(fail_nth, n);
}

static ulong
left(void)
{
    return fail_left(fail_nth);
}

static long usual; /* what the call answers */

static int
is_shortage(long r)
{
    return r == -ENOMEM_ || r == -EAGAIN_ || r == -23 /* ENFILE */ || r == -37 /* ENOLCK */;
}

/* The call with its n-th allocation failing. */
static int
try_once(const struct row *row, ulong n, long *answer)
{
    int reached;

    arm(n);
    *answer = make(row);
    reached = left() == 0;
    arm(0);
    undo(row, *answer);
    look(after);
    if (same() && (!is_err(*answer) || *answer == usual || (reached && is_shortage(*answer))))
        return reached ? REACHED : NOT_REACHED;
    note("%s, allocation %lu: answer %ld%s", row->name, n, *answer, same() ? "" : ", and then:");
    if (!same())
        out("%s", after);
    return WRONG;
}

/* All of them; how many there were, 0 when something was wrong. */
static ulong
fail_each(const struct row *row)
{
    ulong n = 0;
    int result;
    long r;

    usual = make(row);
    undo(row, usual);
    look(before);
    do
        result = try_once(row, ++n, &r);
    while (result == REACHED && n < MOST);
    return result == NOT_REACHED ? n - 1 : 0;
}

/* ---- in processes of their own ---- */

struct try {
    const struct row *row;
    ulong n;
};

static int
open_fail_nth(void)
{
    fail_nth = (int)SC2(NR_dup2, fail_open(), KEPT);
    return fail_nth >= 0;
}

/* A process that has the descriptors in common with this one. */
static long
share_files(void)
{
    long pid = SC2(NR_clone, 0x400 | SIG_CHLD, 0);

    while (pid == 0)
        k_yield();
    return pid;
}

/* What succeeds needs no undoing: the process ends. */
static int
try_apart(void *argument)
{
    struct try *try = argument;
    long r, sharer;
    int reached;

    if (!open_fail_nth())
        return WRONG;
    set_all(after, 0, STATE);
    look(before);
    sharer = try->row->number == NR_close_range_ ? share_files() : 0;
    arm(try->n);
    r = make(try->row);
    reached = left() == 0;
    arm(0);
    if (sharer) {
        SC2(NR_kill, sharer, SIG_KILL);
        k_wait(sharer, 0);
    }
    if (!is_err(r))
        return reached ? REACHED : NOT_REACHED;
    look(after);
    return reached && is_shortage(r) && same() ? REACHED : WRONG;
}

/* The new program says whether its allocation was reached. Once the old one is gone, a shortage can
 * only end it. */
static int
exec_apart(void *argument)
{
    struct try *try = argument;
    char *argv[] = {(char *)self, "end", 0};
    long r;

    if (!open_fail_nth())
        return WRONG;
    arm(try->n);
    r = SC3(NR_execve, self, argv, environment);
    arm(0);
    return is_shortage(r) ? REACHED : WRONG;
}

static ulong
fail_each_apart(const struct row *row)
{
    struct try try = {row, 0};
    int is_exec = row->number == NR_execve;
    long status;

    do {
        try.n++;
        status = in_child(is_exec ? exec_apart : try_apart, &try);
    } while (try.n < MOST && (status == REACHED << 8 || (is_exec && W_SIG(status))));
    return status == NOT_REACHED << 8 ? try.n - 1 : 0;
}

/* ---- one row ---- */

/* Twice, since the first time the kernel may make what it keeps. */
static void
sweep(const struct row *row, ulong (*fail_all)(const struct row *row))
{
    struct memory old, now;
    ulong failed = fail_all(row);

    measure_exactly(&old);
    failed = failed ? fail_all(row) : 0;
    measure_exactly(&now);
    if (now.free < old.free || now.objects != old.objects || now.promised != old.promised) {
        note("KiB free: %lu, then %lu", old.free, now.free);
        note("bytes in objects: %lu, then %lu", old.objects, now.objects);
        note("KiB promised: %lu, then %lu", old.promised, now.promised);
        failed = 0;
    }
    ok(failed, "%s (%d): %lu allocations failed", row->name, row->number, failed);
}

/* ---- those that never allocate, and those that do not exist ---- */

static int
is_quiet(const struct row *row)
{
    ulong counted;
    long r = make(row);

    undo(row, r);
    arm(MOST);
    r = make(row);
    counted = MOST - left();
    arm(0);
    undo(row, r);
    if (counted || r == -ENOSYS_)
        note("%s: %lu allocations, answer %ld", row->name, counted, r);
    return counted == 0 && r != -ENOSYS_;
}

static int
is_in_table(int number)
{
    for (u32 i = 0; i < ROWS; i++)
        if (rows[i].number == number)
            return 1;
    return 0;
}

static void
check_the_others(void)
{
    u32 quiet = 0, count = 0, missing = 0;

    for (u32 i = 0; i < ROWS; i++)
        if (rows[i].kind == QUIET)
            count++, quiet += (u32)is_quiet(&rows[i]);
    ok(quiet == count, "%u of %u calls that should not allocate do not", quiet, count);
    for (int number = 0; number < NUMBERS; number++) {
        if (is_in_table(number) || SC6(number, -1, -1, -1, -1, -1, -1) == -ENOSYS_)
            continue;
        note("call %d is not in the table", number);
        missing++;
    }
    ok(missing == 0, "every call that there is stands in the table");
}

static void
open_files(void)
{
    SC2(39, "/tmp/sweep", 0700);
    SC2(39, "/tmp/sweep/folder", 0700);
    SC2(NR_dup2, SC3(NR_open, "/tmp/sweep/data", O_RDWR_ | O_CREAT_, 0600), DATA);
    SC2(NR_dup2, SC3(NR_open, "/tmp/sweep/other", O_RDWR_ | O_CREAT_, 0600), OTHER);
    SC2(NR_dup2, SC3(NR_open, "/tmp/sweep", O_DIRECTORY_, 0), FOLDER);
    SC2(NR_dup2, SC3(NR_open, "/dev/zero", O_RDWR_, 0), ZERO);
    SC2(NR_dup2, SC3(NR_open, "/bin/sh", 0, 0), SHELL);
    SC2(NR_dup2, SC3(NR_open, "/proc/sys/vm/drop_caches", 1, 0), DROP);
    SC2(83, "data", "/tmp/sweep/link");
    k_write(DATA, bytes, PG);
    k_pipe(pairs);
    for (u32 i = 0; i < 200; i++)
        polled[i].fd = pairs[0];
}

static void
block_signal(void)
{
    SC4(NR_rt_sigprocmask, 0, queued, 0, 8);
}

int
main(int argc, char **argv, char **envp)
{
    self = argv[0];
    environment = envp;
    if (argc > 1 && str_eq(argv[1], "end")) {
        fail_nth = KEPT;
        return left() ? NOT_REACHED : REACHED;
    }
    fail_nth = fail_open();
    if (fail_nth < 0) {
        skip("no /proc/self/fail-nth here");
        return done("sweep");
    }
    stay_in_memory(0);
    open_files();
    block_signal();
    k_anon_at((void *)AREA, PAGES * PG, P_RW);
    set_all((void *)AREA, 0x5a, PAGES * PG);
    set_all(after, 0, STATE);
    for (u32 i = 0; i < ROWS; i++) {
        if (rows[i].kind == SWEPT)
            sweep(&rows[i], fail_each);
        else if (rows[i].kind == APART)
            sweep(&rows[i], fail_each_apart);
    }
    check_the_others();
    return done("sweep");
}
