/* tty_weak.c - what the terminal and pipes need and others bring. */
#include "signal.h"
#define WEAK __attribute__((weak))
WEAK int signal_group(int g, int s) { (void)g; (void)s; return -ESRCH; }
WEAK void signal_task(struct task *t, int s) { (void)t; (void)s; }
WEAK bool signal_is_held(const struct task *t, int s) { (void)t; (void)s; return false; }
WEAK void signal_recalculate(struct task *t) { (void)t; }
#include "proc.h"
WEAK void signal_sets(const struct process *p, sigset_t *i, sigset_t *c) { (void)p; *i = *c = 0; }
WEAK const struct utsname *machine_names(void) { static const struct utsname n = {.sysname = "Octavo", .nodename = "octavo", .release = "6.1.0-octavo", .version = "#1", .machine = "i486"}; return &n; }
