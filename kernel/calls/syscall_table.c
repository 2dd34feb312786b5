/* syscall_table.c - the handlers by number.
 *
 * uapi/syscall.h names every call of Linux. Where a file of the kernel defines sys_NAME, the linker
 * puts it at its number; where none does, the entry stays NULL and the call answers -ENOSYS. Such a
 * call is logged once, so that one sees what a program would have liked to have.
 *
 * With several CPUs all entries but those of calls that look after themselves (`parallel`) lead to
 * one function, which takes the kernel lock and goes on to the handler. With one CPU they are the
 * handlers, so the lock costs nothing.
 */
#include "kernel_lock.h"
#include "kmalloc.h"
#include "platform.h"
#include "syscall.h"
#include "task.h"
#include "uapi/syscall.h"

#define DECLARE(number, name) long sys_##name(struct trap_frame *frame) __attribute__((weak));
SYSTEM_CALLS(DECLARE)

#define ENTRY(number, name) [number] = sys_##name,
syscall_handler syscall_table[SYSTEM_CALL_MAX + 1] = {SYSTEM_CALLS(ENTRY)};
const uint32_t syscall_count = ARRAY_LENGTH(syscall_table);

/* The calls that need no kernel lock: what they touch has locks of its own, or is the task's. */
static const syscall_handler parallel[] = {
    sys_getpid, sys_getppid, sys_gettid, sys_sched_yield, sys_time, sys_gettimeofday,
    sys_clock_gettime, sys_clock_gettime64, sys_getuid, sys_geteuid, sys_getgid, sys_getegid,
    sys_getuid32, sys_geteuid32, sys_getgid32, sys_getegid32,
    /* who one is, and may do: constants, words of the caller's own, the rest under process_lock */
    sys_setuid32, sys_setgid32, sys_setreuid32, sys_setregid32, sys_setresuid32, sys_setresgid32,
    sys_getresuid32, sys_getresgid32, sys_getgroups32, sys_setgroups32, sys_capget, sys_prctl,
    sys_personality, sys_getpgrp, sys_getpgid, sys_getsid, sys_setpgid, sys_setsid,
    sys_getrlimit, sys_ugetrlimit, sys_setrlimit, sys_prlimit64,
    sys_set_tid_address, sys_set_robust_list, sys_get_robust_list,
    sys_set_thread_area, sys_get_thread_area,
    sys_sched_getscheduler, sys_sched_setscheduler, sys_sched_getparam,
    sys_sched_get_priority_max, sys_sched_get_priority_min, sys_sched_getaffinity, sys_getcpu,
    /* time: the 8254 and the wall's offset have a lock each; counts that are told are single words */
    sys_clock_getres, sys_clock_getres_time64, sys_settimeofday, sys_clock_settime,
    sys_clock_settime64, sys_times, sys_getrusage,
    /* signals, ends and what becomes of children: process_lock */
    sys_kill, sys_tkill, sys_tgkill, sys_rt_sigqueueinfo, sys_rt_tgsigqueueinfo, sys_rt_sigaction,
    sys_sigaction, sys_signal, sys_rt_sigprocmask, sys_sigprocmask, sys_rt_sigpending,
    sys_sigpending, sys_pause, sys_rt_sigsuspend, sys_sigsuspend, sys_rt_sigtimedwait,
    sys_rt_sigtimedwait_time64, sys_sigaltstack, sys_sigreturn, sys_rt_sigreturn,
    sys_alarm, sys_setitimer, sys_getitimer, sys_nanosleep, sys_clock_nanosleep,
    sys_clock_nanosleep_time64, sys_waitpid, sys_wait4, sys_waitid, sys_restart_syscall,
    /* processes and threads come, change and go: process_lock, and the locks of what they hold */
    sys_fork, sys_vfork, sys_clone, sys_execve, sys_exit, sys_exit_group,
    /* futexes: a mutex a bucket */
    sys_futex, sys_futex_time64,
    /* files: tables, positions, names, bytes, pipes, the terminal and poll have their locks */
    sys_read, sys_write, sys_readv, sys_writev, sys_pread64, sys_pwrite64, sys_preadv, sys_pwritev,
    sys_sendfile, sys_sendfile64, sys_lseek, sys__llseek, sys_open, sys_openat, sys_creat, sys_close,
    sys_close_range, sys_dup, sys_dup2, sys_dup3, sys_fcntl, sys_fcntl64, sys_ioctl, sys_flock,
    sys_pipe, sys_pipe2, sys_poll, sys_ppoll, sys_ppoll_time64, sys_select, sys__newselect,
    sys_pselect6, sys_pselect6_time64, sys_sync, sys_fsync, sys_fdatasync, sys_syncfs,
    sys_fadvise64, sys_fadvise64_64, sys_readahead, sys_memfd_create, sys_mkdir, sys_mkdirat,
    sys_unlink, sys_rmdir, sys_unlinkat, sys_rename, sys_renameat, sys_renameat2, sys_symlink,
    sys_symlinkat, sys_mknod, sys_mknodat, sys_link, sys_linkat, sys_chdir, sys_fchdir, sys_getcwd,
    sys_umask, sys_mount, sys_umount, sys_umount2, sys_chroot, sys_chmod, sys_fchmod,
    sys_fchmodat, sys_chown, sys_lchown, sys_fchown, sys_chown32, sys_lchown32, sys_fchown32,
    sys_fchownat, sys_truncate, sys_ftruncate, sys_truncate64, sys_ftruncate64, sys_fallocate,
    sys_getdents, sys_getdents64, sys_statfs, sys_fstatfs, sys_statfs64, sys_fstatfs64,
    sys_stat, sys_lstat, sys_fstat, sys_stat64, sys_lstat64, sys_fstat64, sys_fstatat64, sys_statx,
    sys_access, sys_faccessat, sys_faccessat2, sys_readlink, sys_readlinkat, sys_utime, sys_utimes,
    sys_futimesat, sys_utimensat, sys_utimensat_time64,
    /* memory: a space has a lock, and what several spaces share (space.h, object.h) */
    sys_brk, sys_mmap, sys_mmap2, sys_munmap, sys_mprotect, sys_mremap, sys_madvise, sys_msync,
    sys_mincore, sys_mlock, sys_mlock2, sys_munlock, sys_mlockall, sys_munlockall,
    /* the machine: names do not change, sums need not be of one moment, chance has a lock */
    sys_uname, sys_olduname, sys_oldolduname, sys_sysinfo, sys_getrandom,
};

