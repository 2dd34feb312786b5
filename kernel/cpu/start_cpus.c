/* start_cpus.c - finds the other CPUs and has them run the kernel.
 *
 * Theory (Intel SDM volume 3, 9.4): after a reset one CPU, the first, runs the firmware; all others
 * wait. INIT puts one into the state after its reset, a start-up message has it begin in real mode
 * in a page below 1 MiB; old ones want the second message twice. One is started at a time:
 *
 *   first CPU                              the other
 *   struct cpu, two stacks, an idle task
 *   INIT, 10 ms, start-up ──────────────►  start_cpu.asm: real mode, paging, its stack
 *                          ◄── HERE ─────  start_cpu_main: its tables, FPU
 *   mm/'s part of it, its bit in
 *   cpus_online            ─── GO ──────►  breakpoints, timer, scheduler
 *
 * HERE and GO stand in the other's struct cpu: one that is held up may look when the next one
 * starts already. One that is not HERE in time gets another INIT, after which it does nothing any
 * more, and is left out with a line in the log. So is one for which there is no memory.
 *
 * A machine with one CPU, or whose first has no local APIC, is not touched.
 */
#include <string.h>
#include "apic.h"
#include "boot.h"
#include "breakpoints.h"
#include "cmdline.h"
#include "cpu.h"
#include "fpu.h"
#include "kmalloc.h"
#include "mm.h"
#include "pagetable.h"
#include "platform.h"
#include "pmm.h"
#include "sched.h"
#include "slab.h"
#include "smp.h"
#include "timer.h"

#define INIT_US   10000
#define RETRY_US  300
#define ANSWER_US 1000000
#define LOOK_US   100

#define LOW_FIRST 1u    /* frame 0 has the BIOS' data */
#define LOW_END   0xA0u /* of the frames where real mode code can begin: video memory */
#define MIB       0x100000u

enum { WAITED_FOR, HERE, GO, GIVEN_UP }; /* cpu->progress */

/* start_cpu.asm */
extern char start_cpu_code[], start_cpu_code_end[];
extern uint32_t start_cpu_stack, start_cpu_tables, start_cpu_kernel, start_cpu_cr4, start_cpu_noexec;
extern struct cpu *start_cpu_structure;
_Noreturn void start_cpu_main(struct cpu *cpu);

static uint32_t cr0, cr4; /* the first CPU's */

/* ---- what the firmware says ---- */

/* The first MiB has an address already; scanning it by the fixmap would be slow. */
static bool
read_physical(void *arg, uint64_t physical, void *into, size_t size)
{
    if (physical >= MIB || size > MIB - physical)
        return boot_source.read(arg, physical, into, size);
    memcpy(into, (const void *)(KERNEL_BASE + (uintptr_t)physical), size);
    return true;
}

/* How many CPUs to run; the log says why it is one. */
static unsigned
find_cpus(struct cpu_tables *tables)
{
    const struct acpi_memory memory = {read_physical, boot_source.arg};
    uint64_t most = CPU_MAX;

    cmdline_number("maxcpus", &most);
    if (!cpu_features.apic) {
        klog("cpu: one CPU: it has no local APIC\n");
        return 1;
    }
    if (!madt_read(&memory, tables) && !mp_tables_read(&memory, tables)) {
        klog("cpu: one CPU: no tables tell of others\n");
        return 1;
    }
    klog("cpu: %u CPU%s by %s, %u I/O APIC%s\n", tables->cpu_count,
         tables->cpu_count == 1 ? "" : "s", tables->source, tables->io_apic_count,
         tables->io_apic_count == 1 ? "" : "s");
    if (most > CPU_MAX)
        most = CPU_MAX;
    if (tables->cpu_count > most) {
        unsigned unused = tables->cpu_count - (most != 0 ? (unsigned)most : 1);

        klog("cpu: %u of them stay%s unused: %s\n", unused, unused == 1 ? "s" : "",
             most < CPU_MAX ? "maxcpus=" : "the kernel drives 8");
    }
    return tables->cpu_count < most ? tables->cpu_count : (unsigned)most;
}
_Static_assert(CPU_MAX == 8, "find_cpus says so");

/* ---- one CPU ---- */

static void
discard(struct cpu *cpu, char *fault_stack)
{
    cpu->queue->idle = cpu->queue->running = NULL;
    if (cpu->task != NULL)
        task_discard(cpu->task);
    if (fault_stack != NULL)
        stack_free(fault_stack);
    kfree(cpu);
}

/* All that it needs before it runs, but for mm/'s part. *fault_stack is for discard. NULL: no
 * memory. */
static struct cpu *
prepare(unsigned id, unsigned of_apic, char **fault_stack)
{
    struct cpu *cpu = kzalloc(sizeof(*cpu));

    if (cpu == NULL)
        return NULL;
    *fault_stack = stack_alloc();
    cpu->task = sched_prepare_cpu(id);
    cpu->id = id;
    cpu->apic_id = of_apic;
    cpu->queue = &run_queues[id];
    if (*fault_stack == NULL || cpu->task == NULL) {
        discard(cpu, *fault_stack);
        return NULL;
    }
    cpu_prepare(cpu, (char *)cpu->task->stack + KERNEL_STACK_SIZE,
                *fault_stack + KERNEL_STACK_SIZE);
    return cpu;
}

static inline uint32_t
progress_of(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->progress, __ATOMIC_ACQUIRE);
}

static inline void
tell(struct cpu *cpu, uint32_t progress)
{
    __atomic_store_n(&cpu->progress, progress, __ATOMIC_RELEASE);
}

