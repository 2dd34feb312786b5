/* tasks_weak.c - stands in for signals, files and programs until they are there. */
#include "clock.h"
#include "exec.h"
#include "file.h"
#include "oom.h"
#include "platform.h"
#include "signal.h"
#include "timer.h"
#include "cpu.h"

#define WEAK __attribute__((weak))

static int something;

WEAK struct actions *actions_create(void) { return (void *)&something; }
WEAK struct actions *actions_fork(struct actions *a) { return a; }
WEAK void actions_get(struct actions *a) { (void)a; }
WEAK void actions_put(struct actions *a) { (void)a; }

WEAK int
clock_read(int clock, struct timespec64 *now)
{
    (void)clock;
    *now = (struct timespec64){.sec = timer_ticks() / 100, .nsec = (int)(timer_ticks() % 100) * 10000000};
    return 0;
}

WEAK int
exec_load(const char *path, char *const argv[], char *const envp[], const struct limit *limits,
          struct exec_image *image)
{
    (void)path, (void)argv, (void)envp, (void)limits, (void)image;
    return -ENOENT;
}

WEAK void exec_drop(struct exec_image *image) { space_put(image->space); }

WEAK void
exec_adopt(struct process *process, struct exec_image *image)
{
    process->space = image->space;
    process->space->owner = process;
    process->executable = image->executable;
}

WEAK void
exec_registers(struct trap_frame *frame, uint32_t entry, uint32_t stack)
{
    *frame = (struct trap_frame){.ds = USER_DATA, .es = USER_DATA, .fs = 0, .gs = 0,
        .eip = entry, .cs = USER_CODE, .eflags = 0x202, .esp = stack, .ss = USER_DATA};
}

WEAK void oom_handle(void) { process_exit(SIGKILL); }
WEAK void signal_drop(struct signal_info **infos) { (void)infos; }
WEAK void signal_deliver(struct trap_frame *frame) { (void)frame; task_running->work &= ~2u; }

WEAK bool
signal_parent(struct process *child, int code, int status)
{
    (void)code, (void)status;
    task_wake_all(&child->parent->child_wait);
    return false;
}

WEAK void
signal_fault(int signal, int code, uint32_t address, const struct trap_frame *frame)
{
    klog("task: signal %d code %d address %lx at %lx\n", signal, code, (unsigned long)address,
         (unsigned long)frame->eip);
    process_exit(signal);
}
