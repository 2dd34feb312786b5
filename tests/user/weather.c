/* weather.c - a storm on all CPUs: processes and threads that do everything at once, each checking
 * what it can know, for a time or until one finds something wrong.
 *
 *   parent ──► memory   maps, writes, forks, unmaps: bytes are as they were written
 *          ──► threads  share a space; one moves new pages under an address that others read: no
 *                       CPU may find an older page than the one whose coming was announced
 *          ──► guards   one takes the right to write away that others use: none writes after that
 *          ──► family   fork, exec, exit, wait, three generations
 *          ──► pipes    bytes go round in a circle of processes
 *          ──► signals  are sent, counted, and kill
 *          ──► futexes  threads hand one token on
 *          ──► stress   the program of that name
 *
 *   weather [SECONDS [SEED [OF EACH]]]
 */
#include "signals.h"
#include "text.h"

#define STACK  0x4000ul
#define FLAGS  0x250f00l /* CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, CHILD_CLEARTID */
#define OTHERS 3         /* threads beside the first */

enum { WAIT = 0, WAKE = 1 };

static u32 state;
static u64 deadline;
static char *self_name;
static char **environment;

long spawn(long flags, void *stack, volatile u32 *gone);

__asm__(".text\n"
        "spawn:\n"
        "  push %ebx\n push %esi\n push %edi\n"
        "  mov 16(%esp),%ebx\n mov 20(%esp),%ecx\n xor %edx,%edx\n xor %esi,%esi\n"
        "  mov 24(%esp),%edi\n mov $120,%eax\n int $0x80\n"
        "  test %eax,%eax\n jz 1f\n"
        "  pop %edi\n pop %esi\n pop %ebx\n ret\n"
        "1: pop %eax\n call *%eax\n"
        "  xor %ebx,%ebx\n mov $1,%eax\n int $0x80\n");

static u64
now(void)
{
    struct time time = time_now(1);

    return (u64)(u32)time.sec * 1000 + (u32)time.part / 1000000;
}

static int
time_is_over(void)
{
    return now() >= deadline;
}

static u32
below(u32 limit)
{
    return (rnd(&state) >> 4) % limit;
}

/* Says what is wrong and ends the process: its parent counts. */
__attribute__((noreturn)) static void
wrong(const char *what, ulong got, ulong wanted)
{
    note("%s: %lx instead of %lx", what, got, wanted);
    k_exit(1);
}

static void
expect(const char *what, ulong got, ulong wanted)
{
    if (got != wanted)
        wrong(what, got, wanted);
}

/* ---- children ---- */

/* -ENOMEM and -EAGAIN are answers; there is another time. */
static long
fork_or_wait(void)
{
    long pid = k_fork();

    while (pid == -ENOMEM_ || pid == -EAGAIN_) {
        k_yield();
        pid = k_fork();
    }
    if (pid < 0)
        wrong("fork", (ulong)pid, 0);
    return pid;
}

static void
expect_end(const char *what, long pid, int wanted)
{
    int status = -1;
    long got;

    do
        got = k_wait(pid, &status);
    while (got == -EINTR_);
    expect(what, (ulong)got, (ulong)pid);
    expect(what, (ulong)status, (ulong)wanted);
}

/* ---- threads ---- */

struct thread {
    volatile u32 runs; /* cleared by the kernel at its end */
    char *stack;
};

static void
start_thread(struct thread *thread, void (*run)(void *), void *arg)
{
    void **top;

    if (!thread->stack)
        thread->stack = (char *)k_anon(STACK, P_RW);
    top = (void **)(thread->stack + STACK) - 4;
    top[0] = (void *)run;
    top[1] = arg;
    thread->runs = 1;
    while (spawn(FLAGS, top, &thread->runs) < 0)
        k_yield();
}

/* The handler of a thread's argument lies where the function looks for it: behind its return
 * address. */
static void
join_thread(struct thread *thread)
{
    while (thread->runs)
        SC4(NR_futex, &thread->runs, WAIT, 1, 0);
}

