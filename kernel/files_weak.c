/* files_weak.c - stands in for tasks, signals and user copies until they are there. */
#include "file.h"
#include "random.h"
#include "signal.h"
#define WEAK __attribute__((weak))
WEAK struct task *task_running;
WEAK void signal_process(struct process *p, int s) { (void)p; (void)s; }
WEAK void random_bytes(void *at, size_t s) { memset(at, 4, s); }
WEAK long copy_string_from_user(char *t, const char *f, size_t s) { (void)t; (void)f; (void)s; return -EFAULT; }
WEAK int get_user_u32(uint32_t *v, const void *f) { (void)v; (void)f; return -EFAULT; }
WEAK int put_user_u32(uint32_t v, void *t) { (void)v; (void)t; return -EFAULT; }
WEAK bool task_signalled(const struct task *t) { (void)t; return false; }
