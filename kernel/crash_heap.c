/* crash_heap.c - planted bugs in the use of objects and frames, for crash=NAME. What finds them,
 * and in which words, depends on the aids that are on (mm_debug.h). */
#include "crash.h"
#include "kmalloc.h"
#include "page.h"
#include "platform.h"
#include "sections.h"
#include "slab.h"

#define MISUSED_BYTES 40
#define EXACT_BYTES   64 /* ends where an object of its class ends */
#define LARGE_BYTES   20000

static volatile char seen;

/* Out of the compiler's sight: it would refuse to compile some of what follows. */
static char *
hidden(void *memory)
{
    __asm__("" : "+r"(memory));
    return memory;
}

static __attribute__((noinline)) char *
misused_object(size_t size)
{
    char *object = hidden(kmalloc(size));

    ASSERT(object != NULL);
    return object;
}

/* Calls that hand their argument on, so that a stack has something to show. */
static __attribute__((noinline)) void
give_back(char *object)
{
    kfree(hidden(object));
}

static void
double_free(void)
{
    char *object = misused_object(MISUSED_BYTES);

    kfree(object);
    kfree(hidden(object));
    for (unsigned i = 0; i < 2; i++) /* without debug=heap it is found here */
        (void)misused_object(MISUSED_BYTES);
}

static void
interior_free(void)
{
    kfree(hidden(misused_object(MISUSED_BYTES) + 8));
}

static void
foreign_free(void)
{
    kfree(hidden(text_start));
}

static void
wrong_cache(void)
{
    struct kmem_cache *apples = kmem_cache_create("apples", 24, 0, 0, NULL);
    struct kmem_cache *pears = kmem_cache_create("pears", 24, 0, 0, NULL);

    ASSERT(apples != NULL && pears != NULL);
    kmem_cache_free(pears, kmem_cache_alloc(apples));
}

static void
overrun(void)
{
    char *object = misused_object(MISUSED_BYTES);

    object[MISUSED_BYTES] = 0;
    kfree(object);
}

static void
underrun(void)
{
    char *object = misused_object(MISUSED_BYTES);

    object[-1] = 0;
    kfree(object);
}

static void
large_overrun(void)
{
    char *object = misused_object(LARGE_BYTES);

    object[LARGE_BYTES] = 0;
    kfree(object);
}

/* A read leaves no trace: only what is not there finds it. */
static void
overread(void)
{
    char *object = misused_object(EXACT_BYTES);

    seen = hidden(object)[EXACT_BYTES];
    kfree(object);
}

/* The next allocation of that size finds it. */
static void
use_after_free(void)
{
    char *object = misused_object(MISUSED_BYTES);

    kfree(object);
    hidden(object)[3] = 0;
    kfree(misused_object(MISUSED_BYTES));
}

static void
read_after_free(void)
{
    char *object = misused_object(MISUSED_BYTES);

    give_back(object);
    seen = hidden(object)[3];
}

/* A list whose first element was freed: the pointer to the second is poison. */
static void
pointer_after_free(void)
{
    char **list = (void *)misused_object(MISUSED_BYTES);

    list[0] = misused_object(MISUSED_BYTES);
    give_back((char *)list);
    seen = *((char **)(void *)hidden(list))[0];
}

/* A field that nobody has set, used as a pointer. */
static void
uninitialised_read(void)
{
    char **object = (void *)misused_object(MISUSED_BYTES);

    seen = object[2][4];
}

static __attribute__((noinline)) void
lose(char *object)
{
    hidden(object)[0] = 1;
}

/* Nothing leads to it any more. The power-off tells. */
static void
leak(void)
{
    for (unsigned i = 0; i < 3; i++)
        lose(misused_object(MISUSED_BYTES));
    give_back(misused_object(MISUSED_BYTES)); /* so that no stack nor register has the last */
}

/* ---- frames ---- */

static void
frame_double_free(void)
{
    paddr_t frame = pmm_alloc_page();

    ASSERT(frame != 0);
    pmm_free_page(frame);
    pmm_free_page(frame);
}

static void
frame_wrong_size(void)
{
    paddr_t frames = pmm_alloc_pages(4);

    ASSERT(frames != 0);
    pmm_free_pages(frames, 2);
}

/* One that another page table has as well. */
static void
frame_still_held(void)
{
    pfn_t frame = page_alloc(FRAME_USER, 0);

    ASSERT(frame.n != 0);
    page_get(frame);
    pmm_free_page(pfn_to_paddr(frame));
}

/* Whoever gets the frame next finds it. */
static void
frame_use_after_free(void)
{
    paddr_t frame = pmm_alloc_page_flags(PMM_DIRECT);

    ASSERT(frame != 0);
    pmm_free_page(frame);
    hidden(frame_to_ptr(paddr_to_pfn(frame)))[0x123] = 0;
    frame = pmm_alloc_page_flags(PMM_DIRECT);
    pmm_free_page(frame);
}

const struct crash heap_crashes[] = {
    {"double-free", double_free},
    {"interior-free", interior_free},
    {"foreign-free", foreign_free},
    {"wrong-cache", wrong_cache},
    {"overrun", overrun},
    {"underrun", underrun},
    {"large-overrun", large_overrun},
    {"overread", overread},
    {"use-after-free", use_after_free},
    {"read-after-free", read_after_free},
    {"pointer-after-free", pointer_after_free},
    {"uninitialised-read", uninitialised_read},
    {"leak", leak},
    {"frame-double-free", frame_double_free},
    {"frame-wrong-size", frame_wrong_size},
    {"frame-still-held", frame_still_held},
    {"frame-use-after-free", frame_use_after_free},
    {NULL, NULL},
};
