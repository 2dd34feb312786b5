/* Files: paths, bytes, descriptors, folders and links, in a folder of its own below /tmp. */
#include "clock.h"
#include "stat64.h"
#include "tap.h"
#include "text.h"

enum {
    NR_creat = 8, NR_chdir = 12, NR_alarm = 27, NR_chmod = 15, NR_rename = 38, NR_mkdir = 39, NR_rmdir = 40,
    NR_fcntl = 55, NR_umask = 60, NR_symlink = 83, NR_truncate = 92, NR_fchdir = 133,
    NR_getdents = 141, NR_lstat64 = 196, NR_sendfile = 187, NR_fstatat64 = 300, NR_unlinkat = 301,
    NR_utimensat = 320, NR_dup3 = 330, NR_preadv = 333, NR_renameat2 = 353, NR_close_range = 436,
    NR_mknod = 14, NR_lchown = 16, NR_geteuid = 49, NR_fchmod = 94, NR_fchown = 95, NR_fsync = 118,
    NR_flock = 143, NR_chown = 182, NR_lchown32 = 198, NR_fchown32 = 207, NR_chown32 = 212,
    NR_fchownat = 298, NR_fchmodat = 306, NR__llseek = 140, NR_fallocate = 324,
    NR_utime = 30, NR_utimes = 271, NR_futimesat = 299, NR_statfs = 99,
    NR_fstatfs = 100, NR_statfs64 = 268, NR_fstatfs64 = 269,
};

enum {
    EXDEV_ = 18, ENOTDIR_ = 20, EISDIR_ = 21, EMFILE_ = 24, EFBIG_ = 27, ENOSPC_ = 28, EROFS_ = 30,
    ENAMETOOLONG_ = 36, ENOTEMPTY_ = 39, ELOOP_ = 40,
};

enum {
    O_R = 0, O_W = 1, O_RW = 2, O_CREATE = 0x40, O_EXCLUSIVE = 0x80, O_TRUNCATE = 0x200,
    O_APPENDS = 0x400, O_LARGE = 0x8000, O_FOLDER = 0x10000, O_NOLINK = 0x20000, O_PATHS = 0x200000,
};

#define HERE      (-100) /* AT_FDCWD */
#define RL_FSIZE  1
#define RL_FILES  7
#define SIG_ALRM  14
#define SIG_XFSZ  25

struct iov {
    const void *base;
    u32 size;
};

static char bytes[4 * PG];
static const char text[] = "the quick brown fox jumps";
#define TEXT ((long)sizeof(text) - 1)

static long k_open(const char *path, int flags) { return SC3(NR_open, path, flags | O_LARGE, 0644); }
static long k_seek(long fd, long offset, int from) { return SC3(NR_lseek, fd, offset, from); }
static long k_unlink(const char *path) { return SC1(NR_unlink, path); }
static long k_pread(long fd, void *to, ulong size, u64 at)
{
    return SC5(NR_pread64, fd, to, size, (u32)at, (u32)(at >> 32));
}
static long k_pwrite(long fd, const void *from, ulong size, u64 at)
{
    return SC5(NR_pwrite64, fd, from, size, (u32)at, (u32)(at >> 32));
}

/* Opens and closes again: 0 or the error. */
static long open_answer(const char *path, int flags)
{
    long fd = k_open(path, flags);

    if (fd < 0)
        return fd;
    k_close((int)fd);
    return 0;
}

static int same(const void *a, const void *b, ulong size)
{
    const u8 *x = a, *y = b;

    while (size > 0 && *x == *y) {
        x++;
        y++;
        size--;
    }
    return size == 0;
}

static long size_of(const char *path)
{
    struct stat64 st;
    long error = SC2(NR_stat64, path, &st);

    return error < 0 ? error : (long)st.size;
}

static void opening(void)
{
    static char name[300];

    eq(open_answer("none", O_R), -ENOENT_, "open of what is not there");
    eq(open_answer("", O_R), -ENOENT_, "open of an empty path");
    eq(open_answer("f", O_RW | O_CREATE | O_EXCLUSIVE), 0, "a new file");
    eq(open_answer("f", O_RW | O_CREATE | O_EXCLUSIVE), -EEXIST_, "O_EXCL on one that is there");
    eq(open_answer("f/", O_R), -ENOTDIR_, "a slash behind a file");
    eq(open_answer("f/x", O_R), -ENOTDIR_, "a file as a folder");
    eq(open_answer("f", O_R | O_FOLDER), -ENOTDIR_, "O_DIRECTORY on a file");
    eq(open_answer(".", O_RW), -EISDIR_, "writing a folder");
    eq(open_answer("g/", O_RW | O_CREATE), -EISDIR_, "O_CREAT with a slash behind");
    eq(open_answer("f/", O_RW | O_CREATE), -EISDIR_, "and behind a file that is there");
    eq(SC3(NR_mknod, "g/", 0100644, 0), -ENOENT_, "mknod with a slash behind");
    eq(SC3(NR_readlink, "", name, 10), -ENOENT_, "readlink of an empty path");
    eq(SC3(NR_readlink, ".", name, 10), -EINVAL_, "of what is no link");
    eq(open_answer("./../././f/..", O_R), -ENOENT_, "the parent of a name that is not there");
    eq(open_answer((char *)8, O_R), -EFAULT_, "a path at a bad address");
    for (int i = 0; i < 256; i++)
        name[i] = 'x';
    eq(open_answer(name, O_R), -ENAMETOOLONG_, "a name of 256 bytes");
    name[255] = 0;
    eq(open_answer(name, O_RW | O_CREATE), 0, "a name of 255 bytes");
    eq(k_unlink(name), 0, "and away with it");
    eq(k_unlink("f"), 0, "unlink");
    eq(k_unlink("f"), -ENOENT_, "unlink of what is gone");
}

