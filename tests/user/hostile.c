/* hostile.c - programs that ask for the wrong things: random system calls with random and edge-case
 * arguments, by several processes and threads at once, with segments, flags, stack and FPU as wild.
 *
 *   parent ──► a child in each slot: calls, calls, calls ... until it dies of them, or made enough
 *      │           └─► threads and children of its own, which do the same for a while
 *      └─────► witness: its memory must stay as it is
 *
 * What a child suffers it takes in a signal handler, and goes on. The parent looks at each slot
 * fifty times a second, ends who made no call since, and starts the next. Random numbers never name
 * other processes, since ending those is what kill is for; the calls that only end or stop the
 * caller come rarely or not at all.
 *
 *   hostile [CALLS [SEED [SLOTS]]]
 */
#include "text.h"
#include "witness.h"

#define SHARE      6000u /* calls of one child */
#define RECOVERIES 1500u
#define ENOUGH     500000u /* calls, after which nothing new comes that stays */
#define NUMBERS    460u
#define SLOTS      16u
#define ACTOR      0x10000ul /* bytes, aligned to as many */
#define ALT_STACK  0x4000ul
#define SLACK      512u /* KiB: page tables for the kernel's stacks stay, and slabs */
#define BALLAST    (48 * PG) /* a shortage must not choose the witness */

enum { NR_alarm_timer = 104, NR_setsid_ = 66, NR_chdir_ = 12, NR_mkdir_ = 39, NR_setpgid_ = 57 };
enum { SIG_ALRM = 14, SIG_TTIN = 21, SIG_TTOU = 22, SIG_STOP = 19 };

/* One thread: at the bottom of its memory; the alternate stack and the stack are above. */
struct actor {
    u32 esp; /* of run_step. At offset 0: assembly */
    u32 state, slot, steps, recoveries, generation;
};

/* Registers for a call. Offsets: assembly. */
struct wild {
    u32 number, args[5], flags, ds, es, fs, gs, esp;
};

struct slot {
    volatile u32 calls, recoveries;
};

enum { CALLED = 1, SUCCEEDED = 2, UNKNOWN = 4 };

/* In memory that all share. */
struct tally {
    struct slot slots[SLOTS];
    volatile u8 numbers[NUMBERS];
    volatile u32 threads, forks;
};

static struct tally *tally;
static u32 buffer[2048] __attribute__((aligned(4096)));
static char *edge; /* a page; behind it nothing */
static const char *const paths[] = {
    "/tmp/hostile", "/tmp/hostile/x", "/tmp/hostile/y/z", "x", "/dev/zero", "/dev/null",
    "/dev/full", "/dev/random", "/proc/self/maps", "/proc/self/mem", "/proc/meminfo",
    "/proc/self", "/proc/self/fd", "/proc/self/fail-nth", "/proc/self/smaps",
    "/proc/self/task", "/no/such/file", "", ".", ".."};

void run_step(struct actor *actor);
long wild_call(const struct wild *registers);
long new_thread(long flags, void *stack);
void live_on(void *stack);
extern char step_recovered[], signal_return[];

