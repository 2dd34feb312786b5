/* system.c - system calls by name. One line each: what the kernel answers is what they answer. */
#include "runtime.h"

void signal_return(void);

_Noreturn void
exit_now(int status)
{
    for (;;)
        system_call(NR_exit_group, status);
}

_Noreturn void
exit(int status)
{
    exit_now(print_check() || status ? status : 1);
}

int
fork(void)
{
    print_flush(); /* or both would write it */
    return system_call(NR_fork);
}

int
execve(const char *path, char *const argv[], char *const envp[])
{
    return system_call(NR_execve, path, argv, envp);
}

int
wait4(int pid, int *status, int options)
{
    return system_call(NR_wait4, pid, status, options, NULL);
}

int
kill(int pid, int signal)
{
    return system_call(NR_kill, pid, signal);
}

int
getpid(void)
{
    return system_call(NR_getpid);
}

int
getpgrp(void)
{
    return system_call(NR_getpgrp);
}

int
setpgid(int pid, int group)
{
    return system_call(NR_setpgid, pid, group);
}

int
setsid(void)
{
    return system_call(NR_setsid);
}

/* ---- files ---- */

int
open(const char *path, int flags, int mode)
{
    return system_call(NR_open, path, flags | O_LARGEFILE, mode);
}

int
close(int fd)
{
    return system_call(NR_close, fd);
}

long
read(int fd, void *to, size_t size)
{
    return system_call(NR_read, fd, to, size);
}

long
write(int fd, const void *from, size_t size)
{
    return system_call(NR_write, fd, from, size);
}

long
lseek(int fd, long offset, int from)
{
    return system_call(NR_lseek, fd, offset, from);
}

int
dup2(int from, int to)
{
    return system_call(NR_dup2, from, to);
}

int
dup_above(int fd, int least)
{
    return system_call(NR_fcntl64, fd, F_DUPFD_CLOEXEC, least);
}

int
pipe(int ends[2])
{
    return system_call(NR_pipe, ends);
}

int
chdir(const char *path)
{
    return system_call(NR_chdir, path);
}

long
getcwd(char *path, size_t size)
{
    return system_call(NR_getcwd, path, size);
}

int
stat_of(const char *path, struct stat64 *status)
{
    return system_call(NR_stat64, path, status);
}

int
link_stat_of(const char *path, struct stat64 *status)
{
    return system_call(NR_lstat64, path, status);
}

int
unlink(const char *path)
{
    return system_call(NR_unlink, path);
}

int
ioctl(int fd, unsigned request, void *argument)
{
    return system_call(NR_ioctl, fd, request, argument);
}

bool
is_terminal(int fd)
{
    struct termios terminal;

    return ioctl(fd, TCGETS, &terminal) == 0;
}

/* ---- memory ---- */

void *
mmap(void *at, size_t size, int protection, int flags, int fd, size_t offset)
{
    return (void *)system_call(NR_mmap2, at, size, protection, flags, fd, offset >> PAGE_SHIFT);
}

int
munmap(void *at, size_t size)
{
    return system_call(NR_munmap, at, size);
}

int
mprotect(void *at, size_t size, int protection)
{
    return system_call(NR_mprotect, at, size, protection);
}

void *
mremap(void *at, size_t old_size, size_t new_size, int flags)
{
    return (void *)system_call(NR_mremap, at, old_size, new_size, flags, 0);
}

int
madvise(void *at, size_t size, int advice)
{
    return system_call(NR_madvise, at, size, advice);
}

uintptr_t
brk(uintptr_t end)
{
    return (uintptr_t)system_call(NR_brk, end);
}

/* ---- time and signals ---- */

void
sleep_for(unsigned long seconds, unsigned milliseconds)
{
    struct timespec time = {seconds < INT32_MAX ? (int)seconds : INT32_MAX,
                            (int)(milliseconds * 1000000)};

    system_call(NR_nanosleep, &time, NULL);
}

uint32_t
milliseconds_now(void)
{
    struct timespec now = {0};

    system_call(NR_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint32_t)now.sec * 1000 + (uint32_t)now.nsec / 1000000;
}

int
signal_action(int signal, signal_handler handler, unsigned flags)
{
    struct kernel_sigaction action = {
        .handler = (uintptr_t)handler,
        .flags = flags | SA_SIGINFO | SA_RESTORER,
        .restorer = (uintptr_t)signal_return,
    };

    return system_call(NR_rt_sigaction, signal, &action, NULL, sizeof(action.mask));
}
