/* forkbomb.c - processes that do nothing but fork, for a second; then each ends when it sees that
 * it should. Others live meanwhile, and in the end all memory is back. */
#include "witness.h"

#define SLACK 256u /* KiB: page tables for the kernel's stacks stay, and slabs */

static void
bomb(void)
{
    while (!shared->number) {
        if (k_fork() == 0)
            shared->calls++;
        else
            k_yield();
    }
    k_exit(0);
}

int
main(void)
{
    struct memory before, after = {0};
    long pid;

    start_witness();
    k_wait(k_fork() ? -1 : (k_exit(0), 0), 0);
    measure_exactly(&before);
    pid = k_fork();
    if (pid == 0)
        bomb();
    nap(1000);
    shared->number = 1;
    k_wait(pid, 0);
    for (int i = 0; i < 300 && after.objects != before.objects; i++) {
        nap(20);
        while (SC4(NR_wait4, -1, 0, 1, 0) > 0)
            ;
        measure_exactly(&after);
    }
    ok(shared->calls > 50, "%u processes were started", shared->calls);
    compare_memory(&before, &after, SLACK);
    ask_witness();
    return done("forkbomb");
}