__asm__(".text\n"
        "run_step:\n"
        "  push %ebx\n push %esi\n push %edi\n push %ebp\n"
        "  mov 20(%esp),%eax\n mov %esp,(%eax)\n"
        "  push %eax\n call step\n add $4,%esp\n"
        "step_recovered:\n"
        "  pop %ebp\n pop %edi\n pop %esi\n pop %ebx\n ret\n"

        "wild_call:\n"
        "  push %ebx\n push %esi\n push %edi\n push %ebp\n"
        "  mov 20(%esp),%eax\n mov %esp,%ebp\n"
        "  mov 4(%eax),%ebx\n mov 8(%eax),%ecx\n mov 12(%eax),%edx\n"
        "  mov 16(%eax),%esi\n mov 20(%eax),%edi\n"
        "  mov 36(%eax),%fs\n mov 40(%eax),%gs\n"
        "  pushl 24(%eax)\n"
        "  mov 32(%eax),%es\n mov 28(%eax),%ds\n"
        "  popf\n"
        "  mov %ss:44(%eax),%esp\n mov %ss:(%eax),%eax\n"
        "  int $0x80\n"
        "  mov %ebp,%esp\n"
        "  pushl $0x202\n popf\n"
        "  mov %ss,%ecx\n mov %ecx,%ds\n mov %ecx,%es\n"
        "  pop %ebp\n pop %edi\n pop %esi\n pop %ebx\n ret\n"

        "new_thread:\n"
        "  push %ebx\n push %esi\n push %edi\n"
        "  mov 16(%esp),%ebx\n mov 20(%esp),%ecx\n xor %edx,%edx\n xor %esi,%esi\n xor %edi,%edi\n"
        "  mov $120,%eax\n int $0x80\n"
        "  test %eax,%eax\n jz 1f\n"
        "  pop %edi\n pop %esi\n pop %ebx\n ret\n"
        "live_on:\n"
        "  mov 4(%esp),%esp\n"
        "1: call live\n hlt\n"

        "signal_return: mov $173,%eax\n int $0x80\n");

/* The thread that runs: of either of its stacks. */
static struct actor *
self(void)
{
    ulong esp;

    __asm__ volatile("mov %%esp,%0" : "=r"(esp));
    return (struct actor *)(esp & ~(ACTOR - 1));
}

static u32
draw(struct actor *actor)
{
    return rnd(&actor->state) >> 4;
}

static int
one_of(struct actor *actor, u32 n)
{
    return draw(actor) % n == 0;
}

/* ---- what to ask for ---- */

static u32
argument(struct actor *actor)
{
    static const u32 edges[] = {0,          1,          2,          0xffffffff, 0x7fffffff,
                                0x80000000, 0xbffff000, 0xc0000000, 0xbfffffff, 0xfffff000,
                                4096,       8192,       0x1000000,  0xfffffff0, 0x10000};
    u32 r = draw(actor), high = r >> 8, any = rnd(&actor->state);

    switch (r % 16) {
    case 0: case 1: return edges[high % (sizeof edges / sizeof *edges)];
    case 2: case 3: case 4: return high % 16;
    case 5: return high % 1024;
    case 6: case 7: return (u32)buffer + high % 4096;
    case 8: case 9: return (u32)buffer;
    case 10: return (u32)edge + PG - high % 64;
    case 11: case 12: return (u32)paths[high % (sizeof paths / sizeof *paths)];
    case 13: return 0x30000000 + high % 64 * PG;
    case 14: return 1u << high % 32;
    default: return any - (u32)tally < sizeof *tally ? 0 : any;
    }
}

/* Numbers that end or stop the caller, or only wait: not worth a try each time. */
static int
is_tedious(u32 number)
{
    static const u16 tedious[] = {29,  72,  179, 177, 421, 82,  142, 168, 308, 309, 413,
                                  414, 240, 422, 7,   37,  238, 270, 178, 335, 114, 284,
                                  162, 267, 407, 2,   120, 190, 119, 173, 91,  75,  152};

    for (u32 i = 0; i < sizeof tedious / sizeof *tedious; i++)
        if (tedious[i] == number)
            return 1;
    return 0;
}

static u32
choose_number(struct actor *actor)
{
    for (;;) {
        u32 number = draw(actor) % NUMBERS;

        if (number == 1 || number == 252)
            continue;
        if ((tally->numbers[number] & UNKNOWN && !one_of(actor, 32)) ||
            (is_tedious(number) && !one_of(actor, 24)))
            continue;
        if (actor->generation >= 2 && (number == 2 || number == 120 || number == 190))
            continue;
        return number;
    }
}

/* Whom signals and limits may be for: its own process and group, or nobody. */
static u32
own_process(struct actor *actor)
{
    switch (draw(actor) % 4) {
    case 0: return (u32)SC0(NR_getpid);
    case 1: return 0x7ffffff0;
    case 2: return 0x80000001;
    default: return 0;
    }
}

