/* test_task.c - processes and threads: fork, exit, wait, sleep, futex, by programs of a few
 * instructions. Each ends with a code that says which step failed; 0 is good.
 */
#include <string.h>
#include "programs.h"
#include "cpu.h"
#include "ktest.h"
#include "mm.h"
#include "sched.h"
#include "signal.h"
#include "timer.h"

#define CALL(number) "mov $" #number ", %eax; int $0x80;"
#define EXIT(code)   "mov $" #code ", %ebx;" CALL(1)

/* Three children, codes 5 each; the parent sums them up. */
PROGRAM(three_children, "mov $3, %edi; xor %ebp, %ebp\n"
                        "1: " CALL(2) "test %eax, %eax; jz 3f\n"
                        "dec %edi; jnz 1b; mov $3, %edi\n"
                        "2: mov $-1, %ebx; mov $0x200000, %ecx; xor %edx, %edx; xor %esi, %esi\n"
                        CALL(114) "test %eax, %eax; js 4f; add 0x200001, %ebp; dec %edi; jnz 2b\n"
                        CALL(114) "cmp $-10, %eax; jne 4f\n" /* -ECHILD: no more */
                        "mov %ebp, %ebx; and $0xFF, %ebx;" CALL(1)
                        "3: " EXIT(5)
                        "4: " EXIT(99));

KTEST(task, fork_exit_wait)
{
    CHECK_EQ(run_program(PROGRAM_OF(three_children)), 15 << 8);
}

/* The parent must not see the child's store, and the child shares nothing. */
PROGRAM(private_memory, "movl $1, 0x200000;" CALL(2) "test %eax, %eax; jz 1f\n"
                        "mov %eax, %ebx; xor %ecx, %ecx; xor %edx, %edx; " CALL(7)
                        "mov 0x200000, %ebx;" CALL(1)
                        "1: movl $7, 0x200000;" EXIT(0));

KTEST(task, fork_copies_memory)
{
    CHECK_EQ(run_program(PROGRAM_OF(private_memory)), 1 << 8);
}

/* vfork: the child's store is there when the parent goes on, and it goes on after the exit only. */
PROGRAM(vfork, "movl $1, 0x200000;" CALL(190) "test %eax, %eax; jz 1f\n"
               "mov 0x200000, %ebx;" CALL(1)
               "1: " CALL(158) "movl $9, 0x200000;" EXIT(0));

KTEST(task, vfork_waits)
{
    CHECK_EQ(run_program(PROGRAM_OF(vfork)), 9 << 8);
}

/* A thread on its own stack adds to a word; the first thread waits for its end by the word that the
 * kernel clears: CLONE_VM|FS|FILES|SIGHAND|THREAD|CHILD_CLEARTID|PARENT_SETTID. */
PROGRAM(thread, "mov $0x00310F00 | 0, %ebx; mov $0x30F000, %ecx\n"
                "mov $0x200010, %edx; mov $0x200010, %edi; xor %esi, %esi;" CALL(120)
                "test %eax, %eax; jz 2f; js 3f; mov %eax, %ebp\n"
                "1: mov 0x200010, %edx; test %edx, %edx; jz 4f\n"
                "push %ebp; mov $0x200010, %ebx; xor %ecx, %ecx; xor %esi, %esi;" CALL(240) "pop %ebp; jmp 1b\n"
                "2: addl $20, 0x200020; mov $1, %ebx;" CALL(1)
                "3: " EXIT(99)
                "4: mov 0x200020, %ebx;" CALL(1));

KTEST(task, thread_and_join)
{
    CHECK_EQ(run_program(PROGRAM_OF(thread)), 20 << 8);
}

/* A hog that only counts, and a second process that must get its turn to end: the first kills
 * nobody, it waits for the other by spinning on a shared clock: the process ends when waited for.
 */
PROGRAM(preempted, CALL(2) "test %eax, %eax; jz 2f\n"
                   "mov %eax, %ebx\n"
                   "1: mov $0x200000, %ecx; mov $1, %edx;" CALL(7) "test %eax, %eax; jz 1b\n"
                   "js 3f; " EXIT(0)
                   "2: mov $5000000, %ecx; 4: dec %ecx; jnz 4b;" EXIT(0)
                   "3: " EXIT(1));

