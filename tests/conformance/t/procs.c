/* /proc: what it says of a process with several threads, of one that is dead, of one that is gone,
 * of its files and its program, also when they were removed. Copies itself to /tmp. */
#include "stat64.h"
#include "tap.h"
#include "text.h"

enum {
    NR_chmod = 15, NR_lstat64 = 196, NR_prctl = 172, NR_tgkill = 270,
    O_CREATE = 0x40, O_TRUNCATE = 0x200, O_W = 1, O_RW = 2,
    NR_truncate = 92, ETXTBSY_ = 26,
};

static char text[16 * PG], other[16 * PG];

/* "/proc/NUMBER/name" */
static const char *path_of(long number, const char *name)
{
    static char path[64];

    put_text(put_text(put_number(put_text(path, "/proc/"), (u32)number), "/"), name);
    return path;
}

/* "/proc/self/fd/NUMBER" */
static const char *link_of(long fd)
{
    static char path[64];

    put_number(put_text(path, "/proc/self/fd/"), (u32)fd);
    return path;
}

/* The whole of a file into `to`, `piece` bytes at a time; its length or an error. */
static long read_pieces(const char *path, char *to, ulong piece)
{
    long fd = SC3(NR_open, path, 0, 0), got = 0, total = 0;

    if (fd < 0)
        return fd;
    while (total < (long)sizeof(text) - 1 && (got = k_read((int)fd, to + total, piece)) > 0)
        total += got;
    k_close((int)fd);
    to[total] = 0;
    return got < 0 ? got : total;
}

static long read_all(const char *path) { return read_pieces(path, text, sizeof(text) - 1); }

static int ends_with(const char *whole, long size, const char *end)
{
    long n = (long)str_len(end);

    while (n > 0 && size > 0 && whole[size - 1] == end[n - 1]) {
        n--;
        size--;
    }
    return n == 0;
}

static ulong number_of(const char *name)
{
    const char *at = find_text(text, name);

    if (at == 0)
        return 0;
    for (at += str_len(name); *at == ' ' || *at == '\t'; at++)
        ;
    return parse_num(at, 0);
}

/* ---- threads ---- */

long procs_thread(ulong flags, void *top);
__asm__(".text\nprocs_thread:\npush %ebx\nmov 8(%esp),%ebx\nmov 12(%esp),%ecx\nmov $120,%eax\n"
        "int $0x80\ntest %eax,%eax\njnz 2f\n1: mov $29,%eax\nint $0x80\njmp 1b\n2: pop %ebx\nret\n");

/* A child with two threads: how much is right of what is said of it. */
static int two_threads(void *arg)
{
    char *stack = (char *)k_anon(PG, P_RW);
    ulong me = (ulong)SC0(NR_getpid);
    int right;

    (void)arg;
    if (procs_thread(0x10f00, stack + PG) < 0) /* VM, FS, FILES, SIGHAND, THREAD */
        return 0;
    read_all("/proc/self/stat");
    right = parse_num(text, 0) == me;
    read_all("/proc/self/status");
    right += number_of("\nPid:") == me;
    right += number_of("\nTgid:") == me;
    right += number_of("\nThreads:") == 2;
    read_all(path_of((long)me, "task/../status"));
    return right + (number_of("\nPid:") == me);
}

/* ---- processes that are dead or gone ---- */

static long starts_sleeper(void)
{
    long pid = k_fork();

    while (pid == 0)
        SC0(29);
    return pid;
}

static void the_dead(void)
{
    static const char *const names[] = {
        "stat", "statm", "status", "cmdline", "environ", "maps", "smaps", "limits", "comm", "mounts",
        "fd/0", "task", "cwd/", "root/tmp", "exe", "oom_score", "mem",
    };
    long pid = starts_sleeper(), before, after, fd;
    int st;

    before = SC3(NR_open, path_of(pid, "stat"), 0, 0);
    after = SC3(NR_open, path_of(pid, "limits"), 0, 0);
    eq(k_read((int)after, text, 10), 10, "the start of a living process' limits");
    SC2(NR_kill, pid, SIG_KILL);
    SC5(284, 1, pid, 0, 0x1000004, 0); /* waitid, WEXITED | WNOWAIT */
    for (u32 i = 0; i < sizeof(names) / sizeof(*names); i++) {
        fd = SC3(NR_open, path_of(pid, names[i]), 0, 0);
        k_read((int)fd, other, sizeof(other));
        SC3(NR_readlink, path_of(pid, names[i]), other, sizeof(other));
        if (fd >= 0)
            k_close((int)fd);
    }
    read_all(path_of(pid, "stat"));
    ok(find_text(text, ") Z ") != 0, "a zombie's state is Z");
    read_all(path_of(pid, "status"));
    ok(find_text(text, "Z (zombie)") != 0, "also in status");
    k_wait(pid, &st);
    eq(k_read((int)before, text, 100), -ESRCH_, "stat, opened before, of one who is gone");
    ok(k_read((int)after, text, 10) >= 0, "the rest of what was begun");
    k_close((int)before);
    k_close((int)after);
    eq(SC3(NR_open, path_of(pid, "stat"), 0, 0), -ENOENT_, "no folder is left of it");
}