/* ---- memory ---- */

static void
fill(u32 *words, ulong count, u32 from)
{
    for (ulong i = 0; i < count; i++)
        words[i] = from + i;
}

static void
check(const char *what, const u32 *words, ulong count, u32 from)
{
    for (ulong i = 0; i < count; i++)
        expect(what, words[i], from + i);
}

static void
memory(void)
{
    while (!time_is_over()) {
        ulong pages = 1 + below(40), half = pages / 2;
        u32 *words = (u32 *)k_anon(pages * PG, P_RW), stamp = rnd(&state);
        long pid;

        if (is_err((long)words))
            continue;
        fill(words, pages * 1024, stamp);
        pid = fork_or_wait();
        if (pid == 0) {
            check("memory of a child", words, pages * 1024, stamp);
            fill(words, pages * 1024, stamp + 1);
            check("memory that a child wrote", words, pages * 1024, stamp + 1);
            k_exit(0);
        }
        fill(words, half * 1024, stamp + 2);
        check("memory that stays", words + half * 1024, (pages - half) * 1024,
              stamp + half * 1024);
        expect_end("a child of memory", pid, 0);
        check("memory beside a child", words, half * 1024, stamp + 2);
        expect("munmap", (ulong)k_munmap(words, pages * PG), 0);
    }
}

/* ---- threads that read what one of them moves ---- */

static volatile u32 *place; /* a page; its first word says which it is */
static volatile u32 announced, enough;

static void
read_place(void *unused)
{
    (void)unused;
    while (!enough) {
        u32 before = announced, found = *place;

        if ((int)(found - before) < 0)
            wrong("an old page", found, before);
    }
}

static void
threads(void)
{
    struct thread readers[OTHERS] = {{0, 0}};
    u32 number = 1;

    place = (volatile u32 *)k_anon(PG, P_RW);
    *place = announced = number;
    for (u32 i = 0; i < OTHERS; i++)
        start_thread(&readers[i], read_place, 0);
    while (!time_is_over()) {
        u32 *page = (u32 *)k_anon(PG, P_RW);

        if (is_err((long)page))
            continue;
        *page = ++number;
        if (k_mremap(page, PG, PG, MR_MAYMOVE | MR_FIXED, (void *)place) == (long)place)
            announced = number;
        else
            number = announced, k_munmap(page, PG);
        if (below(8) == 0)
            k_yield();
    }
    enough = 1;
    for (u32 i = 0; i < OTHERS; i++)
        join_thread(&readers[i]);
}

/* ---- threads that write where one of them forbids it ---- */

static volatile u32 *guarded; /* a word for each writer, on one page */
static volatile u32 open_at;  /* even: writing is forbidden */

struct kept {
    u32 index, caught;
};

/* A write that is not allowed is left out: `movl %ecx,(%eax)` has two bytes. */
static void
caught(int sig, struct ksiginfo *info, struct kucontext *context)
{
    (void)sig, (void)info;
    context->mc.eip += 2;
    context->mc.edx = 1;
}

static void
write_guarded(void *arg)
{
    u32 index = (u32)(ulong)arg, value = 0;

    while (!enough) {
        u32 before = open_at, after, was_caught = 0;

        value++;
        __asm__ volatile("movl %%ecx,(%%eax)"
                         : "+d"(was_caught)
                         : "a"(&guarded[index]), "c"(value)
                         : "memory");
        after = open_at;
        if (!was_caught && before == after && before % 2 == 0)
            wrong("a page that must not be written to", before, 1);
    }
}

static void
guards(void)
{
    struct thread writers[OTHERS] = {{0, 0}};

    guarded = (volatile u32 *)k_anon(PG, P_RW);
    open_at = 1;
    expect("sigaction", (ulong)on(SIG_SEGV, (void *)caught, F_SIGINFO, 0), 0);
    for (u32 i = 0; i < OTHERS; i++)
        start_thread(&writers[i], write_guarded, (void *)(ulong)i);
    while (!time_is_over()) {
        if (k_mprotect((void *)guarded, PG, P_R))
            continue;
        open_at++;
        for (u32 i = below(2000); i; i--)
            __asm__ volatile("pause");
        open_at++;
        while (k_mprotect((void *)guarded, PG, P_RW))
            k_yield();
    }
    enough = 1;
    for (u32 i = 0; i < OTHERS; i++)
        join_thread(&writers[i]);
}