KTEST(task, preemption)
{
    CHECK_EQ(run_program(PROGRAM_OF(preempted)), 0);
}

PROGRAM(sleep, "movl $0, 0x200000; movl $30000000, 0x200004; mov $0x200000, %ebx; xor %ecx, %ecx;"
               CALL(162) "mov %eax, %ebx;" CALL(1));

KTEST(task, nanosleep)
{
    uint32_t before = timer_ticks(), idle = sched_sum().idle;

    CHECK_EQ(run_program(PROGRAM_OF(sleep)), 0);
    CHECK(timer_ticks() - before >= 3);
    CHECK(sched_sum().idle > idle); /* the CPU was halted meanwhile */
}

/* %gs:4 is a word of its own: base 0x200000 through an entry that the kernel picks. */
PROGRAM(segment, "movl $-1, 0x200100; movl $0x200000, 0x200104; movl $0xFFFFF, 0x200108\n"
                 "movl $0x51, 0x20010C; mov $0x200100, %ebx;" CALL(243)
                 "test %eax, %eax; jnz 1f; cmpl $6, 0x200100; jne 1f\n"
                 "mov $0x33, %eax; mov %ax, %gs; movl $17, %gs:4;" CALL(158) CALL(2)
                 "test %eax, %eax; jz 2f; mov %eax, %ebx; mov $0x200200, %ecx; xor %edx, %edx;" CALL(7)
                 "mov 0x200201, %ebx; add %gs:4, %ebx;" CALL(1)
                 "2: mov %gs:4, %ebx;" CALL(1)
                 "1: " EXIT(99));

KTEST(task, thread_area)
{
    CHECK_EQ(run_program(PROGRAM_OF(segment)), 34 << 8);
}

/* A return to virtual-8086 mode is the kernel's only; QEMU forgets that. */
PROGRAM(virtual, "push $0; push $0; push $0; push $0; push $0; push $0x1000; push $0x23202\n"
                 "push $0x4500; push $0x3F; iret");

KTEST(task, no_virtual_mode)
{
    CHECK_EQ(run_program(PROGRAM_OF(virtual)), SIGSEGV);
}

/* The descriptor goes while GS still holds its selector: the return to ring 3 loads nothing. */
PROGRAM(stale, "movl $6, 0x200100; movl $0x200000, 0x200104; movl $0xFFFFF, 0x200108\n"
               "movl $0x51, 0x20010C; mov $0x200100, %ebx;" CALL(243)
               "mov $0x33, %eax; mov %ax, %gs; movl $0, 0x200104; movl $0, 0x200108\n"
               "movl $0x28, 0x20010C;" CALL(243) "test %eax, %eax; jnz 1f\n"
               "mov %gs, %eax; movzwl %ax, %ebx;" CALL(1)
               "1: " EXIT(99));

KTEST(task, stale_segment)
{
    CHECK_EQ(run_program(PROGRAM_OF(stale)), 0);
}

/* The same with SS: the program goes on with the ordinary stack segment. */
PROGRAM(stale_stack, "movl $6, 0x200100; movl $0, 0x200104; movl $0xFFFFF, 0x200108\n"
                     "movl $0x51, 0x20010C; mov $0x200100, %ebx;" CALL(243)
                     "mov $0x33, %eax; mov %ax, %ss; movl $0, 0x200108; movl $0x28, 0x20010C;" CALL(243)
                     "test %eax, %eax; jnz 1f; mov %ss, %eax; movzwl %ax, %ebx;" CALL(1)
                     "1: " EXIT(99));

KTEST(task, stale_stack_segment)
{
    CHECK_EQ(run_program(PROGRAM_OF(stale_stack)), USER_DATA << 8);
}

