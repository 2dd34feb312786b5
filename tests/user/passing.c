/* passing.c - a shortage that is over when the kernel looks for somebody to end: nobody is ended.
 * A program touches pages while its next allocations fail in turn, and reclaim has nothing left. */
#include "fail_nth.h"

enum { TOUCHES = 64, MOST = 8 };

#define STRIDE (4096ul * 1024) /* each touch needs a table too */

static volatile u32 *failed; /* by the parent and its child */

static void
drop_pages(void)
{
    int fd = (int)SC3(NR_open, "/proc/sys/vm/drop_caches", 1, 0);

    k_write(fd, "1", 1);
    k_close(fd);
}

/* Touches a page, with one allocation after the other failing. */
static void
touch(int fd, volatile char *page)
{
    for (ulong n = 1; n <= MOST; n++) {
        drop_pages();
        fail_arm(fd, n);
        *page = 1;
        *failed += fail_left(fd) == 0;
        fail_arm(fd, 0);
        k_madvise((const void *)page, PG, 4 /* MADV_DONTNEED */);
    }
}

static int
touch_all(void *memory)
{
    int fd = fail_open();

    for (ulong i = 0; fd >= 0 && i < TOUCHES; i++)
        touch(fd, (volatile char *)memory + i * STRIDE);
    return 0;
}

int
main(void)
{
    void *memory;
    long status;

    SC0(66 /* setsid: the leader is spared */);
    failed = (u32 *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
    memory = (void *)k_mmap(0, TOUCHES * STRIDE, P_RW, M_PRIVATE | M_ANON | M_NORESERVE, -1, 0);
    status = in_child(touch_all, memory);
    ok(status == 0, "a shortage that has passed ends nobody (status %x)", (u32)status);
    ok(*failed >= TOUCHES, "each touch had allocations that failed: %u", *failed);
    return done("passing");
}
