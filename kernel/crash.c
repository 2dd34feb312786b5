/* crash.c - failures on purpose, by the boot option crash=NAME: what a report looks like, and proof
 * that it comes. */
#include <string.h>
#include "boot.h"
#include "crash.h"
#include "platform.h"
#include "page.h"
#include "pmm.h"
#include "sched.h"
#include "sections.h"
#include "space.h"
#include "vmalloc.h"

/* Out of the compiler's sight, so that it neither knows nor warns. */
static volatile uintptr_t nowhere;

static void
null_read(void)
{
    (void)*(volatile uint32_t *)nowhere;
}

/* A structure, and no object of it. */
static void
null_field(void)
{
    const struct {
        uint32_t before[6], wanted;
    } *object = (const void *)nowhere;

    klog("crash: %lu\n", (unsigned long)object->wanted);
}

static void
null_call(void)
{
    ((void (*)(void))nowhere)();
}

/* RET, in a variable. */
static void
jump_to_data(void)
{
    static char code[] = {(char)0xC3};

    ((void (*)(void))(uintptr_t)code)();
}

static void
user_pointer(void)
{
    klog("crash: %lu\n", (unsigned long)*(volatile uint32_t *)(nowhere + HEAP_START));
}

/* One word too far behind memory of vmalloc. */
static void
vmalloc_overrun(void)
{
    volatile char *memory = vmalloc(2 * PAGE_SIZE);

    ASSERT(memory != NULL);
    memory[2 * PAGE_SIZE] = 1;
}

static void
text_write(void)
{
    *(volatile char *)text_start = 0;
}

/* Calls itself until the stack is full; the array makes each call large. */
static uintptr_t
stack_overflow_at(uintptr_t depth)
{
    volatile uintptr_t used[32];

    used[depth % ARRAY_LENGTH(used)] = depth;
    if (nowhere != 0)
        return 0;
    return stack_overflow_at(depth + 1) + used[depth % ARRAY_LENGTH(used)];
}

static void
stack_overflow(void)
{
    klog("crash: depth %lu\n", (unsigned long)stack_overflow_at(0));
}

/* The same on the stack of a task, which lies elsewhere. */
/* On another CPU, if there is one. */
static void
task_stack_overflow(void)
{
    struct task *task = task_create(stack_overflow);
    uint32_t me = 1u << cpu_current(), others = cpus_online() & ~me;

    ASSERT(task != NULL);
    task->tid = 7;
    task->affinity = others != 0 ? others : me;
    task->process = &process_zero;
    sched_start(task);
    task_idle();
}

static void
panic(void)
{
    kpanic("asked for by crash=panic");
}

static void
assertion(void)
{
    ASSERT(nowhere != 0);
}

static void
divide(void)
{
    klog("crash: %lu\n", (unsigned long)(1000 / nowhere));
}

static void
use_fpu(void)
{
    __asm__ volatile("fnop");
}

static void
invalid_opcode(void)
{
    __asm__ volatile("ud2");
}

/* Two looks at frames without an address, closed in the wrong order, as after a sleep between. */
static void
window_order(void)
{
    paddr_t frame = pmm_alloc_page();
    void *first = frame_map_window(paddr_to_pfn(frame)), *second;

    second = frame_map_window(paddr_to_pfn(frame));
    frame_unmap_window(first);
    frame_unmap_window(second);
}

static const struct crash crashes[] = {
    {"null-read", null_read},
    {"null-field", null_field},
    {"null-call", null_call},
    {"text-write", text_write},
    {"jump-to-data", jump_to_data},
    {"user-pointer", user_pointer},
    {"vmalloc-overrun", vmalloc_overrun},
    {"stack-overflow", stack_overflow},
    {"task-stack-overflow", task_stack_overflow},
    {"panic", panic},
    {"assert", assertion},
    {"div0", divide},
    {"fpu", use_fpu},
    {"invalid-opcode", invalid_opcode},
    {"window-order", window_order},
    {"entry-to-free-frame", crash_entry_to_free_frame},
    {"fork-leak", crash_fork_leak},
    {"missing-flush", crash_missing_flush},
    {NULL, NULL},
};

static const struct crash *const lists[] = {crashes, lock_crashes, heap_crashes, checked_crashes};

void
crash_on_purpose(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
        for (const struct crash *crash = lists[i]; crash != NULL && crash->name != NULL; crash++)
            if (strcmp(crash->name, name) == 0) {
                crash->run();
                return;
            }
    if (*name != '\0')
        klog("crash: '%s' is none of:", name);
    else
        klog("crash: one of");
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
        for (const struct crash *crash = lists[i]; crash != NULL && crash->name != NULL; crash++)
            klog(" %s", crash->name);
    klog("\n");
}
