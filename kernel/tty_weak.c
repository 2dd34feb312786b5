/* tty_weak.c - what the terminal and pipes need and others bring. */
#include "file.h"
#include "poll.h"
#include "signal.h"
#include "tty.h"
#define WEAK __attribute__((weak))
WEAK struct task *task_running;
WEAK int signal_group(int g, int s) { (void)g; (void)s; return -ESRCH; }
WEAK void signal_task(struct task *t, int s) { (void)t; (void)s; }
WEAK bool signal_is_held(const struct task *t, int s) { (void)t; (void)s; return false; }
WEAK struct file *file_create(const struct file_ops *o, struct node *n, unsigned f, void *s) { (void)o; (void)n; (void)f; (void)s; return NULL; }
WEAK void file_free(struct file *f) { (void)f; }
WEAK int file_install(struct file *f, int d, bool c) { (void)f; (void)d; (void)c; return -EMFILE; }
WEAK int file_close(int d) { (void)d; return -EBADF; }
WEAK struct node *tree_add_device(const char *p, const struct file_ops *o, unsigned a, unsigned b) { (void)p; (void)o; (void)a; (void)b; return NULL; }
WEAK void signal_recalculate(struct task *t) { (void)t; }
