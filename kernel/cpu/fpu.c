/* fpu.c - the registers of x87 and SSE: saved and loaded only for tasks that use them.
 *
 * Each CPU's `fpu_owner` is the task whose values are in its registers. For any other task CR0.TS
 * is set, so that its first FPU instruction is a fault (vector 7): only then the owner's registers
 * are saved and its own are loaded. A task that never computes with fractions costs nothing, and
 * one that does costs nothing as long as no other does. With several CPUs a task may go on on
 * another one, so its registers are saved when it gives up its CPU.
 *
 *   CPU with FXSR   FXSAVE, 512 bytes, x87 and SSE; CR4.OSFXSR lets programs use SSE
 *   other           FNSAVE, 108 bytes
 *   no FPU          CR0.EM stays set and an FPU instruction is SIGILL
 *
 * Source: Intel SDM volume 3, chapter 13; volume 1, 8.1 and 10.2.
 */
#include <string.h>
#include "cpu.h"
#include "fpu.h"
#include "platform.h"
#include "signal.h"
#include "slab.h"
#include "trap.h"
#include "uapi/errno.h"

#define CONTROL_START 0x37F  /* all exceptions masked, 64 bits of precision */
#define MXCSR_START   0x1F80 /* all exceptions masked */

static struct kmem_cache *cache;
static bool extended;
static uint32_t mxcsr_mask = 0xFFBF;

static size_t
state_size(void)
{
    return extended ? sizeof(struct fxsave_image) : sizeof(struct fnsave_image);
}

static void
lock(void)
{
    write_cr0(read_cr0() | CR0_TS);
    THIS_CPU_WRITE(fpu_locked, 1);
}

static void
unlock(void)
{
    __asm__ volatile("clts");
    THIS_CPU_WRITE(fpu_locked, 0);
}

/* FNSAVE clears the registers, so what it saved is not in them any more. */
static void
save(struct fpu_state *state)
{
    if (extended)
        __asm__ volatile("fxsave %0" : "=m"(state->fxsave));
    else
        __asm__ volatile("fnsave %0; fwait" : "=m"(state->fnsave));
}

/* FRSTOR looks first whether an exception waits in the registers: that may be one of a task that
 * has ended, and would hit the kernel. FXRSTOR does not look. */
static void
load(const struct fpu_state *state)
{
    if (extended)
        __asm__ volatile("fxrstor %0" : : "m"(state->fxsave));
    else
        __asm__ volatile("fnclex; frstor %0" : : "m"(state->fnsave));
}

/* A program's first state: nothing of any other program is in the registers. */
static void
fill_start(struct fpu_state *state)
{
    memset(state, 0, state_size());
    if (extended) {
        state->fxsave.control = CONTROL_START;
        state->fxsave.mxcsr = MXCSR_START;
    } else {
        state->fnsave.control = CONTROL_START;
        state->fnsave.tag = 0xFFFF; /* all are empty */
    }
}

/* Brings the owner's state into its memory; nobody owns the registers then. */
static void
evict(void)
{
    unlock();
    if (THIS_CPU_READ(fpu_owner) != NULL)
        save(THIS_CPU_READ(fpu_owner)->fpu);
    THIS_CPU_WRITE(fpu_owner, NULL);
}

bool
fpu_extended(void)
{
    return extended;
}

void
fpu_leave(const struct task *task)
{
    if (task != THIS_CPU_READ(fpu_owner))
        return;
    evict();
    lock();
}

void
fpu_switch(const struct task *task)
{
    if (task == THIS_CPU_READ(fpu_owner)) {
        if (THIS_CPU_READ(fpu_locked))
            unlock();
    } else if (!THIS_CPU_READ(fpu_locked)) {
        lock();
    }
}

const struct fpu_state *
fpu_get(void)
{
    const struct task *task = task_current();

    if (THIS_CPU_READ(fpu_owner) == task) {
        evict();
        lock();
    }
    return task->fpu;
}

