/* syscall.h - the table of system calls.
 *
 * int 0x80: number in EAX, arguments in EBX, ECX, EDX, ESI, EDI, EBP; the answer in EAX, all else
 * stays. A handler finds its arguments in the saved registers:
 *
 *     SYSCALL(close)
 *     {
 *         return file_close((int)frame->ebx);
 *     }
 *
 * defines sys_close; kernel/calls/syscall_table.c names each handler at its number.
 */
#ifndef OCTAVO_SYSCALL_H
#define OCTAVO_SYSCALL_H

#include "trap.h"
#include "uapi/errno.h"

#define SYSCALL(name)                                                                              \
    long sys_##name(struct trap_frame *frame);                                                     \
    long sys_##name(struct trap_frame *frame)

typedef long (*syscall_handler)(struct trap_frame *frame);

/* An answer in the kernel only: signals turn it into -EINTR or do the call again (signal(7)). */
#define ERESTARTSYS 512

/* The same, but nothing ends it: a handler runs first. */
#define ERESTARTNOINTR 513

/* The same as the first, but a handler always ends it: pause, sigsuspend. */
#define ERESTARTNOHAND 514

/* The same for a call that waits for a time: done again, it goes on with what is left (clock.h). */
#define ERESTARTTIMED 516

/* While a system call runs its frame says so: `vector` is this and `error` the number of the call,
 * so that a signal can do it again. sigreturn puts another vector there. */
#define SYSCALL_VECTOR 0x80

#endif