/* ---- reading ---- */

static void reading(void)
{
    long whole = read_all("/proc/self/limits"), fd;
    int same = 1;

    eq(read_pieces("/proc/self/limits", other, 1), whole, "limits, byte by byte");
    for (long i = 0; i < whole; i++)
        same &= text[i] == other[i];
    ok(same, "is the same");
    fd = SC3(NR_open, "/proc/self/limits", 0, 0);
    eq(SC5(NR_pread64, fd, other, 50, 100, 0), 50, "pread in the middle");
    same = 1;
    for (long i = 0; i < 50; i++)
        same &= text[100 + i] == other[i];
    ok(same, "is the same");
    eq(k_read((int)fd, other, 5), 5, "a read begins at the start");
    eq(SC3(NR_lseek, fd, 0, 0), 0, "back");
    eq(k_read((int)fd, other, sizeof(other)), whole, "all of it");
    eq(k_read((int)fd, other, sizeof(other)), 0, "and its end");
    eq(SC5(NR_pread64, fd, other, 10, 0, 0x7FFFFFF), 0, "far behind the end is nothing");
    eq(k_read((int)fd, (void *)8, 0), 0, "nothing to a bad address");
    SC3(NR_lseek, fd, 0, 0);
    eq(k_read((int)fd, (void *)8, 10), -EFAULT_, "something to a bad address");
    k_close((int)fd);
}

static void names(void)
{
    static const char longest[] = "a-name-that-is-longer-than-any-can-be-in-truth\n";
    long fd = SC3(NR_open, "/proc/self/comm", O_RW, 0);
    char name[17] = {0};

    eq(k_write((int)fd, "other", 5), 5, "a new name");
    SC5(NR_prctl, 16, name, 0, 0, 0);
    ok(str_eq(name, "other"), "is the task's");
    eq(k_write((int)fd, longest, sizeof(longest) - 1), sizeof(longest) - 1, "a long one");
    read_all("/proc/self/comm");
    ok(str_eq(text, "a-name-that-is-\n"), "is cut");
    SC5(NR_prctl, 15, "procs", 0, 0, 0);
    read_all("/proc/self/comm");
    ok(str_eq(text, "procs\n"), "prctl sets it too");
    k_close((int)fd);
    eq(SC2(NR_access, "/proc/self/comm", 2), 0, "access says it can be written");
}

static int privileges(void *arg)
{
    enum { SET = 38, GET = 39 };

    (void)arg;
    if (SC5(NR_prctl, GET, 0, 0, 0, 0) != 0 || SC5(NR_prctl, SET, 0, 0, 0, 0) != -EINVAL_)
        return 1;
    if (SC5(NR_prctl, SET, 1, 0, 0, 0) != 0 || SC5(NR_prctl, GET, 0, 0, 0, 0) != 1)
        return 2;
    read_all("/proc/self/status");
    return number_of("\nNoNewPrivs:") == 1 ? 0 : 3;
}

/* ---- numbers of files ---- */

static u64 listed_number(const char *folder, const char *name)
{
    long fd = SC3(NR_open, folder, 0x10000, 0), got;
    u64 number = 0;

    while ((got = SC3(NR_getdents64, fd, other, 1000)) > 0) {
        for (long at = 0; at < got; at += *(u16 *)(other + at + 16)) {
            if (str_eq(other + at + 19, name))
                number = *(u64 *)(other + at);
        }
    }
    k_close((int)fd);
    return number;
}

static void file_numbers(void)
{
    struct stat64 first, again;

    SC2(NR_stat64, "/proc/self/status", &first);
    SC2(NR_stat64, "/proc/self/status", &again);
    ok(first.ino == again.ino && first.ino != 0, "a file's number is the same each time");
    SC2(NR_stat64, "/proc/self/maps", &again);
    ok(first.ino != again.ino, "another's is another");
    ok(listed_number("/proc/self", "status") == first.ino, "the folder lists the same");
    SC2(NR_lstat64, "/proc/self/fd/1", &first);
    ok(listed_number("/proc/self/fd", "1") == first.ino, "that of descriptors too");
}

/* ---- what is open ---- */

static void open_files(void)
{
    struct stat64 st;
    int ends[2];
    long fd, other_fd, size;

    fd = SC3(NR_open, "/tmp/procs-file", O_CREATE | O_RW, 0644);
    k_write((int)fd, "abcdef", 6);
    other_fd = SC3(NR_open, link_of(fd), 0, 0);
    eq(k_read((int)other_fd, text, 9), 6, "a descriptor opened anew has a position of its own");
    SC1(NR_unlink, "/tmp/procs-file");
    size = SC3(NR_readlink, link_of(fd), text, 100);
    ok(ends_with(text, size, "/tmp/procs-file (deleted)"), "a removed file's link says so");
    k_close((int)other_fd);
    k_close((int)fd);
    k_pipe(ends);
    size = SC3(NR_readlink, link_of(ends[0]), text, 100);
    text[size > 0 ? size : 0] = 0;
    SC2(NR_fstat64, ends[0], &st);
    put_text(put_number(put_text(other, "pipe:["), (u32)st.ino), "]");
    ok(str_eq(text, other), "a pipe's has the number that fstat64 says");
    k_close(ends[0]);
    k_close(ends[1]);
}

