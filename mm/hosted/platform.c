/* platform.c - what mm/ asks of a program that hosts it: waiting, logging, panicking.
 *
 * The log goes to standard output as comments of the Test Anything Protocol, a line at a time, so
 * that a test program can print its results in between. One lock keeps the lines of two threads
 * apart; it is taken last of all and nothing is called under it.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <execinfo.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pagetable.h"
#include "platform.h"
#include "tlb.h"

/* Whoever has the lock works on its line of the cache meanwhile: each look takes the line away. A
 * pause is some 40 cycles, and what is done under a lock a few hundred. */
#define PAUSES_BETWEEN_LOOKS 5

/* Spins before the thread lets others run, and yields before a wait counts as a deadlock (minutes).
 */
#define SPINS_BEFORE_YIELD  200
#define YIELDS_BEFORE_PANIC (1u << 26)

/* A yield of so many cycles has let somebody in who does not yield in turn: the processors have
 * other work. Then the thread sleeps instead, for so many turns of so long; each stands for the
 * yields that take as long where nobody else wants to run, or a deadlock would be told hours later
 * then. */
#define LONG_YIELD       1000000u
#define SLEEP_TURNS      1000
#define SLEEP_NSEC       50000
#define YIELDS_PER_SLEEP 20

__thread unsigned hosted_cpu;
__thread struct mm_cpu *hosted_cpu_memory;

/* Each CPU's memory, and the thread that plays the CPU: where its copy of that is. */
static struct mm_cpu *memories[CPU_MAX];
static struct mm_cpu **players[CPU_MAX];
static struct quick {
    unsigned long words[CPU_QUICK_WORDS] __attribute__((aligned(128)));
} quick[CPU_MAX];
static pthread_mutex_t player_lock = PTHREAD_MUTEX_INITIALIZER;
struct hosted_memory hosted_memory;
uint32_t hosted_online = 1;
void (*hosted_interrupt)(uint32_t cpus);
bool (*hosted_ask)(unsigned cpu, bool (*step)(struct mm_cpu *, void *arg), void *arg, bool wait);
void (*kpanic_hook)(const char *message);

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static bool log_quiet;
static bool log_inside_line;

/* ---- set-up ---- */

void
hosted_init(void *arena, size_t bytes, pfn_t base)
{
    ASSERT(((uintptr_t)arena & PAGE_MASK) == 0 && (bytes & PAGE_MASK) == 0);
    hosted_memory = (struct hosted_memory){.start = (uintptr_t)arena,
                                           .mapped = bytes,
                                           .base = base.n,
                                           .bytes = bytes,
                                           .frame_base = base.n & ~1023ul};
    hosted_memory.direct =
        hosted_memory.start - ((hosted_memory.base - hosted_memory.frame_base) << PAGE_SHIFT);
    memset(memories, 0, sizeof(memories));
}

void
hosted_limit_direct(pfn_t first_without_address)
{
    unsigned long frames = first_without_address.n - hosted_memory.base;

    ASSERT(frames <= hosted_memory.bytes >> PAGE_SHIFT);
    hosted_memory.mapped = (uintptr_t)frames << PAGE_SHIFT;
}

unsigned long *
cpu_quick(unsigned cpu)
{
    return quick[cpu].words;
}

/* The calling thread's segment register leads to a CPU's words from now on. */
#ifdef __x86_64__
static void
lead_to_quick(unsigned cpu)
{
    long error = syscall(SYS_arch_prctl, ARCH_SET_GS, &quick[cpu]);
    ASSERT(error == 0);
}
#else
static void
lead_to_quick(unsigned cpu)
{
    static __thread struct user_desc segment = {
        .entry_number = ~0u, .limit = sizeof(quick[0]) - 1, .seg_32bit = 1, .useable = 1};
    segment.base_addr = (uintptr_t)&quick[cpu];
    long error = syscall(SYS_set_thread_area, &segment);
    ASSERT(error == 0);
    __asm__ volatile("mov %0, %%fs" : : "r"(segment.entry_number << 3 | 3));
}
#endif

/* A thread plays no CPU any more; `memory` is its copy. */
static void
stop_playing(void *memory)
{
    pthread_mutex_lock(&player_lock);
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        if (players[cpu] == memory)
            players[cpu] = NULL;
    pthread_mutex_unlock(&player_lock);
}

/* Calls stop_playing when a thread that has played a CPU ends. */
static pthread_key_t player_key;

static void
make_player_key(void)
{
    int error = pthread_key_create(&player_key, stop_playing);
    ASSERT(error == 0);
}

