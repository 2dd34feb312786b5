/* threads.h - threads without a libc: they share memory, folder and files, and are waited for as
 * children. */
#ifndef OCTAVO_TEST_THREADS_H
#define OCTAVO_TEST_THREADS_H

#include "tap.h"

enum { THREAD_STACK = 16384, SIGCHLD_ = 17 };
enum { CLONE_VM_ = 0x100, CLONE_FS_ = 0x200, CLONE_FILES_ = 0x400 };

/* clone(flags, top); the child calls what lies on top of its stack with what lies above that */
long clone_on(ulong flags, void *top);
__asm__(".text\nclone_on:\npush %ebx\nmov 8(%esp),%ebx\nmov 12(%esp),%ecx\nxor %edx,%edx\n"
        "push %esi\npush %edi\nxor %esi,%esi\nxor %edi,%edi\nmov $120,%eax\nint $0x80\n"
        "test %eax,%eax\njnz 1f\nxor %ebp,%ebp\npop %eax\ncall *%eax\nmov $1,%eax\nxor %ebx,%ebx\n"
        "int $0x80\nhlt\n1: pop %edi\npop %esi\npop %ebx\nret\n");

/* Runs run(arg) in a thread, whose stack are THREAD_STACK bytes. Its number or -errno. */
static inline long
start_thread(void (*run)(void *arg), void *arg, char *stack)
{
    u32 *top = (u32 *)(void *)(stack + THREAD_STACK) - 8;

    top[0] = (u32)run;
    top[1] = (u32)arg;
    return clone_on(CLONE_VM_ | CLONE_FS_ | CLONE_FILES_ | SIGCHLD_, top);
}

/* The calling thread stays on one CPU from now on. */
static inline void
pin(int cpu)
{
    ulong mask = 1ul << cpu;

    SC3(NR_sched_setaffinity, 0, sizeof(mask), &mask);
}

#endif
