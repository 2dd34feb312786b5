/* threads.h - threads without a libc: they share memory, folder and files. */
#ifndef OCTAVO_TEST_THREADS_H
#define OCTAVO_TEST_THREADS_H

#include "tap.h"

enum { THREAD_STACK = 16384, SIGCHLD_ = 17 };
enum {
    SHARE_ALL = 0x700,               /* CLONE_VM, FS, FILES */
    AS_CHILD = SHARE_ALL | SIGCHLD_, /* a process, to be waited for */
    AS_THREAD = SHARE_ALL | 0x10800, /* CLONE_SIGHAND, THREAD */
};

/* clone(flags, top); the child calls what lies on top of its stack with what lies above that */
long clone_on(ulong flags, void *top);
__asm__(".text\nclone_on:\npush %ebx\nmov 8(%esp),%ebx\nmov 12(%esp),%ecx\nxor %edx,%edx\n"
        "push %esi\npush %edi\nxor %esi,%esi\nxor %edi,%edi\nmov $120,%eax\nint $0x80\n"
        "test %eax,%eax\njnz 1f\nxor %ebp,%ebp\npop %eax\ncall *%eax\nmov $1,%eax\nxor %ebx,%ebx\n"
        "int $0x80\nhlt\n1: pop %edi\npop %esi\npop %ebx\nret\n");

/* Runs run(arg) in a thread, whose stack are THREAD_STACK bytes. Its number or -errno. */
static inline long
start_thread(ulong how, void (*run)(void *arg), void *arg, char *stack)
{
    u32 *top = (u32 *)(void *)(stack + THREAD_STACK) - 8;

    top[0] = (u32)run;
    top[1] = (u32)arg;
    return clone_on(how, top);
}

/* The calling thread stays on one CPU from now on. */
static inline void
pin(int cpu)
{
    ulong mask = 1ul << cpu;

    SC3(NR_sched_setaffinity, 0, sizeof(mask), &mask);
}

#endif