static void mapped_names(void)
{
    long fd = SC3(NR_open, "/tmp/procs\nfile", O_CREATE | O_RW, 0644), at;

    SC2(NR_ftruncate, fd, PG);
    at = k_mmap(0, PG, P_R, M_SHARED, (int)fd, 0);
    read_all("/proc/self/maps");
    ok(find_text(text, "/tmp/procs\\012file\n") != 0, "a newline in a name is written as \\012");
    SC1(NR_unlink, "/tmp/procs\nfile");
    read_all("/proc/self/maps");
    ok(find_text(text, "/tmp/procs\\012file (deleted)\n") != 0, "a removed file's name says so");
    k_munmap((void *)at, PG);
    k_close((int)fd);
}

/* ---- a program that removes itself ---- */

static int removed_program(void)
{
    long size, fd;

    if (SC3(NR_open, "/tmp/procs-copy", O_W, 0) != -ETXTBSY_ ||
        SC2(NR_truncate, "/tmp/procs-copy", 0) != -ETXTBSY_)
        return 4;
    SC1(NR_unlink, "/tmp/procs-copy");
    size = SC3(NR_readlink, "/proc/self/exe", text, 100);
    if (!ends_with(text, size, "/tmp/procs-copy (deleted)"))
        return 1;
    fd = SC3(NR_open, "/proc/self/exe", 0, 0);
    if (fd < 0 || k_read((int)fd, text, 4) != 4 || text[1] != 'E')
        return 2;
    k_close((int)fd);
    fd = SC3(NR_open, "/proc/self/exe", 0, 0);
    return fd >= 0 && k_read((int)fd, text, 4) == 4 ? 0 : 3;
}

static int runs_copy(void *arg)
{
    static char *const words[] = {"copy", "removed", 0};

    (void)arg;
    SC3(NR_execve, "/tmp/procs-copy", words, words + 2);
    return 99;
}

static void removed(void)
{
    long in = SC3(NR_open, "/proc/self/exe", 0, 0), got;
    long to = SC3(NR_open, "/tmp/procs-copy", O_CREATE | O_TRUNCATE | O_W, 0755);

    while ((got = k_read((int)in, text, sizeof(text))) > 0)
        k_write((int)to, text, (ulong)got);
    k_close((int)in);
    k_close((int)to);
    SC2(NR_chmod, "/tmp/procs-copy", 0755);
    eq(in_child(runs_copy, 0), 0, "a running program is not written to; removed, it still has its file");
}

/* ---- the machine ---- */

/* Ticks of the whole machine: 0 user, 2 kernel, 3 idle. */
static ulong ticks_of(int kind)
{
    const char *at = text + str_len("cpu  ");

    read_all("/proc/stat");
    for (; kind > 0; kind--) {
        while (*at != ' ')
            at++;
        at++;
    }
    return parse_num(at, 0);
}

/* This process' ticks: 0 user, 1 kernel. */
static long own_ticks(int kind)
{
    long used[4];

    SC1(NR_times, used);
    return used[kind];
}

static void time_is_counted(void)
{
    static char zeros[16 * PG];
    long zero = SC3(NR_open, "/dev/zero", 0, 0), until;
    ulong before = ticks_of(0);

    for (until = own_ticks(0) + 5; own_ticks(0) < until;)
        for (volatile int i = 0; i < 100000; i++)
            ;
    ok(ticks_of(0) > before, "stat: programs' time");
    before = ticks_of(2);
    for (until = own_ticks(1) + 5; own_ticks(1) < until;)
        k_read((int)zero, zeros, sizeof(zeros));
    ok(ticks_of(2) > before, "stat: the kernel's");
    k_close((int)zero);
}

static void machine(void)
{
    ulong total;

    read_all("/proc/meminfo");
    total = number_of("MemTotal:");
    ok(total > 0 && number_of("MemFree:") < total && number_of("MemAvailable:") <= total,
       "meminfo: free of %lu KiB", total);
    read_all("/proc/stat");
    ok(find_text(text, "cpu  ") == text && number_of("\nbtime ") > 1000000000, "stat: since when");
    read_all("/proc/loadavg");
    ok(text[1] == '.' || text[2] == '.' || text[3] == '.', "loadavg");
    read_all("/proc/uptime");
    ok(parse_num(text, 0) < 1u << 30, "uptime");
    ok(read_all("/proc/vmstat") > 0 && number_of("pgfault ") > 0, "vmstat: faults");
}

int main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "removed"))
        return removed_program();
    eq(in_child(two_threads, 0), 5 << 8, "what is said of a child with two threads");
    the_dead();
    reading();
    names();
    eq(in_child(privileges, 0), 0, "no new privileges: not before it was asked for");
    file_numbers();
    open_files();
    mapped_names();
    removed();
    machine();
    time_is_counted();
    return done("procs");
}
