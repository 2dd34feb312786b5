/* What stat64 and its like write. */
#ifndef STAT64_H
#define STAT64_H
#include "sys.h"

struct stat64 {
	u64 dev;
	u32 pad0, low_ino, mode, nlink, uid, gid;
	u64 rdev;
	u32 pad1;
	long long size __attribute__((packed));
	u32 blksize;
	u64 blocks __attribute__((packed));
	u32 times[6];
	u64 ino __attribute__((packed));
} __attribute__((packed));

#endif
