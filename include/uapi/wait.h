/* wait.h - waiting for children and what their status says: wait4(2), waitid(2), and the flags of
 * clone(2). Numbers of Linux, i386. */
#ifndef OCTAVO_UAPI_WAIT_H
#define OCTAVO_UAPI_WAIT_H

enum {
    WNOHANG = 1,
    WUNTRACED = 2,
    WSTOPPED = 2,
    WEXITED = 4,
    WCONTINUED = 8,
    WNOWAIT = 0x01000000,
    WNOTHREAD = 0x20000000,
    WALL = 0x40000000,
    WCLONE = (int)0x80000000u,
};

enum { P_ALL = 0, P_PID = 1, P_PGID = 2 }; /* waitid: whom */

/* A status: exit code << 8, or the signal | 0x80 with a core dump, or 0x7F | stop signal << 8, or
 * 0xFFFF for continued. */
#define WIFEXITED(status)    (((status) & 0x7F) == 0)
#define WEXITSTATUS(status)  (((status) >> 8) & 0xFF)
#define WTERMSIG(status)     ((status) & 0x7F)
#define WIFSTOPPED(status)   (((status) & 0xFF) == 0x7F)
#define WSTOPSIG(status)     WEXITSTATUS(status)
#define WIFCONTINUED(status) ((status) == 0xFFFF)
#define WIFSIGNALED(status)  (WTERMSIG(status) != 0 && WTERMSIG(status) != 0x7F)

enum {
    CSIGNAL = 0xFF,
    CLONE_VM = 0x100,
    CLONE_FS = 0x200,
    CLONE_FILES = 0x400,
    CLONE_SIGHAND = 0x800,
    CLONE_PTRACE = 0x2000,
    CLONE_VFORK = 0x4000,
    CLONE_PARENT = 0x8000,
    CLONE_THREAD = 0x10000,
    CLONE_SYSVSEM = 0x40000,
    CLONE_SETTLS = 0x80000,
    CLONE_PARENT_SETTID = 0x100000,
    CLONE_CHILD_CLEARTID = 0x200000,
    CLONE_DETACHED = 0x400000,
    CLONE_UNTRACED = 0x800000,
    CLONE_CHILD_SETTID = 0x1000000,
    CLONE_IO = (int)0x80000000u,
};

#endif
