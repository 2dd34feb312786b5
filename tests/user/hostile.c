/* hostile.c - random system calls with random and edge-case arguments.
 *
 *   parent ──► child: calls, calls, calls ... until it dies of them, hangs, or has made its share
 *      └─────► witness: its memory must stay as it is
 *
 * The parent starts the next child, takes away what hangs, and ends when enough calls were made. Left
 * out is what would only end or stop the caller, wait, or do to others what it is meant to do: exit,
 * kill and its kind, waiting for time or events, setting the clock and limits, rebooting.
 *
 *   hostile [CALLS [SEED]]
 */
#include "witness.h"

#define SHARE 2000u /* calls of one child */

static const u16 excluded[] = {
    1, 252,                                       /* exit */
    25, 79, 264, 404,                             /* the clock */
    26, 37, 178, 238, 270, 335,                   /* others: ptrace, kill, tkill, tgkill, sigqueue */
    27, 104, 29, 72, 179, 177, 421,               /* alarm, pause, sigsuspend, sigtimedwait */
    42, 331, 359, 360,                            /* pipes: reading an empty one waits */
    75, 340,                                      /* limits */
    82, 142, 168, 308, 309, 413, 414, 240, 422,   /* select, poll, futex */
    88,                                           /* reboot */
    162, 267, 407, 158,                           /* sleep */
};

static char buffer[8192] __attribute__((aligned(4096)));
static const char *const paths[] = {
    "/tmp/hostile", "/tmp/hostile/x", "/tmp", "/", "/dev/zero", "/dev/null", "/dev/full",
    "/proc/self/maps", "/proc/self/mem", "/proc/meminfo", "/proc/self", "/no/such/file", "", "."};
static u32 state;
static char *edge; /* a page; behind it nothing */

static int
is_excluded(u32 number)
{
    for (u32 i = 0; i < sizeof excluded / sizeof *excluded; i++)
        if (excluded[i] == number)
            return 1;
    return 0;
}

static ulong
argument(void)
{
    static const ulong edges[] = {0,          1,          2,          0xffffffff, 0x7fffffff,
                                  0x80000000, 0xbffff000, 0xc0000000, 0xbfffffff, 0xfffff000,
                                  4096,       8192,       0x1000000,  0xfffffff0, 0x10000};
    u32 r = rnd(&state) >> 4;

    switch (r % 12) {
    case 0: case 1: return edges[(r >> 8) % (sizeof edges / sizeof *edges)];
    case 2: case 3: return (r >> 8) % 16;
    case 4: return (r >> 8) % 1024;
    case 5: return (ulong)buffer + (r >> 8) % 4096;
    case 6: return (ulong)buffer;
    case 7: return (ulong)edge + PG - (r >> 8) % 64;
    case 8: return (ulong)paths[(r >> 8) % (sizeof paths / sizeof *paths)];
    case 9: return 0x30000000 + (r >> 8) % 64 * PG;
    case 10: return 1ul << (r >> 8) % 32;
    default: return rnd(&state);
    }
}

/* A child's life. */
static int
be_hostile(void *seed)
{
    state = *(u32 *)seed;
    for (int fd = 0; fd < 16; fd++)
        k_close(fd);
    edge = (char *)k_anon(2 * PG, P_RW);
    k_munmap(edge + PG, PG);
    for (u32 i = 0; i < SHARE; i++) {
        u32 number = (rnd(&state) >> 4) % 460;
        long r;

        if (is_excluded(number))
            continue;
        shared->number = number;
        shared->calls++;
        r = SC6(number, argument(), argument(), argument(), argument(), argument(), argument());
        if (r == 0 && (number == 2 || number == 120 || number == 190 || number == 435))
            k_exit(0);
        if (i % 64 == 0)
            set_all(buffer, 0, sizeof buffer);
    }
    return 0;
}

/* Waits for the child; one that makes no call for a while is ended. */
static int
wait_for(long pid)
{
    u32 seen = shared->calls, quiet = 0;
    int status = 0;

    while (SC4(NR_wait4, pid, &status, 1 /* WNOHANG */, 0) == 0) {
        pause_ms(10);
        quiet = shared->calls == seen ? quiet + 1 : 0;
        seen = shared->calls;
        if (quiet > 20) {
            shared->count++;
            SC2(NR_kill, pid, SIG_KILL);
            k_wait(pid, &status);
            break;
        }
    }
    return status;
}

int
main(int argc, char **argv)
{
    u32 wanted = (u32)parse_num(argc > 1 ? argv[1] : 0, 1000000);
    u32 seed = (u32)parse_num(argc > 2 ? argv[2] : 0, 42), children = 0, killed = 0;
    u32 limits[2] = {48ul << 20, 48ul << 20};

    note("seed %u", seed);
    start_witness();
    SC2(39 /* mkdir */, "/tmp/hostile", 0700);
    while (shared->calls < wanted && children < wanted / 4) {
        long pid = k_fork();
        u32 own = (seed + children) * 2654435761u | 1;

        if (pid == 0) {
            SC2(NR_setrlimit, RL_AS, limits);
            k_exit(be_hostile(&own));
        }
        if (pid < 0) {
            pause_ms(20);
            children++;
            continue;
        }
        killed += W_SIG(wait_for(pid)) != 0;
        SC1(NR_unlink, "/tmp/hostile/x");
        children++;
        if (children % 1024 == 0)
            note("%u calls, %u children, %u died, %u hung", shared->calls, children, killed,
                 shared->count);
        while (SC4(NR_wait4, -1, 0, 1, 0) > 0)
            ;
    }
    note("%u calls, %u children, %u died, %u hung", shared->calls, children, killed, shared->count);
    ok(shared->calls >= wanted, "%u random system calls, and the kernel lives", shared->calls);
    ask_witness();
    return done("hostile");
}