static void
spare_others(struct actor *actor, u32 number, u32 *args)
{
    int sends = number == 37 || number == 238 || number == 270 || number == 178 || number == 335;

    if (sends || number == NR_prlimit64)
        args[0] = own_process(actor);
    if (number == 270 || number == 335)
        args[1] = own_process(actor);
    if (sends && (args[1] == SIG_KILL || args[1] == SIG_STOP) && number < 270)
        args[1] = 0;
}

/* A call was answered; fork's and its kind's children come here as well. */
static void
note_answer(struct actor *actor, u32 number, long answer)
{
    tally->numbers[number] |= answer == -ENOSYS_ ? UNKNOWN : CALLED;
    if (!is_err(answer))
        tally->numbers[number] |= SUCCEEDED;
    if (answer != 0 || (number != 2 && number != 120 && number != 190))
        return;
    tally->forks++;
    actor->generation++;
    actor->steps = 48;
}

static void
count_call(struct actor *actor)
{
    __asm__ volatile("lock incl %0" : "+m"(tally->slots[actor->slot].calls));
}

static void
call(struct actor *actor)
{
    u32 number = choose_number(actor), args[6];

    for (int i = 0; i < 6; i++)
        args[i] = argument(actor);
    spare_others(actor, number, args);
    count_call(actor);
    note_answer(actor, number,
                SC6(number, args[0], args[1], args[2], args[3], args[4], args[5]));
}

/* ---- wild registers ---- */

static u32
selector(struct actor *actor)
{
    static const u16 good[] = {0, 3, 0x1b, 0x23, 0x33, 0x3b, 0x43};
    u32 r = draw(actor);

    return r & 3 ? good[(r >> 4) % 7] : r >> 4 & 0xffff;
}

/* Flags a program may set, and those it may not. */
static u32
flags(struct actor *actor)
{
    return rnd(&actor->state) & (one_of(actor, 8) ? 0xffffffff : 0x254cd5);
}

static void
wild_step(struct actor *actor)
{
    struct wild wild = {.number = choose_number(actor)};
    u32 mode = draw(actor);

    for (int i = 0; i < 5; i++)
        wild.args[i] = argument(actor);
    spare_others(actor, wild.number, wild.args);
    __asm__ volatile("mov %%ss,%0" : "=r"(wild.ds));
    wild.es = wild.ds;
    wild.esp = mode & 1 ? argument(actor) : (u32)&wild;
    wild.flags = mode & 2 ? flags(actor) : 0x202;
    if (mode & 4)
        wild.ds = selector(actor);
    if (mode & 8)
        wild.es = selector(actor);
    if (mode & 16)
        wild.fs = selector(actor);
    if (mode & 32)
        wild.gs = selector(actor);
    if (wild.number == 190 || wild.number == 2 || wild.number == 120)
        wild.number = 20;
    count_call(actor);
    note_answer(actor, wild.number, wild_call(&wild));
}

/* Registers of struct sigcontext, by word. */
enum {
    W_GS, W_FS, W_ES, W_DS, W_ESP = 7, W_EIP = 14, W_CS, W_EFLAGS, W_SS = 18, W_FPU, W_MASK,
    CONTEXT = 22
};

/* Back from a signal that never came. */
static void
return_step(struct actor *actor)
{
    static u32 frames[256] __attribute__((aligned(16)));
    u32 mode = draw(actor), *context = mode & 1 ? frames + 16 : frames + 16 + 40;
    struct wild wild = {.number = mode & 1 ? 119 : 173, .esp = (u32)(frames + 16)};

    for (u32 i = 0; i < 256; i++)
        frames[i] = argument(actor);
    for (u32 i = W_GS; i <= W_DS; i++)
        context[i] = selector(actor);
    if (mode & 2)
        context[W_CS] = selector(actor), context[W_SS] = selector(actor);
    context[W_EFLAGS] = flags(actor);
    if (mode & 64)
        context[W_MASK] = context[CONTEXT] = context[CONTEXT + 1] = 0;
    if (mode & 12)
        context[W_EIP] = (u32)step_recovered, context[W_ESP] = actor->esp;
    context[W_FPU] = mode & 16 ? 0 : mode & 32 ? (u32)frames : context[W_FPU];
    __asm__ volatile("mov %%ss,%0" : "=r"(wild.ds));
    wild.es = wild.ds;
    count_call(actor);
    wild_call(&wild);
}

