/* resource.h - limits and usage: getrlimit(2), prlimit64(2), getrusage(2), sysinfo(2), uname(2),
 * reboot(2). Layouts of Linux, i386. */
#ifndef OCTAVO_UAPI_RESOURCE_H
#define OCTAVO_UAPI_RESOURCE_H

#include "time.h"

enum {
    RLIMIT_CPU = 0,
    RLIMIT_FSIZE = 1,
    RLIMIT_DATA = 2,
    RLIMIT_STACK = 3,
    RLIMIT_CORE = 4,
    RLIMIT_RSS = 5,
    RLIMIT_NPROC = 6,
    RLIMIT_NOFILE = 7,
    RLIMIT_MEMLOCK = 8,
    RLIMIT_AS = 9,
    RLIMIT_LOCKS = 10,
    RLIMIT_SIGPENDING = 11,
    RLIMIT_MSGQUEUE = 12,
    RLIMIT_NICE = 13,
    RLIMIT_RTPRIO = 14,
    RLIMIT_RTTIME = 15,
};

#define RLIM_NLIMITS   16
#define RLIM_INFINITY  0xFFFFFFFFu /* of struct rlimit; getrlimit 76 says 0x7FFFFFFF */
#define RLIM64_INFINITY (~(uint64_t)0)

struct rlimit {
    uint32_t cur, max;
};

struct rlimit64 {
    uint64_t cur, max;
};

enum { RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1, RUSAGE_THREAD = 1 };

struct rusage {
    struct timeval utime, stime;
    int32_t maxrss, ixrss, idrss, isrss; /* maxrss in KiB */
    int32_t minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};
_Static_assert(sizeof(struct rusage) == 72, "struct rusage of i386");

/* sysinfo 116; amounts in units of mem_unit bytes. */
struct sysinfo {
    int32_t uptime;
    uint32_t loads[3];
    uint32_t totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    uint16_t procs, pad;
    uint32_t totalhigh, freehigh, mem_unit;
    char unused[8];
};
_Static_assert(sizeof(struct sysinfo) == 64, "struct sysinfo of i386");

/* uname 122. */
struct utsname {
    char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

/* reboot 88 */
enum {
    REBOOT_MAGIC1 = (int)0xfee1deadu,
    REBOOT_MAGIC2 = 672274793,
    REBOOT_RESTART = 0x01234567,
    REBOOT_HALT = (int)0xCDEF0123u,
    REBOOT_POWER_OFF = 0x4321FEDC,
};

#endif
