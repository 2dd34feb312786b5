/* tlb.c - translations on many CPUs: who may remember what, and how it is taken from him.
 *
 * Each space has a mask of the CPUs that walk its tables (space->cpus). A CPU puts its bit in
 * before it loads CR3 and takes it out after it has loaded another: loading CR3 forgets all that is
 * not global. So a CPU whose bit is not set remembers nothing of the space, and is left alone.
 *
 * A CPU without a program to run (idle, or in a task of the kernel) *rests*: it keeps CR3, and
 * touches no user address until it is active again. It is not interrupted either: it finds a note.
 *
 *   who takes rights away                         who may have them
 *
 *   W1 change the entries (not present)           A1 active = space         A1' space->cpus |= me
 *   W2 read space->cpus; of those that rest:      A2 note there? forget     A2' load CR3
 *        leave a note, look whether they          A3 use addresses          A3  use addresses
 *        still do
 *   W3 ask the others, interrupt them             H1 interrupt: forget the range
 *   W4 wait for all answers                       H2 answer
 *   W5 free what the entries held
 *
 * Why that is right. Between W1 and W2, A1 and A2, A1' and A2' stands a full barrier (a locked
 * instruction). So either W2 sees the bit or the active space and asks, or A2 sees the note, or the
 * walks behind A2' see W1. The note is a Dekker pair of its own: W2 writes the note and then reads
 * `active`, A1 writes `active` and then reads the note. One of the two sees the other.
 * Nothing can be remembered anew behind H1: the entries are not present since W1, and nobody fills
 * them in before W5, because whoever changes tables has the space's lock.
 *
 * A range costs one interrupt for each CPU that has it, whatever its length: the entries of the
 * whole range stop being present first and keep their frames (paging.h), then all CPUs are asked at
 * once, then the frames go.
 *
 * Tables. A CPU may walk at any time, so a page table is freed only when the directory's entry is
 * gone for everybody. A CPU that rests would only find its note later; it is asked as the others
 * are, and leaves the space: it loads the kernel's directory. So does who rests when the space gets
 * a copy of a table that it shared: the others may free that without asking him. That is also how a
 * space ends.
 *
 * Waiting. Each CPU has one question at a time (`waiting` in its struct tlb_cpu) and the others'
 * bits stand in it, so askers share no lock. Two CPUs that ask each other, or wait with interrupts
 * off, answer while they wait; so does who spins for a lock (spin_relax). Therefore who asks may
 * hold some: a page table's, an object's, a zone's.
 *
 * I1. A CPU that walks a space's tables has its bit in the space's mask.
 * I2. After tlb_shoot no other CPU uses what it was called for, before it is active again.
 *
 * Cost: one test of the mask when no other CPU has the space.
 */
#include "tlb.h"
#include "space.h"

#define FLUSH_ALL 32 /* pages from which on forgetting everything is cheaper */

struct tlb_cpu tlb_cpus[CPU_MAX];

/* ---- which space ---- */

/* The CPU walks other tables from now on, and has forgotten what it knew. An interrupt may come in
 * between that makes it leave (tlb_answer); then there is no old one any more. */
static inline void
load(unsigned id, struct address_space *space, paddr_t directory)
{
    struct tlb_cpu *cpu = &tlb_cpus[id];
    struct address_space *old;

    vm_counters[id].cr3_loads++;
    load_directory(directory);
    old = __atomic_exchange_n(&cpu->loaded, space, __ATOMIC_ACQ_REL);
    if (old != NULL)
        __atomic_fetch_and(&old->cpus, ~(1u << id), __ATOMIC_RELEASE);
}

/* It walks the kernel's own. */
static __attribute__((noinline)) void
leave(void)
{
    load(cpu_current(), NULL, kernel_directory());
}

void
space_activate(struct address_space *space)
{
    unsigned id = cpu_current();
    struct tlb_cpu *cpu = &tlb_cpus[id];

    __atomic_store_n(&cpu->active, space, __ATOMIC_SEQ_CST);
    if (UNLIKELY(space == NULL)) {
        leave();
    } else if (LIKELY(space != cpu->loaded)) {
        __atomic_fetch_or(&space->cpus, 1u << id, __ATOMIC_SEQ_CST);
        load(id, space, space->directory_at);
    } else if (__atomic_load_n(&cpu->stale, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&cpu->stale, 0, __ATOMIC_SEQ_CST);
        vm_count(tlb_flush_all);
        tlb_flush_all();
    }
}