static void reading_and_writing(void)
{
    long fd = k_open("f", O_RW | O_CREATE | O_TRUNCATE);
    u64 place = 0;

    eq(k_write((int)fd, text, TEXT), TEXT, "write");
    eq(k_seek(fd, 0, 1), TEXT, "the position moves");
    eq(k_read((int)fd, bytes, 10), 0, "read at the end");
    eq(k_seek(fd, -TEXT, 2), 0, "seek from the end");
    eq(k_read((int)fd, bytes, 100), TEXT, "read what there is");
    ok(same(bytes, text, (ulong)TEXT), "it is what was written");
    eq(k_seek(fd, -1, 0), -EINVAL_, "seek before the start");
    eq(k_seek(fd, 0, 9), -EINVAL_, "seek from nowhere");
    eq(SC5(NR_llseek, fd, 1, 5, &place, 0), 0, "_llseek beyond 4 GiB");
    ok(place == 0x100000005ull, "its answer");
    eq(SC5(NR_llseek, fd, 0x7FFFFFFF, -1, &place, 1), -EINVAL_, "there is an end to that");
    ok(place == 0x100000005ull, "and then no answer");
    eq(k_pwrite(fd, "ab", 2, PG - 1), 2, "pwrite over a page's edge");
    eq(k_pread(fd, bytes, 4, PG - 2), 3, "pread there");
    ok(same(bytes, "\0ab", 3), "a hole, then the bytes");
    eq(k_pread(fd, bytes, 4, ~0ull), -EINVAL_, "pread at a negative place");
    eq(size_of("f"), PG + 1, "the size");
    eq(k_read((int)fd, bytes, 4), 0, "the file's own position is elsewhere");
    k_close((int)fd);
    fd = SC3(NR_open, "f", O_RW, 0);
    eq(k_pwrite(fd, "ab", 2, 0x7FFFFFFE), 1, "without O_LARGEFILE 2 GiB is the end");
    eq(k_pwrite(fd, "ab", 2, 0x7FFFFFFF), -EFBIG_, "and beyond it is nothing");
    eq(SC2(NR_ftruncate, fd, PG + 1), 0, "back again");
    k_close((int)fd);
    fd = k_open("f", O_W | O_APPENDS);
    eq(k_write((int)fd, "end", 3), 3, "append");
    eq(size_of("f"), PG + 4, "it went to the end");
    eq(k_read((int)fd, bytes, 4), -EBADF_, "read of a file open for writing");
    k_close((int)fd);
    fd = k_open("f", O_R);
    eq(k_write((int)fd, bytes, 4), -EBADF_, "write of a file open for reading");
    k_close((int)fd);
    eq(k_read((int)fd, bytes, 4), -EBADF_, "read of a closed descriptor");
    eq(k_read(-1, bytes, 4), -EBADF_, "read of descriptor -1");
    eq(k_unlink("f"), 0, "unlink");
}

#define APPENDED (2000 * PG) /* takes longer than a task may compute at a stretch */

static int child_appends(void *zeros)
{
    long fd = k_open("f", O_W | O_APPENDS);

    return k_write((int)fd, zeros, APPENDED) == (long)APPENDED ? 0 : 1;
}

static void appending(void)
{
    void *zeros = (void *)k_anon(APPENDED, P_R);
    int st;

    open_answer("f", O_RW | O_CREATE);
    for (int i = 0; i < 3; i++) {
        if (k_fork() == 0)
            k_exit(child_appends(zeros));
    }
    while (k_wait(-1, &st) > 0)
        eq(st, 0, "a child appends");
    eq(size_of("f"), 3 * APPENDED, "the file has what three appended at once");
    k_munmap(zeros, APPENDED);
    k_unlink("f");
}

static void vectors(void)
{
    long fd = k_open("f", O_RW | O_CREATE);
    struct iov out[3] = {{"one ", 4}, {0, 0}, {"two", 3}};
    struct iov in[2] = {{bytes, 2}, {bytes + 100, 50}};
    struct iov many[20];

    eq(SC3(NR_writev, fd, out, 3), 7, "writev");
    eq(SC5(NR_preadv, fd, in, 2, 0, 0), 7, "preadv");
    ok(same(bytes, "on", 2) && same(bytes + 100, "e two", 5), "the pieces");
    for (u32 i = 0; i < 20; i++)
        many[i] = (struct iov){"abcdefghijklmnopqrst" + i, 1};
    eq(SC3(NR_writev, fd, many, 20), 20, "writev of 20");
    eq(k_pread(fd, bytes, 20, 7), 20, "read back");
    ok(same(bytes, "abcdefghijklmnopqrst", 20), "in order");
    eq(SC3(NR_writev, fd, out, 0), 0, "writev of none");
    eq(SC3(NR_writev, fd, out, -1), -EINVAL_, "writev of -1");
    out[2].size = 0x80000000u;
    eq(SC3(NR_writev, fd, out, 3), -EINVAL_, "a piece too large");
    eq(SC3(NR_writev, fd, 8, 1), -EFAULT_, "a vector at a bad address");
    k_close((int)fd);
    k_unlink("f");
}

/* Linux 6.1 tries for ever on i386: then the alarm ends it. */
static int child_writes(void *from)
{
    SC1(NR_alarm, 5);
    return (int)k_write((int)k_open("f", O_W), from, 20);
}

/* What can be copied is; what cannot is an error only when it comes first. */
static void bad_addresses(void)
{
    char *page = (char *)k_anon(2 * PG, P_RW);
    long fd = k_open("f", O_RW | O_CREATE), status;

    k_munmap(page + PG, PG);
    status = in_child(child_writes, page + PG - 10);
    if (status == SIG_ALRM)
        skip("this kernel does not get over the bad page");
    else
        ok(status == 10 << 8 && size_of("f") == 10, "write up to the bad page");
    eq(k_write((int)fd, page + PG, 20), -EFAULT_, "write from it");
    SC2(NR_ftruncate, fd, 10);
    eq(k_pread(fd, page + PG - 4, 10, 0), 4, "read up to it");
    eq(k_pread(fd, page + PG, 10, 0), -EFAULT_, "read into it");
    eq(k_pread(fd, (void *)0xC0000000, 10, 0), -EFAULT_, "read into the kernel");
    eq(k_pread(fd, (void *)0xFFFFFFF0, 100, 0), -EFAULT_, "read round the end");
    k_munmap(page, PG);
    k_close((int)fd);
    k_unlink("f");
}

static void sizes(void)
{
    long fd = k_open("f", O_RW | O_CREATE);
    struct stat64 st;

    k_write((int)fd, text, TEXT);
    eq(SC2(NR_ftruncate, fd, 3), 0, "ftruncate");
    eq(SC3(NR_ftruncate64, fd, 0, 1), 0, "ftruncate64 to 4 GiB");
    eq(SC2(NR_fstat64, fd, &st), 0, "fstat64");
    ok(st.size == 0x100000000ll, "its size");
    ok(st.blocks <= 16, "a hole takes no room");
    ok((st.mode & 0170000) == 0100000 && st.nlink == 1, "a regular file, one name");
    eq(k_pread(fd, bytes, 8, 0), 8, "read over the cut");
    ok(same(bytes, "the\0\0\0\0\0", 8), "zeros behind it");
    eq(SC2(NR_ftruncate, fd, -1), -EINVAL_, "a negative size");
    eq(SC2(NR_truncate, "f", 5), 0, "truncate");
    eq(size_of("f"), 5, "the size");
    eq(SC2(NR_truncate, ".", 5), -EISDIR_, "truncate of a folder");
    k_close((int)fd);
    fd = k_open("f", O_R);
    eq(SC2(NR_ftruncate, fd, 3), -EINVAL_, "ftruncate of a file open for reading");
    k_close((int)fd);
    eq(open_answer("f", O_W | O_TRUNCATE), 0, "O_TRUNC");
    eq(size_of("f"), 0, "cut");
    k_unlink("f");
}

