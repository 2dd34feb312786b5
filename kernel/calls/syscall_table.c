/* syscall_table.c - the handlers by number.
 *
 * uapi/syscall.h names every call of Linux. Where a file of the kernel defines sys_NAME, the linker
 * puts it at its number; where none does, the entry stays NULL and the call answers -ENOSYS. Such a
 * call is logged once, so that one sees what a program would have liked to have.
 *
 * Calls run on all CPUs at the same time: what they touch has locks of its own, or is the task's
 * (docs/design.md).
 */
#include "platform.h"
#include "syscall.h"
#include "task.h"
#include "uapi/syscall.h"

#define DECLARE(number, name) long sys_##name(struct trap_frame *frame) __attribute__((weak));
SYSTEM_CALLS(DECLARE)

#define ENTRY(number, name) [number] = sys_##name,
const syscall_handler syscall_table[SYSTEM_CALL_MAX + 1] = {SYSTEM_CALLS(ENTRY)};
const uint32_t syscall_count = ARRAY_LENGTH(syscall_table);

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
        (void)__atomic_fetch_or(&logged[slot / 32], 1u << slot % 32, __ATOMIC_RELAXED);
        log_unknown(number);
    }
    return -ENOSYS;
}