/* Two processes compute with different numbers and let each other run between the steps. */
PROGRAM(fpu, "fninit; fld1; fld1; faddp;" CALL(2) "test %eax, %eax; jnz 1f; fld1; faddp\n"
             "1: mov %eax, %edi; mov $50, %ebp\n"
             "2: " CALL(158) "fld1; faddp; dec %ebp; jnz 2b\n"
             "fistpl 0x200000; test %edi, %edi; jz 3f\n"
             "mov %edi, %ebx; mov $0x200010, %ecx; xor %edx, %edx;" CALL(7)
             "mov 0x200011, %ebx; add 0x200000, %ebx;" CALL(1)
             "3: mov 0x200000, %ebx;" CALL(1));

KTEST(task, fpu_state)
{
    if (read_cr0() & CR0_EM)
        SKIP("no FPU");
    CHECK_EQ(run_program(PROGRAM_OF(fpu)), (52 + 53) << 8);
}

/* Ends with an exception that it asked for (1 / 0) and that no instruction has met yet. */
PROGRAM(fpu_exception, "fninit; movl $0x37B, 0x200000; fldcw 0x200000; fld1; fldz; fdivrp;" EXIT(0));

KTEST(task, fpu_exception_left_behind)
{
    if (read_cr0() & CR0_EM)
        SKIP("no FPU");
    CHECK_EQ(run_program(PROGRAM_OF(fpu_exception)), 0);
    CHECK_EQ(run_program(PROGRAM_OF(fpu)), (52 + 53) << 8);
}

/* A frame of nobody's with a state of the FPU in it, whether there is one or not. */
PROGRAM(forged, "movl $0x200200, 0x200054; movl $0x310000, 0x200024\n"
                "movl $(1f - program_forged_start + 0x100000), 0x200040; mov $0x200008, %esp\n"
                "mov $119, %eax; int $0x80\n"
                "1: " EXIT(7));

KTEST(task, fpu_state_of_chance)
{
    CHECK_EQ(run_program(PROGRAM_OF(forged)), 7 << 8);
}

/* Fork, a word written by the child, wait: at each allocation that fails, -ENOMEM and nothing lost.
 */
PROGRAM(fork_once, CALL(2) "test %eax, %eax; jz 1f; js 2f\n"
                   "mov %eax, %ebx; xor %ecx, %ecx; xor %edx, %edx;" CALL(7) EXIT(1)
                   "1: " EXIT(0)
                   "2: neg %eax; mov %eax, %ebx;" CALL(1));

static unsigned long fail_in;

static void
let_fail(struct process *process)
{
    process->threads->fail_in = fail_in;
}

static int
run_failing(struct program program, unsigned long n)
{
    int pid;

    fail_in = n;
    pid = start_program(program, let_fail);
    return pid < 0 ? pid : process_wait(pid);
}

/* One success does not say that no allocation was left to fail: a slab that gets no frames finds
 * objects that the CPU keeps. */
#define SUCCESSES 4

KTEST(task, fork_with_each_allocation_failing)
{
    unsigned failed = 0, succeeded = 0;

    for (unsigned long n = 1; n < 100 && succeeded < SUCCESSES; n++) {
        int status = run_failing(PROGRAM_OF(fork_once), n);

        if (status == 1 << 8) {
            succeeded++;
            continue;
        }
        CHECK_EQ(status, 12 << 8); /* ENOMEM */
        succeeded = 0;
        failed++;
    }
    CHECK(failed >= 3);
    CHECK_EQ(succeeded, SUCCESSES);
    CHECK_EQ(run_failing(PROGRAM_OF(fork_once), 0), 1 << 8);
}

/* Forks until it is refused, all children waiting in pause(2)'s stead: nanosleep for ever. */
PROGRAM(bomb, "xor %ebp, %ebp; movl $1000, 0x200000\n"
              "1: " CALL(2) "test %eax, %eax; jz 2f; js 3f; inc %ebp; jmp 1b\n"
              "2: mov $0x200000, %ebx; xor %ecx, %ecx;" CALL(162) EXIT(0)
              "3: neg %eax; mov %eax, %ebx;" CALL(252));

static void
end_all(void)
{
    for (struct process *process = process_list; process != NULL; process = process->next) {
        for (struct task *task = process->threads; task != NULL; task = task->next_thread) {
            task->work |= TASK_WORK_EXIT;
            task_interrupt(task);
        }
    }
    while (process_list != NULL)
        task_idle();
}