static void
fpu_step(struct actor *actor)
{
    static u32 image[128] __attribute__((aligned(16)));

    for (u32 i = 0; i < 128; i++)
        image[i] = one_of(actor, 2) ? rnd(&actor->state) : argument(actor);
    switch (draw(actor) % 6) {
    case 0: __asm__ volatile("fldcw %0" : : "m"(image)); break;
    case 1: __asm__ volatile("frstor %0" : : "m"(image)); break;
    case 2: __asm__ volatile("fxrstor %0" : : "m"(image)); break;
    case 3: __asm__ volatile("ldmxcsr %0" : : "m"(image)); break;
    case 4: __asm__ volatile("fldenv %0" : : "m"(image)); break;
    default: __asm__ volatile("fldz; fld1; fdivp; fsqrt; fistpl %0" : "=m"(image)); break;
    }
    count_call(actor);
    k_yield();
    __asm__ volatile("fld1; fdiv %st(1),%st; fwait; fninit");
}

/* A descriptor of any kind, used in a segment register. */
static void
segment_step(struct actor *actor)
{
    struct {
        u32 entry, base, limit, flags;
    } desc = {draw(actor) % 4 + 5, argument(actor), argument(actor), draw(actor) & 0xff};
    u32 value, old = draw(actor) % 3 + 6;

    if (one_of(actor, 3))
        desc.entry = argument(actor);
    if (one_of(actor, 3))
        desc.flags = 0x51;
    count_call(actor);
    SC1(NR_set_thread_area, &desc);
    SC1(NR_get_thread_area, one_of(actor, 2) ? (u32)&desc : argument(actor));
    value = (old << 3) | 3;
    __asm__ volatile("mov %0,%%gs" : : "r"(value));
    k_yield();
    __asm__ volatile("movl %%gs:0,%0" : "=r"(value));
    __asm__ volatile("movl %0,%%gs:16" : : "r"(value));
}

/* ---- threads ---- */

static struct actor *
new_actor(u32 state, u32 slot)
{
    long at = k_anon(2 * ACTOR, P_RW);
    struct actor *actor = (struct actor *)(((ulong)at + ACTOR - 1) & ~(ACTOR - 1));

    if (is_err(at))
        return 0;
    actor->state = state;
    actor->slot = slot;
    actor->steps = SHARE;
    return actor;
}

/* As a C library makes one, or with some flags missing. */
static void
thread_step(struct actor *actor)
{
    struct actor *thread = new_actor(rnd(&actor->state) | 1, actor->slot);
    u32 wanted = 0x50f00;

    if (!thread || actor->generation >= 2)
        return;
    if (one_of(actor, 3))
        wanted ^= 0x100u << draw(actor) % 12;
    thread->generation = actor->generation + 1;
    thread->steps = 200;
    count_call(actor);
    if (new_thread((long)wanted, (char *)thread + ACTOR - 16) > 0)
        tally->threads++;
}

/* ---- signals ---- */

static void
damage(struct actor *actor, u32 *context)
{
    switch (draw(actor) % 4) {
    case 0: context[draw(actor) % CONTEXT] = argument(actor); break;
    case 1: context[W_EFLAGS] = flags(actor); break;
    case 2: context[draw(actor) % 4] = selector(actor); break;
    default:
        for (u32 i = 0; context[W_FPU] && i < 100; i++)
            ((u32 *)context[W_FPU])[draw(actor) % 156] = argument(actor);
    }
}

