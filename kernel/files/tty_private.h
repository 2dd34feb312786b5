/* tty_private.h - the terminal. Private to tty.c and tty_jobs.c. */
#ifndef OCTAVO_TTY_PRIVATE_H
#define OCTAVO_TTY_PRIVATE_H

#include "discipline.h"
#include "task.h"
#include "uapi/termios.h"

#define TTY_MAJOR     5
#define TTY_MINOR     0
#define CONSOLE_MINOR 1

#define TTY_OUTPUT 512u

/* There is one. `lock` guards all of it but `users`, which is under users_mutex (tty.c). */
extern struct terminal {
    struct spinlock lock;
    struct discipline line;
    char output[TTY_OUTPUT]; /* what the discipline put, on its way to the consoles */
    size_t output_size;
    struct wait_queue readers, writers;
    bool writing; /* a write has its turn */
    unsigned users;     /* open files */
    int session, group; /* that it controls, and that is in the foreground; 0: none */
    struct winsize size;
} terminal;

/* True when it is the controlling terminal of the process. */
bool tty_controls(const struct process *process);

/* Makes it the terminal of a session, unless another one has it and keeps it. */
bool tty_take(const struct process *leader, bool steal);

/* Stops a process of the background. 0 when it may go on, -ERESTARTSYS when the signal was sent,
 * -EIO when there is nobody who could wake it again. */
MUST_CHECK int tty_stop_background(int signal);

/* Requests about sessions and groups; -ENOTTY: any other, too. */
long tty_control_jobs(unsigned request, uintptr_t argument);

#endif