/* How a program ends on a machine that takes 40 tasks. */
static int
run_crowded(struct program program)
{
    unsigned limit = task_limit;
    int status;

    task_limit = 40;
    status = run_program(program);
    task_limit = limit;
    end_all();
    return status;
}

KTEST(task, fork_bomb)
{
    if (process_list != NULL)
        SKIP("programs are running");
    CHECK_EQ(run_crowded(PROGRAM_OF(bomb)), 11 << 8); /* EAGAIN */
    CHECK_EQ(task_count, 0);
}

/* Forks children that end at once, and waits for none: 98 when it is never refused. */
PROGRAM(zombies, "mov $100, %ebp\n"
                 "1: " CALL(2) "test %eax, %eax; jz 2f; js 3f;" CALL(158) "dec %ebp; jnz 1b;" EXIT(98)
                 "2: " EXIT(0)
                 "3: neg %eax; mov %eax, %ebx;" CALL(252));

KTEST(task, zombies_count_too)
{
    if (process_list != NULL)
        SKIP("programs are running");
    CHECK_EQ(run_crowded(PROGRAM_OF(zombies)), 11 << 8);
    CHECK_EQ(zombie_count, 0);
}

/* Its parent, who leaves a child that computes for ever, ends: the kernel, which waits for the
 * parent in the idle task, hears of it. */
PROGRAM(hog, CALL(2) "test %eax, %eax; jz 1f;" EXIT(3) "1: jmp 1b");

KTEST(task, idle_task_has_its_turn)
{
    int status;

    if (process_list != NULL)
        SKIP("programs are running");
    status = run_program(PROGRAM_OF(hog));
    end_all();
    CHECK_EQ(status, 3 << 8);
}

/* It is woken by an interrupt while it idles: the next time it halts again, and hears the next one. */
KTEST(task, idle_task_sleeps_again)
{
    struct wait_queue nobody = {0};
    uint32_t before = timer_ticks(), idle = sched_sum().idle;

    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(task_sleep(&nobody, 2), -ETIMEDOUT);
    CHECK(timer_ticks() - before >= 3);
    CHECK(sched_sum().idle > idle);
}

/* The parent of a child that shares its memory ends first: the space is the child's now. */
PROGRAM(heir, "mov $0x111, %ebx; mov $0x30F000, %ecx; xor %edx, %edx; xor %esi, %esi; xor %edi, %edi;" CALL(120)
              "test %eax, %eax; jz 1f; mov %eax, %ebx;" CALL(1)
              "1: movl $1000, 0x200000; mov $0x200000, %ebx; xor %ecx, %ecx;" CALL(162) EXIT(0));

KTEST(task, shared_space_has_an_heir)
{
    struct process *heir;
    bool owns, orphan;

    if (process_list != NULL)
        SKIP("programs are running");
    run_program(PROGRAM_OF(heir));
    heir = process_list;
    CHECK(heir != NULL);
    owns = heir->space->owner == heir;
    orphan = heir->orphan && heir->parent == &process_zero;
    end_all();
    CHECK(owns);
    CHECK(orphan);
}

/* A page that it had in common with a child is written to. */
PROGRAM(faulty, CALL(2) "test %eax, %eax; jz 1f\n"
                "mov %eax, %ebx; xor %ecx, %ecx; xor %edx, %edx;" CALL(7)
                "1: movl $1, 0x200000;" EXIT(0));

static struct process *watched;
static struct address_space *watched_space;

static void
watch(struct process *process)
{
    watched = process_get(process->pid);
    watched_space = process_get_space(process);
}

/* Who reads /proc holds a space at the moment at which its process ends. */
KTEST(task, faults_of_a_space_that_is_held)
{
    unsigned long faults;
    int pid = start_program(PROGRAM_OF(faulty), watch);

    CHECK(pid > 0);
    process_wait(pid);
    faults = watched->minor_faults;
    process_put(watched);
    space_put(watched_space);
    CHECK(faults > 0);
}

