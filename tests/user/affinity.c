/* affinity.c - which CPUs a thread may use, on a machine with several.
 *
 *   affinity CPUS
 */
#include "clock.h"
#include "tap.h"
#include "text.h"

#define ROUNDS 200

#define GETCPU 318 /* its number */
#define NO_SUCH_THREAD 3

static u32 cpus;

static u32 mask_of(long pid)
{
    u32 mask = 0;
    long size = SC3(NR_sched_getaffinity, pid, sizeof(mask), &mask);

    return size == sizeof(mask) ? mask : 0;
}

static long confine(long pid, u32 mask)
{
    return SC3(NR_sched_setaffinity, pid, sizeof(mask), &mask);
}

static u32 here(void)
{
    u32 cpu = 99;

    SC3(GETCPU, &cpu, 0, 0);
    return cpu;
}

static char text[2048];

/* Reads a file, and returns what follows `before` in it; nothing when that is not there. */
static const char *told(const char *path, const char *before)
{
    long fd = SC3(NR_open, path, 0, 0), size = k_read((int)fd, text, sizeof(text) - 1);
    const char *at;

    text[size > 0 ? size : 0] = 0;
    k_close((int)fd);
    at = find_text(text, before);
    return at != 0 ? at + str_len(before) : "";
}

/* The CPU on which /proc says that this thread runs: field 39; none before has a space in it. */
static u32 told_cpu(void)
{
    const char *at = told("/proc/self/stat", "");

    for (int field = 1; field < 39 && *at != 0; at++)
        field += *at == ' ';
    return (u32)parse_num(at, 99);
}

static int told_where(void *arg)
{
    (void)arg;
    return mask_of(0) == 1u << here() ? (int)here() : 99;
}

static void every_cpu(void)
{
    u32 right = 0, inherited = 0, in_proc = 0, listed = 0;

    for (u32 cpu = 0; cpu < cpus; cpu++) {
        right += confine(0, 1u << cpu) == 0 && here() == cpu && mask_of(0) == 1u << cpu;
        inherited += in_child(told_where, 0) == (long)cpu << 8;
        in_proc += told_cpu() == cpu;
        listed += parse_num(told("/proc/self/status", "\nCpus_allowed_list:\t"), 99) == cpu;
    }
    eq(right, cpus, "a thread goes to the CPU that it is given");
    eq(inherited, cpus, "and so does its child");
    eq(in_proc, cpus, "/proc/self/stat says that it is there");
    eq(listed, cpus, "/proc/self/status that it may be nowhere else");
    eq(confine(0, 1u << cpus), -EINVAL_, "a CPU that there is not");
    eq(confine(0, 0), -EINVAL_, "none at all");
    eq(confine(0, ~0u), 0, "all");
    eq(mask_of(0), (1u << cpus) - 1, "are those that there are");
    ok(*told("/proc/self/status", cpus > 1 ? "_list:\t0-" : "_list:\t0") != 0, "as a list, too");
    eq(confine(30000, 1), -NO_SUCH_THREAD, "of a thread that there is not");
}

/* Counts in shared memory until it is told to stop. */
static long spin(volatile u32 *counter, volatile u32 *stop, u32 cpu)
{
    long pid = k_fork();

    if (pid != 0)
        return pid;
    confine(0, 1u << cpu);
    while (!*stop)
        ++*counter;
    k_exit(here() == cpu ? 0 : 1);
}

/* Waits until both have counted on, seconds if need be: others may have this machine too. */
static int both_go_on(volatile u32 *counters)
{
    u32 first = counters[0], second = counters[1];

    for (u32 turn = 0; turn < 500; turn++) {
        nap(20);
        if (counters[0] - first > 1000 && counters[1] - second > 1000)
            return 1;
    }
    return 0;
}

/* Two that never sleep, each on a CPU of its own or both on one: nobody stands still. One is moved
 * while it runs. */
static void two_at_once(void)
{
    volatile u32 *shared = (volatile u32 *)k_mmap(0, 4096, 3, M_SHARED | M_ANON, -1, 0);
    long first, second;
    int one = -1, other = -1;

    first = spin(&shared[0], &shared[16], 0);
    second = spin(&shared[1], &shared[17], cpus - 1);
    ok(both_go_on(shared), "two threads compute at the same time");
    eq(confine(first, 1u << (cpus - 1)), 0, "one is moved to the other's CPU");
    ok(both_go_on(shared), "both go on there");
    shared[16] = shared[17] = 1;
    k_wait(first, &one);
    k_wait(second, &other);
    eq(one, cpus > 1 ? 1 << 8 : 0, "it has left its first");
    eq(other, 0, "the other has stayed");
}

