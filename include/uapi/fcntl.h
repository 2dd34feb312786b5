/* fcntl.h - open(2), fcntl(2), lseek(2), access(2), the *at calls: the numbers of Linux on i386. */
#ifndef OCTAVO_UAPI_FCNTL_H
#define OCTAVO_UAPI_FCNTL_H

#include <stdint.h>

enum {
    O_RDONLY = 0,
    O_WRONLY = 1,
    O_RDWR = 2,
    O_ACCMODE = 3,
    O_CREAT = 0x40,
    O_EXCL = 0x80,
    O_NOCTTY = 0x100,
    O_TRUNC = 0x200,
    O_APPEND = 0x400,
    O_NONBLOCK = 0x800,
    O_DSYNC = 0x1000,
    O_ASYNC = 0x2000,
    O_DIRECT = 0x4000,
    O_LARGEFILE = 0x8000,
    O_DIRECTORY = 0x10000,
    O_NOFOLLOW = 0x20000,
    O_NOATIME = 0x40000,
    O_CLOEXEC = 0x80000,
    O_SYNC = 0x101000,
    O_PATH = 0x200000,
    O_TMPFILE = 0x410000,
};

enum {
    F_DUPFD = 0,
    F_GETFD = 1,
    F_SETFD = 2,
    F_GETFL = 3,
    F_SETFL = 4,
    F_GETLK = 5,
    F_SETLK = 6,
    F_SETLKW = 7,
    F_SETOWN = 8,
    F_GETOWN = 9,
    F_GETLK64 = 12,
    F_SETLK64 = 13,
    F_SETLKW64 = 14,
    F_OFD_GETLK = 36,
    F_OFD_SETLK = 37,
    F_OFD_SETLKW = 38,
    F_DUPFD_CLOEXEC = 1030,
    F_SETPIPE_SZ = 1031,
    F_GETPIPE_SZ = 1032,
};

enum { FD_CLOEXEC = 1 };
enum { F_RDLCK = 0, F_WRLCK = 1, F_UNLCK = 2 };

/* Of F_GETLK, F_SETLK, F_SETLKW; and of those with 64 or OFD. len 0: all that follows. */
struct flock {
    int16_t type, whence;
    int32_t start, len;
    int32_t pid;
};
struct flock64 {
    int16_t type, whence;
    int64_t start, len;
    int32_t pid;
} __attribute__((packed));
_Static_assert(sizeof(struct flock64) == 24, "struct flock64 of i386");

/* flock 143. */
enum { LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8 };

enum { SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2, SEEK_DATA = 3, SEEK_HOLE = 4 };
enum { F_OK = 0, X_OK = 1, W_OK = 2, R_OK = 4 };

enum {
    AT_FDCWD = -100,
    AT_SYMLINK_NOFOLLOW = 0x100,
    AT_EACCESS = 0x200,
    AT_REMOVEDIR = 0x200,
    AT_SYMLINK_FOLLOW = 0x400,
    AT_NO_AUTOMOUNT = 0x800,
    AT_EMPTY_PATH = 0x1000,
    AT_STATX_SYNC_TYPE = 0x6000,
};

enum { RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2, RENAME_WHITEOUT = 4 };

struct iovec {
    uint32_t base, size; /* user address, bytes */
};
#define IOV_MAX 1024

#define PATH_MAX 4096 /* with the zero */
#define NAME_MAX 255

#endif
