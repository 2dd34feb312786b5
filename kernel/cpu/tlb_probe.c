/* tlb_probe.c - what the watch over the TLB (mm/x86/tlb_watch.c) needs of the kernel: a touch of a
 * program's page that repairs nothing, and a call on the way back to ring 3. */
#include "cpu.h"
#include "task.h"
#include "tlb_watch.h"
#include "usercopy.h"

static bool
in_use(const struct address_space *space)
{
    return read_cr3() == (uint32_t)space->directory_at;
}

/* A fault of a task without a space is not repaired: the copy ends there (fault.c). */
static bool
probe(uintptr_t va, bool write, uint32_t *value)
{
    struct task *task = task_current();
    struct address_space *space = task->space;
    unsigned long flags = interrupts_disable();
    uint32_t before;
    bool done;

    task->space = NULL;
    done = get_user_u32(value, (const void *)va) == 0;
    before = *value;
    if (done && write)
        done = exchange_user_u32(&before, *value, (void *)va) == 0;
    task->space = space;
    interrupts_restore(flags);
    return done;
}

static void
due(void)
{
    task_mark(task_current(), TASK_WORK_TLB);
}

void
tlb_watch_init(void)
{
    static const struct tlb_watch_ops ops = {in_use, probe, due};

    tlb_watch_start(&ops);
}