/* Computes until it is told to stop. */
static long compute(const volatile u32 *stop)
{
    long pid = k_fork();

    if (pid == 0) {
        while (!*stop)
            continue;
        k_exit(0);
    }
    return pid;
}

/* Three that compute for each CPU, wherever they began: the least and the most time that one gets. */
static void share(volatile u32 *stop, u32 *least_time, u32 *most_time)
{
    u32 least = ~0u, most = 0;
    int status;

    *stop = 0;
    for (u32 i = 0; i < 3 * cpus; i++)
        compute(stop);
    nap(1500);
    *stop = 1;
    for (u32 i = 0; i < 3 * cpus; i++) {
        u32 usage[18] = {0}, time;

        SC4(NR_wait4, -1, &status, 0, usage);
        time = usage[0] * 1000 + usage[1] / 1000;
        least = time < least ? time : least;
        most = time > most ? time : most;
    }
    *least_time = least;
    *most_time = most;
}

/* All get about the same. Where others have this machine too, a CPU may stand still for long: then
 * once more, some times. Who is unfair is so each time. */
static void fair_shares(void)
{
    volatile u32 *stop = (volatile u32 *)k_mmap(0, 4096, 3, M_SHARED | M_ANON, -1, 0);
    u32 least, most;

    for (u32 turn = 0; turn < 6; turn++) {
        share(stop, &least, &most);
        if (most <= 3 * least)
            break;
        note("shares of %u to %u ms", least, most);
    }
    ok(most <= 3 * least, "those that compute get equal shares (%u to %u ms)", least, most);
}

/* Who goes to another CPU does not wait for a tick; the best of many, as others may have this
 * machine too. */
static void moves_at_once(void)
{
    u32 best = ~0u;

    for (u32 turn = 0; turn < 50 && best >= 120; turn++) {
        u32 start = ms_now(), time;

        for (u32 i = 0; i < 20; i++)
            confine(0, 1u << i % cpus);
        time = ms_now() - start;
        best = time < best ? time : best;
    }
    confine(0, ~0u);
    ok(best < 120, "20 moves take less time than as many ticks (%u ms)", best);
}

/* What it has in the FPU's registers goes along. */
static void registers_follow(void)
{
    u32 sum = 0;

    __asm__ volatile("fninit; fldz");
    for (u32 i = 0; i < 40; i++) {
        confine(0, 1u << i % cpus);
        __asm__ volatile("fld1; faddp");
    }
    __asm__ volatile("fistpl %0" : "=m"(sum));
    confine(0, ~0u);
    eq(sum, 40, "its FPU registers go along");
}

/* Sends each byte that it gets back. */
static long echo(int *to, int *from, u32 cpu)
{
    long pid = k_fork();
    u8 byte;

    if (pid != 0)
        return pid;
    confine(0, 1u << cpu);
    k_close(to[1]);
    k_close(from[0]);
    while (k_read(to[0], &byte, 1) == 1)
        k_write(from[1], &byte, 1);
    k_exit(0);
}

static void back_and_forth(void)
{
    int to[2], from[2], status = -1;
    u32 right = 0;
    long pid;

    k_pipe(to);
    k_pipe(from);
    confine(0, 1);
    pid = echo(to, from, cpus - 1);
    for (u32 i = 0; i < ROUNDS; i++) {
        u8 byte = (u8)i, answer = (u8)~i;

        k_write(to[1], &byte, 1);
        k_read(from[0], &answer, 1);
        right += answer == byte && here() == 0;
    }
    k_close(to[1]);
    k_wait(pid, &status);
    eq(right, ROUNDS, "bytes go from CPU to CPU and back");
    eq(status, 0, "until the end");
    confine(0, ~0u);
}

static int many(void *arg)
{
    (void)arg;
    for (u32 i = 0; i < 20; i++)
        k_yield();
    return 3;
}

static void families(void)
{
    u32 right = 0;

    for (u32 i = 0; i < ROUNDS; i++)
        right += in_child(many, 0) == 3 << 8;
    eq(right, ROUNDS, "children come and go");
}

int main(int argc, char **argv)
{
    cpus = (u32)parse_num(argc > 1 ? argv[1] : 0, 1);
    eq(mask_of(0), (1u << cpus) - 1, "%u CPUs", cpus);
    every_cpu();
    two_at_once();
    fair_shares();
    moves_at_once();
    registers_follow();
    back_and_forth();
    families();
    return done("affinity");
}
