/* hog.c - programs that want too much: memory until there is none, a stack without end. They are
 * ended; others live, and the memory is there again. */
#include "witness.h"

#define SLACK 64u /* KiB: slabs stay, and page tables of the kernel */

/* Touches ever more memory. */
static int
eat(void *unused)
{
    (void)unused;
    for (ulong n = 0;; n++) {
        long p = k_anon(1 << 20, P_RW);

        if (is_err(p))
            return 0;
        for (ulong at = 0; at < 1 << 20; at += PG)
            *(volatile ulong *)((ulong)p + at) = n;
    }
}

/* The same in a file that stays. */
static int
eat_files(void *unused)
{
    long fd = SC3(NR_open, "/tmp/hog", 0102, 0600);
    static char block[65536];

    (void)unused;
    while (k_write((int)fd, block, sizeof block) > 0)
        ;
    SC1(NR_unlink, "/tmp/hog");
    return 3;
}

static int __attribute__((noinline))
deeper(volatile int *above)
{
    volatile int here[200];

    here[0] = *above + 1;
    return here[0] > 0 ? deeper(here) + here[0] : 0;
}

static int
recurse(void *unused)
{
    int start = 0;

    (void)unused;
    return deeper(&start);
}

int
main(void)
{
    struct memory before, after;
    long status;

    start_witness();
    status = in_child(recurse, 0);
    measure_exactly(&before);
    status = in_child(recurse, 0);
    ok(W_SIG(status) == SIG_SEGV, "endless recursion ends with SIGSEGV (status %lx)", status);
    for (int i = 0; i < 3; i++) {
        status = in_child(eat, 0);
        ok(W_SIG(status) == SIG_KILL || status == 0, "a memory hog is ended (status %lx)", status);
    }
    status = in_child(eat_files, 0);
    ok(W_SIG(status) == SIG_KILL || status == 3 << 8, "so is a file that grows (status %lx)",
       status);
    SC1(NR_unlink, "/tmp/hog");
    measure_exactly(&after);
    compare_memory(&before, &after, SLACK);
    ask_witness();
    return done("hog");
}
