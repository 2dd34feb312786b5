/* ipi.c - messages from CPU to CPU.
 *
 * Each CPU has a word of bits, one for each kind of message. Who sends sets a bit; who finds that none
 * was set before also raises the interrupt, since only then nobody else has. The receiver takes all
 * bits at once and does what each stands for.
 *
 *   sender                              receiver
 *   write what it is about              interrupt, or ipi_answer
 *   sent |= bit  ─── was 0 ──► APIC ──► bits = sent, sent = 0
 *                                       handler of each bit
 *
 * A call on other CPUs is a message of the kind IPI_CALL with one record for all; who wants to make
 * another waits meanwhile, answering others' messages.
 *
 * What stops the CPUs at a panic is no such message but an NMI: it reaches a CPU whose interrupts are
 * off too.
 *
 * Locks: `call.caller`, a word of its own, taken before nothing else.
 */
#include "apic.h"
#include "cpu.h"
#include "platform.h"
#include "smp.h"
#include "tlb.h"
#include "trap.h"

static uint32_t online = 1;

static void (*handlers[IPI_KINDS])(void);
static bool stopping;

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

    if (__atomic_fetch_or(&to->sent, 1u << kind, __ATOMIC_ACQ_REL) == 0)
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

/* ---- the end ---- */

static void
non_maskable(struct trap_frame *frame)
{
    if (!__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
        trap_unexpected(frame);
    cpu_halt();
}

void
cpus_stop(void)
{
    if (cpu_count() == 1 || __atomic_exchange_n(&stopping, true, __ATOMIC_ACQ_REL))
        return;
    apic_send_nmi();
}

void
ipi_init(void)
{
    trap_register(TRAP_IPI, interrupt);
    trap_register(TRAP_NMI, non_maskable);
    ipi_register(IPI_CALL, answer_call);
    ipi_register(IPI_TLB, tlb_answer);
}