/* The handlers, once the table leads to with_lock. */
static syscall_handler *handlers;

/* "1 exit\0" and so on would cost a pointer each as an array. */
#define NAME(number, name) #number " " #name "\0"
static const char names[] = SYSTEM_CALLS(NAME);

static uint32_t logged[ARRAY_LENGTH(syscall_table) / 32 + 1];

long syscall_unknown(struct trap_frame *frame);

/* The number at the start of `text`; *name is what follows the blank behind it. */
static uint32_t
read_number(const char *text, const char **name)
{
    uint32_t number = 0;

    for (; *text != ' '; text++)
        number = number * 10 + (uint32_t)(*text - '0');
    *name = text + 1;
    return number;
}

static const char *
name_of(uint32_t number)
{
    const char *at = names, *name;

    while (*at != '\0') {
        if (read_number(at, &name) == number)
            return name;
        for (at = name; *at != '\0'; at++)
            ;
        at++;
    }
    return "a number without a name";
}

static __attribute__((noinline)) void
log_unknown(uint32_t number)
{
    klog("syscall: %lu (%s), which there is not, wanted by %s (%d)\n", (unsigned long)number,
         name_of(number), task_current()->process->name, task_current()->process->pid);
}

/* What a signal without handler cut short goes on: sleep_end (clock.h) knows until when. */
SYSCALL(restart_syscall)
{
    struct task *task = task_current();
    uint32_t number = task->cut_short;
    long result;

    if (number == 0)
        return -EINTR;
    task->cut_short = 0;
    task->goes_on = true;
    frame->error = number;
    result = syscall_table[number](frame);
    task->goes_on = false;
    return result;
}

/* Called in a handler's place. Numbers beyond the table share its last bit. */
long
syscall_unknown(struct trap_frame *frame)
{
    uint32_t number = frame->error;
    uint32_t slot = number < ARRAY_LENGTH(syscall_table) ? number : ARRAY_LENGTH(syscall_table);

    if (!(logged[slot / 32] & 1u << slot % 32)) {
        logged[slot / 32] |= 1u << slot % 32;
        log_unknown(number);
    }
    return -ENOSYS;
}

/* ---- the kernel lock ---- */

static long
with_lock(struct trap_frame *frame)
{
    bool locked = kernel_lock_enter();
    long result = handlers[frame->error](frame);

    kernel_lock_leave(locked);
    return result;
}

static bool
is_parallel(syscall_handler handler)
{
    for (unsigned i = 0; i < ARRAY_LENGTH(parallel); i++) {
        if (parallel[i] == handler)
            return true;
    }
    return false;
}

void
syscall_lock_all(void)
{
    handlers = kmalloc(sizeof(syscall_table));
    if (handlers == NULL)
        kpanic("syscall: no memory for a second table");
    for (unsigned i = 0; i < ARRAY_LENGTH(syscall_table); i++) {
        handlers[i] = syscall_table[i];
        if (handlers[i] != NULL && !is_parallel(handlers[i]))
            syscall_table[i] = with_lock;
    }
}