void
space_rest(void)
{
    __atomic_store_n(&tlb_cpus[cpu_current()].active, NULL, __ATOMIC_RELEASE);
}

/* ---- answers ---- */

static void
forget(uintptr_t start, uintptr_t end)
{
    if (end <= USER_END && end - start > FLUSH_ALL * PAGE_SIZE) {
        tlb_flush_all();
        return;
    }
    for (; start < end; start += PAGE_SIZE)
        tlb_flush_page(start);
}

static void
answer(struct tlb_cpu *asker)
{
    struct tlb_cpu *cpu = &tlb_cpus[cpu_current()];

    vm_count(tlb_answers);
    forget(asker->start, asker->end);
    if (asker->leave != NULL && asker->leave == cpu->loaded && cpu->active == NULL)
        leave();
    __atomic_fetch_and(&asker->waiting, ~cpu_bit(), __ATOMIC_RELEASE);
}

/* Interrupts off: one between question and answer could answer in our place, and what we then
 * answer would be the asker's next question, to which we have not listened. */
void
tlb_answer(void)
{
    unsigned long flags = interrupts_disable();

    for (struct tlb_cpu *asker = tlb_cpus; asker < tlb_cpus + CPU_MAX; asker++)
        if (__atomic_load_n(&asker->waiting, __ATOMIC_ACQUIRE) & cpu_bit())
            answer(asker);
    interrupts_restore(flags);
}

/* ---- questions ---- */

/* Interrupts are off: one in between could ask itself, for an allocation may have to. */
static void
ask(uint32_t cpus, uintptr_t start, uintptr_t end, struct address_space *leave)
{
    unsigned long flags = interrupts_disable();
    struct tlb_cpu *cpu = &tlb_cpus[cpu_current()];

    ASSERT(cpu->waiting == 0);
    vm_count(tlb_shootdowns);
    cpu->start = start;
    cpu->end = end;
    cpu->leave = leave;
    __atomic_store_n(&cpu->waiting, cpus, __ATOMIC_SEQ_CST);
    cpu_interrupt(cpus);
    while (__atomic_load_n(&cpu->waiting, __ATOMIC_ACQUIRE) != 0) {
        tlb_answer();
        spin_relax();
    }
    interrupts_restore(flags);
}

/* Those of `cpus` that do not rest; the others find a note. */
static uint32_t
leave_notes(uint32_t cpus)
{
    for (unsigned i = 0; i < CPU_MAX; i++) {
        if (!(cpus >> i & 1) || __atomic_load_n(&tlb_cpus[i].active, __ATOMIC_SEQ_CST) != NULL)
            continue;
        __atomic_store_n(&tlb_cpus[i].stale, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&tlb_cpus[i].active, __ATOMIC_SEQ_CST) == NULL)
            cpus &= ~(1u << i);
    }
    return cpus;
}

void
tlb_shoot(struct address_space *space, uintptr_t start, uintptr_t end, bool tables)
{
    uint32_t cpus = tlb_others(space);

    if (!tables)
        cpus = leave_notes(cpus);
    if (cpus != 0)
        ask(cpus, start, end, tables ? space : NULL);
}

void
tlb_shoot_all(uintptr_t start, uintptr_t end)
{
    uint32_t cpus = cpus_online() & ~cpu_bit();

    if (cpus != 0)
        ask(cpus, start, end, NULL);
}

/* A CPU on its way out of the space by itself takes its bit away when it is through. */
void
tlb_evict(struct address_space *space)
{
    struct tlb_cpu *cpu = &tlb_cpus[cpu_current()];

    ASSERT(cpu->active != space);
    if (cpu->loaded == space)
        leave();
    if (__atomic_load_n(&space->cpus, __ATOMIC_ACQUIRE) == 0)
        return;
    tlb_shoot(space, 0, USER_END, true);
    while (__atomic_load_n(&space->cpus, __ATOMIC_ACQUIRE) != 0)
        spin_relax();
}