/* write, read and shared mappings are one. */
static void mappings(void)
{
    long fd = k_open("f", O_RW | O_CREATE);
    volatile char *shared, *private;

    SC2(NR_ftruncate, fd, 2 * PG);
    shared = (char *)k_mmap(0, 2 * PG, P_RW, M_SHARED, (int)fd, 0);
    private = (char *)k_mmap(0, 2 * PG, P_RW, M_PRIVATE, (int)fd, 0);
    k_pwrite(fd, "abc", 3, PG);
    ok(same((char *)shared + PG, "abc", 3), "a write is seen in the mapping");
    ok(same((char *)private + PG, "abc", 3), "in a private one too");
    shared[PG + 1] = 'X';
    private[PG + 2] = 'Y';
    eq(k_pread(fd, bytes, 3, PG), 3, "read");
    ok(same(bytes, "aXc", 3), "a store is seen by read, a private one is not");
    SC2(NR_ftruncate, fd, PG);
    eq(sig_of(touch_r, (void *)(shared + PG)), SIG_BUS, "a touch behind the end is a bus error");
    shared[49] = shared[50] = shared[PG - 1] = 'q';
    SC2(NR_ftruncate, fd, 50);
    ok(shared[49] == 'q' && shared[50] == 0 && shared[PG - 1] == 0, "what is cut off a page is zero");
    SC2(NR_ftruncate, fd, PG);
    eq(k_pread(fd, bytes, PG, 0), PG, "read");
    ok(bytes[49] == 'q' && all_eq(bytes + 50, 0, PG - 50), "and stays so when the file grows again");
    k_unlink("f");
    k_close((int)fd);
    shared[1] = 'z';
    eq(shared[1], 'z', "it lives on without name and descriptor");
    k_munmap((void *)shared, 2 * PG);
    k_munmap((void *)private, 2 * PG);
    fd = SC2(NR_memfd_create, "name", 1);
    ok(fd >= 0, "memfd_create");
    eq(k_write((int)fd, text, TEXT), TEXT, "write to it");
    eq(k_pread(fd, bytes, 100, 0), TEXT, "read from it");
    k_close((int)fd);
}

static long count_names(const char *path)
{
    long fd = k_open(path, O_R | O_FOLDER), got, count = 0;

    while ((got = SC3(NR_getdents64, fd, bytes, 128)) > 0) {
        for (long at = 0; at < got; at += *(u16 *)(bytes + at + 16))
            count++;
    }
    k_close((int)fd);
    return got < 0 ? got : count;
}

static void folders(void)
{
    static char path[PG];
    struct stat64 st;
    long fd, length;

    eq(SC2(NR_mkdir, "d", 0755), 0, "mkdir");
    eq(SC2(NR_mkdir, "d", 0755), -EEXIST_, "mkdir of what is there");
    eq(SC2(NR_mkdir, "no/d", 0755), -ENOENT_, "mkdir in what is not there");
    eq(SC1(NR_rmdir, "d/."), -EINVAL_, "rmdir of .");
    for (char c = 'a'; c <= 'z'; c++) {
        char name[] = {'d', '/', 'f', c, 0};
        open_answer(name, O_W | O_CREATE);
    }
    eq(count_names("d"), 28, "getdents64 lists all, . and ..");
    eq(SC1(NR_rmdir, "d"), -ENOTEMPTY_, "rmdir of a full folder");
    eq(SC1(NR_rmdir, "/"), -EBUSY_, "rmdir of the root");
    eq(SC2(NR_mkdir, "/", 0755), -EEXIST_, "mkdir of the root");
    fd = k_open("d", O_R);
    eq(k_read((int)fd, bytes, 10), -EISDIR_, "read of a folder");
    eq(SC3(NR_getdents64, fd, bytes, 10), -EINVAL_, "getdents64 without room");
    eq(SC3(NR_openat, fd, "fa", O_R), fd + 1, "openat");
    eq(SC3(NR_getdents64, fd + 1, bytes, 1000), -ENOTDIR_, "getdents64 of a file");
    eq(SC3(NR_openat, fd + 1, "fa", O_R), -ENOTDIR_, "openat from a file");
    k_close((int)fd + 1);
    eq(SC3(NR_openat, fd + 1, "fa", O_R), -EBADF_, "openat from nothing");
    eq(SC1(NR_fchdir, fd), 0, "fchdir");
    length = SC2(NR_getcwd, path, sizeof(path));
    ok(length > 3 && same(path + length - 3, "/d", 3), "getcwd");
    eq(SC2(NR_getcwd, path, 2), -ERANGE_, "getcwd without room");
    for (char c = 'a'; c <= 'z'; c++) {
        char name[] = {'f', c, 0};
        k_unlink(name);
    }
    eq(SC1(NR_chdir, ".."), 0, "chdir up");
    eq(SC1(NR_chdir, "d/none"), -ENOENT_, "chdir to what is not there");
    eq(SC1(NR_rmdir, "d"), 0, "rmdir");
    eq(SC2(NR_fstat64, fd, &st), 0, "fstat64 of the folder that was there");
    eq((long)st.nlink, 0, "it has no name");
    eq(SC3(NR_getdents64, fd, bytes, 1000), -ENOENT_, "nor entries");
    eq(SC3(NR_openat, fd, "new", O_W | O_CREATE), -ENOENT_, "nor will it have any");
    k_close((int)fd);
}

