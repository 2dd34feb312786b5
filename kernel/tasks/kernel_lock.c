/* kernel_lock.c - one lock around what has no locks of its own yet. See kernel_lock.h.
 *
 * Who waits for it goes round in a circle with interrupts on. CPUs get it in the order in which they
 * came: each takes a number, and one after the other is served.
 */
#include "kernel_lock.h"
#include "platform.h"
#include "smp.h"
#include "syscall.h"

bool kernel_lock_used, kernel_lock_free_faults;

static uint32_t next_number, served;

static void
acquire(void)
{
    uint32_t number = __atomic_fetch_add(&next_number, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&served, __ATOMIC_ACQUIRE) != number) {
        cpu_park_if_asked();
        cpu_pause();
    }
}

void
kernel_lock_release(void)
{
    __atomic_store_n(&served, served + 1, __ATOMIC_RELEASE);
}

void
kernel_lock_wait(void)
{
    interrupts_enable();
    acquire();
    (void)interrupts_disable();
}

bool
kernel_lock_take(void)
{
    struct task *me = task_current();

    if (me->kernel_locked)
        return false;
    acquire();
    me->kernel_locked = true;
    return true;
}

void
kernel_lock_give(void)
{
    task_current()->kernel_locked = false;
    kernel_lock_release();
}

void
kernel_lock_begin(void)
{
    if (kernel_lock_used)
        return;
    kernel_lock_used = true;
    (void)kernel_lock_take();
    syscall_lock_all();
}
