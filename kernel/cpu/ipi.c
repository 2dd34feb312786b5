/* ipi.c - messages from CPU to CPU.
 *
 * Each CPU has a word of bits, one for each kind of message. Who sends sets a bit; who finds that
 * none was set before also raises the interrupt, since only then nobody else has. The receiver
 * takes all bits at once and does what each stands for.
 *
 *   sender                              receiver
 *   write what it is about              interrupt, or ipi_answer
 *   sent |= bit  ─── was 0 ──► APIC ──► bits = sent, sent = 0
 *                                       handler of each bit
 *
 * A call on other CPUs is a message of the kind IPI_CALL with one record for all; who wants to make
 * another waits meanwhile, answering others' messages.
 *
 * With the boot option ipi_delay a question about translations raises no interrupt: its bit waits
 * for the receiver's next tick, or for a message of another kind. Who does not wait for the answer
 * is found out.
 *
 * Standing still (cpus_park) is for looking at the kernel's memory while nobody changes it. A CPU
 * does so where it runs no kernel code; the message only makes it come there soon.
 *
 * What stops the CPUs at a panic is no such message but an NMI: it reaches a CPU whose interrupts
 * are off too.
 *
 * Locks: `call.caller`, a word of its own, taken before nothing else.
 */
#include "apic.h"
#include "cmdline.h"
#include "cpu.h"
#include "io.h"
#include "platform.h"
#include "smp.h"
#include "task.h"
#include "tlb.h"
#include "trap.h"

/* Looks until others should stand still, and microseconds until they should have stopped. */
#define PATIENCE 100000000u
#define STOP_US  20000

/* How often a CPU is asked by who cannot wait for it (cpu_ask). */
#define QUESTIONS 64

static uint32_t online = 1;

static void (*handlers[IPI_KINDS])(void);
static uint32_t late; /* kinds that raise no interrupt, a bit for each */
static bool stopping;
static uint32_t stopped; /* a bit for each that has obeyed; atomic */

static struct {
    uint32_t caller;  /* 0: nobody calls */
    void (*function)(void *arg);
    void *arg;
    uint32_t waits_for; /* they have not done it yet */
} call;

uint32_t
cpus_online(void)
{
    return __atomic_load_n(&online, __ATOMIC_ACQUIRE);
}

void
cpu_set_online(unsigned cpu)
{
    cpus_running++;
    (void)__atomic_fetch_or(&online, 1u << cpu, __ATOMIC_RELEASE);
}

void
cpu_interrupt(uint32_t cpus)
{
    ipi_send_mask(cpus, IPI_TLB);
}

void
ipi_register(enum ipi kind, void (*handler)(void))
{
    handlers[kind] = handler;
}

void
ipi_send(unsigned cpu, enum ipi kind)
{
    struct cpu *to = cpu_by_id[cpu];
    uint32_t bit = 1u << kind, before = __atomic_fetch_or(&to->sent, bit, __ATOMIC_ACQ_REL);

    if ((bit & late) == 0 && (before & ~late) == 0)
        apic_send(to->apic_id, TRAP_IPI);
}

void
ipi_send_mask(uint32_t cpus, enum ipi kind)
{
    cpus &= online & ~(1u << cpu_current());
    for (; cpus != 0; cpus &= cpus - 1)
        ipi_send((unsigned)__builtin_ctz(cpus), kind);
}

void
ipi_answer(void)
{
    struct cpu *me = cpu_self();
    uint32_t kinds;

    if (__atomic_load_n(&me->sent, __ATOMIC_RELAXED) == 0)
        return;
    kinds = __atomic_exchange_n(&me->sent, 0, __ATOMIC_ACQ_REL);
    for (; kinds != 0; kinds &= kinds - 1) {
        void (*handler)(void) = handlers[__builtin_ctz(kinds)];

        if (handler != NULL)
            handler();
    }
}

static void
interrupt(struct trap_frame *frame)
{
    (void)frame;
    apic_end();
    ipi_answer();
}

/* ---- calls ---- */

static void
answer_call(void)
{
    uint32_t me = 1u << cpu_current();

    if (!(__atomic_load_n(&call.waits_for, __ATOMIC_ACQUIRE) & me))
        return;
    call.function(call.arg);
    __atomic_fetch_and(&call.waits_for, ~me, __ATOMIC_RELEASE);
}

static void
call_others(uint32_t others, void (*function)(void *arg), void *arg)
{
    while (!word_claim(&call.caller)) {
        ipi_answer();
        cpu_pause();
    }
    call.function = function;
    call.arg = arg;
    __atomic_store_n(&call.waits_for, others, __ATOMIC_RELEASE);
    ipi_send_mask(others, IPI_CALL);
    while (__atomic_load_n(&call.waits_for, __ATOMIC_ACQUIRE) != 0) {
        ipi_answer();
        cpu_pause();
    }
    __atomic_store_n(&call.caller, 0, __ATOMIC_RELEASE);
}

