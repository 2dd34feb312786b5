/* files_weak.c - stands in for tasks, signals and user copies until they are there. */
#include "file.h"
#include "random.h"
#include "signal.h"
#define WEAK __attribute__((weak))
WEAK struct task *task_running;
WEAK void task_breathe(void) {}
WEAK void signal_process(struct process *p, int s) { (void)p; (void)s; }
WEAK int copy_to_user(void *t, const void *f, size_t s) { (void)t; (void)f; (void)s; return -EFAULT; }
WEAK int copy_from_user(void *t, const void *f, size_t s) { (void)t; (void)f; (void)s; return -EFAULT; }
WEAK size_t copy_to_user_partial(void *t, const void *f, size_t s) { (void)t; (void)f; return s; }
WEAK size_t copy_from_user_partial(void *t, const void *f, size_t s) { (void)t; (void)f; return s; }
WEAK int clear_user(void *t, size_t s) { (void)t; (void)s; return -EFAULT; }
WEAK void random_bytes(void *at, size_t s) { memset(at, 4, s); }
