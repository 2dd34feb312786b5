/* test_smp.c - CPUs that call one another, tick, and stand still. */
#include "census.h"
#include "console.h"
#include "io.h"
#include "ktest.h"
#include "platform.h"
#include "pmm.h"
#include "programs.h"
#include "sched.h"
#include "smp.h"
#include "timer.h"
#include "vga.h"
#include "wait_queue.h"
#include "workers.h"

#define PATIENCE_TICKS 500

static unsigned calls[CPU_MAX];
static bool wrong;

static uint32_t
others(void)
{
    return cpus_online() & ~(1u << cpu_current());
}

static void
count_call(void *arg)
{
    calls[cpu_current()]++;
    if (arg != &wrong || cpu_interruptible() || THIS_CPU_READ(self) != cpu_by_id[cpu_current()])
        wrong = true;
}

KTEST(smp, calls)
{
    if (cpu_count() == 1)
        SKIP("one CPU");
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        calls[cpu] = 0;
    wrong = false;
    for (unsigned i = 0; i < 100; i++) {
        cpu_call(cpus_online(), count_call, &wrong);
        cpu_call(others(), count_call, &wrong);
    }
    cpu_call(1u << cpu_current(), count_call, &wrong);
    cpu_call(0, count_call, &wrong);
    CHECK(!wrong && cpu_interruptible());
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        CHECK_EQ(calls[cpu], cpu == cpu_current() ? 101 : cpus_online() >> cpu & 1 ? 200 : 0);
}

/* Ticks that the others have counted, all together. */
static uint32_t
ticks_of_others(void)
{
    uint32_t sum = 0;

    for (uint32_t left = others(); left != 0; left &= left - 1) {
        const struct sched_counts *counts = &run_queues[__builtin_ctz(left)].counts;

        sum += *(const volatile uint32_t *)&counts->user +
               *(const volatile uint32_t *)&counts->kernel +
               *(const volatile uint32_t *)&counts->idle;
    }
    return sum;
}

/* True when they count `ticks` more before patience ends. */
static bool
others_tick(uint32_t ticks, uint32_t patience)
{
    uint32_t before = ticks_of_others(), start = timer_ticks();

    while (timer_ticks() - start < patience) {
        if (ticks_of_others() - before >= ticks)
            return true;
        cpu_pause();
    }
    return false;
}

KTEST(smp, stand_still)
{
    if (cpu_count() == 1)
        SKIP("one CPU");
    CHECK(others_tick(10, PATIENCE_TICKS));
    for (unsigned i = 0; i < 3; i++) {
        cpus_park();
        cpus_park();
        CHECK(!others_tick(1, 5));
        cpu_call(others(), count_call, &wrong); /* they answer nevertheless */
        cpus_unpark();
        CHECK(!others_tick(1, 5));
        cpus_unpark();
        CHECK(others_tick(1, PATIENCE_TICKS));
    }
}

/* ---- looking while others change ---- */

#define WORD_FRAMES 32u /* the buddy's words: no CPU keeps chunks of that size */

static bool enough;

static void
change_words(void)
{
    paddr_t held[8];

    while (!__atomic_load_n(&enough, __ATOMIC_RELAXED)) {
        for (unsigned i = 0; i < ARRAY_LENGTH(held); i++)
            held[i] = pmm_alloc_pages(WORD_FRAMES);
        for (unsigned i = 0; i < ARRAY_LENGTH(held); i++)
            if (held[i] != 0)
                pmm_free_pages(held[i], WORD_FRAMES);
    }
    worker_end();
}

KTEST(smp, census_of_frames_that_change)
{
    static uint8_t bytes[4096];
    uint32_t start = timer_ticks();

    if (cpu_count() == 1)
        SKIP("one CPU");
    enough = false;
    CHECK(worker_start(change_words, others()));
    while (timer_ticks() - start < 100)
        for (unsigned long frame = 0, done = 1; done > 0; frame += done)
            done = census_frames(pfn(frame), bytes, sizeof(bytes));
    __atomic_store_n(&enough, true, __ATOMIC_RELAXED);
    workers_wait();
}

/* ---- a program that computes on another CPU ---- */

PROGRAM(compute, "1: jmp 1b");

static void (*kick)(unsigned cpu);
static uint32_t kicked; /* a bit for each CPU */

static void
note_kick(unsigned cpu)
{
    (void)__atomic_fetch_or(&kicked, 1u << cpu, __ATOMIC_RELAXED);
    kick(cpu);
}

static struct task *computing;

static void
confine_to_second(struct process *process)
{
    computing = process->threads;
    computing->affinity = 2;
}

static bool
computes(void)
{
    uint32_t start = timer_ticks();

    while (__atomic_load_n(&run_queues[1].running, __ATOMIC_RELAXED) != computing &&
           timer_ticks() - start < PATIENCE_TICKS)
        cpu_pause();
    return run_queues[1].running == computing;
}

/* One round. False: a tick came in between and told it first, or nobody did. */
static bool
is_reminded(void)
{
    int pid = start_program(PROGRAM_OF(compute), confine_to_second);
    bool began = pid > 0 && computes();

    kick = sched_kick;
    kicked = 0;
    sched_kick = note_kick;
    if (pid > 0) {
        task_mark(computing, TASK_WORK_EXIT);
        task_kill(computing);
    }
    sched_kick = kick;
    if (pid > 0)
        process_wait(pid);
    return began && (kicked & 2) != 0;
}

/* It is told to end at once, and not by its next tick. */
KTEST(smp, who_computes_is_reminded)
{
    bool reminded = false;

    if (cpu_count() == 1)
        SKIP("one CPU");
    for (unsigned round = 0; round < 10 && !reminded; round++)
        reminded = is_reminded();
    CHECK(reminded);
}

