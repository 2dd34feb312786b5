/* latecomer.c - a thread comes to a CPU that has not its space yet, while another unmaps pages:
 * latecomer ROUNDS. On two CPUs:
 *
 *   CPU 0   maps pages ── unmaps them ─────────────────────── says that they are gone
 *   CPU 1   another process ──► the thread writes to the last page ──► and once more: SIGSEGV
 *
 * CPU 1 is not among those that have the space when the pages begin to go, and is when they go.
 */
#include "signals.h"
#include "threads.h"

enum { PAGES = 8000 };
enum { IDLE, MAPPED, GOING, GONE }; /* the pages */

static volatile u32 state, step; /* step: 2 for each round */
static u32 came, stale;
static char *volatile memory;

/* 1, or 0 when that is a SIGSEGV. */
int try_store(void *at, u32 value);
extern char store_at[], store_end[];
__asm__(".text\ntry_store: mov 4(%esp),%edx\nmov 8(%esp),%ecx\nxor %eax,%eax\n"
        "store_at: mov %ecx,(%edx)\ninc %eax\nstore_end: ret\n");

static void
skip_store(int signal, struct ksiginfo *info, struct kucontext *context)
{
    (void)signal, (void)info;
    if (context->mc.eip != (ulong)store_at)
        k_exit(9);
    context->mc.eip = (ulong)store_end;
}

static void
come_late(void *unused)
{
    (void)unused;
    pin(1);
    for (u32 round = 1;; round++) {
        char *last;

        while (state != MAPPED)
            k_yield();
        step = 2 * round - 1;
        while (state == MAPPED)
            k_yield();
        last = memory + (PAGES - 1) * PG;
        if (try_store(last, 1)) {
            came++;
            while (state != GONE)
                __asm__ volatile("pause");
            stale += (u32)try_store(last, 2);
        }
        while (state != GONE)
            k_yield();
        step = 2 * round;
    }
}

static void
unmap_beside(u32 round)
{
    memory = (char *)k_anon(PAGES * PG, P_RW);
    for (u32 i = 0; i < PAGES; i++)
        memory[i * PG] = 1;
    state = MAPPED;
    while (step != 2 * round - 1)
        k_yield();
    for (volatile u32 i = 0; i < round * 97 % 3000; i++)
        continue;
    state = GOING;
    k_munmap(memory, PAGES * PG);
    state = GONE;
    while (step != 2 * round)
        k_yield();
    state = IDLE;
}

int
main(int argc, char **argv)
{
    static char stack[THREAD_STACK] __attribute__((aligned(16)));
    u32 rounds = (u32)parse_num(argc > 1 ? argv[1] : 0, 100);
    long other = k_fork();

    pin(other == 0);
    while (other == 0)
        k_yield();
    on(11, (void *)skip_store, F_SIGINFO, 0);
    ok(start_thread(AS_THREAD, come_late, 0, stack) > 0, "a thread");
    for (u32 round = 1; round <= rounds; round++)
        unmap_beside(round);
    note("%u times it came in time to write", came);
    eq(stale, 0, "nobody writes to a page that is gone");
    SC2(NR_kill, other, SIG_KILL);
    SC1(NR_exit_group, done("latecomer"));
    return 0;
}