/* On the actor's alternate stack. Whatever it was: it goes on with the next step. */
static void
on_signal(int signal, const int *info, u32 *user)
{
    struct actor *actor = self();
    u32 *context = user + 5;

    (void)info;
    if (signal != SIG_ALRM) {
        __asm__ volatile("lock incl %0" : "+m"(tally->slots[actor->slot].recoveries));
        if (++actor->recoveries > RECOVERIES || actor->esp == 0)
            k_exit(3);
        __asm__ volatile("mov %%ss,%0" : "=r"(context[W_DS]));
        context[W_ES] = context[W_DS];
        context[W_GS] = context[W_FS] = 0;
        context[W_EFLAGS] = 0x202;
        context[W_ESP] = actor->esp;
        context[W_EIP] = (u32)step_recovered;
    }
    if (one_of(actor, 8))
        damage(actor, context);
}

static void
catch_signals(void)
{
    static const u8 signals[] = {SIG_ILL, SIG_TRAP, SIG_BUS, SIG_FPE, SIG_SEGV, SIG_ALRM, SIG_PIPE};
    struct {
        void *handler;
        ulong flags;
        void *restorer;
        u32 mask[2];
    } action = {on_signal, 0x4c000004 /* SIGINFO, RESTORER, ONSTACK, NODEFER */, signal_return,
                {0, 0}};

    for (u32 i = 0; i < sizeof signals; i++)
        SC4(NR_rt_sigaction, signals[i], &action, 0, 8);
}

static void
set_alt_stack(struct actor *actor)
{
    struct {
        void *sp;
        int flags;
        ulong size;
    } stack = {(char *)actor + 4096, 0, ALT_STACK};

    SC2(NR_sigaltstack, &stack, 0);
}

/* ---- a life ---- */

/* Cuts short what waits: a signal each 10 ms. */
static void
set_timer(void)
{
    u32 timer[4] = {0, 10000, 0, 10000};

    SC3(NR_alarm_timer, 0, timer, 0);
}

static void
arm_failure(struct actor *actor)
{
    long fd = SC3(NR_open, "/proc/self/fail-nth", 2, 0);
    char n = (char)('1' + draw(actor) % 9);

    k_write((int)fd, &n, 1);
    k_close((int)fd);
}

static void
freshen(struct actor *actor)
{
    u32 start = draw(actor) % 1024, none[2] = {0, 0};

    for (u32 i = 0; i < 256; i++)
        buffer[start + i] = one_of(actor, 2) ? argument(actor) : 0;
    SC4(NR_rt_sigprocmask, 2 /* SETMASK */, none, 0, 8);
    catch_signals();
    set_timer();
}

void step(struct actor *actor);

void __attribute__((used))
step(struct actor *actor)
{
    u32 choice = draw(actor) % 256;

    if (choice < 8)
        wild_step(actor);
    else if (choice < 11)
        return_step(actor);
    else if (choice < 14)
        fpu_step(actor);
    else if (choice < 17)
        segment_step(actor);
    else if (choice == 17 && one_of(actor, 2))
        thread_step(actor);
    else if (choice < 20)
        freshen(actor);
    else if (choice == 20)
        set_alt_stack(actor);
    else if (choice < 24)
        arm_failure(actor);
    else
        call(actor);
}

void live(void);

void __attribute__((used))
live(void)
{
    struct actor *actor = self();

    set_alt_stack(actor);
    while (actor->steps) {
        actor->steps--;
        run_step(actor);
    }
    if (actor->generation)
        SC1(NR_exit, 0);
    k_exit(0);
}

static void
open_some(void)
{
    int fds[2];

    for (int fd = 0; fd < 16; fd++)
        k_close(fd);
    SC3(NR_open, "/tmp/hostile/x", 0102, 0600);
    SC3(NR_open, "/dev/zero", 2, 0);
    SC3(NR_open, "/proc/self/maps", 0, 0);
    SC3(NR_open, "/tmp/hostile", 0, 0);
    SC2(NR_memfd_create, "hostile", 0);
    k_pipe(fds);
    SC2(NR_pipe2, fds, 04000 /* NONBLOCK */);
}