void
cpu_call(uint32_t cpus, void (*function)(void *arg), void *arg)
{
    unsigned long flags = interrupts_disable();
    uint32_t me = 1u << cpu_current(), others = cpus & online & ~me;

    if (others != 0)
        call_others(others, function, arg);
    if (cpus & me)
        function(arg);
    interrupts_restore(flags);
}

/* What a CPU is asked to do with what mm/ has for it. */
struct question {
    bool (*step)(struct mm_cpu *cpu, void *arg);
    void *arg;
    bool done;
};

/* Not amid a wait for a spinlock: who waits may hold another, which the step would wait for. */
static void
answer_question(void *arg)
{
    struct question *question = arg;

    if (!THIS_CPU_READ(relaxing))
        question->done = question->step(cpu_memory(), question->arg);
}

bool
cpu_ask(unsigned cpu, bool (*step)(struct mm_cpu *, void *arg), void *arg, bool wait)
{
    struct question question = {step, arg, false};

    ASSERT(!wait || cpu_interruptible());
    for (unsigned tries = 0; !question.done && (wait || tries < QUESTIONS); tries++)
        cpu_call(1u << cpu, answer_question, &question);
    return question.done;
}

/* ---- standing still ---- */

bool cpus_parking;

static uint32_t parker; /* the CPU that wants it */
static unsigned depth;  /* by how many callers there, one in the other */
static uint32_t parked; /* a bit for each that stands still; atomic */

/* A task is on its way to ring 3 only when it has something to do there. */
static void
ask_to_park(void)
{
    if (task_current()->space != NULL)
        task_mark(task_current(), TASK_WORK_PARK);
}

void
cpu_park(void)
{
    unsigned long flags = interrupts_disable();
    uint32_t me = 1u << cpu_current();

    if (__atomic_load_n(&parker, __ATOMIC_ACQUIRE) != me) {
        (void)__atomic_fetch_or(&parked, me, __ATOMIC_RELEASE);
        while (__atomic_load_n(&cpus_parking, __ATOMIC_ACQUIRE)) {
            ipi_answer();
            cpu_pause();
        }
        (void)__atomic_fetch_and(&parked, ~me, __ATOMIC_RELEASE);
    }
    interrupts_restore(flags);
}

/* True when the bits of `cpus` in `parked` have become `wanted`. */
static bool
parked_become(uint32_t cpus, uint32_t wanted)
{
    for (unsigned i = 0; i < PATIENCE; i++) {
        if ((__atomic_load_n(&parked, __ATOMIC_ACQUIRE) & cpus) == wanted)
            return true;
        if (!cpu_interruptible())
            ipi_answer();
        cpu_pause();
    }
    return false;
}

void
cpus_park(void)
{
    uint32_t me = 1u << cpu_current(), others = online & ~me, nobody = 0;

    if (others == 0)
        return;
    while (!__atomic_compare_exchange_n(&parker, &nobody, me, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
        if (nobody == me) {
            depth++;
            return;
        }
        nobody = 0;
        cpu_park();
    }
    depth = 1;
    __atomic_store_n(&cpus_parking, true, __ATOMIC_RELEASE);
    ipi_send_mask(others, IPI_PARK);
    if (!parked_become(others, others))
        klog("cpu: of the others 0x%lx do not come to rest\n",
             (unsigned long)(others & ~__atomic_load_n(&parked, __ATOMIC_RELAXED)));
}

void
cpus_unpark(void)
{
    if (!cpus_parking || --depth != 0)
        return;
    __atomic_store_n(&cpus_parking, false, __ATOMIC_RELEASE);
    (void)parked_become(online, 0);
    __atomic_store_n(&parker, 0, __ATOMIC_RELEASE);
}

/* ---- the end ---- */

static void
non_maskable(struct trap_frame *frame)
{
    if (!__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
        trap_unexpected(frame);
    (void)__atomic_fetch_or(&stopped, 1u << cpu_current(), __ATOMIC_RELEASE);
    cpu_halt();
}

static bool
all_stopped(void)
{
    uint32_t others = online & ~(1u << cpu_current());

    return (__atomic_load_n(&stopped, __ATOMIC_ACQUIRE) & others) == others;
}

void
cpus_stop(void)
{
    if (cpu_count() == 1 || __atomic_exchange_n(&stopping, true, __ATOMIC_ACQ_REL))
        return;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (cpu != cpu_current() && online >> cpu & 1)
            apic_send_nmi(cpu_by_id[cpu]->apic_id);
    }
    for (unsigned i = 0; i < STOP_US && !all_stopped(); i++)
        io_delay();
}

void
ipi_init(void)
{
    trap_register(TRAP_IPI, interrupt);
    trap_register(TRAP_NMI, non_maskable);
    ipi_register(IPI_CALL, answer_call);
    ipi_register(IPI_TLB, tlb_answer);
    ipi_register(IPI_PARK, ask_to_park);
    if (cmdline_flag("ipi_delay"))
        late = 1u << IPI_TLB;
}