void
hosted_set_cpu(unsigned cpu)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    ASSERT(cpu < CPU_MAX);
    pthread_once(&once, make_player_key);
    stop_playing(&hosted_cpu_memory);
    pthread_mutex_lock(&player_lock);
    players[cpu] = &hosted_cpu_memory;
    hosted_cpu_memory = memories[cpu];
    hosted_cpu = cpu;
    pthread_mutex_unlock(&player_lock);
    lead_to_quick(cpu);
    pthread_setspecific(player_key, &hosted_cpu_memory);
}

void
cpu_set_memory(unsigned cpu, struct mm_cpu *memory)
{
    pthread_mutex_lock(&player_lock);
    memories[cpu] = memory;
    if (players[cpu])
        *players[cpu] = memory;
    if (hosted_cpu == cpu) { /* who has not said which CPU he plays plays the first */
        hosted_cpu_memory = memory;
        lead_to_quick(cpu);
    }
    pthread_mutex_unlock(&player_lock);
}

bool
cpu_ask(unsigned cpu, bool (*step)(struct mm_cpu *, void *arg), void *arg, bool wait)
{
    if (hosted_ask && cpu != hosted_cpu)
        return hosted_ask(cpu, step, arg, wait);
    return (wait || cpu == hosted_cpu) && step(memories[cpu], arg);
}

void
hosted_quiet(bool quiet)
{
    pthread_mutex_lock(&log_lock);
    log_quiet = quiet;
    pthread_mutex_unlock(&log_lock);
}

/* ---- locks ---- */

/* Lets other threads run; returns for how many yields it stands. Who yields on a busy machine waits
 * until those who are in turn have used up their time; who sleeps is let in soon after he wakes. */
static unsigned
give_way(void)
{
    static const struct timespec moment = {.tv_nsec = SLEEP_NSEC};
    static __thread unsigned sleeps;
    unsigned long long start;

    if (sleeps != 0) {
        sleeps--;
        nanosleep(&moment, NULL);
        return YIELDS_PER_SLEEP;
    }
    start = __builtin_ia32_rdtsc();
    sched_yield();
    if (__builtin_ia32_rdtsc() - start > LONG_YIELD)
        sleeps = SLEEP_TURNS;
    return 1;
}

void
spin_relax(void)
{
    tlb_answer();
    give_way();
}

/* Returns with the lock taken. Reads until it looks free, so that waiters do not fight over the
 * cache line, and lets other threads run now and then: there may be more of them than processors.
 */
void
hosted_spin_wait(struct spinlock *lock)
{
    unsigned spins = 0;
    unsigned yields = 0;

    do {
        while (spin_is_locked(lock)) {
            tlb_answer();
            for (unsigned i = 0; i < PAUSES_BETWEEN_LOOKS; i++)
                cpu_pause();
            if (++spins < SPINS_BEFORE_YIELD)
                continue;
            spins = 0;
            yields += give_way();
            if (yields >= YIELDS_BEFORE_PANIC)
                kpanic("spinlock %p is never given back", (void *)lock);
        }
    } while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE));
}

/* ---- the log ---- */

/* Prints text with "# " at the head of each line. The caller holds log_lock. */
static void
log_text(const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        bool ends = text[length] == '\n';

        if (!log_inside_line)
            fputs("# ", stdout);
        fwrite(text, 1, length + ends, stdout);
        log_inside_line = !ends;
        text += length + ends;
    }
}

void
klog_v(const char *format, va_list args)
{
    char text[1024];

    vsnprintf(text, sizeof(text), format, args);
    pthread_mutex_lock(&log_lock);
    if (!log_quiet)
        log_text(text);
    pthread_mutex_unlock(&log_lock);
}

/* ---- the end ---- */

void
symbol_name(const void *code, char *text, size_t size)
{
    snprintf(text, size, "%p", code);
}

unsigned
stack_walk(const void **calls, unsigned most)
{
    void *found[64];
    int count = backtrace(found, most < 63 ? (int)most + 1 : 64);

    for (int i = 1; i < count; i++) /* the first is in here */
        calls[i - 1] = found[i];
    return count > 0 ? (unsigned)count - 1 : 0;
}

void
kpanic(const char *format, ...)
{
    char message[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (kpanic_hook)
        kpanic_hook(message);
    fflush(stdout);
    printf("%s# panic: %s\n", log_inside_line ? "\n" : "", message);
    fflush(stdout);
    fprintf(stderr, "panic: %s\n", message);
    abort();
}

/* ---- leaks ---- */

void (*hosted_roots)(void (*read)(const void *from, const void *to));

void
leak_roots(void (*read)(const void *from, const void *to))
{
    if (hosted_roots)
        hosted_roots(read);
}

/* ---- page tables of programs ---- */

void (*hosted_tlb_flush)(uintptr_t va);

/* A program has no kernel above it. */
void
pagetable_copy_kernel(void *directory)
{
    (void)directory;
}

uint64_t
pagetable_kernel_pointer(void)
{
    return 0;
}