/* ---- a task that waits for a CPU ---- */

static unsigned ran_on;

static void
tell_cpu(void)
{
    __atomic_store_n(&ran_on, cpu_current(), __ATOMIC_RELEASE);
    worker_end();
}

/* It waits behind this test, which does not give its CPU up; another one comes by and takes it. */
KTEST(smp, who_waits_is_taken)
{
    uint32_t start;

    if (cpu_count() == 1)
        SKIP("one CPU");
    ran_on = CPU_MAX;
    CHECK(worker_start(tell_cpu, 1u << cpu_current()));
    run_queues[cpu_current()].first->affinity = cpus_online();
    for (start = timer_ticks(); timer_ticks() - start < PATIENCE_TICKS;)
        if (__atomic_load_n(&ran_on, __ATOMIC_ACQUIRE) != CPU_MAX)
            break;
    workers_wait();
    CHECK(ran_on != cpu_current());
}

/* ---- the idle task of the first CPU waits for a task on another ---- */

static struct spinlock lock;
static struct wait_queue waiting;
static bool over, ticked;

/* Three ticks, or so many milliseconds without. */
static void
look_at_ticks(void)
{
    uint32_t start = timer_ticks();
    unsigned long state;

    for (unsigned i = 0; i < PATIENCE_TICKS * 10 && timer_ticks() - start < 3; i++)
        timer_delay(1000);
    state = spin_lock(&lock);
    ticked = timer_ticks() - start >= 3;
    over = true;
    task_wake_all(&waiting);
    spin_unlock(&lock, state);
    worker_end();
}

static bool
ticks_come_meanwhile(void)
{
    unsigned long state;

    over = ticked = false;
    if (!worker_start(look_at_ticks, others()))
        return false;
    state = spin_lock(&lock);
    while (!over) {
        (void)task_sleep_unlock(&waiting, TASK_SLEEPING_HARD, 0, &lock, state);
        state = spin_lock(&lock);
    }
    spin_unlock(&lock, state);
    workers_wait();
    return ticked;
}

/* It is woken when its CPU has nobody else: that may not keep it from its next halt. */
KTEST(smp, idle_task_waits_twice)
{
    if (cpu_count() == 1)
        SKIP("one CPU");
    CHECK(ticks_come_meanwhile());
    CHECK(ticks_come_meanwhile());
}

/* ---- the view is scrolled while another CPU prints ---- */

#define SCROLLS       500u
#define SCROLL_PAUSE  300u   /* looks, so that the other finds the lock free */
#define SCREEN_PORT   0x63  /* in the BIOS data area */
#define CURSOR        0x0E  /* and the next: registers behind the port */
#define COLUMNS       80u
#define SHIFT_PRESSED 0x2A
#define RELEASED      0x80
#define GREY          0xE0
#define PAGE_DOWN     0x51

static uint32_t rounds_begun, rounds_ended;

/* Rows that differ in both bytes of the cursor's place. */
static unsigned
row_of(uint32_t round)
{
    return round % 2 * 8;
}

/* Prints a letter at the start of a row in each round. */
static void
print_letters(void)
{
    for (uint32_t round = 1; round <= SCROLLS; round++) {
        char text[] = {'\033', '[', (char)('1' + row_of(round)), 'H', 'x'};
        unsigned long state;

        while (__atomic_load_n(&rounds_begun, __ATOMIC_ACQUIRE) != round)
            cpu_pause();
        state = console_lock();
        vga_write(text, sizeof(text));
        console_unlock(state);
        __atomic_store_n(&rounds_ended, round, __ATOMIC_RELEASE);
    }
    worker_end();
}

static void
press(const uint8_t *codes, size_t count)
{
    unsigned long state = interrupts_disable();

    for (size_t i = 0; i < count; i++)
        (void)console_input_scancode(codes[i]);
    interrupts_restore(state);
}

static unsigned
screen_register(uint8_t index)
{
    uint16_t port = bios_data_word(SCREEN_PORT);

    outb(port, index);
    return inb((uint16_t)(port + 1));
}

static unsigned
cursor(void)
{
    unsigned long state = console_lock();
    unsigned at = screen_register(CURSOR) << 8 | screen_register(CURSOR + 1);

    console_unlock(state);
    return at;
}

/* Shift-PgDn until the other has printed; true when the cursor stands behind its letter. */
static bool
cursor_follows(uint32_t round)
{
    static const uint8_t codes[] = {GREY, PAGE_DOWN, GREY, PAGE_DOWN | RELEASED};

    __atomic_store_n(&rounds_begun, round, __ATOMIC_RELEASE);
    do {
        press(codes, sizeof(codes));
        for (unsigned i = 0; i < SCROLL_PAUSE; i++)
            cpu_pause();
    } while (__atomic_load_n(&rounds_ended, __ATOMIC_ACQUIRE) != round);
    return cursor() == row_of(round) * COLUMNS + 1;
}

KTEST(smp, screen_scrolled_while_another_prints)
{
    static const uint8_t shift[] = {SHIFT_PRESSED}, release[] = {SHIFT_PRESSED | RELEASED};
    unsigned long state;
    unsigned wrong_places = 0;

    if (cpu_count() == 1)
        SKIP("one CPU");
    if (!console_has_screen())
        SKIP("no screen");
    rounds_begun = rounds_ended = 0;
    CHECK(worker_start(print_letters, others()));
    press(shift, sizeof(shift));
    for (uint32_t round = 1; round <= SCROLLS; round++)
        wrong_places += !cursor_follows(round);
    press(release, sizeof(release));
    workers_wait();
    state = console_lock();
    vga_clear();
    console_unlock(state);
    CHECK_EQ(wrong_places, 0);
}