static bool
answers_in(const struct cpu *cpu, unsigned microseconds)
{
    for (unsigned passed = 0; passed < microseconds && progress_of(cpu) != HERE; passed += LOOK_US)
        timer_delay(LOOK_US);
    return progress_of(cpu) == HERE;
}

/* True when it runs start_cpu_main. One that is late finds no stack, but if it has just fetched it: then
 * it is on the way. */
static bool
wake(const struct cpu *cpu, pfn_t page)
{
    apic_send_init(cpu->apic_id);
    timer_delay(INIT_US);
    apic_send_start(cpu->apic_id, (unsigned)page.n);
    if (answers_in(cpu, RETRY_US))
        return true;
    apic_send_start(cpu->apic_id, (unsigned)page.n);
    if (answers_in(cpu, ANSWER_US))
        return true;
    if (__atomic_exchange_n(&start_cpu_stack, 0, __ATOMIC_ACQ_REL) == 0 &&
        answers_in(cpu, ANSWER_US))
        return true;
    apic_send_init(cpu->apic_id);
    return false;
}

/* It is here: gives it its part of mm/ and lets it go on. */
static bool
admit(struct cpu *cpu)
{
    cpu_by_id[cpu->id] = cpu;
    if (!mm_cpu_up(cpu->id)) {
        cpu_by_id[cpu->id] = NULL;
        tell(cpu, GIVEN_UP);
        return false;
    }
    cpu_set_online(cpu->id);
    tell(cpu, GO);
    return true;
}

static void
start_one(unsigned of_apic, pfn_t page)
{
    char *fault_stack = NULL;
    struct cpu *cpu = prepare(cpus_running, of_apic, &fault_stack);

    if (cpu == NULL) {
        klog("cpu: no memory for the CPU with APIC id %u, which is left out\n", of_apic);
        return;
    }
    start_cpu_structure = cpu;
    __atomic_store_n(&start_cpu_stack, (uintptr_t)cpu->task->stack + KERNEL_STACK_SIZE,
                     __ATOMIC_RELEASE);
    if (!wake(cpu, page)) {
        klog("cpu: the CPU with APIC id %u does not answer and is left out\n", of_apic);
        discard(cpu, fault_stack);
    } else if (!admit(cpu)) {
        klog("cpu: no memory for the CPU with APIC id %u, which is left out\n", of_apic);
    } else {
        klog("cpu: %u, APIC id %u, runs\n", cpu->id, of_apic);
    }
}

/* The other CPU's first C code, interrupts off, on the stack of its idle task. */
void
start_cpu_main(struct cpu *cpu)
{
    cpu_take(cpu);
    if (cpu_features.has_cpuid)
        write_cr4(cr4);
    fpu_start(cr0);
    tell(cpu, HERE);
    while (progress_of(cpu) == HERE)
        cpu_pause();
    if (progress_of(cpu) == GIVEN_UP)
        cpu_halt();
    breakpoints_take();
    apic_start();
    sched_run_cpu();
}

/* ---- all CPUs ---- */

/* What start_cpu.asm finds. The page of low memory gets the code. */
static void
fill_words(void *low, paddr_t starter)
{
    memcpy(low, start_cpu_code, (size_t)(start_cpu_code_end - start_cpu_code));
    pagetable_fill_starter(frame_to_ptr(paddr_to_pfn(starter)));
    cr0 = read_cr0();
    cr4 = cpu_features.has_cpuid ? read_cr4() : 0;
    start_cpu_tables = (uint32_t)starter;
    start_cpu_kernel = (uint32_t)kernel_directory();
    start_cpu_cr4 = cr4 & ~CR4_PGE;
    start_cpu_noexec = cpu_features.nx && cr4 & CR4_PAE;
}

static void
start_each(const struct cpu_tables *tables, unsigned most, pfn_t low)
{
    unsigned here = apic_id();

    for (unsigned i = 0; i < tables->cpu_count && i < TABLE_CPUS && cpus_running < most; i++) {
        if (tables->cpus[i] != here)
            start_one(tables->cpus[i], low);
    }
}

/* With the two pages that are needed meanwhile. */
static void
start_all(const struct cpu_tables *tables, unsigned most)
{
    pfn_t low = pfn(LOW_FIRST);
    paddr_t starter = pmm_alloc_page_flags(PMM_DIRECT | PMM_ZERO);
    unsigned long taken = pmm_take_free(&low, 1);

    if (starter != 0 && taken != 0 && low.n < LOW_END) {
        fill_words(frame_to_ptr(low), starter);
        start_each(tables, most, low);
    } else {
        klog("cpu: no memory %s: the others are left out\n",
             starter == 0 ? "for page tables" : "below 1 MiB is free");
    }
    if (taken != 0)
        pmm_free_page(pfn_to_paddr(low));
    if (starter != 0)
        pmm_free_page(starter);
}

static void
kick(unsigned cpu)
{
    ipi_send(cpu, IPI_RESCHEDULE);
}

void
cpu_start_others(void)
{
    struct cpu_tables tables;
    unsigned most = find_cpus(&tables);

    if (most <= 1)
        return;
    if (!apic_init(&tables)) {
        klog("cpu: the local APIC cannot be used: the others are left out\n");
        return;
    }
    cpu_self()->apic_id = apic_id();
    ipi_init();
    sched_kick = kick;
    apic_on_tick(sched_tick);
    start_all(&tables, most);
    if (cpu_count() > 1 && !io_apic_init(&tables))
        klog("cpu: no I/O APIC has the timer: the 8259s stay\n");
    klog("cpu: %u run\n", cpu_count());
}