static void
be_hostile(u32 slot, u32 seed)
{
    u32 limits[2] = {8ul << 20, 8ul << 20}, size[2] = {1ul << 20, 1ul << 20};
    struct actor *actor = new_actor(seed, slot);

    leave_witness();
    set_all((void *)k_anon(BALLAST, P_RW), 1, BALLAST);
    SC0(NR_setsid_);
    SC1(NR_chdir_, "/tmp/hostile");
    open_some();
    edge = (char *)k_anon(2 * PG, P_RW);
    k_munmap(edge + PG, PG);
    SC2(NR_setrlimit, RL_AS, limits);
    SC2(NR_setrlimit, 1 /* FSIZE */, size);
    catch_signals();
    set_timer();
    if (actor)
        live_on((char *)actor + ACTOR - 16);
    k_exit(1);
}

/* ---- the parent ---- */

static struct child {
    long pid;
    u32 seen, quiet;
} children[SLOTS];

static u32 slots = SLOTS, started, ended, died, hung;
static long first_pid;

static u32
calls_made(void)
{
    u32 calls = 0;

    for (u32 i = 0; i < slots; i++)
        calls += tally->slots[i].calls;
    return calls;
}

static void
start(u32 slot, u32 seed)
{
    long pid;

    SC2(NR_mkdir_, "/tmp/hostile", 0700);
    pid = k_fork();
    if (pid == 0)
        be_hostile(slot, (seed + started) * 2654435761u | 1);
    children[slot] = (struct child){pid > 0 ? pid : 0, 0, 0};
    started += pid > 0;
}

static long
newest_pid(void)
{
    long pid = k_fork();

    if (pid == 0)
        k_exit(0);
    k_wait(pid, 0);
    return pid;
}

static void
describe(long pid)
{
    char path[32];

    put_text(put_number(put_text(path, "/proc/"), (u32)pid), "/stat");
    note("still there: %s", read_text(path));
}

/* Those that their parents left behind, too: each was started by somebody hostile. How many are
 * still there after a while. */
static u32
end_all(void)
{
    u32 there = 1, quiet = 0;
    long newest = 0;

    for (u32 i = 0; i < 1000 && quiet < 2; i++) {
        newest = newest_pid();
        there = 0;
        for (long pid = first_pid; pid < newest; pid++)
            there += SC2(NR_kill, pid, SIG_KILL) == 0;
        while (SC4(NR_wait4, -1, 0, 1, 0) > 0)
            ;
        quiet = there ? 0 : quiet + 1;
        if (there)
            nap(10);
    }
    for (long pid = first_pid; there && pid < newest; pid++)
        if (SC2(NR_kill, pid, 0) == 0)
            describe(pid);
    for (u32 i = 0; i < slots; i++)
        children[i].pid = 0;
    first_pid = there ? first_pid : newest;
    return there;
}

static void
look_at(struct child *child, u32 slot)
{
    u32 calls = tally->slots[slot].calls;

    child->quiet = child->seen == calls ? child->quiet + 1 : 0;
    child->seen = calls;
    if (child->pid && child->quiet > 3) {
        hung++;
        child->quiet = 0;
        SC2(NR_kill, child->pid, SIG_KILL);
    }
}

static void
note_end(long pid, int status)
{
    for (u32 i = 0; i < slots; i++) {
        if (children[i].pid != pid)
            continue;
        SC2(NR_kill, -pid, SIG_KILL);
        children[i].pid = 0;
        ended++;
        died += W_SIG(status) != 0;
    }
}

static void on_tick(int signal) { (void)signal; }