static void renames_and_links(void)
{
    SC2(NR_mkdir, "d", 0755);
    open_answer("f", O_W | O_CREATE);
    open_answer("g", O_W | O_CREATE);
    eq(SC2(NR_rename, "f", "d"), -EISDIR_, "a file onto a folder");
    eq(SC2(NR_rename, "d", "f"), -ENOTDIR_, "a folder onto a file");
    eq(SC2(NR_rename, "d", "d/e"), -EINVAL_, "a folder into itself");
    eq(SC5(NR_renameat2, HERE, "f", HERE, "g", 1), -EEXIST_, "RENAME_NOREPLACE");
    eq(SC2(NR_rename, "f", "g"), 0, "a file onto a file");
    eq(size_of("f"), -ENOENT_, "the old name is gone");
    eq(SC2(NR_rename, "g", "d/h"), 0, "into another folder");
    eq(SC2(NR_symlink, "d/h", "l"), 0, "symlink");
    eq(SC2(NR_symlink, "d/h", "l"), -EEXIST_, "twice");
    eq(SC2(NR_symlink, "", "l"), -ENOENT_, "to nothing");
    eq(SC3(NR_readlink, "l", bytes, 2), 2, "readlink is cut");
    eq(SC3(NR_readlink, "l", bytes, 100), 3, "readlink");
    ok(same(bytes, "d/h", 3), "its text");
    eq(SC3(NR_readlink, "d", bytes, 100), -EINVAL_, "readlink of a folder");
    eq(open_answer("l", O_R), 0, "open follows it");
    eq(open_answer("l", O_R | O_NOLINK), -ELOOP_, "unless O_NOFOLLOW");
    eq(SC2(NR_symlink, "m", "n") | SC2(NR_symlink, "n", "m"), 0, "two that mean each other");
    eq(open_answer("m", O_R), -ELOOP_, "lead nowhere");
    eq(SC3(NR_unlinkat, HERE, "d", 0), -EISDIR_, "unlinkat of a folder");
    eq(k_unlink("d/h") | k_unlink("l") | k_unlink("m") | k_unlink("n"), 0, "all away");
    eq(SC3(NR_unlinkat, HERE, "d", 0x200), 0, "unlinkat with AT_REMOVEDIR");
}

static int child_closes(void *fd)
{
    k_close((int)(long)fd);
    return k_write((int)(long)fd, "x", 1) == -EBADF_ ? 0 : 1;
}

static int child_moves(void *fd)
{
    return k_seek((long)fd, 7, 0) == 7 ? 0 : 1;
}

static void descriptors(void)
{
    long fd = k_open("f", O_RW | O_CREATE), other, limit_fd;
    struct k_rlimit limit, small;

    other = SC1(NR_dup, fd);
    eq(other, fd + 1, "dup takes the lowest free");
    k_seek(fd, 5, 0);
    eq(k_seek(other, 0, 1), 5, "both have one position");
    eq(SC2(NR_dup2, fd, 50), 50, "dup2");
    eq(SC2(NR_dup2, fd, fd), fd, "dup2 onto itself");
    eq(SC3(NR_dup3, fd, fd, 0), -EINVAL_, "dup3 onto itself");
    eq(SC2(NR_dup2, fd, -1), -EBADF_, "dup2 onto -1");
    eq(SC2(NR_dup2, 49, 48), -EBADF_, "dup2 of nothing");
    eq(SC3(NR_fcntl64, fd, 0, 60), 60, "F_DUPFD");
    eq(SC3(NR_fcntl64, fd, 1030, 60), 61, "F_DUPFD_CLOEXEC");
    eq(SC3(NR_fcntl64, 61, 1, 0), 1, "F_GETFD");
    eq(SC3(NR_fcntl64, 61, 2, 0) | SC3(NR_fcntl64, 61, 1, 0), 0, "F_SETFD");
    eq(SC3(NR_fcntl64, fd, 3, 0) & 0x7FFF, O_RW, "F_GETFL");
    eq(SC3(NR_fcntl64, fd, 4, O_APPENDS), 0, "F_SETFL");
    eq(SC3(NR_fcntl64, other, 3, 0) & 0x7FFF, O_RW | O_APPENDS, "is the file's");
    eq(in_child(child_closes, (void *)other), 0, "a child's close is its own");
    eq(in_child(child_moves, (void *)other), 0, "a child's seek");
    eq(k_seek(fd, 0, 1), 7, "is not");
    SC2(NR_getrlimit, RL_FILES, &limit);
    small = limit;
    small.cur = 20;
    SC2(NR_setrlimit, RL_FILES, &small);
    while ((limit_fd = SC1(NR_dup, fd)) >= 0)
        ;
    eq(limit_fd, -EMFILE_, "no more than the limit");
    k_write((int)fd, text, (ulong)TEXT);
    eq(open_answer("f", O_RW | O_TRUNCATE), -EMFILE_, "open of a file to be cut");
    eq(size_of("f"), TEXT, "leaves it as it was");
    eq(open_answer("fresh", O_RW | O_CREATE | O_EXCLUSIVE), -EMFILE_, "open of a new one");
    eq(k_unlink("fresh"), -ENOENT_, "makes none");
    eq(SC2(NR_dup2, fd, 20), -EBADF_, "nor at it");
    SC2(NR_setrlimit, RL_FILES, &limit);
    for (int i = (int)fd; i < 64; i++)
        k_close(i);
    k_unlink("f");
}

static void devices(void)
{
    long fd = k_open("/dev/zero", O_RW);

    bytes[0] = bytes[4999] = 1;
    eq(k_read((int)fd, bytes, 5000), 5000, "/dev/zero");
    ok(all_eq(bytes, 0, 5000), "is zeros");
    ok(!is_err(k_mmap(0, PG, P_RW, M_PRIVATE, (int)fd, 0)), "and can be mapped");
    k_close((int)fd);
    fd = k_open("/dev/null", O_RW);
    eq(k_write((int)fd, bytes, 5000), 5000, "/dev/null takes all");
    eq(k_read((int)fd, bytes, 5000), 0, "and has nothing");
    eq(k_mmap(0, PG, P_R, M_PRIVATE, (int)fd, 0), -ENODEV_, "nothing to map either");
    eq(SC3(NR_ioctl, fd, 0x5401, bytes), -ENOTTY_, "it is no terminal");
    k_close((int)fd);
    fd = k_open("/dev/shm/files-test", O_RW | O_CREATE);
    ok(fd >= 0, "a file in /dev/shm");
    eq(SC2(NR_rename, "/dev/shm/files-test", "moved"), -EXDEV_, "it cannot move out");
    k_close((int)fd);
    eq(k_unlink("/dev/shm/files-test"), 0, "away with it");
    fd = k_open("/dev/full", O_RW);
    eq(k_write((int)fd, bytes, 1), -ENOSPC_, "/dev/full is full");
    k_close((int)fd);
    fd = k_open("/dev/urandom", O_R);
    eq(k_read((int)fd, bytes, 300), 300, "/dev/urandom");
    ok(!all_eq(bytes, (u8)bytes[0], 300), "is not all the same");
    k_close((int)fd);
}

/* lseek to `whence` in 64 bits: the position or the error. */
static long long seek64(long fd, long long offset, int whence)
{
    long long at = 0;
    long error = SC5(NR__llseek, fd, (u32)(offset >> 32), (u32)offset, &at, whence);

    return error != 0 ? error : at;
}

