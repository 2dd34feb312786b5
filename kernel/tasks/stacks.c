/* stacks.c - the kernel stacks of tasks.
 *
 * A stack is two pages of vmalloc memory, so an unmapped page lies below it: a stack that grows too
 * large faults there, cannot push the fault's frame either, and ends in the double fault's task,
 * which says whose stack it was. Mapping and unmapping is dear beside the rest of fork and exit, so
 * a few stacks are kept for the next task, and given back when memory is short.
 *
 * Lock: none; only tasks come here, never interrupts.
 */
#include "kasan.h"
#include "platform.h"
#include "reclaim.h"
#include "sched.h"
#include "vmalloc.h"

#define KEPT_MAX 16

static void *kept[KEPT_MAX];
static unsigned kept_count;

void *
stack_alloc(void)
{
    void *stack;

    if (kept_count == 0)
        return vmalloc(KERNEL_STACK_SIZE);
    stack = kept[--kept_count];
    kasan_allow(stack, KERNEL_STACK_SIZE); /* who ended on it left variables there */
    return stack;
}

void
stack_free(void *stack)
{
    if (kept_count < KEPT_MAX)
        kept[kept_count++] = stack;
    else
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

    for (; kept_count != 0 && freed < frames; freed += KERNEL_STACK_SIZE / PAGE_SIZE)
        vfree(kept[--kept_count]);
    return freed;
}

static struct shrinker shrinker = {.shrink = give_back};

void
stacks_init(void)
{
    shrinker_register(&shrinker);
}
