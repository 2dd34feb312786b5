/* stat.h - what stat(2), stat64, statx(2) and statfs(2) answer. Layouts of Linux, i386. */
#ifndef OCTAVO_UAPI_STAT_H
#define OCTAVO_UAPI_STAT_H

#include <stdint.h>

enum {
    S_IFMT = 0170000,
    S_IFIFO = 0010000,
    S_IFCHR = 0020000,
    S_IFDIR = 0040000,
    S_IFBLK = 0060000,
    S_IFREG = 0100000,
    S_IFLNK = 0120000,
    S_IFSOCK = 0140000,
};

/* Who runs the file becomes its owner, its group. */
enum { S_ISUID = 04000, S_ISGID = 02000, S_IXGRP = 010 };

#define S_ISDIR(mode)  (((mode) & S_IFMT) == S_IFDIR)
#define S_ISREG(mode)  (((mode) & S_IFMT) == S_IFREG)
#define S_ISCHR(mode)  (((mode) & S_IFMT) == S_IFCHR)
#define S_ISFIFO(mode) (((mode) & S_IFMT) == S_IFIFO)
#define S_ISLNK(mode)  (((mode) & S_IFMT) == S_IFLNK)

/* stat 106, lstat 107, fstat 108. */
struct stat {
    uint32_t dev, ino;
    uint16_t mode, nlink, uid, gid;
    uint32_t rdev, size, blksize, blocks;
    uint32_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
    uint32_t unused[2];
};
_Static_assert(sizeof(struct stat) == 64, "struct stat of i386");

/* stat64 195, lstat64 196, fstat64 197, fstatat64 300. */
struct stat64 {
    uint64_t dev;
    uint32_t pad0, low_ino;
    uint32_t mode, nlink, uid, gid;
    uint64_t rdev;
    uint32_t pad1;
    int64_t size;
    uint32_t blksize;
    uint64_t blocks; /* of 512 bytes */
    uint32_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
    uint64_t ino;
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct stat64) == 96, "struct stat64 of i386");

struct statx_time {
    int64_t sec;
    uint32_t nsec, pad;
};

/* statx 383. */
struct statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad0;
    uint64_t ino, size, blocks, attributes_mask;
    struct statx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t mnt_id;
    uint64_t spare[13];
};
_Static_assert(sizeof(struct statx) == 256, "struct statx");

enum { STATX_TYPE = 1, STATX_MODE = 2, STATX_BASIC_STATS = 0x7FF, STATX_ALL = 0xFFF };

/* statfs 99, fstatfs 100. */
struct statfs {
    uint32_t type, bsize, blocks, bfree, bavail, files, ffree;
    uint32_t fsid[2];
    uint32_t namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct statfs) == 64, "struct statfs of i386");

/* statfs64 268, fstatfs64 269. */
struct statfs64 {
    uint32_t type, bsize;
    uint64_t blocks, bfree, bavail, files, ffree;
    uint32_t fsid[2];
    uint32_t namelen, frsize, flags, spare[4];
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct statfs64) == 84, "struct statfs64 of i386");

enum {
    TMPFS_MAGIC = 0x01021994,
    PROC_SUPER_MAGIC = 0x9fa0,
    RAMFS_MAGIC = 0x858458f6u,
    PIPEFS_MAGIC = 0x50495045,
};

#endif