static void positions(void)
{
    enum { DATA_FROM = 3, HOLE_FROM = 4, ENXIO_ = 6 };
    long fd = k_open("f", O_RW | O_CREATE), zero = k_open("/dev/zero", O_RW);

    k_write((int)fd, text, 10);
    eq(k_seek(fd, 3, DATA_FROM), 3, "SEEK_DATA: there is data");
    eq(k_seek(fd, 0, 1), 3, "and the position");
    eq(k_seek(fd, 3, HOLE_FROM), 10, "SEEK_HOLE: the end");
    eq(k_seek(fd, 10, DATA_FROM), -ENXIO_, "SEEK_DATA at the end");
    eq(k_seek(fd, -1, HOLE_FROM), -ENXIO_, "SEEK_HOLE before the start");
    eq(k_seek(fd, 0, 5), -EINVAL_, "there is nothing behind SEEK_HOLE");
    eq(k_seek(fd, -11, 2), -EINVAL_, "no position is negative");
    ok(seek64(fd, 1ll << 31, 0) == 1ll << 31, "2 GiB, in 64 bits");
    ok(seek64(fd, -(1ll << 30), 1) == 1ll << 30, "_llseek from where one is");
    eq(k_seek(zero, 77, 0), 0, "/dev/zero has but one position");
    k_close((int)zero);
    k_close((int)fd);
    k_unlink("f");
}

static void controls(void)
{
    enum { FIO_NREAD = 0x541B, FIO_NBIO = 0x5421, FIO_CLEX = 0x5451, FIO_NCLEX = 0x5450 };
    long fd = k_open("f", O_RW | O_CREATE);
    int count = -1, on = 1, off = 0;

    k_write((int)fd, text, 10);
    k_seek(fd, 4, 0);
    eq(SC3(NR_ioctl, fd, FIO_NREAD, &count) | count, 6, "FIONREAD of a file: what is ahead");
    eq(SC3(NR_ioctl, fd, FIO_NREAD, 8), -EFAULT_, "to an address that is none");
    eq(SC3(NR_ioctl, fd, FIO_CLEX, 0), 0, "FIOCLEX");
    eq(SC3(NR_fcntl, fd, 1, 0), 1, "is FD_CLOEXEC");
    eq(SC3(NR_ioctl, fd, FIO_NCLEX, 0), 0, "FIONCLEX");
    eq(SC3(NR_fcntl, fd, 1, 0), 0, "takes it back");
    eq(SC3(NR_ioctl, fd, FIO_NBIO, &on), 0, "FIONBIO");
    eq(SC3(NR_fcntl, fd, 3, 0) & 0xFFF, O_RW | 0x800, "is O_NONBLOCK");
    eq(SC3(NR_ioctl, fd, FIO_NBIO, &off), 0, "and off");
    eq(SC3(NR_fcntl, fd, 3, 0) & 0xFFF, O_RW, "again");
    eq(SC3(NR_ioctl, fd, FIO_NBIO, 8), -EFAULT_, "by an address that is none");
    k_close((int)fd);
    k_unlink("f");
}

static void allocation(void)
{
    enum { EOPNOTSUPP_ = 95 };
    long fd = k_open("f", O_RW | O_CREATE), only = k_open("f", O_R);
    long zero = k_open("/dev/zero", O_RW);
    int ends[2];

    SC1(NR_pipe, ends);
    eq(SC6(NR_fallocate, fd, 0, 100, 0, 900, 0), 0, "fallocate");
    eq(size_of("f"), 1000, "makes the file larger");
    eq(SC6(NR_fallocate, fd, 0, 0, 0, 10, 0), 0, "and never");
    eq(size_of("f"), 1000, "smaller");
    eq(SC6(NR_fallocate, fd, 1, 0, 0, 5000, 0), 0, "with FALLOC_FL_KEEP_SIZE");
    eq(size_of("f"), 1000, "it keeps its size");
    eq(SC6(NR_fallocate, fd, 0, 0, 0, 0, 0), -EINVAL_, "no bytes");
    eq(SC6(NR_fallocate, fd, 0, -1, -1, 10, 0), -EINVAL_, "from before the start");
    eq(SC6(NR_fallocate, fd, 0x8000, 0, 0, 10, 0), -EOPNOTSUPP_, "an unknown way");
    eq(SC6(NR_fallocate, fd, 0, -1, 0x7FFFFFFF, 10, 0), -EFBIG_, "beyond all sizes");
    eq(SC6(NR_fallocate, only, 0, 0, 0, 10, 0), -EBADF_, "a file that is only read");
    eq(SC6(NR_fallocate, zero, 0, 0, 0, 10, 0), -ENODEV_, "a device");
    eq(SC6(NR_fallocate, ends[1], 0, 0, 0, 10, 0), -ESPIPE_, "a pipe");
    k_close(ends[0]);
    k_close(ends[1]);
    k_close((int)zero);
    k_close((int)only);
    k_close((int)fd);
    k_unlink("f");
}

/* type, bytes of a block, blocks: all, free, free for us; and more. */
static void file_systems(void)
{
    u32 narrow[16] = {0}, of_file[16] = {0}, wide[21] = {0}, wide_of_file[21] = {0};
    long fd = k_open("f", O_RW | O_CREATE);

    eq(SC2(NR_statfs, "f", narrow), 0, "statfs");
    eq(SC2(NR_fstatfs, fd, of_file), 0, "fstatfs");
    eq(SC3(NR_statfs64, "f", sizeof(wide), wide), 0, "statfs64");
    eq(SC3(NR_fstatfs64, fd, sizeof(wide), wide_of_file), 0, "fstatfs64");
    ok(narrow[0] != 0 && narrow[1] >= 512 && narrow[2] >= narrow[3] && narrow[3] >= narrow[4],
       "a file system with a type and room");
    for (int i = 0; i < 2; i++)
        ok(narrow[i] == of_file[i] && narrow[i] == wide[i] && narrow[i] == wide_of_file[i],
           "all four say the same of word %d", i);
    ok(narrow[2] == wide[2] && narrow[2] == wide_of_file[2] && wide[3] == 0, "and how large it is");
    ok(narrow[9] == 255 && wide[14] == 255 && of_file[9] == 255, "names have up to 255 bytes");
    eq(SC2(NR_statfs, "/proc/self", narrow), 0, "statfs of another");
    eq((long)narrow[0], 0x9fa0, "is of /proc");
    eq(SC2(NR_statfs, "none", narrow), -ENOENT_, "statfs of nothing");
    eq(SC2(NR_fstatfs, 99, narrow), -EBADF_, "fstatfs of nothing");
    eq(SC3(NR_statfs64, "f", sizeof(wide) - 4, wide), -EINVAL_, "statfs64 has 84 bytes");
    eq(SC3(NR_fstatfs64, fd, sizeof(wide) + 4, wide), -EINVAL_, "and fstatfs64 too");
    k_close((int)fd);
    k_unlink("f");
}