/* The parent's own clock: wait4 ends with EINTR when it ticks. */
static void
tick(u32 microseconds)
{
    u32 timer[4] = {0, microseconds, 0, microseconds};
    struct {
        void (*handler)(int);
        ulong flags;
        void *restorer;
        u32 mask[2];
    } action = {on_tick, 0x04000004, signal_return, {0, 0}};

    SC4(NR_rt_sigaction, SIG_ALRM, &action, 0, 8);
    SC3(NR_alarm_timer, 0, timer, 0);
}

static void
report(void)
{
    u32 recoveries = 0;

    for (u32 i = 0; i < slots; i++)
        recoveries += tally->slots[i].recoveries;
    note("%u calls; %u children, %u threads, %u forks; %u faults taken; %u children died, %u hung",
         calls_made(), started, tally->threads, tally->forks, recoveries, died, hung);
}

/* Everything in the folder, which the caller is in. */
static void
empty_folder(u32 depth)
{
    char names[1024];
    long fd = SC3(NR_open, ".", 0200000, 0), got;

    while (depth && (got = SC3(NR_getdents64, fd, names, sizeof names)) > 0) {
        for (long at = 0; at < got; at += *(u16 *)(names + at + 16)) {
            const char *name = names + at + 19;

            if (str_eq(name, ".") || str_eq(name, ".."))
                continue;
            if (SC1(NR_unlink, name) != 0 && SC1(NR_chdir_, name) == 0) {
                empty_folder(depth - 1);
                SC1(NR_chdir_, "..");
                SC1(40 /* rmdir */, name);
            }
        }
        SC3(NR_lseek, fd, 0, 0);
        if (got < 100)
            break;
    }
    k_close((int)fd);
}

static void
storm(u32 wanted, u32 seed)
{
    u32 next = calls_made() + wanted / 4;

    wanted += calls_made();
    tick(20000);
    while (calls_made() < wanted && started < 1000 + wanted / 50) {
        int status = 0;
        long pid;

        for (u32 i = 0; i < slots; i++)
            if (!children[i].pid)
                start(i, seed);
        pid = k_wait(-1, &status);
        if (pid > 0)
            note_end(pid, status);
        for (u32 i = 0; pid == -EINTR_ && i < slots; i++)
            look_at(&children[i], i);
        if (ended >= 64) {
            end_all();
            ended = 0;
        }
        if (calls_made() >= next) {
            report();
            next += wanted / 4;
        }
    }
    tick(0);
    report();
    ok(end_all() == 0, "all of the hostile can be ended");
    SC1(NR_chdir_, "/tmp");
    empty_folder(8);
    nap(100);
}

/* All the stack that this process will need: it is promised from now on. */
static void __attribute__((noinline))
grow_stack(void)
{
    char deep[0x8000];

    set_all(deep, 0, sizeof deep);
}

static u32
numbers_with(u8 flag)
{
    u32 n = 0;

    for (u32 i = 0; i < NUMBERS; i++)
        n += (tally->numbers[i] & flag) != 0;
    return n;
}

int
main(int argc, char **argv)
{
    u32 wanted = (u32)parse_num(argc > 1 ? argv[1] : 0, 1000000);
    u32 seed = (u32)parse_num(argc > 2 ? argv[2] : 0, 42);
    struct memory before, after;

    slots = (u32)parse_num(argc > 3 ? argv[3] : 0, SLOTS);
    note("seed %u", seed);
    tally = (struct tally *)k_mmap(0, sizeof *tally, P_RW, M_SHARED | M_ANON, -1, 0);
    start_witness();
    first_pid = witness + 1;
    grow_stack();
    storm(wanted / 64, ~seed);
    measure_exactly(&before);
    storm(wanted, seed);
    measure_exactly(&after);
    ok(calls_made() >= wanted, "%u random system calls, and the kernel lives", calls_made());
    ok(numbers_with(SUCCEEDED) >= 100, "%u different ones were answered, %u of them with success",
       numbers_with(CALLED), numbers_with(SUCCEEDED));
    (wanted < ENOUGH ? compare_roughly : compare_memory)(&before, &after, SLACK);
    ask_witness();
    return done("hostile");
}
