/* dirent.h - what getdents(2) writes: records of different length, each `reclen` bytes, the name
 * zero-terminated. Layouts of Linux, i386. */
#ifndef OCTAVO_UAPI_DIRENT_H
#define OCTAVO_UAPI_DIRENT_H

#include <stdint.h>

/* getdents 141; the type (DT_) is the record's last byte. */
struct dirent {
    uint32_t ino, off;
    uint16_t reclen;
    char name[];
};

/* getdents64 220. `off` is where lseek goes on after this record. */
struct dirent64 {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
} __attribute__((packed, aligned(4)));
_Static_assert(__builtin_offsetof(struct dirent64, name) == 19, "struct dirent64");

enum { DT_UNKNOWN = 0, DT_FIFO = 1, DT_CHR = 2, DT_DIR = 4, DT_BLK = 6, DT_REG = 8, DT_LNK = 10 };

#endif