static void other_calls(void)
{
    long in = k_open("f", O_RW | O_CREATE), out_fd = k_open("g", O_RW | O_CREATE);
    u32 offset = 4;

    k_write((int)in, text, TEXT);
    eq(SC4(NR_sendfile, out_fd, in, &offset, 100), TEXT - 4, "sendfile");
    eq(offset, TEXT, "moves its offset");
    eq(k_pread(out_fd, bytes, 100, 0), TEXT - 4, "and the bytes");
    ok(same(bytes, text + 4, (ulong)TEXT - 4), "as they are");
    k_close((int)in);
    k_close((int)out_fd);
    eq(SC2(NR_access, "f", 6), 0, "access");
    eq(SC2(NR_access, "f", 1), -EACCES_, "nobody can run it");
    eq(SC2(NR_chmod, "f", 0755), 0, "chmod");
    eq(SC2(NR_access, "f", 1), 0, "now they can");
    eq(SC2(NR_access, "f", 8), -EINVAL_, "access of nonsense");
    SC1(NR_umask, 027);
    eq(SC1(NR_umask, 022), 027, "umask");
    eq(k_unlink("f") | k_unlink("g"), 0, "all away");
}

/* A GiB of zeros, in one call. */
static int child_sends(void *unused)
{
    long fd = SC2(NR_memfd_create, "sparse", 0), null = k_open("/dev/null", O_W);

    (void)unused;
    SC3(NR_ftruncate64, fd, 0x40000000, 0);
    return SC4(NR_sendfile, null, fd, 0, 0x40000000) != 0x40000000;
}

/* 64 MiB of the child's own memory, in one call: few frames, mapped many times. */
static int child_reads_memory(void *unused)
{
    enum { ALL = 0x4000000, PART = 0x40000 };
    long fd = SC2(NR_memfd_create, "few", 0), memory = k_open("/proc/self/mem", O_R);
    char *at = (char *)k_mmap(0, 2 * ALL, P_NONE, M_PRIVATE | M_ANON | M_NORESERVE, -1, 0);

    (void)unused;
    SC2(NR_ftruncate, fd, PART);
    for (ulong i = 0; i < 2 * ALL; i += PART)
        k_mmap(at + i, PART, P_RW, M_SHARED | M_FIXED, (int)fd, 0);
    return SC5(NR_pread64, memory, at + ALL, ALL, at, 0) != ALL;
}

/* We run on meanwhile, even with one CPU for both. */
static void lets_us_run(const char *what, int (*call)(void *))
{
    u32 start = ms_now(), last = start, longest = 0;
    long child = k_fork();
    int st = -1;

    if (child == 0)
        k_exit(call(0));
    while (SC4(NR_wait4, child, &st, 1, 0) == 0) {
        u32 now = ms_now();

        longest = now - last > longest ? now - last : longest;
        last = now;
    }
    eq(st, 0, "%s", what);
    ok(longest < 100 || longest < (ms_now() - start) / 2, "lets others run: they waited %u of %u ms",
       longest, ms_now() - start);
}

static void long_calls(void)
{
    lets_us_run("sendfile of a GiB", child_sends);
    lets_us_run("a read of much memory", child_reads_memory);
}

/* Writes 10 bytes where 6 are allowed, then one more, which ends the child. */
static int child_exceeds(void *fd)
{
    struct k_rlimit limit = {6, 6};

    SC2(NR_setrlimit, RL_FSIZE, &limit);
    if (k_write((int)(long)fd, text, 10) != 6)
        return 1;
    k_write((int)(long)fd, text, 1);
    return 2;
}

static void limits(void)
{
    long fd = k_open("f", O_RW | O_CREATE);

    eq(sig_of(child_exceeds, (void *)fd), SIG_XFSZ, "RLIMIT_FSIZE cuts short, then SIGXFSZ");
    eq(size_of("f"), 6, "the file has what was allowed");
    k_close((int)fd);
    k_unlink("f");
}

/* What O_PATH opened is for no call that needs the file itself. */
static void only_named(long fd)
{
    struct entry {
        int fd;
        short events, returned;
    } entry = {(int)fd, 1, 0};
    u16 lock[12] = {1};

    eq(SC2(NR_fchmod, fd, 0600), -EBADF_, "fchmod of one");
    eq(SC3(NR_fchown32, fd, 0, 0), -EBADF_, "fchown");
    eq(SC1(NR_fsync, fd), -EBADF_, "fsync");
    eq(SC2(NR_flock, fd, 1), -EBADF_, "flock");
    eq(SC4(NR_utimensat, fd, 0, 0, 0), -EBADF_, "utimensat");
    eq(SC2(NR_ftruncate, fd, 0), -EBADF_, "ftruncate");
    eq(k_seek(fd, 0, 0), -EBADF_, "lseek");
    eq(SC3(NR_poll, &entry, 1, 0), 1, "poll");
    eq(entry.returned, 0x20, "says POLLNVAL");
    eq(SC3(NR_fcntl64, fd, 4, 0), -EBADF_, "F_SETFL");
    eq(SC3(NR_fcntl64, fd, 5, lock), -EBADF_, "F_GETLK");
    eq(SC3(NR_fcntl64, fd, 1, 0), 0, "F_GETFD asks about the descriptor");
    ok(SC3(NR_fcntl64, fd, 3, 0) & O_PATHS, "F_GETFL too");
    eq(SC6(NR_mmap2, 0, 4096, 1, 2, fd, 0), -EBADF_, "mmap2");
}

/* What utimensat makes of no path, and of no times to set. */
static void no_times(long file)
{
    static const u32 neither[4] = {0, 0x3FFFFFFE, 0, 0x3FFFFFFE};

    eq(SC4(NR_utimensat, HERE, 0, 0, 0), -EFAULT_, "utimensat of no path and no descriptor");
    eq(SC4(NR_utimensat, file, 0, 0, 0x100), -EINVAL_, "of a descriptor, with a flag for links");
    eq(SC4(NR_utimensat, HERE, "none", neither, 77), 0, "UTIME_OMIT twice looks at nothing");
    eq(SC3(NR_futimesat, file, 0, 0), 0, "futimesat of a descriptor");
    eq(SC3(NR_futimesat, HERE, 0, 0), -EFAULT_, "of no path");
}