/* ---- family ---- */

static void
exec_self(const char *role)
{
    char *argv[] = {self_name, (char *)role, 0};

    SC3(NR_execve, self_name, argv, environment);
    k_exit(99);
}

static void
family(void)
{
    while (!time_is_over()) {
        long child = fork_or_wait();

        if (child == 0) {
            u32 grandchildren = 1 + below(3);
            long pids[3];

            for (u32 i = 0; i < grandchildren; i++) {
                pids[i] = fork_or_wait();
                if (pids[i] == 0)
                    exec_self("end");
            }
            for (u32 i = grandchildren; i--;) {
                int status = -1;

                if (k_wait(pids[i], &status) != pids[i] || W_SIG(status) ||
                    (W_CODE(status) != 7 && W_CODE(status) != 99))
                    wrong("a grandchild", (ulong)status, 7 << 8);
            }
            k_exit(3);
        }
        expect_end("a child of a family", child, 3 << 8);
    }
}

/* ---- pipes ---- */

#define RING 3

static void
read_all(int fd, u32 *words, ulong bytes)
{
    for (ulong got = 0; got < bytes;) {
        long size = k_read(fd, (char *)words + got, bytes - got);

        if (size == -EINTR_)
            continue;
        if (size <= 0)
            wrong("read from a pipe", (ulong)size, bytes - got);
        got += (ulong)size;
    }
}

static void
write_all(int fd, const u32 *words, ulong bytes)
{
    for (ulong done = 0; done < bytes;) {
        long size = k_write(fd, (const char *)words + done, bytes - done);

        if (size == -EINTR_)
            continue;
        if (size <= 0)
            wrong("write to a pipe", (ulong)size, bytes - done);
        done += (ulong)size;
    }
}

/* What comes from the left goes to the right, each word one more, until the word 0. */
static void
pass_on(int from, int to)
{
    static u32 words[512];

    do {
        read_all(from, words, sizeof(words));
        for (u32 i = 0; i < 512 && words[0]; i++)
            words[i]++;
        write_all(to, words, sizeof(words));
    } while (words[0]);
    k_exit(0);
}

static void
pipes(void)
{
    static u32 words[512];
    int ends[RING + 1][2];
    long pids[RING];

    for (u32 i = 0; i <= RING; i++)
        expect("pipe", (ulong)k_pipe(ends[i]), 0);
    for (u32 i = 0; i < RING; i++) {
        pids[i] = fork_or_wait();
        if (pids[i] == 0)
            pass_on(ends[i][0], ends[i + 1][1]);
    }
    while (!time_is_over()) {
        u32 from = rnd(&state) | 0x1000;

        fill(words, 512, from);
        if (words[0] > 0u - 600)
            continue;
        write_all(ends[0][1], words, sizeof(words));
        read_all(ends[RING][0], words, sizeof(words));
        check("what went through pipes", words, 512, from + RING);
    }
    words[0] = 0;
    write_all(ends[0][1], words, sizeof(words));
    read_all(ends[RING][0], words, sizeof(words));
    for (u32 i = 0; i < RING; i++)
        expect_end("a process of pipes", pids[i], 0);
}

/* ---- signals ---- */

static volatile u32 arrived;

static void
count_signal(int sig)
{
    (void)sig;
    arrived++;
}

