/* crash_checked.c - planted bugs that only a checking build sees: crash=NAME in a kernel made by
 * `make KASAN=1` or `make UBSAN=1`. Elsewhere they would do harm without a word. */
#include "crash.h"
#include "kmalloc.h"
#include "platform.h"
#include "vmalloc.h"
#include <string.h>

#define SIZE 40

/* Out of the compiler's sight. */
static volatile int one = 1, many = SIZE, large = 0x7FFFFFFF;
static volatile char seen;

/* ---- memory ---- */

static void
stack_overrun(void)
{
    char local[SIZE];

    memset(local, 0, sizeof(local));
    seen = local[many];
}

static void
global_overrun(void)
{
    static char global[SIZE];

    global[many - 1] = (char)one;
    seen = global[many];
}

static void
use_after_block(void)
{
    volatile char *outlives = NULL;

    for (int i = 0; i < one; i++) {
        char local[SIZE];

        memset(local, i, sizeof(local));
        outlives = local;
        __asm__ volatile("" : "+r"(outlives));
    }
    seen = outlives[3];
}

/* The function of the C library does it. */
static void
copy_overrun(void)
{
    char *object = kmalloc(SIZE);

    ASSERT(object != NULL);
    memset(object, 0, (size_t)many + 1);
}

/* Behind the bytes that were asked for, but on their page. */
static void
vmalloc_overrun_page(void)
{
    char *memory = vmalloc(SIZE);

    ASSERT(memory != NULL);
    memory[many] = 0;
}

/* ---- computations ---- */

static void
signed_overflow(void)
{
    klog("crash: %d\n", large + one);
}

static void
shift_too_far(void)
{
    klog("crash: %d\n", one << many);
}

static void
index_out_of_bounds(void)
{
    static const int table[] = {1, 2, 3};

    klog("crash: %d\n", table[many]);
}

static void
misaligned(void)
{
    static int aligned[2];

    klog("crash: %d\n", *(const int *)((uintptr_t)aligned + (unsigned)one));
}

const struct crash checked_crashes[] = {
    {"stack-overrun", stack_overrun},
    {"global-overrun", global_overrun},
    {"use-after-block", use_after_block},
    {"copy-overrun", copy_overrun},
    {"vmalloc-overrun-page", vmalloc_overrun_page},
    {"signed-overflow", signed_overflow},
    {"shift-too-far", shift_too_far},
    {"index-out-of-bounds", index_out_of_bounds},
    {"misaligned", misaligned},
    {NULL, NULL},
};