static void attributes(void)
{
    static const u32 times[4] = {1000000000, 123456789, 1100000000, 5};
    static const u32 omit[4] = {0, 0x3FFFFFFE, 1200000000, 0};
    struct stat64 st;
    long fd = k_open("f", O_RW | O_CREATE);
    u16 lock[8] = {1};

    k_write((int)fd, "abc", 3);
    eq(SC4(NR_utimensat, HERE, "f", times, 0), 0, "utimensat");
    eq(SC2(NR_fstat64, fd, &st), 0, "fstat64");
    ok(st.times[0] == times[0] && st.times[1] == times[1] && st.times[2] == times[2],
       "the times are as set");
    eq(SC4(NR_utimensat, fd, 0, omit, 0), 0, "utimensat of a descriptor");
    eq(SC2(NR_fstat64, fd, &st), 0, "fstat64");
    ok(st.times[0] == times[0] && st.times[2] == omit[2], "UTIME_OMIT leaves one alone");
    no_times(fd);
    eq(SC4(NR_fstatat64, fd, "", &st, 0x1000), 0, "fstatat64 with AT_EMPTY_PATH");
    ok((st.mode & 07777) == 0644, "the mode is umask's");
    SC2(NR_symlink, "f", "l");
    eq(SC4(NR_fstatat64, HERE, "l", &st, 0x100), 0, "fstatat64 of a link");
    ok((st.mode & 0170000) == 0120000 && st.size == 1, "is the link's");
    eq(SC3(NR_fcntl64, fd, 13, lock), 0, "F_SETLK64");
    eq(SC3(NR_fcntl64, fd, 77777, 0), -EINVAL_, "no such command");
    k_close((int)fd);
    fd = k_open("f", O_PATHS);
    ok(fd >= 0, "O_PATH");
    eq(k_read((int)fd, bytes, 1), -EBADF_, "is not for reading");
    eq(SC2(NR_fstat64, fd, &st), 0, "but for asking");
    only_named(fd);
    eq(open_answer("f", O_PATHS | O_TRUNCATE | O_W), 0, "O_PATH with O_TRUNC");
    eq(size_of("f"), 3, "cuts nothing");
    eq(SC3(NR_close_range, fd, fd + 5, 2), 0, "close_range, the table one's own");
    eq(SC2(NR_fstat64, fd, &st), -EBADF_, "closes");
    eq(k_unlink("f") | k_unlink("l"), 0, "all away");
}

/* When a file, not a link to it, was written: seconds or nanoseconds. */
static u32 written(const char *path, int nanoseconds)
{
    struct stat64 st = {0};

    SC2(NR_stat64, path, &st);
    return st.times[2 + nanoseconds];
}

static void older_times(void)
{
    static const u32 seconds[2] = {1000, 2000}, micro[4] = {3000, 1, 4000, 999999};
    static const u32 too_many[4] = {3000, 1, 4000, 1000000};
    static const u32 far_too_many[4] = {3000, 1, 4000, 4294968}; /* 704 ns in 32 bits */

    k_close((int)k_open("f", O_RW | O_CREATE));
    eq(SC2(NR_utime, "f", seconds), 0, "utime");
    ok(written("f", 0) == 2000 && written("f", 1) == 0, "sets seconds");
    eq(SC2(NR_utimes, "f", micro), 0, "utimes");
    ok(written("f", 0) == 4000 && written("f", 1) == 999999000, "microseconds too");
    eq(SC2(NR_utimes, "f", too_many), -EINVAL_, "of which there are no million");
    eq(SC2(NR_utimes, "f", far_too_many), -EINVAL_, "nor 4294968");
    eq(SC3(NR_futimesat, HERE, "f", too_many), -EINVAL_, "nor for futimesat");
    eq(SC3(NR_futimesat, HERE, "f", 0), 0, "futimesat without times");
    ok(written("f", 0) > 4000, "means now");
    k_unlink("f");
}

/* What comes and goes in a folder is a change of it. */
static void times_of_folders(void)
{
    static const u32 seconds[2] = {1000, 2000};

    SC2(NR_mkdir, "d", 0755);
    SC2(NR_utime, "d", seconds);
    k_close((int)k_open("d/f", O_RW | O_CREATE));
    ok(written("d", 0) > 2000, "a new file is a change of its folder");
    SC2(NR_utime, "d", seconds);
    SC2(NR_rename, "d/f", "d/g");
    ok(written("d", 0) > 2000, "another name too");
    SC2(NR_utime, "d", seconds);
    k_close((int)k_open("d/g", O_RW));
    eq((long)written("d", 0), 2000, "but not to open one");
    k_unlink("d/g");
    ok(written("d", 0) > 2000, "one that goes is");
    SC1(NR_rmdir, "d");
}

static u32 mode_of(const char *path)
{
    struct stat64 st = {0};

    SC2(NR_stat64, path, &st);
    return st.mode;
}

static void modes(void)
{
    long fd = k_open("f", O_RW | O_CREATE);

    eq(SC2(NR_chmod, "f", 0640), 0, "chmod");
    eq(mode_of("f"), 0100640, "the mode is as set");
    eq(SC3(NR_fchmodat, HERE, "f", 0604), 0, "fchmodat");
    eq(mode_of("f"), 0100604, "the mode is as set");
    eq(SC2(NR_fchmod, fd, 0046755), 0, "fchmod");
    eq(mode_of("f"), 0106755, "a file remains a file");
    eq(SC2(NR_chmod, "none", 0640), -ENOENT_, "chmod of nothing");
    eq(SC3(NR_fchmodat, 99, "f", 0640), -EBADF_, "fchmodat below nothing");
    eq(SC2(NR_fchmod, 99, 0640), -EBADF_, "fchmod of nothing");
    k_close((int)fd);
    k_unlink("f");
}

/* Has the file, or the link itself, these owners? */
static int owned(const char *path, u32 user, u32 group)
{
    struct stat64 st = {0};

    return SC2(NR_lstat64, path, &st) == 0 && st.uid == user && st.gid == group;
}

