/* tty.h - the terminal of the programs: /dev/tty and /dev/console. */
#ifndef OCTAVO_TTY_H
#define OCTAVO_TTY_H

#include "task.h"

/* Puts /dev/console and /dev/tty into the tree. */
void tty_init(void);

/* Makes the terminal the controlling one of the leader's session, and its group the foreground. */
void tty_give(const struct process *leader);

/* A session's leader ends: the terminal is nobody's, its foreground group gets SIGHUP. */
void tty_session_ends(int session);

/* The controlling terminal of a process as /proc shows it: device number and foreground group; 0
 * and -1 when it has none. */
unsigned tty_of(const struct process *process, int *foreground);

#endif
