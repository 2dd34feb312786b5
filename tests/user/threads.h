/* threads.h - threads without a libc: they share memory, folder and files. */
#ifndef OCTAVO_TEST_THREADS_H
#define OCTAVO_TEST_THREADS_H

#include "tap.h"

enum { THREAD_STACK = 16384, TEAM_MOST = 8, SIGCHLD_ = 17 };
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

/* Threads 1 to count - 1 of the process call run(number). How many there are. */
static inline u32
start_team(u32 count, void (*run)(void *number))
{
    static char stacks[TEAM_MOST][THREAD_STACK] __attribute__((aligned(16)));
    u32 started = 0;

    for (u32 i = 1; i < count && i < TEAM_MOST; i++)
        started += start_thread(AS_THREAD, run, (void *)i, stacks[i]) > 0;
    return started;
}

/* All `count` of a team are here, for the `step`th time (from 1 on); without a call, so that they
 * go on together. */
static inline void
meet_all(volatile u32 *here, u32 count, u32 step)
{
    __atomic_fetch_add(here, 1, __ATOMIC_SEQ_CST);
    while (*here < count * step)
        __asm__ volatile("pause" : : : "memory");
}

/* The calling thread stays on one CPU from now on. */
static inline void
pin(int cpu)
{
    ulong mask = 1ul << cpu;

    SC3(NR_sched_setaffinity, 0, sizeof(mask), &mask);
}

#endif