static void owners(void)
{
    long fd = k_open("f", O_RW | O_CREATE);

    SC2(NR_symlink, "f", "l");
    eq(SC3(NR_fchown32, fd, 5, 70000), 0, "fchown32");
    ok(owned("f", 5, 70000), "both are as set");
    eq(SC3(NR_chown32, "l", -1, 6), 0, "chown32 of a link");
    ok(owned("f", 5, 6) && owned("l", 0, 0), "is the file's; -1 leaves one alone");
    eq(SC3(NR_lchown32, "l", 8, -1), 0, "lchown32");
    ok(owned("l", 8, 0) && owned("f", 5, 6), "is the link's");
    eq(SC3(NR_chown, "l", 0xFFFF, 9), 0, "chown");
    ok(owned("f", 5, 9), "0xFFFF leaves one alone");
    eq(SC3(NR_fchown, fd, 40000, 0xFFFF), 0, "fchown");
    ok(owned("f", 40000, 9), "numbers of 16 bits have no sign");
    eq(SC3(NR_lchown, "l", 3, 4), 0, "lchown");
    ok(owned("l", 3, 4) && owned("f", 40000, 9), "is the link's");
    eq(SC5(NR_fchownat, HERE, "l", 11, 12, 0), 0, "fchownat");
    ok(owned("f", 11, 12) && owned("l", 3, 4), "is the file's");
    eq(SC5(NR_fchownat, HERE, "l", 13, 14, 0x100), 0, "fchownat with AT_SYMLINK_NOFOLLOW");
    ok(owned("l", 13, 14) && owned("f", 11, 12), "is the link's");
    eq(SC5(NR_fchownat, fd, "", 15, 16, 0x1000), 0, "fchownat with AT_EMPTY_PATH");
    ok(owned("f", 15, 16), "is the descriptor's");
    eq(SC5(NR_fchownat, fd, "", 1, 1, 0), -ENOENT_, "without it an empty path is none");
    eq(SC5(NR_fchownat, HERE, "f", 1, 1, 0x200), -EINVAL_, "fchownat with an unknown flag");
    eq(SC3(NR_chown32, "none", 1, 1), -ENOENT_, "chown32 of nothing");
    eq(SC3(NR_fchown32, 99, 1, 1), -EBADF_, "fchown32 of nothing");
    k_close((int)fd);
    k_unlink("l");
    k_unlink("f");
}

/* A program would run with the rights of somebody who did not mark it. */
static void owners_end_set_id(void)
{
    k_close((int)k_open("f", O_RW | O_CREATE));
    SC2(NR_chmod, "f", 06755);
    eq(SC3(NR_chown32, "f", 5, -1), 0, "chown32 of a set-ID program");
    eq(mode_of("f"), 0100755, "ends both");
    SC2(NR_chmod, "f", 06745);
    SC3(NR_chown32, "f", -1, -1);
    eq(mode_of("f"), 0102745, "set-GID that no group may run stays");
    k_unlink("f");
    SC2(NR_mkdir, "d", 0755);
    SC2(NR_chmod, "d", 06755);
    SC3(NR_chown32, "d", 5, 5);
    eq(mode_of("d"), 0046755, "and so does a folder's");
    SC1(NR_rmdir, "d");
}

/* ---- each allocation of a call fails in turn, where the kernel lets us ask for that ---- */

static long fail_nth;

static void fail_in(u32 n)
{
    char number[12];

    k_pwrite(fail_nth, number, (ulong)(put_number(number, n) - number), 0);
}

/* True when the failure asked for has happened. */
static int has_failed(void)
{
    char left[8] = "1";

    k_pread(fail_nth, left, sizeof(left), 0);
    fail_in(0);
    return left[0] == '0';
}

static long make_and_remove(void)
{
    long fd = k_open("new", O_RW | O_CREATE | O_EXCLUSIVE);

    if (fd < 0)
        return fd;
    k_close((int)fd);
    return k_unlink("new");
}

static long make_folder(void)
{
    long error = SC2(NR_mkdir, "new", 0755);

    return error < 0 ? error : SC1(NR_rmdir, "new");
}

static long make_link(void)
{
    long error = SC2(NR_symlink, "old", "new");

    return error < 0 ? error : k_unlink("new");
}

static long move_there_and_back(void)
{
    long error = SC2(NR_rename, "old", "new");

    if (error == 0 && SC2(NR_rename, "new", "old") == -ENOMEM_)
        error = SC2(NR_rename, "new", "old");
    return error;
}

static long write_and_cut(void)
{
    long fd = k_open("old", O_RW), done;

    if (fd < 0)
        return fd;
    done = k_pwrite(fd, text, (ulong)TEXT, 3 * PG);
    SC2(NR_ftruncate, fd, 0);
    k_close((int)fd);
    return done < 0 ? done : 0;
}

static long list_and_find(void)
{
    struct stat64 st;
    long error = SC2(NR_stat64, "./../././././././././././././././././././././././././././././"
                                "./././././././././././././././././././././././././././././././"
                                "././././././././././././old", &st);

    return error == -ENOENT_ ? SC2(NR_getcwd, bytes, sizeof(bytes)) < 0 ? -ENOMEM_ : 0 : error;
}

static void sweep(long (*call)(void), const char *name)
{
    long answer, failures = 0, wrong = 0;
    u32 n = 1;

    for (;; n++) {
        fail_in(n);
        answer = call();
        if (!has_failed())
            break;
        failures += answer == -ENOMEM_;
        wrong += answer != 0 && answer != -ENOMEM_;
        wrong += count_names(".") != 3 || size_of("old") != 0;
    }
    ok(answer == 0 && wrong == 0 && failures > 0, "%s: %ld of %u failures were felt", name,
       failures, n - 1);
}

static void shortage(void)
{
    fail_nth = k_open("/proc/self/fail-nth", O_RW);
    if (fail_nth < 0) {
        skip("no /proc/self/fail-nth");
        return;
    }
    open_answer("old", O_RW | O_CREATE);
    sweep(make_and_remove, "open");
    sweep(make_folder, "mkdir");
    sweep(make_link, "symlink");
    sweep(move_there_and_back, "rename");
    sweep(write_and_cut, "write");
    sweep(list_and_find, "a long path");
    eq(k_unlink("old"), 0, "all away");
    k_close((int)fail_nth);
}

int main(void)
{
    static char home[32];

    put_number(put_text(home, "/tmp/files-"), (u32)SC0(NR_getpid));
    SC1(NR_umask, 022);
    if (!eq(SC2(NR_mkdir, home, 0755), 0, "a folder in /tmp") || SC1(NR_chdir, home) != 0)
        return done("files");
    opening();
    reading_and_writing();
    appending();
    vectors();
    bad_addresses();
    sizes();
    mappings();
    folders();
    renames_and_links();
    descriptors();
    devices();
    positions();
    controls();
    allocation();
    file_systems();
    limits();
    attributes();
    older_times();
    times_of_folders();
    modes();
    if (SC0(NR_geteuid) == 0) {
        owners();
        owners_end_set_id();
    } else {
        skip("only root gives files away");
    }
    other_calls();
    long_calls();
    shortage();
    SC1(NR_chdir, "/");
    eq(SC1(NR_rmdir, home), 0, "nothing is left");
    return done("files");
}