/* A reserved bit of MXCSR would make FXRSTOR fail. */
int
fpu_set(const struct fpu_state *state)
{
    struct task *task = task_current();

    if (cache == NULL)
        return 0; /* no FPU: whatever a program says its state is, it has none */
    if (task->fpu == NULL)
        task->fpu = kmem_cache_alloc(cache);
    if (task->fpu == NULL)
        return -ENOMEM;
    if (THIS_CPU_READ(fpu_owner) == task)
        THIS_CPU_WRITE(fpu_owner, NULL);
    if (!THIS_CPU_READ(fpu_locked))
        lock();
    memcpy(task->fpu, state, state_size());
    if (extended)
        task->fpu->fxsave.mxcsr &= mxcsr_mask;
    return 0;
}

unsigned
fpu_exceptions(bool simd)
{
    const struct fpu_state *state = fpu_get();

    if (state == NULL)
        return 0;
    if (simd)
        return state->fxsave.mxcsr & ~(state->fxsave.mxcsr >> 7) & FPU_EXCEPTIONS;
    if (extended)
        return state->fxsave.status & ~(unsigned)state->fxsave.control & FPU_EXCEPTIONS;
    return state->fnsave.status & ~state->fnsave.control & FPU_EXCEPTIONS;
}

void
fpu_reset(void)
{
    struct task *task = task_current();

    if (task->fpu == NULL)
        return;
    if (THIS_CPU_READ(fpu_owner) == task) {
        THIS_CPU_WRITE(fpu_owner, NULL);
        lock();
    }
    fill_start(task->fpu);
}

int
fpu_copy(struct task *child)
{
    const struct fpu_state *state = fpu_get();

    child->fpu = NULL;
    if (state == NULL)
        return 0;
    child->fpu = kmem_cache_alloc(cache);
    if (child->fpu == NULL)
        return -ENOMEM;
    memcpy(child->fpu, state, state_size());
    return 0;
}

void
fpu_drop(struct task *task)
{
    if (task->fpu == NULL)
        return;
    if (THIS_CPU_READ(fpu_owner) == task) {
        THIS_CPU_WRITE(fpu_owner, NULL);
        lock();
    }
    kmem_cache_free(cache, task->fpu);
    task->fpu = NULL;
}

/* With interrupts on, as who looks for memory may have to wait for it; the task may be on another
 * CPU afterwards. */
static void
make_state(struct task *task)
{
    interrupts_enable();
    task->fpu = kmem_cache_alloc(cache);
    (void)interrupts_disable();
}

/* An FPU instruction while CR0.TS is set. */
static void
not_available(struct trap_frame *frame)
{
    struct task *task = task_current();
    bool first = task->fpu == NULL;

    if (!trap_from_user(frame))
        trap_unexpected(frame);
    if (first)
        make_state(task);
    if (task->fpu == NULL) {
        signal_fault(SIGBUS, BUS_ADRERR, frame->eip, frame);
        return;
    }
    evict();
    if (first)
        fill_start(task->fpu);
    load(task->fpu);
    THIS_CPU_WRITE(fpu_owner, task);
}

/* ---- what the CPU has ---- */

/* FNINIT leaves a status of zero where there is an FPU. CR0.EM is clear meanwhile. */
static bool
answers(void)
{
    uint16_t status = 0x5A5A;

    __asm__ volatile("fninit; fnstsw %0" : "+m"(status));
    return status == 0;
}

static bool
present(void)
{
    bool there;

    write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP);
    there = cpu_features.has_cpuid ? cpu_features.fpu : answers();
    if (!there)
        write_cr0(read_cr0() | CR0_EM);
    return there;
}

/* Zero stands for the mask of the first CPUs with SSE. */
static void
learn_mxcsr_mask(void)
{
    static struct fpu_state state __attribute__((aligned(16)));

    save(&state);
    if (state.fxsave.mxcsr_mask != 0)
        mxcsr_mask = state.fxsave.mxcsr_mask;
}

void
fpu_init(void)
{
    if (!present())
        return;
    extended = cpu_features.fxsr;
    if (extended)
        write_cr4(read_cr4() | CR4_OSFXSR | (cpu_features.sse ? CR4_OSXMMEXCPT : 0));
    if (cpu_features.sse)
        learn_mxcsr_mask();
    cache = kmem_cache_create("fpu", state_size(), 16, 0, NULL);
    if (cache == NULL)
        kpanic("fpu: no memory for the states of tasks");
    lock();
    trap_register(TRAP_NO_FPU, not_available);
}

void
fpu_start(uint32_t cr0)
{
    write_cr0(cr0);
    if (cache != NULL)
        lock();
}