/* One signal at a time, each waited for; then one that kills it in the middle of anything. */
static void
signals(void)
{
    volatile u32 *answers = (u32 *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);

    expect("sigaction", (ulong)on(SIG_USR1, (void *)count_signal, 0, 0), 0);
    while (!time_is_over()) {
        u32 wanted = 1 + below(20);
        long pid;

        *answers = arrived = 0;
        pid = fork_or_wait();
        if (pid == 0) {
            for (;;) {
                *answers = arrived;
                if (arrived % 3 == 0)
                    k_yield();
            }
        }
        for (u32 sent = 1; sent <= wanted; sent++) {
            expect("kill", (ulong)SC2(NR_kill, pid, SIG_USR1), 0);
            while (*answers < sent)
                k_yield();
            expect("signals", *answers, sent);
        }
        SC2(NR_kill, pid, SIG_KILL);
        expect_end("a process that is killed", pid, SIG_KILL);
    }
}

/* ---- futexes ---- */

static volatile u32 token, rounds;

/* Thread i has the token when it is i modulo the number of threads. */
static void
hand_on(void *arg)
{
    u32 index = (u32)(ulong)arg, seen;

    while (!enough) {
        seen = token;
        if (seen % (OTHERS + 1) != index) {
            SC4(NR_futex, &token, WAIT, seen, 0);
            continue;
        }
        rounds++;
        token = seen + 1;
        SC3(NR_futex, &token, WAKE, 1000);
    }
}

static void
futexes(void)
{
    struct thread others[OTHERS] = {{0, 0}};

    for (u32 i = 0; i < OTHERS; i++)
        start_thread(&others[i], hand_on, (void *)(ulong)(i + 1));
    while (!time_is_over()) {
        u32 seen = token;

        if (seen % (OTHERS + 1)) {
            SC4(NR_futex, &token, WAIT, seen, 0);
            continue;
        }
        expect("turns of a token", rounds, seen);
        rounds++;
        token = seen + 1;
        SC3(NR_futex, &token, WAKE, 1000);
    }
    enough = 1;
    for (u32 i = 0; i < OTHERS; i++) {
        while (others[i].runs) {
            SC3(NR_futex, &token, WAKE, 1000);
            k_yield();
        }
    }
}

/* ---- stress ---- */

static void
stress(void)
{
    char seconds[12], seed[12];
    char *argv[] = {(char *)"stress", seconds, seed, (char *)"400", 0};

    put_number(seconds, (u32)(deadline - now()) / 1000 + 1);
    put_number(seed, rnd(&state) | 1);
    SC3(NR_execve, "/bin/stress", argv, environment);
    k_exit(98);
}

/* ---- all of it ---- */

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {{"memory", memory},   {"threads", threads}, {"guards", guards},   {"family", family},
             {"pipes", pipes},     {"signals", signals}, {"futexes", futexes}, {"stress", stress}};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define MOST  16

int
main(int argc, char **argv, char **envp)
{
    u32 seconds, seed, times;
    long pids[KINDS][MOST];

    if (argc > 1 && str_eq(argv[1], "end"))
        return 7;
    seconds = (u32)parse_num(argc > 1 ? argv[1] : 0, 10);
    seed = (u32)parse_num(argc > 2 ? argv[2] : 0, 1);
    times = (u32)parse_num(argc > 3 ? argv[3] : 0, 1);
    self_name = argv[0];
    environment = envp;
    times = times < MOST ? times : MOST;
    deadline = now() + seconds * 1000;
    for (u32 i = 0; i < KINDS * times; i++) {
        long pid = fork_or_wait();

        if (pid == 0) {
            state = seed * 2654435761u + i;
            kinds[i % KINDS].run();
            k_exit(0);
        }
        pids[i % KINDS][i / KINDS] = pid;
    }
    for (u32 kind = 0; kind < KINDS; kind++) {
        u32 good = 0;

        for (u32 i = 0; i < times; i++) {
            int status = -1;

            good += k_wait(pids[kind][i], &status) == pids[kind][i] && status == 0;
            if (status)
                note("%s ended with status %x", kinds[kind].name, (u32)status);
        }
        ok(good == times, "%s: %u of %u found all as it must be", kinds[kind].name, good, times);
    }
    return done("weather");
}
