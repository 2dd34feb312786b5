/* stacks.c - the kernel stacks of tasks.
 *
 * A stack is two pages of vmalloc memory, so an unmapped page lies below it: a stack that grows too
 * large faults there, cannot push the fault's frame either, and ends in the double fault's task,
 * which says whose stack it was. Mapping and unmapping is dear beside the rest of fork and exit, so
 * a few stacks are kept for the next task, and given back when memory is short.
 *
 * Lock: `stacks_lock`, around the list alone. Only tasks come here, never interrupts.
 */
#include <string.h>
#include "frame.h"
#include "kasan.h"
#include "pagetable.h"
#include "reclaim.h"
#include "sched.h"
#include "vmalloc.h"

#define KEPT_MAX 16

static void *kept[KEPT_MAX];
static unsigned kept_count;
static struct spinlock stacks_lock;

/* One of those that are kept; NULL: there is none. */
static void *
take_kept(void)
{
    unsigned long flags = spin_lock(&stacks_lock);
    void *stack = kept_count != 0 ? kept[--kept_count] : NULL;

    spin_unlock(&stacks_lock, flags);
    return stack;
}

static bool
keep(void *stack)
{
    unsigned long flags = spin_lock(&stacks_lock);
    bool room = kept_count < KEPT_MAX;

    if (room)
        kept[kept_count++] = stack;
    spin_unlock(&stacks_lock, flags);
    return room;
}

/* Its frames are counted as a stack's. NULL when there is no memory. It is cleared: where QEMU once
 * ran code in a frame, each write beside what it keeps of that code costs microseconds, until all of
 * it is written over; firmware starts in the highest frames, which the first tasks get. */
static void *
make(void)
{
    void *stack = vmalloc(KERNEL_STACK_SIZE);
    uintptr_t at = (uintptr_t)stack;
    paddr_t frame;

    if (stack == NULL)
        return NULL;
    memset(stack, 0, KERNEL_STACK_SIZE);
    for (; at < (uintptr_t)stack + KERNEL_STACK_SIZE; at += PAGE_SIZE) {
        bool mapped = pagetable_lookup(at, &frame, NULL);
        ASSERT(mapped);
        frame_set_owner(paddr_to_pfn(frame), FRAME_STACK);
    }
    return stack;
}

void *
stack_alloc(void)
{
    void *stack = take_kept();

    if (stack == NULL)
        stack = make();
    else
        kasan_allow(stack, KERNEL_STACK_SIZE); /* who ended on it left variables there */
    if (lock_stat_on && stack != NULL)
        lock_order_stack(stack);
    return stack;
}

void
stack_free(void *stack)
{
    if (!keep(stack))
        vfree(stack);
}

/* The idle task stands where the kernel began. */
bool
stack_is_mine(uint32_t address)
{
    extern char boot_stack_guard[], boot_stack_top[];
    const char *stack = task_current()->stack, *at = (const char *)address;

    if (stack == NULL)
        return at > boot_stack_guard && at < boot_stack_top;
    return (size_t)(at - stack) < KERNEL_STACK_SIZE;
}

static unsigned long
give_back(unsigned long frames)
{
    unsigned long freed = 0;
    void *stack;

    for (; freed < frames && (stack = take_kept()) != NULL; freed += KERNEL_STACK_SIZE / PAGE_SIZE)
        vfree(stack);
    return freed;
}

static struct shrinker shrinker = {.shrink = give_back};

void
stacks_init(void)
{
    shrinker_register(&shrinker);
}