/* CLONE_PARENT of process 1: nobody would wait for that child. */
PROGRAM(sibling, "mov $0x8011, %ebx; xor %ecx, %ecx; xor %edx, %edx; xor %esi, %esi; xor %edi, %edi;" CALL(120)
                 "neg %eax; mov %eax, %ebx;" CALL(1));

KTEST(task, no_sibling_for_the_first)
{
    CHECK_EQ(run_program(PROGRAM_OF(sibling)), 22 << 8); /* EINVAL */
}

static bool found;

static void
look_for(struct process *process)
{
    found = process_find(process->pid) == process && task_find(process->pid) == process->threads;
}

KTEST(task, numbers)
{
    int pid = start_program(PROGRAM_OF(fork_once), look_for);

    CHECK(pid > 0);
    CHECK(found);
    CHECK_EQ(process_wait(pid), 1 << 8);
    CHECK(process_find(pid) == NULL && task_find(pid) == NULL);
    CHECK_EQ(process_wait(pid), -10); /* ECHILD */
}

/* A child is known by its number before it runs: a key, an alarm or another CPU may send it
 * signals. */
KTEST(task, signal_before_the_start)
{
    struct task *task = task_create(return_to_user);

    CHECK(task != NULL);
    task_interrupt(task);
    task_kill(task);
    CHECK_EQ(task->state, TASK_READY);
    task_discard(task);
}

/* ---- signals ---- */

/* Two threads that sleep. */
PROGRAM(pair, "movl $1000, 0x200000; mov $0x10F00, %ebx; mov $0x30F000, %ecx; xor %edx, %edx\n"
              "xor %esi, %esi; xor %edi, %edi;" CALL(120)
              "mov $0x200000, %ebx; xor %ecx, %ecx;" CALL(162));

/* A thread but this one that is to see the signal; NULL: none. */
static struct task *
told_but(const struct process *process, const struct task *one)
{
    struct task *task = process->threads;

    while (task != NULL && (task == one || !(task->work & TASK_WORK_SIGNAL)))
        task = task->next_thread;
    return task;
}

/* On another CPU a thread that is told would look at once. */
static void
keep_here(struct process *process)
{
    process->threads->affinity = 1u << cpu_current();
}

/* One that has been told of a signal to the process ends before it has looked: the other one is
 * told. */
KTEST(task, signals_of_one_who_ends)
{
    int pid = start_program(PROGRAM_OF(pair), keep_here);
    struct task *first, *second;
    struct process *process;
    unsigned long state;

    CHECK(pid > 0);
    process = process_get(pid);
    while (process->thread_count < 2)
        task_idle();
    state = spin_lock(&process_lock);
    signal_process_locked(process, SIGTERM);
    first = told_but(process, NULL);
    signal_leave(first);
    second = told_but(process, first);
    spin_unlock(&process_lock, state);
    CHECK(second != NULL);
    CHECK_EQ(process_wait(pid), SIGTERM);
    process_put(process);
}

/* ---- timers ---- */

#define TIMERS 4

static unsigned fired[TIMERS];
static struct tick_timer timers[TIMERS];

static void
fire(struct tick_timer *timer)
{
    fired[timer - timers]++;
}

KTEST(task, tick_timers)
{
    uint32_t now = timer_ticks();

    memset(fired, 0, sizeof(fired));
    for (unsigned i = 0; i < TIMERS; i++) {
        timers[i] = (struct tick_timer){.fire = fire};
        tick_timer_set(&timers[i], now + 2 + i * 64); /* one slot, a round each */
    }
    tick_timer_cancel(&timers[2]);
    tick_timer_set(&timers[1], now - 5);
    while (timer_ticks() - now < 4)
        task_idle();
    CHECK_EQ(fired[0], 1);
    CHECK_EQ(fired[1], 1);
    CHECK_EQ(fired[2], 0);
    CHECK_EQ(fired[3], 0);
    CHECK(!timers[0].armed && !timers[1].armed && !timers[2].armed && timers[3].armed);
    tick_timer_cancel(&timers[3]);
}
