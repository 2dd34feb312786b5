/* kernel_lock.c - one lock around what has no locks of its own yet. See kernel_lock.h.
 *
 * Who waits for it goes round in a circle with interrupts on. Whoever is there first when it is free
 * gets it: to keep an order would have all wait for the next in turn, who may be a virtual CPU that
 * does not run just now.
 */
#include "kernel_lock.h"
#include "platform.h"
#include "smp.h"
#include "syscall.h"

bool kernel_lock_used;

static uint32_t held;

static void
acquire(void)
{
    while (__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE) != 0) {
        while (__atomic_load_n(&held, __ATOMIC_RELAXED) != 0) {
            cpu_park_if_asked();
            cpu_pause();
        }
    }
}

void
kernel_lock_release(void)
{
    __atomic_store_n(&held, 0, __ATOMIC_RELEASE);
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
